"""The web UI as it was built: one page for every address that is not the API's, and the files that the page loads."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

STATIC = Path(__file__).parents[2] / "static"
# Nothing from outside, nothing inline, in no one's frame: a name that a user typed can never become a script. Images
# come through this server (`/v2/data-files/{id}/content/`), whatever storage holds them, so that no other is named.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept",
}
# The builder puts a digest of the content into these files' names.
ASSET_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".map": "application/json",
    ".wasm": "application/wasm",
}
# Addresses below these are the API's alone: what is not there is told as the API tells it.
_API_PREFIXES = ("/v2/", "/api/", "/assets/", "/objects/", "/payloads/", "/playground/")
NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Synapse</title></head>
<body><h1>The web UI is not built</h1>
<p>The server runs, and so do its API and the <code>synapse</code> command.</p>
<p>To build the pages, run <code>make install</code> in the folder of the source code, then load this page again.</p>
</body></html>
"""


class PageRoute(Route):
    """Matches what a browser's address bar asks for, where no route of the API matches."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Only reading, only for a page: programs that mistype a path get the API's own answer."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            return Match.NONE, {}
        accepted = dict(scope["headers"]).get(b"accept", b"")
        if b"text/html" not in accepted or scope["path"].startswith(_API_PREFIXES):
            return Match.NONE, {}
        return super().matches(scope)


def _folder_of(request: Request) -> Path:
    folder: Path = getattr(request.app.state, "ui_folder", STATIC)
    return folder


def _serve_page(request: Request) -> Response:
    page = _folder_of(request) / "index.html"
    if not page.is_file():
        return HTMLResponse(NOT_BUILT, 503, PAGE_HEADERS)
    return FileResponse(page, headers=PAGE_HEADERS, media_type="text/html; charset=utf-8")


def _serve_asset(request: Request, name: str) -> Response:
    folder = (_folder_of(request) / "assets").resolve()
    file = (folder / name).resolve()
    media_type = _MEDIA_TYPES.get(file.suffix)
    if media_type is None or not file.is_relative_to(folder) or not file.is_file():
        raise HTTPException(404)
    accepted = {part.split(";")[0].strip() for part in request.headers.get("Accept-Encoding", "").split(",")}
    for encoding, suffix in _ENCODINGS:
        packed = file.with_name(file.name + suffix)
        if encoding in accepted and packed.is_file():
            return FileResponse(packed, headers={**ASSET_HEADERS, "Content-Encoding": encoding}, media_type=media_type)
    return FileResponse(file, headers=ASSET_HEADERS, media_type=media_type)


router = APIRouter(include_in_schema=False)
router.add_api_route("/assets/{name:path}", _serve_asset, methods=["GET", "HEAD"])
# After all others.
router.routes.append(PageRoute("/{path:path}", _serve_page, methods=["GET"]))
