"""Draws the playground's samples from shapes and Pillow's own font only: python -m docs.images.samples

A street, a receipt on a table, and a form of two pages as from a black-and-white scanner.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from docs.images.street import hang, street

FOLDER = Path(__file__).parents[2] / "spotter/service/playground/static/samples"
RECEIPT = (
    ("2 x Espresso", "5.20"),
    ("1 x Flat white", "3.60"),
    ("1 x Carrot cake", "4.45"),
    ("3 x Sourdough roll", "2.85"),
    ("1 x Orange juice, 0.3 l", "3.90"),
)
FIELDS = (
    ("Family name", "Lindqvist"),
    ("Given names", "Maja Eleonora"),
    ("Date of birth", "17 / 04 / 1991"),
    ("Street, number", "Harbour Road 28b"),
    ("Postcode, town", "4051 Nordvik"),
    ("Telephone", "+47 555 01 42"),
    ("E-mail", "maja.l@post.example"),
)
LOANS = (
    ("Title", "Shelf", "Due", "Fee"),
    ("A Short History of Maps", "MAP 912", "03.02.", "-"),
    ("Birds of the North Sea", "ORN 598", "03.02.", "-"),
    ("The Art of Sourdough", "COK 641", "10.02.", "1.50"),
    ("Letters from Lund", "LIT 839", "10.02.", "-"),
    ("Signals & Noise", "PHY 534", "24.02.", "0.75"),
)
RULES = (
    "Books are lent for four weeks and may be",
    "renewed twice unless somebody waits for",
    "them. Maps and newspapers stay in the",
    "reading room. Fees are 25 cents a day.",
)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def right(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, bold: int = 0) -> None:
    draw.text(at, text, 40, font(size), anchor="ra", stroke_width=bold)


def centred(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, bold: int = 0) -> None:
    draw.text(at, text, 40, font(size), anchor="ma", stroke_width=bold)


def slip() -> Image.Image:
    """uint8 grey, 800 x 460: the receipt, flat."""
    paper = Image.new("L", (460, 800), 247)
    draw = ImageDraw.Draw(paper)
    centred(draw, (230, 36), "CAFE NORDLYS", 40, 1)
    centred(draw, (230, 92), "Harbour Road 12, Nordvik", 22)
    centred(draw, (230, 122), "Tel. 555 0177", 22)
    draw.text((36, 176), "12.03.2026  09:41", 40, font(22))
    right(draw, (424, 176), "No. 004718", 22)
    y = 220
    for x in range(36, 424, 12):
        draw.line((x, y, x + 6, y), 90, 2)
    for name, price in RECEIPT:
        y += 40
        draw.text((36, y - 18), name, 40, font(24))
        right(draw, (424, y - 18), price, 24)
    y += 34
    for x in range(36, 424, 12):
        draw.line((x, y, x + 6, y), 90, 2)
    draw.text((36, y + 18), "TOTAL EUR", 30, font(34), stroke_width=1)
    right(draw, (424, y + 18), "20.00", 34, 1)
    draw.text((36, y + 74), "VAT 10% incl.", 60, font(22))
    right(draw, (424, y + 74), "1.82", 22)
    draw.text((36, y + 106), "Card ****4096", 60, font(22))
    right(draw, (424, y + 106), "20.00", 22)
    centred(draw, (230, y + 172), "Thank you!", 30)
    rng, x = np.random.default_rng(4), 96
    while x < 360:
        width = int(rng.integers(2, 6))
        draw.rectangle((x, y + 226, x + width, y + 280), fill=30)
        x += width + int(rng.integers(3, 7))
    return paper


def receipt() -> Image.Image:
    """uint8 RGB, 720 x 960: the receipt on a table, in slight perspective."""
    rng = np.random.default_rng(7)
    grain = np.cumsum(rng.normal(0, 1.1, 960))[:, None] + rng.normal(0, 1.5, (960, 1))
    wood = np.array((132, 98, 70)) + (grain - grain.mean())[..., None] * np.array((1.0, 0.9, 0.7))
    table = Image.fromarray(np.clip(wood, 0, 255).astype(np.uint8).repeat(720, 1)).convert("RGBA")
    corners = ((148, 62), (566, 40), (610, 884), (112, 906))
    shadow = Image.new("L", table.size, 0)
    ImageDraw.Draw(shadow).polygon([(x + 12, y + 16) for x, y in corners], fill=130)
    table.paste((20, 14, 10), (0, 0), shadow.filter(ImageFilter.GaussianBlur(14)))
    hang(table, slip().convert("RGBA"), corners)
    light = np.linspace(1.06, 0.82, 960)[:, None, None] * np.linspace(1.0, 0.94, 720)[None, :, None]
    lit = np.asarray(table.convert("RGB"), np.float32) * light + rng.normal(0, 2, (960, 720, 1))
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def heading(draw: ImageDraw.ImageDraw, title: str, page: int) -> None:
    draw.rectangle((90, 90, 1150, 96), fill=0)
    draw.text((90, 116), "NORDVIK PUBLIC LIBRARY", 0, font(36), stroke_width=1)
    draw.text((1150, 122), f"Form L-7, page {page} of 2", 0, font(30), anchor="ra")
    draw.text((90, 190), title, 0, font(58), stroke_width=1)


def box(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, ticked: bool) -> None:
    x, y = at
    draw.rectangle((x, y, x + 28, y + 28), outline=0, width=3)
    if ticked:
        draw.line((x + 5, y + 14, x + 12, y + 23, x + 26, y - 4), fill=0, width=5)
    draw.text((x + 44, y - 4), text, 0, font(32))


def first_page() -> Image.Image:
    page = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(page)
    heading(draw, "Application for a library card", 1)
    y = 320
    for name, value in FIELDS:
        draw.text((90, y + 16), name, 0, font(32))
        draw.line((400, y + 62, 1150, y + 62), fill=0, width=2)
        draw.text((420, y + 8), value, 0, font(42))
        y += 96
    draw.text((90, y + 40), "I would like to borrow", 0, font(34), stroke_width=1)
    for index, (name, ticked) in enumerate((("Books", True), ("Music", False), ("Films", True), ("Games", False))):
        box(draw, (90 + 260 * index, y + 100), name, ticked)
    box(draw, (90, y + 190), "I have read the rules on page 2.", True)
    draw.line((90, y + 420, 520, y + 420), fill=0, width=2)
    draw.text((90, y + 432), "Date", 0, font(28))
    draw.text((110, y + 368), "9 January 2026", 0, font(42))
    draw.line((640, y + 420, 1150, y + 420), fill=0, width=2)
    draw.text((640, y + 432), "Signature", 0, font(28))
    path = [(660 + 5 * step, y + 380 + 30 * np.sin(step * 0.7) * np.exp(-step / 60)) for step in range(70)]
    draw.line(path, fill=0, width=4)
    return page


def second_page() -> Image.Image:
    page = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(page)
    heading(draw, "Loans and fees", 2)
    edges = (90, 620, 820, 990, 1150)
    for row, cells in enumerate(LOANS):
        top = 320 + 76 * row
        for column, text in enumerate(cells):
            draw.rectangle((edges[column], top, edges[column + 1], top + 76), outline=0, width=2)
            if column == 3:
                draw.text((edges[4] - 18, top + 18), text, 0, font(34), anchor="ra", stroke_width=int(row == 0))
            else:
                draw.text((edges[column] + 18, top + 18), text, 0, font(34), stroke_width=int(row == 0))
    draw.text((990, 800), "To pay", 0, font(36), anchor="ra", stroke_width=1)
    draw.text((1132, 800), "2.25", 0, font(36), anchor="ra", stroke_width=1)
    draw.text((90, 900), "Rules", 0, font(44), stroke_width=1)
    for row, text in enumerate(RULES):
        draw.text((90, 970 + 52 * row), text, 0, font(34))
    stamp = Image.new("L", (420, 130), 255)
    marked = ImageDraw.Draw(stamp)
    marked.rounded_rectangle((4, 4, 415, 125), 16, outline=0, width=6)
    marked.text((210, 65), "PAID 12 JAN", 0, font(52), anchor="mm", stroke_width=1)
    page.paste(stamp.rotate(11, Image.Resampling.BICUBIC, expand=True, fillcolor=255), (640, 1260))
    return page


def form() -> bytes:
    """A PDF whose pages are black-and-white pictures, slightly rotated."""
    pages = [
        page.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255)
        .point(lambda value: 255 * (value > 140))
        .convert("1")
        for page, angle in ((first_page(), 0.5), (second_page(), -0.4))
    ]
    buffer = io.BytesIO()
    pages[0].save(buffer, "PDF", save_all=True, append_images=pages[1:], resolution=150)
    return buffer.getvalue()


if __name__ == "__main__":
    scene = street()
    scene.save(FOLDER / "street.webp", quality=70, method=6)
    receipt().save(FOLDER / "receipt.webp", quality=56, method=6)
    (FOLDER / "form.pdf").write_bytes(form())
    for name, picture in (("street", scene), ("receipt", receipt()), ("form", first_page())):
        width, height = picture.size
        picture.convert("RGB").crop((0, 0, width, min(height, round(width * 0.75)))).resize((240, 180)).save(
            FOLDER / f"{name}-small.webp", quality=60, method=6
        )
