"""Settings from TOML: read, refused, written back."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.config import (
    BatchesConfig,
    CheckedBenchmarkConfig,
    CorpusConfig,
    LossConfig,
    ModelConfig,
    OverlapConfig,
    TrainConfig,
    ValidationConfig,
    dump_config,
    parse_config,
    read_toml,
)
from isogloss.errors import ConfigError
from isogloss.types import PassageUnit

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**63), 2**63 - 1)
toml_values = st.recursive(
    words | whole | numbers | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
configs = st.builds(
    TrainConfig,
    model=st.builds(
        ModelConfig,
        name=words,
        pooling=words,
        query_prefix=words,
        passage_prefix=words,
        query_length=whole,
        passage_length=whole,
    ),
    corpora=st.lists(
        st.builds(
            CorpusConfig,
            path=words,
            format=words,
            languages=st.lists(words, max_size=3).map(tuple),
            name=words,
            license=words,
        ),
        max_size=3,
    ).map(tuple),
    batches=st.builds(
        BatchesConfig,
        strategy=words,
        alpha=st.none() | numbers,
        size=whole,
        corpus_exponent=numbers,
        language_draw=words,
        negatives=words,
        negative_language=words,
    ),
    loss=st.builds(LossConfig, name=words, temperature=numbers, learn_temperature=st.booleans()),
    validation=st.builds(
        ValidationConfig,
        share=numbers,
        batches=whole,
        every=whole,
        patience=whole,
        retrieval=whole,
        metric=words,
    ),
    overlap=st.builds(
        OverlapConfig,
        policy=words,
        benchmarks=st.lists(
            st.builds(CheckedBenchmarkConfig, name=words, data=words, layout=words), max_size=2
        ).map(tuple),
    ),
    unit=st.sampled_from(PassageUnit),
    seed=whole,
    trainer=st.dictionaries(words, toml_values, max_size=3),
)

SMALLEST = {"model": {"name": "m"}, "corpora": [{"path": "p"}]}


@settings(max_examples=100)
@given(configs)
def test_a_configuration_comes_back_from_its_tables(config: TrainConfig) -> None:
    assert parse_config(TrainConfig, dump_config(config), "tables") == config


@settings(max_examples=50)
@given(configs)
def test_a_configuration_comes_back_from_its_toml(config: TrainConfig) -> None:
    text = tomli_w.dumps(dump_config(config))
    assert parse_config(TrainConfig, tomllib.loads(text), "text") == config


def test_dumping_copies() -> None:
    config = parse_config(TrainConfig, SMALLEST | {"trainer": {"betas": [0.9]}}, "tables")
    dump_config(config)["trainer"]["betas"].append(0.5)  # type: ignore[index,call-overload,union-attr]
    assert config.trainer == {"betas": [0.9]}


def test_settings_that_are_not_given_have_defaults() -> None:
    config = parse_config(TrainConfig, SMALLEST, "tables")
    assert config == TrainConfig(model=ModelConfig("m"), corpora=(CorpusConfig("p"),))
    assert "alpha" not in dump_config(config)["batches"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"modle": {}}, r"unknown setting 'modle' \(did you mean 'model'\?\)"),
        ({"zzz": 1}, r"unknown setting 'zzz' \(known: model, corpora, batches,"),
        ({"model": {"nam": "m"}}, "'model.nam' .did you mean 'model.name'.*'model.name' is missing"),
        ({"corpora": [{}]}, r"'corpora\[0\].path' is missing"),
        (
            {"corpora": [{"path": "p"}, {"path": "q", "formt": "x"}]},
            r"'corpora\[1\].formt'.*'corpora\[1\].format'",
        ),
        ({"corpora": {"path": "p"}}, "'corpora' should be a list"),
        ({"corpora": ["p"]}, r"'corpora\[0\]' should be a table; got 'p'"),
        ({"corpora": [{"path": "p", "languages": "en"}]}, r"languages' should be a list; got 'en'"),
        ({"corpora": [{"path": "p", "languages": [1]}]}, r"languages\[0\]' should be a string; got 1"),
        ({"corpora": [{"path": "p", "languages": {"en": 1}}]}, "languages' should be a list"),
        ({"seed": 1.0}, "'seed' should be a whole number; got 1.0"),
        ({"seed": True}, "'seed' should be a whole number; got True"),
        ({"loss": {"learn_temperature": 1}}, "should be true or false; got 1"),
        ({"loss": {"temperature": "hot"}}, "'loss.temperature' should be a number; got 'hot'"),
        ({"loss": {"temperature": True}}, "'loss.temperature' should be a number; got True"),
        ({"loss": {"temperature": float("inf")}}, "should be a finite number; got inf"),
        ({"loss": {"temperature": 10**400}}, "should be a finite number"),
        ({"trainer": 3}, "'trainer' should be a table; got 3"),
        ({"unit": ["sentence"]}, "'unit' should be one of"),
    ],
)
def test_wrong_tables_are_refused(tables: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^run.toml: .*{message}"):
        parse_config(TrainConfig, SMALLEST | tables, "run.toml")  # type: ignore[arg-type]


def test_all_errors_are_reported_together() -> None:
    tables = {"model": {"name": 1, "poling": "mean"}, "batches": {"size": "x"}, "seed": "y"}
    with pytest.raises(ConfigError) as caught:
        parse_config(TrainConfig, tables, "run.toml")  # type: ignore[arg-type]
    for part in ("'model.name'", "'model.poling'", "'batches.size'", "'seed'", "'corpora' is missing"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("override", "tables"),
    [
        ("seed=3", {"seed": 3}),
        ("batches.alpha=0.25", {"batches": {"size": 9, "alpha": 0.25}}),
        ("batches.size = 12", {"batches": {"size": 12}}),
        ("batches.strategy=x-y", {"batches": {"size": 9, "strategy": "x-y"}}),
        ('model.name="a b"', {"model": {"name": "a b"}}),
        ("model.name=a=b", {"model": {"name": "a=b"}}),
        ("model.name=", {"model": {"name": ""}}),
        ("model.name=1\nseed = 2", {"model": {"name": "1\nseed = 2"}}),
        ("trainer.a.b=[1, 2]", {"trainer": {"a": {"b": [1, 2]}}}),
    ],
)
def test_overrides_change_one_setting(tmp_path: Path, override: str, tables: dict[str, object]) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[batches]\nsize = 9\n", encoding="utf-8")
    assert read_toml(path, [override]) == {"batches": {"size": 9}} | tables


@pytest.mark.parametrize("override", ["seed", "=3", " =3"])
def test_overrides_need_a_name_and_a_value(tmp_path: Path, override: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"--set takes table\.key=value"):
        read_toml(path, [override])


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(b"\xef\xbb\xbfseed = 3\n")
    assert read_toml(path) == {"seed": 3}


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\); name a TOML file"):
        read_toml(tmp_path)
    path = tmp_path / "run.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match=r"run\.toml, byte 8: not UTF-8"):
        read_toml(path)
