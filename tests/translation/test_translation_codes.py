"""Our language codes find the codes of each family of models."""

from __future__ import annotations

import pytest

from isogloss.errors import ConfigError
from isogloss.languages import normalize_language
from isogloss.translation.codes import find_code, is_same_language

NLLB = (
    "deu_Latn",
    "swh_Latn",
    "zho_Hans",
    "zho_Hant",
    "yue_Hant",
    "prs_Arab",
    "pes_Arab",
    "arb_Arab",
    "nob_Latn",
)
M2M = ("de", "sw", "zh", "no", "tl", "ns", "pt", "sr")
MARIAN = ("deu", "cmn_Hans", "cmn_Hant", "pt_br", "por")


@pytest.mark.parametrize(
    ("language", "known", "code"),
    [
        ("de", NLLB, "deu_Latn"),
        ("sw", NLLB, "swh_Latn"),
        ("swh_Latn", NLLB, "swh_Latn"),
        ("ar", NLLB, "arb_Arab"),
        ("zh", NLLB, "zho_Hans"),
        ("zh-TW", NLLB, "zho_Hant"),
        ("fa", NLLB, "pes_Arab"),
        ("fa-AF", NLLB, "prs_Arab"),
        ("no", NLLB, "nob_Latn"),
        ("nb", M2M, "no"),
        ("tgl", M2M, "tl"),
        ("ns", M2M, "ns"),
        ("pt-BR", M2M, "pt"),
        ("zh", MARIAN, "cmn_Hans"),
        ("zh-Hant", MARIAN, "cmn_Hant"),
        ("pt", MARIAN, "por"),
        ("pt-BR", MARIAN, "pt_br"),
    ],
)
def test_a_code_is_found(language: str, known: tuple[str, ...], code: str) -> None:
    assert find_code(language, known, "model") == code


@pytest.mark.parametrize(("language", "near"), [("zh-Hant", "zh"), ("nds", "de"), ("sr-Latn", "sr")])
def test_an_unknown_language_is_told_the_nearest(language: str, near: str) -> None:
    with pytest.raises(
        ConfigError, match=f"model does not know the language '{language}'; the nearest .*{near}"
    ):
        find_code(language, M2M, "model")


def test_what_is_no_language_is_said_to_be_none() -> None:
    with pytest.raises(ConfigError, match="'xx' names no language"):
        find_code("xx", M2M, "model")


def test_every_code_of_the_real_tokenizers_is_found_by_our_own() -> None:
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as OF_M2M
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as OF_NLLB

    known = [code for code in OF_M2M["m2m100"] if code != "ns"]  # Northern Sotho is nso
    for codes in (OF_NLLB, known):
        assert [code for code in codes if find_code(normalize_language(code), codes, "model") != code] == []


def test_two_codes_of_one_language() -> None:
    assert is_same_language("de", "deu_Latn")
    assert is_same_language("no", "nb")
    assert is_same_language("own-code-of-mine", "own-code-of-mine")
    assert not is_same_language("zh-Hans", "zh-Hant")
    assert not is_same_language("xx", "yy")
