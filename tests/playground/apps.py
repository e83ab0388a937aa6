"""Apps without Gradio: they start in no time, on any engine. `start.py` runs them as it runs every app."""

SERVER = """\
import http.server, json, os, socket, sys

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(answer(self.path)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

def answer(path):
    return {"params": json.loads(os.environ["PLUGIN_PARAMS"]), "path": path, "who": os.environ.get("WHO")}

def serve(port=None):
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    http.server.ThreadingHTTPServer(("0.0.0.0", port or int(os.environ["GRADIO_SERVER_PORT"])), Page).serve_forever()
"""
ECHO = SERVER + "\nprint('the app begins')\nserve()\n"
CRASHES = "print('reading weights')\nraise RuntimeError('no weights')\n"
HANGS = "import time\nprint('thinking')\ntime.sleep(600)\n"
WRONG_PORT = SERVER + "\nprint('begins')\nserve(9999)\n"
NO_APP = "value = 1\n"
# What an app of a hostile author tries.
REACHES = (
    SERVER
    + """
def answer(path):
    import urllib.parse
    wanted = urllib.parse.parse_qs(path.partition("?")[2])
    found = {}
    for target in wanted.get("connect", []):
        host, _, port = target.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
            found[target] = "open"
        except OSError as exc:
            found[target] = type(exc).__name__
    for name in wanted.get("write", []):
        try:
            open(name, "w").close()
            found[name] = "written"
        except OSError as exc:
            found[name] = type(exc).__name__
    status = open("/proc/self/status").read()
    gateway = next(
        ".".join(str(int(line.split()[2][i:i + 2], 16)) for i in (6, 4, 2, 0))
        for line in open("/proc/net/route").read().splitlines()[1:] if line.split()[1] == "00000000"
    )
    return {"uid": os.getuid(), "status": status, "found": found, "gateway": gateway,
            "socket": os.path.exists("/var/run/docker.sock")}

serve()
"""
)
