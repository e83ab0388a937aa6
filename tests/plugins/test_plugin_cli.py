"""`synapse plugin`: what a plugin's author types, from an empty folder to a release."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from typer.testing import CliRunner

from synapse_sdk.cli.main import build_app
from synapse_sdk.loggers import JobLogger
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.enums import PluginCategory

ECHO = "class Main(BaseAction[Params]):\n    def execute(self):\n        return {'value': self.params.value}\n"


@pytest.fixture
def synapse(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("SYNAPSE_HOST", "SYNAPSE_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, folder=None, **options):
        if folder is not None:
            monkeypatch.chdir(folder)
        return CliRunner().invoke(build_app([]), ["plugin", *map(str, arguments)], **options)

    return run


@pytest.mark.parametrize("category", [PluginCategory.CUSTOM, PluginCategory.EXPORT])
def test_a_new_plugin_passes_its_own_test(synapse, tmp_path, category):
    made = synapse(
        "create", "--name", "Bird's “Counter”: 3%", "--category", category.value, "--yes", "--path", tmp_path
    )
    assert made.exit_code == 0, made.output
    folder = tmp_path / "synapse-bird-s-counter-3-plugin"
    assert yaml.safe_load((folder / "config.yaml").read_text())["category"] == category.value
    tested = synapse("test", "--path", folder, "--", "-q", "-p", "no:cacheprovider")
    assert tested.exit_code == 0, tested.output


@pytest.mark.parametrize("category", list(PluginCategory))
def test_a_new_plugin_of_any_category_has_a_usable_configuration(synapse, tmp_path, category):
    assert synapse("create", "--name", "a", "-c", category.value, "--yes", "--path", tmp_path).exit_code == 0
    assert PluginConfig.from_path(tmp_path / "synapse-a-plugin").category is category


def test_a_new_plugin_runs_as_its_readme_says(synapse, tmp_path):
    synapse("create", "--name", "Bird Counter", "--yes", "--path", tmp_path)
    folder = tmp_path / "synapse-bird-counter-plugin"
    params = re.search(r"plugin run run --params '(.*)'", (folder / "README.md").read_text())[1]
    result = synapse("run", "run", "--params", params, "--json", folder=folder)
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"count": 3})


def test_create_refuses_what_cannot_be_and_leaves_nothing(synapse, tmp_path):
    synapse("create", "--name", "a", "--yes", "--path", tmp_path)
    before = sorted(tmp_path.rglob("*"))
    again = synapse("create", "--name", "a", "--yes", "--path", tmp_path)
    assert (again.exit_code, "exists already" in again.output) == (1, True)
    korean = synapse("create", "--name", "새", "--yes", "--path", tmp_path)
    assert (korean.exit_code, "use letters" in korean.output) == (1, True)
    escaping = synapse("create", "--name", "a", "--code", "../x", "--yes", "--path", tmp_path)
    assert escaping.exit_code == 1
    assert synapse("create", "--yes", "--path", tmp_path).exit_code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_run_takes_the_seeds_words_in_their_order(synapse, make_plugin):
    folder = make_plugin(ECHO)
    result = synapse(
        "run", "--mode", "local", "main", "--params", '{\n "value": {"project": 123}\n}', "--json", folder=folder
    )
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"value": {"project": 123}})


def test_run_reads_parameters_from_a_file_and_prints_facts(synapse, make_plugin, tmp_path):
    (tmp_path / "p.json").write_text('{"value": "한글"}')
    result = synapse("run", "main", "--path", make_plugin(ECHO), "--params", f"@{tmp_path / 'p.json'}")
    assert (result.exit_code, result.stdout) == (0, "value  한글\n")


@pytest.mark.parametrize("inline", [[], ["--debug"]])
def test_what_an_action_prints_is_not_among_its_result(synapse, make_plugin, inline):
    body = "        print('looking')\n        self.log_message('found')\n        return {'value': self.params.value}\n"
    folder = make_plugin(f"class Main(BaseAction[Params]):\n    def execute(self):\n{body}")
    result = synapse("run", "main", "--path", folder, "--params", '{"value": "a"}', "--json", *inline)
    assert json.loads(result.stdout) == {"value": "a"}


@pytest.mark.parametrize("inline", [[], ["--debug"]])
def test_a_failing_action_is_one_clear_message_and_exit_code_1(synapse, make_plugin, inline):
    folder = make_plugin(
        "class Main(BaseAction[Params]):\n    def execute(self):\n        raise ValueError('bad row 7')\n"
    )
    result = synapse("run", "main", "--path", folder, *inline)
    assert result.exit_code == 1
    assert result.stdout == ""
    # What the action's own process prints, such as where it failed, is shown as well; the message stands below it.
    message = result.stderr.rpartition("\nError:")[2]
    assert "Action 'main' failed" in message
    assert "bad row 7" in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("arguments", "exit_code", "expected"),
    [
        (["nope"], 1, "has no action 'nope'; it has: main"),
        (["main", "--params", "{"], 2, "--params is not JSON"),
        (["main", "--params", "[1]"], 2, "must be a JSON object"),
        (["main", "--params", "@nowhere.json"], 2, "cannot be read"),
        (["main", "--mode", "job", "--ray-address", "http://127.0.0.1:9"], 1, "Ray"),
        (["main", "--mode", "remote"], 1, "There is no access token"),
        (["main", "--path", "/nowhere"], 1, "nowhere"),
    ],
)
def test_run_refuses_with_the_way_out(synapse, make_plugin, arguments, exit_code, expected):
    result = synapse("run", *arguments, folder=make_plugin(ECHO))
    assert (result.exit_code, expected in " ".join(result.stderr.split())) == (exit_code, True), result.output


def test_tests_that_fail_and_tests_that_are_missing_are_failures(synapse, make_plugin):
    folder = make_plugin(ECHO)
    missing = synapse("test", "--path", folder)
    assert (missing.exit_code, "has no tests" in missing.output) == (1, True)
    (folder / "tests").mkdir()
    (folder / "tests" / "test_main.py").write_text("def test_it():\n    assert False\n")
    assert synapse("test", "--path", folder).exit_code == 1


def test_update_config_writes_what_the_code_declares_and_keeps_the_rest(synapse, make_plugin):
    source = (
        "from pydantic import Field\nfrom typing import Literal\nfrom synapse_sdk.plugins.types import YOLODataset\n"
        "class Train(BaseModel):\n    epochs: int = Field(10, ge=1, title='Epochs')\n    size: Literal['s', 'm'] = 's'\n"
        "class Main(BaseAction[Train]):\n    input_type = YOLODataset\n"
        "class OtherAction(BaseAction[Params]):\n    action_name = 'other'\n"
    )
    folder = make_plugin(source)
    config = folder / "config.yaml"
    config.write_text("# mine\n" + config.read_text())
    assert synapse("update-config", "--path", folder).exit_code == 0
    actions = yaml.safe_load(config.read_text())["actions"]
    assert actions["main"]["entrypoint"] == "plugin.main.Main"
    assert (actions["main"]["num_cpus"], actions["main"]["input_type"]) == (2, "yolo_dataset")
    epochs, size = actions["main"]["hyperparameters"]["train_ui_schemas"]
    assert epochs == {
        "$formkit": "number", "name": "epochs", "label": "Epochs", "value": 10, "min": 1,
        "number": "integer", "validation": "min:1",
    }  # fmt: skip
    assert (size["$formkit"], [option["value"] for option in size["options"]]) == ("select", ["s", "m"])
    assert actions["other"]["entrypoint"] == "plugin.main:OtherAction"
    assert (folder / "config.yaml.bak").read_text().startswith("# mine\n")
    again = synapse("update-config", "--path", folder)
    assert (again.exit_code, "up to date" in again.output) == (0, True)


class Platform(ThreadingHTTPServer):
    """Takes releases and logs; keeps what it was sent."""

    def __init__(self):
        self.bodies, self.status = [], 201
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                body = json.dumps(
                    {"id": 7}
                    if outer.status < 400
                    else {"error": {"code": "CONFLICT", "message": "it is there"}, "meta": {"request_id": "r"}}
                ).encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def platform(monkeypatch, synapse):
    platform = Platform()
    monkeypatch.setenv("SYNAPSE_HOST", f"http://127.0.0.1:{platform.server_address[1]}")
    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", "syn_test")
    yield platform
    platform.shutdown()
    platform.server_close()


def test_a_dry_run_packs_the_same_bytes_each_time_and_sends_nothing(synapse, make_plugin):
    folder = make_plugin(ECHO)
    (folder / ".env").write_text("TOKEN=secret")
    first, second = (json.loads(synapse("publish", "--dry-run", "--json", "--path", folder).stdout) for _ in range(2))
    assert first == second
    assert first["files"] == ["config.yaml", "plugin/__init__.py", "plugin/main.py"]
    assert (first["release_id"], first["version"], first["file_count"]) == (0, "0.1.0", 3)


def test_publish_sends_configuration_forms_and_archive(synapse, make_plugin, platform):
    folder = make_plugin(ECHO, config="version: 1.2.3\nowner: team-a\n")
    result = synapse("publish", "--yes", "--json", "--path", folder)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["release_id"] == 7
    assert "keys that the platform does not know: owner" in result.stderr
    ((path, body),) = platform.bodies
    assert path == "/plugin_releases/"
    for part in (b"1.2.3", b"train_ui_schemas", b"num_cpus", b"team-a", b"PK\x03\x04"):
        assert part in body


def test_publish_asks_first(synapse, make_plugin, platform):
    assert synapse("publish", "--path", make_plugin(ECHO), input="n\n").exit_code == 130
    assert platform.bodies == []


def test_a_version_that_is_there_already_says_what_to_do(synapse, make_plugin, platform):
    platform.status = 409
    result = synapse("publish", "--yes", "--path", make_plugin(ECHO))
    assert (result.exit_code, "is published already; raise version" in result.stderr) == (1, True)


def test_a_plugin_whose_code_is_broken_is_not_published_unless_for_trying_out(synapse, make_plugin, platform):
    folder = make_plugin("import no_such_package\n" + ECHO)
    refused = synapse("publish", "--yes", "--path", folder)
    assert (refused.exit_code, platform.bodies) == (1, [])
    assert "no_such_package" in refused.stderr
    assert synapse("publish", "--yes", "--debug", "--path", folder).exit_code == 0


def test_publish_without_a_token_fails_before_it_packs(synapse, make_plugin):
    result = synapse("publish", "--yes", "--path", make_plugin(ECHO))
    assert (result.exit_code, "synapse login" in result.stderr) == (1, True)


def test_logs_that_waited_for_the_server_are_sent_on_request(synapse, platform, tmp_path):
    class Away:
        def update_job(self, job_id, data, /):
            raise OSError

        create_logs = update_job

    logger = JobLogger(Away(), "job-1", finish_wait_seconds=0, send_every_seconds=0.01)
    logger.info("kept")
    logger.finish()
    result = synapse("job", "send-logs")
    assert (result.exit_code, "1 records sent" in result.stderr) == (0, True), result.output
    assert [path for path, _ in platform.bodies] == ["/logs/"]
    assert "Nothing was waiting" in synapse("job", "send-logs").stderr
