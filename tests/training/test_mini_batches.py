"""Mini-batches give the embeddings and gradients of the whole batch, with and without activations kept."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from torch import Tensor

from isogloss.config import LossConfig, ModelConfig
from isogloss.errors import ConfigError
from isogloss.training import mini_batches, word_gradients
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.mini_batches import (
    ColumnEncoder,
    Limits,
    Span,
    cut_further,
    cut_spans,
    find_spans,
    take_spans,
)
from isogloss.training.start import load_start
from tiny_models import SENTENCES

TEXTS = [" ".join([sentence] * times) for sentence in SENTENCES for times in (1, 3)]
PLAIN = 10**6
"""So many tokens that every column is one mini-batch."""

Columns = list[dict[str, Tensor]]
Gradients = dict[str, Tensor]


@pytest.fixture(scope="module", params=["xlmr", "labse"])
def model(request: pytest.FixtureRequest) -> SentenceTransformer:
    """An encoder without dropout: in evaluation mode, which changes nothing else."""
    return load_start(ModelConfig(str(request.getfixturevalue(request.param)))).eval()


@pytest.fixture(scope="module")
def columns(model: SentenceTransformer) -> Columns:
    return tokenise(model)


def tokenise(model: SentenceTransformer) -> Columns:
    """Queries, passages and negatives of very different lengths."""
    texts = {"query": TEXTS, "document": TEXTS[::-1], "negative": TEXTS[5:] + TEXTS[:5]}
    sides = {"query": "query", "document": "document", "negative": "document"}
    return [
        dict(model.preprocess(column, prompt=model.prompts[sides[name]], task=sides[name]))
        for name, column in texts.items()
    ]


def encode_at_once(model: SentenceTransformer, columns: Columns) -> list[Tensor]:
    """Encode as sentence-transformers' own losses do: the oracle."""
    return [model(dict(column))["sentence_embedding"] for column in columns]


def gradients_of(loss: ContrastiveLoss, value: Tensor) -> Gradients:
    """Take the gradients of half the loss, as with two accumulated batches."""
    loss.model.zero_grad()
    loss.log_scale.grad = None
    (value / 2).backward()
    gradients = {name: weights.grad for name, weights in loss.named_parameters() if weights.grad is not None}
    assert all(not gradient.is_sparse for gradient in gradients.values())
    return {name: gradient.clone() for name, gradient in gradients.items()}


def assert_near(found: Gradients, expected: Gradients) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize("tokens", [1, 40, PLAIN])
def test_embeddings_are_those_of_the_whole_batch(
    model: SentenceTransformer, columns: Columns, tokens: int
) -> None:
    with torch.no_grad():
        found = ColumnEncoder(model, tokens).encode(model, columns)
        for own, expected in zip(found, encode_at_once(model, columns), strict=True):
            torch.testing.assert_close(own, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("tokens", [0, 100, PLAIN])
@pytest.mark.parametrize("name", ["infonce", "eq1", "without negatives"])
def test_gradients_are_those_of_the_plain_loss(
    model: SentenceTransformer,
    columns: Columns,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    tokens: int,
) -> None:
    monkeypatch.setattr(mini_batches, "CPU", Limits(tokens=100, padding=20))
    config = LossConfig(
        name="eq1" if name == "eq1" else "infonce",
        temperature=0.2,
        learn_temperature=True,
        mini_batch_tokens=tokens,
    )
    loss = ContrastiveLoss(model, config)
    used = columns[:2] if name == "without negatives" else columns
    expected = gradients_of(loss, loss.compute_loss_from_embeddings(encode_at_once(model, used)))
    value = loss(used)
    assert_near(gradients_of(loss, value), expected)
    assert float(expected["log_scale"].abs()) > 1e-3
    assert max(float(gradient.abs().max()) for gradient in expected.values()) > 1e-2


def test_dropout_is_the_same_both_times(xlmr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain loss, cut into the same mini-batches, draws the same random numbers in the same order."""
    model = load_start(ModelConfig(str(xlmr))).train()
    columns = tokenise(model)
    monkeypatch.setattr(mini_batches, "CPU", Limits(tokens=100, padding=20))
    found, states = [], []
    for tokens in (0, 100):
        loss = ContrastiveLoss(
            model, LossConfig(temperature=0.2, learn_temperature=True, mini_batch_tokens=tokens)
        )
        torch.manual_seed(7)
        found.append(gradients_of(loss, loss(columns)))
        states.append(torch.get_rng_state())
    assert_near(found[1], found[0])
    assert torch.equal(*states)
    other = gradients_of(loss, loss(columns))
    assert float((other["log_scale"] - found[1]["log_scale"]).abs()) > 1e-4


def test_gradients_add_up_over_batches(model: SentenceTransformer, columns: Columns) -> None:
    loss = ContrastiveLoss(model, LossConfig(mini_batch_tokens=60))
    once = gradients_of(loss, loss(columns))
    (loss(columns) / 2).backward()
    twice = {name: weights.grad for name, weights in model.named_parameters() if weights.grad is not None}
    for name, gradient in twice.items():
        torch.testing.assert_close(gradient, 2 * once[f"model.{name}"], rtol=0, atol=2e-6)


def test_word_gradients_come_by_rows_and_become_one_matrix(
    xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_start(ModelConfig(str(xlmr)))
    fill, sparse = word_gradients._fill, []

    def record(weight: Tensor) -> None:
        assert weight.grad is not None
        sparse.append(weight.grad.is_sparse)
        fill(weight)

    monkeypatch.setattr(word_gradients, "_fill", record)
    columns = tokenise(model)
    ContrastiveLoss(model, LossConfig())(columns).backward()
    assert sparse == [True]
    model.zero_grad()
    sparse.clear()
    ContrastiveLoss(model, LossConfig(mini_batch_tokens=100))(columns).backward()
    assert sparse[0]
    assert len(sparse) > 4
    assert sum(sparse) == 1


def test_frozen_word_embeddings_stay_frozen(xlmr: Path) -> None:
    model = load_start(ModelConfig(str(xlmr)))
    words = model[0].model.get_input_embeddings()
    words.weight.requires_grad_(False)
    loss = ContrastiveLoss(model, LossConfig(mini_batch_tokens=60))
    loss(tokenise(model)).backward()
    assert words.weight.grad is None
    assert not words.sparse


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_may_stand_on_either_side(xlmr: Path, side: str) -> None:
    model = load_start(ModelConfig(str(xlmr))).eval()
    model.tokenizer.padding_side = side
    columns = tokenise(model)
    mask = columns[0]["attention_mask"]
    assert bool((mask[:, 0 if side == "left" else -1] == 0).any())
    with torch.no_grad():
        found = ColumnEncoder(model, 60).encode(model, columns)
        for own, expected in zip(found, encode_at_once(model, columns), strict=True):
            torch.testing.assert_close(own, expected, rtol=0, atol=1e-6)


def test_features_are_left_as_they_are(model: SentenceTransformer, columns: Columns) -> None:
    before = [{name: str(entry) for name, entry in column.items()} for column in columns]
    loss = ContrastiveLoss(model, LossConfig(mini_batch_tokens=60))
    loss(columns).backward()
    assert [{name: str(entry) for name, entry in column.items()} for column in columns] == before


def test_tasks_prompts_and_row_entries_go_along() -> None:
    column: Mapping[str, object] = {
        "input_ids": torch.arange(12).reshape(3, 4),
        "attention_mask": torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]]),
        "weight": torch.tensor([0.1, 0.2, 0.3]),
        "prompt_length": 2,
        "task": "query",
    }
    (spans,) = find_spans([column])  # type: ignore[list-item]
    assert spans == [Span(0, 0, 2), Span(1, 0, 4), Span(2, 0, 3)]
    taken = take_spans(column, [spans[2], spans[0]])  # type: ignore[arg-type]
    assert taken["input_ids"].tolist() == [[8, 9, 10], [0, 1, 2]]
    assert taken["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert taken["weight"].tolist() == pytest.approx([0.3, 0.1])
    assert (taken["prompt_length"], taken["task"]) == (2, "query")


lengths_drawn = st.lists(st.integers(1, 40), min_size=1, max_size=30)


@given(
    lengths=lengths_drawn, tokens=st.integers(1, 200), padding=st.integers(0, 80), extra=st.integers(0, 30)
)
@hypothesis_settings(max_examples=100)
def test_cutting_keeps_every_row_once_within_the_limits(
    lengths: list[int], tokens: int, padding: int, extra: int
) -> None:
    spans = [Span(row, 0, length) for row, length in enumerate(lengths)]
    cut = cut_spans(spans, Limits(tokens, padding))
    assert sorted(span.row for part in cut for span in part) == list(range(len(lengths)))
    for part in cut:
        longest = max(span.length for span in part)
        assert len(part) == 1 or len(part) * longest <= tokens
        assert sum(longest - span.length for span in part) <= padding
    for part, following in itertools.pairwise(cut):
        assert min(span.length for span in part) >= max(span.length for span in following)
        # No mini-batch is cut without need.
        longest, added = max(span.length for span in part), max(span.length for span in following)
        grown = sum(longest - span.length for span in part) + longest - added
        assert (len(part) + 1) * longest > tokens or grown > padding
    count = min(len(lengths), len(cut) + extra)
    further = cut_further(cut, count)
    assert len(further) == count
    assert all(further)
    assert [span for part in further for span in part] == [span for part in cut for span in part]


class Watched:
    """Count how many activations are alive at a time: outputs of the encoder's layers with a graph."""

    def __init__(self, model: SentenceTransformer) -> None:
        self.alive = self.most = 0
        for layer in model[0].model.encoder.layer:
            layer.register_forward_hook(self.take)

    def take(self, layer: torch.nn.Module, inputs: object, output: Tensor) -> None:
        if output.requires_grad:
            count = output.shape[0] * output.shape[1]
            self.alive += count
            self.most = max(self.most, self.alive)
            output.grad_fn.register_hook(lambda *_: self.leave(count))  # type: ignore[union-attr]

    def leave(self, count: int) -> None:
        self.alive -= count


@pytest.fixture
def watched(xlmr: Path) -> Iterator[tuple[SentenceTransformer, Watched]]:
    model = load_start(ModelConfig(str(xlmr)))
    yield model, Watched(model)
    gc.collect()


def test_one_mini_batch_alone_is_in_memory(watched: tuple[SentenceTransformer, Watched]) -> None:
    model, watch = watched
    columns = tokenise(model)
    layers = len(model[0].model.encoder.layer)
    ContrastiveLoss(model, LossConfig(mini_batch_tokens=128))(columns).backward()
    assert 0 < watch.most <= 128 * layers
    assert watch.alive == 0
    watch.most = 0
    ContrastiveLoss(model, LossConfig())(columns).backward()
    assert watch.most > 10 * 128 * layers


def test_a_negative_number_of_tokens_is_refused(model: SentenceTransformer) -> None:
    with pytest.raises(
        ConfigError, match=r"'loss\.mini_batch_tokens' is a number of tokens, or 0 .*; got -1"
    ):
        ContrastiveLoss(model, LossConfig(mini_batch_tokens=-1))
