"""No key in anything that failing runs leave behind: every place is searched for every key that was in use."""

import json
import os
import traceback
from pathlib import Path

import pytest

from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientError
from tests.agent.stage import until
from tests.folders import contents_below

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]
PASSWORD = "hunter2hunter2"
QUERY = "0123456789abcdef0123456789abcdef"
# Files that hold a key on purpose; each for its owner only.
OWN = {"enrolment.json", "api.token", "key"}
LEAKING = """
user, own = (os.environ["SYNAPSE_PLUGIN_RUN_" + name] for name in ("USER_TOKEN", "AGENT_TOKEN"))
print("environment:", dict(os.environ))
sys.stderr.write(user + own)
signed = f"https://host/file?X-Amz-Signature={QUERY}&token={QUERY}"
index = f"https://user:{PASSWORD}@host/simple"
self.log_message("working with Token " + user)
self.log("event", {"header": "Authorization: Bearer " + own, "url": signed})
self.set_metrics({"url": index}, "work")
Path(self.params.value).write_text(user + " " + own)
while not Path(self.params.value + ".seen").exists():
    time.sleep(0.05)
"""
ENDS = {
    "exception": "raise RuntimeError(f'no: Token {user}, Bearer {own}, {signed}, {index}')",
    "sys_exit": "sys.exit(f'no: Token {user}, Bearer {own}, {signed}, {index}')",
    "result": "return {'status': 'failed', 'message': f'no: Token {user}, Bearer {own}, {signed}, {index}'}",
    "client": "self.ctx.client._get('nowhere/?token=' + user)",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
}
TO_TASK = """
from synapse_sdk.plugins.actions.to_task import ToTaskAction
class Failing(ToTaskAction):
    def convert_data_from_file(self, *args, task_data=None):
        raise ValueError(f'no: Token {user}, Bearer {own}, {signed}, {index}')
params = {"name": "a", "project": int(self.params.flag), "agent": 1, "target_specification_name": "labels"}
return Failing.dispatch(params, self.ctx).model_dump(mode="json")
"""


@pytest.mark.parametrize("end", [*ENDS, "to_task"])
def test_no_key_is_left_behind_by_a_run_that_fails(stage, own_agent, tmp_path, end):
    told = tmp_path / "keys"
    body = f"QUERY, PASSWORD = {QUERY!r}, {PASSWORD!r}\n" + LEAKING + (ENDS.get(end) or TO_TASK)
    flag = str(project_of(stage, tmp_path)) if end == "to_task" else ""
    code = stage.publish(body)
    job = stage.run(code, own_agent, value=str(told), flag=flag)
    keys = until(lambda: told.exists() and told.read_text().split())
    assert len(keys) == 2
    secrets = {*keys, stage.token, own_agent.api_token, key_of(own_agent)}
    while_it_ran = [*processes(job, keys), *folders(own_agent.home / "runs" / job)]
    told.with_name("keys.seen").touch()

    ended = stage.wait(job)

    assert ended["status"] == "failed", ended
    until((own_agent.home / "ended" / job).exists)
    left = [*while_it_ran, *processes(job, ()), *folders(own_agent.home), *folders(stage.home), *logs(stage, own_agent)]
    left += [*of_server(stage, job), *of_agent(stage, own_agent, job), *exceptions(stage, own_agent, secrets)]
    found = [(place, text[:7]) for place, content in left for text in secrets if text.encode() in content]
    assert not found
    # What a plugin says is its own; what we say of how it ended names no address in full.
    said = ended["error"] + (json.dumps(ended["result"]) if end == "to_task" else "")
    assert not [text for text in (PASSWORD, QUERY) if text in said]


def key_of(agent):
    return json.loads((agent.home / "enrolment.json").read_text())["key"]


def processes(job, keys):
    """Command lines and variables of every process of this machine; the run's own may hold its own keys."""
    for path in Path("/proc").glob("[0-9]*"):
        if int(path.name) == os.getpid():
            continue
        try:
            yield f"{path}/cmdline", (path / "cmdline").read_bytes()
            variables, what = (path / "environ").read_bytes(), (path / "cmdline").read_bytes()[:80]
        except OSError:
            continue
        if f"SYNAPSE_JOB_ID={job}".encode() in variables:
            for key in keys:
                variables = variables.replace(key.encode(), b"")
        yield f"{path}/environ of {what!r}", variables


def folders(root):
    for path, content in contents_below(root):
        if path.name in OWN:
            assert path.stat().st_mode & 0o077 == 0, path
        else:
            yield str(path), content


def logs(stage, agent):
    for name in ("server.log", f"{agent.name}.log"):
        yield name, (stage.folder / name).read_bytes()


def of_server(stage, job):
    yield "job", json.dumps(stage.job(job)).encode()
    yield "console", stage.console(job).encode()
    yield "log entries", json.dumps(list(stage.v1.list_logs({"job": job}, list_all=True)[0])).encode()


def of_agent(stage, agent, job):
    with AgentClient(agent.url, agent.api_token) as client:
        yield "record", json.dumps(client.get_job(job)).encode()
        yield "agent's console", client.get_job_logs(job).encode()
        yield "agent's stream", "\n".join(client.tail_job_logs(job, protocol="http")).encode()


def exceptions(stage, agent, secrets):
    """What calls with each of the keys raise, with all that a traceback shows."""
    for secret in secrets:
        for client in (BackendClient(stage.url, secret), AgentClient(agent.url, secret, user_token=secret)):
            try:
                client.get_job("00000000-0000-0000-0000-000000000000")
            except ClientError as exc:
                yield "exception", (repr(client) + "".join(traceback.format_exception(exc))).encode()
            client.close()


def project_of(stage, folder):
    from tests.bench.images import write_images

    specifications = [{"name": "image", "is_primary": True}, {"name": "labels", "file_type": "data"}]
    collection = stage.v2.data_collections.create(name=str(folder)[-100:], file_specifications=specifications)["id"]
    project = stage.v2.projects.create(name=str(folder)[-100:], data_collection=collection)["id"]
    write_images(folder / "images", ["a.png"])
    (folder / "a.xml").write_text("<annotation/>")
    files = {"image": folder / "images" / "a.png", "labels": folder / "a.xml"}
    stage.v1.upload_data_collection(collection, [{"files": files} for _ in range(2)], project_id=project)
    return project
