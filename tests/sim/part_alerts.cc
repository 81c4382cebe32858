// An alert about a figure that goes up and down (contract section 17): it is told of once each time that it fires, and once that it is over.
#include "broker/alert_events.h"
#include "broker/alert_records.h"
#include "sim/flow_part.h"

namespace notifyd::sim {
namespace {

constexpr double kLeastFree = 100;
constexpr int64_t kEachMs = 1'000;

bool Says(const NotifyRecord& record, const char* state) {
  Result<NotifySpec> spec = DecodeSpec(*record.spec);
  return spec.ok() && spec->payload.find(std::string("\"state\":\"") + state + "\"") != std::string::npos;
}

class AlertsPart : public FlowPart {
 public:
  using FlowPart::FlowPart;

  void Begin() override {
    auto target = std::make_shared<AlertTarget>();
    target->address = "https://alerts.test/hook";
    target->id = AlertTargetId(target->kind, target->address, "alerts.test");
    target_ = target->id;
    AlertRule rule;
    rule.name = "disk";
    rule.when = AlertWhen::kDiskFree;
    rule.threshold = kLeastFree;
    rule.for_ms = random_.Chance(0.5) ? Between(1, 1'500) : 0;
    rule.group_ms = random_.Chance(0.5) ? Between(1, 1'500) : 0;
    rule.to.push_back(std::move(target));
    settings_ = std::make_shared<const AlertSettings>(AlertSettings{{std::move(rule)}, "sim"});
    for (int64_t at = Between(0, 3'000); at < world_.busy_ms; at += Between(1'000, 9'000)) Low(at);
    Judge(0);
  }

  /// Once more, where nothing crashes: that is told of for certain.
  void OnCalm() override {
    last_low_ = t() + 12'000;  // nothing may run for a while first
    low_.emplace_back(last_low_, last_low_ + 6'000);
  }

  /// Its receiver refuses nothing for good.
  void OnStart(const StartAttempt& attempt, AttemptResult* result) override {
    if (attempt.envelope->lane.name == target_ && result->verdict == Verdict::kFatal) result->verdict = Verdict::kFailure;
  }

  void Spoil(WriteBatch* batch) override {
    if (world_.mutation == Mutation::kAlertTwice)
      std::erase_if(batch->ops, [&](const WriteOp& op) {
        const auto* put = std::get_if<PutRecord>(&op);
        return put && put->key.kind == RecordKind::kAlert && random_.Chance(0.5);
      });
    if (world_.mutation == Mutation::kUnendedAlert)
      std::erase_if(batch->ops, [&](const WriteOp& op) {
        const auto* put = std::get_if<PutNotify>(&op);
        return put && put->record->envelope->lane.name == target_ && Says(*put->record, "over") && random_.Chance(0.5);
      });
  }

  void Check(const FakeImage& image) override {
    bool fires = false;
    uint64_t told = 0;
    for (const auto& [id, record] : image.notifies) {
      if (record->envelope->lane.name != target_) continue;
      if (record->state.phase != Phase::kSucceeded) Violation("a message of an alert is not delivered");
      const bool begins = Says(*record, "firing");
      if (begins == fires) return Violation(begins ? "an alert is told of twice that it fires" : "an alert is told of twice that it is over");
      if (!begins && !Says(*record, "over")) return Violation("a message of an alert says neither that it fires nor that it is over");
      fires = begins;
      told += begins;
    }
    if (fires) Violation("an alert fires, and is never told to be over");
    if (told == 0) Violation("an alert fired, and nobody was told");
    if (told > low_.size())
      Violation("an alert is told of " + std::to_string(told) + " times, and its figure was low " + std::to_string(low_.size()) + " times");
    world_.tally->alerts += told;
  }

 private:
  void Low(int64_t at) { low_.emplace_back(at, at + Between(500, 8'000)); }
  bool IsLow() const {
    return std::any_of(low_.begin(), low_.end(), [this](const auto& each) { return each.first <= t() && t() < each.second; });
  }
  void Judge(int64_t at) {
    AskAt(
        at,
        [this](RequestId id) {
          auto figures = std::make_shared<AlertFigures>();
          figures->settings = settings_;
          figures->disk_free_bytes = IsLow() ? kLeastFree / 2 : 2 * kLeastFree;
          AlertRequest request;
          request.request = id;
          request.ask = std::make_shared<const AlertAsk>(AlertAsk{std::shared_ptr<const AlertFigures>(std::move(figures))});
          return Event(std::move(request));
        },
        [this](const Reply& reply) {
          const auto* answered = Expect<AlertAnswered>(reply, "figures of alerts");
          const auto* judged = answered ? std::get_if<AlertsJudged>(&answered->answer->what) : nullptr;
          if (!judged) return;
          const bool over = world_.calm && t() > last_low_ + 8'000 && judged->firing == 0;
          if (!over) Judge(t() + kEachMs);
        });
  }

  std::string target_;
  std::shared_ptr<const AlertSettings> settings_;
  std::vector<std::pair<int64_t, int64_t>> low_;
  int64_t last_low_ = 0;
};

}  // namespace

std::unique_ptr<FlowPart> MakeAlertsPart(FlowWorld* world, uint64_t seed) {
  return std::make_unique<AlertsPart>(world, seed);
}

}  // namespace notifyd::sim
