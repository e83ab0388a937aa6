"""What the check after each test sees: also a process that has done everything not to be found."""

import os
import signal
import subprocess
import sys

from tests.agent.family import adopting, bury, family
from tests.agent.stage import until

FLEEING = """
import os, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.execve("/bin/sleep", ["unseen-sleeper", "60"], {})
"""


def test_a_process_that_fled_its_parent_its_session_and_its_environment_is_found():
    with adopting():
        before = set(family())
        subprocess.run([sys.executable, "-c", FLEEING], check=True)

        found = until(lambda: {key: what for key, what in family().items() if key not in before and "unseen" in what})

        ((pid, _),) = found
        os.kill(pid, signal.SIGKILL)
        until(lambda: not set(family()) - before)
        bury(set())
