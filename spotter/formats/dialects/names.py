"""The services whose answers can be given."""

from typing import Literal

DialectName = Literal["tesseract", "doctr", "paddlex", "rapidocr", "textract", "liteparse"]
