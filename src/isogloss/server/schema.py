"""What is asked and answered, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,35}$")]
"""A code of BCP 47 by its letters; whether it names a language that is there, is told later."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_MOST_LANGUAGES = 1000


class SearchRequest(BaseModel):
    """Ask for the best passages for one query."""

    model_config = ConfigDict(extra="forbid", strict=True)

    query: str = Field(min_length=1, description="what to search for, in any language")
    k: int = Field(default=10, ge=1, description="passages wanted, at most")
    languages: list[LanguageCode] | None = Field(
        default=None,
        min_length=1,
        max_length=_MOST_LANGUAGES,
        description="codes of the languages to search; all where missing",
    )
    model: Name | None = Field(default=None, description="one that /about lists; the first where missing")
    ranking: Name = Field(default="none", description="one that /about lists for the model")


class Found(BaseModel):
    """Hold one found passage."""

    id: str
    score: float = Field(description="cosine of query and passage, -1 to 1")
    language: str
    title: str
    text: str
    source: str


class SearchAnswer(BaseModel):
    """Hold the passages found, best first."""

    model: str
    ranking: str
    hits: list[Found]


class LanguageEntry(BaseModel):
    """Describe one language of the collections."""

    code: str
    name: str = Field(description="English name")
    direction: Literal["ltr", "rtl"]
    passages: dict[str, int] = Field(description="model -> its passages in the language; 0 where it has none")


class LanguagesAnswer(BaseModel):
    """List the languages that a model or more has, those of most passages first."""

    languages: list[LanguageEntry]


class ModelEntry(BaseModel):
    """Describe one model with its collection."""

    name: str
    passages: int
    rankings: list[str] = Field(description="names of the rankings that it has")


class RankingEntry(BaseModel):
    """Describe one way to rank."""

    name: str
    description: str


class AboutAnswer(BaseModel):
    """Describe the service."""

    version: str
    models: list[ModelEntry]
    rankings: list[RankingEntry]
    most_hits: int
    query_letters: int
    demonstration: bool = Field(description="whether a demonstration model answers")
    examples: list[str] = Field(description="queries to try")


class HealthAnswer(BaseModel):
    """Say that the service works."""

    status: Literal["ok"]


class ErrorAnswer(BaseModel):
    """Say why there is no answer."""

    error: str = Field(description="a code for programs")
    message: str = Field(description="what is wrong and what to do")
