"""``isogloss trim`` on the command line: what it prints, refuses and leaves, and what its models can do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from models_to_trim import KEPT, write_texts

from isogloss.cli.main import build_parser, main
from tiny_models import SENTENCES

PAGE = Path(__file__).parents[2] / "docs" / "vocabulary.md"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    spanish = [f"{SENTENCES[2]} {number}" for number in range(30)]
    english = [f"{SENTENCES[0]} {number}" for number in range(30)]
    return write_texts(tmp_path / "text", {"en": english, "es": spanish, "ja": [SENTENCES[5]]})


def test_it_prints_what_is_saved_and_what_changes(
    labse: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["trim", str(labse), "--text", str(text), "--languages", "es,en", "--out", str(out)]
    assert main([*words, "--held-out", "0.3"]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line}
    assert rows["trimmed"][1] == str(out)
    for name in ("pieces", "parameters", "disk", "memory"):
        assert float(rows[name][-1].rstrip("%")) < 100
    assert "given text: 60 texts are segmented as before; embeddings of 60 of them differ by" in printed
    assert "held-out text: 30% of it" in printed
    assert "ja" not in rows
    record = json.loads((out / "trimming.json").read_text(encoding="utf-8"))
    assert int(rows["en"][1]) == record["held_out"]["en"]["texts"]
    assert int(rows["es"][1]) == record["held_out"]["es"]["texts"]


def test_it_prints_json(xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["trim", str(xlmr), "--text", str(text / "ja.txt"), str(text / "en.txt"), "--out", str(out)]
    assert main([*words, "--limit", "5", "--held-out", "0", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["texts"], report["encoded"], report["held_out"]) == (6, 6, {})
    assert report["difference"] <= 1e-6
    assert report["after"]["pieces"] < report["before"]["pieces"]


def test_text_of_one_article_cannot_be_held_out(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "en.txt").write_text("One line\n", encoding="utf-8")
    words = ["trim", str(xlmr), "--text", str(tmp_path / "en.txt"), "--out", str(tmp_path / "out")]
    assert main([*words, "--held-out", "0.000001"]) == 0
    assert "no text was held out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{xlmr}", "--text", "{text}", "--out", "{text}"], "is not empty; choose another folder"),
        (["{xlmr}", "--text", "{text}", "--out", "{out}", "--held-out", "1"], "from 0 to below 1; got 1.0"),
        (["{xlmr}", "--text", "{text}", "--out", "{out}", "--languages", "de"], "no text in de"),
        (["{xlmr}", "--text", "{out}", "--out", "{out}"], "no such file or folder"),
        (["{out}", "--text", "{text}", "--out", "{out}"], "no such folder"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    words: list[str], told: str, xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"xlmr": xlmr, "text": text, "out": tmp_path / "out"}
    assert main(["trim", *(word.format(**places) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isogloss: error: ")
    assert told in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_failed_check_leaves_nothing(
    xlmr: Path,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Pieces that go missing, or wrong rows, are noticed before the folder appears."""
    words = ["trim", str(xlmr), "--text", str(text), "--out", str(tmp_path / "out"), "--held-out", "0"]
    from isogloss.trimming import job
    from isogloss.trimming.model_files import ModelFiles
    from isogloss.trimming.survey import Usage

    choose, write = job._choose, job.write_model

    def forget(files: ModelFiles, usage: Usage) -> object:
        kept = choose(files, usage)
        return kept[[files.tokenizer.pieces[number] not in ("▁", "i") for number in kept.tolist()]]

    monkeypatch.setattr(job, "_choose", forget)
    assert main(words) == 2
    assert "segments the given text differently, so nothing is written" in capsys.readouterr().err

    def shift(files: ModelFiles, kept: object, folder: Path) -> None:
        write(files, kept, folder)  # type: ignore[arg-type]
        from safetensors.torch import load_file, save_file

        tensors = load_file(folder / "model.safetensors")
        name = next(name for name in tensors if "word_embeddings" in name)
        tensors[name] = tensors[name].roll(1, dims=0).contiguous()
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    monkeypatch.setattr(job, "_choose", choose)
    monkeypatch.setattr(job, "write_model", shift)
    assert main(words) == 2
    assert "after trimming, so nothing is written" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"text"}


@pytest.mark.slow
def test_a_trimmed_model_is_trained_and_evaluated(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            "id": f"q{number}",
            "language": language,
            "question": f"{KEPT[place]} {number}",
            "passage": f"{KEPT[place + 1]} {number}",
            "passage_id": f"p{number}",
            "article": f"a{number % 6}",
        }
        for number in range(24)
        for place, language in enumerate(("en", "de"))
    ]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    trimmed, run = str(tmp_path / "trimmed"), str(tmp_path / "run")
    assert main(["trim", str(xlmr), "--text", str(corpus), "--out", trimmed]) == 0
    config = tmp_path / "run.toml"
    config.write_text(
        f'[model]\nname = "{trimmed}"\nquery_length = 16\npassage_length = 16\n'
        '[batches]\nstrategy = "hybrid"\nsize = 4\n[validation]\nshare = 0.0\n[trainer]\nmax_steps = 2\n'
        f'[[corpora]]\npath = "{corpus}"\n',
        encoding="utf-8",
    )
    assert main(["train", str(config), "--out", run]) == 0
    place = tmp_path / "benchmark"
    place.mkdir()
    (place / "all.jsonl").write_text(corpus.read_text(encoding="utf-8"), encoding="utf-8")
    capsys.readouterr()
    words = ["--benchmark", "mine", "--data", str(place), "--layout", "parallel", "--json"]
    for model in (trimmed, run):
        assert main(["evaluate", model, *words]) == 0
        assert json.loads(capsys.readouterr().out)


def test_the_commands_of_the_page_are_right() -> None:
    commands = re.findall(r"^\$ isogloss ((?:.*\\\n)*.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {command.split()[0] for command in commands} >= {"trim", "inspect"}
    for command in commands:
        words = command.replace("\\\n", " ").split()
        assert build_parser().parse_args(words).command == words[0]
