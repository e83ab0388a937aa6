"""Submitting a config: what becomes of it, what is frozen, and what is refused."""

import json

import pytest

from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.components.config_file import parse_config
from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.grid import expand_grid
from synapse_sdk.exceptions import ClientError, ValidationError
from tests.backend.experiments.lab import COMPONENTS, CONFIG, URL, refused
from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.models import Role

GRID = """\
project: digits
model: net(width=8)
loss: [ce, focal]
lr: [0.1, 1e-2]
sizes: !!python/tuple [1, 2]
"""


def test_a_config_becomes_an_experiment_with_everything_that_it_needs(lab):
    (made,) = lab.submit(priority="high", device="gpu-7")

    shown = lab.people.get_experiment(made["uid"])
    assert {key: shown[key] for key in ("name", "project", "status", "priority", "wanted_device", "seed")} == {
        "name": "first",
        "project": "digits",
        "status": "queued",
        "priority": "high",
        "wanted_device": "gpu-7",
        "seed": 7,
    }
    expected = {path: sha256_of(COMPONENTS[path].encode()) for path in ("model/net.py", "model/block.py", "loss/ce.py")}
    assert {path: each["sha256"] for path, each in shown["components"].items()} == expected
    assert shown["manifest"] is None


def test_lists_become_a_grid_whose_runs_share_the_frozen_versions(lab):
    runs = lab.submit(GRID)
    lab.put({"model/net.py": "width = 2\n"})

    assert [(run["grid"], run["grid_size"]) for run in runs] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    details = [lab.people.get_experiment(run["uid"]) for run in runs]
    assert {each["components"]["model/net.py"]["sha256"] for each in details} == {
        sha256_of(COMPONENTS["model/net.py"].encode())
    }
    assert [sorted(path for path in each["components"] if path.startswith("loss")) for each in details] == [
        ["loss/ce.py"], ["loss/ce.py"], ["loss/focal.py"], ["loss/focal.py"]
    ]  # fmt: skip


def test_each_run_has_a_config_of_its_own_that_is_this_run_and_no_grid(lab):
    chosen = []
    for run in lab.submit(GRID):
        config = lab.people.get_config(run["uid"])
        assert config["submitted"] == GRID
        (alone,) = expand_grid(parse_config(config["config"]))
        assert alone.data["sizes"] == (1, 2)
        assert alone.data["seed"] == run["seed"]
        chosen.append((alone.data["loss"], alone.data["lr"]))
    assert chosen == [("ce", 0.1), ("ce", 0.01), ("focal", 0.1), ("focal", 0.01)]


def test_each_run_says_what_it_took_of_the_grid_and_so_does_its_reproduction(lab):
    runs = lab.submit(GRID)

    shown = [{each["key"]: each["value"] for each in run["choices"]} for run in reversed(lab.people.list_experiments())]
    assert shown == [
        {"loss": "ce", "lr": "0.1"},
        {"loss": "ce", "lr": "0.01"},
        {"loss": "focal", "lr": "0.1"},
        {"loss": "focal", "lr": "0.01"},
    ]
    again = lab.people.reproduce(runs[3]["uid"])
    assert (again["grid_size"], again["choices"]) == (1, runs[3]["choices"])
    assert lab.people.get_experiment(lab.submit_one())["choices"] == []


def test_a_list_in_a_value_of_an_axis_is_an_axis_of_those_runs_alone(lab):
    text = "model: net\nloss: ce\nopt:\n  - {name: sgd, lr: [1, 2]}\n  - {name: adam}\n"

    shown = [{each["key"]: each["value"] for each in run["choices"]} for run in lab.submit(text)]

    assert [each.get("opt.0.lr") for each in shown] == ["1", "2", None]
    assert [each["opt"][:14] for each in shown] == ["{'name': 'sgd'", "{'name': 'sgd'", "{'name': 'adam"]


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("config", "place"),
    [
        (CONFIG.replace("loss: ce", "loss: nowhere"), "my.yaml:5: loss: there is no component loss/nowhere.py"),
        (GRID.replace("focal", "nowhere"), "my.yaml:3: loss: there is no component loss/nowhere.py"),
        ("model: [net", "my.yaml:"),
        ("- a list", "my.yaml:1: a config is a mapping"),
        ("lr: 0.1", "my.yaml:1: the config names no component."),
        ("model: 7", "my.yaml:1: model: a component is text"),
        ("model: net\nlr: []", "my.yaml:2: lr: an empty list"),
        (f'{CONFIG}width: "{{{{nothing}}}}"', "my.yaml:6: width: `{{nothing}}`: the config has no 'nothing'."),
        (f'{CONFIG}sizes:\n  a: [1, "{{{{b.c}}}}"]', "my.yaml:7: sizes.a: `{{b.c}}`: the config has no 'b.c'."),
        ("model: net\nlr: 1\nbatch: [8, '{{size}}']", "my.yaml:3: batch: `{{size}}`: the config has no 'size'."),
        ("model: net\nlr: '{{rate}}'\nloss: '{{kind}}'", "my.yaml:3: loss: `{{kind}}`"),
        ("model: net\na: &x 1\na: 2", "my.yaml:3: the key 'a' is there twice"),
    ],
)
def test_what_cannot_run_is_refused_with_file_and_line(lab, config, place):
    with pytest.raises(ValidationError) as caught:
        lab.submit(config, file="my.yaml")

    assert caught.value.status_code == 422
    assert caught.value.detail["error"]["message"].startswith(place)
    assert lab.people.list_experiments() == []


@SQLITE_ONLY
@pytest.mark.parametrize(
    "more",
    [
        f"lr: [{'1,' * 300}]\nnote: {'x' * 300_000}",
        f"seed: 0x{'f' * 5000}",
        'note: ["\\ud800", b]',
        f"note: {'{a: ' * 200}1{'}' * 200}",
        "seed: '{{k0}}'\nk9999: 1\n" + "".join(f"k{number}: '{{{{k{number + 1}}}}}'\n" for number in range(9999)),
    ],
    ids=["more than is kept", "a long number", "half a character", "deep", "a chain of placeholders"],
)
def test_what_no_database_or_memory_would_hold_is_refused(lab, client, more):
    config = f"model: net(width=8)\nloss: ce\n{more}"

    answer = client.post("/api/experiments", json={"config": config, "file": "a.yaml"})

    assert (answer.status_code, answer.json()["error"]["message"][:7]) == (422, "a.yaml:")
    assert client.post("/api/experiments/preview", json={"config": config}).status_code == 200
    assert lab.people.list_experiments() == []


@SQLITE_ONLY
def test_what_was_meant_by_a_name_that_is_nearly_there_is_said(lab):
    for config, alias, said in (
        (
            CONFIG.replace("model: net", "model: nett"),
            "active",
            "no component model/nett.py on the server. Did you mean",
        ),
        (CONFIG, "paper", "model/net.py has no version 'paper' on the server; `synapse component list model/net.py`"),
    ):
        with pytest.raises(ValidationError) as caught:
            lab.submit(config, alias=alias)
        assert said in caught.value.detail["error"]["message"]


@SQLITE_ONLY
def test_what_is_nowhere_is_told_in_the_order_of_the_config(lab):
    with pytest.raises(ValidationError) as caught:
        lab.submit("loss: no_loss\nmodel: no_model\nagent: no_agent\n", file="my.yaml")
    told = caught.value.detail["error"]["message"].splitlines()
    assert [line.split(":")[1] for line in told] == ["1", "2", "3"]


def test_on_an_empty_store_it_is_said_how_to_fill_it(database, transport, admin_token):
    people = ExperimentClient(URL, admin_token, transport=transport)
    with pytest.raises(ClientError, match="`synapse component scan` registers those of its own folder"):
        people.submit(CONFIG)


def test_an_import_that_leads_nowhere_is_named_with_its_line(lab):
    lab.put({"model/net.py": "# a comment\nfrom cvlabkit.component.model import gone\n"})

    with pytest.raises(ValidationError) as caught:
        lab.submit()

    assert "model/net.py:2: imports cvlabkit.component.model.gone" in caught.value.detail["error"]["message"]


def test_an_alias_and_pins_choose_the_versions(lab):
    old = {row["path"]: row["hash"] for row in lab.store.list_aliases()}
    lab.store.change([{"path": path, "hash": digest, "aliases": ["stable"]} for path, digest in old.items()])
    lab.put({"model/net.py": "width = 2\n", "loss/ce.py": "x = 2\n"})

    stable = lab.people.get_experiment(lab.submit_one(alias="stable"))["components"]
    pinned = lab.people.get_experiment(lab.submit_one(pinned={"loss/ce.py": old["loss/ce.py"]}))["components"]

    assert {path: each["hash"] for path, each in stable.items()} == {path: old[path] for path in stable}
    assert pinned["loss/ce.py"]["hash"] == old["loss/ce.py"]
    assert pinned["model/net.py"]["hash"] != old["model/net.py"]


@SQLITE_ONLY
def test_an_alias_that_a_component_lacks_and_a_pin_to_nothing_are_refused(lab):
    with refused(422):
        lab.submit(alias="paper-2026")
    with refused(400):
        lab.submit(pinned={"loss/ce.py": "0" * 16})
    with refused(400):
        lab.submit(pinned={"../../etc/passwd": "0" * 16})


def test_a_pin_of_what_the_config_does_not_need_is_refused(lab):
    versions = {row["path"]: row["hash"] for row in lab.store.list_aliases()}
    lab.submit_one(pinned={"model/block.py": versions["model/block.py"]})
    with pytest.raises(ClientError) as caught:
        lab.submit(pinned={"loss/focal.py": versions["loss/focal.py"]})
    message = "config.yaml:1: loss/focal.py is pinned, and nothing in the config needs it."
    assert (caught.value.status_code, caught.value.detail["error"]["message"]) == (422, message)


def test_the_same_key_submits_once(lab):
    first = lab.submit(GRID, key="from-my-script")
    again = lab.submit(GRID, key="from-my-script")

    assert [run["uid"] for run in again] == [run["uid"] for run in first]
    assert len(lab.people.list_experiments()) == 4


@SQLITE_ONLY
def test_a_config_without_a_seed_gets_one_that_is_recorded(lab):
    (made,) = lab.submit("model: net\n")

    config = lab.people.get_config(made["uid"])["config"]
    assert parse_config(config).data == {"model": "net", "seed": made["seed"]}


@SQLITE_ONLY
@pytest.mark.parametrize("name", ["../../escape", "/etc/cron.d/x", "a\u202eb", "x" * 400, "..", "con\nsole"])
def test_a_name_from_a_config_is_a_label_and_no_path(lab, settings, name):
    before = sorted(settings.home.rglob("*"))

    config = f"model: net\nproject: {json.dumps(name)}\nrun_name: {json.dumps(name)}\n"
    (made,) = lab.submit(config)

    assert made["project"].isprintable()
    assert len(made["project"]) <= 200
    known = {path for path in sorted(settings.home.rglob("*")) if "synapse.db" not in path.name}
    assert known == {path for path in before if "synapse.db" not in path.name}


@SQLITE_ONLY
def test_who_may_submit(lab, make):
    project = make.project()
    people = {}
    for role in Role:
        key = make.user(project=project, role=role)[1].headers["Authorization"].split()[1]
        people[role] = ExperimentClient(URL, key, transport=lab.transport)

    for role in (Role.VIEWER, Role.ANNOTATOR):
        with refused(403):
            people[role].submit(CONFIG)
        with refused(403):
            people[role].enrol_device("mine")
    for role in (Role.MANAGER, Role.ADMIN):
        assert len(people[role].submit(CONFIG)) == 1

    uid = people[Role.MANAGER].submit(CONFIG)[0]["uid"]
    for verb in ("cancel", "pause", "resume"):
        with refused(403):
            getattr(people[Role.ADMIN], verb)(uid)
    assert people[Role.VIEWER].get_experiment(uid)["status"] == "queued"


@SQLITE_ONLY
def test_a_key_that_is_wrong_revoked_or_only_reads_submits_nothing(lab, make, client):
    made = client.post("/v2/tokens/", json={"name": "mine"}).json()["data"]
    revoked = ExperimentClient(URL, made["key"], transport=lab.transport)
    assert revoked.list_experiments() == []
    client.delete(f"/v2/tokens/{made['id']}/")
    reader = client.post("/v2/tokens/", json={"name": "reads", "scopes": ["read"]}).json()["data"]["key"]

    for key, status in ((made["key"], 401), ("syn_wrong", 401), (None, 401), (reader, 403)):
        with refused(status):
            ExperimentClient(URL, key, transport=lab.transport).submit(CONFIG)
    assert lab.people.list_experiments() == []


@SQLITE_ONLY
@pytest.mark.parametrize(
    "body",
    [{}, {"config": "model: net", "unknown": 1}, {"config": "x", "priority": "asap"}, {"config": "x", "device": "../x"},
     {"config": "x", "alias": "UPPER"}, {"config": "x" * 1_000_001}, {"config": "x", "expires_in_seconds": 0}],
)  # fmt: skip
def test_a_body_that_is_none_is_refused(client, body):
    assert client.post("/api/experiments", json=body).status_code == 400


def test_lists_are_filtered_and_go_on(lab):
    uids = [lab.submit_one() for _ in range(3)]
    other = lab.submit_one(CONFIG.replace("digits", "faces"))
    lab.people.cancel(uids[0])

    def listed(**filters):
        return [each["uid"] for each in lab.people.list_experiments(**filters)]

    assert listed() == [other, *reversed(uids)]
    assert listed(status="queued", project="digits") == [uids[2], uids[1]]
    assert listed(status="queued,cancelled", limit=2, before=uids[2]) == [uids[1], uids[0]]
    assert listed(device="gpu-1") == []
    with refused(400):
        listed(status="done")


@SQLITE_ONLY
def test_what_is_not_there_is_not_found(lab):
    for ask in (lab.people.get_experiment, lab.people.get_config, lab.people.get_metrics, lab.people.cancel,
                lab.people.reproduce, lambda uid: list(lab.people.follow_log(uid)),
                lambda uid: lab.people.compare(uid, uid)):  # fmt: skip
        with pytest.raises(ClientError) as caught:
            ask("nothing")
        assert caught.value.status_code == 404
