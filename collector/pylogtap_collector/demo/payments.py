"""The payments of the shop: logs by structlog."""

from __future__ import annotations

import asyncio
import random

import structlog
from aiohttp import web

import pylogtap
from pylogtap_collector.demo.service import carry_request, serve

PREFIX = "shop/payments/payments-1"
REASONS = ("insufficient funds", "card expired", "suspected fraud")

log = structlog.get_logger(logger_name="payments.cards")


class GatewayTimeout(Exception):
    """The bank did not answer."""


async def ask_bank(cents: int) -> str:
    """
    Have the bank move the money.

    Raises:
        GatewayTimeout: It did not answer.
    """
    latency = random.expovariate(60)
    await asyncio.sleep(min(latency, 0.2))
    if random.random() < 0.02:
        try:
            raise ConnectionResetError(104, "Connection reset by peer")
        except OSError as error:
            raise GatewayTimeout(f"no answer from bank.example for {cents} cents") from error
    return f"auth-{random.randrange(16**6):06x}"


async def charge(request: web.Request) -> web.Response:
    """Charge a customer's card."""
    order, cents, card = request.query["order"], int(request.query["cents"]), request.query["card"]
    own = log.bind(order=int(order), cents=cents, card_number=card)  # a secret by its name: it is redacted
    if random.random() < 0.05:
        own.warning("card declined", reason=random.choice(REASONS))
        raise web.HTTPPaymentRequired(text="card declined")
    try:
        authorisation = await ask_bank(cents)
    except GatewayTimeout:
        own.exception("charge failed")
        raise web.HTTPBadGateway(text="the bank does not answer") from None
    own.info("charged", authorisation=authorisation)
    return web.json_response({"authorisation": authorisation})


async def main() -> None:
    """Run the service."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            pylogtap.structlog_processor,
        ]
    )
    app = web.Application(middlewares=[carry_request])
    app.router.add_post("/charge", charge)
    log.info("payments are open")
    await serve(app)
    log.info("payments are closed")


if __name__ == "__main__":
    pylogtap.init(PREFIX)
    asyncio.run(main())
