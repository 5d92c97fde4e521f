"""Write the sections of a card from what a run tells; each is left out where there is nothing to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from isogloss.config import TrainConfig
from isogloss.errors import ConfigError
from isogloss.languages import language_name
from isogloss.model_card.markdown import escape, write_code, write_table
from isogloss.model_card.record import RunRecord, look_up
from isogloss.model_card.results import write_results
from isogloss.types import PassageUnit

_PAPER = "https://arxiv.org/abs/2408.10536"
_NOT_STATED = "not stated"
_EXAMPLE = """\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("MODEL")  # the name of this repository, or the folder of its files
queries = model.encode_query(["Wie hoch ist der Turm?"])
passages = model.encode_document(["The tower is 96 metres high.", "The bridge was built of stone."])
print(model.similarity(queries, passages))
"""
_STRATEGIES = {
    "hybrid": "batches of one language and batches across languages",
    "x-x-mono": "batches of one language each",
    "x-y": "batches in which question and passage are of different languages",
    "x-x": "batches in which question and passage are of one language, of many languages in a batch",
    "en-en": "English batches",
}
_UNITS = {
    PassageUnit.SENTENCE: "a sentence",
    PassageUnit.SENTENCE_CONTEXT: "a sentence followed by its whole paragraph",
    PassageUnit.PARAGRAPH: "a paragraph",
}
_METRICS = {
    "mono": "mAP within a language",
    "cross": "mAP across two languages",
    "multi": "mAP in one pool of all languages",
    "rank-distance": "rank distance (lower is better)",
}


def introduce(record: RunRecord) -> str:
    """Say what the model is.

    Args:
        record: What the run tells.

    Returns:
        Title and first paragraph.
    """
    start, label = name_start(record), record.find(str, "label") or record.config.batches.strategy
    count = len(record.find(list, "languages") or [])
    spoken = f"{count} languages" if count != 1 else "one language"
    version = escape(record.find(str, "isogloss") or "")
    strategy = record.config.batches.strategy
    how = f" ({_STRATEGIES[strategy]})" if strategy in _STRATEGIES else ""
    return (
        f"# {escape(start)}, {escape(label)} batches\n\n"
        "A [sentence-transformers](https://sbert.net) retriever: it turns questions and passages into "
        "vectors of one space, where a question lies near the passages that answer it, in its own language "
        "and in others. "
        f"It was fine-tuned from {write_code(start)} on {spoken} with {escape(label)} batches{how}, after "
        f"[arXiv 2408.10536]({_PAPER}), by isogloss {version}."
    )


def name_start(record: RunRecord) -> str:
    """Name the model that training started from; of a folder, the last part of its path.

    Args:
        record: What the run tells.

    Returns:
        Name on the hub, or of the folder.
    """
    hub = record.find(str, "base_model")
    return hub or record.config.model.name.replace("\\", "/").rstrip("/").rsplit("/", maxsplit=1)[-1]


def explain_use(record: RunRecord) -> str:
    """Say how to encode with the model.

    Args:
        record: What the run tells.

    Returns:
        The section.
    """
    model = record.config.model
    return (
        f"## Use\n\n```python\n{_EXAMPLE}```\n\n"
        f"`encode_query` puts {write_code(model.query_prefix)} before a text and cuts it after "
        f"{model.query_length} tokens, `encode_document` {write_code(model.passage_prefix)} and "
        f"{model.passage_length}, as in training (fewer where the start model takes fewer). A passage was "
        f"{_UNITS[record.config.unit]} in training."
    )


def describe_data(record: RunRecord) -> str:
    """List corpora, languages, licences and files.

    Args:
        record: What the run tells.

    Returns:
        The section.
    """
    corpora = _list_corpora(record)
    rows = [
        [
            escape(look_up(entry, str, "name") or ""),
            escape(license_ or _NOT_STATED),
            escape(" ".join(map(str, look_up(entry, list, "languages") or []))),
            f"{look_up(entry, int, 'trained') or 0:,}",
            f"{look_up(entry, int, 'held_out') or 0:,}",
        ]
        for entry, license_ in corpora
    ]
    files = [
        [escape(look_up(entry, str, "name") or ""), write_code(name, cell=True), f"`{digest}`"]
        for entry, _ in corpora
        for name, digest in (look_up(entry, dict, "files") or {}).items()
    ]
    head = ["corpus", "licence", "languages", "items trained on", "items held out"]
    parts = [
        "## Training data",
        write_table(head, rows, numbers=2),
        "An item is a question with its passage, in one language or several. Whole articles are held out.",
        write_table(["corpus", "file", "SHA-256, or fingerprint of a dataset"], files),
    ]
    cut = record.find(dict, "truncated") or {}
    queries, passages = (look_up(cut, float, side) for side in ("queries", "passages"))
    if queries is not None and passages is not None:
        parts.append(
            f"Cut at the lengths above: {queries:.2%} of the questions, {passages:.2%} of the passages."
        )
    return "\n\n".join(parts)


def _list_corpora(record: RunRecord) -> list[tuple[object, str]]:
    """List what is known of each corpus, and its licence, which the settings state in the same order."""
    licenses = [corpus.license for corpus in record.config.corpora]
    return list(zip(record.find(list, "corpora") or [], licenses, strict=False))


def describe_training(record: RunRecord) -> str:
    """List the settings that decided the model.

    Args:
        record: What the run tells.

    Returns:
        The section.
    """
    rows = [[name, escape(value)] for name, value in _list_settings(record.config, record)]
    return "## Training\n\n" + write_table(["setting", "value"], rows)


def _list_settings(config: TrainConfig, record: RunRecord) -> Iterator[tuple[str, str]]:
    alpha, temperature = record.find(float, "alpha"), record.find(float, "temperature")
    yield "batch strategy", config.batches.strategy
    if alpha is not None and config.batches.strategy == "hybrid":
        yield "alpha, the share of batches in one language", f"{alpha:g}"
    yield "seed", str(config.seed)
    if config.data_share < 1:
        yield "share of the data trained on", f"{config.data_share:g}"
    if (lora := config.lora) is not None:
        layers = ", ".join(lora.targets) or "all linear layers"
        shape = f"rank {lora.rank}, alpha {lora.alpha:g}, dropout {lora.dropout:g}, of {layers}"
        yield "low-rank adapter, merged into the weights", shape
    yield "rows of a batch", str(config.batches.size)
    yield "loss", config.loss.name + (", in two directions" if config.loss.directions == 2 else "")
    masked = "left out" if config.loss.mask_false_negatives else "negatives like others"
    yield "candidates that answer another row's question as well", masked
    if temperature is not None:
        learned = ", learned" if config.loss.learn_temperature else ""
        yield "temperature", f"{temperature:.4g}{learned}"
    yield "explicit negatives", config.batches.negatives
    for name, value in (record.find(dict, "trainer") or {}).items():
        if value not in (None, False):
            written = "yes" if value is True else f"{value:g}" if isinstance(value, float) else str(value)
            yield str(name).replace("_", " "), written
    steps, best = record.find(int, "steps"), record.find(int, "best_step")
    if steps is not None:
        yield (
            "optimizer steps",
            f"{steps:,}" if best is None else f"{steps:,}; the model of step {best:,} is kept",
        )
    seconds, device = record.find(float, "seconds"), record.find(str, "device")
    if seconds is not None and device is not None:
        yield "time", f"{seconds / 60:.1f} min on {record.find(int, 'processes') or 1} x {device}"


def describe_validation(record: RunRecord) -> str:
    """Show what the kept model scored on held-out articles.

    Args:
        record: What the run tells.

    Returns:
        The section; empty without validation.
    """
    loss, metric = record.find(float, "validation_loss"), record.find(str, "validation", "metric")
    if loss is None:
        return ""
    rows = [["loss, nats", f"{loss:.4f}", ""]]
    for name, title in _METRICS.items():
        value = record.find(float, "validation", "scores", name, "value")
        chance = record.find(float, "validation", "scores", name, "chance")
        if value is not None and chance is not None:
            digits = 1 if name == "rank-distance" else 4
            rows.append([title, f"{value:,.{digits}f}", f"{chance:,.{digits}f}"])
    queries, passages = (record.find(int, "validation", key) for key in ("queries", "passages"))
    asked = f": {queries:,} questions, {passages:,} candidate passages" if queries and passages else ""
    decided = _METRICS.get(metric or "", "the loss")
    return "\n\n".join(
        [
            "## Validation",
            f"On held-out articles of the training data{asked}. The model was chosen by {decided} there, so "
            "that these numbers flatter it a little; chance is what a random ranking scores.",
            write_table(["measure", "value", "chance"], rows, numbers=2),
        ]
    )


def describe_overlap(record: RunRecord) -> str:
    """Say what the training data share with benchmarks.

    Args:
        record: What the run tells.

    Returns:
        The section.
    """
    reports = record.find(list, "overlap", "reports") or []
    lines = [f"- {escape(line)}" for entry in reports if (line := look_up(entry, str, "summary"))]
    found = "\n".join(lines) or "The training data were not compared with any benchmark."
    return f"## Overlap with benchmarks\n\n{found}"


def tell_limits(record: RunRecord) -> str:
    """Say what the model was not made or measured for.

    Args:
        record: What the run tells.

    Returns:
        The section.
    """
    codes = [str(code) for code in record.find(list, "languages") or []]
    named = ", ".join(f"{escape(_name_language(code))} ({escape(code)})" for code in codes)
    points = (
        f"Fine-tuned on these languages alone: {named or 'unknown'}. In others it does what the start model "
        "makes of them; where the results above do not tell, that was not measured.",
        "What the start model and the training data lack or get wrong, this model may as well.",
        "One training with one seed: another seed gives other numbers.",
    )
    return "## Limits\n\n" + "\n".join(f"- {point}" for point in points)


def _name_language(code: str) -> str:
    try:
        return language_name(code)
    except ConfigError:
        return "unknown language"


def list_licenses(record: RunRecord) -> str:
    """List the licences that were stated; none is guessed.

    Args:
        record: What the run tells.

    Returns:
        The section.
    """
    rows = [
        ["this model", escape(record.config.license or _NOT_STATED)],
        [
            f"start model {write_code(name_start(record))}",
            escape(record.find(str, "start_license") or _NOT_STATED),
        ],
    ]
    for entry, license_ in _list_corpora(record):
        rows.append([f"corpus {escape(look_up(entry, str, 'name') or '')}", escape(license_ or _NOT_STATED)])
    return "## Licences\n\n" + write_table(["what", "licence"], rows)


def list_versions(record: RunRecord) -> str:
    """List the software.

    Args:
        record: What the run tells.

    Returns:
        The section.
    """
    versions = record.find(dict, "versions") or {}
    known = {
        "isogloss": record.find(str, "isogloss"),
        "commit": record.find(str, "commit"),
        "Python": record.find(str, "python"),
        **versions,
    }
    listed = ", ".join(f"{escape(str(name))} {escape(str(value))}" for name, value in known.items() if value)
    return f"## Software\n\n{listed}"


SECTIONS: tuple[Callable[[RunRecord], str], ...] = (
    introduce,
    explain_use,
    write_results,
    describe_overlap,
    describe_validation,
    describe_data,
    describe_training,
    tell_limits,
    list_licenses,
    list_versions,
)
"""The sections of a card, in order."""
