from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from spotter.training.synthesis import Backgrounds, PatchPool
from spotter.training.synthesis.held_out import belongs, family_of, is_held_out

HELD_OUT, TRAINED = "Kaushan Script Regular", "Lato Bold Italic"


def test_one_name_in_eight_is_held_out_the_same_one_everywhere() -> None:
    held = [is_held_out(f"name {number}") for number in range(4000)]
    assert 0.1 < np.mean(held) < 0.15
    assert is_held_out(family_of(HELD_OUT))
    assert not is_held_out(family_of(TRAINED))
    assert [belongs("Kaushan", part) for part in ("all", "training", "held out")] == [True, False, True]


def test_a_family_stays_together() -> None:
    names = ["Linux Libertine O Bold", "Linux Biolinum O Regular", "Linux"]
    assert {family_of(name) for name in names} == {"Linux"}
    assert family_of("") == ""


def of_two_fonts(pool: PatchPool) -> PatchPool:
    """The pool as if every other style were of another font."""
    fonts = np.where(pool.styles < 0, -1, pool.styles % 2).astype(np.int32)
    return replace(pool, fonts=fonts, font_names=(HELD_OUT, TRAINED))


def test_the_parts_of_a_pool_share_plates_and_pixels_but_no_word(pool: PatchPool) -> None:
    whole = of_two_fonts(pool)
    held, trained = whole.part("held out"), whole.part("training")
    assert whole.part("all") is whole
    for part, font in ((held, 0), (trained, 1)):
        words = np.array([bool(text) for text in part.texts])
        assert set(part.fonts[words].tolist()) == {font}
        assert len(part.plates) == len(whole.plates)
        assert part.pixels is whole.pixels
    count = sum(bool(text) for text in whole.texts)
    assert sum(bool(text) for text in held.texts) + sum(bool(text) for text in trained.texts) == count
    first = int(next(iter(trained.groups.values()))[0])
    same = [n for n, text in enumerate(whole.texts) if text == trained.texts[first]]
    assert any(np.array_equal(trained.patch(first), whole.patch(n)) for n in same)


def test_a_pool_without_such_a_font_is_refused(pool: PatchPool) -> None:
    alone = replace(pool, font_names=(TRAINED,), fonts=np.minimum(pool.fonts, 0))
    with pytest.raises(ValueError, match="held out"):
        alone.part("held out")


def test_backgrounds_are_held_out_by_their_names(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(24)]
    for number, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), np.full((70, 70, 3), 10 * number, np.uint8))
    parts = {
        part: {int(picture[0, 0, 0]) for picture in Backgrounds.load([tmp_path], drawn=0, part=part).pictures}
        for part in ("all", "training", "held out")
    }
    assert parts["training"] | parts["held out"] == parts["all"]
    assert not parts["training"] & parts["held out"]
    assert parts["held out"] == {10 * number for number, name in enumerate(names) if is_held_out(name)} != set()
