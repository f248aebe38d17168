"""The second, closer look at a picture whose words are small. docs/service.md has the figures."""

from spotter.reading.imaging import Prepared
from spotter.reading.session import Rows
from spotter.reading.sizing import ENLARGED, closer_side, enlarged_to
from spotter.registry.manifest import InputSpec


def closer(rows: Rows, seen: Prepared, spec: InputSpec, limit: int) -> InputSpec | None:
    """The input of a second look, whose rows then replace those of the first; None where the first look is enough.

    rows, seen: of the first look. spec: the model's. limit: pixels of the longest side of a second look, 0 for none.
    """
    side = closer_side(rows.polygons, seen.working, seen.shown, limit)
    return None if side is None else enlarged_to(spec, side, max(ENLARGED, spec.max_upscale))
