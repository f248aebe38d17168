"""What the pages say exists: commands and their options, `make` targets, settings, extras, files, tests.

`tests/docs` runs what they show.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt

from spotter.cli.main import main
from spotter.service.settings import Settings
from tests.docs.pages import OPERATORS, ROOT, SHELL, words_of

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "recipes/limits.md", *(ROOT / "docs").glob("*.md")])
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

CHECKED = (click.Choice, click.types.IntParamType, click.types.FloatParamType)
"""Types of values that can be judged without a file."""
SETTING = re.compile(r"\bSPOTTER_[A-Z0-9_]+\b")
READ = {"spotter": r'"(SPOTTER_\w+)"', "tests": r'(?:environ\.get\(|\$\{)"?(SPOTTER_\w+)'}
"""How code beside the service's settings names a variable that it reads."""
PLACE = re.compile(r"((?:spotter|tests|docs|recipes|deploy|benchmarks)/[\w./-]+)(?:::(\w+))?")


@cache
def snippets(page: Path) -> tuple[tuple[str, bool], ...]:
    """The code of a page, and whether it is a block that may be typed into a shell (not backquotes in a sentence)."""
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()):
        if token.type == "code_block" or (token.type == "fence" and token.info.strip() in SHELL):
            found.append((token.content, True))
        found += [(inner.content, False) for inner in token.children or () if inner.type == "code_inline"]
    return tuple(found)


def commands(code: str) -> Iterator[list[str]]:
    """The commands in a piece of shell, as words; what a usage line has in brackets counts as given."""
    code = re.sub(r"\[(-[^]]*)\]", lambda optional: optional[1].replace("|", " "), code)
    for line in code.replace("\\\n", " ").splitlines():
        for is_operator, words in groupby(words_of(line), lambda word: OPERATORS.issuperset(word)):
            if not is_operator:
                yield list(words)


def calls(page: Path, program: str) -> Iterator[tuple[list[str], bool]]:
    """The arguments of each call of a program that a page shows, and whether all that it needs is there."""
    for code, block in snippets(page):
        if program not in code:
            continue
        for words in commands(code):
            while words and re.match(r"\w+=", words[0]):  # a variable that is set for the program
                words.pop(0)
            if words[:1] == [program]:
                yield words[1:], block and "..." not in code and "[" not in code


def check(command: click.Command, arguments: list[str], complete: bool, parent: click.Context | None = None) -> None:
    """Raises click.UsageError where a command would not take these arguments. Nothing runs; no file is looked for."""
    context = click.Context(command, parent, command.name)
    given, rest, _ = command.make_parser(context).parse_args(list(arguments))
    for parameter in command.get_params(context):
        values = given.get(parameter.name or "")
        if complete and parameter.required and parameter.value_is_missing(values):
            raise click.MissingParameter(ctx=context, param=parameter)
        for value in values if isinstance(values, (list, tuple)) else (values,):
            if (
                isinstance(parameter.type, CHECKED)
                and isinstance(value, str)
                and not value.isupper()
                and value != "..."
            ):
                parameter.type(value, parameter, context)
    if isinstance(command, click.Group):
        if rest:
            _, subcommand, rest = command.resolve_command(context, rest)
            assert subcommand is not None
            check(subcommand, rest, complete, context)
    elif extra := [word for word in rest if word != "..."]:
        raise click.UsageError(f"unexpected: {shlex.join(extra)}", context)


def named(page: Path, pattern: str) -> Iterator[re.Match[str]]:
    """Where a pattern matches in the code of a page."""
    for code, _ in snippets(page):
        yield from re.finditer(pattern, code)


@each_page
def test_commands_and_their_options_exist(page: Path) -> None:
    wrong = []
    for arguments, complete in calls(page, "spotter"):
        if arguments[:1] == ["COMMAND"]:
            continue
        try:
            try:
                check(main, arguments, complete)
            except click.BadOptionUsage:
                if complete:
                    raise
                check(main, [*arguments, "..."], complete)  # a sentence names an option and need not give a value
        except click.UsageError as error:
            wrong.append(f"spotter {shlex.join(arguments)}: {error.format_message()}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("spotter sing", "No such command 'sing'"),
        ("spotter models sing", "No such command 'sing'"),
        ("spotter spot --loud a.jpg", "No such option '--loud'"),
        ("SPOTTER_THREADS=1 spotter spot --format jpeg a.jpg", "'jpeg' is not one of"),
        ("spotter demo --port 70000", "not in the range"),
        ("cd a && spotter demo street", "unexpected: street"),
        ("spotter models alias spotter", "Missing argument"),
        ("spotter spot --format", "requires an argument"),
    ],
)
def test_wrong_commands_are_found(line: str, message: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```\n{line}   # as it should be\n```\n")
    [(arguments, complete)] = calls(page, "spotter")
    with pytest.raises(click.UsageError) as caught:
        check(main, arguments, complete)
    assert message in caught.value.format_message()


@each_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {word for words, _ in calls(page, "make") for word in words if "=" not in word} <= targets


@cache
def variables() -> frozenset[str]:
    """SPOTTER_* of the service and of whatever else reads one from its environment."""
    names = {f"SPOTTER_{name.upper()}" for name in Settings.model_fields}
    for folder, pattern in READ.items():
        for file in (ROOT / folder).rglob("*.*"):
            if file.suffix in (".py", ".sh"):
                names.update(re.findall(pattern, file.read_text()))
    return frozenset(names)


@each_page
def test_settings_exist(page: Path) -> None:
    assert {name for name in SETTING.findall(page.read_text()) if not name.endswith("_")} <= variables()


def test_every_variable_that_the_program_reads_is_on_a_page() -> None:
    known = {name for page in PAGES if page.name != "CHANGELOG.md" for name in SETTING.findall(page.read_text())}
    files = (ROOT / "spotter").rglob("*.py")
    read = variables() & {name for file in files for name in SETTING.findall(file.read_text())}
    assert {*read, *(f"SPOTTER_{name.upper()}" for name in Settings.model_fields)} <= known


@each_page
def test_extras_exist(page: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {extra for match in named(page, r"(?:spotter|\.)\[([a-z,]+)\]") for extra in match[1].split(",")}
    assert extras <= set(project["optional-dependencies"])


@each_page
def test_files_modules_and_tests_exist(page: Path) -> None:
    for code, _ in snippets(page):
        if place := PLACE.fullmatch(code):
            file = ROOT / place[1]
            assert file.exists(), code
            if place[2]:
                assert re.search(rf"^(async )?def {place[2]}\(", file.read_text(), re.MULTILINE), code
    for match in named(page, r"python -m ((?:spotter|docs|tests|benchmarks)[\w.]*)"):
        module = ROOT / match[1].replace(".", "/")
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), match[0]


def test_the_service_page_names_a_test_for_each_claim() -> None:
    assert len(list(named(ROOT / "docs/service.md", r"^tests/[a-z_/]+\.py::test_\w+$"))) > 30


def test_the_site_has_all_it_links_to_and_asks_no_other_host(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    pages = {str(file.relative_to(tmp_path)): file.read_text() for file in tmp_path.rglob("*.html")}
    assert {"index.html", "service.html", "recipes/limits.html", "CHANGELOG.html"} <= pages.keys()
    for text in pages.values():
        assert not re.search(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//", text)
    # What is outside docs/ in the repository comes along, and leads back.
    assert 'href="recipes/limits.html"' in pages["service.html"]
    assert 'href="cli.html"' in pages["CHANGELOG.html"].partition("<article")[2]
    assert (tmp_path / "spotter/export/packed_sequences.py").is_file()
    assert not list(tmp_path.glob("*.py"))
    # The README is no page of the site, but links to them.
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]+)#?([^)]*)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / path).exists(), path
        if anchor:
            assert f'id="{anchor}"' in pages[path.removeprefix("docs/").replace(".md", ".html")], anchor
