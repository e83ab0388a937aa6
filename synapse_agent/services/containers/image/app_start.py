"""Starts a plugin's Gradio app in its container. Copied into each image; runs there with nothing of ours installed.

The app's file is run as a script, as its author does, so what stands under `if __name__ == "__main__"` counts. Where
it launched nothing, the object that the entrypoint names is launched, else `app` or `demo`, else the only one there is.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import runpy
import sys
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

HOST, PORT = "0.0.0.0", 7860  # noqa: S104 - the container's own network.
USUAL_NAMES = ("app", "demo")


def main() -> None:
    file, name = wait_for_release() if sys.argv[1:] == ["--wait"] else sys.argv[1:3]
    # Imports begin at the release's folder, not at this file's.
    sys.path[0] = str(Path.cwd())
    names = _run(file)
    app = find_app(names, name)
    if app is None:
        raise SystemExit(
            f"{file} defines no Gradio app: name one `app` or `demo` (gr.Blocks, gr.Interface, or a function that "
            "makes one), or launch it when the file is run."
        )
    serve(app)


def wait_for_release() -> tuple[str, str]:
    """Import what takes long, then take a release from the input: its file and the name of its object."""
    with suppress(ImportError):
        importlib.import_module("gradio")
    sys.stdout.write("synapse: ready for a release\n")
    sys.stdout.flush()
    head = json.loads(sys.stdin.buffer.readline())
    with tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read(head["size"]))) as tar:
        # The agent packed it from a folder that it had checked; Pythons before 3.11.4 know no filter.
        options = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(**options)  # type: ignore[arg-type]  # noqa: S202
    os.environ.update(head["env"])
    return head["file"], head["name"]


def _run(file: str) -> dict[str, Any]:
    module = file.removesuffix(".py").split("/")
    sys.argv = [file]
    if all(part.isidentifier() for part in module):
        # As a module, so that `from .model import x` works.
        return runpy.run_module(".".join(module), run_name="__main__", alter_sys=True)
    return runpy.run_path(file, run_name="__main__")


def find_app(names: Mapping[str, Any], wanted: str) -> Any:
    """The object that can be served; a function that makes one is called."""
    for name in (wanted, *USUAL_NAMES):
        found = _made(names.get(name))
        if found is not None:
            return found
    apps = {id(value): value for value in names.values() if _is_app(value)}
    return next(iter(apps.values())) if len(apps) == 1 else None


def serve(app: Any) -> None:
    """Answer until the container is stopped."""
    if hasattr(app, "launch"):
        if not getattr(app, "is_running", False):
            app.launch(server_name=HOST, server_port=PORT, share=False, prevent_thread_lock=True)
        app.block_thread()
        return
    import uvicorn

    uvicorn.run(app, host=HOST, port=PORT)


def _made(value: Any) -> Any:
    if value is None or _is_app(value):
        return value
    made = value() if callable(value) else None
    return made if _is_app(made) else None


def _is_app(value: Any) -> bool:
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(value).__mro__}
    return bool(kinds & {"gradio.Blocks", "fastapi.FastAPI", "starlette.Starlette"})


if __name__ == "__main__":
    main()
