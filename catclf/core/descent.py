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

from catclf.core.design import Design, Pointwise
from catclf.core.logistic import Array
from catclf.core.losses import CROSS_ENTROPY, Loss

Positions = NDArray[np.intp]
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

        def pointwise(z: Array, columns: slice) -> tuple[Array, Array]:
            y, c_k = self.y[None, columns], c[:, columns]
            return c_k * self.loss.value(z, y), c_k * self.loss.derivative(z, y)

        return pointwise

    def curvature(self, sweeps: int = 8) -> Array:
        """L (P,), close above the largest second derivative of J: 1/L is a safe learning rate.

        The bound is curvature of the loss times λ_max([X; 1] diag(c) [X; 1]') / Σc + l2. Power
        iteration finds λ_max from below, so 2% are added; descent corrects what that misses.
        """
        P, design = len(self.l2), self.design
        c = self.c / self.c.sum(axis=1, keepdims=True)
        noise = np.random.default_rng(0).standard_normal(design.m)  # any start will do, but fixed
        theta: Array = np.zeros((P, design.dim))
        b: Array = np.zeros(P)
        largest = np.zeros(P)
        for sweep in range(sweeps):

            def multiply(z: Array, columns: slice, first: bool = sweep == 0) -> tuple[Array, Array]:
                z = np.broadcast_to(noise[columns], z.shape) if first else z
                return np.zeros_like(z), c[:, columns] * z

            _, theta, b = design.sweep(theta, b, multiply)
            norm = np.sqrt(design.inner(theta, theta) + b**2)
            norm = np.where(norm > 0, norm, 1.0)
            largest = norm if sweep else largest
            theta, b = theta / norm[:, None], b / norm
        return np.asarray(1.02 * self.loss.curvature * largest + self.l2)


def gradient_descent(objective: Objective, learning_rate: float, iterations: int) -> Iterator[Step]:
    """w := w - α dw, b := b - α db, from zero, `iterations` times: the notes' algorithm.

    Yields iterations + 1 steps, the last after the last update.
    """
    design, l2 = objective.design, objective.l2
    theta, b = np.zeros((len(l2), design.dim)), np.zeros(len(l2))
    everyone = np.arange(len(l2))
    for iteration in range(iterations + 1):
        loss, dtheta, db = objective.evaluate(theta, b, everyone)
        squares = _squares(design, theta, dtheta)
        cost = loss + l2 / 2 * squares[0]
        yield Step(iteration, theta, b, cost, np.sqrt(squares[1] + db**2), iteration == iterations)
        theta, b = theta - learning_rate * dtheta, b - learning_rate * db


def _squares(design: Design, *vectors: Array) -> Array:
    """|w|² of each problem of each of the vectors, (len(vectors), P), in one product."""
    t = np.concatenate(vectors)
    return np.maximum(design.inner(t, t), 0).reshape(len(vectors), -1)


def accelerated_descent(
    objective: Objective, tolerance: float = 1e-5, max_iterations: int = 20_000
) -> Iterator[Step]:
    """Gradient descent with rate 1/L, Nesterov's momentum and restart; nothing to tune.

    L starts from the curvature and doubles wherever J rises above the parabola that L promises
    (backtracking). The momentum of a problem starts again when it points uphill. A problem whose
    gradient's norm is at most `tolerance` is frozen; when all are, the last step says `converged`.
    """
    design, l2 = objective.design, objective.l2
    P = len(l2)
    L = objective.curvature()
    at, at_b = np.zeros((P, design.dim)), np.zeros(P)  # where the gradient is taken
    old, old_b = at.copy(), at_b.copy()  # the last iterate, without momentum
    before, before_b = at.copy(), at_b.copy()  # the last point that held, with its cost and slope
    slope, slope_b = np.zeros_like(at), np.zeros(P)
    cost, norm, held = np.full(P, np.inf), np.full(P, np.inf), np.full(P, np.inf)
    t = np.ones(P)
    live = np.arange(P)
    for iteration in range(max_iterations + 1):
        loss, g, g_b = objective.evaluate(at[live], at_b[live], live)
        moved, moved_b = at[live] - before[live], at_b[live] - before_b[live]
        products = design.inner(
            np.concatenate([at[live], g, slope[live], moved, g]),
            np.concatenate([at[live], g, moved, moved, at[live] - old[live]]),
        ).reshape(5, -1)
        square, g_square, descent, distance, uphill = products
        now = loss + l2[live] / 2 * square
        promised = held[live] + descent + slope_b[live] * moved_b
        promised += L[live] / 2 * (distance + moved_b**2) + COST_NOISE * np.abs(now)
        broken = now > promised  # never in the first iteration: nothing is held yet
        fine = live[~broken]

        cost[live], norm[live] = now, np.sqrt(np.maximum(g_square, 0) + g_b**2)
        finished = fine[norm[fine] <= tolerance]
        still = np.setdiff1d(live, finished)
        done = len(still) == 0
        yield Step(iteration, at, at_b, cost.copy(), norm.copy(), done)
        if done:
            return

        before[fine], before_b[fine], held[fine] = at[fine], at_b[fine], cost[fine]
        slope[fine], slope_b[fine] = g[~broken], g_b[~broken]
        L[live[broken]] *= 2
        new = before[live] - slope[live] / L[live, None]
        new_b = before_b[live] - slope_b[live] / L[live]
        # Uphill, or a step taken back: from here on without the momentum gathered so far.
        uphill = uphill + g_b * (at_b[live] - old_b[live]) - (g_square + g_b**2) / L[live]
        restart = broken | (uphill > 0)
        t_new = np.where(restart, 1.0, (1 + np.sqrt(1 + 4 * t[live] ** 2)) / 2)
        momentum = np.where(restart, 0.0, (t[live] - 1) / t_new)
        at, at_b = at.copy(), at_b.copy()  # steps that were handed out stay as they were
        at[live] = new + momentum[:, None] * (new - old[live])
        at_b[live] = new_b + momentum * (new_b - old_b[live])
        old[live], old_b[live], t[live] = new, new_b, t_new
        live = still
