"""Trimmed models of every class embed the given text as before, and are ordinary models of that class."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import transformers
from models_to_trim import KEPT, MAKERS, as_published, write_texts
from numpy.typing import NDArray
from safetensors import safe_open
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer

from isogloss.encoding import load_encoder
from isogloss.errors import ConfigError, ModelError
from isogloss.trimming import TrimReport, trim
from isogloss.trimming.model_files import open_model
from isogloss.trimming.survey import is_held_out
from isogloss.trimming.tokenizer_files import renumber
from isogloss.vocabulary import Text, TextCollection, open_texts
from tiny_models import SENTENCES, set_prompts

WHOLE = ("xlmr", "labse", *MAKERS)


@pytest.fixture(scope="session")
def whole_models(xlmr: Path, labse: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("whole")
    made = {name: maker(folder / name.replace(" ", "-")) for name, maker in MAKERS.items()}
    return {"xlmr": xlmr, "labse": labse, **made}


@pytest.fixture(scope="session")
def kept_texts(tmp_path_factory: pytest.TempPathFactory) -> TextCollection:
    return open_texts([write_texts(tmp_path_factory.mktemp("kept"), {"en": KEPT})])


@pytest.fixture(scope="session")
def trimmed_models(
    whole_models: dict[str, Path], kept_texts: TextCollection, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, TrimReport]]:
    folder = tmp_path_factory.mktemp("trimmed")
    made = {}
    for name, whole in whole_models.items():
        out = folder / name.replace(" ", "-")
        made[name] = (out, trim(str(whole), kept_texts, out, share=0.0, quiet=True))
    return made


def encode(folder: Path, texts: list[str]) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = SentenceTransformer(str(folder), device="cpu").encode(texts)
    return vectors


@pytest.mark.parametrize("name", WHOLE)
def test_given_text_is_embedded_as_before(
    name: str, whole_models: dict[str, Path], trimmed_models: dict[str, tuple[Path, TrimReport]]
) -> None:
    """By plain sentence-transformers, with other batches than the tool's own check has."""
    folder, report = trimmed_models[name]
    before, after = encode(whole_models[name], KEPT), encode(folder, KEPT)
    assert np.abs(before - after).max() <= 1e-6
    assert np.abs(before[0] - before[1]).max() > 1e-3, "the model tells texts apart"
    assert report.difference <= 1e-6
    assert report.texts == report.encoded == len(KEPT)
    assert report.after.pieces < report.before.pieces
    assert report.after.parameters < report.before.parameters


@pytest.mark.parametrize("name", WHOLE)
def test_every_id_is_that_of_the_same_token(
    name: str, whole_models: dict[str, Path], trimmed_models: dict[str, tuple[Path, TrimReport]]
) -> None:
    folder, report = trimmed_models[name]
    before, after = open_model(str(whole_models[name])), open_model(str(folder))
    assert after.tables.rows == len(after.tokenizer.pieces) == after.tokenizer.size == report.after.pieces
    old, new = (
        json.loads((files.transformer / "config.json").read_text(encoding="utf-8"))
        for files in (before, after)
    )
    ids = [key for key in old if key.endswith("_token_id") and old[key] is not None]
    assert ids or name in ("labse", "MPNet")
    for key in ids:
        assert after.tokenizer.pieces[new[key]] == before.tokenizer.pieces[old[key]]
    same = {key for key in old if key not in (*ids, "vocab_size")}
    assert {key: old[key] for key in same} == {key: new[key] for key in same}
    tokenizers = [AutoTokenizer.from_pretrained(str(files.transformer)) for files in (before, after)]
    assert tokenizers[0].special_tokens_map == tokenizers[1].special_tokens_map
    assert len(after.tokenizer.added) == len(before.tokenizer.added)


@pytest.mark.parametrize("name", WHOLE)
def test_all_other_weights_are_the_same_bits(
    name: str, whole_models: dict[str, Path], trimmed_models: dict[str, tuple[Path, TrimReport]]
) -> None:
    whole, (trimmed, report) = whole_models[name], trimmed_models[name]
    rows = open_model(str(whole)).tables.rows
    cut = 0
    files = sorted(path.relative_to(whole) for path in whole.rglob("*.safetensors"))
    assert files == sorted(path.relative_to(trimmed) for path in trimmed.rglob("*.safetensors"))
    for file in files:
        with safe_open(whole / file, "pt") as before, safe_open(trimmed / file, "pt") as after:
            assert before.keys() == after.keys()
            assert before.metadata() == after.metadata()
            for key in before.keys():  # noqa: SIM118 - no dictionary
                old, new = before.get_tensor(key), after.get_tensor(key)
                assert old.dtype == new.dtype
                if old.shape[0] == rows:
                    cut += 1
                    assert new.shape == (report.after.pieces, *old.shape[1:])
                else:
                    assert old.equal(new)
    assert cut >= 1


def test_the_head_of_a_language_model_still_fits(
    whole_models: dict[str, Path], trimmed_models: dict[str, tuple[Path, TrimReport]]
) -> None:
    """Masked tokens get the scores that they got, for all pieces that are left."""
    for name, kind in (("RoBERTa with head", "RobertaForMaskedLM"), ("ModernBERT", "ModernBertForMaskedLM")):
        folder, _ = trimmed_models[name]
        scores, pieces = [], []
        for place in (whole_models[name], folder):
            tokenizer = AutoTokenizer.from_pretrained(str(place))
            model, told = getattr(transformers, kind).from_pretrained(str(place), output_loading_info=True)
            assert not told["missing_keys"]
            assert not told["unexpected_keys"]
            rows = tokenizer(f"{KEPT[0]}{tokenizer.mask_token}", return_tensors="pt")
            scores.append(model.eval()(**rows).logits[0].detach().numpy())
            pieces.append(tokenizer.get_vocab())
        columns = [pieces[0][piece] for piece in sorted(pieces[1], key=pieces[1].__getitem__)]
        np.testing.assert_allclose(scores[0][:, columns], scores[1], atol=1e-6)


def test_padding_that_positions_are_counted_from_stays(
    trimmed_models: dict[str, tuple[Path, TrimReport]],
) -> None:
    files = open_model(str(trimmed_models["late padding"][0]))
    assert files.tables.lowest == 8
    assert [files.tokenizer.pieces[number] for number in (1, 6, 7)] == ["unused0", "unused5", "<pad>"]
    assert open_model(str(trimmed_models["MPNet"][0])).tables.lowest == 2
    assert open_model(str(trimmed_models["ModernBERT"][0])).tables.lowest == 0


def test_padding_moves_where_positions_do_not_hang_on_it(
    whole_models: dict[str, Path], trimmed_models: dict[str, tuple[Path, TrimReport]]
) -> None:
    before, after = (
        json.loads((folder / "config.json").read_text(encoding="utf-8"))["pad_token_id"]
        for folder in (whole_models["ModernBERT"], trimmed_models["ModernBERT"][0])
    )
    assert after < before


def test_stale_files_are_left_out(xlmr: Path, kept_texts: TextCollection, tmp_path: Path) -> None:
    """A loader that preferred the vocabulary of sentencepiece would give every piece a wrong row."""
    whole = as_published(xlmr, tmp_path / "whole")
    trim(str(whole), kept_texts, tmp_path / "out", share=0.0, quiet=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "trimming.json",
    ]
    np.testing.assert_allclose(encode(whole, KEPT), encode(tmp_path / "out", KEPT), atol=1e-6)


def test_a_vocabulary_in_lines_alone_is_enough(
    labse: Path, kept_texts: TextCollection, tmp_path: Path
) -> None:
    """As in old folders of BERT, which have no tokenizer.json."""
    whole = tmp_path / "whole"
    shutil.copytree(labse, whole)
    pieces = json.loads((whole / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    (whole / "tokenizer.json").unlink()
    lines = "".join(f"{piece}\n" for piece in sorted(pieces, key=pieces.__getitem__))
    (whole / "vocab.txt").write_text(lines, encoding="utf-8")
    (whole / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": False}), encoding="utf-8"
    )
    report = trim(str(whole), kept_texts, tmp_path / "out", share=0.0, quiet=True)
    assert not (tmp_path / "out" / "vocab.txt").exists()
    assert (tmp_path / "out" / "tokenizer.json").is_file()
    assert report.after.pieces < report.before.pieces
    np.testing.assert_allclose(encode(whole, KEPT), encode(tmp_path / "out", KEPT), atol=1e-6)


def test_text_with_the_prompts_of_the_model_is_given_text(
    labse: Path, kept_texts: TextCollection, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(labse, whole)
    prompts = {"query": "Ποιος: ", "document": "古い町: ", "other": "नदी "}
    set_prompts(whole, prompts)
    report = trim(str(whole), kept_texts, tmp_path / "out", share=0.0, quiet=True)
    assert report.prefixes == ("", *prompts.values())
    for prompt in prompts:
        before, after = (
            SentenceTransformer(str(folder), device="cpu").encode(KEPT, prompt_name=prompt)
            for folder in (whole, tmp_path / "out")
        )
        np.testing.assert_allclose(before, after, atol=1e-6)


def test_prefixes_that_are_not_stored_can_be_given(
    xlmr: Path, kept_texts: TextCollection, tmp_path: Path
) -> None:
    """As the models of E5 need them."""
    given = {"query_prefix": "古い: ", "passage_prefix": "नदी: "}
    report = trim(str(xlmr), kept_texts, tmp_path / "out", share=0.2, quiet=True, **given)
    assert report.prefixes == ("", *given.values())
    for prefix in given.values():
        texts = [prefix + text for text in KEPT]
        np.testing.assert_allclose(encode(xlmr, texts), encode(tmp_path / "out", texts), atol=1e-6)


def test_a_transformer_in_a_folder_of_its_own(
    labse: Path, kept_texts: TextCollection, tmp_path: Path
) -> None:
    """As sentence-transformers saved models in its first years, with pickles beside some modules."""
    whole = tmp_path / "whole"
    shutil.copytree(labse, whole)
    inner = whole / "0_Transformer"
    inner.mkdir()
    for path in list(whole.iterdir()):
        if path.is_file() and path.name not in ("modules.json", "config_sentence_transformers.json"):
            path.rename(inner / path.name)
    modules = json.loads((whole / "modules.json").read_text(encoding="utf-8"))
    modules[0]["path"] = "0_Transformer"
    (whole / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (whole / "2_Dense" / "pytorch_model.bin").write_bytes(b"without rows for pieces")
    trim(str(whole), kept_texts, tmp_path / "out", share=0.0, quiet=True)
    assert (tmp_path / "out" / "0_Transformer" / "tokenizer.json").is_file()
    assert (tmp_path / "out" / "2_Dense" / "pytorch_model.bin").is_file()
    np.testing.assert_allclose(encode(whole, KEPT), encode(tmp_path / "out", KEPT), atol=1e-6)


def test_every_form_of_id_is_renumbered() -> None:
    content = {
        "eos_token_id": [3, 1],
        "pad_token_id": 4,
        "bos_token_id": 0,
        "decoder_start_token_id": 50,
        "cls_token_id": None,
        "forced_token_id": True,
        "vocab_size": 6,
        "num_token_ids": 3,
        "added_tokens_decoder": {"1": {"content": "<a>"}, "2": {"content": "<b>"}},
    }
    assert renumber(content, 6, {1: 0, 3: 1, 4: 2}) == {
        "eos_token_id": [1, 0],
        "pad_token_id": 2,
        "bos_token_id": None,
        "decoder_start_token_id": 50,
        "cls_token_id": None,
        "forced_token_id": True,
        "vocab_size": 6,
        "num_token_ids": 3,
        "added_tokens_decoder": {"0": {"content": "<a>"}},
    }


def test_lowering_of_case_by_sentence_transformers_counts(
    labse: Path, kept_texts: TextCollection, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(labse, whole)
    file = whole / "sentence_bert_config.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**settings, "do_lower_case": True}), encoding="utf-8")
    trim(str(whole), kept_texts, tmp_path / "out", share=0.0, quiet=True)
    np.testing.assert_allclose(encode(whole, KEPT), encode(tmp_path / "out", KEPT), atol=1e-6)


def test_what_is_measured_on_held_out_text_is_what_happens(
    whole_models: dict[str, Path], tmp_path: Path
) -> None:
    """The measures come out again from a model that is cut for the rest, by hand."""
    lines = [f"{sentence} {number}" for sentence in SENTENCES for number in range(6)]
    held_out = [line for line in lines if is_held_out(Text("en", line), 0.4)]
    rest = [line for line in lines if not is_held_out(Text("en", line), 0.4)]
    both = open_texts([write_texts(tmp_path / "both", {"en": lines})])
    alone = open_texts([write_texts(tmp_path / "alone", {"en": rest})])
    whole = whole_models["xlmr"]
    report = trim(str(whole), both, tmp_path / "out", share=0.4, quiet=True)
    trim(str(whole), alone, tmp_path / "trial", share=0.0, quiet=True)
    change = report.held_out["en"]
    tokenizers = [AutoTokenizer.from_pretrained(str(folder)) for folder in (whole, tmp_path / "trial")]
    cut = [[tokenizer.tokenize(line) for line in held_out] for tokenizer in tokenizers]
    assert change.texts == len(held_out)
    assert change.changed_texts == sum(one != other for one, other in zip(*cut, strict=True))
    assert change.tokens == tuple(sum(map(len, pieces)) for pieces in cut)
    encoders = [load_encoder(str(folder), device="cpu", quiet=True) for folder in (whole, tmp_path / "trial")]
    before, after = (encoder.encode_passages(held_out) for encoder in encoders)
    drift = 1 - (before * after).sum(axis=1)
    assert change.drift.texts == len(held_out)
    assert change.drift.mean == pytest.approx(drift.mean(), abs=1e-6)
    assert change.drift.most == pytest.approx(drift.max(), abs=1e-6)


def test_the_record_says_where_the_model_is_from(trimmed_models: dict[str, tuple[Path, TrimReport]]) -> None:
    folder, report = trimmed_models["labse"]
    record = json.loads((folder / "trimming.json").read_text(encoding="utf-8"))
    assert record["after"]["pieces"] == report.after.pieces
    assert len(record["fingerprint"]) == 64
    assert [len(digest) for digest in record["files"].values()] == [64]
    assert record["versions"]["tokenizers"]
    weights = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    # A header stands before the tensors of each file.
    assert report.after.memory <= weights <= report.after.memory + 2 * 8192
    assert weights < report.after.disk


def test_nothing_is_left_where_a_model_cannot_be_trimmed(
    xlmr: Path, kept_texts: TextCollection, tmp_path: Path
) -> None:
    for name, change in {
        "no-weights": lambda folder: (folder / "model.safetensors").unlink(),
        "adapter": lambda folder: (folder / "adapter_config.json").write_text("{}"),
        "other-kind": lambda folder: _make_word_level(folder),
        "other-rows": lambda folder: _change(folder / "config.json", vocab_size=5000),
        "no-transformer": lambda folder: (folder / "modules.json").write_text(
            '[{"path": "", "type": "a.StaticEmbedding"}]'
        ),
    }.items():
        folder = tmp_path / name
        shutil.copytree(xlmr, folder)
        change(folder)
        with pytest.raises(ModelError) as caught:
            trim(str(folder), kept_texts, tmp_path / "out", share=0.1, quiet=True)
        assert "\n" not in str(caught.value), name
        assert not (tmp_path / "out").exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"no-weights", "adapter", "other-kind", "other-rows", "no-transformer"}


def test_wrong_settings_are_refused(xlmr: Path, kept_texts: TextCollection, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(ConfigError, match="is not empty; choose another folder"):
        trim(str(xlmr), kept_texts, tmp_path)
    for share in (-0.1, 1.0, float("nan")):
        with pytest.raises(ConfigError, match="share to hold out"):
            trim(str(xlmr), kept_texts, tmp_path / "out", share=share)
    with pytest.raises(ModelError, match="no such folder"):
        trim("no such/model here", kept_texts, tmp_path / "out")


def _change(file: Path, **settings: object) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, **settings}), encoding="utf-8")


def _make_word_level(folder: Path) -> None:
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    words = {piece: number for number, (piece, _) in enumerate(content["model"]["vocab"])}
    content["model"] = {"type": "WordLevel", "vocab": words, "unk_token": "<unk>"}
    file.write_text(json.dumps(content), encoding="utf-8")
