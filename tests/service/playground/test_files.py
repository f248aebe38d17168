import gzip
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest

from spotter.service.playground.files import FOLDER, PAGES, static_files
from tests.service.conftest import Client
from tests.service.test_app import problem_of

ROOT = Path(__file__).parents[3]
STATIC = Path("spotter/service/playground/static")
SCRIPTS = sorted(path for path in static_files() if path.endswith(".js"))
IMPORT = re.compile(r'(?:^import|^export|\bfrom)\s[^;]*?"([^"]+)";', re.MULTILINE)


class References(HTMLParser):
    """What a page refers to, and what of it the policy would block."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = dict(attributes)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.inline.append(tag)
        self.inline += [name for name in names if name.startswith("on") or name == "style"]
        self.found += [value for name, value in attributes if name in ("src", "href") and value]


@pytest.mark.parametrize("path", sorted(static_files()))
async def test_every_file_has_its_type_its_headers_and_a_tag(client: Client, path: str) -> None:
    file = static_files()[path]
    async with client() as (http, _):
        response = await http.get(path, headers={"Accept-Encoding": "identity"})
        assert (response.status_code, response.content) == (200, file.body)
        assert response.headers["content-type"] == file.media_type
        policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["cache-control"] == "no-cache"
        assert len(response.headers.get_list("content-security-policy")) == 1
        tag = response.headers["etag"]
        for asked in (tag, f'"other", W/{tag}', "*"):
            again = await http.get(path, headers={"If-None-Match": asked, "Accept-Encoding": "identity"})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await http.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
        head = await http.head(path)
        assert (head.status_code, head.content) == (200, b"")


async def test_text_is_packed_for_who_takes_it_under_a_tag_of_its_own(client: Client) -> None:
    async with client() as (http, _):
        plain = await http.get("/", headers={"Accept-Encoding": "identity"})
        for taken in ("gzip", "br, gzip;q=0.5", "GZIP"):
            packed = await http.get("/", headers={"Accept-Encoding": taken})
            assert packed.headers["content-encoding"] == "gzip"
            assert packed.content == plain.content
            assert packed.headers["etag"] != plain.headers["etag"]
            assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        for refused in ("gzip;q=0", "br", ""):
            assert "content-encoding" not in (await http.get("/", headers={"Accept-Encoding": refused})).headers
        picture = await http.get(f"{FOLDER}/samples/street.webp", headers={"Accept-Encoding": "gzip"})
        assert not {"content-encoding", "vary"} & set(picture.headers)
    whole = sum(len(file.packed or file.body) for path, file in static_files().items() if "/samples/" not in path)
    assert whole < 60_000, "the pages are to be light"
    assert sum(len(file.body) for path, file in static_files().items() if "/samples/" in path) < 150_000
    assert all(gzip.decompress(file.packed) == file.body for file in static_files().values() if file.packed)


async def test_one_setting_turns_both_pages_off(client: Client) -> None:
    async with client(playground=False) as (http, _):
        for path in static_files():
            problem_of(await http.get(path), 404, "not-found")
    async with client() as (http, _):
        for path in PAGES:
            assert (await http.get(path)).status_code == 200
            refused = await http.post(path)
            problem_of(refused, 405, "method-not-allowed")
            assert refused.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")
        for path in ("/playground", "/playground/", "/playground/../keys.py", "/index.html"):
            problem_of(await http.get(path), 404, "not-found")
        assert not set(PAGES) & set((await http.get("/openapi.json")).json()["paths"])


async def test_pages_need_no_key_but_what_they_ask_does(client: Client, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a-key-of-the-tests-0001")
    async with client(api_keys_file=tmp_path / "keys") as (http, _):
        for path in static_files():
            assert (await http.get(path)).status_code == 200
        for path in ("/v1/page", "/playground/other", "/status/"):
            problem_of(await http.post(path), 401, "unauthorized")
    async with client(api_keys_file=tmp_path / "keys", playground=False) as (http, _):
        problem_of(await http.get("/"), 401, "unauthorized")


@pytest.mark.parametrize("path", PAGES)
def test_pages_refer_to_what_is_there_and_hold_nothing_that_their_policy_blocks(path: str) -> None:
    page = References(static_files()[path].body.decode())
    assert page.inline == []
    for reference in page.found:
        if not reference.startswith("#"):
            assert "//" not in reference, "an outside request"
            assert f"/{reference.removeprefix('./')}" in {*static_files(), "/docs"}


@pytest.mark.parametrize("path", SCRIPTS)
def test_scripts_import_what_is_there(path: str) -> None:
    for name in IMPORT.findall(static_files()[path].body.decode()):
        parts = [part for part in PurePosixPath(path).parent.parts if part != "/"]
        for part in PurePosixPath(name).parts:
            if part == "..":
                parts.pop()
            elif part != ".":
                parts.append(part)
        assert "/" + "/".join(parts) in static_files()


def test_every_file_is_in_what_is_installed(tmp_path: Path) -> None:
    steps = ["egg_info", "--egg-base", str(tmp_path), "build_py", "--build-lib", str(tmp_path / "built")]
    subprocess.run([sys.executable, "-W", "ignore", "setup.py", "-q", *steps], cwd=ROOT, check=True, timeout=100)

    def below(root: Path) -> dict[str, bytes]:
        files = (each for each in (root / STATIC).rglob("*") if each.is_file())
        return {str(each.relative_to(root)): each.read_bytes() for each in files}

    assert below(tmp_path / "built") == below(ROOT)
    assert len(below(ROOT)) == len(static_files())
