"""Slow work outside the event loop, on threads that do not keep the process from ending."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PREFIX = "background-"


async def in_background(name: str, work: Callable[[], T]) -> T:
    """Runs `work` on its own daemon thread; when the waiting task is cancelled, the thread still runs to its end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[], None]) -> None:
        if not answer.done():
            set_it()

    def run() -> None:
        outcome: Callable[[], None]
        try:
            value = work()
        except BaseException as error:
            failure = error
            outcome = lambda: answer.set_exception(failure)  # noqa: E731
        else:
            outcome = lambda: answer.set_result(value)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name=PREFIX + name, daemon=True).start()
    return await answer


def unfinished() -> list[str]:
    """Names of threads that still run, such as decoders for clients that disconnected. Nothing waits for them, but
    native code must not run while the interpreter shuts down."""
    return [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
