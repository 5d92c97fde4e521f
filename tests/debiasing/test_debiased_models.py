"""Debiased models: the vectors they give, and what of the model before stays."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from language_texts import LINES, hash_files, read_lines, write_language_texts
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

from isogloss.debiased_model import DebiasReport, debias_model
from isogloss.debiasing import Subspace
from isogloss.encoding import Encoder
from isogloss.encoding.batches import EncodedBatch, Kind
from isogloss.model_card import read_license
from isogloss.vocabulary import open_texts
from tiny_models import HIDDEN, SENTENCES

PROMPTS = {"query": "Query: ", "document": "Passage: "}
CARD = "---\nlicense: mit\nbase_model: some/one\n---\n\n# A card\r\n\nmAP is 0.9.\n\n<!-- isogloss card "


@pytest.fixture(scope="session")
def as_trained(xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as isogloss train writes it: prompts, a length for each side, normalisation, a card."""
    transformer = Transformer(str(xlmr))
    transformer.query_length, transformer.document_length = 12, 40
    transformer.max_seq_length = 40
    folder = tmp_path_factory.mktemp("models") / "run" / "model"
    model = SentenceTransformer(
        modules=[transformer, Pooling(HIDDEN, pooling_mode="mean"), Normalize()],
        prompts=PROMPTS,
        similarity_fn_name="dot",
        device="cpu",
    )
    model.save(str(folder), create_model_card=False)
    (folder / "README.md").write_text(f"{CARD}{'0' * 64} -->\n", encoding="utf-8", newline="")
    return folder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_language_texts(tmp_path / "text")


def debias(model: Path, text: Path, out: Path, **how: object) -> DebiasReport:
    return debias_model(str(model), open_texts([text]), out, quiet=True, **how)  # type: ignore[arg-type]


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def embed(folder: Path, texts: Sequence[str], side: str) -> NDArray[np.float64]:
    """Encode with the plain library."""
    model = SentenceTransformer(str(folder), device="cpu")
    encode = model.encode_query if side == "query" else model.encode_document
    return np.asarray(encode(list(texts)), dtype=np.float64)


def directions_by_hand(folder: Path, text: Path, components: int) -> NDArray[np.float64]:
    """Find what LSAR takes out with nothing but numpy and the plain library."""
    means = [unit(embed(folder, lines[:96], "document")).mean(axis=0) for lines in read_lines(text).values()]
    basis: NDArray[np.float64] = np.linalg.svd(np.stack(means) - np.mean(means, axis=0))[2][:components]
    return basis


@pytest.mark.parametrize(("kind", "components"), [("xlmr", 2), ("labse", 1), ("as_trained", 2)])
def test_it_gives_the_projected_vectors(
    kind: str, components: int, text: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model: Path = request.getfixturevalue(kind)
    before = hash_files(model)
    report = debias(model, text, tmp_path / "out", components=components)
    assert hash_files(model) == before
    assert (report.components, report.dimension) == (components, HIDDEN)
    basis = directions_by_hand(model, text, components)
    for side in ("query", "document"):
        own = unit(embed(model, SENTENCES, side))
        expected = unit(own - own @ basis.T @ basis)
        np.testing.assert_allclose(embed(tmp_path / "out", SENTENCES, side), expected, atol=2e-5)
    modules = list(SentenceTransformer(str(tmp_path / "out"), device="cpu"))
    assert [type(module) for module in modules[-2:]] == [Dense, Normalize]
    assert [type(module) for module in modules].count(Normalize) == 1


def test_prompts_lengths_and_similarity_stay(as_trained: Path, text: Path, tmp_path: Path) -> None:
    debias(as_trained, text, tmp_path / "out")
    own, new = (SentenceTransformer(str(folder), device="cpu") for folder in (as_trained, tmp_path / "out"))
    assert new.prompts == own.prompts == PROMPTS
    assert new.similarity_fn_name == own.similarity_fn_name == "dot"
    assert (new[0].query_length, new[0].document_length, new.max_seq_length) == (12, 40, 40)
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (as_trained / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_the_card_keeps_the_licence_and_says_whose_figures_are_whose(
    as_trained: Path, text: Path, tmp_path: Path
) -> None:
    debias(as_trained, text, tmp_path / "out", aligned=True)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert read_license(str(tmp_path / "out")) == "mit"
    assert card.startswith("---\nlicense: mit\nbase_model: some/one\n---\n\n# model without language")
    assert card.index("translation found") < card.index("Its figures are not those of this model")
    assert card.index("Its figures are not") < card.index("# A card") < card.index("mAP is 0.9.")
    assert "isogloss card" not in card


def test_a_model_without_a_card_gets_one(xlmr: Path, text: Path, tmp_path: Path) -> None:
    debias(xlmr, text, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert "library_name: sentence-transformers" in card.split("---")[1]
    assert "Its figures" not in card


def test_the_record_says_what_was_done(as_trained: Path, text: Path, tmp_path: Path) -> None:
    report = debias(as_trained, text, tmp_path / "out", method=Subspace.LIR, aligned=True)
    record = json.loads((tmp_path / "out" / "debiasing.json").read_text(encoding="utf-8"))
    assert {
        "method": "lir",
        "components": 3,
        "dimension": HIDDEN,
        "prefix": "Passage: ",
        "aligned": True,
    }.items() <= record.items()
    assert record["files"] == {str(text / name): digest for name, digest in hash_files(text).items()}
    assert len(record["fingerprint"]) == 64
    assert record["held_out"] == json.loads(json.dumps(report.to_dict()))["held_out"]
    assert {own["learned"] for own in record["held_out"]["languages"].values()} == {96}
    assert {own["held_out"] for own in record["held_out"]["languages"].values()} == {24}


def test_languages_are_told_apart_before_and_hardly_after(xlmr: Path, text: Path, tmp_path: Path) -> None:
    figures = debias(xlmr, text, tmp_path / "out").held_out
    assert figures.told.before > 0.7
    assert figures.told.after < 0.5
    assert figures.told_by_chance == pytest.approx(1 / 3)
    assert 0 < figures.removed < 1
    assert figures.between.after < figures.between.before / 10


def test_the_same_command_writes_the_same_bytes(labse: Path, text: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        debias(labse, text, tmp_path / name)
    assert hash_files(tmp_path / "one") == hash_files(tmp_path / "other")


def test_a_second_number_of_components_encodes_no_text_again(
    xlmr: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    encode = Encoder.encode_batches

    def count(self: Encoder, kind: Kind, texts: Sequence[str]) -> Generator[EncodedBatch, None, None]:
        counted.append(len(texts))
        return encode(self, kind, texts)

    monkeypatch.setattr(Encoder, "encode_batches", count)
    reports = [debias(xlmr, text, tmp_path / f"out{number}", components=number) for number in (1, 2)]
    sample = 3 * 8
    assert sorted(counted)[-1] == 3 * LINES
    assert sum(counted) == 3 * LINES + 2 * 4 * sample
    assert [report.components for report in reports] == [1, 2]
    counted.clear()
    debias(xlmr, text, tmp_path / "anew", store=False)
    assert sum(counted) == 3 * LINES + 4 * sample


def test_a_prefix_can_be_given_for_a_model_that_stores_none(xlmr: Path, text: Path, tmp_path: Path) -> None:
    report = debias(xlmr, text, tmp_path / "out", passage_prefix="Passage: ", components=2)
    assert report.prefix == "Passage: "
    means = [
        unit(embed(xlmr, [f"Passage: {line}" for line in lines[:96]], "document")).mean(axis=0)
        for lines in read_lines(text).values()
    ]
    basis = np.linalg.svd(np.stack(means) - np.mean(means, axis=0))[2][:2]
    dense = SentenceTransformer(str(tmp_path / "out"), device="cpu")[-2]
    expected = np.eye(HIDDEN) - basis.T @ basis
    np.testing.assert_allclose(dense.linear.weight.detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("number", [torch.float16, torch.bfloat16])
def test_a_model_of_16_bits_stays_one(xlmr: Path, text: Path, tmp_path: Path, number: torch.dtype) -> None:
    halved = SentenceTransformer(str(xlmr), device="cpu").to(number)
    halved.save(str(tmp_path / "halved"), create_model_card=False)
    debias(tmp_path / "halved", text, tmp_path / "out")
    model = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert {parameter.dtype for parameter in model.parameters()} == {number}
