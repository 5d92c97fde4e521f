"""Reading Hugging Face datasets, all of them local or made here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isogloss.corpus import read_corpus, read_hub
from isogloss.errors import DataError

datasets = pytest.importorskip("datasets")

ROW = {"id": "a", "language": "en", "question": "Who?", "passage": "It was Ann. She left."}
SQUAD = {
    "id": "a",
    "title": "Ann",
    "context": "It was Ann. She left.",
    "question": "Who?",
    "answers": {"text": ["She"], "answer_start": [12]},
}


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def table(*rows: dict[str, Any]) -> Any:  # noqa: ANN401 - a Dataset, of an untyped library
    return datasets.Dataset.from_list(list(rows))


class Hub:
    """Stand in for the hub: configurations by name, each a dict of splits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, configurations: dict[str, dict[str, Any]]) -> None:
        self.loaded: list[str] = []
        self._configurations = configurations
        monkeypatch.setattr(datasets, "get_dataset_config_names", self.names)
        monkeypatch.setattr(datasets, "load_dataset", self.load)

    def names(self, source: str) -> list[str]:
        assert source == "owner/name"
        return list(self._configurations)

    def load(self, source: str, configuration: str) -> Any:  # noqa: ANN401
        assert source == "owner/name"
        self.loaded.append(configuration)
        return datasets.DatasetDict(self._configurations[configuration])


def test_a_folder_of_parquet_is_read(tmp_path: Path) -> None:
    table(ROW, ROW | {"language": "de"}).to_parquet(tmp_path / "train.parquet")
    corpus = read_corpus(tmp_path)
    assert (corpus.languages, corpus.item_ids, corpus.name) == (("de", "en"), ("a",), tmp_path.name)
    assert list(corpus.files) == [f"hf:{tmp_path}:default:train"]


@pytest.mark.parametrize("splits", [False, True])
def test_a_saved_dataset_is_read(tmp_path: Path, splits: bool) -> None:
    rows = table(SQUAD, SQUAD | {"id": "b", "answers": {"text": [], "answer_start": []}})
    (datasets.DatasetDict({"train": rows}) if splits else rows).save_to_disk(tmp_path / "saved")
    corpus = read_corpus(tmp_path / "saved", languages=["en"])
    assert corpus.rendering(0, "en")[2:] == ("She", 12, (12, 21))
    assert corpus.rendering(1, "en").answer_start == -1
    assert [(row.position[-5:], row.kind) for row in corpus.blemishes] == [
        ("row 1", "question without an answer")
    ]
    assert corpus.article_names == ("Ann",)


def test_one_configuration_per_language(monkeypatch: pytest.MonkeyPatch) -> None:
    german = SQUAD | {"context": "Es war Ann.", "answers": {"text": ["Ann"], "answer_start": [7]}}
    hub = Hub(
        monkeypatch,
        {
            "all": {"train": table(ROW)},
            "xquad.de": {"validation": table(german)},
            "xquad.en": {"train": table(SQUAD), "validation": table(SQUAD | {"id": "b"})},
        },
    )
    corpus = read_corpus("owner/name")
    assert (corpus.name, corpus.languages, corpus.item_ids) == ("name", ("de", "en"), ("a",))
    assert list(corpus.files) == ["hf:owner/name:xquad.de:validation", "hf:owner/name:xquad.en:train"]
    hub.loaded.clear()
    assert read_corpus("owner/name", languages=["de"]).languages == ("de",)
    assert hub.loaded == ["xquad.de"]
    assert read_hub("owner/name", split="validation").item_ids == ("a", "b")
    with pytest.raises(DataError, match="none of the languages asked for; it has de, en"):
        read_corpus("owner/name", languages=["fr"])


def test_one_split_per_language(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(monkeypatch, {"default": {"en": table(SQUAD), "sw": table(SQUAD)}})
    assert read_corpus("owner/name").languages == ("en", "sw")


def test_a_language_column_goes_before_names(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(monkeypatch, {"en": {"train": table(SQUAD | {"lang": "de"}, SQUAD | {"id": "b", "lang": None})}})
    assert read_corpus("owner/name").languages == ("de", "en")


@pytest.mark.parametrize(
    ("configurations", "message"),
    [
        ({"one_way": {"train": table(ROW)}, "other_way": {"train": table(ROW)}}, "not called by languages"),
        ({"default": {"old": table(ROW), "later": table(ROW)}}, "has no split 'train'; it has old, later"),
        ({"default": {"train": table({"text": "x"})}}, "no 'passage'.*its columns: text"),
        ({"default": {"train": table(SQUAD)}}, "train row 0: no 'language' column"),
        ({"default": {"train": table(ROW | {"question": 5})}}, "train row 0: 'question' must be a string"),
        ({"default": {"train": table(ROW, ROW)}}, "train row 1: .*given twice"),
        ({"en": {"train": table(SQUAD | {"answers": "She"})}}, "'answers' must hold lists"),
        ({"en": {"train": table(SQUAD).select([])}}, "holds no questions"),
        (
            {"en": {"train": table(SQUAD | {"answers": {"text": ["x"], "answer_start": [99]}})}},
            "starts at 99, outside",
        ),
        (
            {"en": {"train": table(SQUAD | {"answers": {"text": ["x"], "answer_start": [1, 2]}})}},
            "as many offsets as texts",
        ),
    ],
)
def test_broken_datasets_are_refused(
    monkeypatch: pytest.MonkeyPatch, configurations: dict[str, dict[str, Any]], message: str
) -> None:
    Hub(monkeypatch, configurations)
    with pytest.raises(DataError, match=message) as caught:
        read_corpus("owner/name")
    assert "hf:owner/name" in str(caught.value)


def test_answers_may_be_a_list_of_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [{"text": "", "answer_start": -1}, {"text": "Ann", "answer_start": 7}]
    Hub(monkeypatch, {"en": {"train": table(SQUAD | {"answers": answers})}})
    assert read_corpus("owner/name").rendering(0, "en").answer_start == 7


@pytest.mark.parametrize("error", [ConnectionError("no\nnetwork"), ValueError("?"), RuntimeError("scripts")])
def test_an_unreachable_dataset_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(source: str) -> list[str]:
        raise error

    monkeypatch.setattr(datasets, "get_dataset_config_names", fail)
    with pytest.raises(DataError, match="hf:owner/name: cannot be loaded") as caught:
        read_corpus("owner/name")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("; there is no such folder here either")


@pytest.mark.parametrize("content", ["{}", "{", '{"splits": ["train"]}'])
def test_a_damaged_saved_dataset_is_refused(tmp_path: Path, content: str) -> None:
    for mark in ("state.json", "dataset_dict.json"):
        folder = tmp_path / mark.split(".")[0]
        folder.mkdir()
        (folder / mark).write_text(content)
        with pytest.raises(DataError, match=r"cannot be loaded|holds no"):
            read_corpus(folder)
    (tmp_path / "parquet").mkdir()
    (tmp_path / "parquet" / "train.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(DataError, match="cannot be loaded"):
        read_corpus(tmp_path / "parquet")


@pytest.mark.parametrize(
    "typo", ["word", "a/b/c", "gone.json", "owner/gone.jsonl.gz", "./owner/name", "/x/y"]
)
def test_a_mistyped_path_does_not_go_to_the_hub(monkeypatch: pytest.MonkeyPatch, typo: str) -> None:
    Hub(monkeypatch, {})
    with pytest.raises(DataError, match="no such file or folder"):
        read_corpus(typo)


def test_a_name_inside_a_folder_that_is_there_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="owner/name: no such file or folder"):
        read_corpus("owner/name")
