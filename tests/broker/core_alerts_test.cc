// Alerts over the core: their messages as notifies, what is kept over restarts, and what bounds do not hold.
#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/alert_events.h"
#include "broker/alert_records.h"
#include "broker/core_fixture.h"

using namespace notifyd;

namespace {

std::shared_ptr<const AlertTarget> Target(const std::string& name) {
  AlertTarget target;
  target.kind = AlertTarget::Kind::kWecom;
  target.address = "https://" + name + "/send?key=secret";
  target.id = AlertTargetId(target.kind, target.address, name);
  return std::make_shared<const AlertTarget>(std::move(target));
}

AlertRule Pending(const std::string& name, std::vector<std::shared_ptr<const AlertTarget>> to) {
  AlertRule rule;
  rule.name = name;
  rule.when = AlertWhen::kPending;
  rule.threshold = 10;
  rule.group_ms = 2'000;
  rule.repeat_ms = 60'000;
  rule.to = std::move(to);
  return rule;
}

class Alerts : public CoreFixture {
 public:
  explicit Alerts(CoreLimits limits = {}) : CoreFixture(limits) { settings.source = "here"; }
  AlertSettings settings;
  AlertFigures figures;

  /// Figures once a second. Returns what the last ones were answered by.
  AlertsJudged Pass1(int seconds) {
    AlertsJudged judged;
    for (int i = 0; i < seconds; ++i) {
      Pass(1'000);
      judged = Figures();
    }
    return judged;
  }
  AlertsJudged Figures() {
    figures.settings = std::make_shared<const AlertSettings>(settings);
    return std::get<AlertsJudged>(Tell(std::make_shared<const AlertFigures>(figures)));
  }
  decltype(AlertAnswer::what) Tell(decltype(AlertAsk::what) what) {
    AlertRequest r;
    r.ask = std::make_shared<const AlertAsk>(AlertAsk{std::move(what)});
    return std::get<AlertAnswered>(Do(std::move(r)).body).answer->what;
  }
  AlertView View(const std::string& name) { return std::get<AlertsListed>(Tell(AlertGet{name})).items.at(0); }
  void Set(const std::string& space, uint64_t pending) {
    for (AlertSpace& each : figures.spaces)
      if (each.name == space) return void(each.pending = pending);
    figures.spaces.push_back({.name = space, .pending = pending});
  }
  static std::string Body(const StartAttempt& start) { return DecodeSpec(*start.spec)->payload; }
};

}  // namespace

TEST_CASE("alerts: a message is a notify of a fifo lane of the target, and what fires at once goes in one") {
  Alerts c;
  const auto robot = Target("robot"), other = Target("other");
  c.settings.rules = {Pending("one", {robot}), Pending("two", {robot, other})};
  c.Set("orders", 11);
  c.Pass1(3);
  REQUIRE(c.starts.size() == 2);
  CHECK(c.Figures().undelivered == 2);
  const auto to_robot = std::find_if(c.starts.begin(), c.starts.end(), [&](const StartAttempt& s) { return s.envelope->host == robot->id; });
  REQUIRE(to_robot != c.starts.end());
  CHECK(to_robot->envelope->lane == LaneKey{Mode::kFifo, robot->id});
  CHECK(Alerts::Body(*to_robot).find("[FIRING] one") != std::string::npos);
  CHECK(Alerts::Body(*to_robot).find("[FIRING] two") != std::string::npos);
  CHECK(to_robot->spec->find("secret") == std::string::npos);
  CHECK(c.View("two").undelivered == 2);
  while (!c.starts.empty()) c.EndFirst(Verdict::kSuccess);
  CHECK(c.View("two").undelivered == 0);
  CHECK(c.View("two").state == AlertView::State::kFiring);
  CHECK(c.View("two").causes_count == 1);
  c.Set("orders", 10);
  c.Pass1(4);
  CHECK(c.starts.size() == 2);
  CHECK(c.View("one").state == AlertView::State::kOk);
  CHECK(c.View("one").last_message == "over");
  CHECK(c.Balances());
}

TEST_CASE("alerts: a message that is taken before anybody handed in figures is delivered all the same") {
  Alerts c;
  c.settings.rules = {Pending("one", {Target("robot")})};
  c.Set("orders", 11);
  c.Pass1(3);
  REQUIRE(c.starts.size() == 1);
  CHECK(c.View("one").undelivered == 1);
  c.Restart(CrashKind::kKill);
  c.Pass(10);
  REQUIRE(c.starts.size() == 1);
  c.EndFirst(Verdict::kSuccess);
  c.Pass(10);
  CHECK(c.Figures().firing == 1);
  CHECK(c.View("one").undelivered == 0);
}

TEST_CASE("alerts: a receiver that is down loses none, in order, over a restart between the beginning and the end") {
  Alerts c;
  c.settings.rules = {Pending("one", {Target("robot")})};
  c.Set("orders", 11);
  c.Pass1(3);
  for (int i = 0; i < 200; ++i) {
    if (!c.starts.empty()) c.EndFirst(Verdict::kFailure);
    c.Pass(60'000);
  }
  CHECK(c.View("one").undelivered == 1);
  c.Restart(CrashKind::kPower);
  CHECK(c.Figures().firing == 1);
  CHECK(c.View("one").undelivered >= 1);
  c.Set("orders", 0);
  c.Pass1(4);
  CHECK(c.View("one").state == AlertView::State::kOk);
  std::vector<std::string> bodies;
  for (int i = 0; i < 200 && c.core().totals().pending() > 0; ++i) {
    if (!c.starts.empty()) {
      bodies.push_back(Alerts::Body(c.starts[0]));
      c.EndFirst(Verdict::kSuccess);
    }
    c.Pass(1'000);
  }
  REQUIRE(bodies.size() >= 2);
  CHECK(bodies.front().find("[FIRING] one") != std::string::npos);
  CHECK(bodies.back().find("[OVER] one") != std::string::npos);
  CHECK(c.View("one").undelivered == 0);
  CHECK(c.core().totals().failed == 0);
}

TEST_CASE("alerts: a restart between the beginning and the message, or the message and the end, makes each once") {
  Alerts c;
  c.settings.rules = {Pending("one", {Target("robot")})};
  c.Set("orders", 11);
  c.Pass1(1);
  c.Restart(CrashKind::kPower);
  c.Pass1(4);
  REQUIRE(c.starts.size() == 1);
  c.EndFirst(Verdict::kSuccess);
  c.Pass(100);  // its end is synced
  c.Restart(CrashKind::kPower);
  c.Pass1(10);
  CHECK(c.starts.empty());
  c.Set("orders", 0);
  c.Pass1(1);
  c.Restart(CrashKind::kPower);
  c.Pass1(4);
  REQUIRE(c.starts.size() == 1);
  CHECK(Alerts::Body(c.starts[0]).find("[OVER] one") != std::string::npos);
  CHECK(c.sent.size() == 2);
}

TEST_CASE("alerts: messages are made past the pending limit, quotas and the disk's reserve") {
  CoreLimits limits;
  limits.max_pending = 1;
  limits.max_stored_bytes = 1;
  limits.submits_per_s = 0.001;
  Alerts c(limits);
  c.Post(StoredBytes{1'000});
  c.Post(DiskSpace{true});
  c.Run();
  CHECK(CoreFixture::CodeOf(c.TrySubmit({CoreFixture::Fields{}}, false)) != Code::kOk);
  c.settings.rules = {Pending("one", {Target("a"), Target("b")}), Pending("two", {Target("c")})};
  c.Set("orders", 11);
  c.Pass1(3);
  CHECK(c.starts.size() == 3);
}

TEST_CASE("alerts: what the store does not take is handed out from memory, once, and is stored all the same once it does") {
  Alerts c;
  c.settings.rules = {Pending("one", {Target("robot")})};
  c.Figures();
  c.reads().CloseCommits();
  c.Set("orders", 11);
  AlertsJudged judged = c.Pass1(3);
  CHECK(c.starts.empty());
  CHECK(judged.unstored.empty());
  std::vector<AlertUnstored> unstored;
  for (int i = 0; i < 20; ++i)
    for (AlertUnstored& each : c.Pass1(1).unstored) unstored.push_back(std::move(each));
  REQUIRE(unstored.size() == 1);
  CHECK(unstored[0].envelope->host == c.settings.rules[0].to[0]->id);
  CHECK(DecodeSpec(*unstored[0].spec)->payload.find("[FIRING] one") != std::string::npos);
  c.reads().OpenCommits();
  c.Run();
  REQUIRE(c.starts.size() == 1);
  // As from memory.
  CHECK(c.starts[0].id == unstored[0].id);
  CHECK(c.starts[0].number > 0);
  CHECK(c.starts[0].envelope->host == unstored[0].envelope->host);
  CHECK(c.starts[0].envelope->caller == unstored[0].envelope->caller);
  CHECK(*c.starts[0].spec == *unstored[0].spec);
}

TEST_CASE("alerts: a repeat that nobody took gives way to the next one") {
  Alerts c;
  c.settings.rules = {Pending("one", {Target("robot")})};
  c.Set("orders", 11);
  c.Pass1(3);
  for (int i = 0; i < 40; ++i) {
    if (!c.starts.empty()) c.EndFirst(Verdict::kFailure);
    c.Pass1(60);
  }
  CHECK(c.core().totals().accepted >= 30);
  CHECK(c.core().totals().pending() <= 3);
  CHECK(c.View("one").undelivered <= 3);
}

TEST_CASE("alerts: where a target of one that fires is corrected, the right one is told that it fires, also by a start with another file") {
  const bool restarts = GENERATE(false, true);
  Alerts c;
  const auto wrong = Target("wrong"), other = Target("other"), right = Target("right");
  // How many messages of which first words each of the three has.
  const auto messages = [&](const char* word) {
    c.Pass(100);  // they are synced
    std::vector<size_t> counts(3);
    for (const auto& [id, record] : c.image().notifies)
      for (size_t i = 0; i < 3; ++i)
        counts[i] += record->envelope->host == std::vector{wrong, other, right}[i]->id &&
                     DecodeSpec(*record->spec)->payload.find(std::string("[") + word + "] one") != std::string::npos;
    return counts;
  };
  const auto reload = [&](std::vector<std::shared_ptr<const AlertTarget>> to) {
    c.settings.rules = {Pending("one", std::move(to))};
    c.Pass(100);
    if (restarts) c.Restart(CrashKind::kPower);
    c.Pass1(3);
  };
  using Counts = std::vector<size_t>;
  c.Set("orders", 11);
  reload({wrong, other});
  CHECK(messages("FIRING") == Counts{1, 1, 0});
  reload({wrong, other});
  CHECK(messages("FIRING") == Counts{1, 1, 0});
  reload({right, other});
  CHECK(messages("FIRING") == Counts{1, 1, 1});
  CHECK(c.View("one").undelivered == 3);
  c.Pass1(5);
  CHECK(messages("FIRING") == Counts{1, 1, 1});
  // One that comes back after it was gone may have been told nothing.
  reload({wrong, other});
  CHECK(messages("FIRING") == Counts{2, 1, 1});
  c.Pass1(60);
  CHECK(messages("STILL FIRING") == Counts{1, 1, 0});
  CHECK(messages("FIRING") == Counts{2, 1, 1});
  c.Set("orders", 0);
  c.Pass1(4);
  CHECK(messages("OVER") == Counts{1, 1, 0});
  reload({right, other});
  CHECK(messages("FIRING") == Counts{2, 1, 1});
}

TEST_CASE("alerts: a new target is told once, also where a repeat is due, and whom an earlier version told is not told anew") {
  const auto one = Target("one"), other = Target("other"), late = Target("late");
  AlertRule rule = Pending("rule", {one, other});
  const AlertCause cause{.space = "orders"};
  AlertReadings readings;
  readings.known = {{cause, 11, "", true}};
  readings.is_known = [](const AlertCause&) { return true; };
  AlertState state;
  state.when = rule.when;
  state.firing_since = state.last_message_at = {1'000};
  state.messages = 1;
  state.causes[cause] = {.since = {1'000}, .firing = true, .told = true, .detail = {}};
  CHECK_FALSE(JudgeAlert(rule, readings, {2'000}, &state).news);
  CHECK(state.told == std::set<std::string>{one->id, other->id});
  rule.to = {other, late};
  const std::optional<AlertNews> first = JudgeAlert(rule, readings, {3'000}, &state).news;
  REQUIRE(first);
  CHECK(first->what == AlertNews::What::kFiring);
  CHECK((first->to == std::vector{late}));
  CHECK(first->new_count == 1);
  CHECK(first->firing.size() == 1);
  // What is said to all again says it to those that are new.
  rule.to = {one, late};
  const std::optional<AlertNews> repeat = JudgeAlert(rule, readings, {1'000 + rule.repeat_ms}, &state).news;
  REQUIRE(repeat);
  CHECK(repeat->what == AlertNews::What::kRepeat);
  CHECK((repeat->to == rule.to));
  CHECK_FALSE(JudgeAlert(rule, readings, {2'000 + rule.repeat_ms}, &state).news);
}

TEST_CASE("alerts: a target that the file gets once nothing fires any more is not told that it is over") {
  const auto one = Target("one"), other = Target("other"), late = Target("late");
  AlertRule rule = Pending("rule", {one, other});
  const AlertCause cause{.space = "orders"};
  AlertReadings readings;
  readings.is_known = [](const AlertCause&) { return true; };
  const auto over = [&](std::vector<std::shared_ptr<const AlertTarget>> to, std::set<std::string> told) {
    AlertState state;
    state.when = rule.when;
    state.firing_since = state.last_message_at = {1'000};
    state.messages = 1;
    state.told = std::move(told);
    state.causes[cause] = {.since = {1'000}, .firing = true, .told = true, .detail = {}};
    readings.known = {{cause, 0, "", false}};
    CHECK_FALSE(JudgeAlert(rule, readings, {10'000}, &state).news);
    rule.to = std::move(to);
    const std::optional<AlertNews> news = JudgeAlert(rule, readings, {10'000 + rule.group_ms}, &state).news;
    REQUIRE(news);
    CHECK(news->what == AlertNews::What::kOver);
    CHECK_FALSE(state.firing());
    return news->to;
  };
  CHECK((over({late, other}, {one->id, other->id}) == std::vector{other}));
  CHECK(over({late}, {one->id, other->id}).empty());
  // A version that kept no targets wrote it.
  CHECK((over({late, other}, {}) == std::vector{late, other}));
}

TEST_CASE("alerts: a test says so to each target, whatever its figures are") {
  Alerts c;
  c.settings.rules = {Pending("one", {Target("a"), Target("b")})};
  c.Figures();
  const auto tested = std::get<AlertTested>(c.Tell(AlertTest{"one"}));
  CHECK(tested.notifies.size() == 2);
  REQUIRE(c.starts.size() == 2);
  CHECK(Alerts::Body(c.starts[0]).find("[TEST] one") != std::string::npos);
  CHECK(c.View("one").state == AlertView::State::kOk);
  AlertRequest r;
  r.ask = std::make_shared<const AlertAsk>(AlertAsk{AlertTest{"none"}});
  CHECK(CoreFixture::CodeOf(c.Do(std::move(r))) == Code::kNotFound);
}

TEST_CASE("alerts: one that the file has no more is forgotten, and begins anew where it comes back") {
  Alerts c;
  c.settings.rules = {Pending("one", {Target("a")})};
  c.Set("orders", 11);
  c.Pass1(3);
  CHECK(c.image().records.size() == 1);
  const std::vector<AlertRule> rules = std::exchange(c.settings.rules, {});
  c.Pass1(1);
  CHECK(c.image().records.empty());
  c.settings.rules = rules;
  c.Pass1(1);
  CHECK(c.View("one").state == AlertView::State::kFiring);
  CHECK_FALSE(c.View("one").last_message_at);
}
