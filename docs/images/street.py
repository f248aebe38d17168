"""Draws the README's street from shapes and Pillow's own font only: python docs/images/street.py OUT.png"""

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 1280, 720
Colour = tuple[int, int, int]
Corners = tuple[tuple[float, float], ...]


def sign(
    text: str, size: int, ink: Colour, background: Colour | None, stroke: int = 0, pad: tuple[int, int] = (18, 10)
) -> Image.Image:
    """Lines of text on a board, RGBA; with a background of None the wall is visible behind them."""
    font = ImageFont.load_default(size)
    box = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font, stroke_width=stroke)
    extent = (int(box[2] - box[0]) + 2 * pad[0], int(box[3] - box[1]) + 2 * pad[1])
    board = Image.new("RGBA", extent, (*background, 255) if background else (*ink, 0))
    draw = ImageDraw.Draw(board)
    at = (pad[0] - box[0], pad[1] - box[1])
    draw.multiline_text(at, text, ink, font, stroke_width=stroke, stroke_fill=ink, align="center")
    return board


def hang(street: Image.Image, board: Image.Image, corners: Corners) -> None:
    """Draws a board into a quadrilateral of the street, corners top-left, top-right, bottom-right, bottom-left."""
    width, height = board.size
    source = ((0, 0), (width, 0), (width, height), (0, height))
    rows, right = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    matrix = np.linalg.solve(np.array(rows, float), np.array(right, float))
    warped = board.transform(street.size, Image.Transform.PERSPECTIVE, matrix.tolist(), Image.Resampling.BICUBIC)
    street.alpha_composite(warped)


def level(x: float, y: float, width: float, height: float) -> Corners:
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def facade(draw: ImageDraw.ImageDraw, left: int, top: int, right: int, wall: Colour, windows: int) -> None:
    """A house with rows of windows down to the shops."""
    draw.rectangle((left, top, right, 560), fill=wall)
    pane: Colour = (52, 66, 84)
    step = (right - left) / windows
    for row in range(top + 26, 300, 86):
        for column in range(windows):
            x = left + step * (column + 0.28)
            draw.rectangle((x - 4, row - 4, x + step * 0.44 + 4, row + 58), fill=(226, 220, 208))
            draw.rectangle((x, row, x + step * 0.44, row + 54), fill=pane)
            draw.polygon(((x, row + 40), (x, row), (x + step * 0.3, row)), fill=(84, 104, 128))


def street() -> Image.Image:
    """uint8 RGB, 1280 x 720."""
    sky = np.linspace((142, 178, 214), (222, 228, 230), HEIGHT)[:, None].repeat(WIDTH, 1)
    picture = Image.fromarray(sky.astype(np.uint8)).convert("RGBA")
    draw = ImageDraw.Draw(picture)
    facade(draw, 0, 60, 400, (176, 128, 104), 4)
    facade(draw, 400, 110, 840, (198, 186, 160), 5)
    facade(draw, 840, 40, 1280, (140, 150, 148), 5)
    draw.rectangle((0, 560, WIDTH, 610), fill=(168, 164, 158))
    draw.rectangle((0, 610, WIDTH, HEIGHT), fill=(86, 88, 92))
    for x in range(20, WIDTH, 190):
        draw.polygon(((x, 680), (x + 90, 680), (x + 80, 692), (x - 12, 692)), fill=(220, 220, 210))
    for left, right, colour in ((24, 376, (70, 44, 34)), (424, 816, (48, 66, 58)), (868, 1256, (40, 46, 70))):
        draw.rectangle((left, 390, right, 560), fill=colour)
        draw.rectangle((left + 16, 404, right - 110, 546), fill=(152, 172, 178))
        draw.rectangle((right - 94, 404, right - 16, 560), fill=tuple(int(c * 0.7) for c in colour))
    hang(picture, sign("OLD MILL BAKERY", 46, (248, 236, 206), (98, 40, 30), 1), level(24, 322, 352, 62))
    hang(picture, sign("Green Garden Cafe", 46, (240, 246, 226), (34, 84, 58), 1), level(424, 322, 392, 62))
    hang(picture, sign("HOTEL ASTORIA", 54, (252, 216, 110), (30, 36, 66), 1), level(868, 316, 388, 68))
    hang(picture, sign("Fresh bread daily", 30, (60, 30, 20), None), ((52, 420), (236, 412), (238, 442), (54, 450)))
    hang(picture, sign("Rolls 0.85\nCoffee 2.40", 28, (30, 30, 30), (244, 240, 226)), level(70, 464, 150, 70))
    hang(picture, sign("OPEN", 34, (250, 250, 250), (190, 34, 34), 1), ((300, 446), (346, 440), (346, 462), (300, 468)))
    hang(picture, sign("LUNCH\n11:30 - 14:00", 28, (244, 244, 234), (44, 52, 50)), level(448, 420, 148, 74))
    hang(picture, sign("Soup & Salad $9", 30, (250, 250, 240), None), ((612, 436), (700, 448), (698, 470), (610, 458)))
    hang(picture, sign("ROOMS FREE", 32, (250, 250, 250), (176, 30, 60), 1), level(900, 424, 190, 40))
    hang(picture, sign("Tel. 555-0142", 30, (24, 30, 50), None), level(904, 486, 180, 34))
    draw.rectangle((852, 120, 858, 300), fill=(60, 60, 60))
    hang(
        picture, sign("CINEMA", 60, (255, 240, 200), (150, 26, 40), 1), ((864, 300), (864, 110), (912, 104), (912, 308))
    )
    draw.rectangle((404, 214, 410, 612), fill=(96, 96, 100))
    hang(
        picture, sign("MAIN ST", 40, (255, 255, 255), (24, 92, 62), 1), ((326, 220), (488, 238), (486, 274), (324, 256))
    )
    draw.ellipse((1130, 540, 1260, 640), fill=(190, 60, 44))
    draw.rounded_rectangle((990, 574, 1276, 664), 24, fill=(196, 62, 46))
    for x in (1050, 1216):
        draw.ellipse((x - 34, 630, x + 34, 698), fill=(28, 28, 30))
    hang(picture, sign("SPT 4096", 34, (20, 20, 24), (240, 238, 220), 1), level(1084, 622, 98, 28))
    hang(picture, sign("SLOW", 70, (226, 226, 216), None, 3), ((520, 634), (700, 634), (722, 676), (500, 676)))
    pixels = np.asarray(picture.convert("RGB").filter(ImageFilter.GaussianBlur(0.6)), np.float32)
    noise = np.random.default_rng(0).normal(0, 5, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    street().save(sys.argv[1])
