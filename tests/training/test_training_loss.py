"""The losses against independent oracles: sentence-transformers, numpy, finite differences."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from isogloss.config import LossConfig, ModelConfig
from isogloss.errors import ConfigError
from isogloss.training.loss import ContrastiveLoss
from isogloss.training.start import load_start


@pytest.fixture(scope="module")
def losses(xlmr: Path) -> dict[str, ContrastiveLoss]:
    model = load_start(ModelConfig(str(xlmr)))
    return {
        name: ContrastiveLoss(model, LossConfig(name=name, temperature=0.07)) for name in ("infonce", "eq1")
    }


def draw(rows: int, columns: int, seed: int, width: int = 6) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, width, generator=generator, dtype=torch.float64) for _ in range(columns)]


def write_eq1(embeddings: list[torch.Tensor], temperature: float) -> float:
    """Write equation 1 of the paper by hand, term by term."""
    queries, passages, negatives = (
        (entry / entry.norm(dim=1, keepdim=True)).numpy().astype(np.float64) for entry in embeddings
    )

    def s(query: NDArray[np.float64], passage: NDArray[np.float64]) -> float:
        return math.exp(float(query @ passage) / temperature)

    terms = [
        -math.log(s(query, own) / (s(query, own) + sum(s(query, other) for other in negatives)))
        for query, own in zip(queries, passages, strict=True)
    ]
    return sum(terms) / len(terms)


@given(rows=st.integers(1, 12), columns=st.integers(2, 3), seed=st.integers(0, 10_000))
@hypothesis_settings(max_examples=30)
def test_infonce_equals_the_ranking_loss_of_sentence_transformers(
    losses: dict[str, ContrastiveLoss], rows: int, columns: int, seed: int
) -> None:
    ours = losses["infonce"]
    theirs = MultipleNegativesRankingLoss(ours.model, scale=1 / 0.07)
    embeddings = [entry.float() for entry in draw(rows, columns, seed)]
    expected = theirs.compute_loss_from_embeddings(embeddings, None)
    torch.testing.assert_close(ours.compute_loss_from_embeddings(embeddings), expected, rtol=1e-5, atol=1e-5)


def test_gradients_equal_those_of_the_ranking_loss(losses: dict[str, ContrastiveLoss]) -> None:
    ours = losses["infonce"]
    theirs = MultipleNegativesRankingLoss(ours.model, scale=1 / 0.07)
    gradients = []
    for loss in (ours, theirs):
        embeddings = [entry.float().requires_grad_() for entry in draw(7, 3, seed=5)]
        loss.compute_loss_from_embeddings(embeddings, None).backward()
        gradients.append([entry.grad for entry in embeddings])
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)


@given(rows=st.integers(1, 12), seed=st.integers(0, 10_000), temperature=st.floats(0.02, 2.0))
@hypothesis_settings(max_examples=30)
def test_eq1_equals_the_formula_written_by_hand(
    losses: dict[str, ContrastiveLoss], rows: int, seed: int, temperature: float
) -> None:
    embeddings = draw(rows, 3, seed)
    loss = ContrastiveLoss(losses["eq1"].model, LossConfig(name="eq1", temperature=temperature))
    assert float(loss.compute_loss_from_embeddings(embeddings)) == pytest.approx(
        write_eq1(embeddings, temperature), rel=1e-4, abs=1e-5
    )


def test_eq1_at_temperature_1_never_falls_below_2_68_nats(losses: dict[str, ContrastiveLoss]) -> None:
    """The best there is: own passage at cosine 1, all 100 negatives at cosine -1."""
    axis = torch.zeros(100, 6)
    axis[:, 0] = 1.0
    loss = ContrastiveLoss(losses["eq1"].model, LossConfig(name="eq1", temperature=1.0))
    best = float(loss.compute_loss_from_embeddings([axis, axis, -axis]))
    assert best == pytest.approx(math.log(1 + 100 * math.exp(-2)), abs=1e-5)
    assert round(best, 2) == 2.68
    for seed in range(20):
        assert float(loss.compute_loss_from_embeddings(draw(100, 3, seed))) > best


@pytest.mark.parametrize("name", ["infonce", "eq1"])
def test_gradients_agree_with_finite_differences(losses: dict[str, ContrastiveLoss], name: str) -> None:
    loss = ContrastiveLoss(losses[name].model, LossConfig(name=name, temperature=0.5))
    embeddings = [entry.float() for entry in draw(4, 3, seed=1)]
    step = 1e-2
    for column in range(3):
        moving = [entry.clone().requires_grad_() for entry in embeddings]
        loss.compute_loss_from_embeddings(moving).backward()
        slope = moving[column].grad
        assert slope is not None
        assert float(slope.abs().max()) > 0.03
        for place in [(0, 0), (2, 3), (3, 5)]:
            ends = []
            for sign in (1, -1):
                moved = [entry.clone() for entry in embeddings]
                moved[column][place] += sign * step
                ends.append(float(loss.compute_loss_from_embeddings(moved)))
            assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(slope[place]), abs=1e-3)


@pytest.mark.parametrize("name", ["infonce", "eq1"])
def test_other_queries_passages_count_for_infonce_alone(
    losses: dict[str, ContrastiveLoss], name: str
) -> None:
    queries, passages, negatives = (entry.float() for entry in draw(4, 3, seed=2))
    moved = passages.clone()
    moved[3] = queries[0]
    rows = [
        losses[name].compute_loss_from_embeddings([queries, side, negatives]) for side in (passages, moved)
    ]
    own = [
        losses[name].compute_loss_from_embeddings([queries[3:], side[3:], negatives])
        for side in (passages, moved)
    ]
    change, own_change = float(rows[1] - rows[0]), float(own[1] - own[0]) / 4
    assert (change == pytest.approx(own_change, abs=1e-5)) is (name == "eq1")


def test_a_learned_temperature_starts_at_the_setting_and_has_a_gradient(
    losses: dict[str, ContrastiveLoss],
) -> None:
    loss = ContrastiveLoss(losses["infonce"].model, LossConfig(temperature=0.2, learn_temperature=True))
    assert loss.temperature == pytest.approx(0.2)
    loss.compute_loss_from_embeddings(draw(5, 2, seed=3)).backward()
    assert loss.log_scale.grad is not None
    assert float(loss.log_scale.grad) != 0.0
    assert [name for name, _ in loss.named_parameters()].count("log_scale") == 1
    assert "log_scale" not in dict(losses["infonce"].named_parameters())


def test_wrong_settings_are_refused(losses: dict[str, ContrastiveLoss]) -> None:
    model = losses["infonce"].model
    with pytest.raises(ConfigError, match=r"'loss\.name' is one of infonce, eq1; got 'triplet'"):
        ContrastiveLoss(model, LossConfig(name="triplet"))
    with pytest.raises(ConfigError, match=r"'loss\.temperature' is above 0; got 0"):
        ContrastiveLoss(model, LossConfig(temperature=0.0))
    with pytest.raises(ConfigError, match="needs explicit negatives"):
        losses["eq1"].compute_loss_from_embeddings(draw(3, 2, seed=0))
