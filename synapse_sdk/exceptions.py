"""The one error tree of the distribution.

SynapseError
├── ClientError                       an HTTP call failed; `status_code`, `detail`
│   ├── ClientConnectionError         the server could not be reached
│   ├── ClientTimeoutError            it did not answer in time (408)
│   ├── HTTPError
│   │   ├── AuthenticationError       401
│   │   ├── AuthorizationError        403
│   │   ├── NotFoundError             404
│   │   ├── ConflictError             409
│   │   ├── ValidationError           400, 422
│   │   ├── RateLimitError            429
│   │   └── ServerError               5xx
│   └── StreamError
│       ├── StreamLimitExceededError
│       └── WebSocketError
├── PluginError                       `message`, `details`
│   ├── PluginValidationError, ActionNotFoundError, ExecutionError, PluginUploadError,
│   │   ArchiveError, BuildError, ChecksumMismatchError, PluginRunError
│   └── ContainerBuildError (RuntimeError)   a playground container could not be built or started
├── ExportError (RuntimeError)
│   ├── BundleError                   a bundle is missing, torn or not what its manifest says
│   ├── ConverterLostError            a process that converts for an export ended early
│   └── ExportJobFailedError          the server's export job ended without a bundle
├── PreAnnotationError (RuntimeError, ValueError)   tasks cannot be pre-annotated as they were asked to be
├── FormatError (ValueError)          a data set breaks its format's rules
├── ComponentError (ValueError)       a config, a component or its path is not what it must be
├── StorageError (RuntimeError)       a storage cannot be opened, read or written
└── ConfigurationError (ValueError)   settings, credentials or a config.yaml that cannot work
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SynapseError(Exception):
    """Base of every error that Synapse raises on purpose."""

    code = "SYNAPSE_ERROR"


class ClientError(SynapseError):
    """An HTTP call to a Synapse service failed.

    Args:
        status_code: HTTP status, or None when no answer came.
        detail: What the service said; a string, or the decoded JSON error body.
    """

    code = "CLIENT_ERROR"

    def __init__(self, status_code: int | None = None, detail: Any = None) -> None:
        self.status_code = status_code
        self.detail = detail
        super().__init__(f"{status_code}: {detail}")

    @property
    def error(self) -> Mapping[str, Any]:
        """The platform's own account: `code`, `message`, `details`; empty when the answer was not of the platform."""
        error = self.detail.get("error") if isinstance(self.detail, Mapping) else None
        return error if isinstance(error, Mapping) else {}

    @property
    def reason(self) -> str:
        """What the service said, in words; a program that is not of the platform may say it in `detail`."""
        foreign = self.detail.get("detail") if isinstance(self.detail, Mapping) else self.detail
        return str(self.error.get("message") or foreign or self.code)


class ClientConnectionError(ClientError):
    """The service could not be reached."""

    code = "CONNECTION_FAILED"


class ClientTimeoutError(ClientError):
    """The service did not answer in time."""

    code = "TIMEOUT"


class HTTPError(ClientError):
    """The service answered with an error status."""

    code = "HTTP_ERROR"


class AuthenticationError(HTTPError):
    """No token, or one that is unknown, expired or revoked."""

    code = "AUTHENTICATION_REQUIRED"


class AuthorizationError(HTTPError):
    """The token's owner may not do this."""

    code = "PERMISSION_DENIED"


class NotFoundError(HTTPError):
    """There is no such resource, or the token may not see it."""

    code = "NOT_FOUND"


class ConflictError(HTTPError):
    """The resource is in a state that does not allow this."""

    code = "CONFLICT"


class ValidationError(HTTPError):
    """The request was malformed or a value is not allowed."""

    code = "VALIDATION_ERROR"


class RateLimitError(HTTPError):
    """Too many requests; wait and try again."""

    code = "RATE_LIMIT_EXCEEDED"


class ServerError(HTTPError):
    """The service failed."""

    code = "INTERNAL_ERROR"


class StreamError(ClientError):
    """A stream of events or log lines broke."""

    code = "STREAM_ERROR"


class StreamLimitExceededError(StreamError):
    """A stream sent more than its limits allow."""

    code = "STREAM_LIMIT_EXCEEDED"


class WebSocketError(StreamError):
    """A WebSocket could not be opened or broke."""

    code = "WEBSOCKET_ERROR"


_STATUS_ERRORS: dict[int, type[ClientError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: AuthorizationError,
    404: NotFoundError,
    408: ClientTimeoutError,
    409: ConflictError,
    422: ValidationError,
    429: RateLimitError,
}


def raise_for_status(status_code: int, detail: Any = None) -> None:
    """Raise the error that belongs to an HTTP status; do nothing below 400."""
    if status_code < 400:
        return
    fallback = ServerError if status_code >= 500 else HTTPError
    raise _STATUS_ERRORS.get(status_code, fallback)(status_code, detail)


class PluginError(SynapseError):
    """A plugin could not be loaded, run, packed or published.

    Args:
        message: What happened, to what, and the next step.
        details: Machine-readable facts for a script (`--json`).
    """

    code = "PLUGIN_ERROR"

    def __init__(self, message: str, details: dict[str, Any] | None = None) -> None:
        self.message = message
        self.details = details or {}
        super().__init__(message)


class PluginValidationError(PluginError):
    """An action's parameters do not fit its model."""

    code = "PLUGIN_VALIDATION_ERROR"


class ActionNotFoundError(PluginError):
    """The plugin has no action of that name."""

    code = "ACTION_NOT_FOUND"


class ExecutionError(PluginError):
    """An action ended with an exception."""

    code = "EXECUTION_ERROR"


class PluginUploadError(PluginError):
    """A release could not be sent to the server."""

    code = "PLUGIN_UPLOAD_ERROR"


class ArchiveError(PluginError):
    """A plugin folder could not be packed, or an archive is unsafe to unpack."""

    code = "ARCHIVE_ERROR"


class BuildError(PluginError):
    """A plugin's environment or image could not be built."""

    code = "BUILD_ERROR"


class ContainerBuildError(BuildError, RuntimeError):
    """A playground container could not be built or started."""

    code = "CONTAINER_BUILD_ERROR"


class ChecksumMismatchError(PluginError):
    """Bytes that arrived are not the bytes that were announced."""

    code = "CHECKSUM_MISMATCH"


class PluginRunError(PluginError):
    """The server or an agent refused to run an action."""

    code = "PLUGIN_RUN_ERROR"


class ExportError(SynapseError, RuntimeError):
    """An export cannot go on."""

    code = "EXPORT_ERROR"


class BundleError(ExportError):
    """An export bundle is missing, torn, or not what its manifest says."""

    code = "BUNDLE_ERROR"


class ConverterLostError(ExportError):
    """A process that converts for an export ended early."""

    code = "CONVERTER_LOST"


class ExportJobFailedError(ExportError):
    """The server's export job ended without a bundle."""

    code = "EXPORT_JOB_FAILED"


class PreAnnotationError(SynapseError, RuntimeError, ValueError):
    """Tasks cannot be pre-annotated: a parameter, a task, or the pre-processor is not as it must be."""

    code = "PRE_ANNOTATION_ERROR"


class FormatError(SynapseError, ValueError):
    """A data set breaks the rules of its format."""

    code = "FORMAT_ERROR"


class ComponentError(SynapseError, ValueError):
    """A config or a component is not what it must be, or needs one that is nowhere."""

    code = "COMPONENT_ERROR"


class StorageError(SynapseError, RuntimeError):
    """A storage cannot be opened, read or written."""

    code = "STORAGE_ERROR"


class ConfigurationError(SynapseError, ValueError):
    """Settings, credentials or a config.yaml cannot work as they are."""

    code = "CONFIGURATION_ERROR"
