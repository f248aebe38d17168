"""Synthetic training pictures: words are rendered once, then composed and degraded anew for every picture."""

from spotter.training.synthesis.backgrounds import Backgrounds
from spotter.training.synthesis.curved.source import CurvedSource
from spotter.training.synthesis.pool import PatchPool
from spotter.training.synthesis.sources import PageSource, SceneSource, SheetSource

__all__ = ["Backgrounds", "CurvedSource", "PageSource", "PatchPool", "SceneSource", "SheetSource"]
