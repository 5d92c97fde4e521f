"""The application: its addresses, and what each of them answers."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import Response

from isogloss._version import __version__
from isogloss.errors import ConfigError
from isogloss.languages import is_right_to_left, language_name, normalize_language
from isogloss.server.gate import LOG, Gate
from isogloss.server.metrics import METRICS_TYPE, Metrics
from isogloss.server.micro_batching import MicroBatcher, Query
from isogloss.server.rankings import RANKINGS, list_rankings
from isogloss.server.refusals import Refusal, handle_refusals
from isogloss.server.schema import (
    AboutAnswer,
    ErrorAnswer,
    Found,
    HealthAnswer,
    LanguageEntry,
    LanguagesAnswer,
    ModelEntry,
    RankingEntry,
    SearchAnswer,
    SearchRequest,
)
from isogloss.server.settings import ServiceSettings
from isogloss.server.systems import Searcher, System

PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""Address -> file of the page and its type; no other file is ever read."""

_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "The body is no JSON"},
    408: {"model": ErrorAnswer, "description": "The body did not arrive in time"},
    413: {"model": ErrorAnswer, "description": "The body is too large"},
}
_SEARCH_REFUSALS: dict[int | str, dict[str, Any]] = {
    **_REFUSALS,
    422: {"model": ErrorAnswer, "description": "The request makes no sense here"},
    503: {"model": ErrorAnswer, "description": "Too many searches wait; try again later"},
    504: {"model": ErrorAnswer, "description": "The search took too long"},
}

_HEALTH_REFUSALS: dict[int | str, dict[str, Any]] = {
    **_REFUSALS,
    503: {"model": ErrorAnswer, "description": "Searches are not answered any more"},
}

_STUCK_FACTOR = 3
"""A batch that takes so many times as long as a client waits will hardly end."""


class Service:
    """Hold the systems that are served, their batchers and their counts."""

    def __init__(self, systems: Sequence[System], settings: ServiceSettings) -> None:
        """Set what is served.

        Args:
            systems: The systems; the first one answers where a request names none.
            settings: The limits.

        Raises:
            ConfigError: There is no system, or two have one name.
        """
        self.systems = {system.name: system.searcher for system in systems}
        if not systems or len(self.systems) < len(systems):
            raise ConfigError("a service needs systems of different names")
        self.settings = settings
        self.metrics = Metrics()
        self.batchers: Mapping[str, MicroBatcher] = {}

    @contextlib.asynccontextmanager
    async def run(self, app: FastAPI) -> AsyncIterator[None]:
        """Search while the application runs; what waits at its end is still answered.

        Args:
            app: The application; not used.

        Yields:
            Nothing.
        """
        del app
        self.batchers = {name: self._make_batcher(name) for name in self.systems}
        for batcher in self.batchers.values():
            batcher.start()
        reloading = asyncio.get_running_loop().create_task(self._reload())
        try:
            yield
        finally:
            reloading.cancel()
            await asyncio.gather(*(batcher.stop() for batcher in self.batchers.values()))

    def _make_batcher(self, name: str) -> MicroBatcher:
        batcher = MicroBatcher(
            self.systems[name],
            batch_tokens=self.settings.batch_tokens,
            waiting_queries=self.settings.waiting_queries,
            on_batch=self.metrics.batches.labels(name).observe,
        )
        self.metrics.waiting.labels(name).set_function(lambda: batcher.waiting)
        self.metrics.passages.labels(name).set_function(lambda: self.systems[name].count)
        return batcher

    async def _reload(self) -> None:
        """Look from time to time whether an index has changed on disk."""
        while True:
            await asyncio.sleep(self.settings.reload_seconds)
            for name, batcher in self.batchers.items():
                try:
                    if await batcher.reload():
                        LOG.info("%s: the index has changed; %d passages", name, self.systems[name].count)
                except Exception:
                    LOG.exception("%s: the changed index cannot be opened; the old one stays", name)

    def check_health(self) -> None:
        """Check that searches are answered.

        Raises:
            Refusal: Those of a model are not.
        """
        for name, batcher in self.batchers.items():
            if (trouble := batcher.find_trouble(_STUCK_FACTOR * self.settings.answer_seconds)) is not None:
                raise Refusal(503, "unhealthy", f"{name}: {trouble}; the service has to be started again")

    async def search(self, asked: SearchRequest, request: Request) -> SearchAnswer:
        """Answer one search.

        Args:
            asked: What is searched for.
            request: The request, to see whether its client has gone.

        Returns:
            The passages found.

        Raises:
            Refusal: The request makes no sense here, too many searches wait, or this one took too long.
        """
        name = asked.model or next(iter(self.systems))
        if name not in self.systems:
            raise _refuse_name("unknown_model", "model", name, tuple(self.systems))
        if asked.ranking not in (offered := list_rankings(self.systems[name])):
            raise _refuse_name("unknown_ranking", "ranking", asked.ranking, offered)
        self._check_size(asked)
        known = self.systems[name].languages
        languages = None if asked.languages is None else _find_languages(asked.languages, known)
        query = Query(asked.query.strip(), asked.k, languages, asked.ranking)
        if self.settings.log_queries:
            LOG.info("query %r", asked.query)
        try:
            async with asyncio.timeout(self.settings.answer_seconds):
                hits = await self.batchers[name].submit(query, request.is_disconnected)
        except TimeoutError:
            raise Refusal(504, "search_timeout", "the search took too long; try again later") from None
        return SearchAnswer(model=name, ranking=asked.ranking, hits=[Found(**hit._asdict()) for hit in hits])

    def _check_size(self, asked: SearchRequest) -> None:
        """Refuse what is longer or more than allowed, and queries without anything to search for."""
        if asked.k > self.settings.most_hits:
            raise Refusal(422, "invalid_request", f"k: {self.settings.most_hits} at most")
        if len(asked.query) > self.settings.query_letters:
            raise Refusal(422, "query_too_long", f"query: {self.settings.query_letters} characters at most")
        if not any(unicodedata.category(letter)[0] in "LN" for letter in asked.query):
            raise Refusal(422, "empty_query", "query: write at least one letter or digit to search for")


def create_app(
    systems: Sequence[System],
    settings: ServiceSettings | None = None,
    *,
    demonstration: bool = False,
    examples: Sequence[str] = (),
) -> Gate:
    """Make the application that serves systems over HTTP.

    Args:
        systems: The systems; the first one answers where a request names none.
        settings: The limits; the usual ones when not given.
        demonstration: Whether the page says that a demonstration model answers.
        examples: Queries that the page offers to try.

    Returns:
        An ASGI application.

    Raises:
        ConfigError: There is no system, or two have one name.
    """
    service = Service(systems, settings or ServiceSettings())
    # The framework's own pages of documentation load scripts from elsewhere.
    app = FastAPI(
        title="isogloss",
        version=__version__,
        description="Multilingual search",
        docs_url=None,
        redoc_url=None,
        lifespan=service.run,
    )
    handle_refusals(app)
    _add_search(app, service)
    _add_descriptions(app, service, demonstration=demonstration, examples=examples)
    _add_page(app)
    paths = ["/search", "/languages", "/about", "/health", "/metrics", "/openapi.json", *PAGE]
    app.openapi()  # here, where a mistake in it is seen at once
    return Gate(app, service.settings, service.metrics, paths)


def _add_search(app: FastAPI, service: Service) -> None:
    @app.post("/search", summary="Search", responses=_SEARCH_REFUSALS)
    async def _search(asked: SearchRequest, request: Request) -> SearchAnswer:
        return await service.search(asked, request)


def _add_descriptions(
    app: FastAPI, service: Service, *, demonstration: bool, examples: Sequence[str]
) -> None:
    @app.get("/languages", summary="List the languages that can be searched", responses=_REFUSALS)
    async def _languages() -> LanguagesAnswer:
        return LanguagesAnswer(languages=_describe_languages(service.systems))

    @app.get("/about", summary="Describe the service", responses=_REFUSALS)
    async def _about() -> AboutAnswer:
        return AboutAnswer(
            version=__version__,
            models=[
                ModelEntry(name=name, passages=each.count, rankings=list(list_rankings(each)))
                for name, each in service.systems.items()
            ],
            rankings=[
                RankingEntry(name=name, description=each.description)
                for name, each in RANKINGS.items()
                if any(name in list_rankings(searcher) for searcher in service.systems.values())
            ],
            most_hits=service.settings.most_hits,
            query_letters=service.settings.query_letters,
            demonstration=demonstration,
            examples=list(examples),
        )

    @app.get("/health", summary="Tell whether the service works", responses=_HEALTH_REFUSALS)
    async def _health() -> HealthAnswer:
        service.check_health()
        return HealthAnswer(status="ok")

    text: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}, **_REFUSALS}

    @app.get("/metrics", summary="Counts for Prometheus", response_class=Response, responses=text)
    async def _metrics() -> Response:
        return Response(service.metrics.write(), media_type=METRICS_TYPE)


def _add_page(app: FastAPI) -> None:
    folder = files("isogloss.server") / "page"

    def add(path: str, content: bytes, media_type: str) -> None:
        async def _file() -> Response:
            return Response(content, media_type=media_type)

        app.add_api_route(path, _file, include_in_schema=False)

    for path, (name, media_type) in PAGE.items():
        add(path, (folder / name).read_bytes(), media_type)


def _describe_languages(systems: Mapping[str, Searcher]) -> list[LanguageEntry]:
    """Describe the languages of all systems, with the number of passages that each system has."""
    counts = {name: searcher.languages for name, searcher in systems.items()}
    entries = [
        _describe_language(code, {name: each.get(code, 0) for name, each in counts.items()})
        for code in set().union(*counts.values())
    ]
    return sorted(entries, key=lambda entry: (-sum(entry.passages.values()), entry.code))


def _describe_language(code: str, passages: dict[str, int]) -> LanguageEntry:
    direction: Literal["ltr", "rtl"] = "rtl" if is_right_to_left(code) else "ltr"
    return LanguageEntry(code=code, name=language_name(code), direction=direction, passages=passages)


def _find_languages(codes: Sequence[str], known: Mapping[str, int]) -> tuple[str, ...]:
    """Write codes in the form of the index, sorted, so that equal filters are searched together."""
    found = set()
    for code in codes:
        try:
            short = normalize_language(code)
        except ConfigError:
            short = code
        if short not in known:
            raise _refuse_name("unknown_language", "languages", code, tuple(known))
        found.add(short)
    return tuple(sorted(found))


def _refuse_name(code: str, field: str, name: str, known: Sequence[str]) -> Refusal:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:20]
    shown = name if name.isascii() and name.isprintable() else ascii(name)
    return Refusal(422, code, f"{field}: there is no {shown[:60]}; there is {', '.join(near)}")
