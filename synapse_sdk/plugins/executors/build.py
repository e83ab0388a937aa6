"""Builds a plugin's environment in a process of its own: `python -m synapse_sdk.plugins.executors.build FOLDER CACHE`.

A third argument names a link that leads to the environment afterwards: on another machine nobody else knows where that
lies. It speaks on stdout, and leaves an error where a run leaves its outcome (`job_protocol.RESULT_FILE`).
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from synapse_sdk.exceptions import SynapseError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.enums import PackageManager
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.environment import plugin_python
from synapse_sdk.utils.auth import read_env

EXIT_FAILED = 1


def main() -> int:
    """Build the environment; the exit status is 0 when it is there."""
    signal.signal(signal.SIGTERM, _stop)
    folder, cache, link = Path(sys.argv[1]), Path(sys.argv[2]).expanduser(), sys.argv[3:]
    try:
        config = PluginConfig.from_path(folder)
        python = plugin_python(folder, config, notify=_say, cache=cache, installer=PackageManager.UV, may_be_ours=False)
        for path in link:
            Path(path).symlink_to(python.parent.parent)
    except SynapseError as exc:
        _say(str(exc))
        result_file = read_env().get(job_protocol.RESULT_FILE)
        if result_file:
            Path(result_file).write_bytes(job_protocol.encode_error(exc))
        return EXIT_FAILED
    return 0


def _stop(signal_number: int, _frame: FrameType | None) -> None:
    # Raised, so that what is half built is removed.
    raise SystemExit(128 + signal_number)


def _say(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
