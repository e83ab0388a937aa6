"""`python -m synapse_sdk`: the `synapse` command for whoever has this interpreter but not its scripts."""

from synapse_sdk.cli.main import main

main()
