"""X as the optimizer sees it: both forms against the formulas, block by block, scaled or not."""

import numpy as np
import pytest

from catclf.core import design
from catclf.core.design import (
    Gram,
    Primal,
    Standardization,
    blocks,
    choose_design,
    gram_is_cheaper,
)
from catclf.core.logistic import Array

N_X, M, P = 30, 12, 3
FORMS = [Gram, Primal]


@pytest.fixture(params=[1, 5, M], ids=lambda k: f"blocks of {k}")
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Columns of X (float64) that one product takes."""
    monkeypatch.setattr(design, "BLOCK_BYTES", request.param * N_X * 8)
    return request.param


@pytest.fixture(name="X")
def columns_of_numbers() -> Array:
    random = np.random.default_rng(2)
    return np.asfortranarray(random.uniform(1, 3, (N_X, 1)) * random.standard_normal((N_X, M)) + 4)


def theta_and_w(form: type, X: Array, seed: int = 4) -> tuple[Array, Array]:
    """P random points as this form keeps them, and as w (P, n_x)."""
    random = np.random.default_rng(seed)
    if form is Gram:
        alpha = random.standard_normal((P, M)) / M
        return alpha, alpha @ X.T
    w = random.standard_normal((P, N_X)) / N_X
    return w, w


def test_blocks_cover_every_column_once(X: Array, block: int) -> None:
    widths = [len(range(M)[columns]) for columns in blocks(X)]
    assert [j for columns in blocks(X) for j in range(M)[columns]] == list(range(M))
    assert max(widths) == block


@pytest.mark.parametrize("form", FORMS)
def test_a_sweep_sums_loss_and_gradient_over_all_blocks(form: type, X: Array, block: int) -> None:
    """With a loss made up here, whose dz differs by problem and by example."""
    factors = np.random.default_rng(5).uniform(1, 2, (P, M))

    def pointwise(z: Array, columns: slice) -> tuple[Array, Array]:
        return factors[:, columns] * np.sin(z), factors[:, columns] * np.cos(z)

    theta, w = theta_and_w(form, X)
    b = np.array([0.1, -0.2, 0.3])
    made = form(X, Standardization.identity(N_X))
    J, dtheta, db = made.sweep(theta, b, pointwise)
    z = w @ X + b[:, None]
    dz = factors * np.cos(z)
    np.testing.assert_allclose(made.scores(theta, b), z, rtol=1e-12)
    np.testing.assert_allclose(J, (factors * np.sin(z)).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(db, dz.sum(axis=1), rtol=1e-12)
    dw = dtheta @ X.T if form is Gram else dtheta
    np.testing.assert_allclose(dw, dz @ X.T, rtol=1e-10, atol=1e-10)  # sums that nearly cancel


@pytest.mark.parametrize("form", FORMS)
def test_inner_products_are_those_of_the_weights(form: type, X: Array, block: int) -> None:
    (t, w_t), (u, w_u) = theta_and_w(form, X, 6), theta_and_w(form, X, 7)
    made = form(X, Standardization.identity(N_X))
    np.testing.assert_allclose(made.inner(t, u), (w_t * w_u).sum(axis=1), rtol=1e-10)
    assert (made.inner(t, t) > 0).all()


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_for_x_as_it_was(form: type, X: Array, block: int) -> None:
    raw = X.copy()
    standardization = Standardization.fit(X)
    standardization.apply(X)
    theta, _ = theta_and_w(form, X)
    b = np.array([0.1, -0.2, 0.3])
    made = form(X, standardization)
    w, b_raw = made.weights(theta, b)
    assert w.shape == (P, N_X)
    np.testing.assert_allclose(w @ raw + b_raw[:, None], made.scores(theta, b), rtol=1e-9)


def test_standardization_is_mean_and_deviation(X: Array, block: int) -> None:
    X[3] = 7.0  # a constant feature: nothing to scale, and nothing may blow up
    X[4] = 7.0 + 1e-9 * X[5]  # and one that hardly changes
    raw = X.copy()
    fitted = Standardization.fit(X)
    fitted.apply(X)
    sigma = raw.std(axis=1)
    floor = np.median(sigma) / 10
    np.testing.assert_allclose(fitted.centre[:, 0], raw.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(fitted.scale[:, 0], np.maximum(sigma, floor), rtol=1e-9)
    np.testing.assert_allclose(X.mean(axis=1), 0, atol=1e-12)
    varied = sigma > floor
    np.testing.assert_allclose(X.std(axis=1)[varied], 1, rtol=1e-12)
    assert np.abs(X[3:5]).max() < 1e-6


def test_where_nothing_changes_the_scale_is_one() -> None:
    flat = np.full((5, 4), 3.0)
    fitted = Standardization.fit(flat)
    fitted.apply(flat)
    assert (fitted.scale == 1).all()
    assert not flat.any()


def test_float32_is_centred_to_float32_s_precision() -> None:
    """The mean of many bright pixels, summed in float32, would be off in the fourth digit."""
    X = np.asfortranarray(np.random.default_rng(8).uniform(0.9, 1, (4, 50_000)), np.float32)
    fitted = Standardization.fit(X)
    np.testing.assert_allclose(fitted.centre[:, 0], X.astype(np.float64).mean(axis=1), rtol=1e-9)


@pytest.mark.parametrize(
    ("n_x", "m", "iterations", "problems", "form"),
    [
        (50, 10, 2000, 1, Gram),
        (50, 500, 2000, 1, Primal),  # more examples than features
        (12288, 209, 100, 1, Gram),  # the course's pictures
        (12288, 209, 1, 1, Primal),  # K is not worth it for one sweep
        (12288, 2000, 100, 1, Primal),
        (12288, 2000, 100, 45, Gram),  # nine strengths, five folds
        (12288, 18000, 100, 45, Primal),
        (1280, 18000, 100, 45, Primal),
    ],
)
def test_the_form_that_is_done_sooner_is_chosen(n_x, m, iterations, problems, form) -> None:
    assert gram_is_cheaper(n_x, m, iterations, problems) == (form is Gram)
    if n_x * m < 1e6:
        identity = Standardization.identity(n_x)
        chosen = choose_design(np.zeros((n_x, m)), identity, iterations, problems)
        assert isinstance(chosen, form)
