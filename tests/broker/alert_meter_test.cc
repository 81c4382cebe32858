// What alerts count by themselves: attempts by host of those that a rule takes, and what happens.
#include "broker/alert_meter.h"

#include "broker/alert_readings.h"

#include <catch2/catch.hpp>
#include <string>

using namespace notifyd;

namespace {

constexpr int64_t kMinute = 60'000;

AlertRule Failing(const std::string& name) {
  AlertRule rule;
  rule.name = name;
  rule.when = AlertWhen::kFailing;
  return rule;
}

struct Rig {
  WallTime now{1'000'000'000};
  AlertMeter meter{now};
  AlertSettings settings;

  void Set() { meter.SetSettings(std::make_shared<const AlertSettings>(settings), now); }
  void End(const std::string& host, const std::string& error, int64_t duration_ms = 10, const std::string& lane = "l",
           const std::string& caller = "c", Labels labels = {}) {
    auto envelope = std::make_shared<Envelope>();
    envelope->host = host;
    envelope->lane.name = lane;
    envelope->caller = caller;
    envelope->labels = std::make_shared<const Labels>(std::move(labels));
    AttemptLog log;
    log.attempt = true;
    log.envelope = envelope;
    log.error = error;
    log.status = 503;
    log.duration_ms = duration_ms;
    meter.Take("orders", log, now);
  }
  AlertFigures Read() {
    AlertFigures figures;
    meter.AddTo(&figures, now);
    return figures;
  }
};

}  // namespace

TEST_CASE("alert meter: attempts of five minutes by host, failures in a row, and the p99") {
  Rig rig;
  rig.settings.rules = {Failing("a")};
  rig.Set();
  for (int i = 0; i < 99; ++i) rig.End("h:1", "");
  rig.End("h:1", "", 5'000);
  rig.End("h:1", "unexpected_answer");
  rig.End("h:1", "timeout");
  rig.End("h:2", "");
  AlertFigures figures = rig.Read();
  REQUIRE(figures.attempts.size() == 1);
  CHECK(figures.attempts[0].rule == "a");
  REQUIRE(figures.attempts[0].hosts.size() == 2);
  const AlertAttempts& host = figures.attempts[0].hosts[0];
  CHECK(host.host == "h:1");
  CHECK(host.space == "orders");
  CHECK(host.attempts == 102);
  CHECK(host.failed == 2);
  CHECK(host.failed_in_a_row == 2);
  CHECK(host.last_error == "timeout");
  CHECK(host.succeeded);
  rig.End("h:1", "");
  CHECK(rig.Read().attempts[0].hosts[0].failed_in_a_row == 0);
  rig.End("h:3", "timeout");
  CHECK_FALSE(rig.Read().attempts[0].hosts[2].succeeded);
  rig.End("h:3", "");
  rig.now.ms += 6 * kMinute;
  CHECK(rig.Read().attempts[0].hosts[0].attempts == 0);
  rig.now.ms += 5 * kMinute;
  CHECK(rig.Read().attempts[0].hosts.empty());
}

TEST_CASE("alert meter: a rule counts what its filters take, and keeps that where other rules change") {
  Rig rig;
  AlertRule lane = Failing("lane"), caller = Failing("caller"), label = Failing("label");
  lane.lanes = {"bills*"};
  caller.callers = {"shop"};
  label.labels = {{"team", "pay"}};
  rig.settings.rules = {lane, caller, label};
  rig.Set();
  rig.End("h:1", "timeout", 1, "bills/2", "other");
  rig.End("h:1", "timeout", 1, "mails", "shop");
  rig.End("h:1", "timeout", 1, "mails", "other", {{"team", "pay"}, {"x", "y"}});
  rig.End("h:1", "timeout", 1, "mails", "other", {{"team", "web"}});
  for (const auto& [name, hosts, since] : rig.Read().attempts) {
    INFO(name);
    REQUIRE(hosts.size() == 1);
    CHECK(hosts[0].failed == 1);
  }
  rig.settings.rules = {lane, Failing("caller")};
  rig.Set();
  const AlertFigures figures = rig.Read();
  REQUIRE(figures.attempts.size() == 2);
  CHECK(figures.attempts[0].hosts.empty());      // another rule of that name
  CHECK(figures.attempts[1].hosts.size() == 1);  // the same one
}

TEST_CASE("alert meter: a rule whose threshold, targets or name are others goes on with what was counted") {
  Rig rig;
  AlertRule down = Failing("down");
  down.threshold = 1'000;
  rig.settings.rules = {down};
  rig.Set();
  const WallTime since = rig.Read().attempts[0].since;
  for (int i = 0; i < 8; ++i) rig.End("h:1", "timeout");
  rig.now.ms += kMinute;
  down.threshold = 5;
  down.repeat_ms = 1;
  AlertRule renamed = down, other = down, slow = down;
  renamed.name = "renamed";
  other.name = "other";
  other.callers = {"shop"};
  slow.name = "slow";
  slow.when = AlertWhen::kSlow;
  rig.settings.rules = {down, renamed, other, slow};
  rig.Set();
  const AlertFigures figures = rig.Read();
  REQUIRE(figures.attempts.size() == 4);
  for (const auto& [name, hosts, known_since] : figures.attempts) {
    INFO(name);
    const bool same = name == "down" || name == "renamed";
    CHECK((known_since == since) == same);
    REQUIRE(hosts.size() == (same ? 1 : 0));
    if (same) CHECK(hosts[0].failed_in_a_row == 8);
  }
}

TEST_CASE("alert meter: hosts without end are not all seen, and no memory is without bound") {
  Rig rig;
  rig.settings.rules = {Failing("a")};
  rig.Set();
  for (size_t i = 0; i < AlertMeter::kMostHosts + 100; ++i) rig.End("h" + std::to_string(i) + ":1", "timeout");
  CHECK(rig.Read().attempts[0].hosts.size() == AlertMeter::kMostHosts);
}

TEST_CASE("alert meter: a host that fails goes on failing until a call succeeds, however far apart they are; for a day") {
  Rig rig;
  AlertRule slow = Failing("slow");
  slow.when = AlertWhen::kSlow;
  rig.settings.rules = {Failing("a"), slow};
  rig.Set();
  for (const char* host : {"dead:1", "back:1"}) rig.End(host, "timeout");
  rig.now.ms += 61 * kMinute;
  rig.End("back:1", "");
  AlertFigures figures = rig.Read();
  REQUIRE(figures.attempts[0].hosts.size() == 2);
  CHECK(figures.attempts[0].hosts[0].failed_in_a_row == 0);
  CHECK(figures.attempts[0].hosts[1].failed_in_a_row == 1);
  // How slow it was an hour ago says nothing.
  CHECK(figures.attempts[1].hosts.size() == 1);
  // After a start nobody knows of it, and what fired goes on.
  const AlertCause cause{.space = "orders", .host = "dead:1"};
  CHECK(ReadingsOf(slow, figures, rig.now).is_known(cause));
  CHECK_FALSE(ReadingsOf(Failing("b"), figures, rig.now).is_known(cause));
  rig.now.ms += 24 * 60 * kMinute;
  figures = rig.Read();
  CHECK(figures.attempts[0].hosts.empty());
  CHECK(ReadingsOf(Failing("a"), figures, rig.now).is_known(cause));
}

TEST_CASE("alert meter: what happened counts for ten minutes") {
  Rig rig;
  rig.Set();
  FlowLog missed{true, "run missed", {{"schedule", "nightly"}, {"count", "3"}, {"reason", "not_running"}}};
  rig.meter.Take("orders", missed, rig.now);
  rig.now.ms += 2 * kMinute;
  rig.meter.Take("orders", missed, rig.now);
  rig.meter.Take("orders", FlowLog{true, "subscription skipped", {{"subscription", "s"}, {"event_id", "n1"}}}, rig.now);
  rig.meter.Take("orders", FlowLog{true, "breaker opened", {{"host", "h"}}}, rig.now);
  AlertFigures figures = rig.Read();
  REQUIRE(figures.happenings.size() == 2);
  CHECK(figures.happenings[0].when == AlertWhen::kScheduleMissed);
  CHECK(figures.happenings[0].object == "nightly");
  CHECK(figures.happenings[0].detail == "not_running");
  CHECK(figures.happenings[0].count == 6);
  CHECK(figures.happenings[1].count == 1);
  rig.now.ms += 9 * kMinute;
  CHECK(rig.Read().happenings[0].count == 3);
  rig.now.ms += 3 * kMinute;
  CHECK(rig.Read().happenings.empty());
  rig.meter.Take("orders", missed, rig.now);
  CHECK(rig.Read().happenings[0].count == 3);
}

TEST_CASE("alert meter: what was missed before a start counts once, for as long as it would have without the start") {
  Rig rig;
  rig.Set();
  const auto before = [](const std::string& schedule, WallTime at) {
    return FlowLog{true, std::string(kMissedBefore), {{"schedule", schedule}, {"at", std::to_string(at.ms)}, {"count", "3"}, {"reason", "quota"}}};
  };
  const FlowLog nightly = before("nightly", {rig.now.ms - 3 * kMinute});
  rig.meter.Take("orders", nightly, rig.now);
  REQUIRE(rig.Read().happenings.size() == 1);
  CHECK(rig.Read().happenings[0].when == AlertWhen::kScheduleMissed);
  CHECK(rig.Read().happenings[0].object == "nightly");
  CHECK(rig.Read().happenings[0].detail == "quota");
  CHECK(rig.Read().happenings[0].count == 3);
  // Its core slept, and began again.
  rig.meter.Take("orders", nightly, rig.now);
  CHECK(rig.Read().happenings[0].count == 3);
  rig.meter.Take("orders", FlowLog{true, "run missed", {{"schedule", "nightly"}, {"count", "1"}}}, rig.now);
  CHECK(rig.Read().happenings[0].count == 4);
  // What happened since the start was told when it did; of a namespace that came from another broker, what happened since it came.
  const WallTime start = rig.now;
  rig.now.ms += kMinute;
  rig.meter.Take("orders", before("hourly", start), rig.now);
  CHECK(rig.Read().happenings.size() == 1);
  rig.meter.Take("orders", before("hourly", start), rig.now, /*space_since=*/rig.now);
  CHECK(rig.Read().happenings.size() == 2);
  rig.now.ms = start.ms + 8 * kMinute;
  for (const AlertHappening& each : rig.Read().happenings) CHECK(each.count == (each.object == "nightly" ? 1 : 3));
}
