"""Workers, edits, uploads, activations, rollbacks, failing disks, crashes and restores in any order, against a model of the rules.

No edit is lost, no file is half, every path has exactly one active version, and every manifest can be restored.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from synapse_sdk.components.digests import short_hash
from synapse_sdk.exceptions import NotFoundError
from tests.backend.components.worker import Worker
from tests.backend.factories import SQLITE_ONLY
from tests.worker.fault_shim import Fault, FaultyFiles, GoneProcess, ProcessGoneError
from web_helper.middleend.component_manager import SyncStrategy

pytestmark = SQLITE_ONLY

WORKERS, COMPONENTS = 3, 3
EXAMPLES, STEPS = 10, 25

which_worker = st.integers(0, WORKERS - 1)
which_path = st.integers(0, COMPONENTS - 1)
# Few write points are near the end of a synchronisation; most numbers hit one.
write_point = st.integers(1, 40)


@dataclass
class Model:
    """What must be true.

    Attributes:
        active: The content that workers get, by path.
        versions: Every content that the server was given, by path; the oldest first.
        written: What a person wrote last into a file of a worker, by worker and path.
        manifests: Contents by path, by experiment.
        everything: Every content that ever was.
    """

    active: dict[str, str] = field(default_factory=dict)
    versions: dict[str, list[str]] = field(default_factory=dict)
    written: dict[tuple[int, str], str] = field(default_factory=dict)
    manifests: dict[str, dict[str, str]] = field(default_factory=dict)
    everything: set[str] = field(default_factory=set)


@dataclass
class Place:
    """Where examples are played: one server, and a folder; each example has paths of its own."""

    folder: Path
    transport: object
    token: str
    store: object
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def worker(self, name: str) -> Worker:
        return Worker(self.folder / name, self.transport, self.token)


class AnyOrder(RuleBasedStateMachine):
    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place, self.store = place, place.store

    @initialize()
    def begin(self) -> None:
        example = next(self.place.numbers)
        self.model = Model()
        self.contents = (f"v = {example}_{number:04}\n" for number in itertools.count(1))
        names = [f"e{example}_{number}" for number in range(COMPONENTS)]
        self.paths = [f"model/{name}.py" for name in names]
        self.workers = [self.place.worker(f"{example}-{number}") for number in range(WORKERS)]
        for worker in self.workers:
            worker.config.write_text("model:\n" + "".join(f"  {name}: {name}\n" for name in names))
        for path in self.paths:
            self._upload(path)

    def _upload(self, path: str) -> None:
        content = next(self.contents)
        self.store.upload(path, content)
        self.model.everything.add(content)
        self.model.versions.setdefault(path, []).append(content)
        self.model.active[path] = content

    def _read_active(self) -> dict[str, str]:
        offer = self.store.post("/sync", {"need": self.paths, "follow_imports": False})
        return {path: offer["contents"][each["sha256"]] for path, each in offer["versions"].items()}

    @rule(path=which_path)
    def upload(self, path: int) -> None:
        self._upload(self.paths[path])

    @rule(path=which_path, number=st.integers(0, 50))
    def activate(self, path: int, number: int) -> None:
        name = self.paths[path]
        versions = self.model.versions[name]
        content = versions[number % len(versions)]
        listed = self.store.get(f"/versions/{name.removesuffix('.py')}", include_content=True)
        chosen = next(each["hash"] for each in listed if each["content"] == content)
        self.store.post("/versions/activate", {"hash": chosen, "path": name})
        self.model.active[name] = content

    @rule(path=which_path, number=st.integers(0, 50))
    def activate_the_set_of(self, path: int, number: int) -> None:
        """By the number of any set that once pointed an alias of the component somewhere."""
        name = self.paths[path]
        sets = self.store.log(path=name, limit=200)
        chosen = sets[number % len(sets)]
        done = self.store.post(f"/changes/{chosen['id']}/activate", {})
        wanted = {each["path"]: each["to_hash"] for each in chosen["changes"]}
        for path_, content in self.model.active.items():
            versions = self.model.versions[path_]
            self.model.active[path_] = next(
                (each for each in versions if short_hash(each.encode()) == wanted.get(path_)), content
            )
        assert done["moved"] <= len(wanted)

    @rule(path=which_path)
    def roll_back(self, path: int) -> None:
        name = self.paths[path]
        response = self.store.client.post("/api/components/rollback", json={"paths": [name]})
        assert response.status_code in (200, 409)
        if response.status_code == 200:
            self.model.active[name] = self._read_active()[name]
            assert self.model.active[name] in self.model.versions[name]

    @rule(worker=which_worker, path=which_path)
    def edit(self, worker: int, path: int) -> None:
        content = next(self.contents)
        self.model.everything.add(content)
        self.model.written[worker, self.paths[path]] = content
        self.workers[worker].put(self.paths[path], content)

    @rule(worker=which_worker, strategy=st.sampled_from(list(SyncStrategy)))
    def synchronise(self, worker: int, strategy: SyncStrategy) -> None:
        result = self.workers[worker].sync(strategy)
        assert result.failed == []
        for path in result.uploaded:
            self._note_upload(path, self.workers[worker].get(path))
        if strategy is SyncStrategy.SERVER_AUTHORITATIVE:
            assert {path: self.workers[worker].get(path) for path in self.paths} == self.model.active

    def _note_upload(self, path: str, content: str) -> None:
        self.model.active[path] = content
        if content not in self.model.versions[path]:
            self.model.versions[path].append(content)

    @rule(
        worker=which_worker,
        strategy=st.sampled_from(list(SyncStrategy)),
        number=write_point,
        fault=st.sampled_from([Fault.FULL, Fault.BROKEN, Fault.BROKEN_AFTER]),
    )
    def synchronise_on_a_failing_disk(self, worker: int, strategy: SyncStrategy, number: int, fault: Fault) -> None:
        faulty = FaultyFiles(self.workers[worker].root, number, fault)
        try:
            with faulty.on():
                self.workers[worker].sync(strategy)
        except OSError:
            pass
        self._note_uploads_of(worker)

    @rule(worker=which_worker, strategy=st.sampled_from(list(SyncStrategy)), number=write_point)
    def crash_while_synchronising(self, worker: int, strategy: SyncStrategy, number: int) -> None:
        this = self.workers[worker]
        gone = GoneProcess(this.root, number)
        try:
            with gone.on():
                this.sync(strategy)
        except ProcessGoneError:
            # Without a word to what was: a killed process closes nothing, and tells nobody.
            this.start()
        self._note_uploads_of(worker)

    def _note_uploads_of(self, worker: int) -> None:
        """The upload may have come before the failure."""
        for path, content in self._read_active().items():
            if content != self.model.active[path]:
                assert content == self.model.written[worker, path]
                self._note_upload(path, content)

    @rule(uid=st.integers(1, 5))
    def save_manifest(self, uid: int) -> None:
        name = f"{self.paths[0][6:-3]}-{uid}"
        if name not in self.model.manifests:
            hashes = {path: self.store.active()[path] for path in self.paths}
            self.store.post(f"/manifest/{name}", hashes)
            self.model.manifests[name] = dict(self.model.active)

    @rule(worker=which_worker, uid=st.integers(1, 5))
    def restore(self, worker: int, uid: int) -> None:
        name = f"{self.paths[0][6:-3]}-{uid}"
        try:
            restored = self.workers[worker].manager.restore_from_manifest(name)
        except NotFoundError:
            assert name not in self.model.manifests
            return
        assert restored["failed"] == []
        here = {path: self.workers[worker].get(path) for path in self.paths}
        assert here == self.model.manifests[name]

    @rule(worker=which_worker, uid=st.integers(1, 5), number=write_point)
    def crash_while_restoring(self, worker: int, uid: int, number: int) -> None:
        this = self.workers[worker]
        try:
            with GoneProcess(this.root, number).on():
                self.restore(worker, uid)
        except ProcessGoneError:
            this.start()

    @invariant()
    def no_edit_is_lost_and_no_file_is_half(self) -> None:
        for number, worker in enumerate(getattr(self, "workers", ())):
            # What a failed disk has left in the middle of an exchange, the next synchronisation keeps.
            waiting = (worker.root / ".synapse" / "components" / "incoming").rglob("*.py*")
            kept = [*worker.kept(), *(file.read_text() for file in waiting)]
            for path in self.paths:
                content = worker.get(path)
                assert content is None or content in self.model.everything
                written = self.model.written.get((number, path))
                places = [content, *kept, *self.model.versions[path]]
                assert written is None or written in places, f"worker {number} lost {written!r} of {path}"

    @invariant()
    def exactly_one_version_is_active(self) -> None:
        if hasattr(self, "workers"):
            rows = [each for each in self.store.get("/aliases") if each["path"] in self.paths]
            active = [(each["path"], each["hash"]) for each in rows if each["alias"] == "active"]
            wanted = {path: short_hash(content.encode()) for path, content in self.model.active.items()}
            assert sorted(active) == sorted(wanted.items())

    def teardown(self) -> None:
        for name, contents in getattr(self, "model", Model()).manifests.items():
            fresh = self.place.worker(f"fresh-{name}")
            assert fresh.manager.restore_from_manifest(name)["failed"] == []
            assert {path: fresh.get(path) for path in contents} == contents
            fresh.manager.close()
        for worker in getattr(self, "workers", ()):
            worker.manager.close()


def test_in_any_order_the_rules_hold(tmp_path, transport, admin_token, store):
    place = Place(tmp_path, transport, admin_token, store)
    run_state_machine_as_test(
        lambda: AnyOrder(place),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
