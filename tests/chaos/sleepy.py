"""`python -m tests.chaos.sleepy serve`: the real service, whose graph also sleeps for each batch and picture.

Its capacity is then known, and does not shrink when the load generator takes the cores.
"""

import os
import time

import numpy as np
from numpy.typing import NDArray

from spotter.cli.main import main
from spotter.reading.session import Rows, Session

BATCH_SECONDS = float(os.environ["SLEEPY_BATCH"])
PICTURE_SECONDS = float(os.environ["SLEEPY_PICTURE"])
run = Session.run


def sleepy(session: Session, images: NDArray[np.uint8], sizes: NDArray[np.int32], crowded: bool = False) -> list[Rows]:
    """Session.run, later."""
    time.sleep(BATCH_SECONDS + PICTURE_SECONDS * len(images))
    return run(session, images, sizes, crowded)


if __name__ == "__main__":
    setattr(Session, "run", sleepy)  # noqa: B010  # mypy refuses the plain form
    main()
