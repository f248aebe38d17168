"""Writes the objects of a PDF file (ISO 32000-1, 7.5)."""

import zlib

Reference = str
"""A reference such as `3 0 R`."""


class Objects:
    """Collects objects, and writes them with the cross-reference table."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    def reserve(self) -> Reference:
        """A reference to an object that is defined later by `set`."""
        self._bodies.append(b"")
        return f"{len(self._bodies)} 0 R"

    def set(self, reference: Reference, body: str) -> None:
        """Defines a reserved object."""
        self._bodies[int(reference.split()[0]) - 1] = body.encode("ascii")

    def add(self, body: str) -> Reference:
        """Adds an object in ASCII."""
        reference = self.reserve()
        self.set(reference, body)
        return reference

    def add_stream(self, entries: str, data: bytes, packed: bool = False) -> Reference:
        """Adds a stream with further entries of its dictionary. packed: `data` is already compressed, as `entries`
        state."""
        if not packed:
            data, entries = zlib.compress(data), f"{entries} /Filter /FlateDecode"
        reference = self.reserve()
        head = f"<< {entries} /Length {len(data)} >>\nstream\n".encode("ascii")
        self._bodies[-1] = head + data + b"\nendstream"
        return reference

    def file(self, root: Reference, info: Reference) -> bytes:
        """The whole file."""
        parts = [b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"]
        position, table = len(parts[0]), ["0000000000 65535 f \n"]
        for number, body in enumerate(self._bodies, 1):
            table.append(f"{position:010} 00000 n \n")
            parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
            position += len(parts[-1])
        count = len(table)
        parts.append(f"xref\n0 {count}\n{''.join(table)}".encode("ascii"))
        parts.append(
            f"trailer\n<< /Size {count} /Root {root} /Info {info} >>\nstartxref\n{position}\n%%EOF\n".encode("ascii")
        )
        return b"".join(parts)
