"""The checkout of the shop: logs by the standard library's logging."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import time
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web

import pylogtap
from pylogtap_collector.demo.inventory import ARTICLES
from pylogtap_collector.demo.service import REQUEST, carry_request, serve

PREFIX = "shop/checkout/checkout-1"
SLOW_S = 0.06

log = logging.getLogger("checkout.orders")


class Checkout:
    """Takes orders, and asks the other services."""

    def __init__(self, session: aiohttp.ClientSession, inventory: str, payments: str) -> None:
        """
        Remember whom to ask.

        Args:
            session: Asks.
            inventory: Its address.
            payments: Its address.
        """
        self._session, self._inventory, self._payments = session, inventory, payments
        self._numbers = itertools.count(1000)

    async def order(self, request: web.Request) -> web.Response:
        """Take an order: reserve the article, charge the card."""
        began = time.monotonic()
        number, customer = next(self._numbers), int(request.query["customer"])
        article, amount = random.choice(ARTICLES), random.randint(1, 5)
        cents = amount * random.randint(150, 2500)
        with pylogtap.bound_fields(order=number):
            log.info("customer %d orders %d x %s for %d cents", customer, amount, article, cents)
            try:
                await self._ask(request, f"{self._inventory}/reserve", article=article, amount=amount)
                card = f"4000 0000 0000 {customer:04}"
                await self._ask(request, f"{self._payments}/charge", order=number, cents=cents, card=card)
                discount(number, cents)
            except web.HTTPException as error:
                log.warning("order %d refused: %s", number, error.text)
                raise
            except Exception:
                log.exception("order %d failed", number)
                raise web.HTTPInternalServerError(text="our mistake") from None
            took_ms = (time.monotonic() - began) * 1000
            log.info("order %d paid in %.1f ms", number, took_ms, extra={"took_ms": round(took_ms, 1)})
            if took_ms > SLOW_S * 1000:
                log.warning("order %d was slow: %.0f ms", number, took_ms)
        return web.json_response({"order": number})

    async def _ask(self, request: web.Request, url: str, **params: Any) -> None:
        headers = {REQUEST: request.headers.get(REQUEST, "none")}
        async with self._session.post(url, params=params, headers=headers) as answer:
            if answer.status != HTTPStatus.OK:
                raise web.HTTPConflict(text=await answer.text())


def discount(number: int, cents: int) -> float:
    """Return the discount of an order; every seventieth order meets the bug that each shop has."""
    regular_customers = number % 70
    return cents / regular_customers


async def main() -> None:
    """Run the service."""
    async with aiohttp.ClientSession() as session:
        checkout = Checkout(session, os.environ["SHOP_INVENTORY"], os.environ["SHOP_PAYMENTS"])
        app = web.Application(middlewares=[carry_request])
        app.router.add_post("/orders", checkout.order)
        log.info("checkout is open")
        await serve(app)
        log.info("checkout is closed")


if __name__ == "__main__":
    pylogtap.init(PREFIX)
    asyncio.run(main())
