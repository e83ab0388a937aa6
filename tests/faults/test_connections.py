"""The database cuts its connections while an export runs: the server's, the worker's and the queue's, all of them."""

import random
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.faults.conftest import FORMATS
from tests.faults.kill_log import Disturbance
from tests.faults.stage import Stage
from tests.faults.test_kills import finish

pytestmark = [pytest.mark.system, pytest.mark.postgres, pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]
CUTS = 3
CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"


@pytest.mark.parametrize("seed", range(4))
def test_cut_connections_change_no_byte_of_the_export(postgres_stage: Stage, tmp_path: Path, seed: int):
    stage, chance = postgres_stage, random.Random(seed)
    fmt, cut = FORMATS[seed % len(FORMATS)], 0
    seen, command = Disturbance(stage, fmt, seed), stage.export(tmp_path, fmt)
    for _ in range(CUTS):
        time.sleep(chance.uniform(0.0, stage.seconds[fmt]))
        with stage.database.engine.connect() as connection:
            cut += connection.execute(text(CUT)).scalar_one()
    assert cut, "nothing was cut: the test shows nothing"
    finish(seen, tmp_path, command)
    stage.require_whole(tmp_path, fmt)
    stage.require_tidy()
