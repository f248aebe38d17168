"""A page's words as JSON, text, hOCR, ALTO, TSV, a drawing or a searchable PDF."""
