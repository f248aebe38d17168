"""The names of the services whose answers can be imitated."""

from typing import Literal

DialectName = Literal["tesseract", "doctr", "paddlex", "rapidocr", "textract", "liteparse"]
