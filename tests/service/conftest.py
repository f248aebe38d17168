import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from spotter.service.app import create_app
from spotter.service.lifecycle import State
from spotter.service.settings import Settings
from spotter.service.state import Service

hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")

Client = Callable[..., AbstractAsyncContextManager[tuple[httpx.AsyncClient, Service]]]


@pytest.fixture
def client(registry: Path) -> Client:
    """A ready application, called in memory; keyword arguments are settings."""

    @asynccontextmanager
    async def client(**settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Service]]:
        app = create_app(Settings(**{"registry": str(registry), "threads": 1, **settings}))
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
