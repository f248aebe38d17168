import asyncio
import queue

import pytest

from spotter.registry.errors import BundleError
from spotter.service.batching.engine import Engine
from spotter.service.batching.jobs import Done, Runner
from spotter.service.errors import EngineFailedError
from spotter.service.models.supervisor import FAILURES, HANGS, EngineSupervisor
from spotter.service.models.watcher import LoadedModels
from spotter.service.telemetry.metrics import Metrics
from tests.reading.tiny import picture, words_of
from tests.service.batching.test_engine import FAR, Answers, Gate, into, prepared
from tests.service.conftest import Client
from tests.service.models.test_watcher import model


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Setup:
    """A live model behind a gate, and a supervisor; `spare` is what a revived engine runs."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.gate, self.spare = Gate(), Gate()
        self.models = LoadedModels(Metrics(), "spotter")
        self.live = model("1", self.gate)
        self.live.engine._clock = self.clock
        self.live.rebuild = self.rebuild
        self.broken: Exception | None = None
        self.models.put(self.live)
        self.supervisor = EngineSupervisor(self.models, 60, self.clock)
        self.answers: Answers = queue.Queue()

    @property
    def engine(self) -> Engine:
        return self.live.engine

    def rebuild(self) -> Runner:
        if self.broken is not None:
            raise self.broken
        return self.spare

    def submit(self, value: int) -> None:
        self.engine.submit(prepared(value), FAR, into(self.answers, value))

    def enter(self, gate: Gate) -> None:
        assert gate.entered.acquire(timeout=10)

    def answer(self) -> object:
        return self.answers.get(timeout=10)[1]

    def kill(self) -> None:
        """Lets the engine's thread die of what no handler expects."""
        self.gate.dies = True
        self.submit(1)
        self.gate.opened.release()
        self.engine._workers.threads[0].join(10)
        assert not self.engine.alive


@pytest.fixture
async def setup() -> Setup:
    return Setup()


async def test_a_sound_engine_is_left_alone(setup: Setup) -> None:
    workers = setup.engine._workers
    setup.clock.now += 1000  # idle for long is no hanging
    assert setup.supervisor.trouble(setup.engine) is None
    await setup.supervisor.check()
    assert setup.engine._workers is workers
    assert not setup.supervisor.lost


async def test_an_engine_that_died_is_restarted_and_what_waited_is_read(setup: Setup) -> None:
    setup.kill()
    died = setup.answer()
    assert isinstance(died, EngineFailedError)
    assert died.retry_after == 1
    setup.submit(2)
    assert setup.supervisor.trouble(setup.engine) == "died"
    await setup.supervisor.check()
    setup.spare.opened.release()
    assert isinstance(setup.answer(), Done)
    assert setup.spare.batches == [[2]]
    assert setup.supervisor.trouble(setup.engine) is None
    assert not setup.supervisor.lost


async def test_an_engine_that_hangs_is_replaced_and_its_late_answer_is_dropped(setup: Setup) -> None:
    setup.submit(1)
    setup.enter(setup.gate)
    setup.submit(2)
    setup.clock.now += 59
    assert setup.supervisor.trouble(setup.engine) is None
    setup.clock.now += 2
    assert setup.engine.heartbeat == 61
    assert setup.supervisor.trouble(setup.engine) == "hangs"
    hanging = setup.engine._workers.threads[0]
    await setup.supervisor.check()
    assert isinstance(setup.answer(), EngineFailedError)
    setup.spare.opened.release()
    assert isinstance(setup.answer(), Done)
    setup.gate.opened.release()
    hanging.join(10)
    assert not hanging.is_alive()
    assert setup.answers.empty()


async def test_too_many_hanging_threads_ask_for_a_new_process(setup: Setup) -> None:
    gate = setup.gate
    for number in range(HANGS + 1):
        assert not setup.supervisor.lost
        setup.submit(number)
        setup.enter(gate)
        setup.clock.now += 61
        gate = setup.spare = Gate()
        await setup.supervisor.check()
    assert setup.supervisor.lost


async def test_an_engine_that_nobody_replaces_asks_for_a_new_process(setup: Setup) -> None:
    setup.submit(1)
    setup.enter(setup.gate)
    setup.clock.now += 121
    assert setup.supervisor.lost


async def test_failing_batch_after_batch_brings_a_new_session(setup: Setup) -> None:
    setup.gate.fails = True
    for number in range(FAILURES):
        assert setup.supervisor.trouble(setup.engine) is None
        setup.submit(number)
        setup.gate.opened.release()
        assert isinstance(setup.answer(), EngineFailedError)
    assert setup.supervisor.trouble(setup.engine) == "fails"
    await setup.supervisor.check()
    setup.submit(9)
    setup.spare.opened.release()
    assert isinstance(setup.answer(), Done)


async def test_what_cannot_be_revived_refuses_and_is_tried_again_more_and_more_seldom(setup: Setup) -> None:
    setup.kill()
    setup.answer()
    setup.submit(2)
    setup.broken = BundleError("the device is gone")
    await setup.supervisor.check()
    assert isinstance(setup.answer(), EngineFailedError)
    with pytest.raises(EngineFailedError):
        setup.submit(3)
    assert setup.supervisor.lost
    tried: list[float] = []
    rebuild = setup.rebuild

    def counted() -> Runner:
        tried.append(setup.clock.now)
        return rebuild()

    setup.live.rebuild = counted
    for _ in range(80):
        setup.clock.now += 1
        await setup.supervisor.check()
    assert [round(at - 100) for at in tried] == [1, 3, 7, 15, 31, 61]
    setup.broken = None
    setup.clock.now += 60
    await setup.supervisor.check()
    assert not setup.supervisor.lost
    setup.submit(4)
    setup.spare.opened.release()
    assert isinstance(setup.answer(), Done)


async def test_an_engine_that_hangs_and_cannot_be_rebuilt_stays_in_trouble(setup: Setup) -> None:
    setup.submit(1)
    setup.enter(setup.gate)
    setup.clock.now += 61
    setup.broken = BundleError("no memory")
    await setup.supervisor.check()
    assert isinstance(setup.answer(), EngineFailedError)
    await setup.supervisor.check()  # the hanging batch is nobody's now, and the engine looks idle
    assert setup.supervisor.trouble(setup.engine) == "is down"
    assert setup.supervisor.lost
    setup.broken = None
    setup.clock.now += 2
    await setup.supervisor.check()
    assert setup.supervisor.trouble(setup.engine) is None
    assert not setup.supervisor.lost
    setup.submit(4)
    setup.spare.opened.release()
    assert isinstance(setup.answer(), Done)
    setup.gate.opened.release()


async def test_a_former_model_whose_engine_died_answers_what_it_holds(setup: Setup) -> None:
    setup.kill()
    setup.answer()
    setup.submit(2)
    setup.models.put(model("2"))
    await setup.supervisor.check()
    assert isinstance(setup.answer(), EngineFailedError)


async def test_over_http_the_batch_gets_503_and_readiness_tells(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client() as (http, service):
        assert service.models.default.live is not None
        go_on = asyncio.Event()
        loop = asyncio.get_running_loop()
        rebuild = service.models.default.live.rebuild

        def slowly() -> Runner:
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
            return rebuild()

        class Dies:
            def run(self, *_: object) -> None:
                raise SystemExit

        monkeypatch.setattr(service.models.default.live, "rebuild", slowly)
        monkeypatch.setattr(service.models.default.live.engine._workers, "runner", Dies())
        response = await http.post("/spot", content=picture((1, 0, 0)))
        assert (response.status_code, response.json()["type"]) == (503, "urn:spotter:problem:engine-failed")
        assert response.headers["retry-after"] == "1"
        response = await http.get("/health/ready")
        assert response.status_code == 503
        assert "the engine of spotter died" in response.json()["detail"]
        assert "spotter_ready 0.0" in (await http.get("/metrics")).text
        assert (await http.get("/health/live")).status_code == 200
        waiting = asyncio.create_task(http.post("/spot", content=picture((2, 0, 0))))
        await asyncio.sleep(0.05)
        go_on.set()
        assert [word["text"] for word in (await waiting).json()["words"]] == words_of((2, 0, 0))
        assert (await http.get("/health/ready")).status_code == 200


async def test_live_tells_when_only_a_new_process_helps(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client() as (http, service):
        monkeypatch.setattr(EngineSupervisor, "lost", True)
        response = await http.get("/health/live")
        assert response.status_code == 503
        assert "cannot be brought back" in response.json()["detail"]
        assert service.models.default.supervisor.lost
