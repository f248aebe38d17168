from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from spotter.training.data.annotations import Annotation, load_picture, read_annotations
from spotter.training.synthesis import PatchPool
from spotter.training.synthesis.cli import synth


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pool: PatchPool) -> Path:
    saved = tmp_path_factory.mktemp("cli") / "pool"
    pool.save(saved)
    return saved


def _run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(synth, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_pool_renders_the_asked_number_from_the_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        output = _run("pool", tmp_path / name, "--count", "70", "--seed", "4", "--only-fonts")
        assert "70 words" in output
    first, second = PatchPool.load(tmp_path / "a"), PatchPool.load(tmp_path / "b")
    assert sum(map(len, first.groups.values())) == 70
    assert first.texts == second.texts
    np.testing.assert_array_equal(first.pixels, second.pixels)


@pytest.mark.parametrize("kind", ["scene", "page", "sheet", "curved"])
def test_preview_outlines_the_words(tmp_path: Path, folder: Path, kind: str) -> None:
    options = ("--source", kind, "--pool", folder, "--size", "160", "--columns", "3", "--rows", "2", "--seed", "2")
    _run("preview", tmp_path / "outlined.png", *options)
    _run("preview", tmp_path / "plain.png", *options, "--plain")
    outlined, plain = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("outlined", "plain"))
    assert outlined.shape == plain.shape == (320, 480, 3)
    changed = (outlined != plain).any(2)
    assert 0.001 < changed.mean() < 0.5
    red, green, blue = outlined[changed].astype(int).T
    assert ((green > red + 60) & (green > blue + 60)).mean() > 0.1


def test_shares_and_charset_of_a_pool_are_kept_to(tmp_path: Path) -> None:
    _run("pool", tmp_path / "a", "--count", "200", "--only-fonts", "--share", "guid=900", "--charset", "ascii")
    pool = PatchPool.load(tmp_path / "a")
    kinds = [pool.kind_names[kind] for kind in pool.kinds.tolist() if kind >= 0]
    assert kinds.count("guid") > 140
    assert all(text.isascii() for text in pool.texts)


def test_preview_shows_kinds_of_words_looks_and_turned_pictures(tmp_path: Path, folder: Path) -> None:
    options = ("--source", "sheet", "--pool", folder, "--size", "128", "--columns", "2", "--rows", "1")
    _run("preview", tmp_path / "all.png", *options)
    _run("preview", tmp_path / "some.png", *options, "--kind", "number", "--kind", "price")
    _run("preview", tmp_path / "turned.png", *options, "--turned", "1")
    _run("preview", tmp_path / "look.png", *options, "--look", "outlined")
    pictures = [(tmp_path / f"{name}.png").read_bytes() for name in ("all", "some", "turned", "look")]
    assert len(set(pictures)) == 4


def test_written_pictures_are_read_back(tmp_path: Path, folder: Path) -> None:
    _run("write", tmp_path / "out", "--count", "3", "--source", "page", "--pool", folder, "--size", "192")
    pictures = sorted((tmp_path / "out" / "images").iterdir())
    assert [picture.name for picture in pictures] == [f"page_{n:06d}.png" for n in range(3)]
    words: list[Annotation] = []
    for picture in pictures:
        assert load_picture(picture).shape == (192, 192, 3)
        words += read_annotations(tmp_path / "out" / "gts" / f"gt_{picture.stem}.txt")
    texts = {word.text for word in words if not word.ignore}
    assert texts
    assert texts <= set(PatchPool.load(folder).texts)


def test_an_evaluation_set_of_bent_words_is_the_same_every_time_and_in_fonts_held_out(
    tmp_path: Path, pool: PatchPool
) -> None:
    fonts = np.where(pool.styles < 0, -1, pool.styles % 2).astype(np.int32)
    replace(pool, fonts=fonts, font_names=("Kaushan Script", "Lato Bold")).save(tmp_path / "pool")
    for name in ("a", "b"):
        options = ("--preset", "curved", "--pool", tmp_path / "pool", "--count", "2")
        _run("write", tmp_path / name, *options, *(("--seed", "9") if name == "b" else ()))
    known = {text for text, font in zip(pool.texts, fonts.tolist(), strict=True) if font == 0}
    words = 0
    for number in range(2):
        first, second = (tmp_path / name / "images" / f"curved_{number:06d}.png" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
        assert load_picture(first).shape == (640, 640, 3)
        annotations = read_annotations(tmp_path / "a" / "gts" / f"gt_{first.stem}.txt", ascii_only=False)
        assert all(len(word.polygon) == 16 for word in annotations)
        assert {word.text for word in annotations if not word.ignore} <= known
        words += len(annotations)
    assert words > 4


def test_bench_has_a_row_for_each_source(folder: Path) -> None:
    output = _run("bench", "--seconds", "0.05", "--pool", folder, "--size", "96", "--device", "cpu", "--batch", "2")
    rows = [line.split() for line in output.splitlines()]
    for kind in ("scene", "page", "sheet"):
        on_core, on_device = (row for row in rows if row[:1] == [kind])
        assert all(float(number) > 0 for number in [*on_core[1:], *on_device[1:]])


def test_statistics_name_the_folder_that_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(synth, ["statistics", str(tmp_path)])
    assert result.exit_code == 1
    assert "icdar2015" in result.output


def test_a_data_folder_without_backgrounds_is_refused(tmp_path: Path, folder: Path) -> None:
    result = CliRunner().invoke(
        synth, ["preview", str(tmp_path / "x.png"), "--pool", str(folder), "--data", str(tmp_path)]
    )
    assert result.exit_code == 2
    assert "backgrounds" in result.output
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["preview", "x.png", "--pool", "EMPTY"], "no pool of rendered words"),
        (["bench", "--pool", "EMPTY"], "no pool of rendered words"),
        (["bench", "--pool", "POOL", "--device", "abacus"], "abacus"),
        (["preview", "EMPTY/none/x.png", "--pool", "POOL", "--size", "64", "--rows", "1"], "No such file"),
        (["preview", "EMPTY/x.text", "--pool", "POOL", "--size", "64", "--rows", "1"], "unknown file extension"),
        (["preview", "x.png", "--size", "0"], "--size"),
        (["preview", "x.png", "--rows", "0"], "--rows"),
        (["pool", "x", "--count", "0"], "--count"),
        (["pool", "x", "--share", "novel=3"], "novel"),
        (["pool", "x", "--share", "guid"], "KIND=PERCENT"),
        (["preview", "x.png", "--pool", "POOL", "--kind", "novel"], "novel"),
        (["preview", "x.png", "--pool", "POOL", "--look", "novel"], "novel"),
        (["preview", "x.png", "--pool", "POOL", "--turned", "2"], "--turned"),
        (["preview", "x.png", "--pool", "POOL", "--source", "curved", "--look", "novel"], "novel"),
        (["preview", "x.png", "--pool", "EMPTY", "--source", "curved"], "no pool of rendered words"),
        (["write", "x", "--preset", "curved", "--pool", "POOL"], "held out"),
    ],
)
def test_mistakes_are_reported_in_a_line(tmp_path: Path, folder: Path, arguments: list[str], message: str) -> None:
    places = [word.replace("EMPTY", str(tmp_path)).replace("POOL", str(folder)) for word in arguments]
    result = CliRunner().invoke(synth, places)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code in (1, 2)
    assert message in result.output
