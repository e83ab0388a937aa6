"""Reference pages say what the code does today."""

import importlib.util
import inspect
import shlex
from pathlib import Path

import pytest
import typer

from synapse_sdk.cli.main import build_app

DOCS = Path(__file__).parents[2] / "docs"
_spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", generate.PAGES)
def test_generated_page_is_fresh(name):
    assert (DOCS / "reference" / name).read_text() == generate.render(name), "run `make docs`"


COMMANDS = {
    " ".join(path): each for path, each in generate.walk_commands(typer.main.get_command(build_app()), ("synapse",))
}
EXAMPLES = [name for name, command in COMMANDS.items() if "Example: " in (command.help or "")]


def test_the_commands_that_people_begin_with_have_an_example():
    assert {"synapse import", "synapse export", "synapse experiment submit", "synapse plugin run"} <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_in_the_help_is_a_right_command_line(name):
    words = shlex.split(inspect.cleandoc(COMMANDS[name].help).partition("Example: ")[2].split("\n")[0])
    said, given = words[: len(name.split())], words[len(name.split()) :]
    assert said == name.split()
    command = COMMANDS[name]
    _, left, _ = command.make_parser(command.make_context(name, [], resilient_parsing=True)).parse_args(given)
    assert left == []
