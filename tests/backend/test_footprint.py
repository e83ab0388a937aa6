"""What the processes must not import: each of these costs megabytes for as long as a process lives, or a start."""

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
        {"dbos", "psycopg", "alembic.command", "sqlalchemy.dialects.postgresql", "upath", "botocore", "rich"},
    ),
    "worker": (
        "import web_helper.backend.worker",
        {"fastapi", "uvicorn", "alembic", "upath", "botocore", "rich", "numpy"},
    ),
    "command": ("from synapse_sdk.cli.main import build_app; build_app()", {"httpx2", "pydantic", "rich", "yaml"}),
    "export": (
        "import synapse_sdk.cli.exporting.command",
        {"asyncio", "yaml", "synapse_sdk.wire.data", "synapse_sdk.wire.plugins", "synapse_sdk.wire.serve"},
    ),
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


def test_a_command_collects_garbage_as_soon_as_it_is_imported():
    code = (
        "import atexit, gc, sys; from synapse_sdk.cli.main import main\n"
        "atexit.register(lambda: print('collecting', gc.isenabled(), gc.get_freeze_count() > 0))\n"
        "sys.argv = ['synapse', 'project', '--help']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "collecting True True"
