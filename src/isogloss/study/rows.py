"""Judge the claims of a study: a row per claim, of claims about retrieval one per encoder."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from isogloss.comparison.numbers import write_score
from isogloss.errors import ConfigError
from isogloss.study.claims import CLAIMS, PAPERS_MODELS, Claim, Shown
from isogloss.study.evidence import Evidence, UndecidedError
from isogloss.study.judgement import Component, Judgement, Verdict, judge_family


@dataclass(frozen=True)
class ClaimRow:
    """Hold one row of the table of claims.

    Attributes:
        id: Number of the claim, and after a colon the encoder where it is about one.
        statement: The claim.
        published: What the paper prints, a line each.
        ours: What was measured here, a line each.
        verdict: What the runs say.
        reason: Why it cannot be decided or was decided so, where the effects do not tell.
        effects: The effects that the claim states; empty where counting decides.
        judgement: What they show together; None where there are none.
        family: Ids of the rows that the p-values were corrected over, shown or not.
        command: What gives this row again.
    """

    id: str
    statement: str
    published: tuple[str, ...]
    ours: tuple[str, ...]
    verdict: Verdict
    reason: str = ""
    effects: tuple[Component, ...] = ()
    judgement: Judgement | None = None
    family: tuple[str, ...] = ()
    command: str = ""


class _Case(NamedTuple):
    """Name a claim and the encoder that it is asked about, which the study may not have."""

    claim: Claim
    encoder: str = ""
    model: str = ""

    @property
    def id(self) -> str:
        named = self.model or self.encoder
        return f"{self.claim.id}:{named}" if named else self.claim.id


def judge_claims(evidence: Evidence, command: Sequence[str]) -> tuple[ClaimRow, ...]:
    """Judge the claims that a study asks for.

    The family of Holm's correction is all claims that have effects, however few of them the study asks for:
    a verdict does not change with what is printed beside it.

    Args:
        evidence: What its cells measured.
        command: The words of the command that reproduces the study, for ``--claim`` to follow.

    Returns:
        The rows, by claim, then encoder.
    """
    rows = [_open_row(evidence, case, command) for case in _list_cases(evidence)]
    wanted = evidence.study.claims
    tested = [row for row in rows if row.effects]
    level = evidence.plan.level
    judged = dict(
        zip((row.id for row in tested), judge_family([row.effects for row in tested], level), strict=True)
    )
    family = tuple(row.id for row in tested)
    return tuple(
        replace(row, verdict=judged[row.id].verdict, judgement=judged[row.id], family=family)
        if row.id in judged
        else row
        for row in rows
        if not wanted or row.id.partition(":")[0] in wanted
    )


def choose_rows(rows: Sequence[ClaimRow], asked: str) -> tuple[ClaimRow, ...]:
    """Choose the rows of one claim.

    Args:
        rows: All rows.
        asked: Number of the claim, or the whole id of a row.

    Returns:
        The rows.

    Raises:
        ConfigError: There is none.
    """
    chosen = tuple(row for row in rows if asked in (row.id, row.id.partition(":")[0]))
    if not chosen:
        raise ConfigError(f"--claim {asked}: no such claim; there are {', '.join(row.id for row in rows)}")
    return chosen


def _list_cases(evidence: Evidence) -> Iterator[_Case]:
    for claim in CLAIMS:
        if claim.count is not None:
            yield _Case(claim)
        elif claim.papers_models:
            stands = {each.published: each.name for each in evidence.study.encoders if each.published}
            yield from (_Case(claim, stands.get(model, ""), model) for model in PAPERS_MODELS)
        else:
            yield from (_Case(claim, encoder) for encoder in evidence.encoders)


def _open_row(evidence: Evidence, case: _Case, command: Sequence[str]) -> ClaimRow:
    """Collect what is known of a claim; the verdict on effects waits for the family."""
    claim = case.claim
    own = next((each.published for each in evidence.study.encoders if each.name == case.encoder), "")
    models = tuple(name for name in (case.model, own) if name)[:1] or PAPERS_MODELS
    row = ClaimRow(
        case.id,
        claim.statement,
        claim.published(models),
        (),
        Verdict.UNDECIDED,
        command=shlex.join([*command, "--claim", case.id]),
    )
    if claim.list_effects is not None and not case.encoder:
        return replace(row, reason=f"the study has no encoder that is {case.model}")
    if claim.shown is not None:
        row = replace(row, ours=_write_means(evidence, case.encoder, claim.shown))
    try:
        if claim.count is not None:
            found = claim.count(evidence)
            return replace(row, ours=found.figures, verdict=found.verdict, reason=found.reason)
        effects = () if claim.list_effects is None else claim.list_effects(evidence, case.encoder)
        return replace(row, effects=tuple(effects))
    except UndecidedError as error:
        return replace(row, reason=str(error))


def _write_means(evidence: Evidence, encoder: str, shown: Shown) -> tuple[str, ...]:
    """Write our means over seeds, a line per benchmark and measure."""
    lines = []
    for benchmark in evidence.benchmarks(shown.role):
        runs = evidence.runs(encoder, benchmark)
        for measure in shown.measures:
            means = []
            for label in shown.labels:
                tables = [
                    each.tables[measure] for each in runs.get(label, {}).values() if measure in each.tables
                ]
                if tables:
                    mean = sum(each.macro() for each in tables) / len(tables)
                    means.append(f"{label} {write_score(measure, mean)}")
            if means:
                lines.append(f"{benchmark.results}, {measure}: {', '.join(means)}")
    return tuple(lines)


def name_command(study: Path, out: Path, data: Path | None) -> list[str]:
    """Write the words of the command that reproduces a study.

    Args:
        study: The study file.
        out: The study's folder.
        data: The folder of real data, where the file needs one.

    Returns:
        The words.
    """
    words = ["isogloss", "reproduce", str(study), "--out", str(out)]
    return words if data is None else [*words, "--data", str(data)]
