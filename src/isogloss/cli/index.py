"""``isogloss index``: make passages searchable, and add, replace and delete some later."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isogloss.index import Engine, MilvusPlace, SearchableIndex
    from isogloss.sharding import Collection

HELP = "make a collection of passages searchable with a model, or change or check what was made"

EXIT_DAMAGED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("model", metavar="MODEL", nargs="?", help="run, model folder or hub name")
    parser.add_argument(
        "passages",
        metavar="PASSAGES",
        nargs="?",
        help="a file, or a folder of them: JSONL, CSV, TSV, Parquet, SQuAD JSON, text",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the index")
    change = parser.add_mutually_exclusive_group()
    change.add_argument(
        "--add",
        action="store_true",
        help="add PASSAGES to the index in DIR; those of the same id are replaced",
    )
    change.add_argument(
        "--delete",
        action="append",
        metavar="ID",
        help="delete a passage, or all of a document, from the index in DIR; may be given often",
    )
    change.add_argument("--check", action="store_true", help="compare every byte of DIR with its checksum")
    change.add_argument(
        "--shard", metavar="I/N", help="index the I-th of N parts of PASSAGES alone, to be joined later"
    )
    change.add_argument(
        "--join", type=Path, nargs="+", metavar="SHARD", help="make the index in DIR of all N shards"
    )
    change.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="encode on a Ray cluster (extra ray): auto, or HOST:PORT of its head",
    )
    parser.add_argument(
        "--shards", type=int, metavar="N", help="with --ray: into how many parts (default: 8)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="with --ray: how many (default: one a GPU; one a machine without any)",
    )
    parser.add_argument("--language", metavar="L", help="language of the passages whose rows tell none")
    parser.add_argument(
        "--detect", action="store_true", help="tell languages that nothing else tells from the text"
    )
    parser.add_argument(
        "--overlap",
        type=int,
        metavar="N",
        help="sentences that two passages of a split document share (default: 1)",
    )
    parser.add_argument(
        "--engine",
        choices=("auto", "exact", "graph", "milvus"),
        help="how to search (default: auto, which is exact below 200,000 passages)",
    )
    parser.add_argument(
        "--compression",
        choices=("float32", "float16", "int8", "binary"),
        help="how to store vectors (default: float32, whole); binary searches by signs and scores int8",
    )
    parser.add_argument(
        "--lexical", action="store_true", help="count words, for isogloss search --lexical; kept with --add"
    )
    parser.add_argument(
        "--address",
        metavar="URL",
        help="keep the index in Milvus at http://host:19530 (default of the engine milvus: a file in DIR); "
        "MILVUS_TOKEN in the environment is sent",
    )
    parser.add_argument("--collection", metavar="NAME", help="its collection in Milvus (default: isogloss)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 ... (default: the best there is)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Build, change or check an index, and print what is in it.

    Args:
        arguments: The parsed command line.

    Returns:
        0; 1 when ``--check`` finds damage.

    Raises:
        ConfigError: The arguments do not go together.
    """
    import json
    import sys

    from isogloss.errors import ConfigError
    from isogloss.index import Index, open_index

    _check_arguments(arguments)
    done: dict[str, object] = {}
    if arguments.delete:
        from isogloss.retriever import delete_passages

        done["deleted"] = delete_passages(arguments.out, arguments.delete)
    elif arguments.join:
        from isogloss.sharding import join_shards

        done["joined"] = join_shards(
            arguments.join,
            arguments.out,
            arguments.engine or "auto",
            compression=arguments.compression or "float32",
        ).count
    elif arguments.shard or arguments.ray:
        done["added"] = _add_shards(arguments)
    elif not arguments.check:
        done["added"] = _add_passages(arguments)
    index = open_index(arguments.out)
    if arguments.check:
        if not isinstance(index, Index):
            raise ConfigError(
                "--check compares the files of an index; Milvus keeps this one, and checks its own"
            )
        done["damage"] = index.find_damage(quiet=False)
    if arguments.json:
        content = {**done, "passages": index.count, "languages": dict(index.languages)}
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(_format(done, index))
    return EXIT_DAMAGED if done.get("damage") else 0


def _check_arguments(arguments: argparse.Namespace) -> None:
    """Refuse arguments that do not go together, before a model is loaded."""
    from isogloss.errors import ConfigError

    named = [name for name in ("model", "passages") if getattr(arguments, name) is not None]
    for name in ("shards", "workers"):
        if (number := getattr(arguments, name)) is not None and (not arguments.ray or number < 1):
            raise ConfigError(f"--{name} takes a whole number from 1, and goes with --ray")
    if arguments.delete or arguments.check or arguments.join:
        mode = "--delete" if arguments.delete else "--check" if arguments.check else "--join"
        given = [name.upper() for name in named]
        given += [
            f"--{n}"
            for n in (
                "language",
                "detect",
                "overlap",
                "engine",
                "compression",
                "lexical",
                "address",
                "collection",
                "device",
            )
            if getattr(arguments, n)
        ]
        if arguments.join and arguments.engine != "milvus":
            given = [name for name in given if name not in ("--engine", "--compression")]
        if given:
            raise ConfigError(f"{mode} needs --out alone; leave out {given[0]}")
        return
    if len(named) < 2:
        raise ConfigError("name a model and passages: isogloss index MODEL PASSAGES --out DIR")
    for name in ("engine", "compression", "lexical", "address", "collection"):
        if arguments.add and getattr(arguments, name):
            raise ConfigError(f"--{name} is set when the index is made; leave it out with --add")
    for name in ("address", "collection"):
        if arguments.engine != "milvus" and getattr(arguments, name):
            raise ConfigError(f"--{name} goes with --engine milvus")
    _check_shard_arguments(arguments)
    if arguments.overlap is not None and arguments.overlap < 0:
        raise ConfigError(f"--overlap takes a whole number from 0; got {arguments.overlap}")


def _check_shard_arguments(arguments: argparse.Namespace) -> None:
    """Refuse what shards cannot be: they are joined to an index in a folder, without words."""
    from isogloss.errors import ConfigError

    for name in ("engine", "compression"):
        if arguments.shard and getattr(arguments, name):
            raise ConfigError(f"--{name} is set when shards are joined; leave it out with --shard")
    if not (arguments.shard or arguments.ray):
        return
    if arguments.lexical:
        raise ConfigError("--lexical is not for shards: words are counted when an index is made at once")
    if arguments.engine == "milvus":
        raise ConfigError("shards are joined to an index in a folder; choose another --engine than milvus")


def _add_passages(arguments: argparse.Namespace) -> int:
    """Build an index, or add to one; tell how many passages are new in it."""
    from isogloss.passages import measure_passages, stream_passages
    from isogloss.progress import show_progress
    from isogloss.retriever import Retriever

    overlap = 1 if arguments.overlap is None else arguments.overlap
    total = measure_passages(arguments.passages)
    with show_progress("indexing bytes", total) as advance:
        passages = stream_passages(
            arguments.passages, language=arguments.language, detect=arguments.detect, advance=advance
        )
        if arguments.add:
            retriever = Retriever.load(arguments.out, arguments.device, model=arguments.model)
            return retriever.add(passages, overlap=overlap)
        return Retriever.build(
            arguments.model,
            passages,
            arguments.out,
            device=arguments.device,
            engine=_choose_engine(arguments),
            compression=arguments.compression or "float32",
            overlap=overlap,
            lexical=arguments.lexical,
        ).count


def _add_shards(arguments: argparse.Namespace) -> int:
    """Index a part of a collection, or all parts on a cluster; tell how many passages are in it."""
    from isogloss.passages import hash_passages, measure_passages
    from isogloss.progress import show_progress
    from isogloss.sharding import Collection, Part, encode_shard, load_model

    overlap = 1 if arguments.overlap is None else arguments.overlap
    collection = Collection(Path(arguments.passages), arguments.language, arguments.detect, overlap)
    part = Part.parse(arguments.shard) if arguments.shard else None
    total = measure_passages(collection.path)
    if part is None:
        return _index_on_cluster(arguments, collection, total)
    encoder = load_model(arguments.model, arguments.device)
    digest = hash_passages(collection.path)
    with show_progress("indexing bytes", total) as advance:
        return encode_shard(encoder, collection, digest, part, arguments.out, advance).count


def _index_on_cluster(arguments: argparse.Namespace, collection: Collection, total: int) -> int:
    """Encode all shards on a Ray cluster, beside the index, and join them."""
    import shutil

    from isogloss.errors import ConfigError
    from isogloss.files import is_free
    from isogloss.index.graph import require_faiss
    from isogloss.passages import hash_passages
    from isogloss.progress import show_progress
    from isogloss.sharding import join_shards
    from isogloss.sharding.cluster import encode_on_cluster, join_cluster

    out, count = arguments.out, arguments.shards or 8
    if not is_free(out):
        raise ConfigError(f"{out} holds something already; name a new folder")
    if arguments.engine == "graph":
        require_faiss()
    parts = out.with_name(f"{out.name}.shards")
    folders = [parts / f"{number}-of-{count}" for number in range(1, count + 1)]
    with join_cluster(arguments.ray), show_progress("indexing bytes", total * count) as advance:
        encode_on_cluster(
            arguments.model,
            collection,
            hash_passages(collection.path),
            folders,
            workers=arguments.workers,
            device=arguments.device,
            advance=advance,
        )
    joined = join_shards(
        folders, out, arguments.engine or "auto", compression=arguments.compression or "float32"
    ).count
    shutil.rmtree(parts, ignore_errors=True)
    return joined


def _choose_engine(arguments: argparse.Namespace) -> Engine | MilvusPlace:
    from isogloss.index import MilvusPlace

    engine: Engine = arguments.engine or "auto"
    if arguments.engine != "milvus":
        return engine
    default = MilvusPlace()
    return MilvusPlace(arguments.address or default.address, arguments.collection or default.collection)


def _format(done: dict[str, object], index: SearchableIndex) -> str:
    """Write what was done and what is in the index."""
    damage = done.get("damage")
    lines = [f"{count:,} passages {what}" for what, count in done.items() if what != "damage"]
    languages = ", ".join(f"{language} {count:,}" for language, count in index.languages.items())
    count = len(index.languages)
    lines.append(
        f"{index.count:,} passages in {count} language{'' if count == 1 else 's'}"
        f"{f' ({languages})' if languages else ''}, search {index.engine}"
    )
    if isinstance(damage, list):
        lines += damage or ["no damage"]
    return "\n".join(lines) + "\n"
