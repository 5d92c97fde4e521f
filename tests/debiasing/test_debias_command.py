"""``isogloss debias`` on the command line: what it prints, refuses and leaves, and what its models can do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from language_texts import LINES, SPOKEN, write_language_texts

from isogloss.cli.main import build_parser, main
from isogloss.debiasing import Subspace
from tiny_models import SENTENCES

PAGE = Path(__file__).parents[2] / "docs" / "debiasing.md"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_language_texts(tmp_path / "text")


def test_it_prints_what_changes(
    labse: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["debias", str(labse), "--text", str(text), "--aligned", "--out", str(out)]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    assert f"debiased  {out}\nremoved   lsar, 2 of 32 dimensions\n" in printed
    rows = {line.split("  ")[0]: line.split() for line in printed.splitlines() if line}
    record = json.loads((out / "debiasing.json").read_text(encoding="utf-8"))["held_out"]
    assert rows["variance left"][-1] == f"{1 - record['removed']:.1%}"
    told, found = record["told"], record["found"]
    assert rows["language told by nearest mean"][-3:] == [
        f"{told['before']:.3f}",
        f"{told['after']:.3f}",
        "0.333",
    ]
    assert rows["translation found"][-3:] == [f"{found['before']:.3f}", f"{found['after']:.3f}", "0.042"]
    assert all(rows[language][1:3] == ["96", "24"] for language in SPOKEN)


def test_it_prints_json(xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["debias", str(xlmr), "--text", str(text / "de.txt"), str(text / "ru.txt"), "--limit", "110"]
    assert (
        main([*words, "--method", "lir", "--components", "1", "--out", str(tmp_path / "out"), "--json"]) == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert (report["method"], report["components"], report["held_out"]["found"]) == ("lir", 1, None)
    assert report["held_out"]["languages"]["ru"]["learned"] == 88


def test_questions_passages_and_sentences_of_a_corpus_are_text_too(
    xlmr: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "corpus.jsonl", 60)
    assert main(["debias", str(xlmr), "--text", str(corpus), "--out", str(tmp_path / "out"), "--json"]) == 0
    languages = json.loads(capsys.readouterr().out)["held_out"]["languages"]
    assert {language: own["learned"] + own["held_out"] for language, own in languages.items()} == {
        "de": 180,
        "en": 180,
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{xlmr}", "--text", "{text}", "--out", "{text}"], "is not empty; choose another folder"),
        (
            ["{xlmr}", "--text", "{text}", "--out", "{out}", "--components", "3"],
            "lsar finds 1 to 2 components",
        ),
        (["{xlmr}", "--text", "{text}", "--out", "{out}", "--components", "0"], "got 0"),
        (["{xlmr}", "--text", "{text}", "--out", "{out}", "--languages", "en"], "two languages at least"),
        (["{xlmr}", "--text", "{text}", "--out", "{out}", "--limit", "99"], "(de: 99, en: 99, ru: 99)"),
        (
            ["{xlmr}", "--text", "{text}/en.txt", "{short}/de.txt", "--out", "{out}", "--aligned"],
            "de has 110 and en 120",
        ),
        (
            ["{xlmr}", "--text", "{text}", "{short}/notes.txt", "--out", "{out}"],
            "name plain text by its language",
        ),
        (["{xlmr}", "--text", "{out}", "--out", "{out}"], "no such file or folder"),
        (["{out}", "--text", "{text}", "--out", "{out}"], "no such folder"),
        (["{text}", "--text", "{text}", "--out", "{out}"], "no model in the folder"),
        (["{xlmr}", "--text", "{text}", "--out", "{out}", "--device", "abacus"], "'abacus' cannot be used"),
        (["{xlmr}", "--text", "{same}", "--out", "{out}"], "there is no language to take out"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    words: list[str], told: str, xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"xlmr": xlmr, "text": text, "out": tmp_path / "out", "short": tmp_path / "short"}
    write_language_texts(tmp_path / "short", 110)
    (tmp_path / "short" / "notes.txt").write_text("a\n" * LINES, encoding="utf-8")
    places["same"] = tmp_path / "same"
    places["same"].mkdir()
    for language in SPOKEN:
        (places["same"] / f"{language}.txt").write_text(f"{SENTENCES[0]}\n" * LINES, encoding="utf-8")
    assert main(["debias", *(word.format(**places) for word in words)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isogloss: error: ")
    assert told in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_aligned_lines_without_text_in_a_language_are_left_out(
    xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (text / "de.txt").read_text(encoding="utf-8").splitlines()
    lines[3] = lines[100] = lines[118] = ""
    (text / "de.txt").write_text("\n".join(lines), encoding="utf-8")
    words = ["debias", str(xlmr), "--text", str(text), "--aligned", "--json", "--out"]
    assert main([*words, str(tmp_path / "out")]) == 0
    languages = json.loads(capsys.readouterr().out)["held_out"]["languages"]
    assert [own["learned"] for own in languages.values()] == [95, 96, 96]
    assert [own["held_out"] for own in languages.values()] == [22, 22, 22]


def test_aligned_text_without_a_whole_line_to_measure_on_is_refused(
    xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last fifth are lines 97 to 120: German has the first half of them, Russian the second."""
    for language, silent in (("de", range(108, LINES)), ("ru", range(96, 108))):
        lines = (text / f"{language}.txt").read_text(encoding="utf-8").splitlines()
        told = ("" if number in silent else line for number, line in enumerate(lines))
        (text / f"{language}.txt").write_text("".join(f"{line}\n" for line in told), encoding="utf-8")
    words = ["debias", str(xlmr), "--text", str(text), "--out", str(tmp_path / "out")]
    assert main([*words, "--aligned"]) == 2
    assert "none of them has text in every language" in capsys.readouterr().err
    assert main(words) == 0


def test_a_failed_check_leaves_nothing(
    xlmr: Path,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A layer with other weights than those computed is noticed before the folder appears."""
    from isogloss.debiased_model import job

    append = job.append_projection
    monkeypatch.setattr(job, "append_projection", lambda model, basis: append(model, basis[:1]))
    assert main(["debias", str(xlmr), "--text", str(text), "--out", str(tmp_path / "out")]) == 2
    assert "so nothing is written" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"text", "cache"}


def write_corpus(path: Path, items: int) -> Path:
    rows = [
        {
            "id": f"q{number}",
            "language": language,
            "question": f"{SPOKEN[language]} {number}?",
            "passage": f"{number} {SPOKEN[language]}",
            "passage_id": f"p{number}",
            "article": f"a{number % 6}",
        }
        for number in range(items)
        for language in ("en", "de")
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_debiased_model_is_evaluated_and_trained_on(
    xlmr: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    debiased, run, place = (tmp_path / name for name in ("debiased", "run", "benchmark"))
    place.mkdir()
    corpus = write_corpus(place / "all.jsonl", 24)
    assert main(["debias", str(xlmr), "--text", str(text), "--out", str(debiased)]) == 0
    config = tmp_path / "run.toml"
    config.write_text(
        f'[model]\nname = "{debiased}"\nquery_length = 16\npassage_length = 16\n'
        '[batches]\nstrategy = "hybrid"\nsize = 4\n[validation]\nshare = 0.0\n[trainer]\nmax_steps = 2\n'
        f'[[corpora]]\npath = "{corpus}"\n',
        encoding="utf-8",
    )
    assert main(["train", str(config), "--out", str(run)]) == 0
    modules = json.loads((run / "model" / "modules.json").read_text(encoding="utf-8"))
    assert [module["path"] for module in modules] == ["", "1_Pooling", "2_Dense", "3_Normalize"]
    capsys.readouterr()
    words = ["--benchmark", "mine", "--data", str(place), "--layout", "parallel", "--json"]
    for model in (debiased, run):
        assert main(["evaluate", str(model), *words]) == 0
        assert json.loads(capsys.readouterr().out)
    # A model that came from training is debiased by the name of its run, and again.
    assert main(["debias", str(run), "--text", str(text), "--out", str(tmp_path / "again")]) == 0


def test_the_methods_of_the_command_are_those_of_the_library() -> None:
    words = ["debias", "model", "--text", "text", "--out", "out", "--method"]
    assert {build_parser().parse_args([*words, method]).method for method in Subspace} == set(Subspace)


def test_the_commands_of_the_page_are_right() -> None:
    commands = re.findall(r"^\$ isogloss ((?:.*\\\n)*.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {command.split()[0] for command in commands} >= {"debias", "evaluate"}
    for command in commands:
        words = command.replace("\\\n", " ").split()
        assert build_parser().parse_args(words).command == words[0]
