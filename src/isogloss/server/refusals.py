"""What the service says when it does not answer: a code for programs, a sentence for people, no internals."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

_CODES = {404: "not_found", 405: "method_not_allowed"}
_MESSAGES = {
    400: "the body is no JSON in UTF-8",
    404: "there is nothing at this address; /openapi.json lists what there is",
    405: "this address does not take that method; /openapi.json lists what there is",
}


class Refusal(Exception):  # noqa: N818 - not an error of the program, but its answer
    """Refuse a request.

    Args:
        status: HTTP status.
        code: What is wrong, for programs: lower-case words joined by underscores.
        message: What is wrong and what to do, for people.
        headers: Further headers.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def to_response(self) -> JSONResponse:
        """Write the answer.

        Returns:
            JSON with ``error`` and ``message``.
        """
        content = {"error": self.code, "message": self.message}
        return JSONResponse(content, self.status, headers=self.headers)


FAILURE = Refusal(500, "internal_error", "the service failed; its log says where")
"""What is answered where the service itself is at fault."""


_RETRY_SECONDS = 1


def refuse_for_now(code: str, message: str) -> Refusal:
    """Refuse a request that may be made again a moment later.

    Args:
        code: What is wrong, for programs.
        message: What is wrong, for people.

    Returns:
        What to raise.
    """
    return Refusal(503, code, message, {"Retry-After": str(_RETRY_SECONDS)})


def handle_refusals(app: FastAPI) -> None:
    """Let an application answer with our refusals, also where its framework would refuse.

    Args:
        app: The application; it is changed.
    """

    @app.exception_handler(Refusal)
    async def _answer_refusal(_request: Request, refusal: Refusal) -> JSONResponse:
        return refusal.to_response()

    @app.exception_handler(RequestValidationError)
    async def _answer_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return _describe_invalid(error).to_response()

    @app.exception_handler(Exception)
    async def _answer_failure(_request: Request, _error: Exception) -> JSONResponse:
        return FAILURE.to_response()  # the gate logs the error, which goes on to it

    @app.exception_handler(HTTPException)
    async def _answer_http(_request: Request, error: HTTPException) -> JSONResponse:
        status = error.status_code
        code = _CODES.get(status, "bad_request")
        return Refusal(status, code, _MESSAGES.get(status, "bad request"), error.headers).to_response()


def _describe_invalid(error: RequestValidationError) -> Refusal:
    """Say what each field should be; what was sent is not repeated."""
    problems = []
    for entry in error.errors():
        if entry["type"] == "json_invalid":
            return Refusal(400, "bad_request", _MESSAGES[400])
        where = ".".join(str(part) for part in entry["loc"] if part != "body")
        problems.append(f"{where}: {entry['msg']}" if where else str(entry["msg"]))
    return Refusal(422, "invalid_request", "; ".join(problems[:5]))
