"""``isogloss translate``: make a parallel corpus of a corpus in one language."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.corpus import ParallelCorpus

HELP = "make a parallel corpus of a corpus in one language, by machine translation sentence by sentence"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("corpus", metavar="CORPUS", help="SQuAD JSON, JSONL, dataset folder, or hub dataset")
    parser.add_argument("--to", required=True, metavar="L,L", help="languages to translate into")
    parser.add_argument(
        "--model",
        required=True,
        metavar="NAME",
        help="NLLB-200, M2M-100 or Marian model: folder, hub name, or NAME@REVISION; {source} and {target} "
        "in it stand for the two languages",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the corpus to make, or to go on with",
    )
    parser.add_argument(
        "--from", dest="source", metavar="L", help="language to translate from (default: the only)"
    )
    parser.add_argument(
        "--format",
        choices=("auto", "squad", "jsonl", "hub"),
        default="auto",
        help="what CORPUS is (default: told from what is there)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="translate the first N items only")
    _configure_filters(parser)
    _configure_model(parser)
    parser.add_argument("--overwrite", action="store_true", help="translate anew what DIR holds translated")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def _configure_filters(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which translations are not used."""
    parser.add_argument(
        "--length-ratio",
        type=float,
        default=1.75,
        metavar="X",
        help="leave out what is X times as long or as short as is usual for its language (default: 1.75)",
    )
    parser.add_argument(
        "--min-similarity",
        type=float,
        metavar="X",
        help="translate back, and leave out what is less like its text than X, by chrF from 0 to 1",
    )
    parser.add_argument(
        "--back-model", metavar="NAME", help="model that translates back (default: that of --model)"
    )


def _configure_model(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how the model translates."""
    parser.add_argument(
        "--beams", type=int, default=4, metavar="N", help="width of the beam search (default: 4)"
    )
    parser.add_argument(
        "--batch-tokens",
        type=int,
        default=4096,
        metavar="N",
        help="tokens of a batch, padding included (default: 4096)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "float16", "bfloat16"),
        default="float32",
        help="type of the weights (default: float32)",
    )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 ... (default: the best there is)")


def run(arguments: argparse.Namespace) -> int:
    """Translate a corpus and print what was kept.

    Args:
        arguments: The parsed command line.

    Returns:
        0.

    Raises:
        ConfigError: An argument is wrong.
    """
    import json
    import sys

    from isogloss.errors import ConfigError
    from isogloss.translation.filters import Filters
    from isogloss.translation.job import Job, translate_corpus
    from isogloss.translation.loading import ModelTranslators

    if arguments.back_model is not None and arguments.min_similarity is None:
        raise ConfigError("--back-model goes with --min-similarity, which says how alike is alike enough")
    corpus = _read_source(arguments)
    job = Job(
        corpus=corpus,
        source=_choose_source(corpus, arguments.source),
        targets=tuple(code.strip() for code in arguments.to.split(",") if code.strip()),
        out=arguments.out,
        filters=Filters(arguments.length_ratio, arguments.min_similarity),
        budget=arguments.batch_tokens,
        limit=arguments.limit,
        overwrite=arguments.overwrite,
        quiet=arguments.quiet,
    )
    options = {"beams": arguments.beams, "precision": arguments.precision, "device": arguments.device}
    forth = ModelTranslators(arguments.model, **options)
    back = ModelTranslators(arguments.back_model, **options) if arguments.back_model else None
    used = {"models": forth.used, "back_models": back.used if back else None}  # filled in on the way
    summary = translate_corpus(job, forth, back, provenance=used)
    if arguments.json:
        sys.stdout.write(json.dumps(summary.to_dict(), ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(f"{summary.to_text()}\n")
    sys.stderr.write(f"corpus in {summary.corpus}\n")
    return 0


def _read_source(arguments: argparse.Namespace) -> ParallelCorpus:
    """Read CORPUS: of a dataset on the hub, or a file whose name tells no language, one language alone."""
    from isogloss.corpus import read_corpus
    from isogloss.corpus.formats import tell_format

    told = tell_format(arguments.corpus) if arguments.format == "auto" else arguments.format
    alone = told == "hub" or (told == "squad" and Path(arguments.corpus).is_file())
    languages = [arguments.source] if alone and arguments.source else None
    return read_corpus(arguments.corpus, format=told, languages=languages).load()


def _choose_source(corpus: ParallelCorpus, wanted: str | None) -> str:
    """Choose the language to translate from: the one that is named, else the only one."""
    from isogloss.errors import ConfigError
    from isogloss.translation.codes import is_same_language

    if wanted is None and len(corpus.languages) == 1:
        return corpus.languages[0]
    if wanted is None:
        raise ConfigError(f"name the language to translate from by --from: {', '.join(corpus.languages)}")
    return next((code for code in corpus.languages if is_same_language(code, wanted)), wanted)
