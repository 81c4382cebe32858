from notifyd import Client

client = Client()
for failed in client.list(state="failed", lane="orders"):
    print(failed["id"], failed["reason"])
    client.retry(failed["id"])
