"""The time of a request, by stage."""

from dataclasses import dataclass, field


@dataclass
class Timing:
    """began: time.monotonic() seconds at the request's first header."""

    began: float
    seconds: dict[str, float] = field(default_factory=dict)
    """Stage -> seconds; for several pictures the longest."""
    spans: list[tuple[str, float, float]] = field(default_factory=list)
    """(stage, began, ended) on the same clock, of every picture."""
    client_deadline: bool = False
    """Whether the deadline is the client's own, which is sooner than the service's limit."""

    def add(self, stage: str, *spans: tuple[float, float]) -> float:
        """Records the time of a picture in a stage, as (began, ended) spans; returns their seconds in all."""
        seconds = 0.0
        for began, ended in spans:
            seconds += ended - began
            self.spans.append((stage, began, ended))
        self.seconds[stage] = max(self.seconds.get(stage, 0.0), seconds)
        return seconds

    def server_timing(self) -> str:
        """The value of a Server-Timing header (milliseconds), empty when nothing was timed."""
        return ", ".join([f"{stage};dur={seconds * 1000:.2f}" for stage, seconds in self.seconds.items()])
