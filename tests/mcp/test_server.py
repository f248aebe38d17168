"""`spotter mcp`, asked by the SDK's own client over standard input and output."""

import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from spotter.cli.main import main
from tests.reading.documents import HELLO, pdf, tiff
from tests.reading.tiny import picture
from tests.service.serving import serving

ROOT = Path(__file__).parents[2]
COLOURS = [(5, 6, 0), (7, 0, 0), (0, 250, 0)]
KEY = "a-key-of-the-tests-0001"


@asynccontextmanager
async def served(*options: str, **variables: str) -> AsyncIterator[Client]:
    """The command's client."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "spotter", "mcp", *options],
        env={"PYTHONPATH": str(ROOT), "HOME": os.environ["HOME"], **variables},
    )
    async with Client(command) as client:
        yield client


async def ask(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers: its structured content, and its text."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert not result.is_error, content.text
    return result.structured_content, content.text


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """Why a tool refuses."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert result.is_error
    return content.text


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_files_are_read_by_path_and_in_base64(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    file = tmp_path / "allowed" / "picture.png"
    file.write_bytes(picture((5, 6, 0), (96, 64)))
    (tmp_path / "other.png").write_bytes(file.read_bytes())
    (tmp_path / "allowed" / "link.png").symlink_to(tmp_path / "other.png")
    options = ("--registry", str(registry), "--threads", "1", "--root", str(file.parent))
    async with served(*options) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"read_text", "locate_text"}
        for tool in tools.values():
            assert tool.description
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            assert all(each["description"] for each in tool.input_schema["properties"].values())

        _, text = await ask(client, "read_text", path=str(file))
        assert text == "005\n006"
        words = [
            {"text": "005", "box": [0, 0, 96, 32], "score": 0.9},
            {"text": "006", "box": [0, 32, 96, 64], "score": 0.9},
        ]
        for level, places in (
            ("words", words),
            ("lines", words),
            ("blocks", [{"text": "005\n006", "box": [0, 0, 96, 64], "score": 0.9}]),
        ):
            located, written = await ask(client, "locate_text", path=str(file), level=level)
            assert located == {
                "page_count": 1,
                "pages": [{"page": 1, "width": 96, "height": 64, "places": places, "warnings": []}],
            }
            assert json.loads(written) == located

        data = encoded(tiff(COLOURS))
        assert (await ask(client, "read_text", data=data, pages="3,1"))[1] == (
            "[Page 1 of 3]\n\n005\n006\n\n[Page 3 of 3]\n\n250"
        )
        assert (await ask(client, "read_text", data=f"data:image/png;base64,{encoded(picture((0, 0, 9)))}"))[1] == (
            "[No text]"
        )
        carried, _ = await ask(client, "locate_text", data=encoded(pdf([HELLO], count=2)))
        assert [place["text"] for place in carried["pages"][0]["places"]] == ["Hello World"]
        assert carried["pages"][0]["places"][0]["score"] == 1
        assert "page 2" in carried["pages"][1]["problem"]

        for outside in (tmp_path / "other.png", file.parent / "link.png", f"{file.parent}/../other.png"):
            assert "is not below" in await refused(client, "read_text", path=str(outside))
        assert "No such file" in await refused(client, "read_text", path=str(file.parent / "none.png"))
        assert "either path or data" in await refused(client, "read_text")
        assert "either path or data" in await refused(client, "locate_text", path=str(file), data=data)
        assert "not base64" in await refused(client, "read_text", data="?")
        assert "no JPEG" in await refused(client, "read_text", data=encoded(b"nothing"))
        assert "3 pages" in await refused(client, "read_text", data=data, pages="4")
        assert "not like 1-3,7" in await refused(client, "read_text", data=data, pages="last")


async def test_a_service_reads_where_one_is_named(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(KEY)
    with serving(registry=registry, threads=1, api_keys_file=tmp_path / "keys") as server:
        server.ready()
        async with served("--url", server.url, SPOTTER_API_KEY=KEY) as client:
            assert (await ask(client, "read_text", data=encoded(picture((5, 6, 0)))))[1] == "005\n006"
            located, _ = await ask(client, "locate_text", data=encoded(tiff(COLOURS)), pages="2-")
            assert [page["places"][0]["text"] for page in located["pages"]] == ["007", "250"]
            assert "no JPEG" in await refused(client, "read_text", data=encoded(b"nothing"))
        async with served("--url", server.url, "--model", "abcnet@next", SPOTTER_API_KEY=KEY) as wrong:
            assert "there are: spotter" in await refused(wrong, "read_text", data=encoded(picture((5, 6, 0))))
        async with served(SPOTTER_URL=server.url) as stranger:
            assert "no valid API key" in await refused(stranger, "read_text", data=encoded(picture((5, 6, 0))))


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--url", "nowhere"], 2, "no address like"),
        (["--url", "http://localhost:1", "--alias", "x"], 2, "--alias: the service at http://localhost:1"),
        (["--alias", "nothing"], 1, "nothing"),
        (["--root", "/nowhere"], 2, "/nowhere"),
    ],
)
def test_what_cannot_be_is_said_at_once(options: list[str], code: int, message: str) -> None:
    result = CliRunner().invoke(main, ["mcp", *options])
    assert result.exit_code == code, result.output
    assert message in result.output
