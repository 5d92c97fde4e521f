"""Shards of a collection: every passage once, joined to the index that is built at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import Call
from isogloss.cli.main import main
from isogloss.encoding import transformer
from isogloss.encoding.batches import Kind
from isogloss.errors import ConfigError, DataError, IsoglossError
from isogloss.index import open_index
from isogloss.passages import Passage, hash_passages
from isogloss.retriever import Retriever, delete_passages
from isogloss.sharding import Collection, Part, encode_shard, join_shards, load_model
from isogloss.sharding.cluster import Slot, join_cluster, plan_slots
from isogloss.sharding.shard import read_note
from tiny_models import SENTENCES

TEXTS = [f"{SENTENCES[n % 8]} {n}" for n in range(60)]
NAMES = st.text(max_size=8)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with short passages and a document that has to be split."""
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    listed = [
        {"id": f"p{n}", "text": text, "language": "sw" if n % 2 else "en"} for n, text in enumerate(TEXTS)
    ]
    listed.append({"id": "long", "text": " ".join(SENTENCES * 4), "language": "en"})
    path.write_text("".join(f"{json.dumps(row)}\n" for row in listed), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, rows: Path, xlmr: Path) -> list[Path]:
    """Three shards, not made in their order."""
    folder = tmp_path_factory.mktemp("shards")
    encoder, digest = load_model(str(xlmr), "cpu"), hash_passages(rows)
    for number in (2, 3, 1):
        encode_shard(encoder, Collection(rows), digest, Part(number, 3), folder / str(number))
    return [folder / str(number) for number in (1, 2, 3)]


@pytest.fixture
def copies(shards: list[Path], tmp_path: Path) -> list[Path]:
    return [shutil.copytree(shard, tmp_path / "copies" / shard.name) for shard in shards]


@given(st.lists(st.tuples(NAMES, NAMES)), st.integers(1, 9), st.randoms())
def test_every_passage_is_in_one_part_wherever_it_stands(
    names: list[tuple[str, str]], of: int, random: object
) -> None:
    passages = [Passage(name, "text", "en", document=document) for name, document in names]
    for passage in passages:
        holding = [number for number in range(1, of + 1) if Part(number, of).holds(passage)]
        assert len(holding) == 1
        elsewhere = passage._replace(text="other", language="sw", source="another file")
        assert Part(holding[0], of).holds(elsewhere)
        part_of_it = passage._replace(id="x", document=passage.document or passage.id)
        assert not (passage.document or passage.id) or Part(holding[0], of).holds(part_of_it)


def test_parts_are_of_like_size() -> None:
    passages = [Passage(f"p{n}", "text", "en") for n in range(8000)]
    sizes = [sum(map(Part(number, 8).holds, passages)) for number in range(1, 9)]
    assert sum(sizes) == 8000
    assert max(abs(size - 1000) for size in sizes) < 5 * (1000 * 7 / 8) ** 0.5


@given(st.text(max_size=6) | st.from_regex(r"[0-9]{1,3}/[0-9]{1,3}", fullmatch=True))
def test_a_part_is_read_or_refused(text: str) -> None:
    try:
        part = Part.parse(text)
    except ConfigError:
        return
    assert 1 <= part.number <= part.of
    assert Part.parse(str(part)) == part


def test_joined_shards_find_what_the_index_built_at_once_finds(
    shards: list[Path], rows: Path, xlmr: Path, tmp_path: Path
) -> None:
    at_once = Retriever.build(str(xlmr), Collection(rows).stream(Part(1, 1)), tmp_path / "once", device="cpu")
    join_shards([shards[2], shards[0], shards[1]], tmp_path / "joined", quiet=True)
    joined = Retriever.load(tmp_path / "joined", "cpu")
    assert open_index(tmp_path / "joined").find_damage() == []
    assert joined.languages == at_once.languages
    assert joined.count == at_once.count > 61
    for one, other in zip(joined.search(TEXTS, 7), at_once.search(TEXTS, 7), strict=True):
        assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], abs=1e-6)
    everything = [
        {hit.id: hit for hit in searched.search(["river"], 1000)[0]} for searched in (joined, at_once)
    ]
    assert everything[0].keys() == everything[1].keys()
    for name, hit in everything[0].items():
        assert hit._replace(score=0) == everything[1][name]._replace(score=0)
    vectors = [vectors_of(tmp_path / name) for name in ("joined", "once")]
    assert vectors[0].keys() == vectors[1].keys()
    for name, vector in vectors[0].items():
        np.testing.assert_allclose(vector, vectors[1][name], atol=1e-6)
    joined.delete(["long"])
    assert joined.count == 60


def test_a_shard_is_the_same_to_the_bit_when_it_is_made_again(
    shards: list[Path], rows: Path, xlmr: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(xlmr, tmp_path / "elsewhere")
    copied = Path(shutil.copy(rows, tmp_path / "rows.jsonl"))
    encode_shard(
        load_model(str(moved), "cpu"), Collection(copied), hash_passages(copied), Part(2, 3), tmp_path / "s"
    )
    one, other = vectors_of(shards[1]), vectors_of(tmp_path / "s")
    assert one.keys() == other.keys()
    assert all((vector == other[name]).all() for name, vector in one.items())
    join_shards([shards[0], tmp_path / "s", shards[2]], tmp_path / "joined", quiet=True)


def test_an_interrupted_shard_goes_on_to_the_same_bits(
    rows: Path, xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformer, "TOKEN_BUDGET", 100)  # a few texts a batch
    encoder, digest, part = load_model(str(xlmr), "cpu"), hash_passages(rows), Part(1, 2)
    encode_shard(encoder, Collection(rows), digest, part, tmp_path / "whole")
    encode, batches = encoder._encode_batch, 0

    def fail(texts: list[str], prefix: str, kind: Kind) -> np.ndarray:
        nonlocal batches
        batches += 1
        if batches % 3 == 0:
            raise KeyboardInterrupt
        return encode(texts, prefix, kind)

    monkeypatch.setattr(encoder, "_encode_batch", fail)
    interrupted = 0
    while not (tmp_path / "cut" / "index.json").exists():
        try:
            encode_shard(encoder, Collection(rows), digest, part, tmp_path / "cut")
        except KeyboardInterrupt:
            interrupted += 1
    assert interrupted > 1
    one, other = vectors_of(tmp_path / "whole"), vectors_of(tmp_path / "cut")
    assert one.keys() == other.keys()
    assert all((vector == other[name]).all() for name, vector in one.items())


def vectors_of(folder: Path) -> dict[str, np.ndarray]:
    return {
        name: vector
        for segment in open_index(folder).segments
        for name, vector in zip(
            segment.ids(range(segment.entry.rows)), segment.vectors.decode(slice(None)), strict=True
        )
    }


def test_more_shards_than_passages(xlmr: Path, tmp_path: Path) -> None:
    path = tmp_path / "en.jsonl"
    path.write_text('{"id": "a", "text": "river"}\n', encoding="utf-8")
    encoder, folders = load_model(str(xlmr), "cpu"), [tmp_path / str(number) for number in (1, 2, 3)]
    for number, folder in enumerate(folders, start=1):
        encode_shard(encoder, Collection(path), hash_passages(path), Part(number, 3), folder)
    assert join_shards(folders, tmp_path / "joined", quiet=True).count == 1


def refuse(folders: list[Path], message: str, kind: type[IsoglossError] = DataError) -> None:
    """Joining is refused in one line, and leaves nothing."""
    out = folders[0].parent / "joined"
    with pytest.raises(kind, match=message) as caught:
        join_shards(folders, out, quiet=True)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_shards_that_do_not_make_up_a_collection_are_refused(copies: list[Path], tmp_path: Path) -> None:
    refuse(copies[:2], "1 of 3 shards missing: 3/3")
    refuse(copies[2:], "2 of 3 shards missing: 1/3, 2/3")
    again = shutil.copytree(copies[0], copies[0].with_name("again"))
    refuse([*copies, again], "is the shard 1/3, as .* is; give each once")
    refuse([*copies, tmp_path], "no shard here")
    (copies[1] / "index.json").unlink()
    refuse(copies, "the shard 2/3 is not finished")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("part", [2, 4], "another number of shards"),
        ("collection", "0" * 64, "another collection"),
        ("language", "sw", "another --language"),
        ("detect", True, "another --detect"),
        ("overlap", 2, "another --overlap"),
        ("model", {"fingerprint": "0" * 64}, "was changed after it was made"),
        ("part", [4, 3], "is damaged"),
        ("part", 3, "is damaged"),
        ("more", 3, "is damaged"),
    ],
)
def test_a_shard_of_something_else_is_refused(
    copies: list[Path], field: str, value: object, message: str
) -> None:
    path = copies[1] / "shard.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    content = stored["content"]
    content[field] = {**content[field], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(stored), encoding="utf-8")
    refuse(copies, message)


@pytest.mark.parametrize("text", ["", "[]", "{}", '"a"', '{"format": "isogloss-shard-2"}', "\0", "[" * 99999])
def test_a_broken_description_is_refused(copies: list[Path], text: str) -> None:
    (copies[1] / "shard.json").write_text(text, encoding="utf-8")
    refuse(copies, "is damaged")


def test_a_shard_of_another_model_is_refused(
    copies: list[Path], rows: Path, labse: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    encode_shard(load_model(str(labse), "cpu"), Collection(rows), hash_passages(rows), Part(2, 3), other)
    refuse([copies[0], other, copies[2]], r"is a shard of another model \(fingerprint")


def test_damaged_and_changed_shards_are_refused(copies: list[Path]) -> None:
    for name in ("vectors.npy", "passages.arrow", "names.npy"):
        (path,) = copies[2].rglob(name)
        whole = path.read_bytes()
        path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
        refuse(copies, rf"{name}: differs from its checksum|{name}.*damaged")
        path.write_bytes(whole[:-1])
        refuse(copies, f"{name}: has .* bytes instead of")
        path.write_bytes(whole)
    name = open_index(copies[0]).segments[0].ids([0])[0]
    assert delete_passages(copies[0], [name]) == 1
    refuse(copies, "the shard 1/3 was changed after it was made")


def test_the_folder_of_another_shard_is_kept(copies: list[Path], rows: Path, xlmr: Path) -> None:
    encoder, digest = load_model(str(xlmr), "cpu"), hash_passages(rows)
    before = (copies[0] / "index.json").read_bytes()
    assert encode_shard(encoder, Collection(rows), digest, Part(1, 3), copies[0]).count  # it is there already
    for part, collection, message in (
        (Part(2, 3), Collection(rows), "holds the shard 1/3, not 2/3"),
        (Part(1, 4), Collection(rows), "of another number of shards"),
        (Part(1, 3), Collection(rows, overlap=0), "of another --overlap"),
    ):
        with pytest.raises(ConfigError, match=message):
            encode_shard(encoder, collection, digest, part, copies[0])
    with pytest.raises(ConfigError, match="of another collection"):
        encode_shard(encoder, Collection(rows), "0" * 64, Part(1, 3), copies[0])
    assert (copies[0] / "index.json").read_bytes() == before
    assert read_note(copies[0]).part == Part(1, 3)
    with pytest.raises(ConfigError, match=r"holds .*; name a new folder"):
        encode_shard(encoder, Collection(rows), digest, Part(1, 3), copies[0].parent)


def test_an_id_given_twice_is_found_in_its_shard_or_when_joining(xlmr: Path, tmp_path: Path) -> None:
    encoder, path = load_model(str(xlmr), "cpu"), tmp_path / "en.jsonl"
    long = {"id": "long", "text": " ".join(SENTENCES * 4)}
    # The second part of the split document has the id of another passage.
    of = next(n for n in range(2, 50) if len({number_of("long", n), number_of("long#1", n)}) == 2)
    listed = [long, {"id": "long#1", "text": "river"}]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in listed), encoding="utf-8")
    folders = [tmp_path / "s" / str(number) for number in range(1, of + 1)]
    for number, folder in enumerate(folders, start=1):
        encode_shard(encoder, Collection(path), hash_passages(path), Part(number, of), folder)
    refuse(folders, "the id 'long#1' is given twice")
    path.write_text('{"id": "a", "text": "river"}\n' * 2, encoding="utf-8")
    with pytest.raises(DataError, match="the id 'a' is given twice"):
        encode_shard(encoder, Collection(path), "0" * 64, Part(1, 1), tmp_path / "new")


def number_of(name: str, of: int) -> int:
    held = Passage(name, "text", "en")
    return next(number for number in range(1, of + 1) if Part(number, of).holds(held))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=5),
    st.none() | st.integers(1, 12),
)
def test_workers_fit_into_the_cluster(machines: list[tuple[int, int]], workers: int | None) -> None:
    cpus, gpus = [cores for cores, _ in machines], [cards for _, cards in machines]
    try:
        slots = plan_slots(cpus, gpus, workers)
    except ConfigError:
        assert sum(cpus) < (workers or sum(gpus) or 1)
        return
    (slot,) = set(slots)
    assert len(slots) == (workers or sum(gpus) or sum(1 for cores in cpus if cores))
    if slot.gpus:
        assert sum(gpus) >= len(slots)
    else:
        assert sum(cores // slot.cpus for cores in cpus) >= len(slots)
        assert sum(cores // (slot.cpus + 1) for cores in cpus) < len(slots)


def test_a_machine_gets_a_worker_and_a_gpu_one_of_its_own() -> None:
    assert plan_slots([8, 8], [0, 0], None) == [Slot(8, 0)] * 2
    assert plan_slots([8, 8], [1, 2], None) == [Slot(1, 1)] * 3
    assert plan_slots([3, 3], [0, 0], 3) == [Slot(1, 0)] * 3


def test_shards_by_the_command(rows: Path, xlmr: Path, tmp_path: Path, call: Call) -> None:
    for number in (1, 2):
        code, out, err = call("index", xlmr, rows, "--shard", f"{number}/2", "--out", tmp_path / str(number))
        assert (code, err) == (0, "")
        assert "passages added" in out
    assert call("index", xlmr, rows, "--shard", "1/2", "--out", tmp_path / "1")[0] == 0
    words = ("index", "--join", tmp_path / "2", tmp_path / "1", "--out", tmp_path / "joined", "--json")
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["joined"] == told["passages"] == sum(told["languages"].values()) > 61
    code, out, _ = call("search", tmp_path / "joined", TEXTS[9], "-k", 1)
    assert out.splitlines()[0].endswith("sw  p9")
    assert call(*words)[0] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m", "rows.jsonl", "--shard", "0/2"], "a shard is one of"),
        (["m", "rows.jsonl", "--shard", "two"], "a shard is one of"),
        (["m", "none", "--shard", "1/2"], "no such file"),
        (["--shard", "1/2"], "name a model and passages"),
        (["m", "rows.jsonl", "--shard", "1/2", "--engine", "exact"], "leave it out with --shard"),
        (["m", "rows.jsonl", "--shard", "1/2", "--shards", "2"], "goes with --ray"),
        (["m", "rows.jsonl", "--ray", "auto", "--workers", "0"], "from 1"),
        (["m", "rows.jsonl", "--join", "s"], "leave out MODEL"),
        (["--join", "s", "--device", "cpu"], "leave out --device"),
        (["--join", "s"], "no shard here"),
        (["m", "rows.jsonl", "--ray", "ray://head:1"], "auto or HOST:PORT"),
        (["m", "none", "--ray", "auto"], "no such file"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(
    words: list[str], message: str, rows: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(rows, "rows.jsonl")
    code, out, err = call("index", *words, "--out", "new")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err
    assert not Path("new").exists()


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'isogloss\[ray\]'"), join_cluster("auto"):
        pass


def test_what_shards_cannot_be_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["index", "model", str(tmp_path), "--out", str(tmp_path / "out"), "--shard", "1/2"]
    for more, message in (
        (["--lexical"], "--lexical is not for shards"),
        (["--engine", "exact"], "--engine is set when shards are joined"),
    ):
        assert main([*words, *more]) == 2
        assert message in capsys.readouterr().err
    joined = ["index", "--join", str(tmp_path), "--out", str(tmp_path / "out"), "--engine", "milvus"]
    assert main(joined) == 2
    assert "leave out --engine" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
