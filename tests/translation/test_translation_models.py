"""The real classes, tiny and random: languages, tokens, limits, files."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_translators import MAX_TOKENS, tiny_marian

from isogloss.errors import ConfigError, ModelError
from isogloss.translation.loading import ModelTranslators, load_model, read_licence
from isogloss.translation.models import Seq2SeqModel, Seq2SeqTranslator
from isogloss.translation.translator import Fault

TEXTS = (
    "Which river flows through the old town?",
    "In 1843 the bridge was built of stone, 38 metres long.",
    "The river.",
    "Who?",
)
Spied = tuple[Seq2SeqTranslator, list[dict[str, torch.Tensor]]]


@pytest.fixture(scope="module")
def models(nllb: Path, m2m: Path, marian: Path, labelled_marian: Path) -> dict[str, Seq2SeqModel]:
    folders = {"nllb": nllb, "m2m": m2m, "marian": marian, "labelled": labelled_marian}
    return {name: load_model(folder, name, beams=2, device="cpu") for name, folder in folders.items()}


@pytest.fixture
def spy(models: dict[str, Seq2SeqModel], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], Spied]:
    """Open a translator, and list what its model reads and writes."""

    def open_spied(name: str, source: str, target: str) -> Spied:
        whole, seen = models[name], []
        generate = whole.model.generate

        def listen(**arguments: object) -> torch.Tensor:
            written = generate(**arguments)
            seen.append({"read": arguments["input_ids"], "written": written})
            return written

        monkeypatch.setattr(whole.model, "generate", listen)
        return whole(source, target), seen

    return open_spied


@pytest.mark.parametrize(
    ("name", "target", "first"),
    [
        ("nllb", "sw", "swh_Latn"),
        ("nllb", "zh", "zho_Hans"),
        ("m2m", "sw", "__sw__"),
        ("m2m", "de", "__de__"),
    ],
)
def test_the_first_token_written_is_the_target_language(
    name: str, target: str, first: str, spy: Callable[[str, str, str], Spied]
) -> None:
    translator, seen = spy(name, "en", target)
    made = translator.translate(TEXTS)
    (batch,) = seen
    tokenizer = translator._whole.tokenizer
    assert set(tokenizer.convert_ids_to_tokens(batch["written"][:, 1].tolist())) == {first}
    source = "eng_Latn" if name == "nllb" else "__en__"
    assert set(tokenizer.convert_ids_to_tokens(batch["read"][:, 0].tolist())) == {source}
    assert all(first not in translation.text for translation in made)


def test_a_labelled_model_reads_the_target_language_first(spy: Callable[[str, str, str], Spied]) -> None:
    translator, seen = spy("labelled", "en", "zh")
    translator.translate(TEXTS)
    tokens = translator._whole.tokenizer.convert_ids_to_tokens(seen[0]["read"][:, 0].tolist())
    assert set(tokens) == {">>cmn_Hans<<"}
    plain, seen = spy("marian", "en", "de")
    plain.translate(TEXTS)
    assert not any(
        ">>" in token for token in plain._whole.tokenizer.convert_ids_to_tokens(seen[0]["read"][0].tolist())
    )


@pytest.mark.parametrize(
    ("name", "target"), [("nllb", "de"), ("m2m", "de"), ("marian", "de"), ("labelled", "sw")]
)
def test_a_translation_is_what_the_model_writes_whatever_the_batch(
    name: str, target: str, models: dict[str, Seq2SeqModel]
) -> None:
    """Against the model used by hand, one text at a time."""
    translator = models[name]("en", target)
    made = translator.translate(TEXTS)
    again = [translation for text in reversed(TEXTS) for translation in translator.translate([text])]
    assert made == again[::-1]
    assert translator.translate(TEXTS) == made
    tokenizer, model = translator._whole.tokenizer, translator._whole.model
    if name in ("nllb", "m2m"):
        tokenizer.src_lang = translator.source
    label = ">>swh<< " if name == "labelled" else ""
    forced = {"nllb": "deu_Latn", "m2m": "__de__"}.get(name)
    for text, translation in zip(TEXTS, made, strict=True):
        inputs = tokenizer(label + text, return_tensors="pt")
        written = model.generate(
            **inputs,
            num_beams=2,
            do_sample=False,
            max_new_tokens=min(3 * inputs["input_ids"].shape[1] + 16, MAX_TOKENS - 1),
            forced_bos_token_id=None if forced is None else tokenizer.convert_tokens_to_ids(forced),
        )
        text_of = tokenizer.decode(written[0][1 if forced is None else 2 :], skip_special_tokens=True)
        assert translation.text == " ".join(text_of.split())


def test_tokens_are_counted_with_those_that_the_model_adds(models: dict[str, Seq2SeqModel]) -> None:
    for name, target in (("nllb", "de"), ("m2m", "de"), ("marian", "de"), ("labelled", "de")):
        translator = models[name]("en", target)
        counts = translator.count_tokens(TEXTS)
        read = translator._tokenize(TEXTS, padding=True, return_tensors="pt")["attention_mask"].sum(dim=1)
        assert counts == read.tolist()
        assert translator.limit == MAX_TOKENS
        assert translator.count_tokens([]) == []


def test_what_does_not_end_is_unfinished(m2m: Path, tmp_path: Path) -> None:
    """A model that is never pushed to its end goes on to the most tokens that it may write."""
    folder = shutil.copytree(m2m, tmp_path / "m2m")
    settings = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    settings["suppress_tokens"] = [2]
    (folder / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    translator = load_model(folder, "endless", beams=1, device="cpu")("en", "de")
    assert {translation.fault for translation in translator.translate(TEXTS)} == {Fault.UNFINISHED}


def test_a_marian_model_that_is_forced_to_end_is_unfinished(marian: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(marian, tmp_path / "marian")
    settings = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    del settings["exponential_decay_length_penalty"]
    settings["sequence_bias"] = [[[0], -100.0]]
    (folder / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    translator = load_model(folder, "endless", beams=1, device="cpu")("en", "de")
    assert {translation.fault for translation in translator.translate(TEXTS)} == {Fault.UNFINISHED}


def test_what_decides_a_translation_is_its_identity(m2m: Path, tmp_path: Path) -> None:
    known = load_model(m2m, "m2m", device="cpu")("eng", "swh_Latn").identity
    assert known["source"] == "en"
    assert known["target"] == "sw"
    assert known["beams"] == 4
    copied = load_model(shutil.copytree(m2m, tmp_path / "elsewhere"), "copy", device="cpu")
    assert copied("en", "sw").identity == known
    half = load_model(m2m, "m2m", beams=1, precision="bfloat16", device="cpu")("en", "sw")
    assert {key for key, value in half.identity.items() if value != known[key]} == {"beams", "precision"}
    assert half.translate(["Who?"])


@pytest.mark.parametrize(
    ("name", "source", "target", "told"),
    [
        ("nllb", "en", "nds", "nllb does not know the language 'nds'; the nearest that it knows: "),
        ("m2m", "zh-Hant", "de", "m2m does not know the language 'zh-Hant'"),
        ("marian", "en", "sw", "marian translates into de, not into sw; a model for each pair"),
        ("marian", "fr", "de", "marian translates from en, not from fr"),
        ("labelled", "en", "fr", "labelled does not know the language 'fr'"),
        ("labelled", "fr", "de", "labelled translates from en, not from fr"),
    ],
)
def test_languages_that_a_model_lacks(
    name: str, source: str, target: str, told: str, models: dict[str, Seq2SeqModel]
) -> None:
    with pytest.raises(ConfigError, match=told):
        models[name](source, target)


def test_a_model_for_each_pair(marian: Path) -> None:
    tiny = marian.parent / "opus-mt-en-sw"
    if not tiny.exists():
        tiny_marian(tiny, target="swa")
    translators = ModelTranslators(str(marian.parent / "opus-mt-{source}-{target}"), beams=1, device="cpu")
    assert translators("en", "de").identity["target"] == "de"
    assert translators("en", "sw").identity["target"] == "sw"
    assert sorted(translators.used) == [str(marian), str(tiny)]
    assert {entry["licence"] for entry in translators.used.values()} == {"cc-by-nc-4.0"}


def test_pickled_weights_are_refused(m2m: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(m2m, tmp_path / "m2m")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no safetensors weights .* NAME@refs/pr/2"):
        ModelTranslators(str(folder), device="cpu")("en", "de")


def test_other_models_are_refused(xlmr: Path, m2m: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be loaded as a translation model"):
        ModelTranslators(str(xlmr), device="cpu")("en", "de")
    broken = shutil.copytree(m2m, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ModelError, match=r"cannot be loaded as a translation model"):
        ModelTranslators(str(broken), device="cpu")("en", "de")
    whole = load_model(m2m, "m2m", device="cpu")
    with pytest.raises(ModelError, match="its tokenizer is a FlatTokenizer; translation takes Nllb"):
        Seq2SeqModel(whole.model, type("FlatTokenizer", (), {})(), "flat", fingerprint="0")
    with pytest.raises(ConfigError, match="--beams takes a whole number from 1; got 0"):
        load_model(m2m, "m2m", beams=0, device="cpu")
    with pytest.raises(ConfigError, match="device 'abacus' cannot be used"):
        load_model(m2m, "m2m", device="abacus")


@pytest.mark.parametrize(
    ("family", "file", "told"),
    [
        ("m2m", "vocab.json", "cannot be loaded as a translation model"),
        ("m2m", "tokenizer_config.json", "cannot be loaded as a translation model"),
        ("nllb", "tokenizer.json", r"its tokenizer has 207 tokens, the model 423; a file .* is missing"),
    ],
)
def test_a_tokenizer_with_damaged_files_is_refused(
    family: str, file: str, told: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = shutil.copytree(request.getfixturevalue(family), tmp_path / "damaged")
    (folder / file).unlink()
    if family == "m2m":
        (folder / file).write_text("[1]", encoding="utf-8")
    with pytest.raises(ModelError, match=told):
        load_model(folder, "damaged", device="cpu")


def test_a_device_with_too_little_memory_for_the_model_is_one_line(
    m2m: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, place: str) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("transformers.PreTrainedModel.to", fail)
    with pytest.raises(ModelError, match=r"m2m: cannot be loaded .* \(CUDA out of memory\)"):
        load_model(m2m, "m2m", device="cpu")


def test_a_lost_connection_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    def fail(name: str, **options: object) -> None:
        raise HTTPError("peer closed connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ModelError, match=r"cannot be fetched from the hub \(peer closed connection\)"):
        ModelTranslators("some/model", device="cpu")("en", "de")


@pytest.mark.parametrize("name", ["no/such-model", "no/such-model@refs/pr/1", "/no/such/folder"])
def test_a_model_that_is_nowhere(name: str) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        ModelTranslators(name, device="cpu")("en", "de")


def test_a_revision_of_the_hub_is_found_in_the_cache(
    m2m: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked = []

    def fetch(name: str, **options: object) -> str:
        asked.append((name, options["revision"]))
        assert "*.bin" not in options["allow_patterns"]  # type: ignore[operator]
        return str(m2m)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    for name in ("some/model", "some/model@refs/pr/45"):
        assert ModelTranslators(name, device="cpu")("en", "de").target == "de"
    assert asked == [("some/model", None), ("some/model", "refs/pr/45")]


@pytest.mark.parametrize("package", ["sentencepiece", "sacremoses"])
def test_the_extra_is_named_when_it_is_missing(
    package: str, m2m: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ConfigError, match=rf"needs the package {package}: pip install 'isogloss\[translate\]'"
    ):
        load_model(m2m, "m2m", device="cpu")


def test_licences(tmp_path: Path) -> None:
    assert read_licence(tmp_path) is None
    for text, licence in (
        ("# No licence", None),
        ("---\nlicense: mit\n---\n", "mit"),
        ("---\nlicense: [\n---\n", None),
    ):
        (tmp_path / "README.md").write_text(text, encoding="utf-8")
        assert read_licence(tmp_path) == licence


def test_too_little_memory_is_one_line(
    models: dict[str, Seq2SeqModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(models["m2m"].model, "generate", fail)
    with pytest.raises(ModelError, match="memory on cpu for a batch of 4 texts; lower --batch-tokens"):
        models["m2m"]("en", "de").translate(TEXTS)
