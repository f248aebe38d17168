"""Lets the site's pages link to the repository's other files as they do on the repository's own pages.

A hook of MkDocs. Files outside `docs/` that pages link to are added to the site, Markdown as pages, at their path in
the repository; a link to a folder becomes plain text. Links of such a page into `docs/` are changed to the site's
pages.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = "docs/"
ALSO = ("CHANGELOG.md",)
"""Files for the site that no page needs to link to."""

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def linked(text: str, folder: str) -> Iterator[str]:
    """Paths in the repository that `text`, the Markdown of a file in `folder`, links to."""
    for match in LINK.finditer(text):
        yield normpath(join(folder, match[2]))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    paths = set(ALSO)
    for file in files.documentation_pages():
        paths.update(linked(file.content_string, dirname(PAGES + file.src_uri)))
    for path in sorted(paths):
        if not path.startswith((PAGES, "..")) and (ROOT / path).is_file():
            files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    uri = page.file.src_uri
    outside = not Path(config.docs_dir, uri).exists()
    folder = dirname(uri if outside else PAGES + uri)
    if outside:
        page.meta.setdefault("search", {"boost": 0.5})  # else the changelog, which mentions everything, comes first

    def site_link(match: re.Match[str]) -> str:
        path = normpath(join(folder, match[2]))
        if not outside and path.startswith(PAGES):
            return match[0]
        if (ROOT / path).is_dir():
            return match[1]
        if not (ROOT / path).is_file():
            return match[0]  # MkDocs reports the dead link
        target = relpath(path.removeprefix(PAGES), dirname(uri) or ".")
        return f"[{match[1]}]({target}{match[3] or ''})"

    return LINK.sub(site_link, markdown)
