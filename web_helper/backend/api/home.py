"""The page behind the one-click URL."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse

STATIC = Path(__file__).parents[1] / "static"
# Nothing from outside, nothing inline, in no one's frame: a name that a user typed can never become a script.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(include_in_schema=False)


def _serve(name: str) -> FileResponse:
    return FileResponse(STATIC / name, headers=HEADERS)


@router.get("/")
def get_home() -> FileResponse:
    return _serve("index.html")


@router.get("/home.js")
def get_script() -> FileResponse:
    return _serve("home.js")


@router.get("/home.css")
def get_style() -> FileResponse:
    return _serve("home.css")
