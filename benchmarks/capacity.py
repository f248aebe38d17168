"""Predicts waiting times and the number of replicas for a load: an M/G/c queue by the approximation of Allen and
Cunneen.

Allen, "Probability, Statistics, and Queueing Theory", 2nd ed., 1990. It is exact for M/M/c (Erlang's C) and, for the
mean, for M/G/1 (Pollaczek and Khinchine); in between it interpolates by the variation of the service time.
"""

import math
from dataclasses import dataclass

_MOST_REPLICAS = 10_000


@dataclass(frozen=True)
class Replica:
    """The performance of one replica. lanes: pictures that it reads at the same time. seconds: mean time of one picture
    in a lane while all lanes are busy. variation: squared coefficient of variation of this time
    (0: constant; 1: exponential).

    Raises ValueError for impossible values.
    """

    lanes: int
    seconds: float
    variation: float

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.seconds <= 0 or self.variation < 0:
            raise ValueError(f"no such replica: {self}")

    @property
    def throughput(self) -> float:
        """Pictures per second when it is never idle."""
        return self.lanes / self.seconds


@dataclass(frozen=True)
class Queue:
    """Replicas that share one queue (a balancer that knows the least busy replica comes close to this), with Poisson
    arrivals of `rate` pictures per second."""

    replica: Replica
    replicas: int
    rate: float

    @property
    def busy(self) -> float:
        """The utilisation of a lane, as a share of the time; at 1 and above the queue grows without limit."""
        return self.rate / (self.replicas * self.replica.throughput)

    def mean_wait(self) -> float:
        """Mean waiting time in seconds before a picture is begun; infinite where the queue grows without limit."""
        if self.busy >= 1:
            return math.inf
        return self._waits() * self._scale()

    def wait(self, share: float) -> float:
        """The quantile `share` (0..1) of the waiting time in seconds; infinite where the queue grows without limit.

        The waiting times of those that wait are taken to be exponential, which is exact for M/M/c only.
        """
        if self.busy >= 1:
            return math.inf
        return max(0.0, self._scale() * math.log(self._waits() / (1 - share))) if self._waits() > 0 else 0.0

    def _waits(self) -> float:
        lanes = self.replicas * self.replica.lanes
        return erlang_c(lanes, self.rate * self.replica.seconds)

    def _scale(self) -> float:
        """Mean waiting time in seconds of the pictures that wait."""
        spare = self.replicas * self.replica.throughput - self.rate
        return (1 + self.replica.variation) / 2 / spare


@dataclass(frozen=True)
class Need:
    """The number of replicas for a load, and the queues with all of them and with one of them down."""

    replicas: int
    whole: Queue
    one_gone: Queue


def erlang_c(servers: int, load: float) -> float:
    """The probability that an arrival in M/M/c finds every server busy. load: arrivals in a mean service time, below
    `servers`.

    Raises ValueError for a load that the servers cannot handle.
    """
    if not 0 <= load < servers:
        raise ValueError(f"{servers} servers cannot carry a load of {load:g}")
    blocked = 1.0  # Erlang's B by its recursion, which avoids factorials that overflow
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return servers * blocked / (servers - load * (1 - blocked))


def need(replica: Replica, rate: float, p99_seconds: float, busy: float = 0.9) -> Need:
    """The fewest replicas that, with one of them down, answer 99% of the pictures within `p99_seconds` of waiting and
    reading, with a utilisation of at most `busy`.

    Raises ValueError when reading alone takes longer than that, or even 10,000 replicas are not enough.
    """
    if replica.seconds > p99_seconds:
        raise ValueError(
            f"one picture takes {replica.seconds:.3f} s by itself: more than the {p99_seconds:g} s allowed"
        )
    fewest = max(1, math.ceil(rate / (busy * replica.throughput)))
    for count in range(fewest, _MOST_REPLICAS):
        one_gone = Queue(replica, count, rate)
        if one_gone.busy <= busy and one_gone.wait(0.99) + replica.seconds <= p99_seconds:
            return Need(count + 1, Queue(replica, count + 1, rate), one_gone)
    raise ValueError(f"more than {_MOST_REPLICAS} replicas")
