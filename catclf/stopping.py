"""Ctrl-C and SIGTERM: the program ends at once and leaves nothing half done.

Python looks for signals between two instructions of its main thread, which may be inside one matrix
product for seconds, and at its end it waits for threads that are at work. So a thread of its own
waits for the signal, does what `tidying` asks for and ends the process. No more is needed: what
lies on the disk is whole at any moment.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

TIDYING_SECONDS = 0.25  # at the most: half a second after the signal all must be over
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last where a terminal is closed

Action = Callable[[], str | None]

_actions: list[Action] = []
_lock = threading.RLock()


@contextmanager
def tidying(action: Action) -> Iterator[None]:
    """While this lasts, a stop of the program calls the action, from another thread.

    What the action returns is said to the user. Those that began first are called first.
    """
    with _lock:
        _actions.append(action)
    try:
        yield
    finally:
        with _lock:
            _actions.remove(action)


def watch(last: Callable[[Sequence[str]], None]) -> None:
    """From now on the signals end the process with 128 + their number, after `last`, which gets
    what the actions said. To be called before any thread is begun.

    A signal that was ignored stays so (`nohup`, or a script's job in the background).
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return
    signals = {getattr(signal, name) for name in SIGNALS}
    signals = {one for one in signals if signal.getsignal(one) is not signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    threading.Thread(target=_wait, args=(signals, last), daemon=True).start()


def _wait(signals: set[signal.Signals], last: Callable[[Sequence[str]], None]) -> None:
    code = 128 + signal.sigwait(signals)
    tidy = threading.Thread(target=_tidy, args=(last, code), daemon=True)
    tidy.start()
    tidy.join(TIDYING_SECONDS)  # a disk or a reader that does not answer is not waited for
    os._exit(code)


def _tidy(last: Callable[[Sequence[str]], None], code: int) -> None:
    done: list[Action] = []
    said: list[str] = []
    while True:
        # Not while the actions run: they wait for work that may itself begin something.
        with _lock:
            waiting = [action for action in _actions if action not in done]
            if not waiting:  # and nothing can begin any more
                with suppress(Exception):
                    last(said)
                os._exit(code)
        for action in waiting:
            done.append(action)
            with suppress(Exception):
                if line := action():
                    said.append(line)
