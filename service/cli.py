"""The `sidecar` command's front door: it is there before the heavy imports, so that Ctrl-C is answered from the first moment on."""

import atexit
import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

UNDONE, NOT_UNDERSTOOD, INTERRUPTED = 1, 2, 130
"""Exit codes: something due was left undone, the question makes no sense, Ctrl-C (as shells count it)."""
STOPPED = "Stopped. Nothing is lost; the next run continues."


def main() -> None:
    """The `sidecar` command."""
    signal.signal(signal.SIGINT, _leave)
    atexit.register(_hush)  # registered before what the imports below register, so called after it
    logging.getLogger().addHandler(
        logging.NullHandler()
    )  # what libraries complain of while they are stopped is not for users
    gc.disable()  # modules are no garbage: looking for some among them took a third of the start
    from service.commands import app  # noqa: PLC0415  # seconds of imports, during which somebody may change their mind

    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    finally:
        signal.signal(
            signal.SIGINT, _leave
        )  # the answer is given; what the interpreter still tidies up may be cut short


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # a signal handler's signature
    """Go at once: nothing has been begun yet, or everything is done."""
    os.write(sys.stderr.fileno(), f"{STOPPED}\n".encode())
    os._exit(INTERRUPTED)


def _hush() -> None:
    """Everything has been said: DuckDB's bindings would go on to name each thing of theirs that was frozen and is never freed.

    An answer that cannot be written is not said yet; then the interpreter has the last word.
    """
    if sys.stdout is None or sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
