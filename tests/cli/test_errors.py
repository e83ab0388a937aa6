from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel, field_validator
from pydantic_core import PydanticCustomError
from typer.testing import CliRunner

from synapse_sdk import exceptions as errors
from synapse_sdk.cli import main
from synapse_sdk.cli.commands import BUILT_IN
from synapse_sdk.cli.exporting.options import parse_filters, parse_split
from synapse_sdk.cli.failures import UsageError, message_of
from synapse_sdk.cli.output import plain, print_json
from synapse_sdk.exceptions import PluginValidationError
from synapse_sdk.utils.validation import validate_params


def run(*arguments: str, app: typer.Typer | None = None, **options):
    return CliRunner().invoke(app or main.build_app(extensions=[]), list(arguments), **options)


def app_that_raises(exc: BaseException) -> typer.Typer:
    app = main.build_app(extensions=[])

    @app.command("break")
    def break_now() -> None:
        raise exc

    return app


# Ctrl-C in the third of a second in which the command line is imported.
INTERRUPTED_EARLY = """
import sys
class CtrlC:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
from synapse_sdk.__main__ import main
main()
"""


# Every way in which a command prints.
PRINTING = """
import sys
import typer
from synapse_sdk.cli import main, output
app = main.build_app(extensions=[])
@app.command('prints')
def prints():
    output.print_json([1]), output.print_table(['a'], [[1]]), output.print_facts({'a': 1})
    typer.echo('a'), output.say('a'), sys.stdout.write('a'), sys.stdout.flush()
main.build_app = lambda: app
sys.argv[1:] = ['prints']
main.main()
"""


def test_ctrl_c_before_the_command_has_begun_shows_no_stack():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_EARLY], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-"])
def test_a_stream_that_was_closed_is_written_to_nowhere(closed):
    command = f'"{sys.executable}" -m synapse_sdk model list --host http://127.0.0.1:9 --token syn_x {closed}'
    refused = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (refused.returncode, "Unexpected" in refused.stderr) == (1, False)
    shown = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "{PRINTING}" {closed}'], capture_output=True, text=True, check=False
    )
    assert (shown.returncode, "Error" in shown.stderr) == (0, False)


def test_version_is_printed():
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("synapse ")


def test_without_arguments_the_help_is_shown():
    result = run()
    assert "Usage: synapse" in result.output
    assert "Exit codes" in result.output


@pytest.mark.parametrize(
    "arguments", [("improt",), ("project", "show"), ("import", "bmp", ".", "--project", "x"), ("token", "revoke", "x")]
)
def test_a_wrong_command_line_exits_with_2_and_names_the_help(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert "--help` shows how" in result.stderr


def test_a_typo_is_answered_with_the_likely_command():
    assert "import" in run("improt").stderr


@pytest.mark.parametrize(
    ("exc", "code", "words"),
    [
        (errors.AuthenticationError(401, "The token is unknown."), 1, "synapse login"),
        (errors.ClientConnectionError(None, "No answer."), 1, "synapse up"),
        (errors.NotFoundError(404, {"detail": "Nothing of Synapse's."}), 1, "Error: Nothing of Synapse's.\n"),
        (errors.FormatError("Line 3 is odd."), 1, "Line 3 is odd."),
        (OSError(28, "No space left on device", "/data/x"), 1, "No space left on device: /data/x"),
        (ZeroDivisionError("x"), 1, "SYNAPSE_DEBUG=1"),
        (UsageError("Not both."), 2, "Not both."),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_every_error_is_one_message_and_an_exit_code(exc, code, words):
    result = run("break", app=app_that_raises(exc))
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output


def test_debugging_shows_where_an_error_came_from(monkeypatch):
    monkeypatch.setenv("SYNAPSE_DEBUG", "1")
    result = run("break", app=app_that_raises(ZeroDivisionError("x")))
    assert "Traceback" in result.stderr
    assert "break_now" in result.stderr


def test_a_server_error_shows_its_fields_and_a_fault_its_request_id():
    body = {
        "error": {"code": "VALIDATION_ERROR", "message": "Not allowed.", "details": [{"field": "x", "message": "odd"}]},
        "meta": {"request_id": "r-1"},
    }
    assert message_of(errors.ValidationError(400, body)) == "Not allowed.\nx: odd"
    assert "r-1" in message_of(errors.ServerError(500, body))
    body["error"]["message"] = "x: odd"
    assert message_of(errors.ValidationError(400, body)) == "x: odd"


def test_a_broken_extension_is_a_warning_and_the_rest_works():
    broken = EntryPoint(name="server", value="no_such_module:register", group="synapse.cli")
    working = EntryPoint(name="mine", value=f"{__name__}:register_ping", group="synapse.cli")
    runner = CliRunner()

    @(script := typer.Typer()).command()
    def outer() -> None:
        main.build_app(extensions=[broken, working])(["ping"])

    result = runner.invoke(script, [])
    assert result.exit_code == 0
    assert "no_such_module" in result.stderr
    assert result.stdout == "pong\n"


def register_ping(app: typer.Typer) -> None:
    app.command("ping")(lambda: typer.echo("pong"))


def test_control_characters_and_markup_of_names_stay_visible_text():
    assert plain("a\x1b[31m\nb") == "a\\x1b[31m\\nb"
    result = run("break", app=app_that_raises(errors.FormatError("[bold]x[/nope]\x1b]0;title\x07")))
    assert "[bold]x[/nope]\\x1b]0;title\\x07" in result.stderr


def test_json_carries_names_that_are_not_utf8(capsys):
    print_json({"name": "너구리\udcff"})
    assert json.loads(capsys.readouterr().out) == {"name": "너구리\udcff"}


def test_login_without_a_terminal_asks_for_the_token_option():
    result = run("login", "--host", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert "--token" in result.stderr


def test_commands_without_a_token_say_how_to_get_one():
    result = run("project", "list", "--host", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "synapse login" in result.stderr


def test_doctor_finds_a_server_that_does_not_answer():
    result = run("doctor", "--host", "http://127.0.0.1:9", "--token", "syn_x", "--json")
    assert result.exit_code == 1
    by_check = {finding["check"]: finding for finding in json.loads(result.stdout)}
    assert by_check["python"]["verdict"] == "ok"
    assert by_check["server"]["verdict"] == "error"
    assert "syn_x" not in result.output
    assert "token" not in by_check


def test_doctor_warns_of_a_config_file_that_others_may_read(config_file: Path):
    config_file.parent.mkdir()
    config_file.write_text("{}")
    config_file.chmod(0o644)
    result = run("doctor", "--host", "http://127.0.0.1:9")
    assert "chmod 600" in result.stdout


def test_filters_become_typed_values():
    words = [
        "ids=1,2",
        "ids=3",
        "status_label=completed",
        "user=7",
        "is_discarded=false",
        "tags=night,rain",
        "search=12",
    ]
    assert parse_filters(words) == {
        "ids": [1, 2, 3],
        "status_label": "completed",
        "user": 7,
        "is_discarded": False,
        "tags": ["night", "rain"],
        "search": "12",
    }


@pytest.mark.parametrize(
    "words", [["ids"], ["=1"], ["ids=1,x"], ["user="], ["user=1", "user=2"], ["is_discarded=maybe"]]
)
def test_filters_that_cannot_be_read_are_refused(words):
    with pytest.raises(UsageError):
        parse_filters(words)


def test_splits_are_ratios_or_the_word_tag():
    assert parse_split("0.8,0.1,0.1") == {"train": 0.8, "val": 0.1, "test": 0.1}
    assert parse_split("tag") == "tag"


@pytest.mark.parametrize("text", ["0.8", "0.8,0.1", "a,b", "nan,1", "2,-1", "0.4,0.3,0.2,0.1"])
def test_splits_that_do_not_divide_a_whole_are_refused(text):
    with pytest.raises(UsageError):
        parse_split(text)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_command_is_listed_with_the_first_paragraph_of_its_own_help(name):
    paragraph = (BUILT_IN[name].load(name).help or "").split("\n\n")[0]
    assert " ".join(paragraph.split()) == BUILT_IN[name].summary


def test_the_list_of_commands_holds_those_of_other_rooms(tmp_path):
    mine = EntryPoint(name="mine", value=f"{__name__}:register_ping", group="synapse.cli")
    result = CliRunner().invoke(main.build_app(extensions=[mine]), ["--help"])
    assert result.exit_code == 0
    assert {"export", "ping"} <= set(result.stdout.replace("│", " ").split())


def test_a_command_that_nobody_has_is_refused_with_the_nearest_name():
    result = run("exprt")
    assert result.exit_code == 2
    assert "'export'" in result.stderr


def test_a_sentence_among_other_problems_has_no_full_stop():
    class Wish(BaseModel):
        path: str
        storage: int

        @field_validator("storage")
        @classmethod
        def _check(cls, _storage: int) -> int:
            raise PydanticCustomError("client_error", "storage 99 cannot be used: There is no storage 99.")

    with pytest.raises(PluginValidationError) as refused:
        validate_params(Wish, {"storage": 99})
    listed = "path: Field required; storage: storage 99 cannot be used: There is no storage 99"
    assert str(refused.value).endswith(f"Wish: {listed}")
