"""The worker threads of an engine, and the state that only they use."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spotter.reading.imaging import Prepared
from spotter.service.batching.batch_buffer import DoubleBuffer
from spotter.service.batching.batcher import Batch
from spotter.service.batching.jobs import Job, Runner


@dataclass(eq=False)
class Lane:
    """The state of one thread. batch: the current one. began: when it began. called: whether the thread was woken and
    has not taken a batch yet."""

    woken: threading.Condition
    batch: Batch[Job] | None = None
    began: float = 0.0
    called: bool = False

    @property
    def idle(self) -> bool:
        """Whether it neither runs a batch nor was woken for one."""
        return self.batch is None and not self.called


@dataclass(eq=False)
class Workers:
    """The threads of an engine with their runner. buffers: used by a single lane, which runs one batch while the next
    one is prepared."""

    runner: Runner
    lanes: tuple[Lane, ...]
    buffers: DoubleBuffer | None = None
    threads: tuple[threading.Thread, ...] = ()
    dead: bool = False

    @property
    def alive(self) -> bool:
        """Whether all threads still run."""
        return not self.dead and all(thread.is_alive() for thread in self.threads)

    @property
    def crowded(self) -> bool:
        """Whether there are several lanes, and none is idle. To be called holding the engine's lock."""
        return len(self.lanes) > 1 and not any(lane.idle for lane in self.lanes)

    def arrange(self, pictures: Sequence[Prepared]) -> NDArray[np.uint8]:
        """uint8 [B, H, W, 3] of pictures of one padded shape; valid until the single lane's next batch."""
        if len(pictures) == 1:
            return pictures[0].padded[None]
        if self.buffers is not None:
            return self.buffers.front.close_and_arrange(pictures)
        return np.stack([picture.padded for picture in pictures])

    def give_up(self) -> list[Batch[Job]]:
        """Takes the running batches away from all lanes. To be called holding the engine's lock."""
        lost = [lane.batch for lane in self.lanes if lane.batch is not None]
        for lane in self.lanes:
            lane.batch = None
        return lost
