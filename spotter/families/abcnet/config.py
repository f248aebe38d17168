"""The configuration of ABCNet's detector, checked when it is built."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CurveConfig:
    """Settings of the dense head, and of how its maps become regions.

    channels: of the branch that predicts scores and boxes. bend: channels of the branch that predicts the curves.
    coordinates: whether that branch also gets the position of each anchor point in the picture (CoordConv, Liu et al.
        2018, arXiv:1807.03247, as in ABCNet v2).
    score_threshold: anchor points with a lower score are not candidates.
    candidates: the most candidates of a picture; the best are kept.
    suppression: overlap above which the lower-scoring of two regions is dropped, see `spotter.families.abcnet.overlap`.
    merging: overlap above which a candidate's region is averaged into the kept one.
    """

    channels: int = 32
    bend: int = 32
    coordinates: bool = False
    score_threshold: float = 0.25
    candidates: int = 2048
    suppression: float = 0.15
    merging: float = 0.45

    def __post_init__(self) -> None:
        if min(self.channels, self.bend) < 1:
            raise ValueError("channels and bend must be at least 1")
        if not 0 < self.score_threshold < 1:
            raise ValueError("score_threshold must lie between 0 and 1")
        if not 0 < self.suppression < self.merging < 1:
            raise ValueError("0 < suppression < merging < 1 must hold")
        if self.candidates < 1:
            raise ValueError("candidates must be at least 1")
