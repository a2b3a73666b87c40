import json
import logging
import sys

import pylogtap
import uvicorn
from pylogtap.correlation.asgi import CaseMiddleware

pylogtap.init("shop/stock/1")
log = logging.getLogger("stock")
IN_A_BOX = {"tea": 10, "teapot": 0}


def reserve(item, count):
    boxes = count / IN_A_BOX[item]
    log.info("reserved %.1f boxes of %s", boxes, item)


async def app(scope, receive, send):
    order = json.loads((await receive())["body"])
    status = 200
    try:
        reserve(order["item"], order["count"])
    except KeyError:
        log.error("there is no %s", order["item"])
        status = 404
    except Exception:
        log.exception("cannot reserve %s", order["item"])
        status = 500
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body"})


uvicorn.run(CaseMiddleware(app), port=int(sys.argv[1]), lifespan="off", log_config=None)
