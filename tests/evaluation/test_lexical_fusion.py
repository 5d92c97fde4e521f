"""Rankings by vectors and words: the definition read slowly, and the evaluation of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_benchmark import HashEncoder, small_benchmark, write_benchmark

from isogloss.cli.main import main
from isogloss.evaluation import encode_benchmark
from isogloss.evaluation.fusion import label_fused, rank_with_words
from isogloss.lexical import score_lexically
from isogloss.lexical_fusion import WINDOW, add_inverse_ranks, fuse_lexically
from isogloss.results import RunInfo, read_results
from isogloss.types import PassageUnit


def list_slowly(scores: list[int], lexical: list[int], languages: list[int]) -> list[int]:
    """List one query's passages by the words of the definition."""
    pool = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    value = {}
    for rank, place in enumerate(pool, start=1):
        value[place] = 1 / (60 + rank) if rank <= 100 else 0.0
        if lexical[place] > 0:
            same = [other for other in pool if languages[other] == languages[place]]
            better = sum(lexical[other] > lexical[place] for other in same)
            equal = sum(lexical[other] == lexical[place] and other < place for other in same)
            value[place] += 1 / (61 + better + equal) if better + equal < 100 else 0.0
    return sorted(pool, key=lambda place: (-round(value[place], 12), pool.index(place)))


ROWS = st.integers(1, 25).flatmap(
    lambda count: st.tuples(
        *(
            st.lists(st.integers(low, high), min_size=count, max_size=count)
            for low, high in ((-3, 3), (0, 3), (0, 2))
        )
    )
)


@given(ROWS)
def test_the_order_is_that_of_the_definition(rows: tuple[list[int], list[int], list[int]]) -> None:
    scores, lexical, languages = rows
    fused = fuse_lexically(
        np.array([scores], dtype=np.float32),
        np.array([lexical], dtype=np.float32),
        np.array(languages, dtype=np.int16),
    )
    assert np.argsort(-fused[0], kind="stable").tolist() == list_slowly(scores, lexical, languages)


def test_places_after_the_window_add_nothing() -> None:
    ranks = np.array([0, 1, WINDOW, WINDOW + 1])
    none = np.zeros(4, dtype=np.int64)
    expected = [0, 1 / 61, 1 / 160, 0]
    np.testing.assert_allclose(add_inverse_ranks(ranks, none), expected)
    np.testing.assert_allclose(add_inverse_ranks(none, ranks), expected)


def test_every_setting_is_ranked_as_a_search_in_its_languages(tmp_path: Path) -> None:
    pytest.importorskip("bm25s", reason="the package bm25s is not installed")
    benchmark = small_benchmark(tmp_path)
    vectors = encode_benchmark(HashEncoder(), benchmark, PassageUnit.SENTENCE)
    info = label_fused(RunInfo(model="m", label="m"))
    found = rank_with_words(benchmark, vectors, PassageUnit.SENTENCE, info, quiet=True)
    assert (found.info.label, found.info.settings["fuse"]) == ("m+bm25", "bm25")
    count, languages = len(benchmark.query_ids), benchmark.passage_languages
    lexical = score_lexically(
        benchmark.query_texts, benchmark.passage_texts(PassageUnit.SENTENCE), None, languages
    )(0, count)
    scores = vectors.queries @ vectors.passages.T
    pool = rank_rows(fuse_lexically(scores, lexical, languages))
    np.testing.assert_array_equal(found.rank_pool, pool[benchmark.judged_query, benchmark.judged_passage])
    for language in range(len(benchmark.languages)):
        own = np.flatnonzero(languages == language)
        ranks = rank_rows(fuse_lexically(scores[:, own], lexical[:, own], languages[own]))
        judged = np.flatnonzero(np.isin(benchmark.judged_passage, own))
        places = np.searchsorted(own, benchmark.judged_passage[judged])
        np.testing.assert_array_equal(
            found.rank_language[judged], ranks[benchmark.judged_query[judged], places]
        )


def rank_rows(scores: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1) + 1


def test_words_help_where_vectors_are_made_up(
    labse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("bm25s", reason="the package bm25s is not installed")
    run = tmp_path / "run"
    shutil.copytree(labse, run / "model")
    (run / "provenance.json").write_text('{"label": "hybrid", "seed": 1}', encoding="utf-8")
    words = ["evaluate", str(run), "--benchmark", "small", "--data", str(write_benchmark(tmp_path / "small"))]
    for more in ([], ["--lexical"]):
        assert main([*words, *more]) == 0
    capsys.readouterr()
    plain, fused = read_results(run / "results/small"), read_results(run / "lexical/results/small")
    assert fused.info.label == "hybrid+bm25"
    assert fused.rank_language.mean() < plain.rank_language.mean()  # type: ignore[union-attr]
