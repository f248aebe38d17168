"""`spotter synth`: pools of rendered words, previews, pictures with annotations, and benchmarks."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from spotter.training.sample import Sample, Source
    from spotter.training.synthesis.backgrounds import Backgrounds
    from spotter.training.synthesis.held_out import Part
    from spotter.training.synthesis.pool import PatchPool
    from spotter.training.synthesis.sources import LayoutSource

_CURVED = "curved"
_WRITTEN = 100  # pictures
_KINDS = ("scene", "page", "sheet", _CURVED)
_POOL = click.option(
    "--pool",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A pool; a small one is built if absent.",
)
_DATA = click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder with `backgrounds`."
)
_SEED = click.option("--seed", default=0, show_default=True, help="The same seed gives the same pictures.")
_SIZE = click.option(
    "--size", type=click.IntRange(min=32), default=512, show_default=True, help="Side of the pictures, pixels."
)


@click.group()
def synth() -> None:
    """Write or preview synthetic training pictures."""


@synth.command()
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", type=click.IntRange(min=1), default=30000, show_default=True, help="Words to render.")
@_SEED
@click.option(
    "--fonts",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to look for fonts in, besides the usual ones; may be repeated.",
)
@click.option("--only-fonts", is_flag=True, help="Leave the usual folders out.")
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="KIND=PERCENT",
    help="The share of a kind of words, as mrz=2; may be repeated. docs/synthesis.md lists the kinds.",
)
@click.option(
    "--charset",
    type=click.Choice(["latin-and-greek", "ascii"]),
    default="latin-and-greek",
    show_default=True,
    help="Words are written in its characters alone.",
)
def pool(
    output: Path,
    count: int,
    seed: int,
    fonts: tuple[Path, ...],
    only_fonts: bool,
    shares: tuple[str, ...],
    charset: str,
) -> None:
    """Render words once into the folder OUTPUT."""
    from spotter.model.charset import LATIN_AND_GREEK, PRINTABLE_ASCII, Charset
    from spotter.training.synthesis.fonts import find_fonts
    from spotter.training.synthesis.pool import PatchPool
    from spotter.training.synthesis.words import WordGenerator

    try:
        characters = PRINTABLE_ASCII if charset == "ascii" else LATIN_AND_GREEK
        words = WordGenerator(shares=_percents(shares), charset=Charset(characters))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--share") from None
    found = find_fonts(fonts, usual=not only_fonts)
    click.echo(f"{len(found.faces)} font faces")
    built = PatchPool.build(count, seed, found, words, progress=True)
    built.save(output)
    click.echo(f"{count} words in {len(built.groups)} styles, {built.pixels.nbytes / 1e6:.0f} MB: {output}")


@synth.command()
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--source", "kind", type=click.Choice(_KINDS), default="scene", show_default=True)
@_SEED
@_POOL
@_DATA
@_SIZE
@click.option("--columns", type=click.IntRange(min=1), default=4, show_default=True)
@click.option("--rows", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--outlines/--plain", default=True, help="Draw the words' polygons; ignored ones are red.")
@click.option("--kind", "kinds", multiple=True, help="Show words of this kind alone; may be repeated.")
@click.option("--look", "looks", multiple=True, help="Show this look alone, as `table` of pages; may be repeated.")
@click.option("--turned", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of turned pictures.")
def preview(
    output: Path,
    kind: str,
    seed: int,
    pool: Path | None,
    data: Path | None,
    size: int,
    columns: int,
    rows: int,
    outlines: bool,
    kinds: tuple[str, ...],
    looks: tuple[str, ...],
    turned: float,
) -> None:
    """Draw a sheet of pictures into the file OUTPUT."""
    import numpy as np
    from PIL import Image

    source = _open_source(kind, pool, data, kinds, turned, looks)
    rng = np.random.default_rng(seed)
    samples = [source.sample(rng, size) for _ in range(columns * rows)]
    pictures = [_outlined(sample) if outlines else sample.image for sample in samples]
    lines = [np.concatenate(pictures[row * columns : (row + 1) * columns], 1) for row in range(rows)]
    try:
        Image.fromarray(np.concatenate(lines, 0)).save(output)
    except (OSError, ValueError) as error:  # the folder does not exist, or the file's ending names no format
        raise click.ClickException(f"{output}: {error}") from None


@dataclass(frozen=True)
class EvaluationSet:
    """A set of pictures that is reproducible from one pool and one folder of backgrounds; heights: of capitals,
    pixels."""

    source: str
    count: int
    seed: int
    size: int
    heights: tuple[float, float]


EVALUATION_SETS = {"curved": EvaluationSet(_CURVED, 200, 2002, 640, (10.0, 64.0))}
"""Sets by name, in fonts and on backgrounds that recipes with such a source do not use."""


@synth.command()
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", type=click.IntRange(min=1), help="Pictures to write; 100, or as many as the preset says.")
@click.option("--source", "kind", type=click.Choice(_KINDS), default="scene", show_default=True)
@click.option(
    "--preset",
    type=click.Choice(list(EVALUATION_SETS)),
    help="An evaluation set in fonts and on backgrounds that training leaves out; it has a source, seed and size.",
)
@_SEED
@_POOL
@_DATA
@_SIZE
def write(
    output: Path,
    count: int | None,
    kind: str,
    preset: str | None,
    seed: int,
    pool: Path | None,
    data: Path | None,
    size: int,
) -> None:
    """Write pictures and their words into OUTPUT, in the form of the ICDAR contests."""
    import numpy as np
    from PIL import Image
    from tqdm import tqdm

    from spotter.training.data.annotations import Annotation, format_line

    source: Source
    if preset is None:
        source = _open_source(kind, pool, data)
    else:
        wanted = EVALUATION_SETS[preset]
        kind, count, seed, size = wanted.source, count or wanted.count, wanted.seed, wanted.size
        source = open_curved(pool, data, heights=wanted.heights, part="held out")
    (output / "images").mkdir(parents=True, exist_ok=True)
    (output / "gts").mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    for number in tqdm(range(count or _WRITTEN), unit="picture", disable=None):
        sample = source.sample(rng, size)
        name = f"{kind}_{number:06d}"
        Image.fromarray(sample.image).save(output / "images" / f"{name}.png")
        words = zip(sample.polygons, sample.texts, sample.ignore.tolist(), strict=True)
        lines = [format_line(Annotation(*word)) + "\n" for word in words]
        (output / "gts" / f"gt_{name}.txt").write_text("".join(lines), encoding="utf-8")


@synth.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="Time given to each row.",
)
@click.option("--device", help="Also compose on this torch device, as `cuda` or `cpu`.")
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Pictures composed at once on the device.",
)
@_POOL
@_DATA
@_SIZE
def bench(seconds: float, device: str | None, batch: int, pool: Path | None, data: Path | None, size: int) -> None:
    """Measure pictures per second: of CPU time on one core, and of real time on a device if one is named."""
    if device:
        from spotter.training.device import usable_device

        usable_device(None, None, device)
    click.echo(f"{'source':<8}{'pictures/s':>12}{'words/s':>10}{'layouts/s':>11}")
    sources = open_sources(pool, data)
    for kind, source in sources.items():
        found = measure(source, size, seconds)
        click.echo(f"{kind:<8}{found.pictures:>12.1f}{found.words:>10.0f}{found.layouts:>11.0f}")
    if device:
        _bench_device(sources, device, batch, size, seconds)


@synth.command("statistics")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--draws", type=click.IntRange(min=1), default=60000, show_default=True, help="Words drawn of each sort.")
@_SEED
def compare_words(data: Path, draws: int, seed: int) -> None:
    """Compare the kinds, lengths, cases and ends of words in DATA's training parts with those of synthetic words."""
    import numpy as np

    from spotter.training.synthesis.statistics import PAGES, SCENES, distance, real_words, statistics, table
    from spotter.training.synthesis.words import WordGenerator

    generator, columns = WordGenerator(), {}
    for name, folders, page in (("scenes", SCENES, False), ("pages", PAGES, True)):
        rng = np.random.default_rng(seed)
        try:
            columns[f"{name}, real"] = statistics(real_words(data, folders))
        except (OSError, ValueError) as error:
            raise click.ClickException(str(error)) from None
        columns[f"{name}, synthetic"] = statistics([generator.word(rng, page) for _ in range(draws)])
    click.echo(table(columns))
    for name in ("scenes", "pages"):
        apart = distance(columns[f"{name}, real"].characters, columns[f"{name}, synthetic"].characters)
        click.echo(f"{name}: {100 * apart:.1f}% of the characters would have to be others")


def _open_source(
    kind: str,
    pool: Path | None,
    data: Path | None,
    kinds: "Sequence[str]" = (),
    turned: float = 0.0,
    looks: "Sequence[str]" = (),
) -> "Source":
    if kind == _CURVED:
        return open_curved(pool, data, kinds, turned or None, looks)
    return open_sources(pool, data, kinds, turned, looks)[kind]


@dataclass(frozen=True)
class Speed:
    """Pictures, words in them, and layouts without pixels, each per second of CPU time on one core."""

    pictures: float
    words: float
    layouts: float


def measure(source: "LayoutSource", size: int, seconds: float) -> Speed:
    """The speed of a source at pictures of size x size, measured for `seconds` of CPU time
    (a third of it for layouts)."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    source.sample(rng, size)
    pictures, words, start = 0, 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        words += len(source.sample(rng, size).texts)
        pictures += 1
    layouts, start = 0, time.process_time()
    while (drawing := time.process_time() - start) < seconds / 3:
        source.layout(rng, size)
        layouts += 1
    return Speed(pictures / spent, words / spent, layouts / drawing)


def open_sources(
    pool: Path | None,
    data: Path | None,
    kinds: "Sequence[str]" = (),
    turned: float = 0.0,
    looks: "Sequence[str]" = (),
) -> "dict[str, LayoutSource]":
    """Each kind of source on a pool of rendered words (a small one is built if absent) and the data's backgrounds.

    kinds: use only words of these kinds; all when empty. turned: share of pictures that are turned. looks: use only
    these looks, in sources that have them.
    """
    from spotter.training.synthesis import PageSource, SceneSource, SheetSource
    from spotter.training.synthesis.sources import LayoutSource

    patches, backgrounds = _open(pool, data, "all")
    times = _times(patches, kinds)
    classes: dict[str, type[LayoutSource]] = {"scene": SceneSource, "page": PageSource, "sheet": SheetSource}
    if unknown := set(looks).difference(*(source.LOOKS for source in classes.values())):
        raise click.BadParameter(f"no source looks like {sorted(unknown)[0]!r}", param_hint="--look")
    try:
        return {
            name: source(patches, backgrounds, times, turned, _only(looks, source.LOOKS))
            for name, source in classes.items()
        }
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--kind") from None


def open_curved(
    pool: Path | None,
    data: Path | None,
    kinds: "Sequence[str]" = (),
    turned: float | None = None,
    looks: "Sequence[str]" = (),
    heights: tuple[float, float] | None = None,
    part: "Part" = "all",
) -> "Source":
    """The source of curved words, otherwise as `open_sources`. turned, heights: the source's defaults where None. part:
    of fonts and backgrounds."""
    from spotter.training.synthesis import CurvedSource
    from spotter.training.synthesis.curved.emblems import KINDS

    patches, backgrounds = _open(pool, data, part)
    if unknown := set(looks) - KINDS.keys():
        raise click.BadParameter(f"no emblem looks like {sorted(unknown)[0]!r}", param_hint="--look")
    options: dict[str, Any] = {} if turned is None else {"turned": turned}
    if heights is not None:
        options["heights"] = heights
    try:
        return CurvedSource(patches, backgrounds, _times(patches, kinds), looks=_only(looks, KINDS), **options)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--pool") from None


def _open(pool: Path | None, data: Path | None, part: "Part") -> "tuple[PatchPool, Backgrounds]":
    """The pool of words, of which a small one is built if absent, and the backgrounds."""
    from spotter.training.synthesis import Backgrounds, PatchPool

    folder = data / "backgrounds" if data else None
    if folder is not None and not folder.is_dir():
        raise click.BadParameter(f"{folder} is no folder", param_hint="--data")
    try:
        patches = (PatchPool.load(pool) if pool else PatchPool.build(2000)).part(part)
    except ValueError as error:  # there is no pool, or none of its words is in a font of the part
        raise click.BadParameter(str(error), param_hint="--pool") from None
    return patches, Backgrounds.load([folder] if folder else [], part=part)


def _times(pool: "PatchPool", kinds: "Sequence[str]") -> dict[str, float] | None:
    if unknown := set(kinds) - set(pool.kind_names):
        raise click.BadParameter(f"the pool knows no {sorted(unknown)[0]!r}", param_hint="--kind")
    return {name: float(name in kinds) for name in pool.kind_names} if kinds else None


def _only(wanted: "Sequence[str]", known: "Mapping[str, object]") -> dict[str, float] | None:
    """Equal shares of the wanted looks that are known; None where none is."""
    return {look: float(look in wanted) for look in known} if set(wanted) & known.keys() else None


def _percents(shares: "Sequence[str]") -> dict[str, float]:
    """KIND=PERCENT as a table. Raises ValueError on anything else."""
    pairs = [share.partition("=") for share in shares]
    try:
        return {kind: float(percent) for kind, _, percent in pairs}
    except ValueError:
        raise ValueError(f"a share is KIND=PERCENT, not {' '.join(shares)}") from None


def _bench_device(sources: "dict[str, LayoutSource]", device: str, batch: int, size: int, seconds: float) -> None:
    """Prints the speed at which a device composes prepared layouts."""
    import numpy as np

    from spotter.training.synthesis.device import DeviceComposer

    scene = sources["scene"]
    composer = DeviceComposer(scene.pool, scene.backgrounds, device)
    click.echo(f"\n{'on ' + device:<8}{'pictures/s':>12}   batches of {batch}")
    for kind, source in sources.items():
        rng = np.random.default_rng(0)
        layouts = [source.layout(rng, size) for _ in range(batch)]
        composer.compose(layouts).cpu()
        batches, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            composer.compose(layouts).cpu()
            batches += 1
        click.echo(f"{kind:<8}{batches * batch / spent:>12.1f}")


def _outlined(sample: "Sample") -> "NDArray[np.uint8]":
    """The picture with its polygons drawn, and a dot at each word's top-left corner."""
    import cv2
    import numpy as np

    picture = sample.image.copy()
    for polygon, ignore in zip(sample.polygons, sample.ignore, strict=True):
        points = np.round((polygon - 0.5) * 8).astype(np.int32)
        cv2.polylines(picture, [points], True, (255, 0, 0) if ignore else (0, 255, 0), 1, cv2.LINE_AA, 3)
        cv2.circle(picture, tuple(points[0].tolist()), 16, (0, 0, 255), -1, cv2.LINE_AA, 3)
    return picture
