"""The configuration of Mask TextSpotter's head, checked when it is built."""

from dataclasses import dataclass

from spotter.families.abcnet.config import CurveConfig

READINGS = ("ctc", "masks", "attention", "fused")


@dataclass(frozen=True)
class MaskConfig(CurveConfig):
    """Settings of the proposals (those of ABCNet's regions), of the instance masks, and of what reads the words.

    reading: "ctc", the recogniser that all families share; "masks", the character maps; "attention", the decoder with
        spatial attention; "fused", the more confident of the two for each word. Every checkpoint has the weights of all
        four.
    mask: channels of the branch of instance masks. reader: channels of the maps that characters are read from, and of
        the decoder's state. longest: the most characters that the decoder writes; each is one step of the graph.
    """

    reading: str = "ctc"
    mask: int = 32
    reader: int = 64
    longest: int = 24

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reading not in READINGS:
            raise ValueError(f"reading must be one of {', '.join(READINGS)}")
        if min(self.mask, self.reader, self.longest) < 1:
            raise ValueError("mask, reader and longest must be at least 1")
