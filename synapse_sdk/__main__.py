"""Where the `synapse` command begins, as a script and as `python -m synapse_sdk`."""

import sys
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line; Ctrl-C while it is still being imported ends it as quietly as later."""
    try:
        from synapse_sdk.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
