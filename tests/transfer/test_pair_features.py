from __future__ import annotations

import json
import math
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

from isogloss.errors import ConfigError, DataError
from isogloss.transfer import FeatureSources, Typology, measure_features, read_typology
from isogloss.transfer import typology as typology_module
from isogloss.transfer.features import measure_vocabulary
from isogloss.transfer.sizes import read_sizes
from isogloss.transfer.typology import KINDS
from isogloss.types import LanguagePair
from isogloss.vocabulary import load_tokenizer, open_texts

SPACED = ("de", "en")
LANGUAGES = ("en", "de", "zh-CN", "tr", "am", "sw", "yue")


@pytest.fixture(scope="module")
def typology() -> Typology:
    return read_typology((*LANGUAGES, "my dialect"))


@given(one=st.sampled_from(LANGUAGES), other=st.sampled_from(LANGUAGES), kind=st.sampled_from(KINDS))
def test_distances_are_symmetric_within_bounds_and_zero_to_oneself(
    typology: Typology, one: str, other: str, kind: str
) -> None:
    there = typology.distance(kind, one, other)
    assert there == typology.distance(kind, other, one)
    assert 0.0 <= there <= 1.0
    assert typology.distance(kind, one, one) == pytest.approx(0.0, abs=1e-9)


def test_distances_order_languages_as_grammars_and_maps_do(typology: Typology) -> None:
    for kind in ("syntax", "genealogy", "geography"):
        assert typology.distance(kind, "en", "de") < typology.distance(kind, "en", "tr")
    # London to Beijing is about 8,100 km of at most 20,000.
    assert typology.distance("geography", "en", "zh-CN") == pytest.approx(0.41, abs=0.03)
    assert typology.distance("genealogy", "en", "zh") == 1.0


def test_cosine_distances_are_those_of_the_raw_table(typology: Typology) -> None:
    place = distribution("lang2vec").locate_file("lang2vec/data/feature_predictions.npz")
    with np.load(str(place), allow_pickle=False) as table:
        rows = {name: table["data"][table["langs"].tolist().index(name), :, 0] for name in ("eng", "tur")}
        syntax = [str(name).startswith("S_") for name in table["feats"]]
    one, two = (rows[name][syntax].astype(float) for name in ("eng", "tur"))
    assert typology.distance("syntax", "en", "tr") == pytest.approx(cosine(one, two), abs=1e-6)


def test_languages_that_are_not_in_the_tables_have_no_distance(typology: Typology) -> None:
    assert math.isnan(typology.distance("syntax", "en", "my dialect"))


def test_without_lang2vec_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(typology_module, "distribution", find_nothing)
    with pytest.raises(ConfigError, match=r"pip install 'isogloss\[uriel\]'"):
        read_typology(["en"])


def test_sizes_are_read_from_a_table(tmp_path: Path) -> None:
    file = tmp_path / "sizes.tsv"
    file.write_text("language\tcharacters\ndeu\t12\nzh-CN\t0\n", encoding="utf-8")
    assert read_sizes(file) == {"de-Latn": 12.0, "zh-Hans": 0.0}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "the first line must name"),
        ("de\t3\n", "line 1: the first line must name"),
        ("language\tcharacters\nde\tmany\n", "line 2: expected a language, a tab and a whole number"),
        ("language\tcharacters\nde\t-3\n", "line 2"),
        ("language\tcharacters\nde\t3\ndeu\t3\n", "line 3: 'deu' stands twice"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "sizes.tsv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        read_sizes(file)


@given(content=st.binary(max_size=80))
def test_any_bytes_are_sizes_or_one_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("sizes")
    for name, start in (("a.tsv", b"language\tcharacters\n"), ("a.json", b'{"files": ')):
        file = folder / name
        file.write_bytes(start + content)
        with suppress(DataError):
            assert all(size >= 0 for size in read_sizes(file).values())


def test_a_record_of_pre_training_is_counted_where_the_text_lies(tmp_path: Path) -> None:
    text = tmp_path / "en.txt"
    text.write_text("ab c\n\nd\n", encoding="utf-8")
    record = tmp_path / "pretraining.json"
    record.write_text(json.dumps({"files": {str(text): sha256(text.read_bytes()).hexdigest()}}))
    assert read_sizes(record) == {"en-Latn": 4.0}
    text.write_text("other\n", encoding="utf-8")
    with pytest.raises(DataError, match="has changed since"):
        read_sizes(record)
    text.unlink()
    with pytest.raises(DataError, match="is not here any more"):
        read_sizes(record)


def test_features_of_the_tokenizer_are_counted_by_hand(tmp_path: Path, labse: Path) -> None:
    texts = {"en": "the dog saw the cat", "de": "der Hund sah the cat", "th": "ฉันเห็นแมว"}
    for language, text in texts.items():
        (tmp_path / f"{language}.txt").write_text(text, encoding="utf-8")
    tokenizer = load_tokenizer(labse)
    found = measure_vocabulary(tokenizer, open_texts([tmp_path]), quiet=True)
    ids = {language: tokenizer.ids([text]).tolist() for language, text in texts.items()}
    assert found.fertility == {
        f"{code}-Latn": len(ids[code]) / len(texts[code].split()) for code in ("de", "en")
    }
    kept = {code: [each for each in ids[code] if each != tokenizer.unknown] for code in SPACED}
    shared = sum(
        min(kept["de"].count(each) / len(kept["de"]), kept["en"].count(each) / len(kept["en"]))
        for each in set(kept["de"])
    )
    assert found.overlap("de-Latn", "en-Latn") == pytest.approx(shared)
    assert found.overlap("en-Latn", "en-Latn") == pytest.approx(1.0)
    assert found.unknown["th-Thai"] == ids["th"].count(tokenizer.unknown) / len(ids["th"])
    assert math.isnan(found.overlap("en-Latn", "sw-Latn"))


def test_a_row_holds_what_is_known_of_both_languages(typology: Typology) -> None:
    sources = FeatureSources(frozenset({"deu", "en"}), None, {"de-Latn": 99.0}, typology)
    pairs = [LanguagePair("de", "am"), LanguagePair("en", "de"), LanguagePair("de", "my dialect")]
    table = measure_features(pairs, sources)
    rows = [dict(zip(table.names, row, strict=True)) for row in table.values.tolist()]
    assert [row["same script"] for row in rows[:2]] == [0.0, 1.0]
    assert math.isnan(rows[2]["same script"])
    assert [row["query trained"] for row in rows] == [1.0, 1.0, 1.0]
    assert [row["passage trained"] for row in rows] == [0.0, 1.0, 0.0]
    assert [row["query pre-training text"] for row in rows] == [2.0, 0.0, 2.0]
    assert rows[1]["syntax distance"] == typology.distance("syntax", "en", "de")


def test_where_every_pair_is_one_language_its_features_stand_once() -> None:
    sources = FeatureSources(frozenset({"de"}), None, {"de-Latn": 9.0})
    table = measure_features([LanguagePair("de", "de"), LanguagePair("am", "am")], sources)
    assert table.names == ("trained", "pre-training text")
    assert table.values.tolist() == [[1.0, 1.0], [0.0, 0.0]]
