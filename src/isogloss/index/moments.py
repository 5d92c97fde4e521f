"""Mean and deviation of a query's scores in a language, from the language's vectors as a whole.

A score is a product of two vectors, so the mean of a query's scores is its product with the mean vector, and
their variance its product, from both sides, with the vectors' covariance: neither needs the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss.fair_ranking import Moments
from isogloss.index.segment import Segment

_ROWS = 4096


class _Spread(NamedTuple):
    """Hold the mean vector ``[d]``, and a root of the covariance ``[r, d]``: root' root is the covariance."""

    mean: NDArray[np.float64]
    root: NDArray[np.float64]


class LanguageMoments:
    """Tell how queries' scores are spread in the languages of an index.

    What is needed of a language is computed from its vectors when it is first asked for, and kept: at most
    8 d (d + 1) bytes for vectors of length d. Threads may ask at once.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        """Set whose vectors count.

        Args:
            segments: All segments of the index.
        """
        self._segments = segments
        self._spreads: dict[str, _Spread] = {}

    def measure(self, queries: NDArray[np.float32], languages: Sequence[str]) -> Moments:
        """Compute mean and deviation of each query's scores in each language.

        Args:
            queries: float32 ``[q, d]``.
            languages: Languages of the index, each with a passage.

        Returns:
            float64 ``[q, l]`` each.

        Source: ours.
        """
        wide = queries.astype(np.float64)
        moments = Moments(np.empty((len(queries), len(languages))), np.empty((len(queries), len(languages))))
        for number, language in enumerate(languages):
            if language not in self._spreads:
                self._spreads[language] = self._compute(language)
            mean, root = self._spreads[language]
            moments.means[:, number] = wide @ mean
            moments.deviations[:, number] = np.linalg.norm(wide @ root.T, axis=1)
        return moments

    def _compute(self, language: str) -> _Spread:
        """Compute the spread in two passes, the mean first, so that nothing cancels out."""
        blocks = [
            (segment, rows[start : start + _ROWS])
            for segment in self._segments
            for rows in [segment.live_rows(*segment.entry.languages.get(language, (0, 0)))]
            for start in range(0, len(rows), _ROWS)
        ]
        count = sum(len(rows) for _, rows in blocks)
        width = self._segments[0].dimensions
        mean = np.zeros(width)
        for segment, rows in blocks:
            mean += segment.vectors.decode(rows).sum(axis=0, dtype=np.float64)
        mean /= count
        if count <= width:
            centred = [segment.vectors.decode(rows) - mean for segment, rows in blocks]
            return _Spread(mean, np.concatenate(centred) / np.sqrt(count))
        covariance = np.zeros((width, width))
        for segment, rows in blocks:
            block = segment.vectors.decode(rows) - mean
            covariance += block.T @ block
        values, directions = np.linalg.eigh(covariance / count)
        return _Spread(mean, np.sqrt(np.maximum(values, 0))[:, np.newaxis] * directions.T)
