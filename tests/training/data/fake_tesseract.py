"""A program that answers as Tesseract does, for tests that must not need it."""

from pathlib import Path

import pytest

LISTING = "\n".join(
    [
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext",
        "1\t1\t0\t0\t0\t0\t0\t0\t640\t480\t-1\t",
        "5\t1\t1\t1\t1\t1\t10\t20\t30\t12\t96.5\tEXIT",
        "5\t1\t1\t1\t1\t2\t50\t20\t30\t12\t40\t ",
    ]
)
"""What it says of every picture: one word, and one that is none."""

_PROGRAM = """\
#!/bin/sh
case "$1" in
--version) printf 'tesseract 5.3.0\\n leptonica-1.82.0\\n' ;;
--list-langs) printf 'List of available languages in "/tessdata/" (2):\\ndeu\\neng\\n' ;;
*) echo "$OMP_THREAD_LIMIT $*" >'{folder}/asked'; /bin/cat >'{folder}/picture'; /bin/cat '{folder}/listing' ;;
esac
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts it into a folder and that alone on PATH. It has `eng` and `deu`; `asked` and `picture` there will hold the
    threads and arguments, and the input, of its last reading."""
    (folder / "listing").write_text(LISTING + "\n")
    program = folder / "tesseract"
    program.write_text(_PROGRAM.format(folder=folder))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
