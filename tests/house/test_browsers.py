"""Whatever starts Chromium here starts it so that containers that come and go beside it do not end its requests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_chromium_is_started_by_its_guard_only():
    sources = [path for folder in ("tests", "docs", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]
    starts = {path: re.findall(r"chromium\.launch\((.*)\)", path.read_text(encoding="utf-8")) for path in sources}
    found = {path.relative_to(ROOT).as_posix(): each for path, each in starts.items() if each}
    assert found, "nothing starts a browser: the test shows nothing"
    assert {
        name for name, each in found.items() if any("executable_path=CHROMIUM" not in call for call in each)
    } == set()
