"""`python -m cvlabkit run config.yaml`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from cvlabkit.core.run import run_config, use_tree
from synapse_sdk.exceptions import ComponentError


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cvlabkit", description="Train what a config describes.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train every run of a config")
    run.add_argument("config", type=Path)
    run.add_argument("--base", type=Path, default=Path(), help="folder that holds `cvlabkit`; this one when absent")
    options = parser.parse_args(arguments)
    use_tree(options.base)
    try:
        for folder, metrics in run_config(options.config):
            last = metrics[-1] if metrics else {}
            sys.stdout.write(json.dumps({"run": str(folder), "epochs": len(metrics), "metrics": last}) + "\n")
    except (ComponentError, OSError) as exc:
        sys.stderr.write(f"Error: {exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
