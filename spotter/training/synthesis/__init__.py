"""Synthetic training pictures: words rendered once, composed and degraded for every picture anew."""

from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.sources import PageSource, SceneSource, SheetSource

__all__ = ["Backgrounds", "PageSource", "PatchPool", "SceneSource", "SheetSource"]
