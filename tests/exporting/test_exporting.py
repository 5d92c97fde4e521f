"""Exported models give the model's own vectors, are taken by every command, and fail in one line."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from isogloss.cli.main import main
from isogloss.encoding import load_encoder
from isogloss.encoding.onnx_module import GRAPH_FILE, MODULE_NAME
from isogloss.errors import ConfigError, ModelError
from isogloss.exporting import PROBES, ExportReport, Precision, export_model
from tiny_models import SENTENCES

for needed in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(needed, reason=f"the package {needed} is not installed")

DOCS = Path(__file__).parents[2] / "docs"
TEXTS = [*SENTENCES, *PROBES, "a", "word " * 60]


@pytest.fixture(scope="module")
def exported(labse: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExportReport]:
    out = tmp_path_factory.mktemp("exported") / "labse"
    return out, export_model(str(labse), out)


def test_vectors_prefixes_and_lengths_are_the_models_own(
    labse: Path, exported: tuple[Path, ExportReport]
) -> None:
    before = load_encoder(str(labse), quiet=True)
    after = load_encoder(str(exported[0]), quiet=True)
    assert (after.prefixes, after.max_lengths, after.dimension()) == (
        before.prefixes,
        before.max_lengths,
        before.dimension(),
    )
    np.testing.assert_allclose(after.encode_queries(TEXTS), before.encode_queries(TEXTS), atol=1e-5)
    np.testing.assert_allclose(after.encode_passages(TEXTS), before.encode_passages(TEXTS), atol=1e-5)
    assert exported[1].cosines[0] == pytest.approx(1, abs=1e-6)


def test_the_folder_holds_a_graph_and_no_weights(labse: Path, exported: tuple[Path, ExportReport]) -> None:
    folder, report = exported
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert GRAPH_FILE in names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    assert "model.safetensors" not in names
    kept = {path.relative_to(labse).as_posix() for path in labse.rglob("*.json")} - {
        "special_tokens_map.json"
    }
    assert kept <= names
    listed = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    assert listed[0]["type"] == MODULE_NAME
    assert json.loads((folder / "export.json").read_text(encoding="utf-8")) == json.loads(report.to_json())


def test_the_vectors_of_an_exported_model_are_kept_apart(
    labse: Path, exported: tuple[Path, ExportReport]
) -> None:
    spaces = [load_encoder(str(path), quiet=True).space("query") for path in (labse, exported[0])]
    assert spaces[0].fingerprint != spaces[1].fingerprint
    assert "onnxruntime" in spaces[1].computing
    assert "onnxruntime" not in spaces[0].computing


def test_an_exported_model_is_computed_as_it_was_exported(exported: tuple[Path, ExportReport]) -> None:
    with pytest.raises(ConfigError, match="is computed as it was exported; leave out --bf16"):
        load_encoder(str(exported[0]), bf16=True, quiet=True)


@pytest.mark.slow
def test_whole_numbers_are_smaller_and_near(xlmr: Path, tmp_path: Path) -> None:
    report = export_model(str(xlmr), tmp_path / "out", Precision.INT8)
    assert report.megabytes[1] < report.megabytes[0]
    before = load_encoder(str(xlmr), quiet=True).encode_passages(TEXTS)
    after = load_encoder(str(tmp_path / "out"), quiet=True).encode_passages(TEXTS)
    cosines = (before * after).sum(axis=1)
    assert cosines.min() > 0.98
    assert cosines.max() < 1 - 1e-9
    assert report.cosines[0] > 0.98


@pytest.mark.slow
def test_the_command_prints_sizes_and_the_model_is_evaluated(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(xlmr), "--out", str(out), "--precision", "int8"]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"exported to .*out \(int8\): \d+\.\d MB to \d+\.\d MB", printed)
    assert "cosine to the model's own vectors" in printed
    lines = tmp_path / "lines"
    lines.mkdir()
    for language in ("de", "en"):
        text = "".join(f"{language} {number}\n" for number in range(5))
        (lines / f"{language}.txt").write_text(text, encoding="utf-8")
    words = ["evaluate", str(out), "--benchmark", "mine", "--data", str(lines), "--quiet"]
    assert main(words) == 0
    assert "2 ordered pairs" in capsys.readouterr().out


def test_what_cannot_be_exported_is_refused_in_one_line(
    labse: Path,
    exported: tuple[Path, ExportReport],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").touch()
    cases = [
        ([str(labse), "--out", str(full)], "is not empty; choose another folder"),
        ([str(exported[0]), "--out", str(tmp_path / "a")], "is an exported model already"),
        ([str(tmp_path / "none"), "--out", str(tmp_path / "b")], "no such folder"),
    ]
    for words, message in cases:
        assert main(["export", *words]) == 2
        problem = capsys.readouterr().err
        assert message in problem
        assert problem.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"pip install 'isogloss\[onnx\]'"):
        export_model(str(labse), tmp_path / "c")


def test_a_damaged_or_missing_graph_is_named(exported: tuple[Path, ExportReport], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(exported[0], folder)
    content = (folder / GRAPH_FILE).read_bytes()
    (folder / GRAPH_FILE).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"model\.onnx: cannot be opened .*; export the model again"):
        load_encoder(str(folder), quiet=True)
    (folder / GRAPH_FILE).unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: no such file"):
        load_encoder(str(folder), quiet=True)


def test_an_exported_model_needs_the_runtime(
    exported: tuple[Path, ExportReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"exported models need onnxruntime: pip install"):
        load_encoder(str(exported[0]), quiet=True)


def test_an_exported_model_is_not_trained(exported: tuple[Path, ExportReport]) -> None:
    from isogloss.config import ModelConfig
    from isogloss.training.start import load_start

    with pytest.raises(ModelError, match="an exported model has no weights to train"):
        load_start(ModelConfig(name=str(exported[0])))


def test_unknown_code_that_a_model_names_is_not_run(
    exported: tuple[Path, ExportReport], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(exported[0], folder)
    listed = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    listed[0]["type"] = "own.Module"
    (folder / "modules.json").write_text(json.dumps(listed), encoding="utf-8")
    (folder / "own.py").write_text("raise SystemExit(7)\n", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(str(folder), quiet=True)
