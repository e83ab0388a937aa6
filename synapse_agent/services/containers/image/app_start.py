"""Starts a plugin's Gradio app in its container. Copied into each image; runs there with nothing of ours installed.

The app's file is run as a script, as its author does, so what stands under `if __name__ == "__main__"` counts. Where
it launched nothing, the object that the entrypoint names is launched, else `app` or `demo`, else the only one there is.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOST, PORT = "0.0.0.0", 7860  # noqa: S104 - the container's own network.
USUAL_NAMES = ("app", "demo")


def main() -> None:
    file, name = sys.argv[1:3]
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
