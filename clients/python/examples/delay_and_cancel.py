import os

from notifyd import Client, ConflictError

client = Client()
accepted = client.submit({"url": os.environ["ORDERS_URL"], "data": {"order": 17}, "delay_ms": 3600000})
try:
    print(client.cancel(accepted["id"])["state"])
except ConflictError as error:
    print("too late:", error.detail)
