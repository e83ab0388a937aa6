"""The server, killed as by SIGKILL at chosen moments of chosen requests; each moment once.

    python -m tests.middleend.killed_server FILE --fd=N

FILE has one line for each moment that is still to come: `claim commit` is just before the commit of the transaction that
gives a job away, `claim answer` after it and before anybody is told.
"""

import os
import re
import signal
import sys
from contextvars import ContextVar
from pathlib import Path

from sqlalchemy import event

from web_helper.backend import app as app_module

# Which request it is, and what its transaction must have written to be the one that is meant.
REQUESTS = {
    "submit": (r"/api/experiments", r"INSERT INTO experiments "),
    "heartbeat": (r"/api/devices/heartbeat", r"UPDATE devices "),
    "claim": (r"/api/devices/[^/]+/jobs/next", r"UPDATE experiments "),
    "start": (r"/api/experiments/[^/]+/start", r"UPDATE experiments "),
    "log": (r"/api/experiments/[^/]+/log", r"INSERT INTO experiment_chunks "),
    "metrics": (r"/api/experiments/[^/]+/metrics", r"INSERT INTO experiment_chunks "),
    "complete": (r"/api/experiments/[^/]+/complete", r"UPDATE experiments "),
}
MOMENTS = ("commit", "answer")
ALL = [f"{name} {moment}" for name in REQUESTS for moment in MOMENTS]
# The store's own. A negotiation writes nothing: it is killed when it has read, before anybody is told.
STORE = {
    "upload": (r"/api/components/versions/upload", r"INSERT INTO component_change_sets "),
    "activate": (r"/api/components/versions/activate", r"INSERT INTO component_change_sets "),
    "change": (r"/api/components/changes", r"INSERT INTO component_change_sets "),
    "scan": (r"/api/components/versions/scan", r"INSERT INTO component_change_sets "),
    "negotiate": (r"/api/components/sync", r"SELECT "),
}
ALL_OF_STORE = [f"{name} {moment}" for name in STORE for moment in MOMENTS if (name, moment) != ("negotiate", "commit")]

WATCHED = REQUESTS | STORE


class Request:
    """One request, and whether it has written what is meant."""

    def __init__(self, name: str) -> None:
        self.name, self.has_written = name, False


_current: ContextVar[Request | None] = ContextVar("current", default=None)


class Killer:
    """Ends this process when the next moment of the file is there."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def reach(self, moment: str) -> None:
        request = _current.get()
        if request is None or not request.has_written or not self.file.exists():
            return
        left, this = self.file.read_text().splitlines(), f"{request.name} {moment}"
        if this in left:
            part = self.file.with_suffix(".part")
            part.write_text("".join(f"{line}\n" for line in left if line != this))
            part.replace(self.file)
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, engine) -> None:
        event.listen(engine, "before_cursor_execute", self.note)
        event.listen(engine, "commit", lambda _: self.reach("commit"))

    def note(self, _connection, _cursor, statement, *_rest) -> None:
        request = _current.get()
        if request is not None and re.match(WATCHED[request.name][1], statement):
            request.has_written = True


class KilledApp:
    """The app behind the killer."""

    def __init__(self, app, killer: Killer) -> None:
        self.app, self.killer = app, killer

    async def __call__(self, scope, receive, send) -> None:
        path, is_post = scope.get("path", ""), scope.get("method") == "POST"
        names = [name for name, (pattern, _) in WATCHED.items() if is_post and re.fullmatch(pattern, path)]
        _current.set(Request(names[0]) if names else None)

        async def send_or_die(message) -> None:
            self.killer.reach("answer")
            await send(message)

        await self.app(scope, receive, send_or_die)


def main() -> None:
    killer = Killer(Path(sys.argv.pop(1)))
    make = app_module.create_app

    def create(settings):
        app = make(settings)
        killer.watch(app.state.database.engine)
        return KilledApp(app, killer)

    app_module.create_app = create
    app_module.main()


if __name__ == "__main__":
    main()
