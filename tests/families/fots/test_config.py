from collections.abc import Callable

import pytest

from spotter.families.fots.config import DetectionConfig


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DetectionConfig(score_threshold=0.0), "score_threshold"),
        (lambda: DetectionConfig(score_threshold=1.0), "score_threshold"),
        (lambda: DetectionConfig(suppression=0.5, merging=0.5), "suppression < merging"),
        (lambda: DetectionConfig(merging=1.0), "suppression < merging"),
        (lambda: DetectionConfig(candidates=0), "candidates"),
    ],
)
def test_an_impossible_configuration_is_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
