"""Pages that lead somewhere: every link, every block's language, every command that is named in passing."""

import re
import shlex

import pytest
import typer

from synapse_sdk.cli.main import build_app
from tests.docs.pages import LANGUAGES, ROOT, blocks_of, links_of, list_pages, name_of, prose_of

APP = typer.main.get_command(build_app())
SHELVES = ("tutorial", "how-to", "reference", "explanation", "decisions")


@pytest.mark.parametrize("page", list_pages(), ids=name_of)
def test_blocks_are_commands_programs_or_plain_text(page):
    strange = [block.place for block in blocks_of(page) if block.language not in LANGUAGES]
    assert not strange, f"use one of {LANGUAGES}"


@pytest.mark.parametrize("page", list_pages(), ids=name_of)
def test_relative_links_lead_to_a_file(page):
    targets = [link.partition("#")[0] for link in links_of(page) if "://" not in link]
    missing = [target for target in targets if target and not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", list_pages(), ids=name_of)
def test_links_to_headings_lead_to_one(page):
    for link in links_of(page):
        path, mark, heading = link.partition("#")
        target = page.parent / path if path else page
        if mark and "://" not in link:
            assert heading in anchors_of(target), f"{link}: {name_of(target)} has no such heading"


@pytest.mark.parametrize("page", list_pages(), ids=name_of)
def test_named_commands_and_options_exist(page):
    """What runs is proved by running; what is only named must at least exist."""
    named = re.findall(r"`(synapse [a-z][^`]*)`", prose_of(page))
    for block in blocks_of(page):
        if block.language == "text":
            whole = block.text.replace("\\\n", " ")
            named += re.findall(r"^(?:\$ )?((?:[A-Z_]+=\S+ )*synapse .*)$", whole, flags=re.MULTILINE)
    wrong = [command for command in named if problem_of(command)]
    assert not wrong, [f"{command}: {problem_of(command)}" for command in wrong]


def test_every_page_lies_on_a_shelf_and_is_reachable_from_the_readme():
    reachable, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page not in reachable and page.suffix == ".md":
            reachable.add(page)
            waiting += [
                page.parent / link.partition("#")[0]
                for link in links_of(page)
                if "://" not in link and not link.startswith("#")
            ]
    pages = [page for page in list_pages() if page.name != "README.md"]
    assert [name_of(page) for page in pages if page.parent.name not in SHELVES] == []
    assert [name_of(page) for page in pages if page.resolve() not in reachable] == []


def anchors_of(page) -> set[str]:
    headings = re.findall(r"^#+ +(.*)$", prose_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def problem_of(command: str) -> str | None:
    """What is wrong with a command line, as far as its own words tell."""
    # A quoted value may go on in the next line.
    words = shlex.split(command.rpartition("'")[0] if command.count("'") % 2 else command, comments=True)
    words = words[words.index("synapse") + 1 :]
    found = APP
    while words and hasattr(found, "commands") and not words[0].startswith("-"):
        name = words.pop(0)
        for part in name.split("|"):
            if part not in found.commands:
                return f"there is no command {part!r}"
        found = found.commands[name.split("|")[0]]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    options = [word.partition("=")[0] for word in words[: words.index("--") if "--" in words else None]]
    # A dash alone is a value: what comes in on standard input.
    unknown = [word for word in options if word.startswith("-") and word not in {*known, "--help", "-"}]
    return f"there is no option {unknown[0]}" if unknown else None
