"""The encoders that training starts from: files of XLM-R and LaBSE, pooling, prefixes, lengths, errors."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling
from transformers import AutoModel, AutoTokenizer

from isogloss.config import CorpusConfig, ModelConfig
from isogloss.corpus import read_corpus
from isogloss.encoding import load_encoder
from isogloss.errors import ConfigError, ModelError
from isogloss.training.plans import read_corpora
from isogloss.training.start import load_start
from isogloss.training.truncation import count_truncated
from isogloss.types import PassageUnit
from tiny_models import HIDDEN, MAX_TOKENS, SENTENCES


def hidden_states(folder: Path, text: str) -> torch.Tensor:
    """Run a Hugging Face encoder by itself. Shape: (tokens, dimensions)."""
    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        states: torch.Tensor = AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0]
    return states


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken"])
def test_an_encoder_without_modules_gets_pooling_and_normalisation(xlmr: Path, pooling: str) -> None:
    model = load_start(ModelConfig(str(xlmr), pooling=pooling, query_prefix="", passage_prefix=""))
    states = hidden_states(xlmr, SENTENCES[0])
    pooled = {
        "mean": states.mean(dim=0),
        "cls": states[0],
        "max": states.max(dim=0).values,
        "lasttoken": states[-1],
    }[pooling]
    expected = (pooled / pooled.norm()).numpy()
    np.testing.assert_allclose(model.encode_query(SENTENCES[0]), expected, atol=1e-5)


def test_labse_keeps_its_own_pooling_and_head(labse: Path) -> None:
    model = load_start(ModelConfig(str(labse), pooling="max", query_prefix="", passage_prefix=""))
    pooling, dense, normalize = model[1], model[2], model[3]
    assert isinstance(pooling, Pooling)
    assert pooling.pooling_mode == "cls"
    assert isinstance(dense, Dense)
    assert isinstance(normalize, Normalize)
    states = hidden_states(labse, SENTENCES[1])
    with torch.inference_mode():
        headed = torch.tanh(dense.linear(states[0]))
    expected = (headed / headed.norm()).numpy()
    assert expected.shape == (HIDDEN,)
    np.testing.assert_allclose(model.encode_document(SENTENCES[1]), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["xlmr", "labse"])
def test_prefixes_and_lengths_are_saved_with_the_model(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    config = ModelConfig(
        str(folder), query_prefix="Q: ", passage_prefix="P: ", query_length=7, passage_length=12
    )
    model = load_start(config).eval()
    model.save_pretrained(str(tmp_path / "saved"))
    plain = SentenceTransformer(str(tmp_path / "saved"))
    text = " ".join(SENTENCES)
    for side, prefix, length in (("query", "Q: ", 7), ("document", "P: ", 12)):
        encode = {"query": plain.encode_query, "document": plain.encode_document}[side]
        features = model.preprocess([text], prompt=prefix, task=side)
        assert features["input_ids"].shape == (1, length)
        with torch.inference_mode():
            seen = model(features)["sentence_embedding"][0].numpy()
        np.testing.assert_array_equal(encode([text])[0], seen)
    assert plain.prompts == {"query": "Q: ", "document": "P: "}
    assert plain.max_seq_length == 12


def test_lengths_beyond_the_models_own_are_lowered(xlmr: Path) -> None:
    model = load_start(ModelConfig(str(xlmr), query_length=16, passage_length=5000))
    assert (model[0].query_length, model[0].document_length) == (16, MAX_TOKENS)


@pytest.mark.parametrize("unit", list(PassageUnit))
def test_the_truncated_share_is_exact(xlmr: Path, corpus_path: Path, unit: PassageUnit) -> None:
    model = load_start(ModelConfig(str(xlmr), query_length=24, passage_length=40))
    corpus = read_corpus(corpus_path)
    tokenizer = AutoTokenizer.from_pretrained(xlmr)
    queries, passages = [], []
    for language in corpus.languages:
        for rendering in corpus.renderings[language]:
            if rendering is not None:
                start, end = rendering.sentence
                sentence = rendering.passage[start:end]
                text = {
                    "sentence": sentence,
                    "sentence-context": f"{sentence}\n{rendering.passage}",
                    "paragraph": rendering.passage,
                }[unit.value]
                queries.append(len(tokenizer("Query: " + rendering.question)["input_ids"]) > 24)
                passages.append(len(tokenizer("Passage: " + text, verbose=False)["input_ids"]) > 40)
    shares = count_truncated(model, [corpus], unit).shares()
    assert shares == {"queries": sum(queries) / len(queries), "passages": sum(passages) / len(passages)}
    if unit is PassageUnit.SENTENCE_CONTEXT:
        assert 0.0 < shares["passages"] <= 1.0


def test_wrong_settings_are_refused(xlmr: Path) -> None:
    with pytest.raises(ConfigError, match=r"'model\.pooling' is one of mean, cls, max, lasttoken; got 'sum'"):
        load_start(ModelConfig(str(xlmr), pooling="sum"))
    with pytest.raises(
        ConfigError, match=r"'model\.passage_length' is a number of tokens, at least 1; got 0"
    ):
        load_start(ModelConfig(str(xlmr), passage_length=0))
    with pytest.raises(
        ConfigError, match=r"'model\.query_length' leaves no room for text: .* 2 special tokens"
    ):
        load_start(ModelConfig(str(xlmr), query_length=2))


def test_a_missing_hub_model_gives_one_clear_line_quickly() -> None:
    start = time.monotonic()
    with pytest.raises(ModelError) as caught:
        load_start(ModelConfig("nobody/no-such-encoder"))
    assert time.monotonic() - start < 5
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("model 'nobody/no-such-encoder' cannot be loaded: ")
    assert "FacebookAI/xlm-roberta-base" in message


@pytest.mark.parametrize("damage", ["model.safetensors", "config.json", "tokenizer.json", "modules.json"])
def test_a_damaged_folder_gives_one_clear_line(labse: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(labse, folder)
    content = (folder / damage).read_bytes()
    (folder / damage).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError) as caught:
        load_start(ModelConfig(str(folder)))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["runs/no/such/model", "./model", "/no/model", "~/model"])
def test_a_mistyped_path_does_not_ask_the_network(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="no such folder"):
        load_start(ModelConfig(name))


@pytest.mark.parametrize("load", [lambda name: load_start(ModelConfig(name)), load_encoder])
def test_pickled_weights_are_refused(xlmr: Path, tmp_path: Path, load: Callable[[str], object]) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(xlmr, folder)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        load(str(folder))


def test_corpora_are_named_and_told_apart(corpus_path: Path) -> None:
    with pytest.raises(ConfigError, match="'corpora' is empty"):
        read_corpora([])
    twice = [CorpusConfig(str(corpus_path)), CorpusConfig(str(corpus_path))]
    with pytest.raises(ConfigError, match="two corpora are named"):
        read_corpora(twice)
    named = read_corpora([twice[0], CorpusConfig(str(corpus_path), name="again")])
    assert [corpus.name for corpus in named][1] == "again"
