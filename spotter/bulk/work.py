"""Reads one part: every page of every item, with the reason for those that cannot be read."""

from dataclasses import dataclass

from spotter.bulk.attempts import DEATHS, Attempts
from spotter.bulk.inputs import Item
from spotter.bulk.output import DEAD, SUFFIXES, Record, as_json_lines, as_unicode, encoded
from spotter.bulk.plan import Part
from spotter.bulk.store import Store
from spotter.formats.text import as_text
from spotter.reading.bundles import find_bundle
from spotter.reading.errors import ProblemError
from spotter.reading.pages import pages
from spotter.reading.reader import Reader
from spotter.reading.session import Session
from spotter.reading.settings import ReadingSettings
from spotter.reading.words import render


@dataclass(frozen=True)
class BulkRun:
    """What all workers of a run share. settings: of reading, as a mapping that can be serialised."""

    output: str
    form: str
    settings: dict[str, object]
    min_score: float | None = None

    def store(self) -> Store:
        return Store(self.output)


@dataclass(frozen=True)
class Count:
    """The result of a part: the number of pages read, and of dead letters."""

    pages: int
    dead: int


class Worker:
    """A loaded model that reads parts one after another. Raises RegistryError when there is no model."""

    def __init__(self, bulk_run: BulkRun) -> None:
        self._run = bulk_run
        settings = ReadingSettings.model_validate(bulk_run.settings)
        self._limits = settings.limits
        self._closest = settings.closest
        bundle = find_bundle(settings)
        self._reader = Reader(bundle, Session(bundle, settings.session), self._limits)
        self._store = bulk_run.store()

    def read(self, part: Part) -> Count:
        """Reads a part and writes its output; the words last, since their file marks the part as done.

        An input at which workers died becomes a dead letter. Raises OSError when the output cannot be written.
        """
        records: list[Record] = []
        dead: list[Record] = []
        attempts = Attempts(self._store, part)
        for index, item in enumerate(part.items):
            if attempts.begin(index):
                self._item(item, records, dead)
            else:
                dead.append(_unreadable(item, 0, f"{DEATHS} workers died reading it"))
        if dead:
            self._store.write(f"{DEAD}{part.name}.jsonl", as_json_lines(dead))
        else:  # an earlier attempt may have left dead letters that are obsolete now
            self._store.remove(f"{DEAD}{part.name}.jsonl")
        self._store.write(part.name + SUFFIXES[self._run.form], encoded(records, self._run.form))
        attempts.end()
        return Count(len(records), len(dead))

    def _item(self, item: Item, records: list[Record], dead: list[Record]) -> None:
        number = -1
        try:
            for page in pages(item.read(), self._limits):
                number = page.number
                try:
                    prepared = page.prepare(self._reader.input)
                    reading = self._reader.read_prepared(prepared, page.prepare, self._run.min_score, self._closest)
                    found = reading.page
                    width, height = found.size
                    words = [render(word) for word in found.words]
                    record = {"input": item.name, "page": page.number, "width": width, "height": height}
                    records.append({**record, "text": as_text(found), "words": words})
                except Exception as error:  # e.g. of the engine: one bad page must not stop the others
                    dead.append(_dead_letter(item, page.number, error))
        except Exception as error:  # errors of the file or of opening it
            dead.append(_dead_letter(item, number + 1, error))


def _dead_letter(item: Item, page: int, error: Exception) -> Record:
    if isinstance(error, ProblemError):
        return {"input": item.name, "page": page, **error.body()}
    return _unreadable(item, page, f"{type(error).__name__}: {error}")


def _unreadable(item: Item, page: int, detail: str) -> Record:
    return {"input": item.name, "page": page, "type": "urn:spotter:problem:unreadable", "detail": as_unicode(detail)}
