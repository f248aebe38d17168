import asyncio
import threading

import pytest

from spotter.service.background import PREFIX, in_background, unfinished


async def test_work_is_done_elsewhere_and_its_value_comes_back() -> None:
    thread = await in_background("test", threading.current_thread)
    assert (thread.name, thread.daemon) == (PREFIX + "test", True)


async def test_its_errors_come_back() -> None:
    with pytest.raises(KeyError, match="x"):
        await in_background("test", lambda: dict[str, int]()["x"])


async def test_who_stops_waiting_does_not_wait_for_its_end() -> None:
    go_on = threading.Event()
    task = asyncio.create_task(in_background("left", lambda: go_on.wait(10)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert PREFIX + "left" in unfinished()
    go_on.set()
    async with asyncio.timeout(10):
        while PREFIX + "left" in unfinished():
            await asyncio.sleep(0.005)
