"""`synapse worker up` that never waits longer than a second for its server, for tests in which that is killed all the time."""

import runpy

from web_helper.middleend.worker import job

if __name__ == "__main__":
    job.LONGEST_WAIT_SECONDS = 1.0
    runpy.run_module("synapse_sdk", run_name="__main__", alter_sys=True)
