"""Puts load on a server: closed loop (clients that wait for their answers) and open loop (arrivals that do not wait).

In the open loop a request's time is measured from when it should have been sent, so that a slow server cannot hide its
delay by slowing the clients down (coordinated omission).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import table
from benchmarks.http_client import Answer, Connection

DRAIN_SECONDS = 15.0
"""The seconds after the last arrival for which answers are awaited."""


@dataclass(frozen=True)
class Timed:
    """An answer, and the seconds that it took for its client."""

    answer: Answer
    seconds: float


@dataclass(frozen=True)
class Load:
    """The result of one run. label: clients or rate. seconds: from the first request to the last answer. unanswered:
    requests that were given up at the end."""

    label: str
    answers: tuple[Timed, ...]
    seconds: float
    unanswered: int = 0

    @property
    def good(self) -> list[float]:
        """The milliseconds of the answers with the status 200."""
        return [1000 * each.seconds for each in self.answers if each.answer.code == 200]

    @property
    def goodput(self) -> float:
        """Answers with the status 200 per second."""
        return len(self.good) / self.seconds

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values; times in milliseconds, of the answers with the status 200."""
        codes = Counter(str(each.answer.code or "none") for each in self.answers)
        codes.update({"unanswered": self.unanswered} if self.unanswered else {})
        good = self.good
        return {
            "load": self.label,
            "seconds": self.seconds,
            "throughput": len(self.answers) / self.seconds,
            "goodput": self.goodput,
            "p50_ms": table.percentile(good, 0.5) if good else None,
            "p95_ms": table.percentile(good, 0.95) if good else None,
            "p99_ms": table.percentile(good, 0.99) if good else None,
            "codes": dict(sorted(codes.items())),
        }


def joined(loads: Sequence[Load]) -> Load:
    """Combines several runs of one label."""
    return Load(
        loads[0].label,
        tuple(answer for each in loads for answer in each.answers),
        sum(each.seconds for each in loads),
        sum(each.unanswered for each in loads),
    )


async def closed_loop(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Loads the server by `clients` keep-alive connections, each of which sends its next request when the last one is
    answered."""
    answers: list[Timed] = []
    began = time.perf_counter()

    async def client(number: int) -> None:
        connection = Connection(port)
        turn = number
        while time.perf_counter() - began < seconds:
            sent = time.perf_counter()
            answer = await connection.send(requests[turn % len(requests)])
            answers.append(Timed(answer, answer.received - sent))
            turn += clients
            if answer.code != 200:
                await asyncio.sleep(0.01)  # a rejected client that tried again at once would only use CPU time
        await connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return Load(_plural(clients, "client"), tuple(answers), time.perf_counter() - began)


async def open_loop(port: int, requests: Sequence[bytes], rate: float, seconds: float, seed: int = 0) -> Load:
    """Loads the server by Poisson arrivals of `rate` per second for `seconds`; each uses an idle connection or opens
    one."""
    arrivals = poisson(rate, seconds, seed)
    answers: list[Timed] = []
    connections: list[Connection] = []
    idle: list[Connection] = []
    began = time.perf_counter()

    async def arrive(number: int, due: float) -> None:
        if not idle:
            connections.append(Connection(port))
            idle.append(connections[-1])
        connection = idle.pop()
        answer = await connection.send(requests[number % len(requests)])
        answers.append(Timed(answer, answer.received - began - due))
        idle.append(connection)

    tasks = []
    for number, due in enumerate(arrivals):
        await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
        tasks.append(asyncio.create_task(arrive(number, due)))
    _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS) if tasks else (set(), set())
    for task in late:
        task.cancel()
    elapsed = time.perf_counter() - began
    await asyncio.gather(*late, return_exceptions=True)
    for connection in connections:
        await connection.close()
    return Load(f"{rate:.1f} a second", tuple(answers), elapsed, len(late))


def poisson(rate: float, seconds: float, seed: int) -> list[float]:
    """The arrival times of a Poisson process within `seconds`: gaps are exponential."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(1 / rate, round(2 * rate * seconds) + 20))
    return [float(each) for each in times[times < seconds]]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
