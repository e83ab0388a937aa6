"""What a browser loads before the first page of the web UI stands: little, however many views there are."""

import gzip
import json
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "web_helper" / "backend" / "static"
MANIFEST = STATIC / ".vite" / "manifest.json"
BUDGET_BYTES = 200_000
# Loaded on the way to the first page: its frame, its view, and the words of both.
FIRST = (
    "index.html",
    "src/app/Shell.tsx",
    "src/components/views/HomeView.tsx",
    "src/i18n/common/en.ts",
    "src/i18n/home/en.ts",
    "src/i18n/notifications/en.ts",
)


@pytest.fixture
def manifest() -> dict:
    if not MANIFEST.exists():
        pytest.skip("the web UI is not built: make install")
    return json.loads(MANIFEST.read_text())


def files_of(manifest: dict, entries: tuple[str, ...]) -> set[str]:
    """Everything that these import, and they themselves; not what is loaded when it is needed."""
    waiting, seen = list(entries), set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += manifest[name].get("imports", [])
    return {file for name in seen for file in (manifest[name]["file"], *manifest[name].get("css", []))}


def packed_bytes(files: set[str]) -> int:
    return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in {*files, "index.html"})


def test_first_load_is_small(manifest):
    entries = tuple(name for name in FIRST if name in manifest)
    assert set(FIRST) - set(entries) <= {"src/i18n/notifications/en.ts"}
    assert packed_bytes(files_of(manifest, entries)) < BUDGET_BYTES


def test_assets_lie_packed_beside_themselves(manifest):
    for name in files_of(manifest, ("index.html",)):
        assert gzip.decompress((STATIC / f"{name}.gz").read_bytes()) == (STATIC / name).read_bytes()


def test_the_page_has_nothing_inline_and_loads_nothing_from_outside(manifest):
    page = (STATIC / "index.html").read_text()
    assert "://" not in page
    assert "style=" not in page
    assert "<style" not in page
    assert page.count("<script") == page.count('<script type="module" crossorigin src="/assets/')
