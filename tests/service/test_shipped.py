"""The bundle that ships, behind a real server process: pictures rendered here must be read."""

import io
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from spotter.registry.folder import embedded
from tests.reading.corpus import encode
from tests.service.serving import Serving, serving

WORDS = [["Fresh", "coffee", "and", "bread"], ["Open", "daily", "until", "18:30"], ["EXIT", "Platform", "7"]]


@pytest.fixture(scope="module")
def shipped() -> Iterator[Serving]:
    with serving() as server:
        assert server.ready() < 10  # 5 on a machine that does nothing else
        yield server


def page(form: str, **options: object) -> bytes:
    """A picture of WORDS, dark on light, 1280x720."""
    image = Image.new("RGB", (1280, 720), (236, 232, 220))
    canvas = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=28)
    for row, words in enumerate(WORDS):
        x = 90.0
        for word in words:
            canvas.text((x, 120 + 170 * row), word, (30, 30, 40), font=font)
            x += canvas.textlength(word, font=font) + 60
    return encode(image, form, **options)


def read(server: Serving, data: bytes) -> dict[str, Any]:
    response = httpx.post(f"{server.url}/spot", content=data, headers={"Content-Type": "image/*"}, timeout=60)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def assert_read(answer: dict[str, Any]) -> None:
    """Every word is found, in reading order and upright, and its characters are mostly right."""
    text = " ".join(word["text"] for word in answer["words"]).lower()
    expected = " ".join(word for line in WORDS for word in line).lower()
    assert SequenceMatcher(None, text, expected, autojunk=False).ratio() >= 0.8, text
    assert len(set(text.split()) & set(expected.split())) >= 4, text
    for word in answer["words"]:
        polygon = np.array(word["polygon"])
        assert polygon.shape == (4, 2)
        assert (polygon[1] - polygon[0])[0] > 0
        assert (polygon[3] - polygon[0])[1] > 0


def test_the_golden_picture_is_read(shipped: Serving) -> None:
    bundle = embedded().open("spotter", embedded().aliases("spotter")["live"])
    golden = bundle.manifest.golden
    texts = Counter(word["text"] for word in read(shipped, bundle.read(golden.picture))["words"])
    assert not Counter(golden.words) - texts
    assert httpx.get(f"{shipped.url}/v1/model").json()["digest"] == bundle.manifest.digest


@pytest.mark.parametrize(("form", "options"), [("JPEG", {"quality": 90}), ("PNG", {}), ("WEBP", {"quality": 90})])
def test_a_rendered_page_is_read_in_order(shipped: Serving, form: str, options: dict[str, object]) -> None:
    assert_read(read(shipped, page(form, **options)))


def test_short_numbers_in_close_lines_are_read(shipped: Serving) -> None:
    # Seen alone, such a column looks much like a word that runs downwards.
    image, font = Image.new("RGB", (640, 800), "white"), ImageFont.load_default(size=18)
    canvas = ImageDraw.Draw(image)
    rows = [(n, n * 37 % 97 + 1, n * n % 89 + 11) for n in range(1, 33)]
    for y, row in enumerate(rows):
        for x, number in zip((60, 260, 460), row, strict=True):
            canvas.text((x, 10 + y * 23.4), str(number), "black", font=font)
    texts = Counter(word["text"] for word in read(shipped, encode(image, "PNG"))["words"])
    wanted = Counter(str(number) for row in rows for number in row)
    assert (texts & wanted).total() >= 0.9 * wanted.total()


def test_a_blank_page_says_nothing(shipped: Serving) -> None:
    blank = Image.new("RGB", (1280, 720), (200, 200, 200))
    assert read(shipped, encode(blank, "PNG"))["words"] == []


def test_a_page_turned_by_its_exif_reads_the_same(shipped: Serving) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(io.BytesIO(page("PNG"))) as upright:
        turned = encode(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif)
    answer = read(shipped, turned)
    assert_read(answer)
    assert answer["image"] == {"width": 1280, "height": 720}


def test_words_have_scores_apart_and_characters_in_their_places(shipped: Serving) -> None:
    data = page("PNG")
    plain = read(shipped, data)["words"]
    assert "characters" not in plain[0]
    answer = httpx.post(f"{shipped.url}/spot?detail=characters", content=data, timeout=60).json()
    assert [word["text"] for word in answer["words"]] == [word["text"] for word in plain]
    for word in answer["words"]:
        assert 0.5 < word["detection_score"] <= 1
        assert 0 < word["reading_score"] <= min(character["score"] for character in word["characters"]) + 1e-3
        assert "".join(character["text"] for character in word["characters"]) == word["text"]
        x = [corner[0] for character in word["characters"] for corner in character["polygon"][:2]]
        assert x == sorted(x)
        assert [x[0], x[-1]] == [word["polygon"][0][0], word["polygon"][1][0]]
    (word,) = [word for word in answer["words"] if word["text"] == "Platform"]
    font = ImageFont.load_default(size=28)
    for number, character in enumerate(word["characters"]):
        left, right = (font.getlength("Platform"[:end]) for end in (number, number + 1))
        middle = np.mean([corner[0] for corner in character["polygon"]]) - word["polygon"][0][0]
        assert left - 5 < middle < right + 5
