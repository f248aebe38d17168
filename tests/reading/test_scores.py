from dataclasses import replace

import numpy as np
import pytest
import torch

from spotter.model.config import ScoreConfig
from spotter.model.ctc import greedy_path
from spotter.model.splitting import split_at_spaces
from spotter.model.spotter import word_scores
from spotter.reading.prepared import Prepared
from spotter.reading.scores import take_apart
from spotter.reading.session import Rows
from spotter.reading.words import read_page
from spotter.registry.manifest import Decoding, FileEntry, Golden, InputSpec, Manifest

SPACE = 4


def rows_and_truth(config: ScoreConfig) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Rows of random regions, computed as the network does, the detector's probabilities of their words, and the
    probabilities of their texts."""
    generator = torch.Generator().manual_seed(5)
    widths = torch.randint(6, 14, (40,), generator=generator)
    logits = 3 * torch.randn(40, 14, 6, generator=generator)
    logits[:, 0, SPACE] = -20  # a space in the first column, which is margin, would not be seen in the rows
    path = greedy_path(logits, widths)
    pieces = split_at_spaces(path.classes, SPACE, widths, torch.full((40,), 1.2))
    detection = torch.rand(40, generator=generator)[pieces.region]
    confidence, text = path.of_columns(pieces.region, pieces.columns)
    own, classes = pieces.columns.numpy(), path.classes[pieces.region].numpy()
    texts = np.where(own & (classes != SPACE), classes, 0)
    lengths = (texts > 0).sum(1)
    rows = Rows(
        np.zeros((len(own), 4, 2), np.float32),
        word_scores(detection, confidence, torch.zeros_like(text), text, torch.from_numpy(lengths), config).numpy(),
        texts,
        np.where(own, path.probabilities[pieces.region].numpy(), 0),
    )
    assert len(own) > 50
    return rows, detection.numpy(), text.exp().numpy()


def test_a_score_is_taken_apart_into_what_it_was_computed_from() -> None:
    config = ScoreConfig(-0.7, 0.65, 1.8, text=1.4, length=0.6)
    rows, detection, text = rows_and_truth(config)
    decoding = Decoding(config.bias, config.detection, config.character, config.text, 0.2, config.length)
    found, read = take_apart(rows, decoding)
    np.testing.assert_allclose(read, text, rtol=1e-4)
    assert found is not None
    sure = (rows.scores > 1e-5) & (rows.scores < 1 - 1e-5)  # others are rounded off
    assert sure.sum() > 30
    np.testing.assert_allclose(found[sure], detection[sure], atol=2e-3)


def test_nothing_is_said_of_the_detector_where_scores_do_not_depend_on_it() -> None:
    rows, _, _ = rows_and_truth(ScoreConfig(0.0, 0.0, 1.0))
    for decoding in (Decoding(0.0, 0.0, 1.0, 0.0, 0.2), None):
        found, read = take_apart(rows, decoding)
        assert found is None
        assert ((read > 0) & (read < 1)).all()


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_at_the_ends_of_their_range_stay_probabilities(score: float) -> None:
    rows = Rows(np.zeros((1, 4, 2), np.float32), np.full(1, score, np.float32), *np.ones((2, 1, 3), np.float32))
    found, _ = take_apart(rows, Decoding(0.0, 0.5, 1.0, 1.0, 0.2))
    assert found is not None
    assert 0 <= found[0] <= 1


def test_places_that_the_detector_is_sure_of_and_that_are_not_answered_are_counted() -> None:
    rows, detection, _ = rows_and_truth(ScoreConfig(-0.7, 0.65, 1.8, text=1.4))
    files = {"m": FileEntry("a" * 64, 1), "g": FileEntry("a" * 64, 1)}
    decoding = Decoding(-0.7, 0.65, 1.8, 1.4, 0.2)
    manifest = Manifest("x", "1", files, "abcde", InputSpec(), 1, Golden("g", ("a",)), 0.5, "m", decoding=decoding)
    seen = Prepared(np.zeros((64, 64, 3), np.uint8), (64, 64), (64, 64))
    page = read_page(rows, seen, manifest, 0.05)
    assert page.unread == np.count_nonzero((detection >= 0.9) & (rows.scores < 0.05))
    assert page.unread
    assert read_page(rows, seen, manifest, 0.0).unread == 0
    assert read_page(rows, seen, replace(manifest, decoding=None), 0.05).unread is None
