"""Files as text, for payloads that can carry nothing else."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path


def convert_file_to_base64(path: str | Path) -> str:
    """The file as a data URI (`data:<type>;base64,…`).

    Raises:
        OSError: The file cannot be read.
    """
    content = Path(path).read_bytes()
    mime_type = mimetypes.guess_type(str(path))[0] or "application/octet-stream"
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"
