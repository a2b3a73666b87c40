"""
Routes of the pages and of the files they load.

A page is an empty shell: everything it shows comes from the public API and is put in as text. The policy in
its headers makes that a rule of the browser: no inline script or style, nothing from elsewhere, and with
`require-trusted-types-for` no way to turn text into elements at all.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pylogtap_collector.web.assets import Assets

if TYPE_CHECKING:
    from pylogtap_collector.web.assets import Asset

_HERE = Path(__file__).parent
_RULES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_HEADERS = {**_HEADERS, "Content-Security-Policy": "; ".join(_RULES), "Cache-Control": "no-cache"}
_ASSET_HEADERS = {
    **_HEADERS,
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}


def setup(app: web.Application) -> None:
    """
    Add the pages to an application.

    Args:
        app: Serves the API as well, under the same origin.
    """
    assets = Assets(_HERE / "static")
    root = f"/static/{assets.digest}"
    shell = _templates().get_template("logs.html").render(assets=root, version=version("pylogtap-collector"))

    async def logs_page(_request: web.Request) -> web.Response:
        return web.Response(text=shell, content_type="text/html", headers=_PAGE_HEADERS)

    async def asset_file(request: web.Request) -> web.Response:
        asset = assets.find(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound(text="There is no such file; load the page again.")
        return _answer(asset, request)

    async def icon(request: web.Request) -> web.Response:
        del request
        raise web.HTTPFound(f"{root}/app/icon.svg")

    app.router.add_get("/", logs_page, name="logs-page")
    app.router.add_get(f"{root}/{{name:.+}}", asset_file, name="asset")
    app.router.add_get("/favicon.ico", icon, name="icon")


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _answer(asset: Asset, request: web.Request) -> web.Response:
    headers = {**_ASSET_HEADERS, "Content-Type": asset.content_type}
    if asset.packs and "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=asset.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=asset.body, headers=headers)
