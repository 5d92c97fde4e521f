"""The study of the demonstration: cut to one cell of few steps, and whole, which takes minutes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import tomli_w

from isogloss.cli.main import main
from isogloss.study.grid import merge_tables

STUDY = Path(__file__).parents[2] / "studies" / "demo.toml"


def test_one_cell_of_the_demonstration_study_ends_in_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file itself: its corpus, its encoder from nothing, its check of the overlap, its benchmark."""
    tables = tomllib.loads(STUDY.read_text(encoding="utf-8"))
    (encoder,) = tables["encoders"]
    few = {"masking": {"steps": 2}, "ranking": {"steps": 4}}
    cut = merge_tables(
        tables,
        {
            "grid": {"strategies": ["hybrid"], "seeds": [1], "alphas": [], "shares": []},
            "encoders": [{**encoder, "pretrain": merge_tables(encoder["pretrain"], few)}],
            "tuning": {"trials": []},
            "training": {"trainer": {"max_steps": 8, "warmup_steps": 1}},
        },
    )
    study, out = tmp_path / "demo.toml", tmp_path / "out"
    study.write_text(tomli_w.dumps(cut), encoding="utf-8")
    command = ["reproduce", str(study), "--out", str(out)]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("1 done\n")
    rows = {row["id"]: row for row in json.loads((out / "report.json").read_text())["claims"]}
    assert rows["1"]["verdict"] in ("supported", "contradicted")  # eight batches may be of one kind
    assert rows["4"]["verdict"] == rows["5"]["verdict"] == rows["6"]["verdict"] == "supported"
    assert "at least two seeds" in rows["10:tiny"]["reason"] or "no runs of" in rows["10:tiny"]["reason"]
    provenance = json.loads((out / "runs/tiny/hybrid-seed1/provenance.json").read_text())
    assert provenance["overlap"]["policy"] == "drop"
    assert sum(provenance["batches"].values()) == provenance["steps"] == 8
    assert main([*command, "--plan"]) == 0
    assert "1 done" in capsys.readouterr().out


@pytest.mark.slow
def test_the_demonstration_study_ends_in_verdicts(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["reproduce", str(STUDY), "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert {cell["state"] for cell in report["cells"]} == {"done"}
    assert report["changes"] == []
    verdicts = {row["id"]: row["verdict"] for row in report["claims"]}
    assert verdicts["1"] == verdicts["4"] == verdicts["5"] == verdicts["6"] == "supported"
    for name in ("8", "10", "11", "12", "13"):
        assert verdicts[f"{name}:tiny"] != "cannot be decided here"
    assert verdicts["9:XLM-R"] == verdicts["15:tiny"] == "cannot be decided here"
    mono = next(row for row in report["comparisons"][0]["scores"] if row["measure"] == "mAP")
    assert mono["mean"] > 0.1  # chance is below 0.01: the encoder has learnt something
    assert (out / "curves.csv").is_file()
