"""Cut the text that the studies' encoder is pre-trained on out of the data folder; nothing of its benchmarks.

Usage: python studies/encoder/prepare.py DATA OUT

Aligned by line, one folder each: the training half of NTREX-128 (documents whose id has an even CRC32; the
other half stays for evaluation), TICO-19 and NusaX. Plain text, one folder for each language: New Testaments,
and sentences of the contexts of SQuAD and of the native question sets, without the articles that the
benchmark ``native`` holds out.

Georgian, Khmer, Somali and Telugu are left out on purpose: the encoder shall not know them. They stand, with
the other languages, in a folder of their own, ``ntrex-new``: extend.toml teaches them to it later.
"""

from __future__ import annotations

import csv
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from isogloss.benchmarks.native import is_held_out
from isogloss.corpus.record import Record
from isogloss.corpus.sentences import split_sentences, strip_spans
from isogloss.corpus.source import read_source
from isogloss.corpus.squad import read_questions

NTREX_CODES = (
    "af:afr am:amh ar:arb bg:bul bn:ben da:dan de:deu el:ell en:eng es:spa et:est eu:eus fa:fas fi:fin "
    "fr:fra he:heb hi:hin hu:hun id:ind it:ita ja:jpn kk:kaz ko:kor ml:mal mr:mar nl:nld pt:por ru:rus "
    "sv:swe sw:swa ta:tam th:tha tl:fil tr:tur ur:urd vi:vie yo:yor zh:zho-CN zu:zul"
)
NEW_CODES = "ka:kat km:khm so:som te:tel"
"""Languages that the encoder does not know."""
TICO_CODES = (
    "ar:ar bn:bn es:es-419 fa:fa fr:fr hi:hi id:id mr:mr pt:pt-BR ru:ru sw:sw ta:ta tl:tl ur:ur zh:zh zu:zu"
)
NUSAX = {"en": "english", "id": "indonesian", "jv": "javanese", "su": "sundanese"}
BIBLES = {"et": "Estonian-PART", "eu": "Basque-NT", "sw": "Swahili-NT", "zu": "Zulu-NT"}
MOST = 12_000
"""Sentences of plain text of one language, so that English and Japanese do not crowd out the others."""


def list_codes(pairs: str) -> list[tuple[str, str]]:
    """List our code and the files' code of each language."""
    return [(ours, theirs) for ours, _, theirs in (pair.partition(":") for pair in pairs.split())]


def cut_ntrex(folder: Path, codes: str) -> dict[str, list[str]]:
    """Read the lines of documents whose id has an even CRC32."""
    with (folder / "DOCUMENT_IDS.tsv").open(encoding="utf-8") as file:
        documents = [row[0] for row in csv.reader(file, delimiter="\t")]
    kept = [number for number, document in enumerate(documents) if zlib.crc32(document.encode()) % 2 == 0]
    columns = {}
    for language, code in list_codes(codes):
        kind = "src" if code == "eng" else "ref"
        path = folder / "NTREX-128" / f"newstest2019-{kind}.{code}.txt"
        lines = path.read_text(encoding="utf-8").split("\n")
        columns[language] = [lines[number] for number in kept]
    return columns


def cut_tico(folder: Path) -> dict[str, list[str]]:
    """Read the translation memories and join them by their English text."""
    found = {
        language: dict(read_memory(folder, f"all.en-{code}.tmx")) for language, code in list_codes(TICO_CODES)
    }
    english = sorted({text for pairs in found.values() for text in pairs})
    return {"en": english} | {
        language: [pairs.get(text, "") for text in english] for language, pairs in found.items()
    }


def read_memory(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Read the segments of a translation memory, zipped or not: English and the other language."""
    plain = folder / name
    content = plain.read_bytes() if plain.exists() else zipfile.ZipFile(f"{plain}.zip").read(name)
    for unit in ElementTree.fromstring(content).iter("tu"):
        texts = [" ".join((segment.text or "").split()) for segment in unit.iter("seg")]
        if len(texts) == 2 and all(texts):
            yield texts[0], texts[1]


def cut_nusax(folder: Path) -> dict[str, list[str]]:
    """Read all three parts."""
    rows = []
    for part in ("train", "valid", "test"):
        with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    return {language: [row[name] for row in rows] for language, name in NUSAX.items()}


def read_verses(path: Path) -> list[str]:
    """Read the verses of a translation."""
    verses = ElementTree.parse(path).iter("seg")
    return [" ".join((verse.text or "").split()) for verse in verses if verse.get("type") == "verse"]


def cut_contexts(files: Mapping[str, list[Path]]) -> dict[str, list[str]]:
    """Split the contexts of articles that are not held out into sentences, longest languages cut."""
    columns = {}
    for language, paths in files.items():
        passages: dict[str, None] = {}
        for path in paths:
            for row in read_questions(read_source(path), language):
                if isinstance(row, Record) and not is_held_out((row.article or row.passage).strip()):
                    passages[row.passage.strip()] = None
        columns[language] = spread(
            [
                passage[start:end]
                for passage in passages
                for start, end in strip_spans(passage, split_sentences(language, passage))
            ]
        )
    return columns


def spread(sentences: list[str]) -> list[str]:
    """Take at most ``MOST`` sentences, evenly over all."""
    step = max(1.0, len(sentences) / MOST)
    return [sentences[int(number * step)] for number in range(min(len(sentences), MOST))]


def list_contexts(train: Path) -> dict[str, list[Path]]:
    """List the question sets of each language."""
    files: dict[str, list[Path]] = {"en": [train / "squad-en" / "train.json.gz"]}
    for path in sorted((train / "squad-mt").glob("*.json")) + sorted((train / "native").glob("*.json.gz")):
        files.setdefault(path.name.split(".")[0].split("-")[0], []).append(path)
    return files


def write(folder: Path, columns: Mapping[str, Iterable[str]]) -> None:
    """Write one file for each language, one line for each text."""
    folder.mkdir(parents=True, exist_ok=True)
    for language, lines in columns.items():
        text = "".join(" ".join(line.split()) + "\n" for line in lines)
        (folder / f"{language}.txt").write_text(text, encoding="utf-8")
        print(f"{folder.name:10} {language:3} {text.count(chr(10)):6} lines {len(text):9} characters")


def main() -> None:
    """Cut everything."""
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    write(out / "ntrex", cut_ntrex(data / "bitext" / "NTREX", NTREX_CODES))
    write(out / "ntrex-new", cut_ntrex(data / "bitext" / "NTREX", f"{NTREX_CODES} {NEW_CODES}"))
    write(out / "tico", cut_tico(data / "bitext" / "tico-19" / "data" / "TM"))
    write(out / "nusax", cut_nusax(data / "bitext" / "nusax" / "datasets" / "mt"))
    for language, name in BIBLES.items():
        verses = read_verses(data / "bitext" / "bible-corpus" / "bibles" / f"{name}.xml")
        write(out / f"bible-{language}", {language: spread(verses)})
    for language, lines in cut_contexts(list_contexts(data / "train")).items():
        write(out / f"plain-{language}", {language: lines})


if __name__ == "__main__":
    main()
