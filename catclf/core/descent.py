"""Gradient descent: the notes' fixed learning rate, and a schedule that needs no tuning.

Source: the notes, "Gradient Descent"; Nesterov 1983 for the step with momentum; O'Donoghue and
Candès 2015 for its restart. Both are iterators of `Step`: whoever draws a progress bar or a curve
reads them as they come, and the last one is the result. The objective, for problem p of P:

    J_p = Σ_j c_pj L(z_pj, y_j) / Σ_j c_pj + (l2_p / 2) |w_p|²,    z_pj = w_p'x_j + b_p
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catclf.core.curvature import Metric
from catclf.core.design import Design, Pointwise
from catclf.core.logistic import Array
from catclf.core.losses import CROSS_ENTROPY, Loss

Positions = NDArray[np.intp]
FLAT = 0.001  # share of the bound that a second derivative counts as at least
COST_NOISE = 1e-6  # relative; what float32 products leave uncertain in J is no broken promise


@dataclass(frozen=True)
class Step:
    """Where the descent stands *before* the update of this iteration; P problems side by side."""

    iteration: int
    theta: Array  # (P, dim)
    b: Array  # (P,)
    cost: Array  # (P,)
    gradient_norm: Array  # (P,), of (dw, db)
    converged: bool = False


@dataclass(frozen=True)
class Objective:
    """J and its gradient over a design, for P problems.

    y (m,) is 0 or 1; c (P, m) is not negative, and 0 for an example that a problem must not see;
    l2 (P,) is not negative.
    """

    design: Design
    y: Array
    c: Array
    l2: Array
    loss: Loss = CROSS_ENTROPY

    @classmethod
    def single(
        cls,
        design: Design,
        y: Array,
        c: Array | None = None,
        l2: float = 0.0,
        loss: Loss = CROSS_ENTROPY,
    ) -> "Objective":
        """One problem: c (m,) is 1 for all unless given."""
        c = np.ones(len(y)) if c is None else c
        return cls(design, np.asarray(y, np.float64), c[None, :], np.array([l2]), loss)

    def evaluate(self, theta: Array, b: Array, live: Positions) -> tuple[Array, Array, Array]:
        """Mean loss (P,), dJ/dtheta (P, dim) and dJ/db (P,) of the problems `live`, L2 in both
        derivatives; the caller adds (l2 / 2) |w|² to the loss."""
        J, dtheta, db = self.design.sweep(theta, b, self._pointwise(live))
        return J, dtheta + self.l2[live, None] * theta, db

    def _pointwise(self, live: Positions) -> Pointwise:
        c = self.c[live] / self.c[live].sum(axis=1, keepdims=True)
        y = self.y[None, :]

        def pointwise(z: Array, columns: slice) -> tuple[Array, Array]:
            y_k, c_k = y[:, columns], c[:, columns]
            return c_k * self.loss.value(z, y_k), c_k * self.loss.derivative(z, y_k)

        return pointwise

    def slope(self) -> Pointwise:
        """The same for all problems without the loss, for iterations whose cost nobody reads."""
        c = self.c / self.c.sum(axis=1, keepdims=True)
        y = self.y[None, :]
        unread = np.empty((len(c), 0))

        def pointwise(z: Array, columns: slice) -> tuple[Array, Array]:
            return unread, c[:, columns] * self.loss.derivative(z, y[:, columns])

        return pointwise

    def metric(self) -> Metric:
        """The bound on the second derivative of J: a metric whose unit step is safe, nearly."""
        c = (self.c / self.c.sum(axis=1, keepdims=True)).mean(axis=0)
        return Metric(self.design.curvature(c), self.loss.curvature, self.l2)

    def metric_at(self, theta: Array, b: Array, live: Positions) -> Metric:
        """The second derivative itself where the problems `live` stand, averaged over them."""
        c = self.c[live] / self.c[live].sum(axis=1, keepdims=True)
        z = self.design.scores(theta[live], b[live])
        second = self.loss.second_derivative(z, self.y[None, :])
        curved = (c * np.maximum(second, FLAT * self.loss.curvature)).mean(axis=0)
        k = float(curved.sum())
        return Metric(self.design.curvature(curved / k), k, self.l2)


def gradient_descent(
    objective: Objective, learning_rate: float, iterations: int, every: int = 1
) -> Iterator[Step]:
    """w := w - α dw, b := b - α db, from zero, `iterations` times: the notes' algorithm.

    Yields a step before the first update, one every `every` iterations, and one after the last
    update. The iterations between need no cost and take half as long.
    """
    design, l2 = objective.design, objective.l2
    theta, b = np.zeros((len(l2), design.dim)), np.zeros(len(l2))
    everyone, slope = np.arange(len(l2)), objective.slope()
    for iteration in range(iterations + 1):
        if iteration % every == 0 or iteration == iterations:
            loss, dtheta, db = objective.evaluate(theta, b, everyone)
            squares = _squares(design, theta, dtheta)
            norm = np.sqrt(squares[1] + db**2)
            cost = loss + l2 / 2 * squares[0]
            yield Step(iteration, theta, b, cost, norm, iteration == iterations)
        else:
            _, dtheta, db = design.sweep(theta, b, slope)
            dtheta = dtheta + l2[:, None] * theta if l2.any() else dtheta
        theta, b = theta - learning_rate * dtheta, b - learning_rate * db


def _squares(design: Design, *vectors: Array) -> Array:
    """|w|² of each problem of each of the vectors, (len(vectors), P), in one product."""
    t = np.concatenate(vectors)
    return np.maximum(design.inner(t, t), 0).reshape(len(vectors), -1)


def accelerated_descent(
    objective: Objective, tolerance: float = 1e-5, max_iterations: int = 20_000
) -> Iterator[Step]:
    """Gradient descent in the metric of the curvature, with Nesterov's momentum; nothing to tune.

    A step is 1/L times the gradient in that metric (`curvature.py`), where L starts at 1 and
    doubles wherever J rises above the parabola that L promises (backtracking). The momentum of a
    problem starts again when it points uphill. A problem whose gradient's norm is at most
    `tolerance` is frozen; when all are, the last step says `converged`. Made for centred features:
    the metric takes w and b apart.
    """
    P = len(objective.l2)
    metric = objective.metric()
    now, kept, old = (_Points.zeros(P, objective.design.dim) for _ in range(3))
    L, t = np.ones(P), np.ones(P)
    norm = np.full(P, np.inf)
    live = np.arange(P)
    renewal = metric.lasts  # then twice as many iterations, and so on
    for iteration in range(max_iterations + 1):
        # `now` is where the gradient is taken, `kept` the last such point that held its promise,
        # `old` the last iterate, without momentum.
        norm[live] = now.evaluate(objective, live)
        broken = _breaks_promise(objective.design, metric, L, kept, now, live)
        still = broken | (norm[live] > tolerance)
        yield Step(iteration, now.theta, now.b, now.cost.copy(), norm.copy(), not still.any())
        if not still.any():
            return

        live, broken = live[still], broken[still]
        kept.take(now, live[~broken])
        L[live[broken]] *= 2
        t[live[broken]] = 1.0
        if iteration == renewal:
            metric, renewal = objective.metric_at(kept.theta, kept.b, live), 2 * renewal
            L[:], t[:] = 1.0, 1.0
            old.take(kept, live)
        now = _advance(objective.design, metric, L, t, kept, old, now, live)


@dataclass
class _Points:
    """A point of each problem, with its cost and gradient: theta (P, dim), the others (P,)."""

    theta: Array
    b: Array
    cost: Array
    dtheta: Array
    db: Array

    @classmethod
    def zeros(cls, P: int, dim: int) -> "_Points":
        infinite = np.full(P, np.inf)  # any cost is below what is promised from here
        return cls(np.zeros((P, dim)), np.zeros(P), infinite, np.zeros((P, dim)), np.zeros(P))

    def evaluate(self, objective: Objective, live: Positions) -> Array:
        """Fill in cost and gradient of the problems `live`; their gradients' norms."""
        loss, dtheta, db = objective.evaluate(self.theta[live], self.b[live], live)
        squares = _squares(objective.design, self.theta[live], dtheta)
        self.cost[live] = loss + objective.l2[live] / 2 * squares[0]
        self.dtheta[live], self.db[live] = dtheta, db
        return np.asarray(np.sqrt(squares[1] + db**2))

    def take(self, other: "_Points", problems: Positions) -> None:
        """The points of another for some of the problems."""
        for field in ("theta", "b", "cost", "dtheta", "db"):
            getattr(self, field)[problems] = getattr(other, field)[problems]


def _breaks_promise(
    design: Design, metric: Metric, L: Array, kept: _Points, now: _Points, live: Positions
) -> NDArray[np.bool_]:
    """Whether J rose above kept.J + <gradient, d> + L/2 |d|² in the metric, d = now - kept."""
    d, d_b = now.theta[live] - kept.theta[live], now.b[live] - kept.b[live]
    bent, bent_b = metric.times(d, d_b, live)
    half = L[live] / 2
    slope = kept.dtheta[live] + half[:, None] * bent
    rise = design.inner(slope, d) + (kept.db[live] + half * bent_b) * d_b
    promised = kept.cost[live] + rise
    return np.asarray(now.cost[live] > promised + COST_NOISE * np.abs(now.cost[live]))


def _advance(
    design: Design,
    metric: Metric,
    L: Array,
    t: Array,
    kept: _Points,
    old: _Points,
    now: _Points,
    live: Positions,
) -> _Points:
    """The next points to take gradients at; moves `old` and the momentum t along."""
    step, step_b = metric.solve(kept.dtheta[live], kept.db[live], live)
    new, new_b = kept.theta[live] - step / L[live, None], kept.b[live] - step_b / L[live]
    moved, moved_b = new - old.theta[live], new_b - old.b[live]
    uphill = design.inner(kept.dtheta[live], moved) + kept.db[live] * moved_b > 0
    t_new = np.where(uphill, 1.0, (1 + np.sqrt(1 + 4 * t[live] ** 2)) / 2)
    momentum = np.where(uphill, 0.0, (t[live] - 1) / t_new)
    # A new object: the points that were handed out with a step stay as they were.
    ahead = _Points(now.theta.copy(), now.b.copy(), now.cost, now.dtheta, now.db)
    ahead.theta[live] = new + momentum[:, None] * moved
    ahead.b[live] = new_b + momentum * moved_b
    old.theta[live], old.b[live], t[live] = new, new_b, t_new
    return ahead
