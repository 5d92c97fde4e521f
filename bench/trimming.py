"""Trim a model of XLM-R's shape, 250,002 pieces of 768 numbers, to English and Swahili.

The weights are random, so that sizes and times say something, and drift would not; none is measured. The
pieces are the most frequent words, word endings and characters of NTREX's languages, with the logarithms of
their frequencies for scores. It needs 2 GB of disk in the folder for temporary files, and 4 GB of memory.

Run: ISOGLOSS_DATA=FOLDER OMP_NUM_THREADS=1 python bench/trimming.py [LAYERS]
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from isogloss.trimming import trim
from isogloss.vocabulary import open_texts

PIECES, WIDTH, LAYERS = 250_002, 768, 12
LANGUAGES = ("en", "sw")
START, PADDING, END, UNKNOWN, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
ENCODE = """
import re, sys
from pathlib import Path
from isogloss.encoding import load_encoder
encoder = load_encoder(sys.argv[1], quiet=True)
encoder.encode_passages([f"This is text {number}." for number in range(64)])
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def count_pieces(folder: Path) -> list[tuple[str, float]]:
    """Count words, endings and characters, and give the most frequent with their scores."""
    counts: Counter[str] = Counter()
    for text in open_texts([folder]):
        counts.update(f"▁{word}" for word in text.text.split())
    parts: Counter[str] = Counter()
    for word, count in counts.items():
        for size in (2, 3, 4):
            parts[word[-size:]] += count
        for letter in word:
            parts[letter] += 1_000_000  # every character has a piece
    chosen = (counts + parts).most_common(PIECES - 5)
    total = sum(count for _, count in chosen)
    return [(piece, math.log(count / total)) for piece, count in chosen]


def make_model(folder: Path, pieces: list[tuple[str, float]], layers: int) -> None:
    """Save a random encoder of XLM-R's shape."""
    entries = [(START, 0.0), (PADDING, 0.0), (END, 0.0), (UNKNOWN, 0.0), *pieces, (MASK, 0.0)]
    tokenizer = Tokenizer(models.Unigram(entries, 3, False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} {END} $B {END}",
        special_tokens=[(START, 0), (END, 2)],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        bos_token=START,
        cls_token=START,
        pad_token=PADDING,
        eos_token=END,
        sep_token=END,
        unk_token=UNKNOWN,
        mask_token=MASK,
    )
    config = XLMRobertaConfig(
        vocab_size=len(entries),
        hidden_size=WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=12,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=514,
        type_vocab_size=1,
    )
    torch.manual_seed(0)
    XLMRobertaModel(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def measure_resident(folder: Path) -> float:
    """Measure the peak memory of a process that loads a model and encodes 64 texts, in MB (on Linux)."""
    # Not getrusage: that begins with the memory of the process that started this one.
    done = subprocess.run(
        [sys.executable, "-c", ENCODE, str(folder)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) * 1024 / 1e6


def main() -> None:
    layers = int(sys.argv[1]) if len(sys.argv) > 1 else LAYERS
    data = Path(os.environ["ISOGLOSS_DATA"]) / "bitext" / "NTREX" / "NTREX-128"
    with tempfile.TemporaryDirectory() as scratch:
        whole, trimmed = Path(scratch) / "whole", Path(scratch) / "trimmed"
        make_model(whole, count_pieces(data), layers)
        start, processor = time.perf_counter(), time.process_time()
        report = trim(str(whole), open_texts([data], LANGUAGES), trimmed, share=0.0, quiet=True)
        seconds = (time.perf_counter() - start, time.process_time() - processor)
        print(report.to_text())
        print(f"\ntrimming: {seconds[0]:.0f} s, {seconds[1]:.0f} s of the processor")
        sizes = [measure_resident(folder) for folder in (whole, trimmed)]
        print(f"peak memory of a process that encodes: {sizes[0]:,.0f} MB before, {sizes[1]:,.0f} MB after")


if __name__ == "__main__":
    main()
