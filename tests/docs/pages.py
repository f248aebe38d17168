"""The code that pages show: blocks, and the commands in those that may be typed into a shell."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")))

SHELL = ("", "sh", "bash", "console")
"""Languages of the blocks of code that may hold commands; `text` is neither code nor a command."""
OPERATORS = frozenset("();<>|&")


@dataclass(frozen=True)
class Block:
    """A block of code; line: of the page, from 1. Code that is indented has no language."""

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """The blocks of a page, fenced and indented, in their order; page: its path in the repository."""
    tokens = MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text())
    return tuple(
        Block(page, (token.map or [0])[0] + 1, token.info.strip(), token.content)
        for token in tokens
        if token.type in ("fence", "code_block")
    )


def commands(block: Block) -> Iterator[str]:
    """The lines of a block for a shell, continued ones as one, without those that are only remarks; of a block in any
    other language but `text`, all of it."""
    if block.language in SHELL:
        lines = block.code.replace("\\\n", " ").splitlines()
        yield from (line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    elif block.language != "text":
        yield block.code


def words_of(line: str) -> list[str]:
    """A line of shell as words; operators are words, too."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


@cache
def tables(page: str) -> tuple[list[list[str]], ...]:
    """The tables of a page: rows of cells, as they are written; the first row is the head."""
    found: list[list[list[str]]] = []
    cell = False
    for token in MarkdownIt("commonmark").enable("table").parse((ROOT / page).read_text()):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif cell and token.type == "inline":
            found[-1][-1].append(token.content)
        cell = token.type in ("th_open", "td_open")
    return tuple(found)


def table(page: str, head: str) -> list[list[str]]:
    """The rows of the page's only table whose first column is headed so."""
    (rows,) = (rows for rows in tables(page) if rows[0][0] == head)
    return rows[1:]


def quoted(text: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`]+)`", text)
