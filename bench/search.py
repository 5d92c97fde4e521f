"""Time the index with ready vectors, exact and by graphs, beside Milvus Lite and qdrant-client's local mode.

Run: OMP_NUM_THREADS=1 python bench/search.py [passages] [STORE ...]
where STORE is exact, exact-large, graph, graph-large, float16, int8, binary, milvus or qdrant.

The vectors are made: 1,000 centres with normal coordinates, each passage and query a centre plus normal noise
of 0.8 times that spread, all of length 1 and 384 numbers; ten languages of equal share, drawn by chance, and
a text of ten words. With exact-large and graph-large 60 % are English and the nine others share the rest: of
100,000 passages English has a graph of its own then, and the others one together.

Each store keeps id, language, text and vector on disk. One query is searched at a time for its best 10: in
all languages, in one of ten, in nine of ten (by turns), and with -large in English and in all others;
recall counts how many of the exact best 10 (from a full product in double precision) are found. Load is the
time from opening the folder to the first answer. Times are on the clock; on a machine that others use, the
processor time (cpu) says more of stores that work in this process. Libraries are loaded before, by a small
store. The other stores are timed when they are installed; each runs in a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

PASSAGES, WIDTH, CENTRES, NOISE, LANGUAGES, QUERIES, K = 100_000, 384, 1000, 0.8, 10, 500, 10
CODES = ("am", "ar", "de", "en", "es", "hi", "ru", "sw", "th", "zh")
WORDS = ("river", "town", "bridge", "stone", "old", "through", "flows", "length", "metres", "built", "market")
LARGE = "en"
LARGE_SHARE = 0.6
STORES = ("exact", "graph", "exact-large", "graph-large", "float16", "int8", "binary", "milvus", "qdrant")
NEEDS = {"graph": "faiss", "graph-large": "faiss", "milvus": "milvus_lite", "qdrant": "qdrant_client"}
Vectors = NDArray[np.float32]


class Store(Protocol):
    def ingest(self, folder: Path, vectors: Vectors, languages: list[str], texts: list[str]) -> None: ...

    def load(self, folder: Path) -> None: ...

    def search(self, query: Vectors, languages: list[str] | None) -> list[int]: ...


class Ours:
    def __init__(self, engine: str, compression: str = "float32") -> None:
        self.engine, self.compression = engine, compression

    def ingest(self, folder: Path, vectors: Vectors, languages: list[str], texts: list[str]) -> None:
        from isogloss.index import ModelIdentity, create_index
        from isogloss.passages import Passage

        model = ModelIdentity("made", "made", "", "", None, None)
        made = create_index(folder, model, WIDTH, self.engine, compression=self.compression)  # type: ignore[arg-type]
        with made as change:
            for start in range(0, len(vectors), 8192):
                rows = range(start, min(start + 8192, len(vectors)))
                change.add(
                    [Passage(str(n), texts[n], languages[n]) for n in rows], vectors[start : rows.stop]
                )
            change.commit()

    def load(self, folder: Path) -> None:
        from isogloss.index import open_index

        self.index = open_index(folder)

    def search(self, query: Vectors, languages: list[str] | None) -> list[int]:
        found = self.index.search(query[np.newaxis], K, languages)
        return [int(one.passage.id) for one in found[0]]


class Milvus:
    def ingest(self, folder: Path, vectors: Vectors, languages: list[str], texts: list[str]) -> None:
        from pymilvus import DataType, MilvusClient

        folder.mkdir()
        client = MilvusClient(str(folder / "milvus.db"))
        schema = client.create_schema()
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=WIDTH)
        schema.add_field("language", DataType.VARCHAR, max_length=8)
        schema.add_field("text", DataType.VARCHAR, max_length=200)
        plan = client.prepare_index_params()
        plan.add_index("vector", index_type="FLAT", metric_type="IP")
        client.create_collection("p", schema=schema, index_params=plan)
        for start in range(0, len(vectors), 1000):
            rows = range(start, min(start + 1000, len(vectors)))
            client.insert(
                "p",
                [{"id": n, "vector": vectors[n], "language": languages[n], "text": texts[n]} for n in rows],
            )
        client.flush("p")
        client.close()

    def load(self, folder: Path) -> None:
        from pymilvus import MilvusClient

        self.client = MilvusClient(str(folder / "milvus.db"))
        self.client.load_collection("p")

    def search(self, query: Vectors, languages: list[str] | None) -> list[int]:
        where = "" if languages is None else f"language in {json.dumps(languages)}"
        found = self.client.search("p", [query], filter=where, limit=K, output_fields=["text"])
        return [hit["id"] for hit in found[0]]


class Qdrant:
    def ingest(self, folder: Path, vectors: Vectors, languages: list[str], texts: list[str]) -> None:
        from qdrant_client import QdrantClient, models

        client = QdrantClient(path=str(folder))
        client.create_collection(
            "p", vectors_config=models.VectorParams(size=WIDTH, distance=models.Distance.DOT)
        )
        payload = (
            {"language": language, "text": text} for language, text in zip(languages, texts, strict=True)
        )
        client.upload_collection("p", vectors, payload, range(len(vectors)), batch_size=1000)
        client.close()

    def load(self, folder: Path) -> None:
        from qdrant_client import QdrantClient

        self.client = QdrantClient(path=str(folder))

    def search(self, query: Vectors, languages: list[str] | None) -> list[int]:
        from qdrant_client import models

        where = None
        if languages is not None:
            match = models.FieldCondition(key="language", match=models.MatchAny(any=languages))
            where = models.Filter(must=[match])
        found = self.client.query_points("p", query, query_filter=where, limit=K)
        return [int(point.id) for point in found.points]


MAKERS: dict[str, Callable[[], Store]] = {
    "exact": lambda: Ours("exact"),
    "graph": lambda: Ours("graph"),
    "exact-large": lambda: Ours("exact"),
    "graph-large": lambda: Ours("graph"),
    "float16": lambda: Ours("exact", "float16"),
    "int8": lambda: Ours("exact", "int8"),
    "binary": lambda: Ours("auto", "binary"),
    "milvus": Milvus,
    "qdrant": Qdrant,
}


def make_vectors(count: int, centres: Vectors, rng: np.random.Generator) -> Vectors:
    chosen = centres[rng.integers(0, CENTRES, count)]
    vectors = chosen + NOISE * rng.standard_normal(chosen.shape, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_task(count: int, large: bool) -> tuple[Vectors, Vectors, list[str], list[str]]:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CENTRES, WIDTH), dtype=np.float32)
    vectors, queries = make_vectors(count, centres, rng), make_vectors(QUERIES, centres, rng)
    others = [code for code in CODES if code != LARGE]
    shares = {LARGE: LARGE_SHARE, **dict.fromkeys(others, (1 - LARGE_SHARE) / len(others))}
    chances = [shares[code] for code in CODES] if large else None
    languages = [CODES[n] for n in rng.choice(LANGUAGES, count, p=chances)]
    texts = [" ".join(WORDS[n] for n in row) for row in rng.integers(0, len(WORDS), (count, 10))]
    return vectors, queries, languages, texts


def find_best(queries: Vectors, vectors: Vectors, rows: NDArray[np.int64]) -> list[set[int]]:
    wide = vectors[rows].astype(np.float64)
    return [
        set(rows[np.argpartition(-(wide @ query), K)[:K]].tolist()) for query in queries.astype(np.float64)
    ]


def find_filtered(
    queries: Vectors, vectors: Vectors, codes: NDArray[np.str_], filters: list[list[str] | None]
) -> list[set[int]]:
    """Find the best of each query's languages; queries of one filter together."""
    best: list[set[int]] = [set() for _ in queries]
    for chosen in {None if one is None else tuple(one) for one in filters}:
        own = [n for n, one in enumerate(filters) if (None if one is None else tuple(one)) == chosen]
        rows = np.arange(len(vectors)) if chosen is None else np.flatnonzero(np.isin(codes, chosen))
        for n, found in zip(own, find_best(queries[own], vectors, rows), strict=True):
            best[n] = found
    return best


def time_searches(
    store: Store, queries: Vectors, filters: list[list[str] | None], best: list[set[int]]
) -> dict[str, float]:
    seconds, used, recall = [], [], []
    for query, languages, right in zip(queries, filters, best, strict=True):
        start, busy = time.perf_counter(), time.process_time()
        found = store.search(query, languages)
        seconds.append(time.perf_counter() - start)
        used.append(time.process_time() - busy)
        recall.append(len(right.intersection(found)) / K)
    p50, p99 = np.quantile(seconds, (0.5, 0.99)) * 1000
    cpu50, cpu99 = np.quantile(used, (0.5, 0.99)) * 1000
    names = ("p50 ms", "p99 ms", "cpu p50 ms", "cpu p99 ms", "recall@10")
    return dict(zip(names, map(float, (p50, p99, cpu50, cpu99, np.mean(recall))), strict=True))


def run_store(name: str, count: int) -> None:
    large = name.endswith("-large")
    vectors, queries, languages, texts = make_task(count, large)
    store = MAKERS[name]()
    with tempfile.TemporaryDirectory() as scratch:
        MAKERS[name]().ingest(Path(scratch) / "small", vectors[:100], languages[:100], texts[:100])
        folder = Path(scratch) / "store"
        start, busy = time.perf_counter(), time.process_time()
        store.ingest(folder, vectors, languages, texts)
        ingest, ingest_cpu = time.perf_counter() - start, time.process_time() - busy
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        start = time.perf_counter()
        store.load(folder)
        store.search(queries[0], None)
        load = time.perf_counter() - start
        codes, turns = np.asarray(languages), [CODES[n % LANGUAGES] for n in range(QUERIES)]
        filters: dict[str, list[list[str] | None]] = {
            "": [None] * QUERIES,
            ", one language": [[code] for code in turns],
            ", nine languages": [[other for other in CODES if other != code] for code in turns],
        }
        if large:
            filters[f", {LARGE} alone"] = [[LARGE]] * QUERIES
            filters[f", all but {LARGE}"] = [[code for code in CODES if code != LARGE]] * QUERIES
        result = {"ingest s": ingest, "ingest cpu s": ingest_cpu, "disk MB": size / 1e6, "load s": load}
        for where, chosen in filters.items():
            best = find_filtered(queries, vectors, codes, chosen)
            figures = time_searches(store, queries, chosen, best)
            result |= {f"{key}{where}": value for key, value in figures.items()}
    print(json.dumps(result))


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] == "--one":
        run_store(sys.argv[2], int(sys.argv[3]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PASSAGES
    print(f"{count:,} passages of {WIDTH} numbers, {QUERIES} queries")
    for name in sys.argv[2:] or STORES:
        if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
            print(f"{name}: not installed")
            continue
        command = [sys.executable, __file__, "--one", name, str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: failed: {done.stderr.strip().splitlines()[-1:]}")
            continue
        figures = json.loads(done.stdout.splitlines()[-1])
        print(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
