"""An S3 server for the tests: Ceph's gateway over one monitor and one object store in memory, all on 127.0.0.1.

It is a real one: multipart uploads with gaps in their numbers, presigned links, and the errors of a real store.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engines.needed import EngineMissingError
from tests.engines.ports import free_ports

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
# On a busy machine some of them take half a minute.
COMMAND_SECONDS = 180
# Each waits longer than the one before: what went wrong is seen soon, and a slow machine has its time.
GATEWAY_SECONDS = (20, 40, 80, 160)
CONFIGURATION = """\
[global]
fsid = {fsid}
mon_host = v2:127.0.0.1:{monitor_port}/0
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr1 = false
run_dir = {home}
admin_socket =
log_file = {home}/$name.log
mon_data = {home}/mon
osd_data = {home}/osd
rgw_data = {home}/rgw
keyring = {home}/keyring
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
rgw_frontends = beast endpoint=127.0.0.1:{gateway_port}
"""


@dataclass(frozen=True)
class S3Server:
    """A running server, and the one who may use it."""

    endpoint_url: str
    access_key: str
    secret_key: str

    def storage(self, bucket: str, root_path: str = "") -> dict:
        """A storage's configuration, as `get_storage` takes it."""
        keys = {"access_key": self.access_key, "secret_key": self.secret_key, "endpoint_url": self.endpoint_url}
        return {
            "provider": "amazon_s3",
            "configuration": {"bucket_name": bucket, "region_name": "us-east-1", "root_path": root_path, **keys},
        }

    def client(self):
        """A client that is not ours, to look at what is really there."""
        import botocore.session

        return botocore.session.get_session().create_client(
            "s3", endpoint_url=self.endpoint_url, region_name="us-east-1",
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key,
        )  # fmt: skip


@contextmanager
def run_s3() -> Iterator[S3Server]:
    """Start a server of our own in a temporary folder; all of it is gone afterwards."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise EngineMissingError(
            f"no S3 server: install radosgw, ceph-mon and ceph-osd (missing: {', '.join(missing)})"
        )
    home = Path(tempfile.mkdtemp(prefix="synapse-s3-"))
    try:
        with ExitStack() as running:
            yield _start(home, running)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _start(home: Path, running: ExitStack) -> S3Server:
    fsid, osd_id = uuid.uuid4(), uuid.uuid4()
    monitor_port, gateway_port = free_ports(2)
    text = CONFIGURATION.format(fsid=fsid, monitor_port=monitor_port, gateway_port=gateway_port, home=home)
    (home / "ceph.conf").write_text(text)
    for name in ("mon", "osd", "rgw"):
        (home / name).mkdir()
    server = S3Server(f"http://127.0.0.1:{gateway_port}", secrets.token_hex(10), secrets.token_hex(20))
    for name in ("mon.", "client.admin", "osd.0"):
        created = () if name != "mon." else ("--create-keyring",)
        caps = ("--cap", "mon", "allow *", "--cap", "osd", "allow *")
        _run(home, "ceph-authtool", str(home / "keyring"), *created, "--gen-key", "-n", name, *caps)
    address = f"[v2:127.0.0.1:{monitor_port}]"
    _run(home, "monmaptool", "--create", "--fsid", str(fsid), "--addv", "a", address, str(home / "monmap"))
    _run(home, "ceph-mon", "-i", "a", "--mkfs", "--monmap", str(home / "monmap"), "--keyring", str(home / "keyring"))
    running.enter_context(_daemon(home, "ceph-mon", "-i", "a"))
    _run(home, "ceph", "osd", "new", str(osd_id))
    _run(home, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", str(osd_id))
    running.enter_context(_daemon(home, "ceph-osd", "-i", "0"))
    keys = ("--access-key", server.access_key, "--secret-key", server.secret_key)
    # It makes the pools, and waits for the object store: a gateway that comes earlier may wait for ever.
    _run(home, "radosgw-admin", "user", "create", "--uid", "synapse", "--display-name", "Synapse", *keys)
    running.enter_context(_gateway(home, gateway_port))
    return server


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "CEPH_CONF": str(home / "ceph.conf")}


def _run(home: Path, *command: str) -> None:
    done = subprocess.run(
        command, env=_environment(home), check=False, text=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}")


@contextmanager
def _daemon(home: Path, *command: str) -> Iterator[subprocess.Popen]:
    # A test run that is killed takes its server with it.
    leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    with (home / f"{command[0]}.out").open("wb") as out:
        process = subprocess.Popen(
            [*leash, *command, "-f"], env=_environment(home), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        # Its data are thrown away: nothing has to be put in order.
        process.kill()
        process.wait()


@contextmanager
def _gateway(home: Path, port: int) -> Iterator[None]:
    # Now and then its first talk to the monitor goes wrong, which it never notices: another one is started then.
    for seconds in GATEWAY_SECONDS:
        with _daemon(home, "radosgw", "-n", "client.admin") as process:
            if _listens(port, process, seconds):
                yield
                return
    raise RuntimeError(f"the S3 server did not start:\n{(home / 'client.admin.log').read_text()[-2000:]}")


def _listens(port: int, process: subprocess.Popen, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False
