from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from isogloss.encoding import Encoder, load_encoder, transformer
from isogloss.encoding.fingerprint import fingerprint_model
from isogloss.encoding.store import EmbeddingStore
from isogloss.encoding.stored import StoredEncoder
from isogloss.errors import ConfigError, DataError, ModelError
from tiny_models import MAX_TOKENS, SENTENCES, set_prompts, tiny_labse

TEXTS = [*SENTENCES, "short", "x " * 200, *(f"{number} {SENTENCES[number % 8]}" for number in range(40))]


@pytest.mark.parametrize("name", ["xlmr", "labse"])
def test_vectors_are_those_of_sentence_transformers(name: str, request: pytest.FixtureRequest) -> None:
    folder = str(request.getfixturevalue(name))
    found = load_encoder(folder, device="cpu").encode_passages(TEXTS)
    expected = SentenceTransformer(folder, device="cpu").encode(TEXTS, normalize_embeddings=True)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_the_heads_of_labse_are_applied(labse: Path) -> None:
    """CLS pooling, dense layer with tanh: computed here by hand from the stored parts."""
    model = SentenceTransformer(str(labse), device="cpu")
    features = model.tokenizer(SENTENCES[0], return_tensors="pt")
    with torch.no_grad():
        first = model[0].model(**features).last_hidden_state[0, 0]
        expected = torch.tanh(model[2].linear(first))
    expected /= expected.norm()
    found = load_encoder(str(labse), device="cpu").encode_queries([SENTENCES[0]])
    np.testing.assert_allclose(found[0], expected.numpy(), atol=1e-6)


def test_equal_texts_are_encoded_once_and_get_equal_bits(xlmr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load_encoder(str(xlmr), device="cpu")
    encoded: list[str] = []
    run = encoder._encode_batch

    def count(texts: list[str], prefix: str, kind: str) -> np.typing.NDArray[np.float32]:
        encoded.extend(texts)
        return run(texts, prefix, kind)

    monkeypatch.setattr(encoder, "_encode_batch", count)
    vectors = encoder.encode_passages([*TEXTS, *reversed(TEXTS)])
    assert sorted(encoded) == sorted(set(TEXTS))
    assert vectors.tobytes() == np.concatenate((vectors[: len(TEXTS)], vectors[: len(TEXTS)][::-1])).tobytes()
    np.testing.assert_array_equal(vectors, vectors[::-1])


def test_batches_keep_to_the_token_budget_and_pad_little(xlmr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer, "TOKEN_BUDGET", 256)
    encoder = load_encoder(str(xlmr), device="cpu")
    shapes: list[tuple[int, int]] = []
    preprocess = encoder.model.preprocess

    def record(
        texts: list[str], prompt: str | None = None, task: str | None = None
    ) -> dict[str, torch.Tensor]:
        features: dict[str, torch.Tensor] = preprocess(texts, prompt=prompt, task=task)
        shapes.append(tuple(features["input_ids"].shape))  # type: ignore[arg-type]
        return features

    monkeypatch.setattr(encoder.model, "preprocess", record)
    encoder.encode_queries(TEXTS)
    assert len(shapes) > 3
    assert sum(rows for rows, _ in shapes) == len(set(TEXTS))
    assert max(rows * width for rows, width in shapes) <= 256
    assert [width for _, width in shapes] == sorted((width for _, width in shapes), reverse=True)


def test_prefixes_are_the_models_own_unless_given(tmp_path: Path) -> None:
    folder = tiny_labse(tmp_path / "labse")
    plain = load_encoder(str(folder), device="cpu")
    assert plain.prefixes == {"query": "", "passage": ""}
    set_prompts(folder, {"query": "Query: ", "document": "Passage: "})
    encoder = load_encoder(str(folder), device="cpu")
    assert encoder.prefixes == {"query": "Query: ", "passage": "Passage: "}
    with_prefix = plain.encode_queries([f"Query: {text}" for text in SENTENCES])
    np.testing.assert_allclose(encoder.encode_queries(SENTENCES), with_prefix, atol=1e-6)
    assert not np.allclose(encoder.encode_passages(SENTENCES), with_prefix, atol=1e-3)
    given = load_encoder(str(folder), query_prefix="", passage_prefix="p: ", device="cpu")
    assert given.prefixes == {"query": "", "passage": "p: "}
    np.testing.assert_allclose(given.encode_queries(SENTENCES), plain.encode_queries(SENTENCES), atol=1e-6)
    set_prompts(folder, {"query": "q ", "passage": "d "})
    assert load_encoder(str(folder), device="cpu").prefixes["passage"] == "d "


def test_the_share_of_truncated_texts_is_told(labse: Path) -> None:
    encoder = load_encoder(str(labse), device="cpu")
    assert encoder.max_lengths == {"query": MAX_TOKENS, "passage": MAX_TOKENS}
    encoder.encode_passages(["x " * 200, "short", "short", "also short"])
    assert encoder.settings()["truncated_passage_share"] == pytest.approx(1 / 3, abs=1e-6)
    short = load_encoder(str(labse), max_length=4, device="cpu")
    short.encode_queries(SENTENCES)
    assert short.settings()["truncated_query_share"] == 1
    cut = short.encode_queries([SENTENCES[0] + " and more"])
    np.testing.assert_allclose(cut, short.encode_queries([SENTENCES[0]]), atol=1e-6)


def test_lengths_beyond_the_model_are_refused(labse: Path) -> None:
    with pytest.raises(ConfigError, match="takes 64 tokens at most, not 65"):
        load_encoder(str(labse), max_length=65, device="cpu")
    for length in (0, 1, 2):  # [CLS] and [SEP] alone: 1 would cut nothing, 2 would leave nothing
        with pytest.raises(ConfigError, match=rf"needs 3 tokens at least \(2 stand .*, not {length}"):
            load_encoder(str(labse), max_length=length, device="cpu")
    assert load_encoder(str(labse), max_length=3, device="cpu").max_lengths == {"query": 3, "passage": 3}


@pytest.mark.parametrize("device", ["", "warp", "cuda:99", "privateuseone"])
def test_devices_that_cannot_be_used_are_refused(labse: Path, device: str) -> None:
    with pytest.raises(ConfigError, match=f"device '{device}' cannot be used") as caught:
        load_encoder(str(labse), device=device)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_refused(xlmr: Path) -> None:
    encoder = load_encoder(str(xlmr), device="cpu", quiet=True)
    for encode, kind in ((encoder.encode_queries, "query"), (encoder.encode_passages, "passage")):
        with pytest.raises(DataError, match=rf"a {kind} to encode is no text in UTF-8.*'cut \\ud83d'"):
            encode(["good", "cut \ud83d"])
    with pytest.raises(ConfigError, match=r"the passage prefix is no text in UTF-8; got '\\udcff: '"):
        load_encoder(str(xlmr), passage_prefix="\udcff: ", device="cpu", quiet=True)


def test_models_that_cannot_be_loaded_are_refused(tmp_path: Path, xlmr: Path) -> None:
    with pytest.raises(ModelError, match="no model in the folder"):
        load_encoder(str(tmp_path))
    for path in (str(tmp_path / "nothing"), "./nothing", "a/b/c", "a name", ""):
        with pytest.raises(ModelError, match="no such folder, and no name that the hub could have"):
            load_encoder(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="file: is a file; give the folder"):
        load_encoder(str(tmp_path / "file"))
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in xlmr.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="broken: cannot be loaded"):
        load_encoder(str(broken))
    (broken / "config.json").write_text(json.dumps({"model_type": "no-such-type"}), encoding="utf-8")
    with pytest.raises(ModelError, match="broken: cannot be loaded"):
        load_encoder(str(broken))


@pytest.mark.parametrize("bad", [0.0, float("nan")])
def test_vectors_without_direction_are_refused(
    xlmr: Path, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    encoder = load_encoder(str(xlmr), device="cpu")

    def encode(texts: list[str], prefix: str, kind: str) -> np.typing.NDArray[np.float32]:
        rows = np.ones((len(texts), 32), dtype=np.float32)
        rows[[text == "odd" for text in texts]] = bad
        return rows

    monkeypatch.setattr(encoder, "_encode_batch", encode)
    with pytest.raises(ModelError, match=r"undefined vector for 1 query text\(s\), first for 'odd'"):
        encoder.encode_queries(["even", "odd"])


def test_nothing_to_encode_gives_no_vectors(xlmr: Path) -> None:
    assert load_encoder(str(xlmr), device="cpu").encode_queries([]).shape == (0, 32)


def test_queries_and_passages_are_cut_at_the_lengths_that_the_model_was_trained_with(
    xlmr: Path, tmp_path: Path
) -> None:
    model = SentenceTransformer(str(xlmr), device="cpu")
    model[0].query_length, model[0].document_length = 8, 12
    model.save(str(tmp_path / "model"), create_model_card=False)
    encoder = load_encoder(str(tmp_path / "model"), device="cpu")
    assert encoder.max_lengths == {"query": 8, "passage": 12}
    plain = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    queries = encoder.encode_queries(SENTENCES)
    passages = encoder.encode_passages(SENTENCES)
    np.testing.assert_allclose(
        queries, plain.encode_query(list(SENTENCES), normalize_embeddings=True), atol=1e-6
    )
    np.testing.assert_allclose(
        passages, plain.encode_document(list(SENTENCES), normalize_embeddings=True), atol=1e-6
    )
    assert not np.allclose(queries, passages, atol=1e-4)
    assert encoder.truncated_share["query"] >= encoder.truncated_share["passage"] > 0


def test_a_second_evaluation_runs_no_model_and_gives_the_same_bits(
    labse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EmbeddingStore(tmp_path)
    first = StoredEncoder(load_encoder(str(labse), device="cpu"), store)
    plain = load_encoder(str(labse), device="cpu")
    vectors = first.encode_passages(TEXTS)
    np.testing.assert_array_equal(vectors, plain.encode_passages(TEXTS))
    again = load_encoder(str(labse), device="cpu")
    monkeypatch.setattr(again, "_encode_batch", lambda *_: pytest.fail("encoded again"))
    monkeypatch.setattr(again, "count_tokens", lambda *_: pytest.fail("counted again"))
    second = StoredEncoder(again, EmbeddingStore(tmp_path))
    assert second.encode_passages(TEXTS).tobytes() == vectors.tobytes()
    assert (second.encoded, second.reused) == ({}, {"passage": len(TEXTS)})
    assert second.settings() == first.settings() == plain.settings()
    assert second.truncated_share["passage"] > 0


def test_stored_vectors_are_those_of_one_model_and_one_setting(
    labse: Path, xlmr: Path, tmp_path: Path
) -> None:
    def encode(folder: Path, **keywords: str | int) -> StoredEncoder:
        encoder = StoredEncoder(
            load_encoder(str(folder), device="cpu", quiet=True, **keywords),  # type: ignore[arg-type]
            EmbeddingStore(tmp_path / "store"),
        )
        np.testing.assert_allclose(
            encoder.encode_queries(SENTENCES),
            load_encoder(str(folder), device="cpu", quiet=True, **keywords).encode_queries(SENTENCES),  # type: ignore[arg-type]
            atol=1e-6,
        )
        return encoder

    other = tiny_labse(tmp_path / "labse", seed=1)
    for folder, keywords in (
        (labse, {}),
        (xlmr, {}),
        (other, {}),
        (labse, {"query_prefix": "q: "}),
        (labse, {"max_length": 8}),
    ):
        assert encode(folder, **keywords).encoded == {"query": len(SENTENCES)}  # type: ignore[arg-type]
    assert encode(labse, passage_prefix="p: ").reused == {"query": len(SENTENCES)}
    shutil.copytree(labse, tmp_path / "copy")
    assert encode(tmp_path / "copy").reused == {"query": len(SENTENCES)}


def test_a_model_in_another_number_format_has_other_vectors(labse: Path) -> None:
    encoder = load_encoder(str(labse), device="cpu")
    before = encoder.space("query")
    assert before.computing.startswith("cpu, float32, torch ")
    assert (before.kind, before.prefix, before.max_length) == ("query", "", MAX_TOKENS)
    assert before.fingerprint == fingerprint_model(labse)
    encoder.model.to(torch.bfloat16)
    assert encoder.space("query").digest() != before.digest()


@pytest.mark.parametrize("name", ["xlmr", "labse"])
def test_vectors_computed_in_bfloat16_are_near_kept_apart_and_float32(
    name: str, request: pytest.FixtureRequest
) -> None:
    folder = str(request.getfixturevalue(name))
    exact, near = (load_encoder(folder, device="cpu", bf16=bf16, quiet=True) for bf16 in (False, True))
    before, after = exact.encode_passages(TEXTS), near.encode_passages(TEXTS)
    cosines = (before * after).sum(axis=1)
    assert after.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1, atol=1e-6)
    assert cosines.min() > 0.9999
    assert not np.array_equal(before, after)
    assert near.space("query").digest() != exact.space("query").digest()
    assert (near.settings()["bf16"], "bf16" in exact.settings()) == (True, False)


def test_vectors_of_a_model_that_is_not_from_files_are_not_stored(labse: Path, tmp_path: Path) -> None:
    model = SentenceTransformer(str(labse), device="cpu")
    encoder = StoredEncoder(Encoder(model, "in memory", quiet=True), EmbeddingStore(tmp_path))
    with pytest.raises(ModelError, match="in memory: only vectors of a model that was loaded from files"):
        encoder.encode_queries(SENTENCES)


def test_a_model_of_the_hub_is_recognised_by_its_local_copy(
    labse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path))
    for name, commit in (("models--sentence-transformers--tiny", "a" * 40), ("models--me--tiny", "b" * 40)):
        (tmp_path / name / "refs").mkdir(parents=True)
        (tmp_path / name / "refs" / "main").write_text(commit)
        shutil.copytree(labse, tmp_path / name / "snapshots" / commit)
    expected = fingerprint_model(labse)
    assert fingerprint_model("tiny") == fingerprint_model("me/tiny") == expected
    with (tmp_path / "models--me--tiny" / "snapshots" / ("b" * 40) / "config.json").open("a") as stream:
        stream.write(" ")
    assert fingerprint_model("me/tiny") != expected
    for missing in ("me/nothing", "nothing", "a name"):
        with pytest.raises(ModelError, match=f"{missing}: no such folder, and no local copy"):
            fingerprint_model(missing)


def test_the_store_and_files_of_vectors_need_no_torch() -> None:
    code = (
        "import sys, isogloss.encoding, isogloss.encoding.store, isogloss.encoding.stored, "
        "isogloss.encoding.vector_files, isogloss.encoding.endpoint, isogloss.encoding.fingerprint\n"
        "print([name for name in ('torch', 'transformers', 'openai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(ImportError, match="cannot import name 'no_such_name'"):
        from isogloss.encoding import no_such_name  # type: ignore[attr-defined]  # noqa: F401
