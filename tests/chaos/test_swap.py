"""The alias moves again and again while the service is loaded to 80 per cent: nobody is refused or kept waiting."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from spotter.registry.folder import FolderStore
from tests.chaos.load import Answer, open_loop, quantile
from tests.lengths import LONG
from tests.reading.tiny import write_tiny_bundle
from tests.service.serving import Serving, serving

BATCH, PICTURE, PICTURES = 0.02, 0.03, 4
CAPACITY = PICTURES / (BATCH + PICTURE * PICTURES)
POLL = 0.3
BETWEEN = 8.0 if LONG else 2.5
"""Seconds from one move of the alias to the next."""
MOVES = ("2", "3", "2", "1", "3", "2", "1", "2") if LONG else ("2", "1")
OVERLAP = 0.25
"""Seconds in which two requests may overtake each other on their way in."""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "registry")
    for number in ("1", "2", "3"):
        write_tiny_bundle(tmp_path / number)
        assert store.publish(tmp_path / number).version == number
    store.set_alias("spotter", "live", "1")
    return store


@pytest.fixture
def followed(store: FolderStore) -> Iterator[Serving]:
    """A service whose capacity is known, and that follows the alias."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLEEPY_BATCH", str(BATCH))
        patch.setenv("SLEEPY_PICTURE", str(PICTURE))
        with serving(
            module="tests.chaos.sleepy",
            registry=store.root,
            threads=1,
            batch_pictures=PICTURES,
            poll_seconds=POLL,
        ) as server:
            server.ready(60)
            yield server


def versions(answers: list[Answer]) -> list[str]:
    """The versions in the order in which their requests were sent, repeats left out; those that came within
    `OVERLAP` of a change count as if in order."""
    order: list[str] = []
    last: dict[str, float] = {}
    for answer in sorted(answers, key=lambda answer: answer.sent):
        assert answer.version is not None
        if order and answer.version != order[-1] and answer.sent - last.get(answer.version, -1e9) < OVERLAP:
            continue
        if not order or answer.version != order[-1]:
            order.append(answer.version)
        last[answer.version] = answer.sent
    return order


def test_moves_under_load_fail_nothing_and_are_seen_once_each(store: FolderStore, followed: Serving) -> None:
    async def move() -> None:
        for version in MOVES:
            await asyncio.sleep(BETWEEN)
            await asyncio.to_thread(store.set_alias, "spotter", "live", version)

    async def both() -> list[Answer]:
        moving = asyncio.create_task(move())
        answers = await open_loop(followed.port, 0.8 * CAPACITY, BETWEEN * (len(MOVES) + 1))
        await moving
        return answers

    answers = asyncio.run(both())
    assert {answer.status for answer in answers} == {200}
    assert all(answer.own_words for answer in answers)
    assert versions(answers) == ["1", *MOVES]
    waits = [answer.done - answer.sent for answer in answers]
    p50, p99 = quantile(waits, 0.5), quantile(waits, 0.99)
    print(f"\n{len(answers)} answers, p50 {p50:.2f} s, p99 {p99:.2f} s, longest {max(waits):.2f} s")
    # The model that is loaded and warmed beside the live one takes its share of the cores for a moment.
    assert p99 < 1.5
    page = httpx.get(f"{followed.url}/metrics").text
    assert 'outcome="refused"' not in page
    followed.process.terminate()
    assert followed.exit_code() == 0
    assert not [line for line in followed.logs() if line["level"] in ("error", "critical")]


def test_versions_forgive_overtaking_and_nothing_else() -> None:
    def answer(sent: float, version: str) -> Answer:
        return Answer(sent, sent + 1, 200, None, True, version)

    overtaken = [answer(0, "1"), answer(1, "1"), answer(1.1, "2"), answer(1.2, "1"), answer(1.3, "2"), answer(5, "2")]
    assert versions(overtaken) == ["1", "2"]
    assert versions([*overtaken, answer(6, "1")]) == ["1", "2", "1"]
