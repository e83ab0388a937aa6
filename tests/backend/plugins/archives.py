"""Plugin archives in tests."""

import io
import json
import zipfile

CONFIG = {"code": "yolo", "name": "YOLO", "category": "neural_net", "actions": {"train": {"method": "job"}}}


def zip_of(files: dict) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


ARCHIVE = zip_of({"config.yaml": "code: yolo", "plugin/__init__.py": ""})


def publish(client, *, archive: bytes = ARCHIVE, config=None, path: str = "/v2/plugin-releases/", **fields):
    form = {"plugin": "yolo", "version": "1.0.0", "config": json.dumps(CONFIG if config is None else config), **fields}
    return client.post(path, data=form, files={"file": ("yolo.zip", archive)})
