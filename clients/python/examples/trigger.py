import os

from notifyd import Client

client = Client()
client.submit({"url": os.environ["ORDERS_URL"], "data": {"order": 17}, "fkey": "order-17", "ttl_ms": 86400000})
# Later, perhaps elsewhere: the order is paid.
client.trigger("order-17", data={"paid": True})
