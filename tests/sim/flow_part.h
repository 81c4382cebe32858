// FlowPart: one feature in a run of flows (flows.h): what clients ask of it, what its receivers answer, and what it must come to. Each has random
// numbers of its own, so that what one does is drawn whatever the others do. One thread.
#pragma once

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "broker/events.h"
#include "broker/ports.h"
#include "broker/schedule_records.h"
#include "broker/spec.h"
#include "fakes/fake_image.h"
#include "sim/clock.h"
#include "sim/flows.h"

namespace notifyd::sim {

/// So long after there was no room for it something is asked again.
inline constexpr int64_t kAgainMs = 100;
/// What is refused as the store is away is asked again after this.
inline constexpr int64_t kAskAgainMs = 50;

/// What the parts of a run share.
struct FlowWorld {
  SimClock* clock = nullptr;
  std::vector<Event>* inbox = nullptr;  // of the broker
  uint64_t* next_request = nullptr;
  FlowsOutcome::Tally* tally = nullptr;
  std::function<void(const std::string&)> violation;
  Mutation mutation = Mutation::kNone;
  std::optional<uint64_t> max_pending;  // so small that it is reached; nothing: it is not
  bool calm = false;    // nothing fails any more, and nothing new begins
  int64_t busy_ms = 0;  // so long, from the start, until it is
};

class FlowPart {
 public:
  FlowPart(FlowWorld* world, uint64_t seed) : world_(*world), random_(seed) {}
  virtual ~FlowPart() = default;

  /// Draws what is asked.
  virtual void Begin() = 0;
  /// The broker starts: appends what it is told first.
  virtual void AtBoot(std::vector<Event>*) {}
  virtual void OnCrash() {
    for (auto* asks : {&first_, &asks_})
      for (Ask& ask : *asks) ask.asked = {};
  }
  virtual void OnCalm() {}
  /// An attempt starts, and will end as `result` says, which the part may change where the attempt is its own.
  virtual void OnStart(const StartAttempt&, AttemptResult*) {}
  virtual void OnEnd(const AttemptEnded&) {}
  /// What a store with a fault never gets to see.
  virtual void Spoil(WriteBatch*) {}
  /// All is at rest: what must be there.
  virtual void Check(const FakeImage& image) = 0;

  /// When something is asked next.
  int64_t NextAt() const {
    int64_t next = SimClock::kNever;
    for (const Ask& ask : first_.empty() ? asks_ : first_) {
      if (ask.asked == RequestId()) next = std::min(next, std::max(ask.at, t()));
      if (!first_.empty()) break;
    }
    return next;
  }
  void Act() {
    for (Ask& ask : first_.empty() ? asks_ : first_) {
      if (ask.asked == RequestId() && ask.at <= t()) {
        ask.asked = {0, (*world_.next_request)++};
        world_.inbox->push_back(ask.make(ask.asked));
      }
      if (!first_.empty()) break;
    }
  }
  /// Returns whether it answers one of its requests.
  bool Answered(const Reply& reply) {
    std::list<Ask>& asks = first_.empty() ? asks_ : first_;
    auto ask = std::find_if(asks.begin(), asks.end(), [&](const Ask& each) { return each.asked == reply.request; });
    if (ask == asks.end()) return false;
    const auto* refused = std::get_if<Refused>(&reply.body);
    if (refused && refused->status.code() == Code::kUnavailable) {  // it stops, or its store is away
      ask->asked = {};
      ask->at = t() + kAskAgainMs;
      return true;
    }
    if (refused && refused->status.code() == Code::kTooMany && world_.max_pending) {  // it has its turn once there is room
      ask->asked = {};
      ask->at = t() + kAgainMs;
      return true;
    }
    const Ask answered = std::move(*ask);
    asks.erase(ask);
    answered.take(reply);
    return true;
  }
  /// Nothing is to be asked any more.
  virtual bool Done() const { return first_.empty() && asks_.empty(); }

 protected:
  using Make = std::function<Event(RequestId)>;
  using Take = std::function<void(const Reply&)>;
  int64_t t() const { return world_.clock->t(); }
  WallTime wall() const { return world_.clock->now().wall; }
  int64_t Between(int64_t least, int64_t most) { return least + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(most - least + 1))); }
  void Violation(const std::string& text) { world_.violation(text); }
  /// Asks from `at` on until it is answered, again after each crash.
  void AskAt(int64_t at, Make make, Take take) { asks_.push_back({at, std::move(make), std::move(take), {}}); }
  /// The same at once; all else waits for that, and for those of the kind before it. Called before all else is asked.
  void AskFirst(Make make, Take take) { first_.push_back({0, std::move(make), std::move(take), {}}); }
  /// Says that a reply is not of the kind that it must be.
  template <class T>
  const T* Expect(const Reply& reply, const char* what) {
    const T* body = std::get_if<T>(&reply.body);
    if (body) return body;
    const auto* refused = std::get_if<Refused>(&reply.body);
    Violation(std::string(what) + " has another answer than it must" + (refused ? ": " + refused->status.detail() : ""));
    return nullptr;
  }
  std::shared_ptr<Envelope> EnvelopeOf(const std::string& host, const std::string& lane, Mode mode, uint32_t max_attempts) {
    auto envelope = std::make_shared<Envelope>();
    envelope->host = host;
    envelope->lane = {mode, lane};
    envelope->caller = "c";
    auto retry = std::make_shared<RetryPolicy>();
    retry->max_attempts = max_attempts;
    retry->initial_ms = Between(0, 300);
    retry->max_ms = 600;
    envelope->retry = std::move(retry);
    return envelope;
  }
  static std::shared_ptr<const std::string> SpecOf(const std::string& url, const std::string& key = "") {
    NotifySpec spec;
    spec.url = url;
    spec.idempotency_key = key;
    return std::make_shared<const std::string>(EncodeSpec(spec));
  }

  FlowWorld& world_;
  Random random_;

 private:
  struct Ask {
    int64_t at = 0;
    Make make;
    Take take;
    RequestId asked;
  };
  std::list<Ask> first_, asks_;
};

/// Of a schedule's times each was run once, or counted as missed. Returns false where it is otherwise, which it says; adds to the tally's `missed`.
bool CheckTimes(const std::string& schedule, const Schedule& said, const FakeImage& image, const std::multiset<int64_t>& made,
                const FlowWorld& world);

/// Answers that are kept, and fetched later, or waited for.
std::unique_ptr<FlowPart> MakeAnswersPart(FlowWorld* world, uint64_t seed);
/// Events that are held, brought once more, and made for a subscription that changes while they wait.
std::unique_ptr<FlowPart> MakeHeldPart(FlowWorld* world, uint64_t seed);
std::unique_ptr<FlowPart> MakeReplayPart(FlowWorld* world, uint64_t seed);
std::unique_ptr<FlowPart> MakeApplyPart(FlowWorld* world, uint64_t seed);
/// Schedules that publish, and those by cron.
std::unique_ptr<FlowPart> MakePublishingPart(FlowWorld* world, uint64_t seed);
/// Hosts with caps and pauses that a reload changes, reached by name and as instances of a service with pools and probes.
std::unique_ptr<FlowPart> MakeHostsPart(FlowWorld* world, uint64_t seed);
std::unique_ptr<FlowPart> MakeAlertsPart(FlowWorld* world, uint64_t seed);

}  // namespace notifyd::sim
