"""ALTO 4 (https://www.loc.gov/standards/alto/): layout and text in XML, as libraries archive it."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from spotter import __version__
from spotter.formats.boxes import box_of
from spotter.reading.characters import Character
from spotter.reading.layout.frames import Polygon
from spotter.reading.words import Line, Page

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_SCHEMA = f"{NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-3.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def write_alto(pages: Sequence[Page]) -> bytes:
    """An ALTO file in UTF-8 of one page or more, in pixels, valid by its schema 4.3. `WC` is a word's score; `ROTATION`
    of a block is in degrees counter-clockwise; words and blocks have their polygons as `Shape`. Characters of words
    that contain theirs are `Glyph` elements, as they were read, with `GC` as their score."""
    root = ET.Element("alto", {"xmlns": NAMESPACE, "xmlns:xsi": _XSI, "xsi:schemaLocation": _SCHEMA})
    _describe(ET.SubElement(root, "Description"))
    layout = ET.SubElement(root, "Layout")
    for number, page in enumerate(pages, 1):
        _add_page(layout, page, number)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def _describe(description: ET.Element) -> None:
    ET.SubElement(description, "MeasurementUnit").text = "pixel"
    processing = ET.SubElement(description, "Processing", {"ID": "processing_1"})
    software = ET.SubElement(processing, "processingSoftware")
    ET.SubElement(software, "softwareName").text = "spotter"
    ET.SubElement(software, "softwareVersion").text = __version__


def _add_page(layout: ET.Element, page: Page, number: int) -> None:
    width, height = map(str, page.size)
    name = f"page_{number}"
    element = ET.SubElement(
        layout, "Page", {"ID": name, "PHYSICAL_IMG_NR": str(number), "WIDTH": width, "HEIGHT": height}
    )
    space = ET.SubElement(element, "PrintSpace", {"HPOS": "0", "VPOS": "0", "WIDTH": width, "HEIGHT": height})
    for block_number, block in enumerate(page.blocks, 1):
        own = f"{name}_block_{block_number}"
        place = {"ID": own, **_place(block.polygon, page)}
        turned = round(-block.degrees, 1)
        if turned:
            place["ROTATION"] = f"{turned:g}"
        text = ET.SubElement(space, "TextBlock", place)
        _add_shape(text, block.polygon)
        for line_number, line in enumerate(block.lines, 1):
            _add_line(text, line, page, f"{own}_line_{line_number}")


def _add_line(block: ET.Element, line: Line, page: Page, name: str) -> None:
    element = ET.SubElement(block, "TextLine", {"ID": name, **_place(line.polygon, page)})
    for number, word in enumerate(line.words, 1):
        if number > 1:
            ET.SubElement(element, "SP")
        string = ET.SubElement(
            element,
            "String",
            {
                "ID": f"{name}_word_{number}",
                **_place(word.polygon, page),
                "CONTENT": word.text,
                "WC": f"{word.score:g}",
            },
        )
        _add_shape(string, word.polygon)
        for character in word.characters or ():
            _add_glyph(string, character, page)


def _add_glyph(string: ET.Element, character: Character, page: Page) -> None:
    place = {} if character.polygon is None else _place(character.polygon, page)
    glyph = ET.SubElement(string, "Glyph", {"CONTENT": character.text, "GC": f"{character.score:g}", **place})
    if character.polygon is not None:
        _add_shape(glyph, character.polygon)


def _add_shape(element: ET.Element, polygon: Polygon) -> None:
    points = " ".join(f"{x:g},{y:g}" for x, y in polygon)
    ET.SubElement(ET.SubElement(element, "Shape"), "Polygon", {"POINTS": points})


def _place(polygon: Polygon, page: Page) -> dict[str, str]:
    box = box_of(polygon, page.size)
    return {"HPOS": str(box.left), "VPOS": str(box.top), "WIDTH": str(box.width), "HEIGHT": str(box.height)}
