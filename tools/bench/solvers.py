"""Rows of `run.py` about descent: the course's iterations, the optimum, one sweep, folds."""

import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np
from numpy.typing import NDArray
from run import in_turn, rows_of

from catclf.core.descent import Objective, accelerated_descent, gradient_descent
from catclf.core.design import Gram, Primal, Standardization, choose_design
from catclf.core.logistic import Array
from catclf.core.selection import Problems, select
from catclf.data.dataset import open_dataset
from catclf.data.decode import Loading
from catclf.features import SIZES, FeatureName, feature_map, matrix
from catclf.features.cache import Cache

RATE, ITERATIONS = 0.005, 2000
TOLERANCE = 1e-5  # of the gradient's norm, by `slope`
PATIENCE, HOPELESS = 300.0, 1000  # seconds that a peer's solver may take; times ours


def examples_of(
    path: Path, limit: int | None = None, name: FeatureName = "pixels"
) -> tuple[Array, NDArray[np.float64]]:
    """X (n_x, m) float32, every k-th training picture up to the limit, and y (m,)."""
    examples = open_dataset(path).split("train")
    examples = examples[:: max(1, len(examples) // limit)][:limit] if limit else examples
    features = feature_map(name, Loading(SIZES[name]))
    cache = Cache(features) if name == "conv" else None
    columns = matrix(features, [example.source for example in examples], cache=cache)
    if cache:
        cache.save()
    return columns.X, np.array([float(examples[i].label) for i in columns.kept])


def balanced(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Class weights (m,) that sum to m."""
    m = len(y)
    return np.asarray(np.where(y == 1, m / (2 * y.sum()), m / (2 * (m - y.sum()))))


def slope(w: Array, b: float, X: Array, y: Array, c: Array, l2: float) -> float:
    """Norm of (dw, db) in float64, block by block."""
    dw, db = l2 * w.astype(np.float64), 0.0
    for start in range(0, X.shape[1], 2000):
        block = X[:, start : start + 2000].astype(np.float64)
        a = 1 / (1 + np.exp(-(w @ block + b)))
        r = c[start : start + 2000] * (a - y[start : start + 2000]) / c.sum()
        dw += block @ r
        db += float(r.sum())
    return float(np.hypot(np.linalg.norm(dw), db))


def course(data: Path) -> list[str]:
    """2,000 iterations of the course's recipe, from uint8 pictures to w."""
    import torch

    examples = open_dataset(data / "course").split("train")
    pictures = np.stack([np.asarray(example.source.read()) for example in examples])
    y = np.array([float(example.label) for example in examples])
    m = len(y)

    def ours() -> Array:
        X = np.asfortranarray(pictures.reshape(m, -1).T / 255.0)
        design = Gram(X, Standardization.identity(len(X)))
        *_, last = gradient_descent(Objective.single(design, y), RATE, ITERATIONS, ITERATIONS)
        w, _ = design.weights(last.theta, last.b)
        return np.asarray(w[0])

    def assignment() -> Array:
        X, Y = pictures.reshape(m, -1).T / 255.0, y[None, :]
        w, b = np.zeros((X.shape[0], 1)), 0.0
        for _ in range(ITERATIONS):
            A = 1 / (1 + np.exp(-(np.dot(w.T, X) + b)))
            _ = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
            w = w - RATE * np.dot(X, (A - Y).T) / m
            b = b - RATE * float(np.sum(A - Y)) / m
        return np.asarray(w[:, 0])

    def with_torch() -> None:
        X = torch.from_numpy(pictures.reshape(m, -1)).float() / 255
        labels = torch.from_numpy(y).float()
        layer = torch.nn.Linear(X.shape[1], 1)
        optimizer = torch.optim.SGD(layer.parameters(), lr=RATE)
        criterion = torch.nn.BCEWithLogitsLoss()
        for _ in range(ITERATIONS):
            optimizer.zero_grad()
            criterion(layer(X)[:, 0], labels).backward()
            optimizer.step()

    def torch_gram() -> None:
        X = torch.from_numpy(pictures.reshape(m, -1)).double() / 255
        K, labels = X @ X.T, torch.from_numpy(y)
        alpha, b = torch.zeros(m, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        for _ in range(ITERATIONS):
            r = (torch.sigmoid(K @ alpha + b) - labels) / m
            alpha -= RATE * r
            b -= RATE * r.sum()
        alpha @ X

    found, plain = ours(), assignment()
    difference = np.linalg.norm(found - plain) / np.linalg.norm(plain)
    works = {
        "catclf, K included": ours,
        "the assignment's numpy loop": assignment,
        "PyTorch as people write it": with_torch,
        "PyTorch in Gram form": torch_gram,
    }
    remarks = {"catclf, K included": f"w differs by {difference:.0e} from the plain form"}
    times = in_turn(works, 5)
    return rows_of("2,000 course iterations, 209 x 12,288", times, "(50 x, 20 x, -)", remarks)


def optimum(data: Path) -> list[str]:
    """From zero to the optimum, on the course's pictures and on 18,000 photos."""
    rest = ("lbfgs", "newton-cg", "newton-cholesky", "liblinear", "sag", "saga")
    works: tuple[tuple[str, FeatureName, tuple[str, ...]], ...] = (
        ("course", "pixels", rest),
        ("photos", "conv", rest[:4]),
        ("photos", "pixels", ("lbfgs", "newton-cg", "liblinear")),
    )
    lines = []
    for name, features, peers in works:
        X, y = examples_of(data / name, None, features)
        c = balanced(y)
        standardization = Standardization.fit(X)
        standardization.apply(X)
        for l2 in (1e-1, 1e-3):
            lines += _optimum(f"{name} as {features}", X, y, c, l2, peers)
            print("\n".join(lines), file=sys.stderr, flush=True)  # the whole takes hours
    return lines


def _optimum(
    name: str, X: Array, y: Array, c: Array, l2: float, peers: tuple[str, ...]
) -> list[str]:
    identity = Standardization.identity(len(X))
    remarks = {}

    def ours() -> tuple[Array, float]:
        design = choose_design(X, identity, 100)
        *_, last = accelerated_descent(Objective.single(design, y, c, l2), TOLERANCE)
        w, b = design.weights(last.theta, last.b)
        return w[0], float(b[0])

    w, b = ours()
    remarks["catclf"] = f"gradient norm {slope(w, b, X, y, c, l2):.1e}"
    rounds = 5 if len(y) < 1000 else 2
    times = in_turn({"catclf": ours}, rounds)
    rows = np.ascontiguousarray(X.T)
    for solver in peers:
        name_of_peer = f"scikit-learn {solver}"
        patience = min(PATIENCE, HOPELESS * times["catclf"])
        taken, norm = _peer(solver, rows, X, y, c, l2, patience)
        times[name_of_peer] = taken
        remarks[name_of_peer] = f"gradient norm {norm:.1e}" if norm else "stopped: at least that"
    title = f"optimum, {name} {len(y):,} x {len(X):,}, l2 = {l2:g}"
    wanted = "(2 x)" if name.endswith("conv") else "(5 x)"
    return rows_of(title, times, wanted, remarks)


def _peer(
    solver: str, rows: Array, X: Array, y: Array, c: Array, l2: float, patience: float
) -> tuple[float, float | None]:
    """Seconds and gradient norm at the loosest of its own tolerances that meets ours.

    In a child process, which is stopped when its patience is over: then the norm is None.
    """
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def work() -> None:
        import warnings

        from sklearn.linear_model import LogisticRegression

        warnings.simplefilter("ignore")  # of solvers that give up, whose norm says so
        for tolerance in (1e-5, 1e-7, 1e-9):
            regression: Any = LogisticRegression(
                C=1 / (l2 * c.sum()), solver=solver, tol=tolerance, max_iter=100_000
            )
            start = time.perf_counter()
            regression.fit(rows, y, sample_weight=c)
            taken = time.perf_counter() - start
            w, b = regression.coef_[0], float(regression.intercept_[0])
            norm = slope(w, b, X, y, c, l2)
            if norm <= TOLERANCE:
                break
        queue.put((taken, norm))

    child = context.Process(target=work)
    child.start()
    try:
        return queue.get(timeout=patience)  # type: ignore[no-any-return]
    except Empty:
        return patience, None
    finally:
        child.terminate()
        child.join()


def sweep(data: Path) -> list[str]:
    """One J, dw, db at X (12288, 8000) float32, for one problem and for forty."""
    import torch

    random = np.random.default_rng(0)
    X = np.asfortranarray(random.standard_normal((12288, 8000), dtype=np.float32))
    y = (random.uniform(size=8000) < 0.5).astype(np.float64)
    design = Primal(X, Standardization.identity(12288))
    w = 0.001 * random.standard_normal((40, 12288))
    b = np.zeros(40)
    forty = Objective(design, y, np.ones((40, 8000)), np.zeros(40))
    w32, y32 = w[0].astype(np.float32), y.astype(np.float32)
    X_torch, w_torch, y_torch = (torch.from_numpy(a) for a in (X, w32, y32))

    def one_by_one(p: int) -> object:
        return forty.evaluate(w[p : p + 1], b[p : p + 1], np.array([p]))

    def one() -> object:
        return one_by_one(0)

    def two_products() -> None:
        z = w32 @ X
        e = np.exp(-np.abs(z))
        _ = float(np.mean(np.maximum(z, 0) - y32 * z + np.log1p(e)))
        r = np.where(z >= 0, 1 / (1 + e), e / (1 + e)) - y32
        _ = (X @ (r / len(r)), float(r.mean()))

    def with_torch() -> None:
        z = w_torch @ X_torch
        torch.nn.functional.binary_cross_entropy_with_logits(z, y_torch)
        r = torch.sigmoid(z) - y_torch
        X_torch @ (r / len(r))
        r.mean()

    works: dict[str, Callable[[], object]] = {
        "catclf, P = 1": one,
        "two numpy products": two_products,
        "PyTorch": with_torch,
        "a plain read of X": lambda: X.reshape(-1, order="F").sum(),
    }
    lines = rows_of("J, dw, db, X (12288, 8000) float32", in_turn(works, 9), "(1.0 x)")
    many: dict[str, Callable[[], object]] = {
        "catclf, P = 40 in one sweep": lambda: forty.evaluate(w, b, np.arange(40)),
        "catclf, 40 single sweeps": lambda: [one_by_one(p) for p in range(40)],
    }
    return lines + rows_of("forty problems", in_turn(many, 3), "(8 x)")


def folds(data: Path) -> list[str]:
    """Five folds x eight strengths on 2,000 photos as pixels."""
    import sklearn.linear_model
    from sklearn.model_selection import PredefinedSplit

    X, y = examples_of(data / "photos", 2000)
    c = balanced(y)
    Standardization.fit(X).apply(X)
    fold = np.arange(len(y)) % 5
    strengths = np.geomspace(1e-2, 100, 8)
    rows = np.ascontiguousarray(X.T)
    found: dict[str, Any] = {}

    def ours() -> None:
        problems = Problems.of(c, fold, strengths)
        design = choose_design(X, Standardization.identity(len(X)), 100, len(problems.l2))
        *_, last = accelerated_descent(Objective(design, y, problems.c, problems.l2), 1e-4)
        found["losses"] = select(problems, design.scores(last.theta, last.b), y, c).losses

    def peer() -> None:
        model = sklearn.linear_model.LogisticRegressionCV(
            Cs=1 / (strengths * 0.8 * len(y)),
            cv=PredefinedSplit(fold),
            scoring="neg_log_loss",
            max_iter=1000,
            use_legacy_attributes=False,
        )
        found["peer"] = model.fit(rows, y, sample_weight=c)

    ours()
    times = in_turn({"catclf": ours}, 3) | in_turn({"scikit-learn LogisticRegressionCV": peer}, 1)
    losses = ", ".join(f"{loss:.3f}" for loss in found["losses"])
    title = f"five folds x 8 strengths, {len(y):,} photos"
    return rows_of(title, times, "(10 x)", {"catclf": f"log-losses {losses}"})
