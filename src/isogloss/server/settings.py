"""What the service allows, and for how long it waits."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from isogloss.errors import ConfigError


@dataclass(frozen=True)
class ServiceSettings:
    """Set the limits of the service.

    Args:
        query_letters: Letters of a query at most, in code points.
        most_hits: Highest ``k`` of a request.
        body_bytes: Bytes of a request's body at most.
        body_seconds: Seconds until the whole body must be there.
        answer_seconds: Seconds until a search is given up.
        head_seconds: Seconds until the whole head of a request must be there.
        open_requests: Requests that are answered at once, at most; more are refused, but for what tells
            how the service is.
        connections: Connections at most, those between two requests included; above it the one that has
            waited longest is closed. More than ``open_requests``.
        waiting_queries: Queries of one model that wait at most; more are refused.
        batch_tokens: Tokens that are encoded at once, padding included.
        reload_seconds: Seconds between looks at whether an index has changed on disk.
        log_queries: Whether the text of queries is logged.

    Raises:
        ConfigError: A limit is not positive, or there are as many open requests as connections.
    """

    query_letters: int = 1000
    most_hits: int = 100
    body_bytes: int = 16_384
    body_seconds: float = 10.0
    answer_seconds: float = 10.0
    head_seconds: float = 10.0
    open_requests: int = 600
    connections: int = 800
    waiting_queries: int = 256
    batch_tokens: int = 4096
    reload_seconds: float = 10.0
    log_queries: bool = False

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not isinstance(value, bool) and not 0 < value < math.inf:
                raise ConfigError(f"{entry.name!r} is above 0; got {value}")
        if self.open_requests >= self.connections:
            raise ConfigError(f"'connections' are more than 'open_requests'; got {self.connections}")
