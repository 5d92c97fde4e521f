"""Keep what an evaluation found: per query the ranks of the relevant passages and the top of each ranking.

Any measure, test or figure is computed from this later, without a model. ``store`` keeps it in files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isogloss.bias import RANK_DISTANCE, expected_rank_distance, rank_distance
from isogloss.errors import ConfigError
from isogloss.measures import expected_score, group_ranks, parse_measure, score
from isogloss.types import LanguagePair, Setting

MEASURES: dict[Setting, tuple[str, ...]] = {
    Setting.MONO: ("mAP", "mAP@20", "R@1", "R@10", "MRR", "nDCG@10"),
    Setting.CROSS: ("mAP", "mAP@20", "R@1", "R@10", "MRR", "nDCG@10"),
    Setting.MULTI: ("mAP", "mAP@20", "R@1", "R@10", "MRR", "nDCG@10", RANK_DISTANCE),
}
"""The measures of the summary."""


@dataclass(frozen=True)
class MeasureTable:
    """Hold one measure of one setting: a row per question, a column per language or pair of languages.

    Attributes:
        setting: The setting.
        measure: The measure's name.
        questions: Question ids, one row each; translations of a question share a row.
        cells: ``de`` (mono, multi: the query's language) or ``de-en`` (cross: query and passage language).
        values: Shape ``[questions, cells]``, float64; NaN where the question is not asked in that
            language or has no relevant passage in that pool.
    """

    setting: Setting
    measure: str
    questions: tuple[str, ...]
    cells: tuple[str, ...]
    values: NDArray[np.float64]

    def means(self) -> NDArray[np.float64]:
        """Average over the questions of each cell.

        Returns:
            Shape ``[cells]``, float64; NaN where no question counts.
        """
        return _nan_mean(self.values)

    def macro(self) -> float:
        """Average the cells' means, every language or pair counting the same.

        Returns:
            The macro mean; NaN when no question counts.
        """
        return float(_nan_mean(self.means()[:, None])[0])


@dataclass(frozen=True)
class RunInfo:
    """Say what was evaluated, and how.

    Attributes:
        model: Name or path of the model.
        label: What comparisons call it: the batch strategy, or the model's name.
        seed: The training's seed; None when unknown.
        alpha: The share of monolingual batches; None when unknown.
        data_files: Benchmark file name -> sha256 of its content.
        settings: What else decides the numbers: passage unit, prefixes, lengths ...
        versions: Library -> version.
        notes: Remarks for the reader, one line each.
        trained_languages: Languages of the retrieval training; empty when unknown.
    """

    model: str
    label: str
    seed: int | None = None
    alpha: float | None = None
    data_files: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    trained_languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Groups:
    """Hold the rankings of one setting: the query, table row, table column and pool size of each."""

    cells: tuple[str, ...]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    pools: NDArray[np.int64]
    ranks: NDArray[np.int64]
    offsets: NDArray[np.int64]


@dataclass(frozen=True)
class Results:
    """Hold the ranks that one model gives the relevant passages of one benchmark.

    Attributes:
        benchmark: The benchmark's name.
        info: What was evaluated.
        languages: The languages; other arrays hold positions in it.
        query_ids: Question id of each query, ``[Q]``; translations of a question share it.
        query_languages: int16 ``[Q]``.
        passage_ids: ``[P]``.
        passage_languages: int16 ``[P]``.
        judged_query: int32 ``[J]``, one row per query and relevant passage: the query.
        judged_passage: int32 ``[J]``: the relevant passage.
        rank_language: int32 ``[J]``: its rank, from 1, in the pool of the passage's own language.
        rank_pool: int32 ``[J]``: its rank, from 1, in the pool of all languages.
        top_pool: int32 ``[Q, k]``: best passages of the pool of all languages, best first; -1 pads.
        top_language: int32 ``[Q, L, k]``: best passages of each language's pool, best first; -1 pads.
    """

    benchmark: str
    info: RunInfo
    languages: tuple[str, ...]
    query_ids: tuple[str, ...]
    query_languages: NDArray[np.int16]
    passage_ids: tuple[str, ...]
    passage_languages: NDArray[np.int16]
    judged_query: NDArray[np.int32]
    judged_passage: NDArray[np.int32]
    rank_language: NDArray[np.int32]
    rank_pool: NDArray[np.int32]
    top_pool: NDArray[np.int32]
    top_language: NDArray[np.int32]

    def table(self, setting: Setting, measure: str) -> MeasureTable:
        """Compute a measure for every question and cell of a setting.

        Args:
            setting: Which pool the queries are ranked against.
            measure: A name such as ``mAP``, ``R@1`` or, in the multilingual setting, ``rank distance``.

        Returns:
            The table of values.

        Raises:
            ConfigError: The measure is unknown, or not one of this setting.
        """
        _check_measure(setting, measure)
        groups = self._groups(setting)
        if measure == RANK_DISTANCE:
            values = rank_distance(groups.ranks, groups.offsets)
        else:
            values = score(parse_measure(measure), groups.ranks, groups.offsets)
        return self._fill(setting, measure, groups, values)

    def chance(self, setting: Setting, measure: str) -> MeasureTable:
        """Compute what a random ranking of the same pools scores on average.

        Args:
            setting: Which pool the queries are ranked against.
            measure: A name as in ``table``.

        Returns:
            The table of expected values.

        Raises:
            ConfigError: The measure is unknown, or not one of this setting.
        """
        _check_measure(setting, measure)
        groups = self._groups(setting)
        shapes, which = np.unique(
            np.stack((np.diff(groups.offsets), groups.pools)), axis=1, return_inverse=True
        )
        if measure == RANK_DISTANCE:
            expected = [expected_rank_distance(int(r), int(n)) for r, n in shapes.T]
        else:
            parsed = parse_measure(measure)
            expected = [expected_score(parsed, int(r), int(n)) for r, n in shapes.T]
        return self._fill(setting, measure, groups, np.asarray(expected, dtype=np.float64)[which])

    def _fill(
        self, setting: Setting, measure: str, groups: _Groups, values: NDArray[np.float64]
    ) -> MeasureTable:
        questions = tuple(dict.fromkeys(self.query_ids))
        table = np.full((len(questions), len(groups.cells)), np.nan)
        table[groups.rows, groups.columns] = values
        return MeasureTable(setting, measure, questions, groups.cells, table)

    def _groups(self, setting: Setting) -> _Groups:
        """Collect the rankings of a setting that have a relevant passage."""
        count = len(self.languages)
        query_language = self.query_languages[self.judged_query].astype(np.int64)
        passage_language = self.passage_languages[self.judged_passage].astype(np.int64)
        same = query_language == passage_language
        keep = {Setting.MONO: same, Setting.CROSS: ~same, Setting.MULTI: np.ones_like(same)}[setting]
        ranks = self.rank_pool if setting is Setting.MULTI else self.rank_language
        target = np.zeros_like(passage_language) if setting is Setting.MULTI else passage_language
        keys, group = np.unique(
            (self.judged_query.astype(np.int64) * count + target)[keep], return_inverse=True
        )
        query, language = keys // count, self.query_languages[keys // count].astype(np.int64)
        if setting is Setting.CROSS:
            cell_keys, columns = np.unique(language * count + keys % count, return_inverse=True)
            pairs = [divmod(int(key), count) for key in cell_keys]
            cells = tuple(str(LanguagePair(self.languages[q], self.languages[p])) for q, p in pairs)
        else:
            cell_keys, columns = np.unique(language, return_inverse=True)
            cells = tuple(self.languages[int(key)] for key in cell_keys)
        sizes = np.bincount(self.passage_languages, minlength=count)
        pools = np.full(len(keys), sizes.sum()) if setting is Setting.MULTI else sizes[keys % count]
        numbers = {name: row for row, name in enumerate(dict.fromkeys(self.query_ids))}
        row_of_query = np.asarray([numbers[name] for name in self.query_ids], dtype=np.int64)
        grouped, offsets = group_ranks(group, ranks[keep].astype(np.int64), len(keys))
        return _Groups(cells, row_of_query[query], columns, pools, grouped, offsets)


def _check_measure(setting: Setting, measure: str) -> None:
    """Refuse a measure that the setting does not have."""
    if measure == RANK_DISTANCE:
        if setting is not Setting.MULTI:
            raise ConfigError(f"{RANK_DISTANCE} needs the setting 'multi', not '{setting}'")
    else:
        parse_measure(measure)


def _nan_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average each column over its numbers; NaN (without a warning) where a column has none."""
    there = ~np.isnan(values)
    counts = there.sum(axis=0)
    means = np.full(values.shape[1], np.nan)
    np.divide(np.where(there, values, 0.0).sum(axis=0), counts, out=means, where=counts > 0)
    return means
