// Holds a call under a key, and makes it due once the order is paid.
#include <notifyd/client.h>

#include <cstdlib>

int main() {
  notifyd::Client client;
  notifyd::Notify notify;
  notify.url = std::getenv("ORDERS_URL");
  notify.fkey = "order-17";
  notify.ttl_ms = 24 * 3600 * 1000;  // given up where nobody pays
  notify.data = {{"order", 17}};
  client.Submit(notify);

  notifyd::Trigger paid;
  paid.data = {{"paid", true}};
  client.Trigger("order-17", paid);
}
