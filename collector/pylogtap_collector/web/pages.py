"""
Routes of the pages and of the files they load.

A page is an empty shell: everything it shows comes from the public API and is put in as text. The policy in
its headers makes that a rule of the browser: no inline script or style, nothing from elsewhere, and with
`require-trusted-types-for` no way to turn text into elements at all.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from pylogtap_collector.web.assets import Assets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.typedefs import Handler
    from jinja2 import Environment

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
_ASSET_HEADERS = {
    **_HEADERS,
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}


# Swagger UI draws its icons from data: addresses and makes elements of text that is ours, not the logs'.
_DOCS_RULES = (
    *(rule for rule in _RULES if not rule.startswith(("img-src", "require-trusted"))),
    "img-src 'self' data:",
)
_PAGES = {
    "/": ("logs.html", _RULES),
    "/tests": ("tests.html", _RULES),
    "/sign-in": ("sign-in.html", _RULES),
    "/account": ("account.html", _RULES),
    "/docs": ("docs.html", _DOCS_RULES),
}
_ICON = "/favicon.ico"


class Pages:
    """
    All pages, made once.

    Attributes:
        open_paths: Where they and their files are; they hold nothing of what is stored.
    """

    def __init__(self) -> None:
        """Read templates and files."""
        self._assets = Assets(_HERE / "static")
        self._root = f"/static/{self._assets.digest}"
        self._files = f"{self._root}/{{name}}"
        self.open_paths = frozenset({*_PAGES, _ICON, self._files})

    def setup(self, app: web.Application) -> None:
        """
        Add the pages to an application.

        Args:
            app: Serves the API as well, under the same origin.
        """
        for path, (template, rules) in _PAGES.items():
            app.router.add_get(path, _page(template, rules, self._root))
        app.router.add_get(f"{self._root}/{{name:.+}}", self._asset)
        app.router.add_get(_ICON, self._icon)

    async def _asset(self, request: web.Request) -> web.Response:
        asset = self._assets.find(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        return _answer(asset, request)

    async def _icon(self, _: web.Request) -> web.Response:
        raise web.HTTPFound(f"{self._root}/app/icon.svg")


def _page(template: str, rules: Iterable[str], assets: str) -> Handler:
    headers = {**_HEADERS, "Content-Security-Policy": "; ".join(rules), "Cache-Control": "no-cache"}

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=_shell(template, assets), content_type="text/html", headers=headers)

    return page


@cache
def _shell(template: str, assets: str) -> str:
    return _templates().get_template(template).render(assets=assets, version=version("pylogtap-collector"))


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - who asks for no page

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
