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
FLAT = 0.01  # share of the bound that a second derivative counts as at least
RENEWAL = 30  # iterations until the metric is taken anew; then twice as many, and so on
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
        return Metric.of(self.design.basis(c), self.loss.curvature, self.l2)

    def metric_at(self, theta: Array, b: Array, live: Positions) -> Metric:
        """The second derivative itself where the problems `live` stand, averaged over them."""
        c = self.c[live] / self.c[live].sum(axis=1, keepdims=True)
        z = self.design.scores(theta[live], b[live])
        second = self.loss.second_derivative(z, self.y[None, :])
        curved = (c * np.maximum(second, FLAT * self.loss.curvature)).mean(axis=0)
        k = float(curved.sum())
        return Metric.of(self.design.basis(curved / k), k, self.l2)


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
    `tolerance` is frozen; when all are, the last step says `converged`.
    """
    design, l2 = objective.design, objective.l2
    P = len(l2)
    metric = objective.metric()
    L = np.ones(P)
    at, at_b = np.zeros((P, design.dim)), np.zeros(P)  # where the gradient is taken
    old, old_b = at.copy(), at_b.copy()  # the last iterate, without momentum
    before, before_b = at.copy(), at_b.copy()  # the last point that kept its promise,
    slope, slope_b = np.zeros_like(at), np.zeros(P)  # with its gradient,
    step, step_b = np.zeros_like(at), np.zeros(P)  # the gradient in the metric,
    cost, norm, held = np.full(P, np.inf), np.full(P, np.inf), np.full(P, np.inf)  # and its cost
    t = np.ones(P)
    live = np.arange(P)
    renewal = RENEWAL
    for iteration in range(max_iterations + 1):
        loss, g, g_b = objective.evaluate(at[live], at_b[live], live)
        moved, moved_b = at[live] - before[live], at_b[live] - before_b[live]
        products = design.inner(
            np.concatenate([at[live], g, slope[live], moved]),
            np.concatenate([at[live], g, moved, moved]),
        ).reshape(4, -1)
        square, g_square, descent, distance = products
        now = loss + l2[live] / 2 * square
        promised = held[live] + descent + slope_b[live] * moved_b + COST_NOISE * np.abs(now)
        length = metric.square(moved, distance, live) + metric.of_b * moved_b**2
        broken = now > promised + L[live] / 2 * length  # nothing is held in the first iteration

        cost[live], norm[live] = now, np.sqrt(np.maximum(g_square, 0) + g_b**2)
        still = broken | (norm[live] > tolerance)
        yield Step(iteration, at, at_b, cost.copy(), norm.copy(), not still.any())
        if not still.any():
            return

        live, broken, g, g_b = live[still], broken[still], g[still], g_b[still]
        fine = live[~broken]
        before[fine], before_b[fine], held[fine] = at[fine], at_b[fine], cost[fine]
        slope[fine], slope_b[fine] = g[~broken], g_b[~broken]
        L[live[broken]] *= 2
        changed = fine
        if iteration == renewal and metric.basis.complete:
            metric, renewal = objective.metric_at(before, before_b, live), 2 * renewal
            L[:], t[:], changed = 1.0, 1.0, live
            old, old_b = before.copy(), before_b.copy()
        step[changed] = metric.solve(slope[changed], changed)
        step_b[changed] = slope_b[changed] / metric.of_b
        new = before[live] - step[live] / L[live, None]
        new_b = before_b[live] - step_b[live] / L[live]
        # Uphill, or a step taken back: from here on without the momentum gathered so far.
        uphill = design.inner(slope[live], new - old[live]) + slope_b[live] * (new_b - old_b[live])
        restart = broken | (uphill > 0)
        t_new = np.where(restart, 1.0, (1 + np.sqrt(1 + 4 * t[live] ** 2)) / 2)
        momentum = np.where(restart, 0.0, (t[live] - 1) / t_new)
        at, at_b = at.copy(), at_b.copy()  # steps that were handed out stay as they were
        at[live] = new + momentum[:, None] * (new - old[live])
        at_b[live] = new_b + momentum * (new_b - old_b[live])
        old[live], old_b[live], t[live] = new, new_b, t_new
