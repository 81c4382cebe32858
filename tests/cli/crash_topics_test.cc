// kill -9 of the real broker while events are fanned out: each subscription gets each event as one notify, in order, and so does one that begins in
// the past.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/e2e_broker.h"
#include "cli/kill.h"
#include "support/scripted_server.h"
#include "support/temp_dir.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// Waits until so many different notifies have come in all; false at the deadline.
bool WaitForNotifies(ScriptedServer* receiver, size_t count) {
  size_t seen = count;
  for (int i = 0; i < 1000; ++i) {
    std::set<std::string> ids;
    const std::vector<SeenRequest> requests = receiver->WaitFor(seen);
    for (const SeenRequest& request : requests) ids.insert(request.Header("Notify-Id"));
    if (ids.size() >= count) return true;
    if (requests.size() < seen) return false;
    seen = requests.size() + 1;
  }
  return false;
}

}  // namespace

TEST_CASE("kill -9 while events are fanned out: each subscription gets each event once, in its order") {
  constexpr int kSubscriptions = 30, kEvents = 120, kKeys = 4;
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, ""}; });
  std::vector<std::string> events;  // ids, in the order in which they were published
  {
    Broker broker(dir.path());
    for (int i = 0; i < kSubscriptions; ++i)
      REQUIRE(broker
                  .Call("PUT", "/v1/subscriptions/s" + std::to_string(i),
                        R"({"topic":"order.*","order_by":"key","partitions":2,"url":")" + receiver.url() + "/s" + std::to_string(i) + R"("})")
                  .status == 201);
    Kill(&broker);
  }
  for (int run = 0; run < 3; ++run) {
    Broker broker(dir.path());
    for (int i = run * kEvents / 3; i < (run + 1) * kEvents / 3; ++i) {
      const std::string number = std::to_string(i);
      HttpAnswer answer = broker.Call("POST", "/v1/topics/order.paid/publish",
                                      R"({"data":{"n":)" + number + R"(,"long":")" + std::string(2'000, 'x') + R"("},"key":"k)" +
                                          std::to_string(i % kKeys) + R"(","idempotency_key":")" + number + R"("})");
      REQUIRE(answer.status == 201);
      events.push_back(JsonAt(answer.body, "/id"));
    }
    Kill(&broker);
  }
  Broker broker(dir.path());
  REQUIRE(WaitForNotifies(&receiver, kSubscriptions * kEvents));
  REQUIRE(
      broker.Call("PUT", "/v1/subscriptions/late", R"({"topic":"#","from":"2020-01-01T00:00:00Z","url":")" + receiver.url() + R"(/late"})").status ==
      201);
  REQUIRE(WaitForNotifies(&receiver, (kSubscriptions + 1) * kEvents));

  // By subscription and event: the notifies; by subscription and key: the numbers, as they first came.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> notifies;
  std::map<std::pair<std::string, int>, std::vector<int>> order;
  std::set<std::string> seen;
  for (const SeenRequest& request : receiver.seen()) {
    const std::string subscription = request.Header("Notify-Subscription");
    CHECK(request.target == "/" + subscription);
    CHECK(request.Header("Notify-Topic") == "order.paid");
    notifies[{subscription, request.Header("Notify-Event")}].insert(request.Header("Notify-Id"));
    const int number = std::stoi(JsonAt(request.body, "/n"));
    CHECK(JsonAt(request.body, "/long").size() == 2'000);
    if (seen.insert(request.Header("Notify-Id")).second) order[{subscription, number % kKeys}].push_back(number);
  }
  CHECK(notifies.size() == size_t{kSubscriptions + 1} * kEvents);
  for (const auto& [at, ids] : notifies) {
    INFO(at.first << " " << at.second);
    CHECK(ids.size() == 1);
    CHECK(std::find(events.begin(), events.end(), at.second) != events.end());
  }
  for (const auto& [at, numbers] : order) {
    INFO(at.first << " key " << at.second);
    if (at.first != "late") CHECK(std::is_sorted(numbers.begin(), numbers.end()));  // that one's lane is a concurrent one
    CHECK(numbers.size() == size_t{kEvents} / kKeys);
  }
  HttpAnswer first = broker.Call("GET", "/v1/events/" + events.front() + "?limit=1000");
  CHECK(first.status == 200);
  CHECK(JsonAt(first.body, "/matched") == std::to_string(kSubscriptions));
  CHECK(broker.BooksBalance());
}
