"""Every command and every example in Python that the pages show is run, or is left out for a reason that is written
down."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.docs.left_out import ELSEWHERE, LEFT_OUT
from tests.docs.pages import PAGES, ROOT, SHELL, Block, blocks, commands
from tests.docs.shell import Shell
from tests.docs.walks import WALKS
from tests.lengths import LONG
from tests.programs import needs
from tests.service.serving import serving

SHOWN = "json"
"""The language of what comes out, or of other programs' settings, which test_shown.py looks at."""


def begins(page: str, command: str, table: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The beginnings in a table that a command of the page has."""
    return [beginning for beginning in table.get(page, {}) if command.startswith(beginning)]


def to_run(page: str) -> list[tuple[Block, str]]:
    """What a page's walk runs."""
    return [
        (block, command)
        for block in blocks(page)
        if block.language != SHOWN
        for command in commands(block)
        if not begins(page, command, LEFT_OUT) and not begins(page, command, ELSEWHERE)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_whatever_a_page_shows_is_run_or_left_out_for_a_reason(page: str) -> None:
    languages = {block.language for block in blocks(page)}
    assert languages <= {*SHELL, SHOWN, "text", "python", "toml", "typescript", "yaml"}, "a language that no test knows"
    if page not in WALKS:
        assert [f"{block}: {command}" for block, command in to_run(page)] == []
    else:
        for beginning in WALKS[page].long:
            assert any(command.startswith(beginning) for _, command in to_run(page))
    shown = [command for block in blocks(page) for command in commands(block)]
    for table in (LEFT_OUT, ELSEWHERE):
        used = {beginning for command in shown for beginning in begins(page, command, table)}
        assert table.get(page, {}).keys() == used, "the page no longer shows some that are left out"
    assert WALKS.keys() | LEFT_OUT.keys() | ELSEWHERE.keys() <= set(PAGES)


@pytest.mark.parametrize("test", sorted({test for page in ELSEWHERE.values() for test in page.values()}))
def test_tests_that_run_what_pages_show_exist(test: str) -> None:
    file, _, name = test.partition("::")
    code = (ROOT / file).read_text()
    assert not name or re.search(rf"^(async )?def {name}\(", code, re.M)


@pytest.fixture(scope="module")
def address(registry: Path) -> Iterator[str]:
    """Of a service with the tiny model."""
    with serving(registry=registry, threads=1) as server:
        server.ready()
        yield f"127.0.0.1:{server.port}"


@pytest.fixture
def folder(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which commands run with the tiny model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPOTTER_REGISTRY", str(registry))
    monkeypatch.setenv("SPOTTER_CACHE", str(tmp_path / ".cache"))
    monkeypatch.setenv("SPOTTER_THREADS", "1")
    return tmp_path


def marks(page: str) -> list[pytest.MarkDecorator]:
    walk = WALKS[page]
    found = [pytest.mark.timeout(3600 if LONG and walk.long else 600)]
    if any(command.startswith("curl ") for _, command in to_run(page)):
        found.append(needs("curl", page, "apt-get install curl"))
    return found


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("page", [pytest.param(page, marks=marks(page)) for page in WALKS])
def test_commands_do_what_the_page_says(page: str, folder: Path, address: str) -> None:
    walk = WALKS[page]
    printed = {}
    with contextlib.ExitStack() as processes:
        shell = Shell(folder, address, processes)
        prepared = processes.enter_context(walk.prepare(folder))
        replace = {**(prepared or {}), **walk.replace}
        for block, command in to_run(page):
            if not LONG and command.startswith(tuple(walk.long)):
                continue
            text = command
            for shown, instead in replace.items():
                text = text.replace(shown, instead)
            try:
                said = shell.python(text) if block.language == "python" else shell.run(text)
            except (Exception, SystemExit) as error:
                raise AssertionError(f"{block}: {command}\n{type(error).__name__}: {error}") from error
            printed[re.sub(r"\s+#.*", "", command)] = said
        walk.check(folder, printed)
