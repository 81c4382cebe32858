// Submits a call that is due in an hour, and cancels it.
#include <notifyd/client.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

int main() {
  notifyd::Client client;
  notifyd::Notify notify;
  notify.url = std::getenv("ORDERS_URL");
  notify.data = {{"order", 17}};
  notify.due_at = std::chrono::system_clock::now() + std::chrono::hours(1);
  try {
    client.Cancel(client.Submit(notify).id);
  } catch (const notifyd::Error& error) {
    if (error.kind != notifyd::Kind::kConflict) throw;
    std::cerr << "too late: it is settled\n";
    return 1;
  }
}
