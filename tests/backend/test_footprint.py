"""What the processes must not import: each of these costs megabytes for as long as a process lives, or a start."""

import subprocess
import sys

import pytest
from sqlalchemy import text

from web_helper.backend.core.database import FEW_PAGES_KIB, PAGES_KIB, Database

SERVER = (
    "from web_helper.backend.app import create_app, Settings;"
    "from web_helper.backend.services.bootstrap import bootstrap;"
    "s = Settings(home={home!r}); bootstrap(s); create_app(s)"
)
CONVERTING = {"synapse_sdk.plugins.actions.export", "synapse_sdk.utils.converters"}
HEAVY = {
    "server": (
        SERVER,
        {"dbos", "psycopg", "alembic.command", "sqlalchemy.dialects.postgresql", "upath", "botocore", "rich"}
        | CONVERTING,
    ),
    "worker": (
        "import web_helper.backend.worker",
        {"fastapi", "uvicorn", "alembic", "upath", "botocore", "rich", "numpy"} | CONVERTING,
    ),
    "command": ("from synapse_sdk.cli.main import build_app; build_app()", {"httpx2", "pydantic", "rich", "yaml"}),
    "export": (
        "import synapse_sdk.cli.exporting.command",
        {"asyncio", "yaml", "synapse_sdk.wire.data", "synapse_sdk.wire.plugins", "synapse_sdk.wire.serve"},
    ),
    "agent": ("import synapse_agent.app", {"sqlalchemy", "dbos", "rich", "numpy", "upath"}),
}
PRINT_PEAK = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
# Of the 128 MB that a process may take, what its work needs must be left. The largest, the server, had 92.
AT_REST_MB = 115


@pytest.mark.parametrize("process", HEAVY)
def test_a_process_imports_no_heavy_thing_that_it_does_not_use(process, tmp_path):
    code, heavy = HEAVY[process]
    # A first start migrates; every later one finds nothing to do.
    lines = [code.format(home=str(tmp_path)), "import sys; print(*sys.modules, sep='\\n')", PRINT_PEAK]
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    *modules, peak_kib = done.stdout.split()
    assert heavy.isdisjoint(modules), heavy & set(modules)
    assert int(peak_kib) / 1024 < AT_REST_MB, process


def test_a_connection_keeps_few_pages_only_while_rows_pass_through(tmp_path):
    def pages_kib(session):
        return -session.scalar(text("PRAGMA cache_size"))

    database = Database(f"sqlite:///{tmp_path / 'pages.db'}")
    with database.read() as session:
        assert pages_kib(session) == PAGES_KIB
    with database.pass_through() as session:
        assert pages_kib(session) == FEW_PAGES_KIB
    with pytest.raises(RuntimeError), database.pass_through():
        raise RuntimeError
    with database.read() as session:
        assert pages_kib(session) == PAGES_KIB
    database.dispose()


def test_a_command_collects_garbage_as_soon_as_it_is_imported():
    code = (
        "import atexit, gc, sys; from synapse_sdk.cli.main import main\n"
        "atexit.register(lambda: print('collecting', gc.isenabled(), gc.get_freeze_count() > 0))\n"
        "sys.argv = ['synapse', 'project', '--help']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "collecting True True"
