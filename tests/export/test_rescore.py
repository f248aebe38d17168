"""An evaluated bundle gets its scores without a new graph: of the embedded bundle."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from spotter.export.card import scores, with_scores
from spotter.export.cli import rescore
from spotter.registry.bundle import open_bundle
from spotter.registry.folder import embedded
from tests.export.metrics import metrics

BUNDLE = embedded().open("spotter", embedded().aliases("spotter")["live"]).folder


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(rescore, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_the_graph_stays_and_the_scores_are_the_given_ones(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps(metrics()))
    (tmp_path / "limits.md").write_text("- Hieroglyphs.\n")
    code, output = run(
        BUNDLE, tmp_path / "a", "--metrics", tmp_path / "scores.json", "--limits", tmp_path / "limits.md"
    )
    assert code == 0, output
    before, after = open_bundle(BUNDLE), open_bundle(tmp_path / "a")  # opening verifies all files
    assert after.model == before.model
    assert after.manifest.digest in output
    assert after.manifest.metrics == scores(metrics())
    assert after.manifest.provenance == before.manifest.provenance
    card, old = ((folder / "MODEL_CARD.md").read_text() for folder in (tmp_path / "a", BUNDLE))
    assert card.startswith(old[: old.index("## Scores")])
    assert "| ICDAR 2015, validation part | 142 | 90.0 | 50.0 | 64.0 |" in card
    assert card.endswith("## Where it fails\n\n- Hieroglyphs.\n")

    code, output = run(tmp_path / "a", tmp_path / "b", "--metrics", tmp_path / "scores.json")
    assert code == 0, output
    assert (tmp_path / "b" / "MODEL_CARD.md").read_text() == card


def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps({"results": []}))
    code, output = run(BUNDLE, tmp_path / "a", "--metrics", tmp_path / "scores.json")
    assert code == 1
    assert "not what `spotter evaluate --json` writes" in output
    (tmp_path / "scores.json").write_text(json.dumps(metrics()))
    (tmp_path / "there").mkdir()
    code, output = run(BUNDLE, tmp_path / "there", "--metrics", tmp_path / "scores.json")
    assert code == 1
    assert "exists" in output
    with pytest.raises(ValueError, match="no sections of scores"):
        with_scores("# mine\n", scores(metrics()))
