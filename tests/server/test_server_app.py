"""The application in process: what it answers, what it refuses, and in which words."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from fake_searcher import BROKEN, FakeSearcher
from starlette.testclient import TestClient

from isogloss._version import __version__
from isogloss.errors import ConfigError
from isogloss.server.app import PAGE, create_app
from isogloss.server.settings import ServiceSettings
from isogloss.server.systems import System

JSON = {"Content-Type": "application/json"}
NILE = "The Nile flows north through eleven countries"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = create_app(
        [
            System("first", FakeSearcher(has_words=True)),
            System("second", FakeSearcher(FakeSearcher().passages[:150])),
        ],
        demonstration=True,
        examples=["Who?"],
    )
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


def refuse(client: TestClient, status: int, code: str, **asked: object) -> str:
    answer = client.post("/search", json=asked)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "message"}
    assert answer.json()["error"] == code
    return str(answer.json()["message"])


def test_the_best_passages_come_first(client: TestClient) -> None:
    answer = client.post("/search", json={"query": NILE, "k": 3})
    assert answer.status_code == 200
    content = answer.json()
    assert (content["model"], content["ranking"]) == ("first", "none")
    assert content["hits"][0]["id"] == "nile.en"
    assert content["hits"][0]["title"] == "The Nile"
    assert len(content["hits"]) == 3
    scores = [hit["score"] for hit in content["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_words_answer_where_they_are_counted(client: TestClient) -> None:
    content = client.post("/search", json={"query": NILE, "k": 5, "ranking": "words"}).json()
    expected = FakeSearcher(has_words=True).rank(NILE, 5, None, lexical=True)
    assert content["ranking"] == "words"
    assert [hit["id"] for hit in content["hits"]] == [hit.id for hit in expected]
    told = refuse(client, 422, "unknown_ranking", query=NILE, ranking="words", model="second")
    assert told == "ranking: there is no words; there is none, quota, calibrated, fused"


@pytest.mark.parametrize("codes", [["sw", "ar"], ["swh", "ARB"], ["ar", "sw", "swh"]])
def test_a_filter_takes_any_form_of_a_code(client: TestClient, codes: list[str]) -> None:
    hits = client.post("/search", json={"query": "Nile 1953", "k": 50, "languages": codes}).json()["hits"]
    assert {hit["language"] for hit in hits} == {"sw", "ar"}


@pytest.mark.parametrize("ranking", ["none", "quota", "calibrated", "fused"])
def test_another_model_and_ranking_answer_when_named(client: TestClient, ranking: str) -> None:
    asked = {"query": "the river", "k": 10, "model": "second", "ranking": ranking}
    content = client.post("/search", json=asked).json()
    assert (content["model"], content["ranking"]) == ("second", ranking)
    expected = FakeSearcher(FakeSearcher().passages[:150]).rank("the river", 10, None, ranking)
    assert [hit["id"] for hit in content["hits"]] == [hit.id for hit in expected]
    if ranking == "quota":
        assert [hit["language"] for hit in content["hits"]].count("en") == 5


@pytest.mark.parametrize(
    ("asked", "status", "code", "told"),
    [
        ({}, 422, "invalid_request", "query: Field required"),
        ({"query": ""}, 422, "invalid_request", "query"),
        ({"query": "   \n"}, 422, "empty_query", "letter or digit"),
        ({"query": "?!… —"}, 422, "empty_query", "letter or digit"),
        ({"query": "🌍🎉"}, 422, "empty_query", "letter or digit"),
        ({"query": "a" * 1001}, 422, "query_too_long", "1000"),
        ({"query": "a", "k": 0}, 422, "invalid_request", "k"),
        ({"query": "a", "k": 101}, 422, "invalid_request", "k: 100 at most"),
        ({"query": "a", "k": 10**18}, 422, "invalid_request", "k: 100 at most"),
        ({"query": "a", "k": "10"}, 422, "invalid_request", "k"),
        ({"query": "a", "k": 1.5}, 422, "invalid_request", "k"),
        ({"query": ["a"]}, 422, "invalid_request", "query"),
        ({"query": "a", "languages": []}, 422, "invalid_request", "languages"),
        ({"query": "a", "languages": ["en", "es_"]}, 422, "unknown_language", "there is es"),
        ({"query": "a", "languages": ["tlh"]}, 422, "unknown_language", "en, de, es"),
        ({"query": "a", "languages": ["../../etc/passwd"]}, 422, "invalid_request", "languages.0"),
        ({"query": "a", "languages": ["en"] * 1001}, 422, "invalid_request", "languages"),
        ({"query": "a", "model": "firts"}, 422, "unknown_model", "there is first"),
        ({"query": "a", "model": "../first"}, 422, "unknown_model", "there is first"),
        ({"query": "a", "ranking": "quotas"}, 422, "unknown_ranking", "there is quota"),
        ({"query": "a", "rank": 1}, 422, "invalid_request", "rank"),
    ],
)
def test_what_makes_no_sense_is_refused(
    client: TestClient, asked: dict[str, object], status: int, code: str, told: str
) -> None:
    assert told in refuse(client, status, code, **asked)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b'{"query": "\xff\xfe"}', 400),
        (b"\x00\x01", 400),
        (b"[" * 10_000, 400),
        (b'{"query": "a", "k": ' + b"9" * 6000 + b"}", 400),
        (b'{"query": "a", "k": NaN}', 422),
        (b'{"query": "\\ud800 a"}', 422),
        (b"[]", 422),
        (b'"a"', 422),
        (b"null", 422),
    ],
)
def test_broken_bodies_are_refused(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/search", content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "message"}


def test_a_body_that_is_called_something_else_is_refused(client: TestClient) -> None:
    answer = client.post("/search", content=b'{"query": "a"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422


@pytest.mark.parametrize("query", ["a\x00b", "١٢٣", "a\u202eb", "x" * 1000, "नील", "𒀀", "1"])
def test_odd_queries_are_searched(client: TestClient, query: str) -> None:
    assert client.post("/search", json={"query": query}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/page/../app.py",
        "/page.css/../../app.py",
        "/..%5capp.py",
        "/app.py",
        "//etc/passwd",
        "/page.css%00",
        "/docs",
        "/redoc",
    ],
)
def test_there_are_no_other_files(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"


def test_the_page_holds_nothing_from_elsewhere(client: TestClient) -> None:
    for path in PAGE:
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "https://" not in answer.text
        assert "http://" not in answer.text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert (
        "access-control-allow-origin" not in client.get("/", headers={"Origin": "http://a.example"}).headers
    )


def test_another_method_is_refused(client: TestClient) -> None:
    answer = client.get("/search")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert client.delete("/languages").status_code == 405


def test_the_service_describes_itself(client: TestClient) -> None:
    about = client.get("/about").json()
    assert about["version"] == __version__
    assert about["models"] == [
        {"name": "first", "passages": 1000, "rankings": ["none", "words", "quota", "calibrated", "fused"]},
        {"name": "second", "passages": 150, "rankings": ["none", "quota", "calibrated", "fused"]},
    ]
    assert [ranking["name"] for ranking in about["rankings"]] == [
        "none",
        "words",
        "quota",
        "calibrated",
        "fused",
    ]
    assert (about["demonstration"], about["examples"]) == (True, ["Who?"])
    languages = {entry["code"]: entry for entry in client.get("/languages").json()["languages"]}
    assert languages["ar"] == {
        "code": "ar", "name": "Arabic", "direction": "rtl", "passages": {"first": 100, "second": 0}
    }  # fmt: skip
    assert sum(entry["passages"]["first"] for entry in languages.values()) == 1000
    assert sum(entry["passages"]["second"] for entry in languages.values()) == 150
    assert client.get("/health").json() == {"status": "ok"}
    assert set(client.get("/openapi.json").json()["paths"]) == {
        "/search", "/languages", "/about", "/health", "/metrics"
    }  # fmt: skip


def test_the_languages_of_all_models_are_listed_those_of_most_passages_first() -> None:
    passages = FakeSearcher().passages
    few = [each for each in passages if each.language in ("en", "sw")][50:]
    systems = [System("no sw", FakeSearcher([each for each in passages if each.language in ("de", "en")]))]
    with TestClient(create_app([*systems, System("few", FakeSearcher(few))])) as client:
        listed = client.get("/languages").json()["languages"]
        assert [(entry["code"], entry["passages"]) for entry in listed] == [
            ("en", {"no sw": 100, "few": 50}),
            ("de", {"no sw": 100, "few": 0}),
            ("sw", {"no sw": 0, "few": 100}),
        ]
        assert refuse(client, 422, "unknown_language", query="a", languages=["sw"]).endswith(
            "there is en, de"
        )
        answer = client.post("/search", json={"query": "a", "languages": ["sw"], "model": "few"})
        assert {hit["language"] for hit in answer.json()["hits"]} == {"sw"}


def test_health_tells_of_a_search_that_does_not_end() -> None:
    searcher = FakeSearcher()
    searcher.gate.clear()
    limits = ServiceSettings(answer_seconds=0.05)
    with TestClient(create_app([System("well", FakeSearcher()), System("ill", searcher)], limits)) as client:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.post("/search", json={"query": "river", "model": "ill"}).status_code == 504
        time.sleep(0.2)
        answer = client.get("/health")
        assert (answer.status_code, answer.json()) == (
            503,
            {
                "error": "unhealthy",
                "message": "ill: one search has taken more than 0.15 s; the service has to be started again",
            },
        )
        assert client.post("/search", json={"query": "river", "model": "well"}).status_code == 200
        searcher.gate.set()
        assert client.post("/search", json={"query": "river", "model": "ill"}).status_code == 200
        assert client.get("/health").status_code == 200


def test_everything_is_counted_and_no_foreign_path_becomes_a_label() -> None:
    with TestClient(create_app([System("only", FakeSearcher())])) as client:
        client.post("/search", json={"query": "a"})
        client.post("/search", json={"query": "?"})
        client.get("/secret-path")
        text = client.get("/metrics").text
    assert 'isogloss_requests_total{path="/search",status="200"} 1.0' in text
    assert 'isogloss_requests_total{path="/search",status="422"} 1.0' in text
    assert 'isogloss_requests_total{path="other",status="404"} 1.0' in text
    assert 'isogloss_batch_queries_count{model="only"} 1.0' in text
    assert 'isogloss_passages{model="only"} 1000.0' in text
    assert 'isogloss_waiting_queries{model="only"} 0.0' in text
    assert "secret-path" not in text


@pytest.mark.parametrize("told", [False, True])
def test_queries_are_logged_only_where_asked(caplog: pytest.LogCaptureFixture, told: bool) -> None:
    app = create_app([System("only", FakeSearcher())], ServiceSettings(log_queries=told))
    with caplog.at_level(logging.INFO, "isogloss.server"), TestClient(app) as client:
        client.post("/search", json={"query": "my secret"})
        client.get("/path-with-a-secret?q=secret")
    lines = [record.getMessage() for record in caplog.records if record.name == "isogloss.server"]
    assert sum("secret" in line for line in lines) == told
    assert any(line.startswith("POST /search 200 ") for line in lines)


def test_a_failure_shows_nothing_of_the_inside(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    message = refuse(client, 500, "internal_error", query=BROKEN)
    assert "secret" not in message
    logged = caplog.text
    assert "ModelError" in logged
    assert "fake_searcher.py" in logged
    assert "zero vector" not in logged  # such messages may hold the query
    assert BROKEN not in logged
    assert client.post("/search", json={"query": "a"}).status_code == 200


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    answer = client.post("/search", json={"query": "a", "model": "b" * 20_000})
    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")
    answer = client.post("/search", content=(b" " * 1000 for _ in range(20)), headers=JSON)
    assert answer.status_code == 413
    answer = client.request("GET", "/health", content=b"x" * 20_000)
    assert answer.status_code == 413
    answer = client.post("/search", headers={**JSON, "Content-Length": "-1"})
    assert answer.status_code == 413


def test_a_search_that_takes_too_long_is_given_up() -> None:
    searcher = FakeSearcher(seconds=0.5)
    app = create_app([System("slow", searcher)], ServiceSettings(answer_seconds=0.1))
    with TestClient(app) as client:
        answer = client.post("/search", json={"query": "a"})
    assert (answer.status_code, answer.json()["error"]) == (504, "search_timeout")


def test_a_changed_index_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    searcher = FakeSearcher()
    app = create_app([System("only", searcher)], ServiceSettings(reload_seconds=0.02))
    with caplog.at_level(logging.INFO, "isogloss.server"), TestClient(app) as client:
        for _ in range(200):
            if searcher.reloads > 2:
                break
            client.get("/health")
    assert searcher.reloads > 2
    assert caplog.text.count("only: the index has changed; 1000 passages") == 1


def test_systems_need_names_of_their_own() -> None:
    with pytest.raises(ConfigError, match="different names"):
        create_app([])
    with pytest.raises(ConfigError, match="different names"):
        create_app([System("a", FakeSearcher()), System("a", FakeSearcher())])
    with pytest.raises(ConfigError, match="'body_bytes' is above 0; got 0"):
        ServiceSettings(body_bytes=0)
