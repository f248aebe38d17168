"""Programs that some tests need beside Python."""

import os
import shutil
import sys
from pathlib import Path

import pytest

OUTSIDE = dict(os.environ)
"""The variables as they are outside the tests, which take proxies, settings and the home away: for programs that fetch
packages."""
REQUIRED = os.environ.get("SPOTTER_CHECK_ALL") == "1"
"""Whether what is missing is a failure, as in CI."""


def find(program: str) -> str | None:
    """Where a program is: beside this Python, where the shell looks, or where Debian keeps daemons."""
    own = Path(sys.executable).parent
    return shutil.which(program, path=f"{own}:{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def needs(program: str, what: str, source: str) -> pytest.MarkDecorator:
    """Skips tests whose program is missing, and says so; where that is a failure they run and fail."""
    skip = find(program) is None and not REQUIRED
    return pytest.mark.skipif(skip, reason=f"{what} NOT TESTED: there is no {program} here ({source})")
