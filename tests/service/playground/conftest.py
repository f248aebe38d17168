"""The pages as a person uses them: one server, one browser, a fresh tab for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from spotter.registry.folder import FolderStore
from tests.programs import find
from tests.service.playground.page_model import write_page_bundle
from tests.service.serving import Serving, serving

KEY = "a-key-of-the-tests-0001"
PATIENCE = 60_000
"""Milliseconds that anything may take: the machine may be busy."""

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service that asks for a key and reads the same page in every picture."""
    folder = tmp_path_factory.mktemp("playground")
    write_page_bundle(folder / "page")
    store = FolderStore(folder / "registry")
    store.set_alias("spotter", "live", store.publish(folder / "page").version)
    (folder / "keys").write_text(KEY)
    patient: dict[str, Any] = {"timeout": 600, "document_timeout": 600, "queue_seconds": 600}
    with serving(registry=store.root, threads=1, api_keys_file=folder / "keys", **patient) as running:
        running.ready()
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, without a window, with a camera that is none."""
    program = find("chromium")
    assert program is not None, (
        "THE PLAYGROUND NOT TESTED: there is no chromium here (Debian: apt-get install chromium)"
    )
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=["--no-sandbox", *camera])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(server: Serving, browser: Browser) -> Iterator[Visit]:
    """Opens a page of the service in a tab of its own; arguments are the tab's. No page may fail, break its policy or
    ask anybody else."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # Refusals are what some tests are about.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            wrong.append(message.text)

    def visit(path: str = "", *, key: str | None = KEY, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write", "camera"])
        if key is not None:
            context.add_init_script(
                f"sessionStorage.getItem('spotter-key') ?? sessionStorage.setItem('spotter-key', '{key}')"
            )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", heard)
        page.on(
            "request",
            lambda request: None if request.url.startswith((server.url, "blob:")) else wrong.append(request.url),
        )
        page.goto(f"{server.url}/{path}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture(scope="session")
def samples() -> Path:
    """Where the playground's own pictures lie."""
    return Path(__file__).parents[3] / "spotter/service/playground/static/samples"
