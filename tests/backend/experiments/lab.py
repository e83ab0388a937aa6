"""Short words for what tests do with experiments: components, people, and workers that are scripted."""

import hashlib
from datetime import timedelta

import pytest

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.devices import DeviceClient
from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.exceptions import ClientError
from synapse_sdk.utils.retry import NO_RETRY
from synapse_sdk.wire.devices import ActiveJob, Heartbeat
from synapse_sdk.wire.experiments import ExperimentJob, ExperimentManifest, RunOutcome
from web_helper.backend.models import Device
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.experiments import devices

URL = "http://testserver"
CONFIG = """\
project: digits
run_name: first
seed: 7
model: net(width=8)
loss: ce
"""
COMPONENTS = {
    "model/net.py": "from cvlabkit.component.model import block\nwidth = 1\n",
    "model/block.py": "depth = 1\n",
    "loss/ce.py": "x = 1\n",
    "loss/focal.py": "gamma = 2\n",
}


class Host:
    """A worker, step by step."""

    def __init__(self, lab: "Lab", host_id: str, token: str) -> None:
        self.host_id = host_id
        self.token = token
        self.client = DeviceClient(URL, token, host_id, transport=lab.transport, retry=NO_RETRY)
        self.jobs: dict[str, ExperimentJob] = {}

    def beat(self, *active: ExperimentJob, **report):
        jobs = [ActiveJob(uid=job.experiment.uid, attempt=job.attempt) for job in active]
        return self.client.heartbeat(Heartbeat(host_id=self.host_id, active_jobs=jobs, **report))

    def take(self, *active: ExperimentJob) -> ExperimentJob | None:
        return self.client.next_job([job.experiment.uid for job in active])

    def start(self, job: ExperimentJob, **changes):
        return self.client.start(job.experiment.uid, job.attempt, self.manifest(job, **changes))

    def manifest(self, job: ExperimentJob, **changes) -> ExperimentManifest:
        facts = {
            "components": job.components,
            "core_hash": "a" * 64,
            "base_hash": "b" * 64,
            "config_sha256": job.config_sha256,
            "seed": job.seed,
            "lock_sha256": "c" * 64,
            "host": self.host_id,
            "gpu": "none",
            "python": "3.11",
            "environment": {"torch": "2.13"},
        }
        return ExperimentManifest(**{**facts, **changes})

    def run(self, job: ExperimentJob, metrics: bytes = b'{"epoch": 1, "loss": 0.5}\n', log: bytes = b"hello\n"):
        """A whole run."""
        uid = job.experiment.uid
        self.start(job)
        self.client.send_log(uid, job.attempt, 0, log)
        self.client.send_metrics(uid, job.attempt, 0, metrics)
        return self.end(job)

    def end(self, job: ExperimentJob, outcome: RunOutcome = RunOutcome.COMPLETED, **facts):
        return self.client.complete(job.experiment.uid, job.attempt, outcome, **facts)


class Lab:
    def __init__(self, database, transport, admin_token: str) -> None:
        self.database = database
        self.transport = transport
        self.people = ExperimentClient(URL, admin_token, transport=transport, retry=NO_RETRY)
        self.store = ComponentClient(URL, admin_token, transport=transport, retry=NO_RETRY)
        self.put(COMPONENTS)

    def put(self, contents: dict[str, str]) -> None:
        self.store.change([{"path": path, "content": content} for path, content in contents.items()])

    def submit(self, config: str = CONFIG, **options) -> list[dict]:
        return self.people.submit(config, **options)

    def submit_one(self, config: str = CONFIG, **options) -> str:
        (made,) = self.submit(config, **options)
        return made["uid"]

    def host(self, host_id: str = "gpu-1", people: ExperimentClient | None = None) -> Host:
        return Host(self, host_id, (people or self.people).enrol_device(host_id)["token"])

    def status(self, uid: str) -> str:
        return self.people.get_experiment(uid)["status"]

    def silence(self, host_id: str, seconds: float) -> None:
        """As if the host had not been heard from for so long."""
        with self.database.write() as session:
            device: Device = devices.device_of_host(session, host_id)
            device.last_seen_at = utc_now() - timedelta(seconds=seconds)


def refused(status: int):
    """The block's request is refused with this status."""
    return pytest.raises(ClientError, check=lambda exc: exc.status_code == status)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
