import os

from notifyd import Client

client = Client()  # NOTIFYD_URL, NOTIFYD_TOKEN, NOTIFYD_NAMESPACE
accepted = client.submit({"url": os.environ["ORDERS_URL"], "data": {"order": 17}})
print(accepted["id"], accepted["state"])
