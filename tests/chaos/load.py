"""Load over real sockets: clients with a connection each, one request at a time on it."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.reading.tiny import picture, words_of


@dataclass(frozen=True)
class Answer:
    """When a request was sent and answered (time.monotonic() seconds), its status, Retry-After, whether its words were
    its own, and the version of the model that read them.
    """

    sent: float
    done: float
    status: int
    retry_after: int | None
    own_words: bool
    version: str | None = None


class Client:
    """A connection that is kept, or made again when the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def spot(self, number: int, size: tuple[int, int] = (96, 64)) -> Answer:
        """Sends a picture that says its number (1..65535) and reads the answer."""
        colour = (number >> 8, number & 255, 0)
        sent = time.monotonic()
        status, headers, answer = await self.send(picture(colour, size))
        done = time.monotonic()
        retry = headers.get("retry-after")
        read: dict[str, Any] = json.loads(answer) if status == 200 else {"words": [], "model": {"version": None}}
        words = [word["text"] for word in read["words"]]
        own = words == (words_of(colour) if status == 200 else [])
        return Answer(sent, done, status, int(retry) if retry else None, own, read["model"]["version"])

    async def send(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Posts a picture's bytes; returns the answer's status, headers and body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(
            b"POST /spot HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        answer = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(head.split()[1]), headers, answer

    def close(self) -> None:
        """Drops the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def closed_loop(port: int, clients: int, seconds: float) -> list[Answer]:
    """Clients that send the next picture as soon as they have an answer."""
    until = time.monotonic() + seconds

    async def one(which: int) -> list[Answer]:
        client = Client(port)
        answers: list[Answer] = []
        while time.monotonic() < until:
            answers.append(await client.spot(1 + (which * 997 + len(answers)) % 65_000))
        client.close()
        return answers

    return [answer for answers in await asyncio.gather(*map(one, range(clients))) for answer in answers]


async def open_loop(port: int, rate: float, seconds: float) -> list[Answer]:
    """Pictures sent at a rate (a second), whatever becomes of the earlier ones."""
    free: list[Client] = []
    tasks: list[asyncio.Task[Answer]] = []
    began = time.monotonic()

    async def one(number: int) -> Answer:
        client = free.pop() if free else Client(port)
        answer = await client.spot(number)
        free.append(client)
        return answer

    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(one(1 + number % 65_000)))
    answers = await asyncio.gather(*tasks)
    for client in free:
        client.close()
    return answers


def goodput(answers: Sequence[Answer], since: float, until: float) -> float:
    """Pictures answered with words a second between two moments, from batch to batch."""
    done = sorted(answer.done for answer in answers if answer.status == 200 and since <= answer.done <= until)
    return sum(moment > done[0] + 0.02 for moment in done) / (done[-1] - done[0])


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
