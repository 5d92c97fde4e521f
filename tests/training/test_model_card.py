"""The card of a trained model: valid for the hub, true to the run, and silent about the machine."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from training_runs import Settings

from isogloss.cli.main import main
from isogloss.config import CorpusConfig, LoraConfig, TrainConfig
from isogloss.encoding.fingerprint import fingerprint_model
from isogloss.model_card import compose_card, read_license, read_record
from isogloss.model_card.markdown import escape, write_code, write_table
from isogloss.results import MiningResults, RunInfo, write_results
from isogloss.results.mining import MinedPairs
from isogloss.training.run import train
from isogloss.types import LanguagePair

NAME = "riv|ers [of](http://example.org) <b>نهر</b> *_x_* `y`"
LICENSE = "CC-BY-SA-4.0 | with a note"
START_CARD = "---\nlicense: mit\nlanguage:\n- en\n---\n\n# A start\n"
SECRET = "hf_a-token-of-nobody"


def read_tables(markdown: str) -> list[list[list[str]]]:
    """Render Markdown as the hub does, and give the text of every table's cells."""
    tables: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        match token.type:
            case "table_open":
                tables.append([])
            case "tr_open":
                tables[-1].append([])
            case "inline" if tables and tables[-1] and token.level >= 3:
                children = token.children or []
                assert all(child.type in ("text", "code_inline", "text_special") for child in children)
                tables[-1][-1].append("".join(child.content for child in children))
            case "table_close":
                tables.append([])
    return [table for table in tables if table]


def values_of(card: Path) -> dict[str, str]:
    """Read the tables of two columns: what stands beside each name."""
    tables = read_tables(ModelCard.load(card).text)
    return {row[0]: row[1] for table in tables for row in table if len(row) == 2}


@pytest.fixture(scope="module")
def config(settings: Settings, xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """Settings of a run from a start with a card, on a corpus with a name that is hard to write."""
    start = tmp_path_factory.mktemp("card") / "tiny-start"
    shutil.copytree(xlmr, start)
    (start / "README.md").write_text(START_CARD, encoding="utf-8")
    made = settings(max_steps=4, logging_nan_inf_filter=False)
    corpus = CorpusConfig(made.corpora[0].path, name=NAME, license=LICENSE)
    model = replace(settings.base.model, name=str(start))
    return replace(made, corpora=(corpus,), model=model, license="Apache-2.0")


@pytest.fixture(scope="module")
def finished(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", SECRET)
        train(config, run)
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to change."""
    shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    return tmp_path / "run"


def test_the_hub_can_read_its_front_matter(finished: Path) -> None:
    data = ModelCard.load(finished / "model" / "README.md").data.to_dict()
    assert data == {
        "language": ["de", "el", "en", "hi"],
        "library_name": "sentence-transformers",
        "license": "apache-2.0",
        "pipeline_tag": "sentence-similarity",
        "tags": [
            "sentence-transformers",
            "feature-extraction",
            "sentence-similarity",
            "multilingual",
            "isogloss",
        ],
    }


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("", {}),
        ("MIT", {"license": "mit"}),
        ("cc-by-nc-4.0", {"license": "cc-by-nc-4.0"}),
        (
            "ours: ask first\n---\ntags: x",
            {"license": "other", "license_name": "ours: ask first --- tags: x"},
        ),
    ],
)
def test_the_licence_is_what_was_stated_and_no_more(
    finished: Path, stated: str, expected: dict[str, str]
) -> None:
    record = read_record(finished)
    card = ModelCard(compose_card(replace(record, config=replace(record.config, license=stated))))
    data = card.data.to_dict()
    assert {key: value for key, value in data.items() if key.startswith("license")} == expected
    assert data["pipeline_tag"] == "sentence-similarity"


def test_a_start_and_corpora_of_the_hub_are_named(finished: Path) -> None:
    record = read_record(finished)
    (corpus,) = record.provenance["corpora"]  # type: ignore[misc]
    changed = {
        "base_model": "FacebookAI/xlm-roberta-base",
        "corpora": [{**corpus, "dataset": "owner/questions"}],  # type: ignore[dict-item]
        "languages": ["eng_Latn", "zh-Hans", "zh-Hant", "no", "xx-nothing"],
    }
    card = ModelCard(compose_card(replace(record, provenance={**record.provenance, **changed})))
    assert card.data.base_model == "FacebookAI/xlm-roberta-base"
    assert card.data.to_dict()["datasets"] == ["owner/questions"]
    assert card.data.language == ["en", "no", "zh"]
    assert "xlm-roberta-base, hybrid batches" in card.text


def test_it_tells_what_the_run_was(finished: Path) -> None:
    card, stored = finished / "model" / "README.md", json.loads((finished / "provenance.json").read_text())
    values = values_of(card)
    assert values["batch strategy"] == "hybrid"
    assert values["alpha, the share of batches in one language"] == "0.5"
    assert (values["seed"], values["rows of a batch"], values["learning rate"]) == ("3", "8", "0.001")
    assert values["optimizer steps"] == f"4; the model of step {stored['best_step']} is kept"
    assert values["this model"] == "Apache-2.0"
    assert values["start model tiny-start"] == "mit"
    tables = read_tables(ModelCard.load(card).text)
    (data,) = (table for table in tables if table[0][0] == "corpus" and "licence" in table[0])
    shown = data[1][0].strip("\u2068\u2069")
    assert (shown, data[1][1]) == (NAME, LICENSE)
    assert data[1][2:] == ["de el en hi", str(stored["items"][NAME]), str(stored["held_out_items"][NAME])]
    (files,) = (table for table in tables if "file" in table[0])
    (digest,) = stored["files"].values()
    assert files[1][1:] == ["rivers.jsonl", digest]
    (scores,) = (table for table in tables if table[0] == ["measure", "value", "chance"])
    measured = {row[0]: row[1:] for row in scores[1:]}
    mono = stored["validation"]["scores"]["mono"]
    assert measured["mAP within a language"] == [f"{mono['value']:.4f}", f"{mono['chance']:.4f}"]
    assert measured["loss, nats"][0] == f"{stored['validation_loss']:.4f}"


def test_what_else_decided_the_model_is_told(finished: Path, tmp_path: Path) -> None:
    record = read_record(finished)
    loss, batches = replace(record.config.loss, directions=2), replace(record.config.batches, size=64)
    adapter = LoraConfig(rank=4, alpha=8.5, targets=("query", "value"))
    config = replace(record.config, loss=loss, batches=batches, lora=adapter, data_share=0.25)
    (tmp_path / "README.md").write_text(compose_card(replace(record, config=config)), encoding="utf-8")
    plain, changed = values_of(finished / "model" / "README.md"), values_of(tmp_path / "README.md")
    assert {name: value for name, value in changed.items() if plain.get(name) != value} == {
        "share of the data trained on": "0.25",
        "low-rank adapter, merged into the weights": "rank 4, alpha 8.5, dropout 0, of query, value",
        "rows of a batch": "64",
        "loss": "infonce, in two directions",
    }
    name = "candidates that answer another row's question as well"
    assert plain[name] == "left out"
    kept = replace(record.config, loss=replace(loss, mask_false_negatives=False))
    (tmp_path / "README.md").write_text(compose_card(replace(record, config=kept)), encoding="utf-8")
    assert values_of(tmp_path / "README.md")[name] == "negatives like others"


def test_nothing_of_the_machine_or_of_keys_is_told(finished: Path, config: TrainConfig) -> None:
    places = {str(Path(config.model.name).parent), str(Path(config.corpora[0].path).parent), str(finished)}
    for file in (finished / "model").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [place for place in (*places, SECRET) if place.encode() in content], file


def test_vectors_kept_of_a_model_outlive_its_card(run: Path) -> None:
    before = fingerprint_model(run / "model")
    (run / "model" / "README.md").write_text("another card", encoding="utf-8")
    assert fingerprint_model(run / "model") == before


def test_the_code_on_it_runs(finished: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = (finished / "model" / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    exec(code.replace('"MODEL"', repr(str(finished / "model"))), {})
    assert capfd.readouterr().out.startswith("tensor([[")


def evaluate_run(run: Path, folder: Path, name: str, *, lines: bool = False) -> None:
    if lines:
        for code in ("de", "en"):
            (folder / f"{code}.txt").write_text(
                "".join(f"{code} {row}\n" for row in range(6)), encoding="utf-8"
            )
    else:
        rows = [
            {
                "id": f"q{row}",
                "language": code,
                "question": f"{code} {row}?",
                "passage": f"{code} passage {row}.",
            }
            for row in range(4)
            for code in ("de", "en")
        ]
        file = folder / "asked.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    words = ["--benchmark", name, "--data", str(folder), "--quiet"]
    assert main(["evaluate", str(run), *words]) == 0


def test_results_come_in_with_chance_and_notes(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    card = run / "model" / "README.md"
    assert "has not been measured on a benchmark yet" in card.read_text(encoding="utf-8")
    for name in ("asked", "aligned"):
        (tmp_path / name).mkdir()
        evaluate_run(run, tmp_path / name, name, lines=name == "aligned")
    mined = MinedPairs(
        LanguagePair("de", "en"), "training", 2, *(np.arange(2, dtype=np.int32),) * 2,
        scores=np.array([2.0, 1.0]), right=np.array([True, False]),
    )  # fmt: skip
    mining = MiningResults("mined", RunInfo("m", "m", notes=("a | note",)), ("de", "en"), (mined,))
    write_results(mining, run / "results" / "mined")
    capfd.readouterr()
    assert main(["card", str(run)]) == 0
    assert capfd.readouterr().out == f"{card}\n"
    text = ModelCard.load(card).text
    tables = [table for table in read_tables(text) if table[0] == ["retrieval", "measure", "value", "chance"]]
    aligned, asked, last = (
        {(row[0].rpartition("(")[2].rstrip(")"), row[1]): row[2:] for row in table[1:]} for table in tables
    )
    for name, found, measures in (
        ("aligned", aligned, [("cross", "accuracy"), ("cross", "F1")]),
        ("asked", asked, [("mono", "mAP"), ("cross", "mAP"), ("multi", "mAP"), ("multi", "rank distance")]),
    ):
        stored = json.loads((run / "results" / name / "results.json").read_text())
        assert set(measures) <= set(found)
        for setting, measure in measures:
            values = stored["measures"][setting][measure]
            digits = 1 if measure == "rank distance" else 4
            expected = [
                "-" if values[key] is None else f"{values[key]:.{digits}f}" for key in ("macro", "chance")
            ]
            assert found[setting, measure] == expected
        assert all(escape(note) in text for note in stored["info"]["notes"])
    assert list(last.values()) == [[f"{mining.macro():.4f}", "-"]]
    assert "- a \\| note" in text
    assert "not checked for overlap with asked" in text
    assert str(tmp_path) not in text


def test_a_card_that_was_changed_by_hand_is_kept(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    card = run / "model" / "README.md"
    first = card.read_bytes()
    assert main(["card", str(run)]) == 0
    assert card.read_bytes() == first, "nothing has happened since"
    for changed in (first.replace(b"## Use", b"## How to use"), b"my own", b"\xff"):
        card.write_bytes(changed)
        capfd.readouterr()
        assert main(["card", str(run)]) == 2
        assert capfd.readouterr().err == (
            f"isogloss: error: {card} was written or changed by hand; --overwrite replaces it\n"
        )
        assert card.read_bytes() == changed
    assert main(["card", str(run), "--overwrite"]) == 0
    assert card.read_bytes() == first


def break_provenance(run: Path) -> None:
    (run / "provenance.json").write_text('{"half', encoding="utf-8")


def break_settings(run: Path) -> None:
    (run / "config.toml").write_text("seed = 'x'", encoding="utf-8")


def break_results(run: Path) -> None:
    (run / "results" / "b").mkdir(parents=True)
    (run / "results" / "b" / "results.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "no provenance.json; name the directory of a finished run"),
        (break_provenance, "provenance.json: cannot be read"),
        (
            lambda run: (run / "provenance.json").write_text("[]"),
            "provenance.json: should hold a JSON object",
        ),
        (break_settings, "config.toml: "),
        (break_results, "results.json: not of the format"),
        (lambda run: shutil.rmtree(run / "model"), "model: no such folder"),
    ],
)
def test_what_cannot_be_told_is_one_line(
    run: Path, capfd: pytest.CaptureFixture[str], change: Callable[[Path], object], message: str
) -> None:
    change(run)
    assert main(["card", str(run)]) == 2
    printed = capfd.readouterr()
    assert message in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)


@given(
    st.dictionaries(
        st.sampled_from(
            ["corpora", "languages", "validation", "trainer", "overlap", "versions", "steps", "label"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
            ),
            max_leaves=4,
        ),
    )
)
def test_a_provenance_of_another_release_still_makes_a_card(finished: Path, odd: dict[str, object]) -> None:
    record = read_record(finished)
    for provenance in (odd, {**record.provenance, **odd}):
        card = ModelCard(compose_card(replace(record, provenance=provenance)))
        assert card.data.pipeline_tag == "sentence-similarity"


def test_a_licence_is_read_from_a_card_alone(tmp_path: Path) -> None:
    assert read_license(str(tmp_path)) is None
    assert read_license("nobody/no-such-model") is None
    assert read_license("no name of a model / at all") is None
    for content, expected in (
        (START_CARD, "mit"),
        ("---\nlicense: other\nlicense_name: ours\n---\n", "ours"),
        ("---\nlicense: other\n---\n", "other"),
        ("no front matter", None),
        ("---\nlicense: [mit\n---\n", None),
        ("---\n- mit\n---\n", None),
        ("---\nlicense: [mit, apache-2.0]\n---\n", None),
    ):
        (tmp_path / "README.md").write_text(content, encoding="utf-8")
        assert read_license(str(tmp_path)) == expected


def shown_text(markdown: str) -> Iterator[str]:
    """Give the pieces of text that Markdown shows."""
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        for child in token.children or []:
            assert child.type in ("text", "code_inline", "text_special"), child.type
            yield child.content


letters = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.text(
    st.sampled_from("|`[]<>*_#&\\-+1.)~!\n xن"), max_size=12
)


@given(letters)
def test_any_name_is_shown_as_it_is(name: str) -> None:
    expected = " ".join(
        "".join(" " if unicodedata.bidirectional(letter) in HIDDEN else letter for letter in name).split()
    )
    for markdown in (f"- {escape(name)}\n", f"before {escape(name)} after\n"):
        shown = "".join(shown_text(markdown)).removeprefix("before ").removesuffix(" after")
        if expected:
            assert shown.strip("\u2068\u2069") == expected
    ((_, cells),) = read_tables(
        write_table(["a", "b", "c"], [[escape(name), write_code(name, cell=True), "z"]])
    )
    assert len(cells) == 3
    assert cells[2] == "z"
    assert cells[0].strip("\u2068\u2069") == expected


HIDDEN = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
