"""
A small shop of three services, to see pylogtap with: each is a program of its own and logs in its own way.

`checkout` uses the standard library's logging, `payments` structlog, `inventory` our own logger. They call
each other over HTTP, run out of stock, decline cards, and fail now and then, as services do.
"""
