"""The configuration of FOTS's detector, checked when it is built."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DetectionConfig:
    """Settings of the dense head, and of how its maps become boxes.

    score_threshold: anchor points with a lower score are not candidates.
    candidates: the most candidates of a picture; the best are kept.
    suppression: ProbIoU above which the lower-scoring of two boxes is dropped.
    merging: ProbIoU above which a candidate's box is averaged into the kept one.
    """

    channels: int = 32
    score_threshold: float = 0.4
    candidates: int = 2048
    suppression: float = 0.2
    merging: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.score_threshold < 1:
            raise ValueError("score_threshold must lie between 0 and 1")
        if not 0 < self.suppression < self.merging < 1:
            raise ValueError("0 < suppression < merging < 1 must hold")
        if self.candidates < 1:
            raise ValueError("candidates must be at least 1")
