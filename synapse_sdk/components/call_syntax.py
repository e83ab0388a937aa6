"""How a config writes a component: `name`, `name(key=value, …)`, and pipelines `first | second(…)`.

Arguments are named. A bare value is a number, `true`, `false`, `none`, or else a string as it stands: `path=/data/a b`.
Quotes, lists `[…]`, tuples `(…)` and mappings `{key: value}` hold whatever they hold, commas and brackets included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from synapse_sdk.exceptions import ComponentError

# What may be a number; `int` and `float` have the last word (`1__0` is a string).
_NUMBER = re.compile(r"[+-]?\.?[0-9][0-9_.]*([eE][+-]?[0-9]+)?")
_SPECIAL_NUMBERS = re.compile(r"[+-]?\.(inf|nan)", re.IGNORECASE)
_WORDS: Mapping[str, object] = {"true": True, "false": False, "none": None, "null": None}
_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# A name may be chosen by the config: `{{arch}}`, `{{family}}_small`.
_NAME = re.compile(r"(?:[a-zA-Z0-9_]|\{\{\s*[\w.]+\s*\}\})+")
_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_MAX_DEPTH = 50


@dataclass(frozen=True)
class ComponentCall:
    """One component and what it is given."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def parse_pipeline(text: str) -> tuple[ComponentCall, ...]:
    """The components of a value, in their order: one, or several when it is a pipeline.

    Raises:
        ComponentError: It is not written as a component is; the message holds the place.
    """
    reader = _Reader(text)
    calls = [reader.read_call()]
    while reader.take("|"):
        calls.append(reader.read_call())
    reader.skip_blanks()
    if not reader.is_done:
        raise reader.problem("expected `|` or the end")
    return tuple(calls)


def read_literal(text: str) -> Any:
    """The value of a quoted list, tuple or mapping (`"[1, 2]"`, which is no grid axis); any other text as it is."""
    if (text[:1] + text[-1:]) not in {"[]", "()", "{}"} or text.startswith("{{"):
        return text
    reader = _Reader(text)
    try:
        value = reader.read_value("")
    except ComponentError:
        return text
    return value if reader.is_done else text


def bare_value(text: str) -> Any:
    """What a value without quotes means."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _SPECIAL_NUMBERS.fullmatch(text):
        return float(text.replace(".", ""))
    if _NUMBER.fullmatch(text):
        for number in (int, float):
            with suppress(ValueError):
                return number(text)
    return text


class _Reader:
    """A cursor over one value of a config."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0

    @property
    def is_done(self) -> bool:
        return self.position >= len(self.text)

    @property
    def next(self) -> str:
        return self.text[self.position : self.position + 1]

    def problem(self, what: str) -> ComponentError:
        return ComponentError(f"{self.text!r}, character {self.position + 1}: {what}.")

    def skip_blanks(self) -> None:
        while self.next.isspace():
            self.position += 1

    def take(self, sign: str) -> bool:
        self.skip_blanks()
        if self.next != sign:
            return False
        self.position += 1
        return True

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise self.problem(f"expected `{sign}`")

    def match(self, pattern: re.Pattern[str], what: str) -> str:
        self.skip_blanks()
        found = pattern.match(self.text, self.position)
        if found is None:
            raise self.problem(f"expected {what}")
        self.position = found.end()
        return found.group()

    def read_call(self) -> ComponentCall:
        name = self.match(_NAME, "the name of a component")
        arguments: dict[str, Any] = {}
        if self.take("("):
            self.read_members(")", lambda: self.add_argument(arguments))
        return ComponentCall(name, arguments)

    def add_argument(self, arguments: dict[str, Any]) -> None:
        self.skip_blanks()
        start = self.position
        name = self.match(_IDENTIFIER, "`name=value`; arguments are named")
        if not self.take("="):
            self.position = start
            raise self.problem("expected `name=value`; arguments are named")
        if name in arguments:
            raise self.problem(f"the argument {name} is there twice")
        arguments[name] = self.read_value(",)")

    def read_members(self, closing: str, read: Callable[[], None]) -> None:
        """Members with commas between them, a last comma allowed, up to the closing bracket."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.problem("nested too deeply")
        while not self.take(closing):
            read()
            if not self.take(","):
                self.expect(closing)
                break
        self.depth -= 1

    def read_value(self, ends: str) -> Any:
        self.skip_blanks()
        if self.is_at_quote():
            return self.read_quoted()
        if self.next == "[":
            return self.read_list("[", "]")
        if self.next == "(":
            return tuple(self.read_list("(", ")"))
        if self.next == "{" and not _PLACEHOLDER.match(self.text, self.position):
            return self.read_mapping()
        return self.read_bare(ends)

    def is_at_quote(self) -> bool:
        self.skip_blanks()
        return self.next in {'"', "'"}

    def read_quoted(self) -> str:
        quote, characters = self.next, []
        self.position += 1
        while not self.is_done and self.next != quote:
            if self.next == "\\" and self.position + 1 < len(self.text):
                self.position += 1
                characters.append(_ESCAPES.get(self.next, self.next))
            else:
                characters.append(self.next)
            self.position += 1
        if self.is_done:
            raise self.problem(f"the quote {quote} is never closed")
        self.position += 1
        return "".join(characters)

    def read_list(self, opening: str, closing: str) -> list[Any]:
        self.expect(opening)
        values: list[Any] = []
        self.read_members(closing, lambda: values.append(self.read_value("," + closing)))
        return values

    def read_mapping(self) -> dict[Any, Any]:
        self.expect("{")
        values: dict[Any, Any] = {}

        def read_entry() -> None:
            key = self.read_quoted() if self.is_at_quote() else self.read_bare(":,}")
            self.expect(":")
            values[key] = self.read_value(",}")

        self.read_members("}", read_entry)
        return values

    def read_bare(self, ends: str) -> Any:
        """Text up to its end; what stands in brackets of its own belongs to it: `resize(size=1, fit=2)`."""
        start, depth = self.position, 0
        while not self.is_done and (depth or self.next not in ends):
            depth += (self.next in "([{") - (self.next in ")]}" and depth > 0)
            self.position += 1
        text = self.text[start : self.position].strip()
        if not text:
            raise self.problem("expected a value")
        return bare_value(text)
