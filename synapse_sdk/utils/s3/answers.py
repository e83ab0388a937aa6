"""What a store answers: XML in and out, and refusals in words that name no address, key or signature."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SILENT = "the store does not answer: check endpoint_url, or try again later"
_MISSING = "the store has no such bucket or object: check bucket_name"
_DENIED = "the store refused access: check access_key, secret_key and the bucket's policy"
_ELSEWHERE = "the store keeps the bucket elsewhere: check region_name and endpoint_url"
_WRONG_REGION = frozenset({"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"})


def check_answer(answer: httpx2.Response) -> None:
    """Let a good answer pass.

    Raises:
        OSError: The store refused: `FileNotFoundError` and `PermissionError` where it says so.
    """
    if answer.is_success:
        return
    # A look at an object (HEAD) is answered by a status alone.
    has_text = bool(answer.content) and "xml" in answer.headers.get("content-type", "")
    raise refusal(answer.status_code, code_of(parse(answer)) if has_text else "")


def refusal(status: int, code: str) -> OSError:
    """What to raise for a refusal of this HTTP status and S3 code."""
    if status == httpx2.codes.NOT_FOUND:
        return FileNotFoundError(errno.ENOENT, _MISSING)
    if status == httpx2.codes.FORBIDDEN:
        return PermissionError(errno.EACCES, _DENIED)
    if code in _WRONG_REGION or status in range(300, 400):
        return OSError(errno.EIO, _ELSEWHERE)
    return OSError(errno.EIO, f"the store answered {code or status}; try again later")


def parse(answer: httpx2.Response) -> Element:
    """An answer's document.

    Raises:
        OSError: It is none.
    """
    from xml.etree import ElementTree as ET

    try:
        # From a store that an administrator chose; expat puts an end to entities that unfold.
        return ET.fromstring(answer.content)  # noqa: S314
    except ET.ParseError as exc:
        raise OSError(errno.EIO, "the store's answer is not one of S3: check endpoint_url") from exc


def code_of(error: Element) -> str:
    """The code in an `Error`; the store says it with a namespace or without."""
    return error.findtext("{*}Code", "")


def document(name: str, items: Iterable[str]) -> bytes:
    """What is sent to a store: a root of this name around items."""
    return f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{"".join(items)}</{name}>'.encode()


def item(name: str, **texts: str) -> str:
    """One item of a document."""
    from xml.sax.saxutils import escape

    return f"<{name}>{''.join(f'<{tag}>{escape(text)}</{tag}>' for tag, text in texts.items())}</{name}>"
