"""The inventory of the shop: logs by pylogtap's own logger."""

from __future__ import annotations

import asyncio
import random

from aiohttp import web

import pylogtap
from pylogtap_collector.demo.service import carry_request, serve

PREFIX = "shop/inventory/inventory-1"
ARTICLES = ("tea", "coffee", "rice", "salt", "sugar", "oil", "soap", "paper")
FULL = 60
LOW = 8

log = pylogtap.get_logger(PREFIX, name="inventory.stock")


class Stock:
    """How much there is of each article."""

    def __init__(self) -> None:
        """Begin with full shelves."""
        self.left = dict.fromkeys(ARTICLES, FULL)

    async def reserve(self, request: web.Request) -> web.Response:
        """Take some of an article off its shelf, if there is enough."""
        article, amount = request.query["article"], int(request.query["amount"])
        shelf = log.bind(article=article, amount=amount)
        await asyncio.sleep(random.expovariate(200))
        if self.left[article] < amount:
            shelf.error("out of stock", left=self.left[article])
            raise web.HTTPConflict(text="out of stock")
        self.left[article] -= amount
        shelf.info("reserved", left=self.left[article])
        if self.left[article] < LOW:
            shelf.warning("low stock", left=self.left[article])
        return web.json_response({"left": self.left[article]})

    async def restock(self) -> None:
        """Fill a shelf every few seconds; now and then the truck does not come."""
        while True:
            await asyncio.sleep(random.uniform(0.8, 1.6))
            article = min(self.left, key=lambda name: self.left[name])
            if random.random() < 0.08:
                log.warning("delivery is late", article=article, supplier=f"supplier-{random.randint(1, 4)}")
                continue
            added, self.left[article] = FULL - self.left[article], FULL
            log.debug("restocked", article=article, added=added)


async def main() -> None:
    """Run the service."""
    stock = Stock()
    app = web.Application(middlewares=[carry_request])
    app.router.add_post("/reserve", stock.reserve)
    restocking = asyncio.create_task(stock.restock())
    log.info("inventory is open", articles=len(ARTICLES))
    await serve(app)
    restocking.cancel()
    log.info("inventory is closed")


if __name__ == "__main__":
    pylogtap.init(PREFIX, level="DEBUG")
    asyncio.run(main())
