"""`synapse component`: versions of components on the server, and in a working tree.

The commands about the tree are another room's (entry-point group `synapse.cli.component`): the SDK imports no worker.
"""

from functools import cache

import typer


def __getattr__(name: str) -> typer.Typer:
    """`app`, with the commands of other rooms; made when asked for, because importing must load no extension."""
    if name != "app":
        raise AttributeError(name)
    return _build_app()


@cache
def _build_app() -> typer.Typer:
    from importlib.metadata import entry_points

    from synapse_sdk.cli.commands import load_extension
    from synapse_sdk.cli.components.command import app

    for extension in entry_points(group="synapse.cli.component"):
        load_extension(extension, app)
    return app
