"""Text shown to people by a running action: stable codes here, wording once per language.

An action family declares its codes as a `LogMessageCode` and registers the wording. A code without wording still shows
as itself, so a forgotten translation never stops a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

DEFAULT_LANGUAGE = "en"

_templates: dict[str, dict[str, str]] = {}


class LogMessageCode(StrEnum):
    """Base of code enums; members are declared as `(value, level)`, level being info, warning, success or danger."""

    level: str

    def __new__(cls, value: str, level: str = "info") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.level = level
        return member


class CommonLogMessageCode(LogMessageCode):
    """Codes that every action may use."""

    PLUGIN_RUN_COMPLETE = "PLUGIN_RUN_COMPLETE", "info"


def register_log_messages(templates: Mapping[LogMessageCode, str], *, language: str = DEFAULT_LANGUAGE) -> None:
    """Set the wording of codes in one language.

    Args:
        templates: Code to template; `{name}` stands for a keyword of `log_message`.
        language: Two-letter code of the templates' language.
    """
    _templates.setdefault(language, {}).update({str(code): text for code, text in templates.items()})


def resolve_log_message(code: str | LogMessageCode, language: str | None = None, /, **kwargs: Any) -> tuple[str, str]:
    """Turn a code, or plain text, into the text to show and its level.

    Args:
        code: A registered code; plain text is returned as it is, with level `info`.
        language: Preferred language; English where it has no wording.
        **kwargs: Values for the template.
    """
    level = code.level if isinstance(code, LogMessageCode) else "info"
    template = _templates.get(language or DEFAULT_LANGUAGE, {}).get(code) or _templates.get(DEFAULT_LANGUAGE, {}).get(
        code
    )
    if template is None:
        return str(code), level
    try:
        return template.format(**kwargs), level
    except (KeyError, IndexError):
        return template, level


register_log_messages({CommonLogMessageCode.PLUGIN_RUN_COMPLETE: "The run is complete."})
register_log_messages({CommonLogMessageCode.PLUGIN_RUN_COMPLETE: "실행이 완료되었습니다."}, language="ko")
