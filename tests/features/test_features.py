"""From pictures to X, one column each."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catclf.data.dataset import File, Given, Pixels, Source
from catclf.data.decode import Loading
from catclf.errors import ModelError
from catclf.features import feature_map, matrix


def arrays(n: int, side: int = 64) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(n)
    return [rng.integers(0, 256, (side, side, 3), np.uint8) for _ in range(n)]


@pytest.mark.parametrize("size", [64, 128, 5])
def test_columns_are_pixels_by_255_in_the_order_of_the_notes(size: int) -> None:
    features = feature_map("pixels", Loading(size))
    (array,) = arrays(1, size)
    x = features.column(array)
    assert x.shape == (features.n_x,) == (size * size * 3,)
    assert x.dtype == np.float32
    assert np.allclose(x[:3], array[0, 0] / 255)  # red, green, blue of the first pixel,
    assert np.allclose(x[3:6], array[0, 1] / 255)  # then of its right neighbour
    assert np.array_equal(x, array.reshape(-1) / np.float32(255))


def test_x_has_a_column_a_picture_and_they_are_contiguous() -> None:
    pictures = arrays(7)
    features = feature_map("pixels", Loading())
    columns = matrix(features, [Pixels(picture) for picture in pictures])
    assert columns.X.shape == (12288, 7)
    assert columns.X.flags.f_contiguous
    for j, picture in enumerate(pictures):
        assert np.array_equal(columns.X[:, j], features.column(picture))


def test_unreadable_pictures_leave_no_column_and_keep_their_reason(cat_photo: Path) -> None:
    sources: list[Source] = [Given(b""), File(cat_photo), Given(b"text"), Pixels(arrays(1)[0])]
    seen: list[int] = []
    columns = matrix(feature_map("pixels", Loading()), sources, each=seen.append)
    assert columns.X.shape == (12288, 2)
    assert columns.kept.tolist() == [1, 3]
    assert [position for position, _ in columns.failures] == [0, 2]
    assert columns.files.shape == columns.pictures.shape == (2, 32)
    assert seen == [1, 2, 3, 4]


def test_no_picture_at_all() -> None:
    columns = matrix(feature_map("pixels", Loading()), [Given(b"")])
    assert columns.X.shape == (12288, 0)
    assert columns.files.shape == (0, 32)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_column_is_the_same_whatever_else_is_computed(batch: int, photos: list[Path]) -> None:
    features = feature_map("pixels", Loading())
    alone = matrix(features, [File(photo) for photo in photos], jobs=1).X

    def parts() -> Iterator[NDArray[np.floating]]:
        for start in range(0, len(photos), batch):
            some = photos[start : start + batch]
            yield matrix(features, [File(photo) for photo in some], jobs=4).X

    assert np.array_equal(np.hstack(list(parts())), alone)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_can_be_chosen(dtype: type[np.floating]) -> None:
    sources = [Pixels(array) for array in arrays(2)]
    assert matrix(feature_map("pixels", Loading()), sources, dtype).X.dtype == dtype


@pytest.mark.parametrize(("name", "sha256"), [("conv9", ""), ("pixels", "0" * 64)])
def test_a_map_that_is_not_here_is_refused_by_name(name: str, sha256: str) -> None:
    with pytest.raises(ModelError, match=f"needs the feature map {name}"):
        feature_map(name, Loading(), sha256)
