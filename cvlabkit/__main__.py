"""`python -m cvlabkit run config.yaml`.

The kit itself is imported only after what it imports is watched.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cvlabkit.core.source_import import KIT_FOLDER, SourceRecord

# Where a synchronisation says what it will do, until it has done all of it.
SYNC_JOURNAL = Path(".synapse", "components", "journal.json")


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cvlabkit", description="Train what a config describes.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train every run of a config")
    run.add_argument("config", type=Path, help="YAML; its lists make a grid of runs")
    run.add_argument(
        "--set",
        dest="changes",
        action="append",
        type=_change,
        default=[],
        metavar="KEY=VALUE",
        help="wins over the file's value",
    )
    run.add_argument("--base", type=Path, default=Path(), help="folder that holds `cvlabkit`; this one when absent")
    options = parser.parse_args(arguments)
    if (options.base / SYNC_JOURNAL).exists():
        message = (
            f"A synchronisation of {options.base.resolve()} was interrupted: its components are partly old, partly"
        )
        print(f"{message} new. `synapse component sync` completes it.", file=sys.stderr)  # noqa: T201 - the command line
        return 1
    record = SourceRecord([KIT_FOLDER, options.base / KIT_FOLDER.name])
    record.start()
    from cvlabkit.core.command import run_command

    return run_command(options.config, options.changes, base=options.base, record=record)


def _change(text: str) -> str:
    key, sign, _ = text.partition("=")
    if not sign or not all(key.split(".")):
        raise argparse.ArgumentTypeError(f"{text!r} is not written key=value.")
    return text


if __name__ == "__main__":
    sys.exit(main())
