"""Records the attempts at a part before each of them, so that an input that kills workers is found and left out."""

import json

from spotter.bulk.plan import Part
from spotter.bulk.store import Store

DEATHS = 2
"""The number of times that workers may die at one input before it is left out."""


class Attempts:
    """The attempts at a part, stored in the output until the part is done.

    The first attempt writes one file. A later attempt finds that file, so it records each input before reading it, and
    the attempt after it knows at which input the worker died.
    """

    def __init__(self, store: Store, part: Part) -> None:
        self._store = store
        self._name = f"trying-{part.name}.json"
        before = json.loads(store.read(self._name) or b"null")
        self._careful = before is not None
        self._deaths: dict[str, int] = before["deaths"] if before else {}
        if before and before["at"] is not None:
            at = str(before["at"])
            self._deaths[at] = self._deaths.get(at, 0) + 1
        self._write(None)

    def begin(self, index: int) -> bool:
        """Whether the part's input of that index may be read."""
        if self._deaths.get(str(index), 0) >= DEATHS:
            return False
        if self._careful:
            self._write(index)
        return True

    def end(self) -> None:
        """Removes the record, when the part is done."""
        self._store.remove(self._name)

    def _write(self, at: int | None) -> None:
        self._store.write(self._name, json.dumps({"at": at, "deaths": self._deaths}).encode())
