"""The guide of docs/training.md runs as printed: from one file to a model with a complete card."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from isogloss.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
START = "FacebookAI/xlm-roberta-base"
PLACES = 40


def write_questions(path: Path) -> None:
    """Write a file like the one on the page: its two rows, for many towers and their articles."""
    (shown,) = re.findall(r"<!-- guide data -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    rows = [json.loads(line) for line in shown.splitlines()]
    assert [row["passage"][row["answer_start"] :].startswith(row["answer"]) for row in rows] == [True, True]
    lines = []
    for place in range(PLACES):
        for row in rows:
            height = str(100 + place)
            moved = {
                key: value.replace("96", height) if isinstance(value, str) else value
                for key, value in row.items()
            }
            moved |= {"id": f"t{place}-height", "article": f"{row['article']} {place}"}
            lines.append(json.dumps(moved, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_guide() -> list[tuple[str, str, str]]:
    """Read the blocks that are to be run: name, language and text of each, in order."""
    return re.findall(r"<!-- guide ?([\w.]*) -->\n```(\w+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_guide_runs_from_one_file_to_a_card(
    xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_questions(tmp_path / "questions.jsonl")
    commands: list[str] = []
    for name, kind, text in read_guide():
        here = text.replace(START, str(xlmr))
        if kind == "toml":
            (tmp_path / name).write_text(here, encoding="utf-8")
        elif kind == "python":
            exec(compile(here, "docs/training.md", "exec"), {})
        elif kind == "console":
            for line in here.splitlines():
                assert line.startswith("$ isogloss ")
                words = shlex.split(line, comments=True)[2:]
                commands.append(words[0])
                assert main(words) == 0, (line, capfd.readouterr().err)
    expected = ["data", "overlap", "plan", "plan", "train", "evaluate", "evaluate", "compare", "card"]
    assert commands == expected
    sides = [
        {json.loads(line)["article"] for line in Path(name).read_text(encoding="utf-8").splitlines()}
        for name in ("train.jsonl", "test.jsonl")
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 2 * PLACES
    stored = json.loads(Path("runs/mine/provenance.json").read_text(encoding="utf-8"))
    assert stored["validation"]["metric"] == "multi"
    (report,) = stored["overlap"]["reports"]
    assert (report["benchmark"], report["leaked_examples"]) == ("mine", [])
    card = Path("runs/mine/model/README.md").read_text(encoding="utf-8")
    assert "### mine" in card
    assert "| in one pool of all languages (multi) | mAP |" in card
    assert "license: apache-2.0" in card
    assert "CC-BY-4.0" in card
    assert "tensor([[" in capfd.readouterr().out


def test_the_guide_has_its_settings_and_its_steps() -> None:
    """The quick part: what is written parses, and every block of code is run but the one that publishes."""
    blocks = read_guide()
    (settings,) = (text for name, _, text in blocks if name == "train.toml")
    assert tomllib.loads(settings)["validation"]["metric"] == "multi"
    guide = PAGE.split("## In short")[0]
    others = [
        text
        for kind, text in re.findall(r"```(\w+)\n(.*?)```", guide, re.DOTALL)
        if kind in ("console", "python")
    ]
    run = [text for _, kind, text in blocks if kind in ("console", "python")]
    left = [text for text in others if text not in run]
    assert [text.split(" ")[1] for text in left] == ["isogloss", "hf"], "the sample output, and publishing"
    assert "runs/demo/hybrid-seed1/config.toml" in left[0]
