import json
import os
from wsgiref.simple_server import make_server

from notifyd.receiver import WsgiReceiver


def orders(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    try:
        print("order", json.loads(body)["order"], flush=True)
    except (ValueError, KeyError, TypeError):  # signed, and no order all the same
        start_response("400 Bad Request", [])
        return []
    start_response("204 No Content", [])
    return []


# With Flask: app.wsgi_app = WsgiReceiver(app.wsgi_app, [key])
app = WsgiReceiver(orders, [os.environ["WEBHOOK_KEY"]])
make_server("127.0.0.1", int(os.environ["PORT"]), app).serve_forever()
