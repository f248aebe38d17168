from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from spotter.training.data.annotations import Annotation, Picture, read_folder, write_annotations
from spotter.training.data.cli import data
from spotter.training.data.sizes import crop, page


def word(left: float, top: float, width: float, height: float, text: str = "EXIT", ignore: bool = False) -> Annotation:
    corners = [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]
    return Annotation(np.array(corners, np.float32), text, ignore)


def picture(folder: Path, size: tuple[int, int], *words: Annotation, name: str = "a") -> Picture:
    """Black but for its words, which are grey."""
    for part in ("images", "gts"):
        (folder / part).mkdir(exist_ok=True)
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for region in words:
        (left, top), (right, bottom) = region.polygon.min(0).astype(int), region.polygon.max(0).astype(int)
        pixels[max(top, 0) : bottom, max(left, 0) : right] = 128
    path = folder / "images" / f"{name}.png"
    Image.fromarray(pixels).save(path)
    write_annotations(folder / "gts" / f"gt_{name}.txt", words)
    return Picture(path, words)


def test_a_page_holds_pictures_in_rows_with_their_words_where_they_are(tmp_path: Path) -> None:
    sizes = ((100, 200), (60, 180), (80, 150))
    pictures = [
        picture(tmp_path, size, word(20, 40, 30, 10, text), name=text) for size, text in zip(sizes, "abc", strict=True)
    ]
    image, regions = page(pictures, columns=2, pixels=4 * 160 * 350)
    assert image.shape == (700, 320, 3)  # two rows, 200 and 150 high; the first is 160 wide
    assert [region.text for region in regions] == ["a", "b", "c"]
    assert [region.polygon[0].tolist() for region in regions] == [[40, 80], [240, 80], [40, 480]]
    for region in regions:
        x, y = region.polygon.mean(0).astype(int)
        assert image[y, x].tolist() == [128] * 3
    assert image[699, 319].tolist() == [255] * 3
    assert image.shape[0] * image.shape[1] / page(pictures, 3, 10_000)[0][..., 0].size == pytest.approx(22.4, rel=0.02)


def test_a_crop_lies_around_the_word_of_median_height(tmp_path: Path) -> None:
    words = (
        word(300, 300, 40, 10, "low"),
        word(190, 190, 20, 20, "median"),
        word(0, 0, 100, 60, "high"),
        word(240, 195, 20, 10, "cut"),
        word(170, 195, 10, 10, "dim", ignore=True),
    )
    found = crop(picture(tmp_path, (400, 350), *words), 100)
    assert found is not None
    image, regions = found
    assert image.shape == (100, 100, 3)
    assert [(region.text, region.ignore) for region in regions] == [("median", False), ("", True), ("dim", True)]
    assert regions[0].polygon[0].tolist() == [40, 40]
    assert image[50, 50].tolist() == [128] * 3


def test_a_crop_stays_within_its_picture(tmp_path: Path) -> None:
    found = crop(picture(tmp_path, (120, 60), word(110, 2, 10, 10)), 100)
    assert found is not None
    assert found[0].shape == (60, 100, 3)
    assert found[1][0].polygon[0].tolist() == [90, 2]
    assert crop(picture(tmp_path, (120, 60), word(0, 0, 9, 9, ignore=True)), 100) is None


def test_pages_and_crops_are_folders_that_can_be_scored(tmp_path: Path) -> None:
    dataset = tmp_path / "set"
    dataset.mkdir()
    for name in ("1", "2", "3"):
        picture(dataset, (100, 200), word(20, 40, 30, 10), name=name)

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(data, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    printed = invoke("pages", str(dataset), str(tmp_path / "pages"), "--columns", "2", "--megapixels", "0.04")
    assert printed == "1 pages\n"
    (large,) = read_folder(tmp_path / "pages")
    assert large.load().shape == (200, 200, 3)
    assert [region.polygon[0].tolist() for region in large.annotations] == [[20, 40], [120, 40]]
    assert invoke("crops", str(dataset), str(tmp_path / "crops"), "--side", "50") == "3 crops\n"
    assert [each.load().shape for each in read_folder(tmp_path / "crops")] == [(50, 50, 3)] * 3
    result = CliRunner().invoke(data, ["crops", str(tmp_path), str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "wants the folders" in result.output
