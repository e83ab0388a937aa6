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
# Docker takes the two streams of an app from two pipes: which of them comes first is not known.
WHY_IT_CRASHES = r"(?s)ended before it answered(?=.*reading weights).*no weights"
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
# Says what reached it, streams both ways, and speaks by WebSocket.
TALKS = """\
import asyncio, os
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

async def say(request):
    body = b"".join([part async for part in request.stream()])
    headers = {name: value for name, value in request.headers.items()}
    answer = {"method": request.method, "path": request.scope["raw_path"].decode(), "query": request.url.query,
              "headers": headers, "size": len(body)}
    return JSONResponse(answer, 207, {"Set-Cookie": "synapse_session=theirs; Path=/", "X-Frame-Options": "DENY",
                                      "Clear-Site-Data": "*", "X-Own": "1", "Access-Control-Allow-Origin": "*"})

followed = set()

async def count_followed(request):
    return JSONResponse(len(followed))

async def events(request):
    async def lines():
        followed.add(request)
        try:
            for number in range(int(request.query_params["count"])):
                yield f"data: {number}\\n\\n"
                await asyncio.sleep(0.05)
        finally:
            followed.discard(request)
    return StreamingResponse(lines(), media_type="text/event-stream")

class Echo:
    # Whatever comes goes back at once, before the rest has come.
    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (message := await receive())["type"] == "http.request":
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})
            if not more:
                return

async def move(request):
    return RedirectResponse(request.query_params["to"])

async def talk(socket):
    await socket.accept(subprotocol=(socket.scope["subprotocols"] or [None])[0])
    await socket.send_json({name: value for name, value in socket.headers.items()})
    while True:
        message = await socket.receive()
        if message["type"] != "websocket.receive":
            return
        if message.get("text") == "bye":
            await socket.close(4001, "as you wish")
            return
        if message.get("text") is not None:
            await socket.send_text(message["text"][::-1])
        else:
            await socket.send_bytes(message["bytes"][::-1])

app = Starlette(routes=[
    Route("/events", events), Route("/followed", count_followed), Route("/echo", Echo(), methods=["POST"]), Route("/move", move),
    WebSocketRoute("/talk", talk),
    Route("/{path:path}", say, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
])
uvicorn.run(app, host="0.0.0.0", port=int(os.environ["GRADIO_SERVER_PORT"]), log_level="warning")
"""
