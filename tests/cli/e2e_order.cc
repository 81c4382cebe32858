// Order by a field, labels, and what is tried again at all: as whoever submits sees it.
#include <signal.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/e2e_broker.h"
#include "support/scripted_server.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// The values of n that came with each customer, in the order in which they came.
std::map<std::string, std::vector<int>> ByCustomer(const std::vector<SeenRequest>& seen) {
  std::map<std::string, std::vector<int>> order;
  for (const SeenRequest& request : seen) order[JsonAt(request.body, "/customer")].push_back(std::stoi(JsonAt(request.body, "/n")));
  return order;
}

void CheckInOrder(const std::vector<SeenRequest>& seen, size_t customers, size_t each) {
  const auto order = ByCustomer(seen);
  CHECK(order.size() == customers);
  for (const auto& [customer, numbers] : order) {
    CAPTURE(customer);
    CHECK(numbers.size() == each);
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

}  // namespace

TEST_CASE("order: one value's notifies keep their order, values go to partitions of the lane") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  Broker broker(dir.path());
  std::set<std::string> lanes;
  std::map<std::string, std::string> lane_of;
  std::string last;
  for (int n = 0; n < 25; ++n)
    for (const char* customer : {"\"a\"", "\"b\"", "17", "17.5", "null"}) {
      const HttpAnswer answer =
          broker.Call("POST", "/v1/notifies",
                      R"({"url":")" + receiver.url() + R"(/","lane":"orders","order_by":"/customer","partitions":4,"data":{"customer":)" + customer +
                          R"(,"n":)" + std::to_string(n) + "}}");
      REQUIRE(answer.status == 201);
      CHECK(JsonAt(answer.body, "/mode") == "fifo");
      const std::string lane = JsonAt(answer.body, "/lane");
      CHECK(lane_of.emplace(customer, lane).first->second == lane);
      lanes.insert(lane);
      last = JsonAt(answer.body, "/id");
    }
  for (const std::string& lane : lanes) CHECK(std::set<std::string>{"orders~0", "orders~1", "orders~2", "orders~3"}.contains(lane));
  CheckInOrder(receiver.WaitFor(125), 5, 25);

  const std::string without = R"({"url":")" + receiver.url() + R"(/","order_by":"/nobody","data":{"n":1})";
  HttpAnswer answer = broker.Call("POST", "/v1/notifies", without + "}");
  CHECK(answer.status == 422);
  CHECK(JsonAt(answer.body, "/field") == "/order_by");
  answer = broker.Call("POST", "/v1/notifies", without + R"(,"order_by_missing":"spread"})");
  CHECK(answer.status == 201);
  CHECK(JsonAt(answer.body, "/lane").find("/~") != std::string::npos);
}

TEST_CASE("order: a rule of the file orders what goes to a lane, from the next reload on") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string file = dir.Write("n.toml", "");
  Broker broker(dir.At("data"), {"--config", file});
  const std::string notify = R"({"url":")" + receiver.url() + R"(/","lane":"customers","data":{"customer":"a","n":1}})";
  CHECK(JsonAt(broker.Call("POST", "/v1/notifies", notify).body, "/lane") == "customers");
  receiver.WaitFor(1);
  dir.Write("n.toml", "[[lane]]\nmatch = \"customers\"\norder_by = \"/customer\"\npartitions = 8\n");
  broker.process().Signal(SIGHUP);
  REQUIRE(broker.process().WaitForError("settings reloaded"));
  std::set<std::string> lanes;
  for (int n = 2; n < 22; ++n)
    for (const char* customer : {"a", "b", "c"}) {
      const HttpAnswer answer = broker.Call(
          "POST", "/v1/notifies",
          R"({"url":")" + receiver.url() + R"(/","lane":"customers","data":{"customer":")" + customer + R"(","n":)" + std::to_string(n) + "}}");
      CHECK(answer.status == 201);
      CHECK(JsonAt(answer.body, "/mode") == "fifo");
      CHECK(JsonAt(answer.body, "/lane").starts_with("customers~"));
    }
  const std::vector<SeenRequest> seen = receiver.WaitFor(61);
  CheckInOrder({seen.begin() + 1, seen.end()}, 3, 20);
  const HttpAnswer refused = broker.Call("POST", "/v1/notifies", R"({"url":")" + receiver.url() + R"(/","lane":"customers","data":{"n":1}})");
  CHECK(refused.status == 422);
  CHECK(JsonAt(refused.body, "/field") == "/data");
}

TEST_CASE("order: a rule of the file orders what the broker makes by itself, too: of events, of schedules, and callbacks") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  const std::string back = receiver.url() + "/back";
  const std::string file =
      dir.Write("n.toml", "[[lane]]\nmatch = \"subscription/*\"\norder_by = \"/customer\"\npartitions = 1000\n[[lane]]\nmatch = \"" + back +
                              "\"\norder_by = \"/caller\"\n[[lane]]\nmatch = \"nightly\"\norder_by = \"/customer\"\n");
  Broker broker(dir.At("data"), {"--config", file});
  const auto lane_of = [&](const std::string& query) { return JsonAt(broker.Call("GET", "/v1/notifies?limit=1&" + query).body, "/items/0/lane"); };
  REQUIRE(broker.Call("PUT", "/v1/subscriptions/s", R"({"topic":"orders","url":")" + receiver.url() + R"(/e"})").status == 201);
  std::set<std::string> lanes;
  for (const char* customer : {"a", "a", "b"}) {
    const std::string event =
        JsonAt(broker.Call("POST", "/v1/topics/orders/publish", std::string(R"({"data":{"customer":")") + customer + "\"}}").body, "/id");
    lanes.insert(lane_of("event=" + event));
  }
  CHECK(lanes.size() == 2);
  for (const std::string& lane : lanes) CHECK_THAT(lane, Catch::StartsWith("subscription/s~"));

  const std::string template_of = R"({"every_ms":3600000,"notify":{"url":")" + receiver.url() + R"(/n","lane":"nightly","data":)";
  CHECK(broker.Call("PUT", "/v1/schedules/none", template_of + "{}}}").status == 422);
  REQUIRE(broker.Call("PUT", "/v1/schedules/n", template_of + R"({"customer":"a"}}})").status == 201);
  REQUIRE(broker.Call("POST", "/v1/schedules/n/run").status == 201);
  CHECK_THAT(lane_of("schedule=n"), Catch::StartsWith("nightly~"));

  broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + R"(/x","caller":"shop","callback_url":")" + back + R"("})"));
  // Its own lane, and that of the end of a group.
  const std::string group =
      broker.Call("POST", "/v1/groups", R"({"callback_url":")" + back + R"(","notifies":[{"url":")" + receiver.url() + R"(/y","caller":"shop"}]})")
          .body;
  CHECK_FALSE(JsonAt(group, "/id").empty());
  receiver.WaitFor(8);
  const std::string listed = broker.Call("GET", "/v1/notifies").body;
  size_t backs = 0;
  for (int i = 0; i < 8; ++i) {
    const std::string item = "/items/" + std::to_string(i);
    if (JsonAt(listed, item + "/url") != back) continue;
    ++backs;
    CHECK_THAT(JsonAt(listed, item + "/lane"), Catch::StartsWith(back + "~"));
    CHECK(JsonAt(listed, item + "/mode") == "fifo");
  }
  CHECK(backs == 2);
}

TEST_CASE("labels: they filter lists and bulk operations, and go with the callback") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{request.target == "/bad" ? 400 : 200, "{}"}; });
  Broker broker(dir.path());
  auto submit = [&](const std::string& labels) {
    return broker.Submit(R"({"url":")" + receiver.url() + R"(/bad","callback_url":")" + receiver.url() +
                         R"(/told","retry":{"max_attempts":1},"labels":)" + labels + "}");
  };
  const std::string both = submit(R"({"team":"shop","env":"test:1"})"), one = submit(R"({"team":"shop"})"), other = submit(R"({"team":"mail"})");
  for (const std::string& id : {both, one, other}) CHECK(JsonAt(broker.Settled(id), "/state") == "failed");
  auto listed = [&](const std::string& query) {
    const std::string body = broker.Call("GET", "/v1/notifies?" + query).body;
    std::vector<std::string> ids;
    for (int i = 0; !JsonAt(body, "/items/" + std::to_string(i) + "/id").empty(); ++i)
      ids.push_back(JsonAt(body, "/items/" + std::to_string(i) + "/id"));
    return ids;
  };
  CHECK(listed("label=team:shop") == std::vector{one, both});
  CHECK(listed("label=team:shop&label=env:test:1") == std::vector{both});
  CHECK(listed("label=team:nobody").empty());
  CHECK(listed("label=team:shop&error=unexpected_answer") == std::vector{one, both});
  CHECK(listed("error=timeout").empty());
  const std::string host = receiver.url().substr(7);
  CHECK(listed("state=failed&host=" + host).size() == 3);
  CHECK(listed("state=failed&settled_after=1971-01-01T00:00:00Z&settled_before=2001-01-01T00:00:00Z").empty());
  CHECK(
      JsonAt(
          broker.Call("POST", "/v1/notifies/purge", R"({"filter":{"state":"failed","label":["team:shop","env:test:1"],"error":"unexpected_answer"}})")
              .body,
          "/count") == "1");
  CHECK(listed("state=failed") == std::vector{other, one});
  std::set<std::string> told;
  for (const SeenRequest& request : receiver.WaitFor(6))
    if (request.target == "/told") told.insert(JsonAt(request.body, "/labels/team"));
  CHECK(told == std::set<std::string>{"mail", "shop"});
}

TEST_CASE("retry.only_on: any other unexpected answer fails at once, what is no answer is tried again as ever") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest& request) { return ScriptedAnswer{std::stoi(request.target.substr(1)), "{}"}; });
  Broker broker(dir.path());
  const std::string retry = R"(","retry":{"max_attempts":3,"initial_ms":1,"only_on":{"status":[503]}}})";
  const std::string other = broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + "/500" + retry));
  CHECK(JsonAt(other, "/state") == "failed");
  CHECK(JsonAt(other, "/attempts_made") == "1");
  CHECK(JsonAt(other, "/reason") == "fatal_answer");
  CHECK(JsonAt(broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + "/503" + retry)), "/attempts_made") == "3");
  CHECK(JsonAt(broker.Settled(broker.Submit(R"({"url":"http://127.0.0.1:9/)" + retry)), "/attempts_made") == "3");
}
