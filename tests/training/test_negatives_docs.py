"""docs/negatives.md: its two rounds run as printed, its options and defaults are the command's."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from isogloss.cli.main import build_parser, main
from isogloss.config import TrainConfig, parse_config, read_toml

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "negatives.md").read_text(encoding="utf-8")
SMALL = {
    "train": ["--set=batches.size=8", "--set=validation.share=0", "--set=trainer.max_steps=2"],
    "negatives": ["--relative-margin=-9", "--absolute-margin=-9"],  # a random encoder ranks at random
}


def find_block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_two_rounds_run_as_printed(
    corpus_path: Path, xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.jsonl").write_bytes(corpus_path.read_bytes())
    Path("start").symlink_to(xlmr)
    Path("run.toml").write_text(find_block("toml"), encoding="utf-8")
    commands = [shlex.split(line.removeprefix("$ isogloss ")) for line in find_block("console").splitlines()]
    assert [words[0] for words in commands] == ["train", "negatives", "train"]
    for words in commands:
        assert main([*words, *SMALL[words[0]]]) == 0
    first, second = (
        json.loads(Path("runs", name, "provenance.json").read_text())["files"] for name in ("first", "second")
    )
    assert first.keys() == {"corpus.jsonl"}
    assert second.keys() == {"corpus.jsonl", "corpus.negatives"}
    row = json.loads(Path("corpus.negatives").read_text(encoding="utf-8").splitlines()[1])
    shown = json.loads(find_block("json"))
    assert row.keys() == shown.keys()
    assert row["negatives"][0].keys() == shown["negatives"][0].keys()


def test_the_options_have_the_defaults_on_the_page() -> None:
    chosen = vars(build_parser().parse_args(["negatives", "corpus", "--model", "model"]))
    named = re.findall(r"^\| `--([^|]*)` \| ([^|]*) \|", PAGE.split("## Measured")[0], re.MULTILINE)
    assert len(named) == 7
    for names, defaults in named:
        for name, default in zip(names.split("`, `--"), defaults.split(", "), strict=True):
            value = chosen[name.replace("-", "_")]
            written = {None: "the training run's", False: "no"}.get(value, str(value))
            assert default.strip("`") == written or (value == 0 and default == "0")


def test_the_settings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(find_block("toml"), encoding="utf-8")
    config = parse_config(TrainConfig, read_toml(file), str(file))
    assert config.corpora[0].negatives == "corpus.negatives"
    assert config.loss.mask_false_negatives


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (DOCS / target).is_file(), target
