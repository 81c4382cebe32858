// Flows: one run of the simulator of flows (flows.h). One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/random.h"
#include "broker/driver.h"
#include "broker/group_events.h"
#include "broker/schedule_events.h"
#include "broker/service_events.h"
#include "broker/spec.h"
#include "broker/topic_events.h"
#include "fakes/fake_store.h"
#include "sim/clock.h"
#include "sim/flow_part.h"
#include "sim/flows.h"

namespace notifyd::sim {

/// One thing that a client wants, and asks for until it is answered: a service, an instance that stays, a schedule, a group, a subscription, an event
/// or a call of the service.
struct Wish {
  size_t number = 0;
  int64_t at = 0;  // when it is asked
  std::optional<ServiceAsk> service;
  std::optional<GroupPost> group;
  std::optional<SubscriptionPut> subscription;
  std::optional<EventItem> event;
  std::optional<SubmitItem> call;
  std::optional<SchedulePut> schedule;
  std::string tells;                 // a group's callback; empty: none
  std::set<std::string> subscribed;  // an event's: whom it must reach
  RequestId asked;                   // 0: not, or in vain
  NotifyId id;                       // once acknowledged
  bool done = false, withdrawn = false;
  bool retried = false;  // one of the group's members, by hand: then some go out anew, whoever else has or has not
};

/// One that has a ttl, and beats, but for now and then.
struct Beating {
  std::string id;
  int64_t next_at = 0;
  int64_t until = -1;           // it may be called
  std::set<RequestId> unheard;  // beats without an answer
};
constexpr int64_t kTtlMs = 1'000;
constexpr const char* kService = "service://svc";

class Flows : EventSink, ReplySink, Store, Sender {
 public:
  Flows(uint64_t seed, Mutation mutation, Tracing tracing, FlowParts parts);
  FlowsOutcome Go();

 private:
  // The ports, on their way to the store.
  void Commit(WriteBatch batch) override;
  void Load(LoadEffect load) override { store_->Load(std::move(load)); }
  void LoadPage(PageEffect page) override { store_->LoadPage(std::move(page)); }
  void Read(ReadEffect read) override { store_->Read(std::move(read)); }
  void List(ListEffect list) override { store_->List(std::move(list)); }
  void ListLanes(LanesEffect lanes) override { store_->ListLanes(std::move(lanes)); }
  void Start(StartAttempt attempt) override;
  void Post(Event event) override { inbox_.push_back(std::move(event)); }
  void Send(Reply reply) override;

  int64_t t() const { return clock_.t(); }
  int64_t Between(int64_t least, int64_t most) { return least + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(most - least + 1))); }
  void Violation(const std::string& text) {
    if (violations_.size() < 20) violations_.push_back("t=" + std::to_string(t()) + " " + text);
  }
  std::shared_ptr<const Envelope> EnvelopeOf(const std::string& lane, Mode mode);
  static std::shared_ptr<const std::string> SpecOf(const std::string& url);
  void DrawSubscriptions();
  void DrawWishes();
  Wish DrawGroup(size_t number);
  /// Who of the subscriptions must get an event with that number in its data.
  static std::set<std::string> SubscribedTo(const std::string& topic, int64_t n);
  Wish DrawEvent(size_t number);
  void Ask(Wish* wish);
  void Meddle();
  void Beat(Beating* instance);
  Wish DrawCall(size_t number);
  Wish DrawSchedule(const std::string& name, Missed missed, int64_t over_ms);
  void Spoil(WriteBatch* batch);
  void Boot(FakeImage image);
  void Crash();
  /// The store goes away, or is back.
  void ComeOrGo();
  void Run();
  void Pass(int64_t until, bool to_rest);
  void CheckTurn(const StartAttempt& attempt);
  void CheckInstance(const StartAttempt& attempt);
  void NoteFanOut(const std::string& serial, const std::string& what);
  void CheckPromised(const WriteBatch& batch);
  void CheckPending(const FakeImage& image);
  void CheckGroups(const FakeImage& image);
  void CheckEvents(const FakeImage& image);
  void CheckCalls(const FakeImage& image);
  void CheckSchedules(const FakeImage& image);

  const uint64_t seed_;
  const Mutation mutation_;
  Random random_;
  Trace trace_;
  SimClock clock_;
  std::unique_ptr<FakeStore> store_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Driver> driver_;
  std::vector<Event> inbox_;
  std::vector<Wish> wishes_;
  size_t first_ = 0;  // so many wishes, services and subscriptions: all others wait for them
  int64_t last_at_ = 0;
  std::vector<Beating> beating_;
  std::map<std::pair<int64_t, uint64_t>, Event> ends_;  // and, before those, that they reached it
  uint64_t next_end_ = 0, next_request_ = 1, boots_ = 0;
  int64_t crash_at_ = SimClock::kNever, last_tick_ = -1;
  bool fatal_ = false;
  double fails_ = 0.2;
  Random away_random_;  // all else of a seed is drawn without it
  const bool goes_away_;
  bool away_ = false;
  int64_t away_at_ = SimClock::kNever;  // or back
  FlowWorld world_;
  std::vector<std::unique_ptr<FlowPart>> parts_;
  int64_t next_look_ = 0;                     // at how many are pending
  std::map<NotifyId, uint64_t> wanted_;       // events: how many of the subscriptions must get it
  std::map<std::string, uint64_t> fan_outs_;  // by the agenda's serial: so many notifies are still to be made, at least
  std::map<NotifyId, size_t> furthest_;  // of sequential groups: the last place that started
  std::vector<std::string> violations_;
  FlowsOutcome::Tally tally_;
};

}  // namespace notifyd::sim
