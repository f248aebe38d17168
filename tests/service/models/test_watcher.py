import asyncio
import gc
import random
import threading
import weakref
from collections.abc import Callable, Sequence

import pytest

from spotter.registry.errors import BundleError, RegistryError
from spotter.registry.manifest import FileEntry, Golden, InputSpec, Manifest
from spotter.service.batching.batcher import BatchLimits, Shape
from spotter.service.batching.engine import Engine
from spotter.service.models.live import LoadedModel
from spotter.service.models.watcher import DRAIN_LOOK, JITTER, LoadedModels, Watcher
from spotter.service.telemetry.metrics import Metrics
from tests.service.batching.test_engine import FAR, Gate, prepared


def model(version: str, gate: Gate | None = None) -> LoadedModel:
    files = {"model.onnx": FileEntry("a" * 64, 1), "golden.png": FileEntry("b" * 64, 1)}
    manifest = Manifest("spotter", version, files, "abc", InputSpec(), 18, Golden("golden.png", ("a",)), 0.5)
    engine = Engine(gate or Gate(), BatchLimits(4, 4 * 32 * 64))
    engine.start()
    return LoadedModel("spotter", manifest, engine, manifest.digest, Gate)


class Versions:
    """A registry whose answers the test sets; what it was asked to load is in `loaded`."""

    def __init__(self) -> None:
        self.alias = "1"
        self.stamps: dict[str, str] = {}
        self.faults: dict[str, Exception] = {}
        self.loaded: list[str] = []
        self.shapes: Sequence[Shape] = ()
        self.away: Exception | None = None

    def resolve(self) -> str:
        if self.away is not None:
            raise self.away
        return self.alias

    def stamp(self, version: str) -> str:
        return self.stamps.get(version, "")

    def load(self, version: str, shapes: Sequence[Shape]) -> LoadedModel:
        self.loaded.append(version)
        self.shapes = shapes
        if version in self.faults:
            raise self.faults[version]
        return model(version)


class Setup:
    def __init__(self) -> None:
        self.metrics = Metrics()
        self.models = LoadedModels(self.metrics, "spotter")
        self.versions = Versions()
        self.watcher = Watcher(self.models, self.versions, self.metrics, 10)
        self.models.put(model("1"))

    @property
    def live(self) -> str:
        assert self.models.live is not None
        return self.models.live.manifest.version

    def counted(self, outcome: str) -> float:
        return (
            self.metrics.registry.get_sample_value("spotter_reloads_total", {"model": "spotter", "outcome": outcome})
            or 0.0
        )


@pytest.fixture
async def setup() -> Setup:
    return Setup()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_nothing_happens_while_the_alias_stays(setup: Setup) -> None:
    assert await setup.watcher.poll() == "unchanged"
    assert (setup.live, setup.versions.loaded, setup.models.previous) == ("1", [], None)


async def test_the_alias_is_followed_and_rolling_back_loads_nothing(setup: Setup) -> None:
    setup.versions.alias = "2"
    assert await setup.watcher.poll() == "loaded"
    assert setup.live == "2"
    assert setup.models.previous is not None
    assert setup.models.previous.engine.alive
    setup.versions.alias = "1"
    assert await setup.watcher.poll() == "rolled_back"
    assert (setup.live, setup.versions.loaded) == ("1", ["2"])
    setup.versions.alias = "2"
    assert await setup.watcher.poll() == "rolled_back"
    assert (setup.live, setup.versions.loaded) == ("2", ["2"])
    page = setup.metrics.render().decode()
    assert "spotter_model_info{" in page
    assert 'version="2"' in page
    assert (setup.counted("loaded"), setup.counted("rolled_back")) == (1, 2)


async def test_a_refused_version_leaves_the_live_one_and_is_not_tried_until_it_changes(setup: Setup) -> None:
    live = setup.models.live
    setup.versions.alias, setup.versions.faults["2"] = "2", BundleError("it is spoilt")
    assert await setup.watcher.poll() == "refused"
    for _ in range(3):
        assert await setup.watcher.poll() == "unchanged"
    assert (setup.models.live, setup.versions.loaded, setup.counted("refused")) == (live, ["2"], 1)
    assert setup.models.refusal is not None
    assert (setup.models.refusal.version, setup.models.refusal.reason) == ("2", "it is spoilt")
    setup.versions.stamps["2"] = "changed"
    assert await setup.watcher.poll() == "refused"
    del setup.versions.faults["2"]
    assert await setup.watcher.poll() == "unchanged"
    setup.versions.stamps["2"] = "mended"
    assert await setup.watcher.poll() == "loaded"
    assert setup.live == "2"
    assert setup.models.refusal is None


async def test_a_refusal_is_forgotten_when_the_alias_returns(setup: Setup) -> None:
    setup.versions.alias, setup.versions.faults["2"] = "2", BundleError("it is spoilt")
    await setup.watcher.poll()
    setup.versions.alias = "1"
    assert await setup.watcher.poll() == "unchanged"
    assert setup.models.refusal is None


async def test_a_mistake_of_ours_counts_as_a_refusal(setup: Setup) -> None:
    setup.versions.alias, setup.versions.faults["2"] = "2", MemoryError()
    assert await setup.watcher.poll() == "refused"
    assert await setup.watcher.poll() == "unchanged"
    assert setup.live == "1"


async def test_what_may_pass_is_tried_again_and_logged_once(setup: Setup, caplog: pytest.LogCaptureFixture) -> None:
    setup.versions.alias, setup.versions.faults["2"] = "2", RegistryError("the disk is too full")
    for _ in range(3):
        assert await setup.watcher.poll() == "failed"
    assert (setup.live, setup.versions.loaded, setup.counted("failed")) == ("1", ["2"] * 3, 3)
    assert caplog.text.count("the disk is too full") == 1
    setup.versions.away = RegistryError("nobody answers")
    assert await setup.watcher.poll() == "failed"
    setup.versions.away = None
    setup.versions.faults.clear()
    assert await setup.watcher.poll() == "loaded"
    assert setup.live == "2"


async def test_the_next_model_is_warmed_for_the_shapes_seen(setup: Setup) -> None:
    assert setup.models.live is not None
    setup.models.live.engine._shapes.extend([(32, 64), (64, 64), (32, 64)])
    setup.versions.alias = "2"
    await setup.watcher.poll()
    assert setup.versions.shapes == [(32, 64), (64, 64)]


async def test_a_model_two_swaps_old_ends_when_its_requests_are_answered(setup: Setup) -> None:
    first = setup.models.live
    assert first is not None
    with first.held():
        for version in ("2", "3"):
            setup.versions.alias = version
            await setup.watcher.poll()
        assert setup.models.retired == [first]
        await asyncio.sleep(0.15)
        assert first.engine.alive
    await until(lambda: not first.engine.alive)
    await until(lambda: setup.models.retired == [])
    assert [each.manifest.version for each in setup.models.all] == ["3", "2"]


async def test_a_model_two_swaps_old_is_forgotten_without_waiting_for_the_garbage_collector(setup: Setup) -> None:
    assert setup.models.live is not None
    first, runner = (weakref.ref(each) for each in (setup.models.live, setup.models.live.engine._workers.runner))
    gc.disable()
    try:
        for version in ("2", "3"):
            setup.versions.alias = version
            await setup.watcher.poll()
        await until(lambda: setup.models.draining == set())
        await until(lambda: first() is None and runner() is None)
    finally:
        gc.enable()


@pytest.mark.parametrize("fails", [False, True])
async def test_a_former_model_gives_its_memory_back_when_its_requests_are_answered(setup: Setup, fails: bool) -> None:
    gate = Gate()
    gate.fails = fails
    setup.models.put(old := model("7", gate))
    with old.held():
        setup.versions.alias = "8"
        assert await setup.watcher.poll() == "loaded"
        await asyncio.sleep(3 * DRAIN_LOOK)
        assert gate.releases == 0
    await until(lambda: gate.releases == 1)
    await until(lambda: setup.models.draining == set())
    assert setup.live == "8"


async def test_a_model_that_came_back_keeps_its_memory(setup: Setup) -> None:
    gate = Gate()
    setup.models.put(old := model("7", gate))
    with old.held():
        setup.models.put(model("8"))
        setup.models.put(old)
    await until(lambda: setup.models.draining == set())
    assert gate.releases == 0


async def test_a_request_of_the_old_model_is_finished_by_it(setup: Setup) -> None:
    gate = Gate()
    setup.models.put(old := model("7", gate))
    answered = threading.Event()
    old.engine.submit(prepared(1), FAR, lambda done: answered.set())
    setup.versions.alias = "8"
    assert await setup.watcher.poll() == "loaded"
    assert not answered.is_set()
    gate.opened.release()
    await until(answered.is_set)
    assert setup.live == "8"


async def test_polls_are_spread_and_never_later_than_set(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 50:
            raise asyncio.CancelledError

    watcher = Watcher(setup.models, setup.versions, setup.metrics, 10, random.Random(1))

    async def poll() -> str:
        return "unchanged"

    monkeypatch.setattr(watcher, "poll", poll)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await watcher.run()
    assert min(slept) >= 10 * (1 - JITTER)
    assert max(slept) <= 10
    assert len(set(slept)) == 50


async def test_closing_ends_every_engine(setup: Setup) -> None:
    for version in ("2", "3"):
        setup.versions.alias = version
        await setup.watcher.poll()
    models = setup.models.all
    await asyncio.to_thread(setup.models.close)
    assert not any(each.engine.alive for each in models)
