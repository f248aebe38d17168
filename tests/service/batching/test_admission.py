import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from spotter.service.batching.admission import Admission, Limits, Ticket
from spotter.service.errors import ClientGoneError, OverloadedError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_places_are_counted() -> None:
    reasons: list[str] = []
    admission = Admission(Limits(2, 1000, 10), Clock(), reasons.append)
    first, _ = admission.enter(), admission.enter()
    with pytest.raises(OverloadedError) as refused:
        admission.enter()
    assert refused.value.retry_after == 1
    first.leave(served=True)
    admission.enter()
    assert reasons == ["pictures"]


def test_pixels_are_counted_but_a_giant_enters_an_empty_house() -> None:
    admission = Admission(Limits(9, 1000, 10), Clock())
    giant, next_ = admission.enter(), admission.enter()
    giant.charge(5000)
    with pytest.raises(OverloadedError):
        next_.charge(1)
    giant.leave(served=True)
    next_.charge(1000)
    assert (admission.pictures, admission.pixels) == (1, 1000)


def test_retry_after_follows_the_measured_rate() -> None:
    clock = Clock()
    admission = Admission(Limits(100, 10**9, 1000), clock)
    for _ in range(20):  # 100 pixels a second
        ticket = admission.enter()
        ticket.charge(200)
        clock.now += 2
        ticket.leave(served=True)
        clock.now += 50  # idle time says nothing about the rate
    for _ in range(8):
        admission.enter().charge(200)
    assert admission.retry_after() == pytest.approx(8.0)


def test_a_queue_longer_than_the_limit_is_not_joined() -> None:
    clock = Clock()
    reasons: list[str] = []
    admission = Admission(Limits(100, 10**9, 5), clock, reasons.append)
    ticket = admission.enter()
    ticket.charge(100)
    clock.now += 1
    ticket.leave(served=True)
    admission.enter().charge(501)
    with pytest.raises(OverloadedError, match=r"queue is 5\.0 s long"):
        admission.enter().charge(1)
    assert reasons == ["seconds"]


def test_a_queue_that_outlasts_the_client_s_patience_is_not_joined() -> None:
    """100 pixels a second are served and 400 wait: 4 s, of which a client that leaves 5 s or more sees the end."""
    clock = Clock()
    admission = Admission(Limits(9, 10_000, 60), clock)
    admission.expect(100, 1.0)
    admission.enter().charge(400, 5.0)
    admission.enter().charge(0, 5.0)
    with pytest.raises(OverloadedError):
        admission.enter().charge(1, 4.9)
    admission.enter().charge(1)


def test_an_empty_house_takes_whoever_comes() -> None:
    clock = Clock()
    clock.now = 10.0
    admission = Admission(Limits(9, 10_000, 60), clock)
    admission.expect(100, 1.0)
    admission.enter().charge(400, 9.0)  # too late already, which another part says


def test_a_rate_measured_in_better_times_fades_while_nothing_is_served() -> None:
    """100 pixels in 1 s, then 9 s without one served, all past their deadlines, of which 7 count: 12.5 a second."""
    clock = Clock()
    admission = Admission(Limits(9, 10_000, 60), clock)
    admission.expect(100, 1.0)
    first = admission.enter()
    first.charge(500)
    admission.enter().charge(50, 10.0)
    clock.now = 9.0
    first.leave(served=False)
    with pytest.raises(OverloadedError):
        admission.enter().charge(50, 9.0 + 4.9)  # 50 wait for 4 s, more than 0.8 x 4.9
    admission.enter().charge(50, 9.0 + 5.1)


def test_before_anything_was_served_the_expected_pace_bounds_the_queue() -> None:
    admission = Admission(Limits(100, 10**9, 5), Clock())
    admission.expect(100, 1.0)
    admission.expect(10**6, 1.0)  # too late to say so
    for _ in range(6):
        admission.enter().charge(100)
    for refused in (admission.require_room, lambda: admission.enter().charge(1)):
        with pytest.raises(OverloadedError, match=r"queue is 6\.0 s long"):
            refused()
    assert admission.retry_after() == pytest.approx(3.0)


def test_room_is_asked_for_before_the_upload() -> None:
    reasons: list[str] = []
    admission = Admission(Limits(1, 1000, 5), Clock(), reasons.append)
    admission.require_room()
    assert admission.pictures == 0
    admission.enter()
    with pytest.raises(OverloadedError):
        admission.require_room()
    assert reasons == ["pictures"]


def test_pictures_that_no_decoder_has_opened_count_like_those_served() -> None:
    """100 pixels a second are served, 50 a picture: behind six unopened ones the queue is 3 s long."""
    clock = Clock()
    admission = Admission(Limits(100, 10**9, 2.9), clock)
    for _ in range(3):
        ticket = admission.enter()
        ticket.charge(50)
        clock.now += 0.5
        ticket.leave(served=True)
    waiting = [admission.enter() for _ in range(6)]
    for ask in (admission.require_room, admission.enter):
        with pytest.raises(OverloadedError, match=r"queue is 3\.0 s long"):
            ask()
    waiting[0].charge(40)  # 2.9 s now
    waiting.append(admission.enter())
    waiting.pop().leave(served=False)
    for ticket in waiting[1:]:
        ticket.leave(served=False)
    assert (admission.pictures, admission.pixels) == (1, 40)
    for _ in range(5):
        admission.enter()


def test_what_can_be_done_without_is_no_rejection() -> None:
    reasons: list[str] = []
    admission = Admission(Limits(9, 100, 10), Clock(), reasons.append)
    ticket = admission.enter()
    ticket.charge(60)
    with pytest.raises(OverloadedError):
        ticket.charge(60, counted=False)
    assert reasons == []
    assert admission.pixels == 60


def test_all_or_none() -> None:
    admission = Admission(Limits(3, 1000, 10), Clock())
    admission.enter_all(2)
    with pytest.raises(OverloadedError):
        admission.enter_all(2)
    assert admission.pictures == 2


def test_leaving_twice_counts_once() -> None:
    admission = Admission(Limits(3, 1000, 10), Clock())
    ticket = admission.enter()
    ticket.charge(10)
    ticket.leave(served=False)
    ticket.leave(served=True)
    assert (admission.pictures, admission.pixels) == (0, 0)


def test_a_picture_whose_client_left_while_it_was_opened_is_not_charged() -> None:
    admission = Admission(Limits(3, 1000, 10), Clock())
    ticket = admission.enter()
    ticket.leave(served=False)
    with pytest.raises(ClientGoneError):
        ticket.charge(10)
    assert (admission.pictures, admission.pixels) == (0, 0)


class AdmissionMachine(RuleBasedStateMachine):
    """Whatever comes and goes, the sums are those of the tickets inside and within the limits."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.admission = Admission(Limits(5, 1000, 1e9), self.clock)
        self.inside: list[tuple[Ticket, int]] = []

    @rule(pixels=st.integers(1, 1500), pause=st.floats(0, 3))
    def come(self, pixels: int, pause: float) -> None:
        self.clock.now += pause
        if len(self.inside) == 5:
            with pytest.raises(OverloadedError) as refused:
                self.admission.enter()
            assert 1 <= (refused.value.retry_after or 0) <= 60
            return
        ticket = self.admission.enter()
        held = sum(charged for _, charged in self.inside)
        if held and held + pixels > 1000:
            with pytest.raises(OverloadedError):
                ticket.charge(pixels)
            ticket.leave(served=False)
        else:
            ticket.charge(pixels)
            self.inside.append((ticket, pixels))

    @precondition(lambda self: bool(self.inside))
    @rule(which=st.integers(0, 4), served=st.booleans(), pause=st.floats(0, 3))
    def go(self, which: int, served: bool, pause: float) -> None:
        self.clock.now += pause
        ticket, _ = self.inside.pop(which % len(self.inside))
        ticket.leave(served=served)

    @invariant()
    def sums_are_true(self) -> None:
        assert self.admission.pictures == len(self.inside) <= 5
        assert self.admission.pixels == sum(charged for _, charged in self.inside)
        assert self.admission.pixels <= 1000 or len(self.inside) == 1


TestAdmissionMachine = AdmissionMachine.TestCase
TestAdmissionMachine.settings = settings(max_examples=40, stateful_step_count=30)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=30))
def test_retry_after_is_always_a_sensible_number(pauses: list[float]) -> None:
    clock = Clock()
    admission = Admission(Limits(10, 10**9, 1e9), clock)
    for pause in pauses:
        ticket = admission.enter()
        ticket.charge(1000)
        clock.now += pause
        ticket.leave(served=True)
    admission.enter().charge(10**6)
    assert 1 <= admission.retry_after() <= 60
