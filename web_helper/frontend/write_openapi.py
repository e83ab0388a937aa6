"""Writes the OpenAPI document, off which the front-end reads its types: `python write_openapi.py openapi.json`."""

import json
import sys
from pathlib import Path

from web_helper.backend.app import create_app
from web_helper.backend.core.settings import Settings

document = create_app(Settings(home=Path("/nowhere"), database_url="sqlite://")).openapi()
Path(sys.argv[1]).write_text(json.dumps(document), "utf-8")
