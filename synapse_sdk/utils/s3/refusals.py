"""What went wrong between us and a store, in words that name no address, key or signature."""

from __future__ import annotations

import errno

from botocore import exceptions as known
from botocore.parsers import ResponseParserError

_SILENT = "the store does not answer: check endpoint_url, or try again later"
STRANGE = "the store's answer is not one of S3: check endpoint_url"
_NO_KEYS = "there are no keys for the store: set access_key and secret_key"
_REFUSED_NAME = "the store's client refuses what it is asked for: check bucket_name and region_name"
_MISSING = "the store has no such bucket or object: check bucket_name"
_DENIED = "the store refused access: check access_key, secret_key and the bucket's policy"
_ELSEWHERE = "the store keeps the bucket elsewhere: check region_name and endpoint_url"
_WRONG_REGION = frozenset({"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"})


def refusal_of(error: Exception) -> OSError:
    """What to raise for an error of Amazon's library: `FileNotFoundError` and `PermissionError` where it says so."""
    if isinstance(error, known.ClientError):
        return _answered(error)
    if isinstance(error, ResponseParserError):
        return OSError(errno.EIO, STRANGE)
    if isinstance(error, (known.NoCredentialsError, known.PartialCredentialsError)):
        return PermissionError(errno.EACCES, _NO_KEYS)
    if isinstance(error, (known.ValidationError, known.ParamValidationError)):
        return OSError(errno.EINVAL, _REFUSED_NAME)
    return OSError(errno.EIO, _SILENT)


def status_of(error: BaseException | None) -> int:
    """The HTTP status of the answer that an error of Amazon's library tells of; 0 where it tells of none."""
    if not isinstance(error, known.ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _answered(error: known.ClientError) -> OSError:
    status = status_of(error)
    code = error.response.get("Error", {}).get("Code", "")
    if status == 404:
        return FileNotFoundError(errno.ENOENT, _MISSING)
    if status == 403:
        return PermissionError(errno.EACCES, _DENIED)
    if code in _WRONG_REGION or 300 <= status < 400:
        return OSError(errno.EIO, _ELSEWHERE)
    return OSError(errno.EIO, f"the store answered {code or status}: check endpoint_url, or try again later")
