"""The service on 64-bit ARM: Debian's Python, the locked packages and our kernels, run by an emulator. `make chaos` has
it, for it fetches packages and takes minutes."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from spotter.ops.build import build
from spotter.ops.native import LIBRARY
from spotter.registry.folder import FolderStore
from tests.client.samples import STREET, STREET_WORDS
from tests.lengths import LONG
from tests.ops.arm import COMPILER, EMULATOR, building_for_arm
from tests.programs import OUTSIDE, find, needs
from tests.service.serving import Serving

ROOT = Path(__file__).parents[2]
INSTALLER = "debootstrap"
WHAT = "THE SERVICE ON ARM"
PYTHON = "3.11"
_GLIBC = range(17, 37)  # 2.17 to 2.36, Debian 12's: the wheels that it can load
_HIDDEN = 'for caches in /sys/devices/system/cpu/cpu*/cache; do mount -t tmpfs none "$caches"; done; exec "$@"'
"""ONNX Runtime reads about its processor's caches, and cannot understand those of another kind that it is shown."""

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not LONG, reason="it fetches packages and takes minutes: make chaos"),
    pytest.mark.skipif(os.getuid() != 0, reason="debootstrap and mount need root"),
    needs(COMPILER, WHAT, "Debian: apt-get install g++-aarch64-linux-gnu"),
    needs(EMULATOR, WHAT, "Debian: apt-get install qemu-user"),
    needs(INSTALLER, WHAT, "Debian: apt-get install debootstrap"),
]


def run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), env=OUTSIDE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def debian(folder: Path) -> Path:
    """The files of a Debian for ARM with Python. No program of it is run, so its packages are not set up."""
    suite = "bookworm"
    mirrors = run("apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {suite}", "Created-By: Packages")
    mirror = mirrors.split()[:1]
    root = folder / "root"
    run(
        str(find(INSTALLER)),
        "--foreign",
        "--arch=arm64",
        "--variant=minbase",
        "--include=python3",
        suite,
        root,
        *mirror,
    )
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        run("dpkg-deb", "-x", package, root)
    return root


def packages(folder: Path) -> Path:
    """The service's packages for ARM, those that the image installs, with our own and its kernels."""
    listed = (ROOT / "deploy" / "locks" / f"cpu-{PYTHON}.txt").read_text()
    blocks = listed.replace("\\\n", " ").splitlines()
    (folder / "locks.txt").write_text("\n".join(line for line in blocks if "'x86_64'" not in line))
    site = folder / "site"
    platforms = [word for minor in _GLIBC for word in ("--platform", f"manylinux_2_{minor}_aarch64")]
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--target", site, "--no-deps", "--only-binary=:all:")
    run(*pip, *platforms, "--python-version", PYTHON, "--require-hashes", "-r", folder / "locks.txt")
    shutil.copytree(ROOT / "spotter", site / "spotter", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return site


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """An emulated `spotter`."""
    folder = tmp_path_factory.mktemp("arm")
    root, site = debian(folder), packages(folder)
    with building_for_arm(folder):
        build(site / "spotter" / "ops" / "kernels" / LIBRARY)
    variables = ("env", f"PYTHONHOME={root / 'usr'}", f"PYTHONPATH={site}", "PYTHONDONTWRITEBYTECODE=1")
    emulated = (str(find(EMULATOR)), "-L", str(root), str(root / "usr" / "bin" / f"python{PYTHON}"), "-m", "spotter")
    return ["unshare", "--mount", "sh", "-c", _HIDDEN, "sh", *variables, *emulated]


@pytest.fixture
def served(command: list[str], tmp_path: Path) -> Iterator[Serving]:
    patient = {f"SPOTTER_{name}": "600" for name in ("TIMEOUT", "DOCUMENT_TIMEOUT", "ENGINE_TIMEOUT")}
    own = {"SPOTTER_THREADS": "1", "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    variables = {"PATH": OUTSIDE["PATH"], **patient, **own}
    serve = [*command, "serve", "--port", "0"]
    with subprocess.Popen(serve, cwd=tmp_path, env=variables, stderr=subprocess.PIPE, text=True) as process:
        running = Serving(process)
        try:
            running.find("running on http", timeout=1200)
            running.ready(timeout=1200)
            yield running
        finally:
            process.terminate()
            assert running.exit_code() == 0, "".join(running.lines)


def test_it_reads_there_what_it_reads_here(served: Serving) -> None:
    store = FolderStore(ROOT / "spotter" / "registry" / "embedded")
    name = "spotter"
    golden = store.open(name, store.aliases(name)["live"]).manifest.golden
    picture = store.open(name, store.aliases(name)["live"]).read(golden.picture)
    with httpx.Client(base_url=served.url, timeout=1200) as client:
        assert not Counter(golden.words) - Counter(words(client, picture))
        assert set(words(client, Path(STREET).read_bytes())) >= STREET_WORDS
        assert client.get("/v1/model").json()["operators"]["run"] == "native"
        assert "<title>" in client.get("/").text


def words(client: httpx.Client, picture: bytes) -> list[str]:
    answer = client.post("/spot", content=picture)
    assert answer.status_code == 200, answer.text
    return [word["text"] for word in answer.json()["words"]]
