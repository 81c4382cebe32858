// Submits a call, and prints its id: it is on the broker's disk by then.
#include <notifyd/client.h>

#include <cstdlib>
#include <iostream>

int main() {
  notifyd::Client client;  // NOTIFYD_URL, NOTIFYD_TOKEN and NOTIFYD_NAMESPACE say where and as whom
  notifyd::Notify notify;
  notify.url = std::getenv("ORDERS_URL");
  notify.data = {{"order", 17}};
  std::cout << client.Submit(notify).id << "\n";
}
