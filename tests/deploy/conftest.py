import asyncio
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from spotter.registry.folder import FolderStore
from spotter.service.app import create_app
from spotter.service.lifecycle import State
from spotter.service.settings import Settings
from tests.deploy.promql import Page
from tests.reading.tiny import picture, write_tiny_bundle


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """What /metrics of a real service shows after an answer and mistakes of clients, one of them another service's."""
    folder = tmp_path_factory.mktemp("deploy")
    store = FolderStore(folder / "registry")
    write_tiny_bundle(folder / "bundle")
    store.set_alias("spotter", "live", store.publish(folder / "bundle").version)
    return asyncio.run(_ask(store.root))


async def _ask(registry: Path) -> Page:
    app = create_app(Settings(registry=str(registry), cache=registry.parent / "cache", threads=1, compat=("textract",)))
    service = app.state.service
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://spotter") as http,
    ):
        while service.lifecycle.state is State.STARTING:
            await asyncio.sleep(0.005)
        png = {"Content-Type": "image/png"}
        assert (await http.post("/spot", content=picture((7, 0, 0)), headers=png)).status_code == 200
        assert (await http.post("/spot", content=b"no picture", headers=png)).status_code == 415
        assert (await http.post("/compat/textract", json={})).status_code == 400
        text = (await http.get("/metrics")).text
    labels: dict[str, set[str]] = {}
    values: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
            for label, value in sample.labels.items():
                values.setdefault(label, set()).add(value)
    # What was never counted is declared on the page, without its labels.
    for collector, names in service.metrics.registry._collector_to_names.items():
        for name in names:
            if f"# TYPE {name.removesuffix('_total')}" in text or f"# TYPE {name}" in text:
                labels.setdefault(name, set()).update(getattr(collector, "_labelnames", ()))
    return Page(labels, values)
