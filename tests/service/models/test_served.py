"""Several models in one service: each answers, is swapped, rolled back, refused and revived by itself."""

import asyncio
import re
from pathlib import Path

import pytest

from spotter.registry.folder import FolderStore
from spotter.registry.reference import ModelReference
from spotter.service.errors import ModelNotFoundError
from spotter.service.memory import bound
from spotter.service.models.served import ServedModels
from spotter.service.settings import Settings
from spotter.service.telemetry.metrics import Metrics
from tests.reading.tiny import picture, words_of, write_tiny_bundle
from tests.service.conftest import Client
from tests.service.models.test_watcher import until
from tests.service.test_app import problem_of

MODELS = ("spotter", "curved", "spotter@next")
PICTURE = picture((1, 2, 3))


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Two models: `spotter` with versions 1 and 2, of which `next` is 2, and `curved` with versions 1 and 2."""
    store = FolderStore(tmp_path / "registry")
    for version in ("1", "2"):
        write_tiny_bundle(tmp_path / version)
        for name in ("spotter", "curved"):
            store.publish(tmp_path / version, name)
    for name in ("spotter", "curved"):
        store.set_alias(name, "live", "1")
    store.set_alias("spotter", "next", "2")
    return store.root


def counted(page: str, name: str, model: str) -> float:
    found = re.search(rf'^{name}{{[^}}]*model="{model}"[^}}]*}} (\S+)$', page, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(
    ("asked", "name", "version"),
    [
        (None, "spotter", "1"),
        ("spotter", "spotter", "1"),
        ("spotter@live", "spotter", "1"),
        ("spotter@next", "spotter", "2"),
        ("curved", "curved", "1"),
        ("curved@live", "curved", "1"),
    ],
)
async def test_a_request_is_read_by_the_model_that_it_names(
    client: Client, asked: str | None, name: str, version: str
) -> None:
    parameters = {} if asked is None else {"model": asked}
    async with client(models=MODELS) as (http, _):
        answer = (await http.post("/spot", content=PICTURE, params=parameters)).json()
        assert (answer["model"]["name"], answer["model"]["version"]) == (name, version)
        assert [word["text"] for word in answer["words"]] == list(words_of((1, 2, 3)))
        about = (await http.get("/v1/model", params=parameters)).json()
        assert about["digest"] == answer["model"]["digest"]


@pytest.mark.parametrize("asked", ["abcnet", "curved@next", "spotter@1", "Spotter", "spotter@"])
async def test_a_model_that_is_not_served_is_a_404_that_lists_those_that_are(client: Client, asked: str) -> None:
    async with client(models=MODELS) as (http, service):
        for response in (
            await http.post("/spot", content=PICTURE, params={"model": asked}),
            await http.get("/v1/model", params={"model": asked}),
        ):
            problem = problem_of(response, 404, "model-not-found")
            assert problem["detail"] == f"there is no model '{asked}' here; there are: spotter, curved, spotter@next"
            assert problem["fault"] == "client"
        assert service.handler.admission.pictures == 0


async def test_the_models_are_listed_with_the_default_first(client: Client) -> None:
    async with client(models=MODELS) as (http, _):
        listed = (await http.get("/v1/models")).json()["models"]
        assert [(each["model"], each["alias"], each["version"], each["default"]) for each in listed] == [
            ("spotter", "live", "1", True),
            ("curved", "live", "1", False),
            ("spotter@next", "next", "2", False),
        ]
        told = {each["name"]: each for each in (await http.get("/v1/capabilities")).json()["parameters"]}
        assert told["model"]["schema"]["enum"] == ["spotter", "curved", "spotter@next"]


async def test_metrics_tell_the_models_apart(client: Client) -> None:
    async with client(models=MODELS) as (http, _):
        for model in ("spotter", "curved", "curved"):
            await http.post("/spot", content=PICTURE, params={"model": model})
        page = (await http.get("/metrics")).text
    for name in ("spotter_pictures_total", "spotter_batch_pictures_sum", "spotter_batch_seconds_count"):
        assert [counted(page, name, model) for model in MODELS] == [1, 2, 0]
    assert counted(page, "spotter_words_total", "curved") == 4
    assert [counted(page, "spotter_reloads_total", model) for model in MODELS] == [1, 1, 1]
    assert 'spotter_model_info{digest="sha256:' in page


async def test_each_model_follows_its_own_alias(client: Client, registry: Path) -> None:
    store = FolderStore(registry)

    async with client(models=MODELS, poll_seconds=0.02) as (http, service):

        async def versions() -> list[str]:
            answers = [await http.post("/spot", content=PICTURE, params={"model": each}) for each in MODELS]
            assert {answer.status_code for answer in answers} == {200}
            return [answer.json()["model"]["version"] for answer in answers]

        def live(name: str) -> str | None:
            model = service.models.find(name).live
            return None if model is None else model.manifest.version

        assert await versions() == ["1", "1", "2"]
        store.set_alias("curved", "live", "2")
        await until(lambda: live("curved") == "2")
        assert await versions() == ["1", "2", "2"]
        assert store.rollback("curved", "live") == "1"
        await until(lambda: live("curved") == "1")
        assert await versions() == ["1", "1", "2"]


async def test_one_broken_engine_makes_the_replica_unready_until_it_is_replaced(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client(models=MODELS) as (http, service):
        broken = service.models.find("curved")
        live = broken.require_live()
        rebuild, may_rebuild = live.rebuild, asyncio.Event()
        loop = asyncio.get_running_loop()

        def slowly() -> object:
            asyncio.run_coroutine_threadsafe(may_rebuild.wait(), loop).result(10)
            return rebuild()

        class Dies:
            def run(self, *_: object) -> None:
                raise SystemExit

        monkeypatch.setattr(live, "rebuild", slowly)
        monkeypatch.setattr(live.engine._workers, "runner", Dies())
        lost = await http.post("/spot", content=PICTURE, params={"model": "curved"})
        problem_of(lost, 503, "engine-failed")
        problem = problem_of(await http.get("/health/ready"), 503, "not-ready")
        assert "the engine of curved" in problem["detail"]
        others = [
            await http.post("/spot", content=PICTURE, params={"model": each}) for each in MODELS if each != "curved"
        ]
        assert [each.status_code for each in others] == [200, 200]
        may_rebuild.set()
        await until(lambda: broken.supervisor.trouble(live.engine) is None)
        assert (await http.get("/health/ready")).status_code == 200
        assert (await http.post("/spot", content=PICTURE, params={"model": "curved"})).status_code == 200


async def test_all_models_share_one_admission(client: Client) -> None:
    async with client(models=MODELS, queue_pictures=2, max_pictures=2) as (http, service):
        tickets = service.handler.admission.enter_all(2)
        for model in MODELS:
            refused = await http.post("/spot", content=PICTURE, params={"model": model})
            problem_of(refused, 429, "overloaded")
        for ticket in tickets:
            ticket.leave(served=False)


def test_the_bound_on_memory_counts_every_model() -> None:
    one, two = bound(Settings(threads=2)), bound(Settings(threads=2, models=("spotter", "abcnet")))
    assert two["graphs"] == 2 * one["graphs"] > 0
    assert two | {"graphs": 0} == one | {"graphs": 0}
    lone, both = bound(Settings(threads=1)), bound(Settings(threads=1, models=("spotter", "abcnet")))
    assert both["batches"] == 2 * lone["batches"] > 0


def test_the_settings_name_the_models_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTTER_MODELS", "spotter, abcnet@canary")
    settings = Settings()
    assert settings.references == (ModelReference("spotter"), ModelReference("abcnet", "canary"))
    alone = settings.of(settings.references[1])
    assert (alone.model, alone.alias, alone.references) == ("abcnet", "canary", (ModelReference("abcnet", "canary"),))


def test_without_them_one_model_is_served_by_its_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTTER_MODELS", "")
    assert Settings().references == (ModelReference("spotter", "live"),)
    assert Settings(model="abcnet@2").references == (ModelReference("abcnet", "2"),)
    models = ServedModels(Settings(alias="next"), Metrics())
    assert models.find("spotter") is models.find("spotter@next") is models.default
    with pytest.raises(ModelNotFoundError, match="there are: spotter@next"):
        models.find("spotter@live")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models": ("spotter", "spotter@live")}, "names one of them twice"),
        ({"models": ("spotter", "Ab/c")}, "'Ab/c' is not a model's name"),
        ({"models": ("a@b@c",)}, "'a@b@c' is not a model's name"),
        ({"models": ("spotter",), "alias": "next"}, "the first of them is the default"),
        ({"model": "spotter@next", "alias": "live"}, "names an alias, and so does alias"),
    ],
)
def test_models_that_contradict_each_other_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**given)  # type: ignore[arg-type]
