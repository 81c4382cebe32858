#include "broker/flow.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

std::string Written(std::string_view host, const FlowFields* flow) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  WriteFlow(host, flow, &json);
  json.EndObject();
  return text;
}

}  // namespace

TEST_CASE("flow: what a notify comes from and goes to is shown where it has it, and nothing of a plain one") {
  CHECK(Written("shop.example:443", nullptr) == "{}");
  const FlowFields none;
  CHECK(Written("shop.example:443", &none) == "{}");
  CHECK(HeadersOf(none).empty());
  FlowFields flow;
  flow.event = NotifyId{0x1a};
  flow.topic = "order.paid";
  flow.subscription = "billing";
  flow.schedule = "nightly";
  flow.scheduled_at = WallTime{0};
  flow.group = NotifyId{0x1b};
  CHECK(Written("service://mail", &flow) ==
        R"({"service":"mail","event":"n000000000000001a","topic":"order.paid","subscription":"billing","schedule":"nightly",)"
        R"("scheduled_at":"1970-01-01T00:00:00.000Z","group_id":"n000000000000001b"})");
  CHECK(HeadersOf(flow) == FlowTexts{{"Notify-Event", "n000000000000001a"},
                                     {"Notify-Topic", "order.paid"},
                                     {"Notify-Subscription", "billing"},
                                     {"Notify-Schedule", "nightly"},
                                     {"Notify-Group", "n000000000000001b"}});
}
