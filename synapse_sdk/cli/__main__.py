"""`python -m synapse_sdk.cli`: the command where no script of that name is on the path."""

from synapse_sdk.cli.main import main

if __name__ == "__main__":
    main()
