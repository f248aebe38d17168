"""uvicorn's insides that `spotter.service.http.protocol` and `spotter.service.server` override or rely on.

They are no public interface, so a new release may change them without notice. When this test fails, read what changed,
adapt our classes, run tests/service/http/test_protocol.py and tests/service/test_server.py, and take over the new
digests and the bounds of the version in pyproject.toml.
"""

import ast
import hashlib
import inspect
import tomllib
from pathlib import Path

import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from spotter.service.http.protocol import BoundedHttp

ROOT = Path(__file__).parents[3]
DIGESTS = {
    "HttpToolsProtocol": {
        "__init__": "4f0899941034",
        "connection_made": "6efb565ff3d3",
        "connection_lost": "c91a4c9bf2e2",
        "data_received": "010a7ae59a5d",
        "on_message_begin": "96d377fdc7c2",
        "on_url": "37be44e962b0",
        "on_header": "65d62c044f61",
        "on_headers_complete": "1ea8589acfad",
        "on_body": "dba9c32aeba3",
        "on_message_complete": "1fbad42dc31f",
        "on_response_complete": "64e254f28e38",
        "_unset_keepalive_if_required": "00a6a4e47214",
        "_start_asgi_task": "9c08c2571ae9",
        "shutdown": "d7351fa33f00",
        "timeout_keep_alive_handler": "8b53bf5f2e20",
    },
    "RequestResponseCycle": {
        "__init__": "4d2f220910c3",
        "send": "abdd8601b326",
    },
    "Server": {
        "handle_exit": "553276efa26e",
        "on_tick": "60ea49b06ccf",
        "main_loop": "afccb353a119",
        "shutdown": "9b33c5056299",
        "startup": "2aa1d70a244b",
    },
}


def digest(owner: type, name: str) -> str:
    """Of the method as it stands in uvicorn's file: other packages put methods of their own in its place."""
    lines = inspect.getsource(owner).splitlines(keepends=True)
    (known,) = ast.parse("".join(lines)).body
    assert isinstance(known, ast.ClassDef)
    (method,) = (
        each for each in known.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name == name
    )
    first = min([method.lineno, *(decorator.lineno for decorator in method.decorator_list)])
    return hashlib.sha256("".join(lines[first - 1 : method.end_lineno]).encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    "owner", [HttpToolsProtocol, RequestResponseCycle, uvicorn.Server], ids=lambda owner: owner.__name__
)
def test_what_we_build_on_is_as_it_was(owner: type) -> None:
    expected = DIGESTS[owner.__name__]
    changed = {name: digest(owner, name) for name in expected if digest(owner, name) != expected[name]}
    assert not changed, f"uvicorn {uvicorn.__version__} changed {owner.__name__}: {changed}"


def test_every_override_is_watched() -> None:
    ours = {name for name, value in vars(BoundedHttp).items() if inspect.isfunction(value)}
    assert ours & vars(HttpToolsProtocol).keys() <= DIGESTS["HttpToolsProtocol"].keys()


def test_only_releases_with_these_insides_may_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = (one for one in map(Requirement, project["dependencies"]) if one.name == "uvicorn")
    assert uvicorn.__version__ in wanted.specifier
    assert {"<", ">="} == {each.operator for each in wanted.specifier}
