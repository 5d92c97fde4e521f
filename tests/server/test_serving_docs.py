"""docs/serving.md: its commands are ones that there are, its limits, codes and fields those of the code."""

from __future__ import annotations

import dataclasses
import json
import re
import runpy
from pathlib import Path

from fake_searcher import FakeSearcher
from starlette.testclient import TestClient

import isogloss
from isogloss.cli.main import build_parser
from isogloss.demo_collection import choose_held_out, read_collection
from isogloss.server.app import create_app
from isogloss.server.rankings import RANKINGS
from isogloss.server.schema import Found, SearchRequest
from isogloss.server.settings import ServiceSettings
from isogloss.server.systems import System

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
SOURCE = "\n".join(
    file.read_text(encoding="utf-8")
    for file in sorted((Path(isogloss.__file__).parent / "server").glob("*.py"))
)


def test_the_commands_can_be_given() -> None:
    commands = re.findall(r"^\$ isogloss ([^\n#]*)", PAGE, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        build_parser().parse_args(command.split())
    page = (Path(isogloss.__file__).parent / "server" / "page" / "index.html").read_text(encoding="utf-8")
    for command in re.findall(r"isogloss ((?:index|serve) [^\n<]*)", page):
        build_parser().parse_args(command.split())


def test_the_request_that_is_shown_is_answered() -> None:
    shown = re.search(r"-d '(\{.*?\})'", PAGE)
    assert shown is not None
    with TestClient(create_app([System("only", FakeSearcher())])) as client:
        hits = client.post("/search", json=json.loads(shown[1])).json()["hits"]
    assert len(hits) == 3


def test_every_code_field_ranking_and_limit_is_named() -> None:
    codes = re.findall(r'(?:Refusal|_refuse_name|refuse_for_now)\(\s*(?:[0-9]{3}, )?"([a-z_]+)"', SOURCE)
    assert len(set(codes)) >= 10
    for name in {*codes, *RANKINGS, *SearchRequest.model_fields, *Found.model_fields}:
        assert f"`{name}`" in PAGE, name
    limits = dataclasses.asdict(ServiceSettings())
    for name in (
        "query_letters",
        "most_hits",
        "waiting_queries",
        "batch_tokens",
        "open_requests",
        "connections",
    ):
        assert re.search(rf"\b{limits[name]}\b", PAGE), name
    assert f"{limits['body_bytes']:,} bytes" in PAGE
    assert {limits[f"{each}_seconds"] for each in ("head", "body", "answer", "reload")} == {10.0}
    with TestClient(create_app([System("only", FakeSearcher())])) as client:
        for path in [*client.get("/openapi.json").json()["paths"], "/openapi.json"]:
            assert f"{path}`" in PAGE


def test_the_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\((images/[^)]+)\)", PAGE)
    assert len(pictures) == 3
    for picture in pictures:
        assert 5_000 < (ROOT / "docs" / picture).stat().st_size < 300_000


def test_the_command_beside_the_pictures_takes_them_all() -> None:
    command = re.search(r"`python (docs/\S+\.py)`", PAGE)
    assert command is not None
    taken = runpy.run_path(str(ROOT / command[1]))["PICTURES"]
    assert {f"images/{each.file}" for each in taken} == set(re.findall(r"\((images/[^)]+)\)", PAGE))
    held_out = choose_held_out([fact.id for fact in read_collection()["en"]])
    assert {each.fact for each in taken} <= set(held_out)


def test_no_figure_is_left_open() -> None:
    assert "FIGURES" not in PAGE
    assert "DEMO\n" not in PAGE
