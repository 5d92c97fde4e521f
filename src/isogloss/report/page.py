"""Write the report as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterator, Sequence
from importlib.resources import files

from isogloss._version import __version__
from isogloss.bias import is_peer_constant
from isogloss.comparison.numbers import count
from isogloss.report.blocks import Chapter, fold_away, write_chapter, write_figures, write_note
from isogloss.report.distances import draw_distances
from isogloss.report.heat_maps import draw_heat_maps
from isogloss.report.interval_plots import draw_intervals
from isogloss.report.language_tables import write_language_table
from isogloss.report.markup import Markup, element, empty, isolate, join
from isogloss.report.section import LOW_RESOURCE_MARK, UNSEEN_MARK, Section
from isogloss.report.share_bars import draw_share_bars
from isogloss.report.styles import write_figure_styles
from isogloss.report.systems import MeasuredSystem
from isogloss.report.tables import (
    write_all_measures,
    write_differences,
    write_headline,
    write_parts,
)
from isogloss.results import Results, RunInfo
from isogloss.types import Setting

_MANY = 30
"""Tables of more languages scroll in a box of their own."""


def write_page(
    sections: Sequence[Section], title: str | None = None, chapters: Sequence[Chapter] = ()
) -> str:
    """Write a page that a browser shows from a file.

    Args:
        sections: What was measured, a section per benchmark.
        title: What the page is called; None names the benchmarks.
        chapters: What stands before the benchmarks.

    Returns:
        HTML. The same results and arguments give the same text.
    """
    name = title or f"Language bias in retrieval: {', '.join(section.benchmark for section in sections)}"
    styles = write_figure_styles(), _read_asset("page.css")
    script = _read_asset("page.js")
    head = element(
        "head",
        empty("meta", charset="utf-8"),
        empty("meta", http_equiv="Content-Security-Policy", content=_forbid_all_but(styles, script)),
        empty("meta", name="viewport", content="width=device-width, initial-scale=1"),
        empty("meta", name="color-scheme", content="light dark"),
        empty("meta", name="generator", content=f"isogloss {__version__}"),
        element("title", name),
        Markup(f'<style id="figure-style">{styles[0]}</style><style>{styles[1]}</style>'),
    )
    body = element(
        "body",
        _write_header(sections, name, chapters),
        element(
            "main",
            *map(write_chapter, chapters),
            *(_write_section(section, number) for number, section in enumerate(sections, start=1)),
        ),
        element("footer", element("p", f"Written by isogloss {__version__}.")),
        Markup(f"<script>{script}</script>"),
    )
    return f"<!DOCTYPE html>\n{element('html', head, chr(10), body, lang='en')}\n"


def _read_asset(name: str) -> str:
    return files("isogloss.report").joinpath(name).read_text(encoding="utf-8")


def _forbid_all_but(styles: Sequence[str], script: str) -> str:
    """Allow the page's own styles and script, by their hashes, and nothing from anywhere else."""
    style_hashes = " ".join(map(_hash, styles))
    return (
        f"default-src 'none'; style-src {style_hashes}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _write_header(sections: Sequence[Section], title: str, chapters: Sequence[Chapter]) -> Markup:
    """Write the title, what was measured, and the contents."""
    systems: dict[str, list[MeasuredSystem]] = {}
    for section in sections:
        for system in section.systems:
            systems.setdefault(system.label, []).append(system)
    listed = [
        element("li", element("b", isolate(label)), " ", _describe_system(found[0], sections))
        for label, found in systems.items()
    ]
    contents = [element("li", element("a", chapter.heading, href=f"#{chapter.key}")) for chapter in chapters]
    contents += [
        element(
            "li",
            element("a", section.name, href=f"#b{number}"),
            " ",
            join(
                (element("a", name, href=f"#b{number}-{key}") for key, name in _list_blocks(section)),
                " · ",
            ),
        )
        for number, section in enumerate(sections, start=1)
    ]
    return element(
        "header",
        element("p", "isogloss report", class_="eyebrow"),
        element("h1", title, dir="auto"),
        element("ul", *listed, class_="systems"),
        element("nav", element("ul", *contents), aria_label="contents"),
    )


def _describe_system(system: MeasuredSystem, sections: Sequence[Section]) -> str:
    """Say in one line what a system is."""
    info = system.runs[0].info
    known = [str(seed) for seed in system.seeds if seed is not None]
    facts = [
        f"{'seeds' if len(known) > 1 else 'seed'} {', '.join(known)}" if known else info.model,
        "" if info.alpha is None else f"alpha {info.alpha:g}",
        f"trained on {' '.join(info.trained_languages)}" if info.trained_languages else "",
        "baseline" if any(section.baseline == system.label for section in sections) else "",
    ]
    return "; ".join(fact for fact in facts if fact)


def _list_blocks(section: Section) -> list[tuple[str, str]]:
    """List what a section holds, in order: key and heading."""
    blocks = [("headline", "Headline"), ("languages", "By language")]
    if Setting.CROSS in section.settings:
        blocks.append(("maps", "Query and passage languages"))
    if Setting.MULTI in section.settings:
        blocks += [("shares", "Languages at the top"), ("distances", "Rank distance")]
    return [*blocks, ("measures", "All measures"), ("sources", "Sources")]


def _write_section(section: Section, number: int) -> Markup:
    writers = {
        "headline": _write_headline_block,
        "languages": _write_language_block,
        "maps": _write_map_block,
        "shares": _write_share_block,
        "distances": _write_distance_block,
        "measures": _write_measure_block,
        "sources": _write_source_block,
    }
    blocks = []
    for key, name in _list_blocks(section):
        parts = list(writers[key](section))
        if parts:
            anchor = f"b{number}-{key}"
            heading = element("h3", name, id=f"{anchor}-h")
            blocks.append(element("section", heading, *parts, id=anchor, aria_labelledby=f"{anchor}-h"))
    unit = section.first.runs[0].info.settings.get("unit")
    facts = [
        count(len(section.languages), "language"),
        count(section.questions, "question"),
        count(len(section.systems), "system"),
        f"passage unit: {unit}" if unit else "",
    ]
    return element(
        "article",
        element("h2", section.name, id=f"b{number}"),
        element("p", ", ".join(fact for fact in facts if fact), class_="lede"),
        *blocks,
    )


def _write_headline_block(section: Section) -> Iterator[Markup]:
    comparison = section.comparison
    yield write_headline(section)
    if comparison is None:
        yield write_note(
            "Means over languages or pairs, then over seeds; ± is the standard deviation over seeds. "
            "Bold: the best. Chance: a random ranking of the same pools."
        )
    else:
        level = f"{100 * comparison.level:.4g} %"
        yield write_note(
            f"Means over languages or pairs and seeds, with {level} intervals over questions and seeds. "
            "Bold: the best. ▲ better and ▼ worse than the baseline after Holm's correction, △ ▽ the same "
            "where neither direction is better, = equal within the margin, · not shown. Below: query "
            "languages won, tied and lost. Chance: a random ranking of the same pools, never tested."
        )
        for note in comparison.notes:
            yield write_note(note)
        intervals = draw_intervals(comparison)
        yield write_figures([intervals])
        yield write_note(intervals.description)
        details = [
            write_differences(comparison),
            write_note(f"Family of the correction: {comparison.family}."),
        ]
        if comparison.parts:
            details += [
                write_parts(comparison),
                write_note(
                    "Unseen: at least one language of the pair was not trained on. Described, not tested."
                ),
            ]
        yield fold_away(
            "Every test" + (", and seen and unseen languages" if comparison.parts else ""), details
        )


def _write_language_block(section: Section) -> Iterator[Markup]:
    tables = [write_language_table(section, measure) for measure in section.measures]
    yield element("div", *tables, class_="tables tall" if len(section.languages) > _MANY else "tables")
    marks = []
    if any(language.low_resource for language in section.languages):
        marks.append(
            f"{LOW_RESOURCE_MARK} low-resource: class 0 to 2 of Joshi et al. 2020, or unknown to them."
        )
    if any(language.unseen for language in section.languages):
        marks.append(f"{UNSEEN_MARK} unseen in retrieval training.")
    beside = (
        "Δ: difference to the baseline."
        if section.baseline
        else "±: standard deviation over seeds."
        if any(len(system.runs) > 1 for system in section.systems)
        else ""
    )
    tested = (
        " ▲ ▼ won or lost against the baseline after Holm's correction over the languages."
        if section.comparison
        else ""
    )
    yield write_note(
        f"By language of the query; cross-lingual values are means over the other languages' passages. "
        f"{beside}{tested} {' '.join(marks)}"
    )


def _write_map_block(section: Section) -> Iterator[Markup]:
    figures = draw_heat_maps(section)
    if figures:
        yield write_note(figures[0].description)
        yield write_figures(figures)


def _write_share_block(section: Section) -> Iterator[Markup]:
    figures = draw_share_bars(section)
    if figures:
        yield write_note(figures[0].description)
        yield write_figures(figures)


def _write_distance_block(section: Section) -> Iterator[Markup]:
    figures = draw_distances(section)
    if figures:
        yield write_note(" ".join(figure.description for figure in figures))
        yield write_figures(figures)


def _write_measure_block(section: Section) -> Iterator[Markup]:
    yield write_all_measures(section)
    first = section.first.runs[0].source
    if isinstance(first, Results) and Setting.MULTI in section.settings:
        groups = first.groups[Setting.MULTI]
        if is_peer_constant(groups.offsets, groups.languages):
            yield write_note(
                "PEER is a constant here, one relevant passage in each language: it says nothing."
            )


def _write_source_block(section: Section) -> Iterator[Markup]:
    infos = [run.info for system in section.systems for run in system.runs]
    for note in dict.fromkeys(note for info in infos for note in info.notes):
        yield write_note(note)
    commands = "\n".join(_write_command(section.benchmark, info) for info in infos)
    versions = dict.fromkeys(pair for info in infos for pair in info.versions.items())
    settings = dict.fromkeys(pair for info in infos for pair in info.settings.items())
    details = [
        element("h4", "To evaluate again"),
        element("pre", commands, tabindex=0),
        element("h4", "Settings"),
        _list_pairs([(key, str(value)) for key, value in settings]),
        element("h4", "Versions"),
        _list_pairs(list(versions)),
        element("h4", "Data files, by sha256"),
        _list_pairs(list(infos[0].data_files.items())),
    ]
    yield fold_away("Commands, settings, versions, data", details)


def _write_command(benchmark: str, info: RunInfo) -> str:
    # Results on a part of the questions are named by the option that chose it.
    chosen = next((end for end in ("not-articles", "articles") if benchmark.endswith(f"-{end}")), None)
    name = benchmark if chosen is None else benchmark.removesuffix(f"-{chosen}")
    words = ["isogloss", "evaluate", info.model, "--benchmark", name, "--data", "FOLDER"]
    words += [] if chosen is None else [f"--{chosen}", "FILE"]
    words += ["--label", info.label]
    if info.seed is not None:
        words += ["--seed", str(info.seed)]
    return " ".join(shlex.quote(word) for word in words)


def _list_pairs(pairs: Sequence[tuple[str, str]]) -> Markup:
    rows = [element("div", element("dt", key), element("dd", value)) for key, value in pairs]
    return element("dl", *rows)
