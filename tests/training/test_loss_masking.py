"""Two directions and masked candidates, term by term in float64, and in several processes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from process_runs import run_together
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch import Tensor, distributed

from isogloss.config import LossConfig, ModelConfig
from isogloss.errors import ConfigError
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.start import load_start

KINDS = [("infonce", 1), ("infonce", 2), ("eq1", 1)]
Pairs = set[tuple[int, int]]


class Losses:
    """Make losses over one encoder."""

    def __init__(self, model: Path) -> None:
        self.model = load_start(ModelConfig(str(model)))

    def __call__(self, name: str, directions: int, temperature: float = 0.07) -> ContrastiveLoss:
        config = LossConfig(name=name, directions=directions, temperature=temperature)
        return ContrastiveLoss(self.model, config)


@pytest.fixture(scope="module")
def losses(xlmr: Path) -> Losses:
    return Losses(xlmr)


def draw(rows: int, columns: int, seed: int, width: int = 6) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, width, generator=generator) for _ in range(columns)]


def make_labels(rows: int, pairs: Pairs) -> Tensor:
    """Write pairs of a row and a candidate as the trainer hands them to the loss."""
    found = [sorted(place for row, place in pairs if row == one) for one in range(rows)]
    width = max(map(len, found))
    return torch.tensor([[row, *places, *[-1] * (width - len(places))] for row, places in enumerate(found)])


def write_loss(
    embeddings: list[Tensor], name: str, directions: int, right: Pairs, temperature: float
) -> float:
    """Write the loss term by term in double precision."""
    unit = [entry.double().numpy() / np.linalg.norm(entry.double().numpy(), axis=1, keepdims=True)
            for entry in embeddings]  # fmt: skip
    queries, passages = unit[:2]
    candidates = np.concatenate(unit[1:])
    rows = len(queries)

    def take(own: float, others: list[float]) -> float:
        return math.log(sum(math.exp((other - own) / temperature) for other in [own, *others]))

    there, back = [], []
    for row in range(rows):
        own = float(queries[row] @ passages[row])
        first = rows if name == "eq1" else 0
        others = [
            float(queries[row] @ candidates[place])
            for place in range(first, len(candidates))
            if place != row and (row, place) not in right
        ]
        there.append(take(own, others))
        asked = [
            float(queries[other] @ passages[row])
            for other in range(rows)
            if other != row and (other, row) not in right
        ]
        back.append(take(own, asked))
    terms = there if directions == 1 else [(one + other) / 2 for one, other in zip(there, back, strict=True)]
    return sum(terms) / rows


@st.composite
def batches(draw_one: st.DrawFn) -> tuple[int, int, int, Pairs]:
    """Draw rows, columns, a seed and candidates that are right answers, own passages among them."""
    rows, columns = draw_one(st.integers(1, 8)), draw_one(st.integers(2, 3))
    place = st.tuples(st.integers(0, rows - 1), st.integers(0, rows * (columns - 1) - 1))
    return rows, columns, draw_one(st.integers(0, 10_000)), draw_one(st.sets(place, max_size=12))


@pytest.mark.parametrize(("name", "directions"), KINDS)
@given(batch=batches(), temperature=st.floats(0.02, 2.0))
@hypothesis_settings(max_examples=40)
def test_the_loss_is_that_written_term_by_term(
    losses: Losses, name: str, directions: int, batch: tuple[int, int, int, Pairs], temperature: float
) -> None:
    rows, columns, seed, right = batch
    embeddings = draw(rows, 3 if name == "eq1" else columns, seed)
    loss = losses(name, directions, temperature)
    assert float(loss.compute_loss_from_embeddings(embeddings, make_labels(rows, right))) == pytest.approx(
        write_loss(embeddings, name, directions, right, temperature), rel=1e-4, abs=1e-5
    )


@given(rows=st.integers(1, 12), columns=st.integers(2, 3), seed=st.integers(0, 10_000))
@hypothesis_settings(max_examples=30)
def test_two_directions_equal_those_of_sentence_transformers(
    losses: Losses, rows: int, columns: int, seed: int
) -> None:
    theirs = MultipleNegativesRankingLoss(
        losses.model,
        scale=1 / 0.07,
        directions=("query_to_doc", "doc_to_query"),
        partition_mode="per_direction",
    )
    values, gradients = [], []
    for loss in (losses("infonce", 2), theirs):
        embeddings = [entry.requires_grad_() for entry in draw(rows, columns, seed)]
        value = loss.compute_loss_from_embeddings(embeddings, None)
        value.backward()
        values.append(value.detach())
        gradients.append([entry.grad for entry in embeddings])
    torch.testing.assert_close(*values, rtol=1e-5, atol=1e-5)
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "directions"), KINDS)
def test_gradients_agree_with_finite_differences(losses: Losses, name: str, directions: int) -> None:
    loss, labels = losses(name, directions, 0.5), make_labels(4, {(0, 1), (2, 3), (3, 6), (1, 5)})
    embeddings, step = draw(4, 3, seed=1), 1e-2
    for column in range(3):
        moving = [entry.clone().requires_grad_() for entry in embeddings]
        loss.compute_loss_from_embeddings(moving, labels).backward()
        slope = moving[column].grad
        assert slope is not None
        for place in [(0, 0), (1, 3), (2, 3), (3, 5)]:
            ends = []
            for sign in (1, -1):
                moved = [entry.clone() for entry in embeddings]
                moved[column][place] += sign * step
                ends.append(float(loss.compute_loss_from_embeddings(moved, labels)))
            assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(slope[place]), abs=1e-3)


@pytest.mark.parametrize(("name", "directions"), KINDS)
@given(rows=st.integers(1, 12), seed=st.integers(0, 10_000))
@hypothesis_settings(max_examples=20)
def test_nothing_changes_where_nothing_is_masked(
    losses: Losses, name: str, directions: int, rows: int, seed: int
) -> None:
    loss, embeddings = losses(name, directions), draw(rows, 3, seed)
    plain = loss.compute_loss_from_embeddings(embeddings)
    own = {(row, row) for row in range(rows)}
    for labels in (torch.arange(rows), make_labels(rows, set()), make_labels(rows, own)):
        assert torch.equal(loss.compute_loss_from_embeddings(embeddings, labels), plain)


@pytest.mark.parametrize(("name", "directions"), KINDS)
def test_masked_candidates_get_no_gradient_and_all_may_be_masked(
    losses: Losses, name: str, directions: int
) -> None:
    every = {(row, place) for row in range(5) for place in range(10)}
    embeddings = [entry.requires_grad_() for entry in draw(5, 3, seed=4)]
    loss = losses(name, directions).compute_loss_from_embeddings(embeddings, make_labels(5, every))
    loss.backward()
    assert float(loss.detach()) == 0.0
    for entry in embeddings:
        assert entry.grad is None or float(entry.grad.abs().max()) < 1e-6


def test_wrong_directions_are_refused(losses: Losses) -> None:
    with pytest.raises(ConfigError, match=r"'loss\.directions' is 1 \(query to passage\) or 2.*got 3"):
        losses("infonce", 3)
    with pytest.raises(ConfigError, match="'eq1' has one direction"):
        losses("eq1", 2)


RIGHT: Pairs = {(0, 3), (3, 0), (1, 4), (2, 9), (4, 6), (4, 7)}


def take_shares(rank: int, model: str, processes: int, out: Path) -> None:
    """Take each loss of a batch of 5 rows as one of several processes, and save value and gradients."""
    distributed.init_process_group("gloo")
    share = -(-5 // processes)
    labels = make_labels(5, RIGHT)
    filled = torch.cat([labels, torch.full((share * processes - 5, labels.shape[1]), -1)])
    make = Losses(Path(model))
    found = {}
    for name, directions in KINDS:
        here = slice(rank * share, (rank + 1) * share)
        columns = [
            torch.cat([entry, torch.ones(len(filled) - 5, 6)])[here].requires_grad_()
            for entry in draw(5, 3, seed=9)
        ]
        loss = make(name, directions).compute_loss_from_embeddings(columns, filled[here])
        loss.backward()
        found[f"{name} {directions}"] = torch.stack(
            [loss.detach().expand(share, 6), *(entry.grad for entry in columns)]  # type: ignore[misc]
        )
    torch.save(found, out / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_take_the_loss_of_one(
    losses: Losses, xlmr: Path, tmp_path: Path, processes: int
) -> None:
    assert run_together(take_shares, processes, str(xlmr), processes, tmp_path) == [0] * processes
    shares = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(processes)]
    for name, directions in KINDS:
        embeddings = [entry.requires_grad_() for entry in draw(5, 3, seed=9)]
        loss = losses(name, directions).compute_loss_from_embeddings(embeddings, make_labels(5, RIGHT))
        loss.backward()
        joined = torch.cat([share[f"{name} {directions}"] for share in shares], dim=1)[:, :5]
        torch.testing.assert_close(joined[0], loss.detach().expand(5, 6))
        for column, entry in enumerate(embeddings):
            # Data parallel training averages over the processes.
            expected = torch.zeros(5, 6) if entry.grad is None else entry.grad
            torch.testing.assert_close(joined[1 + column] / processes, expected, rtol=1e-4, atol=1e-6)
