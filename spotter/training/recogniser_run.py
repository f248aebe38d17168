"""Opens a run of the recogniser alone, from a recipe and command-line options."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from spotter.model.charset import LATIN_AND_GREEK, Charset
from spotter.model.history import UNKNOWN
from spotter.training.pretrained import starting_recogniser
from spotter.training.recipe import RecogniserRun
from spotter.training.recogniser_file import SavedRecogniser, load_recogniser
from spotter.training.recogniser_loop import RecogniserTrainer
from spotter.training.run_state import LAST
from spotter.training.sample import Source


def with_options(run: RecogniserRun, steps: int | None, seed: int | None, start: Path | None) -> RecogniserRun:
    """The run with the command-line options that are given instead of the recipe's values. `decay_from` is scaled with
    the number of steps.

    Raises ValueError where the schedule is invalid.
    """
    options: dict[str, Any] = {} if seed is None else {"seed": seed}
    if steps is not None:
        options |= {"steps": steps, "decay_from": round(run.config.decay_from * steps / run.config.steps)}
    return RecogniserRun(replace(run.config, **options), run.start if start is None else str(start))


def recogniser_trainer(
    run: Path, wanted: RecogniserRun, source: Source, device: str, workers: int
) -> RecogniserTrainer:
    """The trainer of the run in the folder `run`, at its last saved step where there is one.

    Raises ValueError where the starting weights cannot be read or have another plan, or where the folder holds another
    run's state.
    """
    start = _beginning(run / LAST, wanted.start)
    if start is not None and start.plan != wanted.config.plan:
        raise ValueError(f"{wanted.start or run} has the plan {start.plan!r}, the recipe {wanted.config.plan!r}")
    return RecogniserTrainer(
        run,
        source,
        wanted.config,
        None if start is None else start.network(),
        Charset(LATIN_AND_GREEK) if start is None else start.charset,
        history=UNKNOWN if start is None else start.history,
        device=device,
        workers=workers,
    )


def _beginning(last: Path, start: str | None) -> SavedRecogniser | None:
    """The weights that the run starts or continues from; a continued run does not need its starting weights again."""
    saved = load_recogniser(last) if last.exists() else None
    if saved is not None and (saved.history.started_from or start is None):
        return saved
    return None if start is None else starting_recogniser(start)
