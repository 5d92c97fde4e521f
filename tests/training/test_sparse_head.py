"""The head that skips unlabelled places gives the model's own scores, loss and gradients."""

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ElectraConfig,
    ElectraForMaskedLM,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
    TrainingArguments,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from isogloss.pretraining.sparse_head import IGNORED, MaskedTrainer, find_head, predict_masked

SIZES = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def make_model(kind: str) -> PreTrainedModel:
    torch.manual_seed(3)
    if kind == "xlm-roberta":
        return XLMRobertaForMaskedLM(XLMRobertaConfig(**SIZES))
    if kind == "roberta":
        return RobertaForMaskedLM(RobertaConfig(**SIZES))
    if kind == "bert":
        return BertForMaskedLM(BertConfig(**SIZES))
    if kind == "electra":
        return ElectraForMaskedLM(ElectraConfig(**SIZES, embedding_size=16))
    sizes = DistilBertConfig(vocab_size=60, dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    return DistilBertForMaskedLM(sizes)


def make_batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    tokens = torch.randint(5, 60, (6, 9), generator=generator)
    attention = torch.ones_like(tokens)
    attention[2, 5:] = 0
    labels = torch.where(torch.rand(6, 9, generator=generator) < 0.3, tokens, IGNORED)
    labels[attention == 0] = IGNORED
    return {"input_ids": tokens, "attention_mask": attention, "labels": labels}


@pytest.mark.parametrize("kind", ["xlm-roberta", "roberta", "bert", "electra", "distilbert"])
def test_scores_loss_and_gradients_are_the_models_own(kind: str) -> None:
    batch = make_batch()
    labels = batch["labels"]
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    whole, sparse = make_model(kind).eval(), make_model(kind).eval()
    expected = whole(**batch)
    scores = predict_masked(sparse, inputs, labels)
    assert scores.shape == (int((labels != IGNORED).sum()), 60)
    torch.testing.assert_close(scores, expected.logits[labels != IGNORED])

    trainer = MaskedTrainer(sparse, TrainingArguments(report_to="none", use_cpu=True))
    loss = trainer.compute_loss(sparse, dict(batch))
    torch.testing.assert_close(loss, expected.loss)
    expected.loss.backward()
    loss.backward()
    for (name, left), right in zip(whole.named_parameters(), sparse.parameters(), strict=True):
        if left.grad is not None:
            torch.testing.assert_close(right.grad, left.grad, msg=name)
    # The next forward pass is whole again.
    torch.testing.assert_close(sparse(**inputs).logits, expected.logits)


def test_a_head_of_one_module_is_found_and_one_of_several_is_not() -> None:
    found = {kind: find_head(make_model(kind)) is not None for kind in ("xlm-roberta", "bert", "distilbert")}
    assert found == {"xlm-roberta": True, "bert": True, "distilbert": False}


def test_unlabelled_places_never_reach_the_head() -> None:
    model, batch = make_model("bert"), make_batch()
    seen = []
    head = find_head(model)
    assert head is not None
    head.register_forward_hook(lambda _, arguments, output: seen.append(arguments[0].shape))
    predict_masked(model, {"input_ids": batch["input_ids"]}, batch["labels"])
    assert seen == [(int((batch["labels"] != IGNORED).sum()), 16)]


def test_accumulated_steps_share_one_count_of_places() -> None:
    model, batch = make_model("bert").eval(), make_batch()
    trainer = MaskedTrainer(model, TrainingArguments(report_to="none", use_cpu=True))
    places = int((batch["labels"] != IGNORED).sum())
    alone = trainer.compute_loss(model, dict(batch))
    shared, outputs = trainer.compute_loss(model, dict(batch), True, torch.tensor(2 * places))
    torch.testing.assert_close(shared * 2, alone)
    assert outputs["logits"].shape == (places, 60)
