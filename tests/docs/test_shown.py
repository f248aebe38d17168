"""What pages show of answers, and list of options, members, names and defaults, is what the program has."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import click
import pandas
import pytest

from spotter.cli.main import main
from spotter.client import Client, PictureAnswer, Retries, errors
from spotter.client.exchange import TIMEOUT
from spotter.mcp.readers import LocalReader
from spotter.mcp.server import build_server
from spotter.reading.pages import PDF_SIDE
from spotter.reading.settings import ReadingSettings
from spotter.registry.cache import KEEP
from spotter.service.settings import Settings
from spotter.training.evaluation.datasets import PRESETS
from spotter.training.evaluation.kinds import KINDS
from spotter.training.synthesis.curved.emblems import KINDS as EMBLEMS
from spotter.training.synthesis.pages import PAGE_LOOKS
from spotter.training.synthesis.scenes import SCENE_LOOKS
from spotter.training.synthesis.words import SHARES
from spotter.video import changes
from spotter.video.frames import MOST_FRAMES
from tests.docs.pages import PAGES, ROOT, blocks, quoted, table
from tests.reading.documents import HELLO, pdf
from tests.reading.tiny import picture
from tests.service.conftest import Client as InMemory


def examples(page: str) -> list[Any]:
    """The page's blocks of JSON; what they leave out is empty."""
    shown = [block.code.replace("{...}", "{}") for block in blocks(page) if block.language == "json"]
    return [json.loads(code) for code in shown]


def test_every_example_of_json_is_compared_here() -> None:
    assert {page: len(examples(page)) for page in PAGES if examples(page)} == {
        "README.md": 1,
        "docs/mcp.md": 1,
        "docs/service.md": 2,
        "docs/video.md": 1,  # with what comes out, by the page's table of members: walks.py
    }


def same_members(shown: Any, real: Any, where: str = "") -> None:
    """Raises AssertionError where an example has other members than the answer; what is empty is left out."""
    if isinstance(shown, dict) and shown:
        assert list(shown) == list(real), where
        for name, value in shown.items():
            same_members(value, real[name], f"{where}.{name}")
    elif isinstance(shown, list) and shown and real:
        same_members(shown[0], real[0], f"{where}[0]")
    elif isinstance(shown, (str, bool)) and real is not None:
        assert type(shown) is type(real), where


async def test_answers_have_the_members_that_the_pages_show(in_memory: InMemory) -> None:
    (readme,), (document, answer) = examples("README.md"), examples("docs/service.md")
    async with in_memory() as (http, _):
        real = (await http.post("/spot", content=picture((20, 40, 0), (96, 64)))).json()
        same_members(readme, real)
        same_members(answer, real)
        pages = (await http.post("/spot", content=pdf([HELLO], count=2))).json()
    assert list(document) == list(pages)
    same_members(document["pages"][0], pages["pages"][0])
    assert pages["pages"][0]["source"] == document["pages"][0]["source"] == "text"
    assert document["pages"][1].keys() <= pages["pages"][1].keys()


def test_a_track_has_the_members_that_the_page_explains() -> None:
    (track,) = examples("docs/video.md")
    assert list(track) == [name for row in table("docs/video.md", "member") for name in quoted(row[0])]


async def test_the_assistants_configuration_and_tools_are_those_of_the_page(registry: Path, tmp_path: Path) -> None:
    (configuration,) = examples("docs/mcp.md")
    program = configuration["mcpServers"]["spotter"]
    assert program["command"] == "spotter"
    name, *options = (str(tmp_path) if word.startswith("/") else word for word in program["args"])
    command(name).make_context(name, list(options))
    server = build_server(LocalReader(ReadingSettings(registry=str(registry), threads=1)), [tmp_path])
    tools = {tool.name: tool for tool in await server.list_tools()}
    page = (ROOT / "docs/mcp.md").read_text()
    assert tools.keys() == {row[0].strip("`") for row in table("docs/mcp.md", "tool")}
    for tool in tools.values():
        for argument in tool.input_schema["properties"]:
            assert f"`{argument}`" in page


def command(name: str) -> click.Command:
    assert isinstance(main, click.Group)
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def default(name: str, option: str) -> Any:
    """Of an option of a command."""
    return next(parameter.default for parameter in command(name).params if parameter.name == option)


@pytest.mark.parametrize(("page", "name"), [("docs/video.md", "video"), ("docs/mcp.md", "mcp")])
def test_options_that_a_page_lists_are_the_commands(page: str, name: str) -> None:
    listed = {
        word for row in table(page, "option") for code in quoted(row[0]) for word in re.findall(r"--[\w-]+", code)
    }
    known = {option for parameter in command(name).params for option in parameter.opts}
    assert listed <= known
    assert known - listed <= {"--model", "--alias", "--registry", "--threads"} | {"source"}


def test_limits_and_problems_of_videos() -> None:
    page = (ROOT / "docs/video.md").read_text()
    assert f"({MOST_FRAMES:,};" in page
    code = "".join(
        file.read_text() for folder in ("video", "reading") for file in (ROOT / "spotter" / folder).glob("*.py")
    )
    for row in table("docs/video.md", "problem"):
        assert f'"{row[0].strip("`")}"' in code


def test_what_the_client_offers() -> None:
    methods = [name for row in table("docs/client.md", "method") for name in quoted(row[0])]
    assert {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")} - {
        "close"
    } == set(methods)
    for row in table("docs/client.md", "error"):
        for name in quoted(row[0]):
            if name.endswith("Error"):
                assert issubclass(getattr(errors, name), errors.SpotterError)
    page = (ROOT / "docs/client.md").read_text()
    (columns,) = re.findall(r"`to_dataframe\(\)` \(pandas\) has a row for each word: (.*?), of\s", page, re.DOTALL)
    word = {"polygon": [[0, 0], [9, 0], [9, 5], [0, 5]], "text": "a", "score": 1.0, "detection_score": None,
            "reading_score": None, "direction": 0.0, "line": 0, "block": 0}  # fmt: skip
    answer = PictureAnswer.from_json(
        {"model": {"name": "m", "version": "1", "digest": "d"}, "image": {"width": 9, "height": 5}, "words": [word],
         "reading": None, "warnings": []}
    )  # fmt: skip
    frame = answer.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == quoted(columns)


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("docs/bulk.md", f"`--part` ({default('bulk', 'part')})"),
        ("docs/bulk.md", f"a long side of {PDF_SIDE:,} pixels"),
        ("docs/client.md", f"yes, up to {Retries().connects} times"),
        ("docs/client.md", f"`timeout` ({TIMEOUT:g} s unless given"),
        ("docs/registry.md", f"The {('no', 'one', 'two', 'three', 'four', 'five')[KEEP]} bundles used last are kept"),
        ("docs/video.md", f"scaled down to a long side of {changes.SIDE}"),
        ("docs/video.md", f"Below {changes.LEAST} of 255 levels"),
    ],
)
def test_numbers_in_sentences(page: str, sentence: str) -> None:
    assert sentence in " ".join((ROOT / page).read_text().split())


def test_outcomes_of_following_an_alias() -> None:
    page = (ROOT / "docs/registry.md").read_text()
    code = (ROOT / "spotter/service/models/watcher.py").read_text()
    (outcomes,) = re.findall(r"The other outcomes are `(\w+)` and `(\w+)`", page)
    for outcome in (*outcomes, "refused", "failed"):
        assert f'"{outcome}"' in code
        assert outcome in page


def test_settings_have_the_defaults_of_the_page() -> None:
    nothing = ("", "none", "embedded", "`~/.cache/spotter/bundles`")
    for name, default, _ in table("docs/service.md", "variable"):
        value = Settings.model_fields[name.strip("`").removeprefix("SPOTTER_").lower()].default
        if value is None or value == ():
            assert default in nothing, name
        elif isinstance(value, bool):
            assert default == str(value).lower(), name
        elif isinstance(value, (int, float)):
            assert float(default) == value, name
        else:
            assert default == value, name


def test_presets_of_evaluation_are_judged_as_the_page_says() -> None:
    rows = {row[0].strip("`"): row for row in table("docs/evaluation.md", "preset")}
    assert list(rows) == list(PRESETS)
    for name, preset in PRESETS.items():
        assert rows[name][2].removesuffix(" F").replace("-", " ") == preset.measure.replace("_", " ")
        assert (preset.boxes == "lines") == rows[name][3].startswith("lines")


def test_kinds_of_words_that_are_counted() -> None:
    names = {name for row in table("docs/evaluation.md", "kind") for name in row[0].split(", ")}
    assert names == set(KINDS)


def test_shares_of_synthetic_words_and_looks() -> None:
    rows = table("docs/synthesis.md", "kind")
    assert {kind: (float(scenes), float(pages)) for kind, scenes, pages, _ in rows} == SHARES
    page = (ROOT / "docs/synthesis.md").read_text()
    (looks,) = re.findall(r"\*\*Looks\.\*\*.*?\n\n", page, re.DOTALL)
    (curved,) = re.findall(r"\*\*Curved words\.\*\*.*?\n\n", page, re.DOTALL)
    shown = {name: float(share) for name, share in re.findall(r"`(\w+)`\s+\((0\.\d+)", looks)}
    assert shown == {**SCENE_LOOKS, **PAGE_LOOKS}
    emblems = {name: float(share) for name, share in re.findall(r"`(\w+)`\s+\((0\.\d+)", curved)}
    assert emblems == pytest.approx({name: kind.share for name, kind in EMBLEMS.items()})
