"""What the tests of conv and of blas share: BLAS on two threads."""

from collections.abc import Callable, Iterator

import pytest

from catclf.features import blas


@pytest.fixture
def threads() -> Iterator[Callable[[], int]]:
    """The number of threads that products run on: two, until the test changes it."""
    switch = blas._switch()
    if switch is None:
        pytest.skip("numpy was built without OpenBLAS, whose threads cannot be set")
    get_threads, set_threads = switch
    were = get_threads()
    set_threads(2)
    yield get_threads
    set_threads(were)
