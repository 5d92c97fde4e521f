"""Requests per second and waiting time of the service: distinct queries, many connections, no cache.

    python bench/serving.py                          # a tiny random model: what the service itself can do
    python bench/serving.py --model FOLDER           # with a named model
    python bench/serving.py --model FOLDER --seconds 600

The service runs in a process of its own over the embedded collection; the load generator runs in this one.
Both share the machine, so the share of the processor that the generator took stands beside the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from isogloss.demo_collection import list_passages, read_collection
from isogloss.retriever import Retriever

QUERY_WORDS = (3, 12)
SAMPLES = 60


def make_queries(languages: Sequence[str], seed: int = 0) -> Iterator[str]:
    """Draw words of one language's questions anew for each query; a number makes each one distinct."""
    draw = random.Random(seed)
    collection = read_collection()
    words = [
        sorted({word for fact in collection[language] for word in fact.question.split()})
        for language in languages
    ]
    for number in itertools.count():
        yield f"{' '.join(draw.choices(draw.choice(words), k=draw.randint(*QUERY_WORDS)))} {number}"


async def ask(host: str, port: int, queries: Iterator[str], end: float, waits: list[float]) -> Counter[int]:
    """Ask one query after the other over one connection; waiting times go to ``waits`` in seconds."""
    statuses: Counter[int] = Counter()
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < end:
        body = json.dumps({"query": next(queries), "k": 10}).encode()
        head = (
            f"POST /search HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        begun = time.perf_counter()
        writer.write(head.encode() + body)
        answered = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", answered, re.IGNORECASE)
        assert length is not None, answered
        await reader.readexactly(int(length.group(1)))
        waits.append(time.perf_counter() - begun)
        statuses[int(answered[9:12])] += 1
    writer.close()
    return statuses


async def watch(process: psutil.Process, seconds: float) -> list[int]:
    """Read the service's memory now and then, in bytes."""
    sizes = []
    for _ in range(SAMPLES):
        await asyncio.sleep(seconds / SAMPLES)
        sizes.append(process.memory_info().rss)
    return sizes


async def load(
    address: tuple[str, int],
    process: psutil.Process,
    queries: Iterator[str],
    connections: int,
    seconds: float,
) -> dict[str, object]:
    """Load the service, first for a tenth of the time to warm it up."""
    warm = time.perf_counter() + seconds / 10
    await asyncio.gather(*(ask(*address, queries, warm, []) for _ in range(connections)))
    waits: list[float] = []
    served, made = process.cpu_times(), psutil.Process().cpu_times()
    begun = time.perf_counter()
    clients = [ask(*address, queries, begun + seconds, waits) for _ in range(connections)]
    *found, sizes = await asyncio.gather(*clients, watch(process, seconds))
    elapsed = time.perf_counter() - begun
    used_service = sum(process.cpu_times()[:2]) - sum(served[:2])
    used_here = sum(psutil.Process().cpu_times()[:2]) - sum(made[:2])
    statuses = sum(found, Counter())
    waits.sort()
    return {
        "requests": len(waits),
        "requests_per_second": round(len(waits) / elapsed, 1),
        "requests_per_processor_second": round(len(waits) / (used_here + used_service), 1),
        "p50_ms": round(1000 * waits[len(waits) // 2], 1),
        "p99_ms": round(1000 * waits[int(len(waits) * 0.99)], 1),
        "statuses": dict(statuses),
        "generator_share_of_processor": round(used_here / (used_here + used_service), 3),
        "processors_used": round((used_here + used_service) / elapsed, 2),
        "memory_mib_first_quarter": round(max(sizes[: SAMPLES // 4]) / 2**20, 1),
        "memory_mib_last_quarter": round(max(sizes[-SAMPLES // 4 :]) / 2**20, 1),
    }


def make_tiny_model(folder: Path) -> str:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from tiny_models import tiny_xlmr

    return str(tiny_xlmr(folder))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="folder or hub name (default: tiny random weights)")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--languages", default="en,de,es,id,sw,ru,ar,hi,el", metavar="L,L")
    arguments = parser.parse_args()
    languages = arguments.languages.split(",")
    with tempfile.TemporaryDirectory(prefix="isogloss-") as scratch:
        model = arguments.model or make_tiny_model(Path(scratch) / "model")
        retriever = Retriever.build(model, list_passages(), Path(scratch) / "index")
        command = [sys.executable, "-m", "isogloss", "serve", f"{scratch}/index", "--port", "0"]
        log = Path(scratch) / "log"
        with log.open("w") as errors, subprocess.Popen(command, stderr=errors, env=os.environ) as process:
            try:
                while not (found := re.search(r"http://([\d.]+):(\d+)/", log.read_text())):
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.1)
                address = (found.group(1), int(found.group(2)))
                served, queries = psutil.Process(process.pid), make_queries(languages)
                result = asyncio.run(load(address, served, queries, arguments.connections, arguments.seconds))
            finally:
                process.terminate()
        setting = {
            "model": arguments.model or "tiny random weights",
            "passages": retriever.count,
            "languages": languages,
            "connections": arguments.connections,
            "load_average": round(os.getloadavg()[0], 1),
        }
        print(json.dumps({**setting, **result}, indent=1))


if __name__ == "__main__":
    main()
