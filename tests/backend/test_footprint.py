"""What the processes must not import: each of these costs megabytes for as long as a process lives."""

import subprocess
import sys

import pytest

SERVER = (
    "from web_helper.backend.app import create_app, Settings;"
    "from web_helper.backend.services.bootstrap import bootstrap;"
    "s = Settings(home={home!r}); bootstrap(s); create_app(s)"
)
HEAVY = {
    "server": (
        SERVER,
        {"dbos", "psycopg", "alembic.command", "sqlalchemy.dialects.postgresql", "upath", "s3fs", "rich"},
    ),
    "worker": ("import web_helper.backend.worker", {"fastapi", "uvicorn", "alembic", "upath", "s3fs", "rich", "numpy"}),
    "command": ("from synapse_sdk.cli.main import build_app; build_app()", {"httpx2", "pydantic", "rich", "yaml"}),
    "agent": ("import synapse_agent.app", {"sqlalchemy", "dbos", "rich", "numpy", "upath"}),
}


@pytest.mark.parametrize("process", HEAVY)
def test_a_process_imports_no_heavy_thing_that_it_does_not_use(process, tmp_path):
    code, heavy = HEAVY[process]
    # A first start migrates; every later one finds nothing to do.
    lines = [code.format(home=str(tmp_path)), "import sys; print(*sys.modules, sep='\\n')"]
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(done.stdout.split()), heavy & set(done.stdout.split())
