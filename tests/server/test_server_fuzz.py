"""Requests made up from the OpenAPI document: never a 500, always an answer that the document describes."""

from __future__ import annotations

import schemathesis
from fake_searcher import FakeSearcher
from hypothesis import HealthCheck, settings
from schemathesis.openapi import from_asgi
from schemathesis.specs.openapi.checks import positive_data_acceptance

from isogloss.server.app import create_app
from isogloss.server.systems import System

SCHEMA = from_asgi("/openapi.json", create_app([System("only", FakeSearcher(FakeSearcher().passages[::50]))]))

REJECTION = SCHEMA.config.checks.negative_data_rejection
# A body that is too large as well as wrong is refused for its size.
REJECTION.expected_statuses = [*REJECTION.expected_statuses, "413"]


@SCHEMA.parametrize()
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_made_up_requests_get_the_answers_that_are_described(case: schemathesis.Case) -> None:
    # Which models and languages there are, no document tells: a name that fits its form may be refused.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
