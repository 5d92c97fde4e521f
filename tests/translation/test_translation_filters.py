"""Each fault is found, and what is none is left alone."""

from __future__ import annotations

import pytest
from backwards import reverse
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import ConfigError
from isogloss.translation.filters import Filters, find_faults, find_unlike
from isogloss.translation.translator import Fault, Translation

USUAL = {
    f"The {name} flows through the town.": f"Der {name} fließt durch die Stadt."
    for name in ("Rhine", "Danube", "Elbe", "Neckar", "Spree")
}
"""Texts that set the usual ratio of lengths."""


def fault_of(
    text: str, made: Translation | str, target: str = "de", filters: Filters | None = None
) -> Fault | None:
    """Judge one translation among usual ones of its own kind."""
    one = made if isinstance(made, Translation) else Translation(made)
    usual = {f"{text} {n}": Translation(f"{one.text} {n}") for n in range(5)} if target != "de" else {}
    known = usual or {key: Translation(value) for key, value in USUAL.items()}
    return find_faults({**known, text: one}, target, filters or Filters()).get(text)


@pytest.mark.parametrize(
    ("text", "made", "fault"),
    [
        ("Who built the bridge?", Translation("Wer hat", Fault.UNFINISHED), Fault.UNFINISHED),
        ("Who built it?", Translation("", Fault.TOO_LONG), Fault.TOO_LONG),
        ("Who built the bridge?", "", Fault.EMPTY),
        ("Who built the old bridge?", "who built the old bridge", Fault.COPIED),
        ("Max Planck", "Max Planck", None),
        ("1843", "1843", None),
        ("Who built the bridge?", "Wer wer wer wer wer wer baute sie?", Fault.REPEATING),
        ("Ha ha ha ha ha, she said.", "Ha ha ha ha ha, sagte sie.", None),
        ("It cost a hundred million.", "Es kostete 100 000 000.", None),
        ("Who built the old bridge?", "Кто построил старый мост?", Fault.WRONG_SCRIPT),
        ("Who built the bridge?", "Ja.", Fault.LENGTH),
        ("Who built it?", "Das ist eine sehr lange Geschichte, die ich nun erzählen will.", Fault.LENGTH),
        ("Who?", "Wer denn?", None),
        ("Who built the old bridge?", "Wer hat die alte Brücke gebaut?", None),
    ],
)
def test_faults(text: str, made: Translation | str, fault: Fault | None) -> None:
    assert fault_of(text, made) == fault


@pytest.mark.parametrize(
    ("made", "target", "fault"),
    [
        ("誰がその古い橋を架けたのですか。", "ja", None),
        ("谁建造了这座古老的桥梁呢?", "zh", None),
        ("누가 오래된 다리를 지었습니까?", "ko", None),
        ("पुराना पुल किसने बनवाया था?", "hi", None),
        ("ใครสร้างสะพานเก่าแห่งนี้", "th", None),
        ("من بنى الجسر القديم؟", "ar", None),
        ("Ко је саградио стари мост?", "sr", None),
        ("Ko je sagradio stari most?", "sr", Fault.WRONG_SCRIPT),
        ("Ko je sagradio stari most?", "sr-Latn", None),
        ("Dare ga furui hashi o kaketa ka?", "ja", Fault.WRONG_SCRIPT),
        ("Who built the old bridge then?", "zh", Fault.WRONG_SCRIPT),
    ],
)
def test_scripts(made: str, target: str, fault: Fault | None) -> None:
    assert fault_of("Who has built this old bridge?", made, target) == fault


def test_copied_names_are_no_wrong_script() -> None:
    assert (
        fault_of(
            "John Fitzgerald Kennedy was born in Brookline.",
            "John Fitzgerald Kennedyは Brookline 生まれ。",
            "ja",
        )
        is None
    )


def test_the_usual_length_is_that_of_the_language() -> None:
    """Chinese takes a third of the characters; what is long there would be short in German."""
    texts = {f"{text} It was long ago.": "河流穿过古城并从桥下流过很久以前的事" for text in USUAL}
    made = {text: Translation(f"{chinese}{number}。") for number, (text, chinese) in enumerate(texts.items())}
    assert find_faults(made, "zh", Filters()) == {}
    text = next(iter(made))
    assert find_faults({**made, text: Translation("河流")}, "zh", Filters()) == {text: Fault.LENGTH}
    assert find_faults({**made, text: Translation("河流")}, "zh", Filters(length_ratio=9)) == {}


WORDS = st.lists(
    st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=1, max_size=8), min_size=1, max_size=12
)


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=8))
def test_a_translation_of_equal_length_is_never_long_or_short(texts: list[str]) -> None:
    made = {text: Translation(reverse(text)) for text in texts}
    found = set(find_faults(made, "de", Filters(length_ratio=1.01)).values())
    assert found <= {Fault.COPIED, Fault.REPEATING}


def test_back_translations() -> None:
    texts = ["Who built the bridge?", "Where is the river?", "When was it?"]
    made = {text: Translation(reverse(text)) for text in texts}
    back = {
        made[texts[0]].text: Translation("Who has built the bridge?"),
        made[texts[1]].text: Translation("A horse stood there."),
        made[texts[2]].text: Translation("When was it?", Fault.UNFINISHED),
    }
    assert find_unlike(texts, made, back, 0.5) == texts[1:]


@pytest.mark.parametrize(
    "wrong",
    [
        {"length_ratio": 1.0},
        {"length_ratio": float("nan")},
        {"length_ratio": float("inf")},
        {"min_similarity": 0.0},
        {"min_similarity": 1.1},
    ],
)
def test_ranges(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"takes a (finite )?number"):
        Filters(**wrong)
