"""How each page's commands are run: what lies in the folder, what stands in for what it names, what must come out.

Where a page takes a long time or large data, its own options make it short; where it names an object store, a cluster
or a camera, a folder, a process or a server of this machine stands in.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from spotter.families.build import load_spotter
from spotter.registry.folder import FolderStore
from spotter.training.synthesis import Backgrounds, PatchPool
from spotter.training.synthesis.fonts import find_fonts
from spotter.training.synthesis.vocabulary import COMMON
from spotter.training.synthesis.words import WordGenerator
from tests.docs.pages import ROOT, table
from tests.lengths import LONG
from tests.model.small import small_config, talkative_spotter
from tests.reading.documents import HELLO, pdf, tiff
from tests.reading.tiny import picture, write_tiny_bundle
from tests.training.small import SMALL_MODEL
from tests.training.synthesis.made_fonts import made_font
from tests.video.clips import plain, write
from tests.video.streaming import camera

COLOUR = (20, 40, 0)
_COUNT = 200 if LONG else 60


@dataclass(frozen=True)
class Walk:
    """What a page's commands need.

    prepare: makes what lies in the folder and lasts until the walk has ended; it may give texts to replace. replace:
    texts of the page, and what stands in for them. check: looks at the folder and at what each command, as the page
    writes it, printed (`spotter serve`: its address). long: beginnings of commands that take minutes.
    """

    prepare: Callable[[Path], AbstractContextManager[Mapping[str, str] | None]]
    replace: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Path, Mapping[str, str]], None] = lambda folder, printed: None
    long: Sequence[str] = ()


def pictures(folder: Path) -> None:
    """The files that pages read."""
    for name in ("picture.jpg", "receipt.jpg", "meter.jpg", "seal.jpg", "scans/one.jpg", "scans/two.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(picture(COLOUR, (600, 1200), "JPEG"))
    (folder / "report.pdf").write_bytes(pdf([HELLO] * 7))


@contextmanager
def only_pictures(folder: Path) -> Iterator[None]:
    pictures(folder)
    yield


def is_read(text: str) -> bool:
    """Whether this is the text of the pictures, whose colour a JPEG may change a little."""
    return re.fullmatch(r"0(19|20|21)\s0(39|40|41)\s*", text) is not None


def labelled(folder: Path, name: str = "a") -> None:
    """A data set of a picture of a word."""
    for part in ("images", "gts"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "images" / f"{name}.png").write_bytes(picture((20, 0, 0), (96, 64)))
    (folder / "gts" / f"gt_{name}.txt").write_text("0,0,96,0,96,32,0,32,020\n")


# README.md, docs/index.md


def check_readme(folder: Path, printed: Mapping[str, str]) -> None:
    (answer,) = printed.values()
    assert len(json.loads(answer)["words"]) == 2


def check_index(folder: Path, printed: Mapping[str, str]) -> None:
    assert json.loads(printed["curl --data-binary @picture.jpg localhost:8000/spot"]).keys() >= {
        "words",
        "reading",
        "warnings",
    }
    assert is_read(printed["curl --data-binary @picture.jpg -H 'Accept: text/plain' localhost:8000/spot"])
    assert is_read(printed["spotter spot --format text picture.jpg"])


# docs/bulk.md


@contextmanager
def archive(folder: Path) -> Iterator[None]:
    from tests.bulk.test_inputs import shard

    (folder / "archive").mkdir()
    (folder / "archive/one.png").write_bytes(picture(COLOUR))
    (folder / "archive/none.jpg").write_bytes(b"no picture")
    (folder / "scans").mkdir()
    (folder / "scans/two.tif").write_bytes(tiff([(1, 2, 0), (3, 0, 0)]))
    (folder / "bucket/shards").mkdir(parents=True)
    shard(folder / "bucket/shards/0.tar", {"three.png": picture((4, 5, 0))})
    yield


def check_bulk(folder: Path, printed: Mapping[str, str]) -> None:
    import pyarrow.parquet

    shown = {
        code: row[1] for row in table("docs/bulk.md", "in the output") for code in re.findall(r"`([^`]+)`", row[0])
    }
    records = [json.loads(line) for line in (folder / "out/part-00000.jsonl").read_text().splitlines()]
    assert [record["page"] for record in records if "two.tif" in record["input"]] == [0, 1]
    assert any("three.png" in record["input"] for record in records)
    members = re.findall(r"`(\w+)`", shown["part-00000.jsonl"].partition(" as ")[0])
    assert all(record.keys() == set(members) for record in records)
    dead = json.loads((folder / "out/dead-part-00000.jsonl").read_text())
    assert dead["type"] == "urn:spotter:problem:unsupported-picture"
    assert dead.keys() >= set(re.findall(r"`(\w+)`", shown["dead-part-00000.jsonl"])) - {"POST"}
    assert {file.name for file in (folder / "out").iterdir()} == shown.keys() - {".parquet", "trying-part-00000.json"}
    parts = list((folder / "bucket/out").glob("part-*.parquet"))
    assert pyarrow.parquet.read_table(parts[0]).column_names == members


# docs/cli.md


@contextmanager
def nothing(folder: Path) -> Iterator[None]:
    yield


def check_cli(folder: Path, printed: Mapping[str, str]) -> None:
    document = json.loads(printed["spotter doctor --json"])
    assert document["ready"] is True
    names = [row[0].strip("`") for row in table("docs/cli.md", "line")]
    assert [check["name"] for check in document["checks"]] == names
    page = (ROOT / "docs/cli.md").read_text()
    (members,) = re.findall(r'\{"ready": \.\.\., "checks": \[\{(.*?)\}\]\}', page)
    assert all(check.keys() == set(re.findall(r'"(\w+)"', members)) for check in document["checks"])
    for name in names:
        assert re.search(rf"^(ok|note|wrong)\s+{name}\b", printed["spotter doctor"], re.M), name


# docs/client.md, docs/service.md


def check_client(folder: Path, printed: Mapping[str, str]) -> None:
    for code, text in printed.items():
        assert re.search(r"0(19|20|21)", text), code


@contextmanager
def service(folder: Path) -> Iterator[None]:
    pictures(folder)
    write_tiny_bundle(folder / "runs/export")
    store = FolderStore(folder / "models")
    store.publish(folder / "runs/export")
    store.set_alias("spotter", "live", "1")
    store.set_alias("spotter", "canary", "1")
    store.publish(folder / "runs/export", "abcnet")
    store.set_alias("abcnet", "live", "1")
    yield


def check_service(folder: Path, printed: Mapping[str, str]) -> None:
    first = printed["spotter spot picture.jpg scans/"].splitlines()
    assert [len(json.loads(line)["words"]) for line in first] == [2, 2, 2]
    assert is_read(printed["spotter spot --format text receipt.jpg"])
    assert {file.name for file in (folder / "searchable").iterdir()} == {"one.pdf", "two.pdf"}
    assert {file.stem for file in (folder / "seen").iterdir()} == {"one", "two"}
    assert is_read(
        "".join(w["text"] + "\n" for w in json.loads(printed["spotter spot --charset 0123456789 meter.jpg"])["words"])
    )
    assert printed["spotter spot --pages 1-3,7 --format text report.pdf"].count("Hello World") == 4
    assert printed["spotter models --registry models publish runs/export --alias live"].startswith("spotter 2 sha256:")
    assert printed["spotter models --registry models rollback spotter live"] == "spotter live -> 1\n"
    for model in ("abcnet", "spotter@canary"):
        answer = json.loads(printed[f"curl --data-binary @seal.jpg 'http://localhost:8000/spot?model={model}'"])
        assert answer["model"]["name"] == model.partition("@")[0]
        assert len(answer["words"]) == 2


# docs/operate.md, docs/registry.md


@contextmanager
def versions(last: int, folder: Path) -> Iterator[None]:
    """A bundle to publish, and a registry with so many versions of its model."""
    write_tiny_bundle(folder / "runs/export")
    store = FolderStore(folder / "models")
    for _ in range(last):
        store.publish(folder / "runs/export")
    store.set_alias("spotter", "live", str(last))
    yield


def check_operate(folder: Path, printed: Mapping[str, str]) -> None:
    for line, text in {
        "publish runs/export": "spotter 7 sha256:",
        "verify spotter 7": "spotter 7 sha256:",
        "alias spotter live 7": "spotter live -> 7\n",
        "rollback spotter": "spotter live -> 6\n",
    }.items():
        assert printed[f"spotter models --registry REGISTRY {line}"].startswith(text)


def check_registry(folder: Path, printed: Mapping[str, str]) -> None:
    assert printed["spotter models publish runs/export"].startswith("spotter 3 sha256:")
    assert printed["spotter models alias spotter live 3"] == "spotter live -> 3\n"
    assert printed["spotter models rollback spotter"] == "spotter live -> 2\n"
    assert printed["spotter models list"] == "spotter\t1\t-\nspotter\t2\tlive\nspotter\t3\t-\n"
    assert printed["spotter models verify spotter 3"].endswith(" ok\n")
    assert json.loads(printed["spotter models show spotter live"])["digest"].startswith("sha256:")


# docs/video.md


@contextmanager
def clips(folder: Path) -> Iterator[Mapping[str, str]]:
    clip = write(folder / "clip.avi", map(plain, [COLOUR] * 10 + [(255, 133, 0)] * 10))
    for name in ("clip.mp4", "clip.mkv"):
        shutil.copy(clip, folder / name)  # FFmpeg goes by the bytes
    with camera((plain(COLOUR) for _ in range(10)), 0.05) as address:
        yield {"http://camera.local/stream.mjpg": address}


def check_video(folder: Path, printed: Mapping[str, str]) -> None:
    tracks = [json.loads(line) for line in printed["spotter video clip.mp4"].splitlines()]
    members = [code for row in table("docs/video.md", "member") for code in re.findall(r"`([^`]+)`", row[0])]
    assert len(tracks) == 4
    assert all(list(track) == members for track in tracks)
    assert (folder / "clip.vtt").read_text().startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n")
    assert printed["cat clip.mkv | spotter video -"] == printed["spotter video clip.mp4"]
    assert len(printed["spotter video http://camera.local/stream.mjpg --live"].splitlines()) == 2


# docs/evaluation.md, docs/comparison.md, docs/benchmarks.md, docs/how-it-works.md


@contextmanager
def data(folder: Path) -> Iterator[None]:
    """Data sets of a picture or some, a checkpoint and bundles."""
    for name in ("icdar2015", "icdar2003"):
        labelled(folder / f"data/{name}/val")
    for name in "abcdef":
        labelled(folder / "data/sroie/val", name)
    (folder / "data/lines/val").mkdir(parents=True)
    (folder / "data/lines/val/a.png").write_bytes(picture((20, 0, 0), (96, 32)))
    (folder / "data/lines/labels.tsv").write_text("val/a.png\t020\n")
    write_tiny_bundle(folder / "bundle")
    save_checkpoint(folder / "weights.pt")
    yield


def save_checkpoint(file: Path) -> None:
    state = {"model_config": small_config().to_dict(), "weights": talkative_spotter().state_dict(), "pictures": 1}
    torch.save(state, file)


def check_evaluation(folder: Path, printed: Mapping[str, str]) -> None:
    by_data, by_folder, by_preset = printed.values()
    for name in ("icdar2015", "icdar2003", "sroie", "lines"):
        assert re.search(rf"^\W*{name}\b", by_data, re.M), by_data
    assert "end to end" in by_folder
    assert "words exact" in by_preset
    assert len(json.loads((folder / "figures.json").read_text())["results"]) == 1
    assert (folder / "report/errors.html").stat().st_size > 1000
    assert (folder / "errors.jsonl").exists()


def check_comparison(folder: Path, printed: Mapping[str, str]) -> None:
    (said,) = printed.values()
    assert "end to end" in said
    assert "kind of word" in said


def check_benchmarks(folder: Path, printed: Mapping[str, str]) -> None:
    assert len(list((folder / "three/images").iterdir())) == 2
    assert len(list((folder / "six/images").iterdir())) == 1
    assert len(list((folder / "street/images").iterdir())) == 1


def check_figures(folder: Path, printed: Mapping[str, str]) -> None:
    assert len(list((folder / "figures").iterdir())) >= 3


@contextmanager
def shipped(folder: Path) -> Iterator[None]:
    """A picture, the recipes, and the bundle that ships."""
    (folder / "recipes").symlink_to(ROOT / "recipes")
    drawn = Image.new("RGB", (320, 192), (230, 228, 220))
    ImageDraw.Draw(drawn).text((160, 90), "Harbour", (30, 30, 60), ImageFont.load_default(40), anchor="mm")
    drawn.save(folder / "picture.jpg")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SPOTTER_REGISTRY")
        yield


# docs/train-your-own.md


@contextmanager
def own(folder: Path) -> Iterator[None]:
    with shipped(folder), few_backgrounds():
        (folder / "own/pictures").mkdir(parents=True)
        shutil.copy(folder / "picture.jpg", folder / "own/pictures/one.jpg")
        yield


def check_own(folder: Path, printed: Mapping[str, str]) -> None:
    """Detector and reader have learnt on, and where the walk is long the service reads."""
    both, start = (load_spotter(file).state_dict() for file in (folder / "both.pt", ROOT / "recipes/start/weights.pt"))
    moved = {name.split(".")[0] for name, value in both.items() if name in start and not value.equal(start[name])}
    assert moved > {"backbone", "neck", "head"}
    (draft,) = (folder / "own/draft/gts").iterdir()
    assert draft.read_text().strip().endswith(",Harbour")
    judged = [text for command, text in printed.items() if command.startswith("spotter evaluate")]
    assert len(judged) == 2
    assert all("end to end" in text for text in judged)
    if LONG:
        (address,) = (text for command, text in printed.items() if command.endswith("spotter serve"))
        (label,) = (folder / "own/val/gts").iterdir()
        picture = next((folder / "own/val/images").iterdir()).read_bytes()
        answer = httpx.post(f"http://{address}/spot", content=picture, timeout=60).json()
        assert answer["model"]["name"] == "meters"
        assert {word["text"] for word in answer["words"]} & {
            line.split(",", 8)[8] for line in label.read_text().split()
        }


# docs/synthesis.md, docs/training.md


@contextmanager
def photographs(folder: Path) -> Iterator[None]:
    """Photographs without text, fonts of two families, one of which is held out, and a small recipe."""
    (folder / "data/backgrounds").mkdir(parents=True)
    for number in range(12):
        noise = np.random.default_rng(number).integers(0, 255, (96, 128, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"data/backgrounds/{number}.jpg")
    printable = "".join(map(chr, range(0x21, 0x7F)))
    (folder / "node_modules/@fontsource").mkdir(parents=True)
    for family in ("Frame", "Kaushan", "Lato"):
        made_font(folder / f"node_modules/@fontsource/{family}.ttf", printable, family)
    small_recipe(folder / "recipes/demo.toml")
    with few_backgrounds():
        yield


def small_recipe(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(
        "[train]\nsize = 64\nsizes = [64]\nbatch = 1\nwords = 2\ngroups = 1\nsteps = 4\nwarmup = 1\n"
        f'{SMALL_MODEL}[[source]]\nkind = "scene"\nweight = 1.0\n'
    )


@contextmanager
def few_backgrounds() -> Iterator[None]:
    load = Backgrounds.load
    with pytest.MonkeyPatch.context() as patch:  # 64 that are drawn take a second
        patch.setattr(Backgrounds, "load", lambda folders, part: load(folders, drawn=2, part=part))
        yield


def check_synthesis(folder: Path, printed: Mapping[str, str]) -> None:
    for name in ("sheet", "codes", "tables", "logos"):
        with Image.open(folder / f"{name}.png") as shown:
            assert min(shown.size) >= 64
    assert len(list((folder / "folder/images").iterdir())) == 2
    assert len(list((folder / "data/curved/val/gts").iterdir())) == 2
    assert (folder / "work/run/last.pt").exists()
    files = {row[0].strip("`") for row in table("docs/synthesis.md", "file")}
    assert {file.name for file in (folder / "work/pool").iterdir()} == files


@contextmanager
def between_runs(folder: Path) -> Iterator[None]:
    """What a detector and a reader were put together to, and what the command after that reads."""
    (folder / "DATA/backgrounds").mkdir(parents=True)
    small_recipe(folder / "recipes/detector.toml")
    (folder / "work").mkdir()
    save_checkpoint(folder / "work/both.pt")
    PatchPool.build(60, 1, find_fonts((), usual=False), WordGenerator(COMMON, lists={})).save(folder / "work/pool")
    with few_backgrounds():
        yield


def check_training(folder: Path, printed: Mapping[str, str]) -> None:
    (said,) = printed.values()
    assert "are told right" in said
    assert load_spotter(folder / "work/oriented.pt").orientation is not None


_SMALL = "--size 96 --columns 2 --rows 1"
WALKS: Mapping[str, Walk] = {
    "README.md": Walk(only_pictures, check=check_readme),
    "docs/benchmarks.md": Walk(
        data,
        {"DATA/": "data/", "path/to/bundle9": "bundle", " [--side N | --second-look 2272]": " --side 128"},
        check_benchmarks,
    ),
    "docs/bulk.md": Walk(
        archive, {"s3://": "", "out/": "out --in-process", "--address ray://head:10001": "--in-process"}, check_bulk
    ),
    "docs/cli.md": Walk(nothing, {'spotter)"': 'spotter)"; complete -p spotter'}, check_cli),
    "docs/client.md": Walk(only_pictures, check=check_client),
    "docs/comparison.md": Walk(
        data, {"--rapidocr small --rapidocr-defaults --tesseract eng ": "", "FOLDER": "data/icdar2015/val"},
        check_comparison,
    ),
    "docs/evaluation.md": Walk(
        data,
        {
            "MODEL": "bundle", "--data DATA": "--data data", "[PRESET=]FOLDER...": "icdar2015=data/icdar2015/val",
            "--json FILE": "--json figures.json", "--errors FILE": "--errors errors.jsonl",
            "--report FOLDER": "--report report", "[": "", "]": "", "--sweep": "--sweep --side 64",
        },
        check_evaluation,
    ),
    "docs/how-it-works.md": Walk(shipped, check=check_figures),
    "docs/index.md": Walk(only_pictures, check=check_index),
    "docs/operate.md": Walk(partial(versions, 6), {"REGISTRY": "models"}, check_operate),
    "docs/registry.md": Walk(
        partial(versions, 2), {"spotter models ": "spotter models --registry models "}, check_registry
    ),
    "docs/service.md": Walk(service, check=check_service),
    "docs/synthesis.md": Walk(
        photographs,
        {
            # Shares, since a machine without word lists draws other words, and so few might lack the kinds asked for.
            "--count 60000 --seed 1": "--count 150 --seed 1 --fonts node_modules/@fontsource --only-fonts"
            " --share mrz=10 --share guid=10",
            "--count 60000": "--count 20", "--count 1000": "--count 2 --size 96",
            "--preset curved": "--preset curved --count 2",
            "sheet.png": f"sheet.png {_SMALL}", "codes.png": f"codes.png {_SMALL}",
            "tables.png": f"tables.png {_SMALL}", "logos.png": f"logos.png {_SMALL}",
            "synth bench": "synth bench --seconds 0.05 --size 96", "work/run ": "work/run --minutes 1e-9 --workers 0 ",
        },
        check_synthesis,
    ),
    "docs/train-your-own.md": Walk(
        own,
        {
            " --fonts node_modules/dseg --only-fonts": "",
            "--count 1200": f"--count {_COUNT}", "--count 60000": f"--count {_COUNT}", "--count 20 ": "--count 1 ",
            "--count 40 ": "--count 8 " if LONG else "--count 2 ", "--side 1120": f"--side {1120 if LONG else 320}",
            "spotter evaluate spotter": "spotter evaluate spotter --side 320",
            "--model recipes": "--side 320 --model recipes",
            "--weights ": "--workers 0 --minutes 0.001 --weights ",
        },
        check_own,
        long=("spotter export", "spotter models", "SPOTTER_REGISTRY=models"),
    ),
    "docs/training.md": Walk(
        between_runs, {"work/oriented.pt ": "work/oriented.pt --pictures 10 --steps 2 --size 96 "}, check_training
    ),
    "docs/video.md": Walk(clips, check=check_video),
}  # fmt: skip
"""By page. What is not here shows nothing that is run, as test_walks.py checks."""
