import logging
import sys

import pylogtap
from aiohttp import ClientSession, web
from pylogtap.correlation.aiohttp import case_middleware

pylogtap.init("shop/gateway/1")
log = logging.getLogger("gateway")
orders = sys.argv[2]


async def place(request):
    order = await request.json()
    log.info("somebody wants %d %s", order["count"], order["item"])
    async with ClientSession() as session, session.post(f"{orders}/orders", json=order) as answer:
        return web.Response(status=answer.status)


app = web.Application(middlewares=[case_middleware()])
app.router.add_post("/orders", place)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
