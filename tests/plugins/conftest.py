"""A server that takes job logs, and plugins made on the spot."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class LogServer:
    """Takes job logs over HTTP; ignores an entry whose uid it knows, as our server does. Tests set how it answers."""

    def __init__(self):
        self.entries, self.updates, self.requests = {}, [], []
        self.status, self.refuse = 200, lambda entry: False
        self.lose_answers = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.answer(outer.take_logs)

            def do_PATCH(self):
                self.answer(lambda body: outer.take_update(self.path, body))

            def answer(self, take):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = take(body) if outer.status == 200 else outer.status
                outer.requests.append((self.command, len(body), status))
                self.send_response(500 if outer.lose_answers else status)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def take_logs(self, body):
        body = body if isinstance(body, list) else [body]
        if any(self.refuse(entry) for entry in body):
            return 400
        for entry in body:
            self.entries.setdefault(entry["uid"], entry)
        return 200

    def take_update(self, path, body):
        self.updates.append((path, body))
        return 200

    def messages(self):
        return [entry["data"]["message"] for entry in self.entries.values()]

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server():
    server = LogServer()
    yield server
    server.close()


@pytest.fixture
def make_plugin(tmp_path):
    """Write a plugin whose module `plugin.main` has the given source; answers its folder."""

    def make(source: str, *, config: str = "", code: str = "test-plugin", action: str = "Main") -> Path:
        folder = tmp_path / code
        (folder / "plugin").mkdir(parents=True)
        (folder / "plugin" / "__init__.py").touch()
        (folder / "plugin" / "main.py").write_text(PRELUDE + source)
        actions = f"actions:\n  main:\n    entrypoint: plugin.main.{action}\n    num_cpus: 2\n"
        (folder / "config.yaml").write_text(f"name: Test\ncode: {code}\n{config}{actions}")
        return folder

    return make


PRELUDE = """\
import os, signal, subprocess, sys, time
from pathlib import Path
from pydantic import BaseModel
from synapse_sdk.plugins import BaseAction, BaseStep, StepResult

class Params(BaseModel):
    value: object = None

"""
