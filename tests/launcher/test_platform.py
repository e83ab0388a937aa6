"""What `synapse up` hands to the processes that it starts, and tells the one who typed it."""

import os
import shlex

import pytest

from synapse_sdk.clients.backend_v2 import BackendV2Client
from tests.conftest import run_synapse
from web_helper.launcher.home import Home

pytestmark = pytest.mark.system


@pytest.fixture
def started(tmp_path):
    """A platform for a team, which reaches it under another address; and what the command printed."""
    home = Home(tmp_path / "home")
    variables = {**os.environ, "SYNAPSE_SERVER_BASE_URL": "https://synapse.example.org", "HOME": str(tmp_path)}
    done = run_synapse("up", "--detach", "--home", str(home.path), env=variables)
    try:
        yield home, done.stdout, variables
    finally:
        run_synapse("down", "--home", str(home.path))


def test_links_begin_with_the_address_that_the_team_uses_and_the_printed_login_works(started):
    home, printed, variables = started
    record = home.running()
    with BackendV2Client(record.url, access_token=home.read_admin_token(), allow_insecure=True) as client:
        ticket = client.data_files.presigned_upload([{"file_name": "a.jpg", "sha256": "0" * 64, "size_bytes": 3}])[0]
    assert ticket.upload_url.startswith("https://synapse.example.org/objects/")

    login = next(line.strip() for line in printed.splitlines() if line.strip().startswith("synapse login"))
    token = home.read_admin_token()
    words = [word.replace(f"$(cat {home.admin_token_file})", token) for word in shlex.split(login)]
    done = run_synapse(*words[1:], env={key: value for key, value in variables.items() if key != "SYNAPSE_HOST"})
    assert "Logged in" in done.stderr + done.stdout
