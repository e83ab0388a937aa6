"""Which files of a folder are left out, by the rules of `.gitignore` files.

The last rule that matches a path decides; what lies in an ignored folder cannot be taken back in, as in git.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class IgnoreRule:
    """One line of an ignore file.

    Attributes:
        base: Folder of the file, relative to the root; empty for the root itself.
        pattern: Matches a path relative to `base`.
        is_exception: The line starts with `!`: what matches is kept.
        is_for_folders: The line ends with `/`.
    """

    base: str
    pattern: re.Pattern[str]
    is_exception: bool
    is_for_folders: bool

    @classmethod
    def parse(cls, line: str, base: str = "") -> Self | None:
        """Read a line; None when it is blank, a comment or not a rule."""
        text = re.sub(r"(?<!\\)\s+$", "", line.rstrip("\r\n"))
        if not text or text.startswith("#"):
            return None
        is_exception = text.startswith("!")
        text = text[1:] if is_exception else text
        is_for_folders = text.endswith("/")
        text = text.rstrip("/") if is_for_folders else text
        is_anchored = "/" in text
        try:
            pattern = re.compile(("" if is_anchored else "(?:.*/)?") + _translate(text.removeprefix("/")), re.DOTALL)
        except re.error:
            return None
        return cls(base, pattern, is_exception, is_for_folders) if text else None

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether the rule speaks about a path (with `/`, relative to the root)."""
        if self.is_for_folders and not is_folder:
            return False
        if self.base and not path.startswith(f"{self.base}/"):
            return False
        return self.pattern.fullmatch(path[len(self.base) + 1 :] if self.base else path) is not None


def parse_rules(lines: Iterable[str], base: str = "") -> list[IgnoreRule]:
    """Read the lines of an ignore file that lies in `base`."""
    return [rule for line in lines if (rule := IgnoreRule.parse(line, base)) is not None]


def is_ignored(path: str, rules: Iterable[IgnoreRule], *, is_folder: bool = False) -> bool:
    """Whether the rules leave a path out; its folders are asked about separately."""
    result = False
    for rule in rules:
        if rule.matches(path, is_folder=is_folder):
            result = not rule.is_exception
    return result


def _translate(glob: str) -> str:
    """A glob as a regular expression: `*` and `?` stop at a slash, `**` does not."""
    made, rest = "", glob
    while rest:
        if rest.startswith("**/") and (not made or made.endswith("/")):
            made, rest = made + "(?:.*/)?", rest[3:]
        elif rest == "**" and made.endswith("/"):
            made, rest = made + ".+", ""
        elif rest.startswith("*"):
            made, rest = made + "[^/]*", rest.lstrip("*")
        elif bracket := re.match(r"\[([!^]?)(\]?[^\]]*)\]", rest):
            inside = bracket[2].replace("\\", r"\\").replace("[", r"\[").replace("&&", r"\&&")
            made += f"(?!/)[{'^' if bracket[1] else ''}{inside.replace(']', chr(92) + ']', 1)}]"
            rest = rest[bracket.end() :]
        elif rest.startswith("\\") and len(rest) > 1:
            made, rest = made + re.escape(rest[1]), rest[2:]
        else:
            made, rest = made + ("[^/]" if rest[0] == "?" else re.escape(rest[0])), rest[1:]
    return made
