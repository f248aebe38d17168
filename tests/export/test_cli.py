import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from tqdm import tqdm

from spotter.export import bundle, cli, parity
from spotter.export.card import scores
from spotter.export.cli import export
from spotter.registry.bundle import open_bundle
from tests.export.conftest import TIMEOUT, Exported, one_case
from tests.export.metrics import metrics
from tests.model.small import BLOCKS_PLAN, few_channels, picture_config, spotter_of_turned_pictures

STARTED = {
    "part": "recogniser", "name": "theirs", "licence": "MIT", "package": "readers", "version": "2", "digest": "0a"
}  # fmt: skip
RECIPE = '[[source]]\nkind = "scene"\nweight = 1.0\n'
pytestmark = pytest.mark.timeout(TIMEOUT)


@pytest.fixture(name="checkpoint")
def make_checkpoint(tmp_path: Path) -> Iterator[Path]:
    model = spotter_of_turned_pictures()
    state = {
        "model_config": replace(picture_config(), orientation=True).to_dict(),
        "weights": model.state_dict(),
        "pictures": 77,
        "started_from": [STARTED],
        "recipes": [{"name": name, "text": RECIPE} for name in ("one", "two")],
    }
    torch.save(state, tmp_path / "last.pt")
    with few_channels(BLOCKS_PLAN):
        yield tmp_path / "last.pt"


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(export, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_a_checkpoint_becomes_a_bundle(
    checkpoint: Path, exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "export_graph", exported.write)
    monkeypatch.setattr(parity, "cases", one_case)
    monkeypatch.setattr(bundle, "golden_words", lambda *_: ["OPEN"])
    monkeypatch.setattr(cli, "tqdm", lambda **given: tqdm(**given | {"disable": False}))  # though this is no terminal
    (tmp_path / "metrics.json").write_text(json.dumps(metrics()))
    folder = tmp_path / "out"
    options: list[str | Path] = [
        "--name",
        "mine",
        "--version",
        "7",
        "--score-threshold",
        "0.25",
        "--max-upscale",
        "1.6",
        "--metrics",
        tmp_path / "metrics.json",
        "--started-from",
        "weights of a camera (MIT)",
        "--language-recipe",
        tmp_path / "one.toml",
    ]
    (tmp_path / "one.toml").write_text(RECIPE)
    code, output = run(checkpoint, folder, *options)
    assert code == 0, output
    manifest = open_bundle(folder).manifest
    assert (manifest.name, manifest.version, manifest.score_threshold) == ("mine", "7", 0.25)
    assert (manifest.input.target_side, manifest.input.max_upscale) == (1120, 1.6)
    assert manifest.provenance["pictures_seen"] == 77
    assert manifest.provenance["recipes"] == ["one", "two"]
    assert manifest.provenance["started_from"] == "weights of a camera (MIT)"
    assert manifest.provenance["parts_started_from"] == [STARTED]
    assert "started from theirs (MIT), out of the package readers 2" in (folder / "MODEL_CARD.md").read_text()
    assert len(manifest.provenance["language_data"]) == 2  # its scenes teach it nothing
    assert manifest.metrics == scores(metrics())
    assert manifest.digest in output
    assert "writing the bundle: 100%" in output
    assert "3/3" in output


def test_metrics_of_another_form_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"street": 0.5}')
    code, output = run(checkpoint, tmp_path / "out", "--metrics", tmp_path / "metrics.json")
    assert code == 1
    assert "spotter evaluate --json" in output
    assert not (tmp_path / "out").exists()


def test_a_graph_that_disagrees_is_an_error_without_a_bundle(
    checkpoint: Path, exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torch.load(checkpoint, weights_only=True)
    state["weights"]["head.out.bias"][0] += 1
    torch.save(state, checkpoint)
    monkeypatch.setattr(bundle, "export_graph", exported.write)
    monkeypatch.setattr(parity, "cases", one_case)
    code, output = run(checkpoint, tmp_path / "out")
    assert code == 1
    assert output.startswith("Error: ")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.pt").write_text("hello")
    code, output = run(tmp_path / "notes.pt", tmp_path / "out")
    assert code == 1
    assert "notes.pt is not a readable checkpoint" in output


def test_a_folder_without_pictures_cannot_calibrate(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, output = run(checkpoint, tmp_path / "out", "--int8", tmp_path / "empty")
    assert code == 1
    assert "holds no pictures" in output
