"""``isogloss plan``: what it prints, and how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from isogloss.batching import STRATEGIES
from isogloss.cli.main import main

CONFIG = """
[model]
name = "any"

[batches]
size = 4

[validation]
share = 0.0

[[corpora]]
path = {path}
"""


def write_corpus(folder: Path, languages: tuple[str, ...] = ("de", "en", "es")) -> Path:
    """Write SQuAD JSON, one file a language: 6 articles of 2 paragraphs with 2 questions each."""
    folder.mkdir()
    for language in languages:
        articles = []
        for article in range(6):
            paragraphs = []
            for number in (2 * article, 2 * article + 1):
                context = f"{language} {number} stands here. It has a second sentence."
                answer = {"text": f"{language} {number}", "answer_start": 0}
                questions = [
                    {
                        "id": f"q{number}-{turn}",
                        "question": f"{language} {number} {turn}?",
                        "answers": [answer],
                    }
                    for turn in range(2)
                ]
                paragraphs.append({"context": context, "qas": questions})
            articles.append({"title": f"{language} article {article}", "paragraphs": paragraphs})
        content = json.dumps({"version": "1.1", "data": articles})
        (folder / f"{language}.json").write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    corpus = write_corpus(tmp_path / "corpus")
    path.write_text(CONFIG.format(path=json.dumps(str(corpus))), encoding="utf-8")
    return path


def refuse(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must fail; give its one line on stderr."""
    assert main(["plan", *map(str, words)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_is_shown(config: Path, capsys: pytest.CaptureFixture[str], strategy: str) -> None:
    assert main(["plan", str(config), "--set", f"batches.strategy={strategy}"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"strategy  {strategy}")
    assert captured.err == ""


def test_a_plan_needs_no_torch(config: Path) -> None:
    code = (
        "import sys; from isogloss.cli.main import main; "
        "code = main(sys.argv[1:]); "
        "print([name for name in ('torch', 'transformers', 'datasets', 'scipy') if name in sys.modules]); "
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", str(config)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_json_is_one_object(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(config), "--json", "--epochs", "3"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["strategy"], content["epochs"], content["steps_per_epoch"]) == ("hybrid", 3, 6)
    assert content["query_languages"].keys() == {"de", "en", "es"}


def test_the_same_configuration_gives_the_same_digest(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = []
    for seed in (0, 0, 1):
        main(["plan", str(config), "--json", "--set", f"seed={seed}"])
        digests.append(json.loads(capsys.readouterr().out)["digest"])
    assert digests[0] == digests[1] != digests[2]


def test_held_out_items_are_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", str(config), "--set", "validation.share=0.2"])
    assert "corpus: 4 items of 1 whole articles are held out for validation" in capsys.readouterr().out


def test_a_batch_is_shown_as_text_and_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(config), "--batch", "1:2", "--set", "batches.negatives=article"]) == 0
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title.startswith("# epoch 1, step 2: ")
    columns = ["item", "query_language", "passage_language", "negative_item", "negative_language"]
    assert head.split("\t") == columns
    assert main(["plan", str(config), "--batch", "1:2", "--json", "--set", "batches.negatives=article"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [list(row.values()) for row in content["rows"]] == [row.split("\t") for row in rows]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "batches.aplha=0.5"], "unknown setting 'batches.aplha' (did you mean 'batches.alpha'?)"),
        (["--set", "batches.alpha=1.5"], "from 0 to 1; got 1.5"),
        (["--set", "batches.alpha=nan"], "'batches.alpha' should be a finite number; got nan"),
        (["--set", "batches.size=ten"], "'batches.size' should be a whole number; got 'ten'"),
        (["--set", "batches.size=true"], "'batches.size' should be a whole number; got True"),
        (["--set", "batches.size=0"], "a batch needs at least 1 row ('batches.size'); got 0"),
        (["--set", "batches=4"], "'batches' should be a table; got 4"),
        (["--set", "batches.size.more=4"], "'size' is not a table"),
        (
            ["--set", "batches.strategy=x-z"],
            "unknown strategy 'x-z' ('batches.strategy'); choose one of hybrid",
        ),
        (["--set", "batches.strategy=x-y", "--set", "batches.alpha=0.5"], "'x-y' takes no alpha"),
        (["--set", "batches.language_draw=sizes"], "language draw 'sizes'"),
        (["--set", "batches.corpus_exponent=-1"], "corpus exponent"),
        (
            ["--set", "batches.negatives=near"],
            "negatives come from mined, given, article, random; got 'near'",
        ),
        (["--set", "batches.negatives=mined"], "no [[corpora]] has negatives = FILE"),
        (["--set", "batches.negatives=random", "--set", "batches.size=24"], "no explicit negative for item"),
        (["--set", "seed=-1"], "a seed is a whole number"),
        (["--set", "corpora=[]"], "'corpora' is empty"),
        (["--set", "corpora={path='x'}"], "'corpora' should be a list"),
        (["--set", "size"], "--set takes table.key=value; got 'size'"),
        (["--set", "unit=word"], "'unit' should be one of 'sentence', 'sentence-context', 'paragraph'"),
        (["--epochs", "0"], "--epochs takes a whole number from 1; got 0"),
        (["--batch", "3"], "--batch takes EPOCH:STEP"),
        (["--batch", ""], "--batch takes EPOCH:STEP"),
        (["--batch", "0:9"], "there is no step 9 in epoch 0"),
        (["--batch", f"{10**30}:0"], "there is no step 0 in epoch 1000000"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert message in refuse(capsys, config, *words)


def test_all_wrong_settings_are_reported_together(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["batches.aplha=1", "seed=one", "model.pooling=3", "models=1"]
    line = refuse(capsys, config, *(word for setting in wrong for word in ("--set", setting)))
    for part in (
        "'batches.aplha'",
        "'seed'",
        "'model.pooling'",
        "'models' (did you mean 'model'?)",
        str(config),
    ):
        assert part in line


def test_a_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run.toml: no such file" in refuse(capsys, tmp_path / "run.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[batches\nsize = 4", "not valid TOML"),
        (b"seed = 1\nseed = 2", "not valid TOML"),
        (b"seed = " + b"9" * 5000, "not valid TOML"),
        (b"seed = '\xff'", "byte 8: not UTF-8"),
        (b"", "'model' is missing; 'corpora' is missing"),
    ],
)
def test_a_broken_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    assert message in refuse(capsys, path)


@pytest.mark.parametrize(
    ("strategy", "languages", "message"),
    [
        ("x-y", ("de",), "no item of corpus is in two languages; add a language or use strategy 'x-x-mono'"),
        ("hybrid", ("de",), "no item of corpus is in two languages"),
        ("en-en", ("de", "es"), "needs items in 'en'; corpus has none"),
    ],
)
def test_a_strategy_without_fitting_items_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    strategy: str,
    languages: tuple[str, ...],
    message: str,
) -> None:
    corpus = write_corpus(tmp_path / "corpus", languages)
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(path=json.dumps(str(corpus))), encoding="utf-8")
    assert message in refuse(capsys, config, "--set", f"batches.strategy={strategy}")


def test_a_missing_corpus_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refuse(capsys, config, "--set", "corpora=[{path='nowhere'}]")
    assert "nowhere" in line
