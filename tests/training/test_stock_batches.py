"""What stock batches hold that planned ones do not: translations, equal orders, padding; ours beside each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler

from isogloss.batching import BatchPlan, choose_strategy
from isogloss.corpus import ParallelCorpus, Record, build_corpus, read_corpus
from isogloss.training.mini_batches import CPU, cut_spans, find_spans
from tiny_models import SENTENCES

SIZE = 8


def sample_stock_batches(dataset: Dataset, seed: int = 0) -> list[list[int]]:
    sampler = NoDuplicatesBatchSampler(
        dataset, batch_size=SIZE, drop_last=False, generator=torch.Generator(), seed=seed
    )
    return list(sampler)


def count_together(passages: list[int]) -> int:
    """Count the rows of a batch whose passage another row of it has, in whatever language."""
    return len(passages) - len(set(passages))


def test_stock_takes_translations_of_a_passage_for_negatives_and_ours_does_not(corpus_path: Path) -> None:
    corpus = read_corpus(corpus_path).load()
    rows = [
        (found.question, found.passage, int(corpus.passages[item]))
        for language in corpus.languages
        for item, found in enumerate(corpus.renderings[language])
        if found is not None
    ]
    questions, passages, numbers = zip(*rows, strict=True)
    dataset = Dataset.from_dict({"query": questions, "passage": passages})
    stock = [[numbers[row] for row in batch] for batch in sample_stock_batches(dataset)]
    # It compares strings: no text stands twice, but the same passage does, in two languages.
    assert not any(
        len({passages[row] for row in batch}) < len(batch) for batch in sample_stock_batches(dataset)
    )
    assert sum(map(count_together, stock)) > 0
    plan = BatchPlan([corpus], choose_strategy("x-y"), SIZE)
    ours = [corpus.passages[batch.items].tolist() for epoch in range(3) for batch in plan.batches(epoch)]
    assert sum(map(count_together, ours)) == 0


def make_corpus(name: str, items: int = 40) -> ParallelCorpus:
    records = [
        Record(f"{name}{item:02}", "en", f"{name} asks {item}?", f"{name} tells {item}.", article=f"{item}")
        for item in range(items)
    ]
    return build_corpus(name, records, {})


def test_stock_shuffles_sources_of_one_length_alike_and_ours_does_not() -> None:
    corpora = [make_corpus("red"), make_corpus("blue")]
    texts = [[found for found in corpus.renderings["en"] if found is not None] for corpus in corpora]
    first, second = (
        sample_stock_batches(Dataset.from_dict({"query": [row.question for row in rows]})) for rows in texts
    )
    assert first == second
    plan = BatchPlan(corpora, choose_strategy("x-x-mono"), SIZE)
    dealt: dict[int, list[int]] = {0: [], 1: []}
    for batch in plan.batches(0):
        dealt[batch.corpus] += batch.items.tolist()
    shared = min(map(len, dealt.values()))
    assert shared >= SIZE
    assert dealt[0][:shared] != dealt[1][:shared]


def measure_padding(masks: list[np.ndarray[Any, np.dtype[np.int64]]]) -> float:
    """Count the tokens with padding for each real one."""
    return sum(mask.size for mask in masks) / sum(int(mask.sum()) for mask in masks)


def test_stock_sorts_by_characters_which_pads_mixed_scripts_and_ours_by_tokens(
    xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SentenceTransformer(str(xlmr), device="cpu")
    random = np.random.default_rng(0)
    texts = []
    for number in range(256):
        words = random.permutation(SENTENCES[number % len(SENTENCES)].split())
        texts.append(" ".join([*words, *words])[: int(random.integers(4, 60))].strip())
    seen = []

    def forward(features: Mapping[str, torch.Tensor], **options: object) -> object:
        seen.append(features["attention_mask"].numpy())
        return original(features, **options)

    original = model.forward
    monkeypatch.setattr(model, "forward", forward)
    model.encode(texts, batch_size=32)
    (spans,) = find_spans([model.preprocess(texts)])
    ours = [
        np.array([[1] * span.length + [0] * (cut[0].length - span.length) for span in cut])
        for cut in cut_spans(spans, CPU)
    ]
    assert sum(map(len, seen)) == sum(map(len, ours)) == len(texts)
    assert sum(int(mask.sum()) for mask in seen) == sum(int(mask.sum()) for mask in ours)
    # 1.23 and 1.06 here.
    assert measure_padding(ours) - 1 < (measure_padding(seen) - 1) / 2
