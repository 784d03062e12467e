"""one_thread: products on one thread for as long as anybody needs that, and then as before."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from catclf.features import blas
from catclf.features.blas import one_thread

Threads = Callable[[], int]


def test_numpy_s_own_openblas_is_found() -> None:
    """Else nothing would be switched, and nobody would be told."""
    library = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
    if library != "scipy-openblas":
        pytest.skip(f"numpy was built with {library}")
    assert blas._switch() is not None


def test_one_inside_and_as_before_outside(threads: Threads) -> None:
    assert threads() == 2
    for _ in range(2):
        with one_thread():
            assert threads() == 1
        assert threads() == 2


def test_inside_one_another_only_the_outermost_restores(threads: Threads) -> None:
    with one_thread():
        with one_thread():
            assert threads() == 1
        assert threads() == 1
    assert threads() == 2


def test_an_exception_restores_too(threads: Threads) -> None:
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert threads() == 2
    with pytest.raises(ZeroDivisionError), one_thread(), one_thread():
        raise ZeroDivisionError
    assert threads() == 2


def test_the_last_of_several_threads_restores(threads: Threads) -> None:
    """The first goes while the second is still inside."""
    entered, leave = threading.Event(), threading.Event()

    def second() -> None:
        with one_thread():
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=second)
    with one_thread():
        other.start()
        assert entered.wait(10)
    assert threads() == 1
    leave.set()
    other.join()
    assert threads() == 2


def test_many_threads_that_come_and_go(threads: Threads) -> None:
    seen: list[int] = []

    def often() -> None:
        for _ in range(300):
            with one_thread():
                seen.append(threads())

    running = [threading.Thread(target=often) for _ in range(8)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert len(seen) == 8 * 300
    assert set(seen) == {1}
    assert threads() == 2


def test_without_a_switch_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_switch", lambda: None)
    with one_thread():
        assert float(np.ones(3) @ np.ones(3)) == 3
