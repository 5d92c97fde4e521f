"""Cut the bitext that the study's encoder is pre-trained on: NTREX-128 (training half) and TICO-19.

Usage: python prepare.py DATA OUT    (DATA holds bitext/NTREX and bitext/tico-19 as published)
"""

from __future__ import annotations

import csv
import sys
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

NTREX = {
    "ar": "arb",
    "da": "dan",
    "de": "deu",
    "el": "ell",
    "en": "eng",
    "es": "spa",
    "hi": "hin",
    "id": "ind",
    "it": "ita",
    "ru": "rus",
    "sv": "swe",
    "th": "tha",
    "tr": "tur",
    "vi": "vie",
    "zh": "zho-CN",
}
TICO = {"ar": "ar", "es": "es-419", "hi": "hi", "id": "id", "ru": "ru", "zh": "zh"}


def write_ntrex(source: Path, out: Path) -> None:
    """Write the lines of documents whose id has an even CRC32; the other half stays for evaluation."""
    with (source / "DOCUMENT_IDS.tsv").open(encoding="utf-8") as file:
        documents = [row[0] for row in csv.reader(file, delimiter="\t")]
    kept = [number for number, document in enumerate(documents) if zlib.crc32(document.encode()) % 2 == 0]
    for language, code in NTREX.items():
        kind = "src" if code == "eng" else "ref"
        lines = (
            (source / "NTREX-128" / f"newstest2019-{kind}.{code}.txt").read_text(encoding="utf-8").split("\n")
        )
        write_lines(out / f"{language}.txt", [lines[number] for number in kept])


def write_tico(source: Path, out: Path) -> None:
    """Write TICO-19's segments, joined over languages by their English text."""
    found = {language: read_tmx(source, f"all.en-{code}.tmx") for language, code in TICO.items()}
    english = sorted({text for pairs in found.values() for text in pairs})
    write_lines(out / "en.txt", english)
    for language, pairs in found.items():
        write_lines(out / f"{language}.txt", [pairs.get(text, "") for text in english])


def read_tmx(folder: Path, name: str) -> dict[str, str]:
    """Read the segments of a translation memory, zipped or not: English to the other language."""
    plain = folder / name
    content = plain.read_bytes() if plain.exists() else zipfile.ZipFile(f"{plain}.zip").read(name)
    pairs = {}
    for unit in ElementTree.fromstring(content).iter("tu"):
        texts = [" ".join((segment.text or "").split()) for segment in unit.iter("seg")]
        if len(texts) == 2 and all(texts):
            pairs[texts[0]] = texts[1]
    return pairs


def write_lines(path: Path, lines: list[str]) -> None:
    """Write one line each, without line breaks inside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(" ".join(line.split()) + "\n" for line in lines), encoding="utf-8")


def main() -> None:
    """Run both."""
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    write_ntrex(data / "bitext" / "NTREX", out / "ntrex")
    write_tico(data / "bitext" / "tico-19" / "data" / "TM", out / "tico")


if __name__ == "__main__":
    main()
