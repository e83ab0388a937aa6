"""The pages of the documentation, cut into blocks, tables and links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED_MARK = "<!-- Generated"
# Commands and programs that run as tests; `text` is output, or what cannot run in one (make, a server of one's own).
RUN_LANGUAGES = ("sh", "python")
LANGUAGES = (*RUN_LANGUAGES, "text")
_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})(.*)$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is that of its first line of text, counted from 1."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def list_pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block. One that is indented or never closed is refused: it would not run, and look as if it did."""
    blocks: list[Block] = []
    language, start, lines = None, 0, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if fence is None:
            lines.append(line)
        elif fence[1] or fence[2] != "```":
            raise ValueError(f"{name_of(page)}:{number}: a block starts at the line's beginning, with three backticks")
        elif language is None:
            language, start, lines = fence[3].strip(), number + 1, []
        else:
            blocks.append(Block(name_of(page), start, language, "\n".join(lines) + "\n"))
            language = None
    if language is not None:
        raise ValueError(f"{name_of(page)}:{start}: the block is never closed")
    return blocks


def links_of(page: Path) -> list[str]:
    return _LINK.findall(prose_of(page))


def prose_of(page: Path) -> str:
    """The page without its blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def table_of(page: Path, first_header: str) -> list[list[str]]:
    """The rows of the only table whose first column has this header, without their backticks."""
    tables = [table for table in _tables(page) if table[0][0] == first_header]
    assert len(tables) == 1, f"{name_of(page)} has {len(tables)} tables that begin with {first_header!r}"
    return tables[0][1:]


def _tables(page: Path) -> list[list[list[str]]]:
    tables: list[list[list[str]]] = []
    is_inside = False
    for line in prose_of(page).splitlines():
        if not line.startswith("|"):
            is_inside = False
            continue
        if not is_inside:
            tables.append([])
            is_inside = True
        cells = [cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")]
        if not set(line) <= set("|- :"):
            tables[-1].append(cells)
    return tables
