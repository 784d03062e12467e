"""How w and b are found from X and y: the course's recipe, and the one that needs no tuning.

Knows nothing of pictures or files.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catclf.core.descent import Objective, Step, accelerated_descent, gradient_descent
from catclf.core.design import Standardization, choose_design
from catclf.core.logistic import Array
from catclf.core.selection import Problems, Selection, select
from catclf.errors import TrainingError

CURVE_POINTS = 20  # costs that a record keeps
LIKELY_ITERATIONS = 100  # of the descent that needs no tuning
STRENGTHS = tuple(float(l2) for l2 in np.geomspace(1e-2, 100, 9))  # that folds choose from
FALLBACK_L2 = 0.1  # where there are too few pictures for folds
# Times the cost at the start: a large rate may swing for a while and still arrive.
DIVERGED, ENDED_HIGHER = 1000, 2
TINY = 1e-300  # has a logarithm
FOLD_TOLERANCE = 1e-4  # of the gradient's norm; at 1e-3 small strengths look like larger ones


@dataclass(frozen=True)
class Progress:
    """How far a long piece of work is: `done` of the whole, from 0 to 1, and what was counted.

    cost: J, where that is what is being worked on.
    """

    stage: str
    done: float
    count: int
    unit: str
    cost: float | None = None


Watch = Callable[[Progress], None]  # called often, from one thread


def unwatched(progress: Progress) -> None:
    """Shows nothing."""


@dataclass(frozen=True)
class Recipe:
    """How w and b are found.

    learning_rate None means the schedule that needs no tuning, until the gradient's norm is at
    most `tolerance`; a number means the notes' descent, `iterations` times. Folds choose l2 None.
    calibrated: probabilities are held against what happened out of fold, and the model may say
    that it is unsure.
    """

    name: str
    standardized: bool
    balanced: bool
    learning_rate: float | None
    iterations: int
    l2: float | None
    tolerance: float
    dtype: type[np.floating]
    calibrated: bool


DEFAULT = Recipe("default", True, True, None, 20_000, None, 1e-5, np.float32, True)
COURSE = Recipe("course", False, False, 0.005, 2_000, 0.0, 0.0, np.float64, False)
RECIPES = {"default": DEFAULT, "course": COURSE}


@dataclass(frozen=True)
class Descended:
    """The result: w (n_x,), b and z (m,), the strength, and what the folds found if there were any.

    costs are J at some iterations, the first and the last among them; passed is w and b there, if
    that was asked for.
    """

    w: NDArray[np.float64]  # (n_x,)
    b: float
    z: Array  # (m,)
    l2: float
    selection: Selection | None
    iterations: int
    stopped: str
    cost_iterations: tuple[int, ...]
    costs: tuple[float, ...]
    passed: "Passed | None" = None


@dataclass(frozen=True)
class Passed:
    """Where a descent came by: w (k, n_x) and b (k,)."""

    w: Array
    b: Array


def descend(
    X: Array,
    y: NDArray[np.int8],
    recipe: Recipe,
    fold: NDArray[np.intp] | None,
    watch: Watch,
    keep: bool = False,
) -> Descended:
    """w and b for X (n_x, m) and labels y (m,), X centred and scaled where it stands.

    fold (m,) asks for out-of-fold scores, and lets them choose l2 where the recipe does not say it.
    keep: w and b at each of the costs, which take w's room as often.
    Raises `TrainingError` when the cost grows instead of falling.
    """
    standardization = Standardization.identity(len(X))
    if recipe.standardized:
        standardization = Standardization.fit(X)
        standardization.apply(X)
    m = len(y)
    c = np.ones(m)
    if recipe.balanced:
        c = np.where(y == 1, m / (2 * y.sum()), m / (2 * (m - y.sum())))
    strengths = np.array(STRENGTHS if recipe.l2 is None else [recipe.l2])
    P = 1 if fold is None else len(strengths) * (int(fold.max()) + 1)
    sweeps = recipe.iterations if recipe.learning_rate else LIKELY_ITERATIONS
    design = choose_design(X, standardization, sweeps, P)

    selection = None
    l2 = FALLBACK_L2 if recipe.l2 is None else recipe.l2
    if fold is not None:
        problems = Problems.of(c, fold, strengths)
        # A rate that suits one strength may diverge at another: to choose l2 takes the schedule.
        rate = None if recipe.l2 is None else recipe.learning_rate
        rough = replace(recipe, tolerance=FOLD_TOLERANCE, learning_rate=rate)
        folds = Objective(design, y.astype(np.float64), problems.c, problems.l2)
        last = _follow(folds, rough, "folds", watch)
        selection = select(problems, design.scores(last.theta, last.b), y.astype(np.float64), c)
        l2 = selection.best
    objective = Objective.single(design, y.astype(np.float64), c, l2)
    steps: list[Step] = []
    last = _follow(objective, recipe, "training", watch, steps)

    w, b = design.weights(last.theta, last.b)
    kept = [steps[i] for i in _spread(len(steps), recipe)]
    passed = None
    if keep:
        thetas, offsets = [step.theta for step in kept], [step.b for step in kept]
        passed = Passed(*design.weights(np.concatenate(thetas), np.concatenate(offsets)))
    return Descended(
        w[0].astype(np.float64),
        float(b[0]),
        design.scores(last.theta, last.b)[0],
        l2,
        selection,
        last.iteration,
        _why(last, recipe),
        tuple(step.iteration for step in kept),
        tuple(float(step.cost[0]) for step in kept),
        passed,
    )


def _follow(
    objective: Objective,
    recipe: Recipe,
    stage: str,
    watch: Watch,
    steps: list[Step] | None = None,
) -> Step:
    """The last step of the descent; all go into a list, where one is given."""
    if recipe.learning_rate is None:
        descent = accelerated_descent(objective, recipe.tolerance, recipe.iterations)
    else:
        every = max(1, recipe.iterations // (5 * CURVE_POINTS))
        descent = gradient_descent(objective, recipe.learning_rate, recipe.iterations, every)
    first_cost = first = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # what diverges is named in words
        for step in descent:
            cost, norm = float(step.cost.mean()), float(step.gradient_norm.max())
            first_cost = first_cost or cost
            if steps is not None:
                steps.append(replace(step, theta=step.theta.copy(), b=step.b.copy()))
            last = step.converged or step.iteration == recipe.iterations
            if not cost <= (ENDED_HIGHER if last else DIVERGED) * first_cost:
                what = f"diverged: the cost was {cost:.3g} after {step.iteration:,} iterations"
                do = "take a smaller --learning-rate" if recipe.learning_rate else "raise --l2"
                raise TrainingError(what, do=do)
            first = first or norm
            done = step.iteration / recipe.iterations
            if recipe.learning_rate is None:
                # The norm falls by a constant factor an iteration, more or less.
                whole = np.log(max(first / recipe.tolerance, 2))
                done = float(np.clip(np.log(max(first, TINY) / max(norm, TINY)) / whole, 0, 1))
            watch(Progress(stage, done, step.iteration, "iterations", cost))
    return step


def _why(last: Step, recipe: Recipe) -> str:
    norm = float(last.gradient_norm.max())
    if recipe.learning_rate is not None:
        return f"did the {recipe.iterations:,} iterations asked for; gradient norm {norm:.1e}"
    if last.converged:
        return f"converged in {last.iteration:,} iterations: gradient norm {norm:.1e}"
    return f"not converged after {last.iteration:,} iterations: gradient norm {norm:.1e}"


def _spread(n: int, recipe: Recipe) -> list[int]:
    """Some of n positions, the first and the last among them.

    At a fixed rate evenly spaced, as the course prints them; else at ever larger distances, because
    nearly all of the fall is at the beginning.
    """
    if recipe.learning_rate is None:
        chosen = np.geomspace(1, n, CURVE_POINTS + 1) - 1
    else:
        chosen = np.linspace(0, n - 1, CURVE_POINTS + 1)
    return sorted(set(chosen.round().astype(int).tolist()))
