"""Running an action in a child process: its result comes back whole, and its death is told in plain words."""

import json
import os
import sys

import pytest
from pydantic import BaseModel

from synapse_sdk.exceptions import (
    ActionNotFoundError,
    ConfigurationError,
    ExecutionError,
    PluginError,
    PluginRunError,
    PluginValidationError,
)
from synapse_sdk.plugins import BaseAction
from synapse_sdk.plugins.enums import ExecutionMode
from synapse_sdk.plugins.executors import InlineExecutor, LocalExecutor
from synapse_sdk.plugins.runner import run_plugin


class Params(BaseModel):
    value: int


class Doubling(BaseAction[Params]):
    def execute(self):
        if self.params.value < 0:
            raise KeyError("negative")
        return self.params.value * 2


def body(code):
    indented = "\n".join(f"        {line}" for line in code.splitlines())
    return f"class Main(BaseAction[Params]):\n    def execute(self):\n{indented}\n"


def run(folder, value=None, **options):
    return run_plugin(folder, "main", {"value": value}, **options)


def test_result_and_parameters_travel_whole(make_plugin):
    folder = make_plugin(
        body("return {'got': self.params.value, 'cpus': self.ctx.config['num_cpus'], 'cwd': os.getcwd()}")
    )
    value = {"text": '한글 \u2028 "quoted"', "list": [1, 2.5, None, True]}
    assert run(folder, value) == {"got": value, "cpus": 2, "cwd": str(folder)}


def test_parameters_and_results_larger_than_any_variable_or_pipe(make_plugin):
    folder = make_plugin(body("return {'size': len(self.params.value), 'back': self.params.value * 10}"))
    result = run(folder, "x" * 1_000_000)
    assert (result["size"], len(result["back"])) == (1_000_000, 10_000_000)


def test_noise_on_stdout_does_not_spoil_the_result_and_stays_off_ours(make_plugin, capfd):
    source = "sys.stdout.write('noise\\n' * 500_000)\nos.write(1, b'__SYNAPSE_RESULT_START__{')\nreturn {'ok': True}"
    assert run(make_plugin(body(source))) == {"ok": True}
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("noise") == 500_000


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise ValueError('bad row 7')", "Action 'main' failed: ValueError: bad row 7"),
        ("os._exit(3)", "ended with exit status 3 and without a result"),
        ("os._exit(0)", "ended with exit status 0 and without a result"),
        ("sys.exit(0)", r"called sys.exit\(0\) instead of returning"),
        ("sys.exit('no model')", r"called sys.exit\(no model\)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL .the machine may have run out of memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "was ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", "was stopped before its end"),
        ("a = []; a.append(a); return a", "cannot be turned into JSON"),
        ("def f(): return f()\nreturn f()", "RecursionError"),
    ],
)
def test_the_death_of_a_child_is_told_in_plain_words(make_plugin, code, expected):
    with pytest.raises(ExecutionError, match=expected) as caught:
        run(make_plugin(body(code)))
    assert "Traceback" not in str(caught.value)


def test_the_first_cause_of_a_failed_step_is_named(make_plugin, capfd):
    source = """
class Load(BaseStep):
    name = "load"
    progress_weight = 1.0
    def execute(self, context):
        raise FileNotFoundError("weights.pt")

class Main(BaseAction[Params]):
    def setup_steps(self, registry):
        registry.register(Load())
"""
    with pytest.raises(ExecutionError, match=r"^Action 'main' failed: Step 'load' failed: weights\.pt$") as caught:
        run(make_plugin(source))
    assert caught.value.details["cause"] == "FileNotFoundError"
    assert "Traceback" in capfd.readouterr().err


def test_parameters_that_do_not_fit_are_named_by_field(make_plugin, capfd):
    source = (
        "class Strict(BaseModel):\n    count: int\n\nclass Main(BaseAction[Strict]):\n    def execute(self): return 1\n"
    )
    with pytest.raises(PluginValidationError, match="do not fit Strict: count: Field required") as caught:
        run(make_plugin(source))
    assert caught.value.details == {"errors": [{"field": "count", "message": "Field required"}]}
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return Params(value=1)", {"value": 1}),
        ("return {'path': Path('/x'), 'nan': float('nan')}", {"path": "/x", "nan": None}),
        ("return None", None),
        ("return [1, (2, 3)]", [1, [2, 3]]),
    ],
)
def test_results_that_python_can_describe_become_json(make_plugin, code, expected):
    assert run(make_plugin(body(code))) == expected


def test_a_result_that_is_no_json_is_handed_over_as_text_with_a_warning(make_plugin, capfd):
    result = run(make_plugin("class Odd:\n    def __str__(self): return 'odd'\n" + body("return {'value': Odd()}")))
    assert result == {"value": "odd"}
    assert "what JSON cannot (Odd)" in capfd.readouterr().err


def test_a_decorated_function_is_an_action_too(make_plugin):
    source = """
from synapse_sdk.plugins.decorators import action

@action(params=Params)
def main(params, ctx):
    return {"value": params.value, "has_logger": ctx.logger is not None}
"""
    assert run(make_plugin(source, action="main"), 5) == {"value": 5, "has_logger": True}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import no_such_package\n", "Module 'plugin.main' cannot be imported: No module named 'no_such_package'"),
        ("def broken(:\n", "SyntaxError"),
        ("", "Main in plugin.main does not exist"),
        ("class Main: pass\n", "Main in plugin.main is no action"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_says_why(make_plugin, source, expected):
    with pytest.raises(ExecutionError, match=expected):
        run(make_plugin(source))


def test_the_config_sets_variables_and_a_nested_run_inherits_no_job(make_plugin, monkeypatch):
    monkeypatch.setenv("SYNAPSE_JOB_ID", "outer")
    monkeypatch.setenv("SYNAPSE_ACTION_PARAMS_FILE", "/nowhere")
    code = "return [self.ctx.env.get_int('LIMIT'), self.ctx.env.get('EXTRA'), self.ctx.job_id]"
    folder = make_plugin(body(code), config="env: {LIMIT: 5, EXTRA: a}\n")
    assert run(folder, env={"EXTRA": "b"}) == [5, "b", None]


def test_a_run_with_a_job_reports_to_the_server(make_plugin, server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    code = "self.log_message('hello')\nself.set_progress(1, 1)\nreturn {'client': self.ctx.client is not None}"
    env = {"SYNAPSE_HOST": server.url, "SYNAPSE_ACCESS_TOKEN": "syn_test"}
    assert run(make_plugin(body(code)), env=env, job_id="job-7") == {"client": True}
    assert [entry["data"]["content"] for entry in server.entries.values()] == ["hello"]
    path, update = server.updates[-1]
    assert path == "/jobs/job-7/"
    assert update["progress_record"]["current_progress"]["overall"] == 100
    assert list((tmp_path / ".synapse" / "spool").iterdir()) == []


def test_what_a_killed_run_logged_while_the_server_was_away_is_still_there(make_plugin, server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    server.status = 503
    env = {"SYNAPSE_HOST": server.url, "SYNAPSE_ACCESS_TOKEN": "syn_test"}
    code = "self.log_message('last words')\nos.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ExecutionError, match="SIGKILL"):
        run(make_plugin(body(code)), env=env, job_id="job-8")
    (kept,) = (tmp_path / ".synapse" / "spool").iterdir()
    assert json.loads(kept.read_text())["data"]["content"] == "last words"


def test_plugins_that_share_a_package_name_do_not_mix(make_plugin):
    one = make_plugin(body("return 'one'"), code="one")
    two = make_plugin(body("return 'two'"), code="two")
    assert [run(one), run(two), run(one)] == ["one", "two", "one"]
    inline = [InlineExecutor(working_dir=folder).execute("plugin.main:Main", {}) for folder in (one, two, one)]
    assert inline == ["one", "two", "one"]


def test_a_module_can_be_run_by_its_name_and_a_class_directly(tmp_path, monkeypatch):
    (tmp_path / "my_actions.py").write_text(
        "from synapse_sdk.plugins import BaseAction\n"
        "class HelloAction(BaseAction):\n    def execute(self): return 'hello'\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert run_plugin("my_actions", "hello") == "hello"
    import my_actions

    assert LocalExecutor(working_dir=tmp_path).execute(my_actions.HelloAction, {}) == "hello"
    assert run_plugin("x", "hello", action_cls=my_actions.HelloAction, working_dir=tmp_path) == "hello"


def test_what_cannot_run_is_refused_with_the_way_out(make_plugin):
    folder = make_plugin(body("return 1"))
    with pytest.raises(ActionNotFoundError, match="it has: main"):
        run_plugin(folder, "nope")
    with pytest.raises(PluginError, match="neither a folder"):
        run_plugin("no.such.plugin", "main")
    with pytest.raises(PluginRunError, match="Ray"):
        run_plugin(folder, "main", mode=ExecutionMode.JOB)
    with pytest.raises(ExecutionError, match="cannot be started"):
        LocalExecutor(python=folder / "no-python", working_dir=folder).execute("plugin.main:Main", {})
    (folder / "config.yaml").write_text("name: T\ncode: t\nactions: {main: {}}\n")
    with pytest.raises(ConfigurationError, match=r"actions\.main\.entrypoint is missing"):
        run_plugin(folder, "main")

    class Local(BaseAction[Params]):
        pass

    with pytest.raises(ExecutionError, match="use InlineExecutor"):
        LocalExecutor().execute(Local, {})


def test_inline_executor_keeps_the_cause():
    assert InlineExecutor().execute(Doubling, {"value": 2}) == 4
    with pytest.raises(ExecutionError) as caught:
        InlineExecutor().execute(Doubling, {"value": -1})
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(PluginValidationError):
        InlineExecutor().execute(Doubling, {"value": "x"})


def test_the_module_prints_the_result_between_markers_when_no_file_is_named(make_plugin, capfd):
    folder = make_plugin(body("return self.params.value"))
    env = {**os.environ, "SYNAPSE_ACTION_ENTRYPOINT": "plugin.main.Main", "SYNAPSE_ACTION_PARAMS": '{"value": 5}'}
    module = [sys.executable, "-m", "synapse_sdk.plugins.entrypoint"]
    assert os.spawnve(os.P_WAIT, "/usr/bin/env", ["env", "-C", str(folder), *module], env) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[-3:] == ["__SYNAPSE_RESULT_START__", '{"result": 5}', "__SYNAPSE_RESULT_END__"]
    env["SYNAPSE_ACTION_PARAMS"] = "[1"
    assert os.spawnve(os.P_WAIT, "/usr/bin/env", ["env", "-C", str(folder), *module], env) == 1
    assert "SYNAPSE_ACTION_PARAMS is not JSON" in capfd.readouterr().err
