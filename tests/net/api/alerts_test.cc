// Requests about alerts: whom they are asked of, and that answers are what docs/openapi.yaml says.
#include "api_fixture.h"
#include "broker/alert_events.h"
#include "openapi_held.h"

namespace notifyd {
namespace {

AlertAnswered Answered(decltype(AlertAnswer::what) what) {
  return {std::make_shared<const AlertAnswer>(AlertAnswer{std::move(what)})};
}

AlertView Firing() {
  AlertView view;
  AlertRule& rule = view.rule;
  rule.name = "late";
  rule.when = AlertWhen::kOldestDueAge;
  rule.threshold = 60'000;
  rule.namespaces = rule.lanes = rule.hosts = rule.callers = {"a*"};
  rule.labels = {{"team", "pay"}};
  AlertTarget target{AlertTarget::Kind::kWecom, "https://h/?key=hidden", "", "wecom:h#1"};
  rule.to = {std::make_shared<const AlertTarget>(std::move(target))};
  view.state = AlertView::State::kFiring;
  view.firing_since = view.last_message_at = WallTime{5};
  view.last_message = "repeat";
  view.causes.push_back({{.space = "s", .lane = "l", .host = "h", .caller = "c", .object = "o"}, {6}, 1.5, "d"});
  view.causes.push_back({{.member = "b"}, {6}, 1.5, ""});
  view.causes_count = 21;
  view.undelivered = 2;
  return view;
}

template <class Ask>
bool AsksSystem(const ApiFixture& f) {
  const auto* request = f.sink.events.empty() ? nullptr : std::get_if<AlertRequest>(&f.sink.events.back());
  return request && std::holds_alternative<Ask>(request->ask->what);
}

}  // namespace

TEST_CASE("openapi: of a message of alerts, which is tried for as long as it lives, no number of attempts is shown") {
  Held held;
  ApiFixture f;
  f.Submit(R"({"url":"http://h/"})");
  NotifyRecord record = f.RecordOf(f.Item());
  Envelope envelope = *record.envelope;
  RetryPolicy retry;
  retry.max_attempts = UINT32_MAX;
  envelope.retry = std::make_shared<const RetryPolicy>(retry);
  record.envelope = std::make_shared<const Envelope>(envelope);
  CHECK(f.Shown(record, State::kRetrying).At("/retry/max_attempts") == "null");
  held.Check(f, "/v1/notifies/{id}", "get");
}

TEST_CASE("openapi: alerts") {
  Held held;
  ApiFixture f;
  f.Ask("GET", "/v1/alerts");
  CHECK(AsksSystem<AlertList>(f));
  AlertView plain;
  plain.rule.name = "down";
  plain.rule.when = AlertWhen::kBreakerOpen;
  f.Reply(Answered(AlertsListed{{plain, Firing()}, false, 1, 2, {"c"}}));
  held.Check(f, "/v1/alerts", "get");
  CHECK(f.Answer().body.find("hidden") == std::string::npos);
  CHECK(f.Answer().body.find(R"("missing":["c"])") != std::string::npos);
  f.Ask("GET", "/v1/alerts/late");
  CHECK(AsksSystem<AlertGet>(f));
  f.Reply(Answered(AlertsListed{{Firing()}, true, 0, 0}));
  held.Check(f, "/v1/alerts/{name}", "get");
  f.Ask("POST", "/v1/alerts/late/test");
  CHECK(AsksSystem<AlertTest>(f));
  f.Reply(Answered(AlertTested{{NotifyId::Of(kSystemNumber, 1)}}));
  held.Check(f, "/v1/alerts/{name}/test", "post");
  held.CheckAllSeen("Alert");
}

TEST_CASE("alerts: a name that the file cannot have is not found, whoever asks") {
  ApiFixture f;
  f.Ask("GET", "/v1/alerts/Not-a-name");
  CHECK(f.Answer().status == 404);
  f.Ask("POST", "/v1/alerts/..%2f/test");
  CHECK(f.Answer().status == 404);
}

}  // namespace notifyd
