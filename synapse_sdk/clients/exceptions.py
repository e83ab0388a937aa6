"""The client errors under their former import path; they live in `synapse_sdk.exceptions`."""

from synapse_sdk.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClientConnectionError,
    ClientError,
    ClientTimeoutError,
    ConflictError,
    HTTPError,
    NotFoundError,
    RateLimitError,
    ServerError,
    StreamError,
    StreamLimitExceededError,
    ValidationError,
    WebSocketError,
    raise_for_status,
)

__all__ = [
    "AuthenticationError",
    "AuthorizationError",
    "ClientConnectionError",
    "ClientError",
    "ClientTimeoutError",
    "ConflictError",
    "HTTPError",
    "NotFoundError",
    "RateLimitError",
    "ServerError",
    "StreamError",
    "StreamLimitExceededError",
    "ValidationError",
    "WebSocketError",
    "raise_for_status",
]
