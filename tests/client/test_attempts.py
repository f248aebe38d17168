import pytest

from spotter.client.attempts import Attempts, Retries
from spotter.client.errors import ConnectionLostError, DeadlineError, UnreachableError, problem_from

BUSY = {"type": "urn:spotter:problem:overloaded", "status": 429}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def attempts(retries: Retries, seconds: float, clock: Clock | None = None, share: float = 1.0) -> Attempts:
    return Attempts(retries, seconds, clock or Clock(), lambda most: share * most)


def test_pauses_double_up_to_the_longest() -> None:
    calls, busy = attempts(Retries(attempts=6, first=1, longest=5), 1000), problem_from(BUSY)
    assert [calls.pause(busy) for _ in range(5)] == [1, 2, 4, 5, 5]
    with pytest.raises(type(busy)):
        calls.pause(busy)


def test_nobody_is_looked_for_less_long_than_room() -> None:
    calls = attempts(Retries(first=1, connects=3), 1000)
    assert [calls.pause(each) for each in (UnreachableError(), problem_from(BUSY), UnreachableError())] == [1, 2, 4]
    with pytest.raises(UnreachableError):
        calls.pause(UnreachableError())


def test_what_the_service_asks_for_comes_before_the_drawn_pause() -> None:
    calls = attempts(Retries(first=2), 60, share=0.5)
    assert [calls.pause(problem_from({**BUSY, "retry_after": each})) for each in (1, 8, 0)] == [2, 10, 1]
    with pytest.raises(ValueError, match="attempt"):
        Retries(attempts=0)


def test_a_pause_that_outlasts_the_call_is_not_made() -> None:
    clock = Clock()
    calls = attempts(Retries(first=0), 10, clock, share=0)
    busy = problem_from({**BUSY, "retry_after": 6})
    assert calls.pause(busy) == 6
    clock.now += 6
    assert calls.left() == 4
    with pytest.raises(type(busy)) as caught:
        calls.pause(busy)
    assert caught.value is busy
    clock.now += 4
    with pytest.raises(DeadlineError, match="within 10 s") as late:
        calls.left(busy)
    assert late.value.__cause__ is busy


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (UnreachableError(), True),
        (ConnectionLostError(), False),
        (DeadlineError(), False),
        (problem_from(BUSY), True),
        (problem_from({"status": 429}), True),
        (problem_from({"status": 503, "retry_after": 1}), True),
        (problem_from({"status": 503}), False),
        (problem_from({"status": 502, "retry_after": 1}), False),
        (problem_from({"status": 504, "type": "urn:spotter:problem:too-late"}), False),
        (problem_from({"status": 422}), False),
    ],
)
def test_only_what_was_not_taken_is_sent_again(failure: UnreachableError, again: bool) -> None:
    assert failure.again is again


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_deadline_is_a_time(seconds: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        attempts(Retries(), seconds)
