#!/usr/bin/env bash
# `make playground-demo`: the example plugin packed, built, started, and the address where it answers.
set -euo pipefail
cd "$(dirname "$0")/.."
synapse=.venv/bin/synapse

# A base image of Debian where that can be made, else of this host's own Python.
if command -v mmdebstrap > /dev/null && [ "$(id -u)" = 0 ]; then docker/build-base.sh; else docker/build-base.sh --host; fi
"$synapse" status > /dev/null 2>&1 || "$synapse" up --detach > /dev/null
address=$("$synapse" playground create --file examples/plugins/coin-counter --json \
  | .venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)["endpoint"])')
printf '\nThe coin counter answers at %s\n' "$address"
printf 'Open it and upload a photograph. `synapse playground list` shows it, `synapse down` stops the rest.\n'
