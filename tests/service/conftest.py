import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from spotter.registry.folder import FolderStore
from spotter.service.app import create_app
from spotter.service.lifecycle import State
from spotter.service.settings import Settings
from spotter.service.state import Service
from tests.service.tiny import write_tiny_bundle

hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")

Client = Callable[..., AbstractAsyncContextManager[tuple[httpx.AsyncClient, Service]]]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry of tiny models: alias `live` answers at once, `slow` takes a good part of a second a batch."""
    folder = tmp_path_factory.mktemp("registry")
    store = FolderStore(folder / "registry")
    for alias, work in (("live", 0), ("slow", 16)):
        write_tiny_bundle(folder / alias, work=work)
        store.set_alias("spotter", alias, store.publish(folder / alias).version)
    return store.root


@pytest.fixture
def client(registry: Path) -> Client:
    """A ready application, called in memory; keyword arguments are settings."""

    @asynccontextmanager
    async def client(**settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Service]]:
        app = create_app(Settings(registry=str(registry), **{"threads": 1, **settings}))
        service: Service = app.state.service
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://spotter") as http,
        ):
            while service.lifecycle.state is State.STARTING:
                await asyncio.sleep(0.005)
            yield http, service

    return client


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests see the defaults, whatever the shell says, and fetch bundles into a cache of their own."""
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
