"""Sending files in tests, as a client does."""

import hashlib
from pathlib import Path


def describe(content: bytes) -> dict:
    return {"file_name": "a.jpg", "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


def announce(client, content: bytes) -> dict:
    answer = client.post("/v2/data-files/presigned-upload/", json={"files": [describe(content)]})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"][0]


def send(client, content: bytes) -> int:
    """Upload and confirm; answers the file's id."""
    ticket = announce(client, content)
    if ticket["upload_url"]:
        assert client.put(ticket["upload_url"], content=content).status_code == 204
        body = {"ids": [ticket["data_file_id"]]}
        assert client.post("/v2/data-files/confirm-upload/", json=body).json()["data"][0]["status"] == "confirmed"
    return ticket["data_file_id"]


def stored_files(settings) -> list[Path]:
    """Everything that lies in the default storage, part files included."""
    return sorted(path for path in settings.storage_dir.rglob("*") if path.is_file())
