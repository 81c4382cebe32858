// Lists what failed in a lane, and sends it again.
#include <notifyd/client.h>

#include <iostream>

int main() {
  notifyd::Client client;
  notifyd::Filters failed;
  failed.state = {"failed"};
  failed.lane = "orders";
  for (const notifyd::ListedNotify& notify : client.List(failed)) {
    std::cout << notify.id << "\n";
    client.Retry(notify.id);
  }
}
