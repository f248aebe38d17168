"""Writes pages as JSON, text, hOCR, ALTO, TSV, a drawing or a searchable PDF."""
