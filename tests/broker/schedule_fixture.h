// Schedules over the core: they are put, time passes, and what became of it is seen.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/zone_database.h"
#include "broker/flow.h"
#include "broker/flow_settings.h"
#include "broker/schedule_events.h"
#include "broker/topics_fixture.h"

namespace notifyd {

class ScheduleFixture : public Topics {
 public:
  static constexpr int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;  // in ms
  using CoreFixture::Item;
  using Topics::Tell;

  explicit ScheduleFixture(CoreLimits limits = {}) : Topics(limits) {
    now.wall = *ParseRfc3339("2026-03-01T00:00:30Z");
    Tell();
  }
  /// The core hears where zones come from, as each core does when it begins.
  void Tell(bool strict = false) {
    auto settings = std::make_shared<FlowSettings>();
    settings->strict_topics = strict;
    settings->find_zone = FindSystemZone;
    Post(FlowSettingsChanged{std::move(settings)});
    Run();
  }
  /// A stop of so long, and a new start.
  void Stop(int64_t ms) {
    now.wall.ms += ms;
    now.mono.ms += ms;
    Restart();
    Tell();
  }

  static Schedule Every(int64_t ms) {
    Schedule said;
    said.every_ms = ms;
    return WithTemplate(std::move(said), {});
  }
  static Schedule Cron(const std::string& cron, const std::string& zone = "UTC") {
    Schedule said;
    said.cron = cron;
    said.timezone = zone;
    return WithTemplate(std::move(said), {});
  }
  static Schedule WithTemplate(Schedule said, const Fields& fields) {
    SubmitItem item = Item(fields);
    said.envelope = item.envelope;
    said.spec = item.spec;
    said.when = item.when;
    said.ttl = item.ttl;
    said.on_held = item.on_held;
    return said;
  }
  /// In place of its notify it publishes such an event.
  static Schedule Publishing(Schedule said, const std::string& topic, const std::string& data = "{}", const std::string& fkey = "") {
    auto envelope = std::make_shared<Envelope>();
    envelope->caller = "clock";
    envelope->fkey = fkey;
    said.envelope = envelope;
    NotifySpec spec;
    spec.payload_kind = PayloadKind::kData;
    spec.payload = data;
    said.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    said.topic = topic;
    said.key = "k";
    return said;
  }
  const Reply& Ask(decltype(ScheduleAsk::what) what) {
    ScheduleRequest request;
    request.ask = std::make_shared<const ScheduleAsk>(ScheduleAsk{std::move(what)});
    return Do(std::move(request));
  }
  const Reply& TryPut(const std::string& name, const Schedule& said, ResourceCondition condition = {}) {
    return Ask(SchedulePut{name, std::make_shared<const Schedule>(said), std::move(condition)});
  }
  ScheduleView Put(const std::string& name, const Schedule& said) {
    return std::get<ScheduleViewed>(std::get<ScheduleAnswered>(TryPut(name, said).body).answer->what).schedule;
  }
  ScheduleView Get(const std::string& name) {
    return std::get<ScheduleViewed>(std::get<ScheduleAnswered>(Ask(ScheduleGet{name}).body).answer->what).schedule;
  }
  /// "03-01T00:01" each.
  static std::string Short(WallTime time) { return FormatRfc3339(time).substr(5, 11); }
  std::string Next(const std::string& name, size_t count) {
    std::string out;
    const std::vector<WallTime> next = Get(name).next;
    for (size_t i = 0; i < std::min(count, next.size()); ++i) out += (out.empty() ? "" : " ") + Short(next[i]);
    return out;
  }
  /// What was sent of the schedules, in order, by what time each is for.
  std::string Sent() {
    std::string out;
    for (const StartAttempt& start : std::exchange(sent, {})) out += (out.empty() ? "" : " ") + Short(start.envelope->flow->scheduled_at);
    return out;
  }
  /// Lets all that is in flight succeed.
  void Succeed() {
    while (!starts.empty()) EndFirst(Verdict::kSuccess);
  }
  /// As Pass; all that is sent meanwhile succeeds at once.
  void PassBusy(int64_t ms) {
    const int64_t end = now.wall.ms + ms;
    while (now.wall.ms < end) {
      Pass(std::min<int64_t>(end - now.wall.ms, 60'000));
      Succeed();
    }
  }
  size_t Runs() const {
    size_t runs = 0;
    for (const auto& [key, record] : image().records) runs += key.kind == RecordKind::kRun;
    return runs;
  }
};

inline std::string Outcomes(const ScheduleView& view) {
  std::string out;
  for (const ScheduleRun& run : view.runs) {
    const char* const words[] = {"made", "by_hand", "skipped", "missed"};
    out += (out.empty() ? "" : " ") + std::string(words[static_cast<size_t>(run.outcome)]);
    if (run.outcome == ScheduleRun::Outcome::kMissed) out += "(" + std::to_string(run.count) + "," + run.reason + ")";
  }
  return out;
}

}  // namespace notifyd
