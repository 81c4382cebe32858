// Alerts alone: when each kind fires, repeats and ends, what a message says to each kind of target, and what the store keeps.
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <string>

#include "base/json_tree.h"
#include "base/utf8.h"
#include "broker/alert_records.h"
#include "broker/alert_text.h"
#include "broker/expectation.h"

using namespace notifyd;

namespace {

using What = AlertNews::What;

AlertRule RuleOf(AlertWhen when) {
  AlertRule rule;
  rule.name = "a";
  rule.when = when;
  rule.threshold = KindOf(when).threshold.value_or(100);
  rule.for_ms = 10'000;
  rule.repeat_ms = 3'600'000;
  rule.group_ms = 5'000;
  return rule;
}

/// One rule, looked at once a second.
class Watch {
 public:
  explicit Watch(AlertRule rule) : rule_(std::move(rule)) {
    figures_.spaces.push_back({.name = "orders"});
    figures_.attempts.push_back({.rule = rule_.name});
  }
  AlertRule& rule() { return rule_; }
  AlertFigures& figures() { return figures_; }
  AlertSpace& space() { return figures_.spaces[0]; }
  std::vector<AlertAttempts>& attempts() { return figures_.attempts[0].hosts; }
  AlertState& state() { return state_; }
  /// What was said in so many seconds.
  std::vector<What> Pass(int seconds) {
    std::vector<What> said;
    for (int i = 0; i < seconds; ++i) {
      now_.ms += 1'000;
      AlertJudgement judged = JudgeAlert(rule_, ReadingsOf(rule_, figures_, now_), now_, &state_);
      if (!judged.news) continue;
      said.push_back(judged.news->what);
      news_ = *judged.news;
    }
    return said;
  }
  const AlertNews& news() const { return news_; }
  WallTime now() const { return now_; }
  /// As over a restart of the broker, which knows nothing any more but what is stored.
  void Restart() { state_ = *DecodeAlertState(EncodeAlertState(state_)); }

 private:
  AlertRule rule_;
  AlertFigures figures_;
  AlertState state_;
  AlertNews news_;
  WallTime now_{100'000'000};
};

using Set = std::function<void(Watch& watch, bool over)>;

AlertAttempts Attempts(std::string host, uint64_t attempts, uint64_t failed) {
  AlertAttempts out;
  out.space = "orders";
  out.host = std::move(host);
  out.attempts = attempts;
  out.failed = failed;
  return out;
}

/// How the figures of each kind become those that fire, and back.
const std::map<AlertWhen, Set>& Kinds() {
  auto happens = [](AlertWhen when) {
    return [when](Watch& watch, bool over) {
      watch.figures().happenings.clear();
      if (over) watch.figures().happenings.push_back({when, "orders", "nightly", "not_running", 2});
    };
  };
  static const std::map<AlertWhen, Set> kinds = {
      {AlertWhen::kOldestDueAge, [](Watch& w, bool over) { w.space().oldest_due_age_ms = over ? 60'001 : 60'000; }},
      {AlertWhen::kFailing,
       [](Watch& w, bool over) {
         w.attempts() = {Attempts("h:1", 9, 9)};
         w.attempts()[0].failed_in_a_row = over ? 5 : 4;
         w.attempts()[0].last_error = "status 503";
       }},
      {AlertWhen::kFailedRate, [](Watch& w, bool over) { w.attempts() = {Attempts("h:1", 10, over ? 6 : 5)}; }},
      {AlertWhen::kSlow,
       [](Watch& w, bool over) {
         w.attempts() = {Attempts("h:1", 10, 0)};
         w.attempts()[0].p99_ms = over ? 10'001 : 10'000;
       }},
      {AlertWhen::kLatenessP99, [](Watch& w, bool over) { w.space().lateness_p99_ms = over ? 1'001 : 1'000; }},
      {AlertWhen::kRate,
       [](Watch& w, bool over) {
         w.space().callers = {AlertRate{"shop", over ? 101.0 : 100.0, {}}};
       }},
      {AlertWhen::kRateRatio,
       [](Watch& w, bool over) {
         w.rule().hosts = {"h:*"};
         w.space().host_rates = {AlertRate{"h:1", 1, over ? 3.1 : 3.0}, AlertRate{"other:1", 1, 9}};
       }},
      {AlertWhen::kPending, [](Watch& w, bool over) { w.space().pending = over ? 100'001 : 100'000; }},
      {AlertWhen::kDiskFree, [](Watch& w, bool over) { w.figures().disk_free_bytes = over ? 4.9e9 : 5e9; }},
      {AlertWhen::kMemory, [](Watch& w, bool over) { w.figures().memory_bytes = over ? 4.1e9 : 4e9; }},
      {AlertWhen::kCpu, [](Watch& w, bool over) { w.figures().cpu_percent = over ? 91 : 90; }},
      {AlertWhen::kBreakerOpen,
       [](Watch& w, bool over) {
         w.space().hosts = over ? std::vector<AlertHost>{{"h:1", true, "since"}} : std::vector<AlertHost>();
       }},
      {AlertWhen::kLanePaused,
       [](Watch& w, bool over) {
         w.space().lanes = over ? std::vector<AlertLane>{{"bills", 3, {}, "by hand"}} : std::vector<AlertLane>();
       }},
      {AlertWhen::kCommitP99, [](Watch& w, bool over) { w.figures().commit_p99_ms = over ? 101 : 100; }},
      {AlertWhen::kScheduleMissed, happens(AlertWhen::kScheduleMissed)},
      {AlertWhen::kSkipped, happens(AlertWhen::kSkipped)},
      {AlertWhen::kQuota,
       [](Watch& w, bool over) {
         w.space().quota_percent = over ? 90 : 89;
         w.space().quota = "max_pending";
       }},
      {AlertWhen::kBackupAge, [](Watch& w, bool over) { w.figures().backup_age_ms = over ? 26 * 3'600'000 + 1 : 0; }},
      {AlertWhen::kNoStandby, [](Watch& w, bool over) { w.figures().no_standby = over ? 1 : 0; }},
  };
  return kinds;
}

}  // namespace

TEST_CASE("alerts: each kind fires once it was so for long enough, repeats, and says over a restart that it is over") {
  for (const AlertKind& kind : AlertKinds()) {
    INFO(kind.word);
    CHECK(ParseAlertWhen(kind.word) == kind.when);
    const Set& set = Kinds().at(kind.when);
    Watch watch(RuleOf(kind.when));
    set(watch, false);
    CHECK(watch.Pass(60).empty());
    CHECK(watch.state().causes.empty());
    set(watch, true);
    CHECK(watch.Pass(15).empty());  // for, and what else fires
    CHECK(watch.Pass(2) == std::vector{What::kFiring});
    CHECK(watch.news().firing_count == 1);
    CHECK(watch.Pass(3'598).empty());
    CHECK(watch.Pass(3) == std::vector{What::kRepeat});
    watch.Restart();
    CHECK(watch.Pass(5).empty());
    set(watch, false);
    CHECK(watch.Pass(5).empty());
    CHECK(watch.Pass(2) == std::vector{What::kOver});
    CHECK(watch.news().ended_count == 1);
    CHECK(watch.news().firing_count == 0);
    CHECK_FALSE(watch.state().firing());
    CHECK(watch.Pass(8'000).empty());
  }
}

TEST_CASE("alerts: what is so for less than its time says nothing, and is not added up") {
  Watch watch(RuleOf(AlertWhen::kPending));
  for (int i = 0; i < 5; ++i) {
    watch.space().pending = 200'000;
    CHECK(watch.Pass(9).empty());
    watch.space().pending = 0;
    CHECK(watch.Pass(1).empty());
  }
  CHECK(watch.state().causes.empty());
  // The time that it was so goes on over a restart.
  watch.space().pending = 200'000;
  watch.Pass(8);
  watch.Restart();
  CHECK(watch.Pass(10) == std::vector{What::kFiring});
}

TEST_CASE("alerts: what fired and is over before its message was sent is told twice: that it fires, that it is over") {
  AlertRule rule = RuleOf(AlertWhen::kPending);
  rule.for_ms = 0;
  Watch watch(rule);
  watch.space().pending = 200'000;
  CHECK(watch.Pass(1).empty());
  watch.space().pending = 0;
  CHECK(watch.Pass(20) == std::vector{What::kFiring, What::kOver});
}

TEST_CASE("alerts: what is over for less than a message waits is no news") {
  AlertRule rule = RuleOf(AlertWhen::kPending);
  rule.for_ms = rule.repeat_ms = 0;
  Watch watch(rule);
  watch.space().pending = 200'000;
  CHECK(watch.Pass(10) == std::vector{What::kFiring});
  for (int i = 0; i < 20; ++i) {
    watch.space().pending = 0;
    CHECK(watch.Pass(3).empty());
    watch.space().pending = 200'000;
    CHECK(watch.Pass(10).empty());
  }
}

TEST_CASE("alerts: a storm of a thousand causes, that begin one after the other, makes one message; its end another") {
  AlertRule rule = RuleOf(AlertWhen::kBreakerOpen);
  rule.for_ms = 0;
  Watch watch(rule);
  watch.space().hosts.emplace();
  std::vector<What> said;
  for (int second = 0; second < 5; ++second) {
    for (int i = 0; i < 200; ++i) watch.space().hosts->push_back({"h" + std::to_string(second * 200 + i) + ":80", true, {}});
    for (What what : watch.Pass(1)) said.push_back(what);
  }
  for (What what : watch.Pass(60)) said.push_back(what);
  CHECK(said == std::vector{What::kFiring});
  CHECK(watch.news().firing_count == 1'000);
  CHECK(watch.news().firing.size() == kMostCausesShown);
  // One more than is kept is counted.
  watch.space().hosts->push_back({"z:80", true, {}});
  watch.Pass(1);
  CHECK(watch.state().causes.size() == kMostAlertCauses);
  CHECK(watch.state().unkept == 1);
  watch.space().hosts->clear();
  CHECK(watch.Pass(60) == std::vector{What::kOver});
  CHECK(watch.news().ended_count == 1'000);
}

TEST_CASE("alerts: one that comes and goes all day is said less and less often") {
  AlertRule rule = RuleOf(AlertWhen::kBreakerOpen);
  rule.for_ms = 0;
  rule.repeat_ms = 0;
  Watch watch(rule);
  watch.space().hosts = {AlertHost{"always:80", true, {}}};
  size_t said = 0;
  for (int i = 0; i < 600; ++i) {
    watch.space().hosts->resize(1);
    if (i % 2 == 0) watch.space().hosts->push_back({"h" + std::to_string(i) + ":80", true, {}});
    said += watch.Pass(6).size();
  }
  CHECK(said >= 10);
  CHECK(said <= 3'600 / 300 + 8);
}

TEST_CASE("alerts: one that comes and goes altogether is told as one that goes on, over a restart too, until it was calm for an hour") {
  AlertRule rule = RuleOf(AlertWhen::kPending);
  rule.for_ms = rule.repeat_ms = 0;
  Watch watch(rule);
  const auto flap = [&watch](int times) {
    std::vector<What> said;
    for (int i = 0; i < times; ++i) {
      for (uint64_t pending : {200'000, 0}) {
        watch.space().pending = pending;
        for (What what : watch.Pass(15)) said.push_back(what);
      }
    }
    return said;
  };
  // The first time it is told at once, its end, too.
  CHECK(flap(1) == std::vector{What::kFiring, What::kOver});
  const size_t said = flap(60).size();
  watch.Restart();
  const size_t more = flap(60).size();
  CHECK(said >= 2);
  CHECK(said + more <= 3'600 / 300 + 8);
  // What was told to fire is told to be over in the end.
  watch.space().pending = 0;
  watch.Pass(4'000);
  CHECK_FALSE(watch.state().firing());
  CHECK(flap(1) == std::vector{What::kFiring, What::kOver});
}

TEST_CASE("alerts: a rule that is about something else by now is another alert, and nothing is said of what fired before") {
  Watch watch(RuleOf(AlertWhen::kPending));
  watch.space().pending = 200'000;
  CHECK(watch.Pass(30) == std::vector{What::kFiring});
  watch.state().undelivered = {NotifyId{5}};
  watch.Restart();
  watch.rule().when = AlertWhen::kDiskFree;
  watch.rule().threshold = 5e9;
  watch.figures().disk_free_bytes = 9e9;
  CHECK(watch.Pass(60).empty());
  CHECK_FALSE(watch.state().firing());
  CHECK(watch.state().causes.empty());
  CHECK(watch.state().undelivered.size() == 1);
  watch.figures().disk_free_bytes = 1;
  CHECK(watch.Pass(30) == std::vector{What::kFiring});
}

TEST_CASE("alerts: a detail that is too long is cut between two characters") {
  AlertRule rule = RuleOf(AlertWhen::kLanePaused);
  rule.for_ms = rule.group_ms = 0;
  Watch watch(rule);
  std::string reason;
  for (int i = 0; i < 100; ++i) reason += "\u90e8";
  for (const char* before : {"", "a", "ab"}) {
    watch.space().lanes = {{"bills", 0, {}, before + reason}};
    watch.Pass(1);
    const std::string& detail = watch.state().causes.begin()->second.detail;
    CHECK(IsValidUtf8(detail));
    CHECK(detail.size() > 190);
    CHECK(detail.size() <= 200);
  }
}

TEST_CASE("alerts: what is not known goes on as it was: a broker that has just begun says of nothing that it is over") {
  // That the last attempts failed holds for a day, in which nothing need be sent; how many of them did not for longer than they count.
  for (auto [when, seconds] : {std::pair(AlertWhen::kFailedRate, 600), {AlertWhen::kFailing, 86'400}}) {
    AlertRule rule = RuleOf(when);
    rule.repeat_ms = 0;
    Watch failing(rule);
    Kinds().at(when)(failing, true);
    CHECK(failing.Pass(90) == std::vector{What::kFiring});
    failing.Restart();
    failing.attempts().clear();
    failing.figures().attempts[0].since = failing.now();
    CHECK(failing.Pass(seconds).empty());
    CHECK(failing.Pass(10) == std::vector{What::kOver});
  }

  Watch paused(RuleOf(AlertWhen::kLanePaused));
  Kinds().at(AlertWhen::kLanePaused)(paused, true);
  CHECK(paused.Pass(30) == std::vector{What::kFiring});
  paused.space().lanes.reset();
  CHECK(paused.Pass(100).empty());
  paused.figures().spaces.clear();  // the namespace is gone
  CHECK(paused.Pass(10) == std::vector{What::kOver});

  // Callers and hosts are counted anew from a start on, and nobody has come yet.
  Watch ratio(RuleOf(AlertWhen::kRateRatio));
  Kinds().at(AlertWhen::kRateRatio)(ratio, true);
  CHECK(ratio.Pass(30) == std::vector{What::kFiring});
  ratio.Restart();
  ratio.space().knows_day_before = false;
  ratio.space().host_rates.emplace();
  CHECK(ratio.Pass(100).empty());
  ratio.space().host_rates = {AlertRate{"h:1", 1, {}}};
  CHECK(ratio.Pass(100).empty());
  ratio.space().knows_day_before = true;
  CHECK(ratio.Pass(10) == std::vector{What::kOver});

  Watch disk(RuleOf(AlertWhen::kDiskFree));
  disk.figures().disk_free_bytes = 1;
  CHECK(disk.Pass(30) == std::vector{What::kFiring});
  disk.figures().disk_free_bytes.reset();
  CHECK(disk.Pass(100).empty());
}

/// Figures that are below the threshold because they were counted for too short, and such that are though they were: empty where there are none.
struct Young {
  AlertWhen when;
  int seconds;  // so long they say nothing
  std::function<void(Watch&)> few, evidence;
};
std::vector<Young> YoungKinds() {
  auto attempts = [](uint64_t attempts, uint64_t failed, uint64_t in_a_row, bool succeeded) {
    return [=](Watch& w) {
      w.attempts() = {Attempts("h:1", attempts, failed)};
      w.attempts()[0].failed_in_a_row = in_a_row;
      w.attempts()[0].succeeded = succeeded;
    };
  };
  auto happened = [](AlertWhen when) { return [=](Watch& w) { w.figures().happenings = {{when, "orders", "nightly", "not_running", 1}}; }; };
  return {
      {AlertWhen::kFailing, 86'400, attempts(1, 1, 1, false), attempts(2, 1, 1, true)},
      {AlertWhen::kFailedRate, 300, attempts(9, 9, 9, false), attempts(10, 5, 0, true)},
      {AlertWhen::kSlow, 300, attempts(9, 0, 0, true), attempts(10, 0, 0, true)},
      {AlertWhen::kLatenessP99, 60, [](Watch& w) { w.space().lateness_p99_ms = 0; }, {}},
      {AlertWhen::kRate,
       60,
       [](Watch& w) {
         w.space().callers = {AlertRate{"shop", 1, {}}};
       },
       {}},
      {AlertWhen::kCommitP99, 60, [](Watch& w) { w.figures().commit_p99_ms = 0; }, {}},
      {AlertWhen::kBreakerOpen, 3'600, [](Watch& w) { w.space().hosts.emplace(); },
       [](Watch& w) {
         w.space().hosts = {{"h:1", false, {}}};
       }},
      {AlertWhen::kScheduleMissed, 600, happened(AlertWhen::kScheduleMissed), {}},
      {AlertWhen::kSkipped, 600, happened(AlertWhen::kSkipped), {}},
  };
}

TEST_CASE("alerts: what was counted for less than it looks back does not say that it is over, unless something else does; nor that it begins") {
  for (const Young& young : YoungKinds()) {
    INFO(KindOf(young.when).word);
    for (const bool evidence : {false, true}) {
      if (evidence && !young.evidence) continue;
      AlertRule rule = RuleOf(young.when);
      rule.repeat_ms = rule.for_ms = 0;
      if (young.when == AlertWhen::kScheduleMissed || young.when == AlertWhen::kSkipped) rule.threshold = 2;
      Watch watch(rule);
      Kinds().at(young.when)(watch, true);
      CHECK(watch.Pass(90) == std::vector{What::kFiring});
      watch.Restart();
      watch.figures().attempts[0].since = watch.figures().happenings_since = watch.now();
      young.few(watch);
      CHECK(watch.Pass(young.seconds - 1).empty());
      // It goes on, and is no new one.
      Kinds().at(young.when)(watch, true);
      CHECK(watch.Pass(30).empty());
      watch.figures().attempts[0].since = watch.figures().happenings_since = watch.now();
      (evidence ? young.evidence : young.few)(watch);
      CHECK(watch.Pass(evidence ? 10 : young.seconds + 10) == std::vector{What::kOver});

      Watch calm(rule);
      calm.figures().attempts[0].since = calm.figures().happenings_since = calm.now();
      young.few(calm);
      CHECK(calm.Pass(young.seconds + 10).empty());
    }
  }
}

TEST_CASE("alerts: what the file takes out of an alert is over at once, though nobody has tried it since") {
  for (AlertWhen when : {AlertWhen::kFailing, AlertWhen::kFailedRate, AlertWhen::kSlow, AlertWhen::kSkipped}) {
    AlertRule rule = RuleOf(when);
    rule.for_ms = rule.group_ms = 0;
    Watch watch(rule);
    Kinds().at(when)(watch, true);
    CHECK(watch.Pass(1) == std::vector{What::kFiring});
    // Nothing is known of what was there before: neither that it goes on nor that it ended.
    watch.attempts().clear();
    watch.figures().happenings.clear();
    watch.figures().attempts[0].since = watch.figures().happenings_since = watch.now();
    CHECK(watch.Pass(20).empty());
    watch.rule().namespaces = {"shop"};
    CHECK(watch.Pass(1) == std::vector{What::kOver});
  }
}

TEST_CASE("alerts: filters take what they name") {
  AlertRule rule = RuleOf(AlertWhen::kLanePaused);
  rule.for_ms = rule.group_ms = 0;
  rule.namespaces = {"ord*"};
  rule.lanes = {"bills", "x*"};
  Watch watch(rule);
  watch.space().lanes = {{"bills", 0, {}, "p"}, {"mails", 0, {}, "p"}, {"xy", 0, {}, "p"}};
  watch.figures().spaces.push_back({.name = "shop"});
  watch.figures().spaces[1].lanes = {{"bills", 0, {}, "p"}};
  CHECK(watch.Pass(1) == std::vector{What::kFiring});
  CHECK(watch.news().firing_count == 2);
  CHECK(watch.news().firing[0].cause == AlertCause{.space = "orders", .lane = "bills"});
}

TEST_CASE("alerts: the state of an alert has these bytes") {
  AlertState state;
  state.when = AlertWhen::kCpu;
  state.ends = 7;
  state.firing_since = {1};
  state.changed_at = {2};
  state.last_message_at = {3};
  state.last_message = "firing";
  state.messages = 4;
  state.undelivered = {NotifyId{5}};
  state.causes[{.space = "s", .lane = "l", .host = "h", .caller = "c", .object = "o"}] = {{6}, true, true, false, 1.5, "d"};
  const std::string bytes = EncodeAlertState(state);
  const std::string first(
      "\x01\x02\x04\x06\x06"
      "firing\x04\x01\x05\x01\x01s\x01l\x01h\x01"
      "c\x01o\x03\x0c\x3f\xf8\x00\x00\x00\x00\x00\x00\x01"
      "d",
      37);
  CHECK(bytes ==
        "\x02\x03"
        "cpu\x07" +
            first.substr(1));
  // A version before kept neither what it is about nor how often it ended.
  const AlertState before = *DecodeAlertState(first);
  CHECK_FALSE(before.when);
  CHECK(before.ends == 0);
  CHECK(EncodeAlertState(before) == std::string("\x02\x00\x00", 3) + first.substr(1));
  CHECK(DecodeAlertState(bytes)->told.empty());
  state.told = {"mail:a@b#1", "wecom:h#2"};
  const std::string with_targets = EncodeAlertState(state);
  CHECK(with_targets ==
        "\x02\x18"
        "cpu\nmail:a@b#1\nwecom:h#2\x07" +
            first.substr(1));
  CHECK(DecodeAlertState(with_targets)->told == state.told);
  CHECK(DecodeAlertState(with_targets)->when == AlertWhen::kCpu);
  const AlertState read = *DecodeAlertState(bytes);
  CHECK(EncodeAlertState(read) == bytes);
  CHECK_FALSE(DecodeAlertState(bytes.substr(0, bytes.size() - 1)).ok());
  CHECK_FALSE(DecodeAlertState(bytes + "x").ok());
  CHECK_FALSE(DecodeAlertState("").ok());
}

namespace {

AlertMessage Storm(const AlertRule& rule, size_t causes, const std::string& lane) {
  AlertNews news;
  news.rule = &rule;
  news.firing_count = news.new_count = 1'000;
  for (size_t i = 0; i < causes; ++i) news.firing.push_back({{.space = "orders", .lane = lane + std::to_string(i)}, {0}, 1, "by hand"});
  return {"host-1", {1'700'000'000'000}, {news}};
}

std::string At(const std::string& body, const std::string& key, const std::string& inner) {
  Result<JsonTree> tree = JsonTree::Parse(body);
  REQUIRE(tree.ok());
  std::string found;
  tree->root().ForEach([&](JsonTree::Value name, JsonTree::Value value) {
    if (name.text() != key) return;
    value.ForEach([&](JsonTree::Value inner_name, JsonTree::Value text) {
      if (inner_name.text() == inner) found = text.text();
    });
  });
  return found;
}

}  // namespace

TEST_CASE("alerts: WeCom's text is at most 2,048 bytes of UTF-8, whatever names are in it, and says what was left out") {
  const AlertRule rule = RuleOf(AlertWhen::kLanePaused);
  std::string lane;
  for (int i = 0; i < 80; ++i) lane += "\xe6\xa0\x88";  // 240 bytes
  const std::string text = At(AlertBody(AlertTarget::Kind::kWecom, "", Storm(rule, kMostCausesShown, lane)), "markdown", "content");
  CHECK(text.size() <= kWecomMostBytes);
  CHECK(text.size() > 1'200);
  CHECK(text.find("[FIRING] a") != std::string::npos);
  CHECK(text.find("lines more") != std::string::npos);
}

TEST_CASE("alerts: names that submitters chose are no markup to any robot") {
  const AlertRule rule = RuleOf(AlertWhen::kLanePaused);
  const AlertMessage message = Storm(rule, 1, "<@everyone>[x](http://evil)\n**\x1b[2J");
  for (AlertTarget::Kind kind : {AlertTarget::Kind::kWecom, AlertTarget::Kind::kDingtalk}) {
    const std::string text = At(AlertBody(kind, "", message), "markdown", kind == AlertTarget::Kind::kWecom ? "content" : "text");
    CHECK(text.find("<@") == std::string::npos);
    CHECK(text.find("](http") == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
  }
  const std::string feishu = At(AlertBody(AlertTarget::Kind::kFeishu, "", Storm(rule, 1, "<at user_id=\"all\">all</at>")), "content", "text");
  CHECK(feishu.find_first_of("<>") == std::string::npos);
  CHECK(feishu.find("\uFF1Cat user_id=\"all\"\uFF1E") != std::string::npos);
  const std::string slack = AlertBody(AlertTarget::Kind::kSlack, "", message);
  CHECK(slack.find("<@") == std::string::npos);
  CHECK(slack.find("&lt;") != std::string::npos);
}

TEST_CASE("alerts: what each kind of target is sent, and what answer means that it was taken") {
  const AlertRule rule = RuleOf(AlertWhen::kOldestDueAge);
  AlertMessage message = Storm(rule, 1, "bills");
  message.news[0].firing[0].value = 75'000;
  message.news[0].firing[0].detail.clear();
  const std::string hook = AlertBody(AlertTarget::Kind::kWebhook, "", message);
  CHECK(hook.find(R"("name":"a","state":"firing","when":"oldest_due_age","threshold":60000)") != std::string::npos);
  CHECK(hook.find(R"({"namespace":"orders","lane":"bills0","since":"1970-01-01T00:00:00.000Z","value":75000})") != std::string::npos);
  CHECK(AlertBody(AlertTarget::Kind::kLog, "/order/charge", message) == R"({"uri":"/order/charge","level":"FATAL"})");
  const std::string mail = AlertBody(AlertTarget::Kind::kMail, "", message);
  CHECK(mail.substr(0, mail.find('\n')) == "[FIRING] a");
  CHECK(mail.find("orders lane bills0: 75 s") != std::string::npos);
  CHECK_FALSE(At(AlertBody(AlertTarget::Kind::kFeishu, "", message), "content", "text").empty());

  auto taken = [](AlertTarget::Kind kind, const char* body) { return MatchPattern(ExpectationOf(kind), {200, body, true}) == Match::kYes; };
  CHECK(taken(AlertTarget::Kind::kWecom, R"({"errcode":0,"errmsg":"ok"})"));
  CHECK_FALSE(taken(AlertTarget::Kind::kWecom, R"({"errcode":45009,"errmsg":"ok, not"})"));
  CHECK_FALSE(taken(AlertTarget::Kind::kDingtalk, R"({"errcode":310000})"));
  CHECK(taken(AlertTarget::Kind::kFeishu, R"({"code":0,"msg":"success"})"));
  CHECK_FALSE(taken(AlertTarget::Kind::kFeishu, R"({"code":19021,"msg":"sign match fail"})"));
  CHECK(taken(AlertTarget::Kind::kSlack, "ok"));
  CHECK(taken(AlertTarget::Kind::kSlack, "ok\n"));
  for (const char* not_it : {"no_service", "not ok", "invalid_token", "{\"ok\":false}", "<html>accept our cookies</html>", ""})
    CHECK_FALSE(taken(AlertTarget::Kind::kSlack, not_it));
  CHECK(taken(AlertTarget::Kind::kWebhook, ""));
}

TEST_CASE("alerts: a target's id shows nothing of what may be secret, and differs where the address does") {
  const std::string a = AlertTargetId(AlertTarget::Kind::kWecom, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abc", "qyapi.weixin.qq.com");
  const std::string b = AlertTargetId(AlertTarget::Kind::kWecom, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abd", "qyapi.weixin.qq.com");
  CHECK(a.starts_with("wecom:qyapi.weixin.qq.com#"));
  CHECK(a != b);
  CHECK(a.find("abc") == std::string::npos);
}
