"""What `synapse up` hands to the processes that it starts, and tells the one who typed it."""

import os
import shlex
import subprocess
import sys
from contextlib import suppress

import pytest

from synapse_sdk.clients.backend_v2 import BackendV2Client
from tests.conftest import SECONDS, run_synapse
from web_helper.launcher.home import Home

pytestmark = pytest.mark.system


@pytest.fixture
def started(tmp_path):
    """A platform for a team, which reaches it under another address; and what the command printed."""
    home = Home(tmp_path / "home")
    variables = {**os.environ, "SYNAPSE_SERVER_BASE_URL": "https://synapse.example.org", "HOME": str(tmp_path)}
    ours, terminal = os.openpty()
    with os.fdopen(terminal, "wb") as stdout:
        command = [sys.executable, "-m", "synapse_sdk", "up", "--detach", "--home", str(home.path)]
        subprocess.run(command, env=variables, stdout=stdout, check=True, timeout=SECONDS)
    try:
        yield home, read_all(ours), variables
    finally:
        run_synapse("down", "--home", str(home.path))


def read_all(terminal: int) -> str:
    """What a terminal that nobody writes to any more was shown, which may come in parts."""
    parts = []
    # The end is an error here.
    with os.fdopen(terminal, "rb", buffering=0) as file, suppress(OSError):
        while part := file.read(65_536):
            parts.append(part)
    return b"".join(parts).decode()


def test_links_begin_with_the_address_that_the_team_uses_and_the_printed_login_works(started):
    home, printed, variables = started
    record = home.running()
    with BackendV2Client(record.url, access_token=home.read_admin_token(), allow_insecure=True) as client:
        ticket = client.data_files.presigned_upload([{"file_name": "a.jpg", "sha256": "0" * 64, "size_bytes": 3}])[0]
    assert ticket.upload_url.startswith("https://synapse.example.org/objects/")

    login = next(line.strip() for line in printed.splitlines() if line.strip().startswith("synapse login"))
    words = shlex.split(login)
    assert words[-2:] == ["<", str(home.admin_token_file)]
    done = run_synapse(
        *words[1:-2],
        input=home.admin_token_file.read_text(),
        env={key: value for key, value in variables.items() if key != "SYNAPSE_HOST"},
    )
    assert "Logged in" in done.stderr + done.stdout
    assert home.admin_token_file.read_text().strip() not in login


def test_a_key_is_shown_to_the_terminal_and_lies_in_no_log(started):
    home, printed, _ = started
    key = home.read_admin_token()

    assert f"{home.running().url}/#token={key}" in printed
    logs = {name: (home.logs / f"{name}.log").read_text() for name in ("up", "server", "worker", "agent")}
    assert f"Open it with the token in {home.admin_token_file}" in logs["up"]
    assert [name for name, text in logs.items() if key in text] == []
