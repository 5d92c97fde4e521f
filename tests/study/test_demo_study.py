"""The study of the demonstration, whole: minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isogloss.cli.main import main

STUDY = Path(__file__).parents[2] / "studies" / "demo.toml"


@pytest.mark.slow
def test_the_demonstration_study_ends_in_verdicts(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["reproduce", str(STUDY), "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert {cell["state"] for cell in report["cells"]} == {"done"}
    verdicts = {row["id"]: row["verdict"] for row in report["claims"]}
    assert verdicts["1"] == verdicts["4"] == verdicts["5"] == verdicts["6"] == "supported"
    for name in ("8", "10", "11", "12", "13"):
        assert verdicts[f"{name}:tiny"] != "cannot be decided here"
    assert verdicts["9:XLM-R"] == verdicts["15:tiny"] == "cannot be decided here"
    mono = next(row for row in report["comparisons"][0]["scores"] if row["measure"] == "mAP")
    assert mono["mean"] > 0.1  # chance is below 0.01: the encoder has learnt something
    assert (out / "curves.csv").is_file()
