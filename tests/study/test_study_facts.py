"""Claims that counting decides, on invented runs and results: each verdict both ways."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from study_files import read_rivers

from comparison.synthetic_results import invent_results
from isogloss.config import TomlValue
from isogloss.results import Results, write_results
from isogloss.study.claims import CLAIMS
from isogloss.study.evidence import Evidence, UndecidedError
from isogloss.study.facts import Finding
from isogloss.study.folder import StudyFolder
from isogloss.study.grid import list_cells
from isogloss.study.judgement import Verdict
from isogloss.study.settings import StudyConfig
from isogloss.types import Setting

COUNTED = {claim.id: claim.count for claim in CLAIMS if claim.count is not None}
XQUAD_LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
MLQA_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
UNDECIDED = Verdict.UNDECIDED
CONTRADICTED = Verdict.CONTRADICTED
NOT_SHOWN = Verdict.NOT_SHOWN
SUPPORTED = Verdict.SUPPORTED

BENCHMARKS: list[TomlValue] = [
    {"name": "xquad-r", "data": "d"},
    {"name": "mlqa-r", "data": "d"},
    {"name": "miracl", "data": "d", "role": "native"},
]


def invent_study(folder: Path, benchmarks: Sequence[TomlValue] = BENCHMARKS) -> StudyConfig:
    """Set up a study of two corpora, hybrid and one baseline, one seed."""
    study = read_rivers(
        folder,
        {"benchmarks": list(benchmarks), "grid": {"seeds": [1, 2], "strategies": ["x-x-mono", "hybrid"]}},
    )
    corpora: list[TomlValue] = [
        {"path": "data/squad-mt", "name": "parallel"},
        {"path": "data/native"},
    ]
    return replace(study, training={**study.training, "corpora": corpora})


def count_claim(number: str, study: StudyConfig, folder: Path) -> tuple[Verdict, Finding | str]:
    """Decide a claim by counting; with what was found, or why nothing was."""
    count = COUNTED[number]
    try:
        found = count(Evidence(study, StudyFolder(folder / "out")))
    except UndecidedError as error:
        return UNDECIDED, str(error)
    return found.verdict, found


def write_provenance(study: StudyConfig, folder: Path, records: Mapping[str, Mapping[str, object]]) -> None:
    """Write trained runs that say where they are from, by label and seed."""
    for cell in list_cells(study):
        name = f"{cell.label}-seed{cell.seed}"
        if name in records:
            run = StudyFolder(folder / "out").run(cell)
            run.model.mkdir(parents=True)
            record = {"corpora": [{"name": "parallel"}, {"name": "native"}], **records[name]}
            run.provenance.write_text(json.dumps(record), encoding="utf-8")


def measure(study: StudyConfig, folder: Path, results: Sequence[Results]) -> None:
    """Write results of one cell."""
    run = StudyFolder(folder / "out").run(list_cells(study)[0])
    for each in results:
        write_results(each, run.results / each.benchmark)


def invent(benchmark: str, languages: Sequence[str], **options: object) -> Results:
    return invent_results("x-x-mono", 1, benchmark=benchmark, languages=languages, questions=4, **options)  # type: ignore[arg-type]


def drop_query(results: Results, query: int) -> Results:
    """Leave one query out, that is a question in one language."""
    queries = np.arange(len(results.query_ids)) != query
    judged = queries[results.judged_query]
    places = np.cumsum(queries) - 1
    kept_ids = tuple(name for name, keep in zip(results.query_ids, queries, strict=True) if keep)
    return replace(
        results,
        query_ids=kept_ids,
        query_languages=results.query_languages[queries],
        top_pool=results.top_pool[queries],
        top_language=results.top_language[queries],
        judged_query=places[results.judged_query[judged]].astype(np.int32),
        judged_passage=results.judged_passage[judged],
        judged_gain=results.judged_gain[judged],
        rank_language=results.rank_language[judged],
        rank_pool=results.rank_pool[judged],
        own_above=results.own_above[judged],
    )


def leave_in_one_language(results: Results) -> Results:
    """Leave the first question in the first language alone."""
    for query in reversed(range(1, len(results.languages))):  # the queries of a question stand together
        results = drop_query(results, query)
    return results


BOTH = {"monolingual": 3, "cross-lingual": 2}
PURE = {"monolingual": 5}


@pytest.mark.parametrize(
    ("batches", "verdict"),
    [
        ({"hybrid-seed1": BOTH, "hybrid-seed2": BOTH, "x-x-mono-seed1": PURE}, SUPPORTED),
        ({"hybrid-seed1": BOTH, "hybrid-seed2": PURE}, CONTRADICTED),
        ({"hybrid-seed1": {"monolingual": 0, "cross-lingual": 5}}, CONTRADICTED),
        ({"x-x-mono-seed1": BOTH}, UNDECIDED),
        ({}, UNDECIDED),
    ],
)
def test_hybrid_runs_have_batches_of_both_kinds(
    tmp_path: Path, batches: dict[str, dict[str, int]], verdict: Verdict
) -> None:
    study = invent_study(tmp_path)
    write_provenance(study, tmp_path, {name: {"batches": each} for name, each in batches.items()})
    decided, found = count_claim("1", study, tmp_path)
    assert decided is verdict
    if isinstance(found, Finding):
        assert len(found.figures) == sum(name.startswith("hybrid") for name in batches)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (["xquad-r", "mlqa-r", "miracl"], SUPPORTED),
        (["xquad-r", "mlqa-r"], NOT_SHOWN),
        ([], UNDECIDED),
    ],
)
def test_the_three_benchmarks_are_measured_on(tmp_path: Path, measured: list[str], verdict: Verdict) -> None:
    study = invent_study(tmp_path)
    measure(study, tmp_path, [invent(name, ("de", "en")) for name in measured])
    assert count_claim("2", study, tmp_path)[0] is verdict


@pytest.mark.parametrize(
    ("results", "parallel", "pairs"),
    [
        ([invent("xquad-r", XQUAD_LANGUAGES), invent("mlqa-r", MLQA_LANGUAGES)], SUPPORTED, SUPPORTED),
        ([invent("xquad-r", XQUAD_LANGUAGES)], SUPPORTED, SUPPORTED),
        ([invent("mlqa-r", MLQA_LANGUAGES)], SUPPORTED, SUPPORTED),
        ([invent("xquad-r", XQUAD_LANGUAGES[:10])], CONTRADICTED, CONTRADICTED),
        (
            [invent("xquad-r", XQUAD_LANGUAGES), invent("mlqa-r", MLQA_LANGUAGES[1:])],
            CONTRADICTED,
            CONTRADICTED,
        ),
        ([drop_query(invent("xquad-r", XQUAD_LANGUAGES), 5)], SUPPORTED, SUPPORTED),
        ([drop_query(invent("mlqa-r", MLQA_LANGUAGES), 27)], SUPPORTED, SUPPORTED),
        ([leave_in_one_language(invent("mlqa-r", MLQA_LANGUAGES))], CONTRADICTED, SUPPORTED),
        ([invent("mlqa-r", MLQA_LANGUAGES, ranked=(Setting.MONO,))], SUPPORTED, CONTRADICTED),
        ([invent("miracl", ("de", "en"))], UNDECIDED, UNDECIDED),
    ],
)
def test_languages_and_their_pairs_are_those_claimed(
    tmp_path: Path, results: list[Results], parallel: Verdict, pairs: Verdict
) -> None:
    study = invent_study(tmp_path)
    measure(study, tmp_path, results)
    assert count_claim("3", study, tmp_path)[0] is parallel
    assert count_claim("7", study, tmp_path)[0] is pairs


def test_what_was_counted_is_shown(tmp_path: Path) -> None:
    study = invent_study(tmp_path)
    partial = drop_query(drop_query(invent("mlqa-r", MLQA_LANGUAGES), 8), 7)
    measure(study, tmp_path, [invent("xquad-r", XQUAD_LANGUAGES), partial])
    assert count_claim("3", study, tmp_path)[1] == Finding(
        (
            "xquad-r: 11 languages, 4 questions, 4 of them in all 11; each is in 11",
            "mlqa-r: 7 languages, 4 questions, 3 of them in all 7; each is in 5 to 7",
        ),
        SUPPORTED,
    )
    assert count_claim("7", study, tmp_path)[1] == Finding(
        (
            "xquad-r: 110 cross-lingual, 11 monolingual settings",
            "mlqa-r: 42 cross-lingual, 7 monolingual settings",
        ),
        SUPPORTED,
    )


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([invent("xquad-r", ("de", "en")), invent("mlqa-r", ("de", "en"))], SUPPORTED),
        (
            [invent("xquad-r", ("de", "en")), invent("mlqa-r", ("de", "en"), ranked=(Setting.MONO,))],
            CONTRADICTED,
        ),
        ([invent("miracl", ("de", "en"))], UNDECIDED),
    ],
)
def test_precision_is_reported_in_all_settings(
    tmp_path: Path, results: list[Results], verdict: Verdict
) -> None:
    study = invent_study(tmp_path)
    measure(study, tmp_path, results)
    assert count_claim("6", study, tmp_path)[0] is verdict


def report(corpus: str, benchmark: str, **found: object) -> dict[str, object]:
    """Invent what a run says about one corpus and one benchmark."""
    return {
        "corpus": corpus,
        "benchmark": benchmark,
        "summary": f"{corpus} and {benchmark}: {json.dumps(found)}",
        "counts": [],
        "leaked_items": 0,
        "articles_trained_on": 0,
        "notes": [],
        **found,
    }


Overlap = dict[tuple[str, str], dict[str, object]]


def write_overlap(
    study: StudyConfig,
    folder: Path,
    found: Overlap,
    policy: str = "drop",
    benchmarks: Sequence[str] = ("xquad-r", "mlqa-r", "miracl"),
    runs: Sequence[str] = ("hybrid-seed1", "x-x-mono-seed2"),
) -> None:
    """Write runs that compared each corpus with each benchmark; nothing is shared but what is said."""
    reports = [
        report(corpus, benchmark, **found.get((corpus, benchmark), {}))
        for corpus in ("parallel", "native")
        for benchmark in benchmarks
    ]
    record = {"overlap": {"policy": policy, "reports": reports}}
    write_provenance(study, folder, dict.fromkeys(runs, record))


LEAK = {"leaked_items": 3, "counts": [{"kind": "passage", "manner": "near", "items": 3}]}
ARTICLE = {"articles_trained_on": 2}
NOTE = {"notes": ["miracl: its passages were not compared"]}


def xquad(left_out: str) -> TomlValue:
    """Name XQuAD-R without the questions about the articles of a corpus."""
    return {"name": "xquad-r", "data": "d", "not_articles": left_out}


PARTS: dict[str, list[TomlValue]] = {
    "whole": BENCHMARKS,
    "without squad-mt": [xquad("data/squad-mt"), *BENCHMARKS[1:]],
    "without squad-mt, written otherwise": [xquad("data/./squad-mt/"), *BENCHMARKS[1:]],
    "without native": [xquad("data/native"), *BENCHMARKS[1:]],
    "without squad-mt and whole": [xquad("data/squad-mt"), *BENCHMARKS],
    "without squad-mt, and whole for show": [
        xquad("data/squad-mt"),
        {"name": "xquad-r", "data": "d", "role": "shown"},
        *BENCHMARKS[1:],
    ],
}


@pytest.mark.parametrize(
    ("found", "policy", "separate", "unseen"),
    [
        ({}, "drop", SUPPORTED, SUPPORTED),
        ({}, "refuse", SUPPORTED, SUPPORTED),
        ({("parallel", "mlqa-r"): LEAK}, "drop", SUPPORTED, SUPPORTED),
        ({("parallel", "mlqa-r"): LEAK}, "allow", CONTRADICTED, CONTRADICTED),
        ({("native", "miracl"): ARTICLE}, "drop", CONTRADICTED, SUPPORTED),
        ({("parallel", "miracl"): NOTE}, "drop", NOT_SHOWN, NOT_SHOWN),
        ({("parallel", "miracl"): NOTE, ("native", "xquad-r"): ARTICLE}, "drop", CONTRADICTED, NOT_SHOWN),
        ({("parallel", "miracl"): NOTE, ("native", "xquad-r"): LEAK}, "allow", CONTRADICTED, CONTRADICTED),
    ],
)
def test_evaluation_data_are_separate_and_unseen(
    tmp_path: Path, found: Overlap, policy: str, separate: Verdict, unseen: Verdict
) -> None:
    study = invent_study(tmp_path)
    write_overlap(study, tmp_path, found, policy)
    assert count_claim("4", study, tmp_path)[0] is separate
    assert count_claim("5", study, tmp_path)[0] is unseen


@pytest.mark.parametrize(
    ("part", "corpus", "verdict"),
    [
        ("whole", "parallel", CONTRADICTED),
        ("without squad-mt", "parallel", SUPPORTED),
        ("without squad-mt, written otherwise", "parallel", SUPPORTED),
        ("without squad-mt", "native", CONTRADICTED),
        ("without native", "native", SUPPORTED),
        ("without native", "parallel", CONTRADICTED),
        ("without squad-mt and whole", "parallel", CONTRADICTED),
        ("without squad-mt, and whole for show", "parallel", SUPPORTED),
    ],
)
def test_shared_articles_are_excused_where_their_questions_are_left_out(
    tmp_path: Path, part: str, corpus: str, verdict: Verdict
) -> None:
    study = invent_study(tmp_path, PARTS[part])
    write_overlap(study, tmp_path, {(corpus, "xquad-r"): ARTICLE})
    decided, found = count_claim("4", study, tmp_path)
    assert decided is verdict
    assert isinstance(found, Finding)
    excused = [line for line in found.figures if line.endswith("; the questions about them are left out")]
    assert len(excused) == (verdict is SUPPORTED)


@pytest.mark.parametrize("number", ["4", "5"])
def test_every_run_must_have_been_compared_with_every_judged_benchmark(tmp_path: Path, number: str) -> None:
    study = invent_study(tmp_path)
    assert count_claim(number, study, tmp_path) == (UNDECIDED, "no run is trained yet")
    write_overlap(study, tmp_path, {}, runs=["hybrid-seed1"])
    assert count_claim(number, study, tmp_path)[0] is SUPPORTED
    write_overlap(study, tmp_path, {}, benchmarks=["xquad-r", "mlqa-r"], runs=["hybrid-seed2"])
    decided, why = count_claim(number, study, tmp_path)
    assert decided is UNDECIDED
    assert why == "the training data were not compared with miracl; name them in 'training.overlap'"
    shown = replace(study, benchmarks=(*study.benchmarks[:2], replace(study.benchmarks[2], role="shown")))
    assert count_claim(number, shown, tmp_path)[0] is SUPPORTED


def test_training_without_a_check_decides_nothing(tmp_path: Path) -> None:
    study = invent_study(tmp_path)
    write_provenance(study, tmp_path, {"hybrid-seed1": {"overlap": "not checked"}})
    assert count_claim("4", study, tmp_path)[0] is UNDECIDED


def test_a_leak_that_one_run_kept_is_seen_though_another_dropped_it(tmp_path: Path) -> None:
    study = invent_study(tmp_path)
    for policy, run in (("drop", "hybrid-seed1"), ("allow", "x-x-mono-seed1")):
        leak = {**LEAK, "summary": f"3 items; {policy}"}
        write_overlap(study, tmp_path, {("native", "mlqa-r"): leak}, policy, runs=[run])
    decided, found = count_claim("5", study, tmp_path)
    assert decided is CONTRADICTED
    assert isinstance(found, Finding)
    dropped = "native and mlqa-r: passage (near): 3 items; 3 items were left out of training"
    assert dropped in found.figures
    assert dropped.rpartition(";")[0] in found.figures
