"""Clients that ask again as soon as they are answered, and check every answer."""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from tests.reading.tiny import picture, words_of

CLIENTS = 4
Ask = Callable[[int, int], tuple[bytes, list[str]]]
"""The picture that a client sends as its so-manieth, and the words that it must be answered with."""


def colours(client: int, step: int) -> tuple[bytes, list[str]]:
    """Pictures for the tiny model: every client has a colour of its own, every step another shade."""
    colour = (client + 1, step % 200 + 1, 0)
    return picture(colour, (64 + 32 * (step % 2), 64)), words_of(colour)


@dataclass(frozen=True)
class Failure:
    """status: of the answer, 0 where there was none."""

    status: int
    detail: str


class Load:
    """A context in which `CLIENTS` clients ask, each for pictures of its own."""

    def __init__(self, url: str, ask: Ask = colours) -> None:
        self.failures: list[Failure] = []
        self.seen: list[list[str]] = [[] for _ in range(CLIENTS)]
        """The version in each answer, by client."""
        self._url = url
        self._ask = ask
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _client(self, number: int) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as http:
            for step in itertools.count(1):
                if self._over.is_set():
                    return
                content, expected = self._ask(number, step)
                try:
                    answer = http.post("/spot", content=content)
                except httpx.HTTPError as error:
                    self.failures.append(Failure(0, repr(error)))
                    continue
                if answer.status_code != 200:
                    self.failures.append(Failure(answer.status_code, answer.text))
                    continue
                if [word["text"] for word in answer.json()["words"]] != expected:
                    self.failures.append(Failure(200, f"{expected} was read as {answer.text}"))
                self.seen[number].append(answer.json()["model"]["version"])

    @property
    def answered(self) -> int:
        """Pictures that were read."""
        return sum(map(len, self.seen))

    def wait_for(self, version: str) -> float:
        """Waits until every client was answered by a version; returns the seconds that took."""
        began = time.monotonic()
        until(lambda: all(seen[-1:] == [version] for seen in self.seen))
        return time.monotonic() - began

    def go_on(self, answers: int) -> None:
        """Waits until so many more pictures were read."""
        goal = self.answered + answers
        until(lambda: self.answered >= goal)

    @property
    def sequences(self) -> list[list[str]]:
        """The versions that each client saw, repeats left out."""
        return [[version for version, _ in itertools.groupby(seen)] for seen in self.seen]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until a condition holds; fails when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
