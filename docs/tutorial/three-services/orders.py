import json
import logging
import sys
from wsgiref.simple_server import make_server

import pylogtap
import requests
from pylogtap.correlation.wsgi import CaseMiddleware

pylogtap.init("shop/orders/1")
log = logging.getLogger("orders")
stock = sys.argv[2]
ANSWERS = {200: "201 Created", 404: "404 Not Found"}


def app(environ, start_response):
    order = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    answer = requests.post(f"{stock}/reserve", json=order, timeout=5)
    log.info("stock answers %d", answer.status_code)
    start_response(ANSWERS.get(answer.status_code, "502 Bad Gateway"), [])
    return [b""]


make_server("127.0.0.1", int(sys.argv[1]), CaseMiddleware(app)).serve_forever()
