"""Every flow, table row and code block of the component seed, read from its text and held against a real server."""

import re
import shlex
from pathlib import Path

import httpx2
import pytest

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.components.digests import short_hash
from synapse_sdk.components.names import Category, parse_component_path
from synapse_sdk.exceptions import AuthenticationError, ClientError, ConflictError
from synapse_sdk.wire.components import ComponentVersion
from tests.agent.stage import Stage
from tests.seeds.cut import seed_lines
from web_helper.middleend.component_manager import ComponentManager, ConflictResolution, SyncStrategy
from web_helper.middleend.sync_plan import ConflictType

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.xdist_group("seed-tables")]
URL = "http://localhost:8000"
ROOT = Path(__file__).parents[2]


def lines_from(first: str, *, until: str) -> list[str]:
    """The seed's lines from one that starts so, to the one before the next that starts so."""
    lines = seed_lines("002")
    start = next(number for number, line in enumerate(lines) if line.startswith(first))
    end = next(number for number in range(start + 1, len(lines)) if lines[number].startswith(until))
    return lines[start:end]


def rows_of(first: str, *, until: str) -> dict[str, str]:
    """A table of the seed: its first column, with the last. Each row was broken behind its first cell."""
    lines = lines_from(first, until=until)
    cells = lines[next(number for number, line in enumerate(lines) if line.startswith("|---")) + 1 :]
    names = [name.removesuffix("|").strip() for name in cells[::2]]
    return dict(zip(names, (rest.strip("| ").split(" | ")[-1] for rest in cells[1::2]), strict=True))


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("seed"))
    yield made
    made.close()


class Lab:
    """One worker's tree, and components of its own on the server."""

    def __init__(self, stage, root: Path, name: str) -> None:
        self.stage, self.root = stage, root
        self.store = ComponentClient(stage.url, stage.token)
        self.model, self.loss = f"model/{name}.py", f"loss/{name}.py"
        self.config = root / "config.yaml"
        self.config.write_text(f"model: {name}\nloss: {name}\n")
        self.texts = {self.model: f"# {name}\nM = 1\n", self.loss: f"# {name}\nL = 1\n"}
        (root / "cvlabkit").mkdir()
        self.upload(self.texts)

    def upload(self, texts: dict[str, str]) -> None:
        self.store.change([{"path": path, "content": text} for path, text in texts.items()])

    def put(self, path: str, text: str) -> None:
        file = self.root / parse_component_path(path).file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def get(self, path: str) -> str | None:
        file = self.root / parse_component_path(path).file
        return file.read_text() if file.exists() else None

    def active(self, path: str) -> str:
        category, name = path.removesuffix(".py").split("/")
        versions = self.store.list_versions(category, name, include_content=True)
        return next(each["content"] for each in versions if each["is_active"])

    def manager(self, strategy: SyncStrategy = SyncStrategy.INTERACTIVE) -> ComponentManager:
        return ComponentManager(self.stage.url, sync_strategy=strategy)

    def run(self, block: list[str], names: dict | None = None) -> dict:
        """Run a block where this worker's tree is; the block's server is this test's, nothing else of it is changed."""
        names = {"config_path": self.config, **(names or {})}
        exec("\n".join(block).replace(URL, self.stage.url), names)
        if "manager" in names:
            names["manager"].close()
        return names

    def curl(self, command: str) -> dict:
        """What a line of `curl` asks, with the key that the seed's last section speaks of."""
        words = shlex.split(command.replace(URL, self.stage.url))
        headers = [words[number + 1] for number, word in enumerate(words) if word == "-H"]
        data = words[words.index("-d") + 1] if "-d" in words else None
        sent = dict(each.split(": ", 1) for each in headers)
        sent["Authorization"] = f"Bearer {self.stage.token}"
        url = next(word for word in words if word.startswith("http"))
        answer = httpx2.request(words[words.index("-X") + 1], url, headers=sent, content=data, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


@pytest.fixture
def lab(stage, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CVLABKIT_API_KEY", stage.token)
    made = Lab(stage, tmp_path, re.sub(r"\W+", "_", request.node.name)[:80])
    yield made
    made.store.close()


# What a version is, and where it is asked for


def test_the_data_model(lab):
    block = lines_from("ComponentVersion:", until="ExperimentComponentManifest:")
    fields = {line.split(":")[0] for line in block[1:] if re.match(r"\w+: \w", line)}
    assert fields == {"hash", "path", "category", "name", "content", "is_active", "created_at"}
    assert fields == set(ComponentVersion.model_fields)
    shown = lab.store.get_version(short_hash(lab.texts[lab.loss].encode()), lab.loss)
    assert set(shown) == fields
    assert (shown["hash"], shown["path"], shown["category"], shown["is_active"]) == (
        short_hash(lab.texts[lab.loss].encode()), lab.loss, "loss", True,
    )  # fmt: skip


def test_every_endpoint_is_there(stage):
    block = lines_from("# Component 관리", until="Usage")
    documented = [line.split("#")[0].split() for line in block if line.startswith(("GET", "POST"))]
    assert len(documented) == 9
    paths = httpx2.get(f"{stage.url}/openapi.json", timeout=60).json()["paths"]
    for method, path in documented:
        assert method.lower() in paths[path.replace("{hash}", "{version_hash}")], path


# A module of the seed's that has grown into a room of several here.
ROOMS = {
    "backend/models/component.py": "backend/models/component",
    "backend/api/components.py": "backend/api/components",
    "backend/services/component_store.py": "backend/services/components/store.py",
    "middleend/device_agent.py": "middleend/device_agent",
}


def test_every_documented_place_is_there():
    place, found = "", []
    for line in lines_from("web_helper/", until="Version Control Strategy"):
        for name in re.findall(r"─ (\S+)", line):
            if name.endswith("/"):
                place = name
            else:
                found.append(f"{place}{name}")
    assert found == [
        "backend/models/component.py", "backend/api/components.py", "backend/services/component_store.py",
        "middleend/component_manager.py", "middleend/device_agent.py",
        "frontend/src/components/views/ComponentsView.tsx",
    ]  # fmt: skip
    for name in found:
        assert (ROOT / "web_helper" / ROOMS.get(name, name)).exists(), name


# Usage


def test_scanning_by_curl(lab):
    (command,) = [line for line in lines_from("1. 로컬 Component", until="2. Worker") if line.startswith("curl")]
    lab.curl(command)
    assert lab.curl(command) == {"registered": 0}
    assert "agent/classification.py" in {each["path"] for each in lab.store.list_components()}


def test_synchronising_before_a_run(lab):
    (line,) = [line for line in lines_from("2. Worker", until="3. 버전 롤백") if line.startswith("sync_result")]
    worker = type("DeviceAgent", (), {"component_manager": lab.manager()})()
    made = lab.run([line], {"self": worker})
    assert sorted(made["sync_result"]["synced"]) == sorted(lab.texts)
    assert lab.get(lab.model) == lab.texts[lab.model]
    # Only what differs comes the next time.
    lab.upload({lab.loss: "L = 2\n"})
    again = lab.run([line], {"self": worker})["sync_result"]
    assert (again["synced"], again["failed"]) == ([lab.loss], [])
    worker.component_manager.close()


def test_rolling_back_by_curl(lab):
    lab.upload({lab.loss: "L = 2\n"})
    block = lines_from("curl -X POST http://localhost:8000/api/components/versions/activate", until="4. 실험 재현")
    command = " ".join(line.rstrip("\\") for line in block)
    old = short_hash(lab.texts[lab.loss].encode())
    assert lab.curl(command.replace("a1b2c3d4e5f6...", old))["hash"] == old
    assert lab.active(lab.loss) == lab.texts[lab.loss]


def test_an_experiments_versions_are_restored(lab, capsys):
    manager = lab.manager()
    assert manager.save_experiment_manifest(
        "experiment_uid_here", manager.sync_with_strategy(lab.config).component_hashes
    )
    manager.close()
    lab.put(lab.loss, "L = 2\n")
    lab.upload({lab.loss: "L = 3\n"})
    block = lines_from("from web_helper.middleend.component_manager import ComponentManager", until="File Structure")
    lab.run(block)
    assert sorted(lab.texts) == sorted(re.findall(r"\w+/\w+\.py", capsys.readouterr().out))
    assert lab.get(lab.loss) == lab.texts[lab.loss]


# Version control strategy


def test_the_same_hash_is_the_same_file_and_nothing_is_ever_deleted(lab):
    assert len([line for line in lines_from("- Content-addressable", until="Sync Strategy") if line[:2] == "- "]) == 4
    again = lab.store.upload(lab.loss, lab.texts[lab.loss])
    assert not again["is_new"]
    lab.upload({lab.loss: "L = 2\n"})
    methods = httpx2.get(f"{lab.stage.url}/openapi.json", timeout=60).json()["paths"]
    assert not [path for path, found in methods.items() if path.startswith("/api/components") and "delete" in found]
    assert lab.store.get_version(again["hash"], lab.loss)["content"] == lab.texts[lab.loss]


def test_a_manifest_is_kept_and_never_changes(lab):
    hashes = {path: short_hash(text.encode()) for path, text in lab.texts.items()}
    lab.store.save_manifest("kept", hashes)
    with pytest.raises(ConflictError):
        lab.store.save_manifest("kept", {lab.loss: hashes[lab.loss]})
    assert lab.store.get_manifest("kept") == hashes


# Conflict types and the decision flow


def arrange(lab, kind: str) -> None:
    """A loss of this kind; the model is the same on both sides."""
    lab.put(lab.model, lab.texts[lab.model])
    if kind in ("server_newer", "local_newer"):
        manager = lab.manager()
        manager.sync_with_strategy(lab.config)
        manager.close()
    if kind == "server_newer":
        lab.upload({lab.loss: "# newer there\n"})
    elif kind == "local_newer":
        lab.put(lab.loss, "# newer here\n")
    elif kind == "local_only":
        # Nothing of this name is on the server.
        lab.loss = lab.loss.replace("loss/", "metric/")
        lab.config.write_text(f"{lab.config.read_text()}metric: {Path(lab.loss).stem}\n")
        lab.put(lab.loss, "# only here\n")


DEFAULTS = {
    "서버에서 다운로드": ("synced", ()),
    "사용자 선택 필요": ("conflicts", ("local_newer",)),
    "서버에 업로드": ("uploaded", ()),
}


@pytest.mark.parametrize("kind", ["server_only", "server_newer", "local_newer", "local_only"])
def test_conflict_types(lab, kind):
    table = rows_of("Conflict Types", until="Strategy Options")
    assert set(table) == set(ConflictType) - {ConflictType.BOTH_CHANGED} == {
        "server_only", "server_newer", "local_newer", "local_only",
    }  # fmt: skip
    place, asked = DEFAULTS[table[kind]]
    arrange(lab, kind)
    manager = lab.manager()
    result = manager.sync_with_strategy(lab.config)
    manager.close()
    found = {
        "synced": result.synced,
        "uploaded": result.uploaded,
        "conflicts": [each.path for each in result.conflicts],
    }
    assert [name for name, paths in found.items() if lab.loss in paths] == [place]
    assert result.planned[lab.loss] == kind
    assert tuple(each.conflict_type for each in result.conflicts) == asked


@pytest.mark.parametrize("strategy", list(SyncStrategy))
def test_strategies(lab, strategy):
    assert set(rows_of("| 전략 |", until="Sync Decision Flow")) == {each.name for each in SyncStrategy}
    arrange(lab, "local_newer")
    manager = lab.manager(strategy)
    result = manager.sync_with_strategy(lab.config)
    manager.close()
    mine, theirs = "# newer here\n", lab.texts[lab.loss]
    here, there = {
        SyncStrategy.SERVER_AUTHORITATIVE: (theirs, theirs),
        SyncStrategy.LOCAL_PRIORITY: (mine, mine),
        SyncStrategy.INTERACTIVE: (mine, theirs),
        SyncStrategy.DRY_RUN: (mine, theirs),
    }[strategy]
    assert (lab.get(lab.loss), lab.active(lab.loss)) == (here, there)
    assert bool(result.conflicts) == (strategy is SyncStrategy.INTERACTIVE)


def test_the_decision_flow(lab):
    flow = "\n".join(lines_from("│ Sync Decision Flow", until="Interactive Mode"))
    for leaf in (
        "No → 서버에서 다운로드",
        "동일 → Skip",
        "Yes (inactive) → 서버 다운로드",
        "[auto] 업로드",
        "[ask]",
        "[skip]",
    ):
        assert leaf in flow
    manager = lab.manager()
    # No local file.
    assert sorted(manager.sync_with_strategy(lab.config).synced) == sorted(lab.texts)
    # The same.
    assert manager.sync_with_strategy(lab.config).synced == []
    # Differs, and the server has it as a version that is not active.
    lab.upload({lab.loss: "L = 2\n"})
    assert manager.sync_with_strategy(lab.config).synced == [lab.loss]
    # The server has it not: [skip], [ask], [auto].
    lab.put(lab.loss, "# mine\n")
    pending = manager.sync_with_strategy(lab.config)
    assert [each.path for each in pending.conflicts] == [lab.loss]
    manager.resolve_pending_conflicts(pending, {lab.loss: ConflictResolution.SKIP})
    assert (lab.get(lab.loss), lab.active(lab.loss)) == ("# mine\n", "L = 2\n")
    assert manager.sync_with_strategy(lab.config, SyncStrategy.LOCAL_PRIORITY).uploaded == [lab.loss]
    assert lab.active(lab.loss) == "# mine\n"
    manager.close()


@pytest.mark.parametrize(
    ("choice", "resolution", "here", "there"),
    [
        ("Upload to Server", "use_local", "# newer here\n", "# newer here\n"),
        ("Download from Server", "use_server", None, None),
        ("Skip", "skip", "# newer here\n", None),
    ],
)
def test_what_a_notification_can_be_answered(lab, choice, resolution, here, there):
    assert f"{choice}:" in "\n".join(lines_from("- Web UI 우측 상단", until="Usage Examples"))
    arrange(lab, "local_newer")
    manager = lab.manager()
    result = manager.sync_with_strategy(lab.config)
    manager.resolve_pending_conflicts(result, {lab.loss: resolution})
    manager.close()
    theirs = lab.texts[lab.loss]
    assert (lab.get(lab.loss), lab.active(lab.loss)) == (here or theirs, there or theirs)


# Usage examples


def example(number: int) -> list[str]:
    """One of the four, with the imports that the seed makes once."""
    ends = {1: "2. 자동", 2: "3. 강제", 3: "4. Dry Run", 4: "Valid Categories"}
    starts = {1: "1. 로컬 개발", 2: "2. 자동 업로드", 3: "3. 강제 서버", 4: "4. Dry Run"}
    block = lines_from(starts[number], until=ends[number])[1:]
    # The document lost the one indentation that it has.
    block = [f"    {line}" if line.startswith('print(f"Pending') else line for line in block]
    return ["from web_helper.middleend.component_manager import ComponentManager, SyncStrategy", *block]


def test_the_constructor(lab):
    first = "from web_helper.middleend.component_manager import ComponentManager, SyncStrategy"
    block = lines_from(first, until="| 전략")
    assert lab.run(block)["manager"].sync_strategy is SyncStrategy.INTERACTIVE


def test_interactive_example(lab, capsys):
    arrange(lab, "local_newer")
    made = lab.run(example(1))
    assert [each.path for each in made["result"].conflicts] == [lab.loss]
    assert "Pending conflicts: 1" in capsys.readouterr().out


def test_local_priority_example(lab, capsys):
    arrange(lab, "local_newer")
    lab.run(example(2))
    assert f"Uploaded: ['{lab.loss}']" in capsys.readouterr().out
    assert lab.active(lab.loss) == "# newer here\n"


def test_server_authoritative_example(lab):
    arrange(lab, "local_newer")
    made = lab.run(example(3))
    assert made["result"].synced == [lab.loss]
    assert lab.get(lab.loss) == lab.texts[lab.loss]
    # And yet nothing is lost: a copy of the edit is kept.
    assert made["result"].kept[lab.loss].read_text() == "# newer here\n"


def test_dry_run_example(lab, capsys):
    arrange(lab, "local_newer")
    made = lab.run(example(4))
    assert sorted(made["result"].skipped) == sorted(lab.texts)
    assert "Would sync: [" in capsys.readouterr().out
    assert (lab.get(lab.loss), lab.active(lab.loss)) == ("# newer here\n", lab.texts[lab.loss])


# Categories and security


def test_every_category_is_taken(lab):
    line = lines_from("Valid Categories", until="Security")[1]
    listed = re.findall("|".join(f"{category}(?=- )" for category in Category), line)
    assert listed == list(Category)
    assert len(listed) == 13
    name = Path(lab.loss).stem
    lab.upload({f"{category}/{name}.py": f"# {category}\n" for category in listed})
    for category in listed:
        assert f"{category}/{name}.py" in {each["path"] for each in lab.store.list_components(category)}


def test_what_is_changed_on_its_way_is_not_used(lab):
    assert "Content hash 검증" in "\n".join(seed_lines("002"))

    class Tampering(httpx2.HTTPTransport):
        def handle_request(self, request):
            answer = super().handle_request(request)
            text = answer.read().replace(b"L = 1", b"L = 6")
            headers = {name: value for name, value in answer.headers.items() if name.lower() == "content-type"}
            return httpx2.Response(answer.status_code, headers=headers, content=text)

    with Tampering() as network:
        manager = ComponentManager(lab.stage.url, transport=network)
        result = manager.sync_with_strategy(lab.config)
        manager.close()
    assert (lab.loss in result.failed, lab.get(lab.loss)) == (True, None)


def test_the_documented_variable_is_the_key(lab, monkeypatch):
    assert "CVLABKIT_API_KEY" in seed_lines("002")[-1]
    monkeypatch.setenv("CVLABKIT_API_KEY", "syn_wrong")
    manager = lab.manager()
    with pytest.raises(ClientError) as refused:
        manager.sync_with_strategy(lab.config)
    assert isinstance(refused.value, AuthenticationError)
    manager.close()
