#include "sim/several.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/check.h"
#include "broker/driver.h"
#include "broker/flow_settings.h"
#include "broker/governor.h"
#include "broker/shared_caps.h"
#include "sim/auditor.h"
#include "sim/describe.h"
#include "sim/receiver.h"
#include "sim/space.h"
#include "sim/workload.h"

namespace notifyd::sim {
namespace {

class Several : public SpaceHost, StoreEvents {
 public:
  Several(uint64_t seed, Mutation mutation, Tracing tracing);
  SeveralOutcome Go();

  // ---- SpaceHost
  FakeStore* store() override { return store_.get(); }
  Random& random() override { return random_; }
  Mutation mutation() const override { return mutation_; }
  Trace& trace() override { return trace_; }
  int64_t t() const override { return clock_.t(); }
  void OnStarted() override;

 private:
  // ---- StoreEvents
  void OnRegistryCommitted(uint64_t number) override;
  void OnWriteFailed(Status) override {}

  int64_t Soon(int64_t mean_ms) {
    return mean_ms == 0 ? SimClock::kNever : t() + 1 + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(2 * mean_ms)));
  }
  bool Failed() const {
    return !violations_.empty() || std::any_of(spaces_.begin(), spaces_.end(), [](const auto& s) { return !s->auditor.violations().empty(); });
  }
  void Violation(const std::string& text) { violations_.push_back("t=" + std::to_string(t()) + " " + text); }
  Space* Find(NamespaceNumber number);
  void AdvanceTo(int64_t t);
  int64_t NextMoment() const;
  void Happen();
  void CallGovernor(const std::function<void(Governor::Out*)>& call);
  static CoreUsage GivenBack(const Space* space);
  void Lend(const Governor::Lent& lent);
  void CallCaps(const std::function<void(SharedCaps::Out*)>& call);
  void DeliverGrants(Space* space);
  void WakeUp(Space* space);
  void Run(Space* space);
  void AfterRun(Space* space);
  void FallAsleep(Space* space, WallTime until);
  void BeginRemoval(Space* space);
  void EndRemoval(Space* space);
  void Boot(FakeDisk disk, int64_t down_ms);
  void Crash(CrashKind kind);
  bool AllDrained() const;
  template <class Done>
  void Pass(int64_t most_ms, Done done);
  void ResumeLanes();
  void LookAtTheEnd(Space* space);
  void Finale();

  const Profile shared_;  // the store, the crashes and the clock's steps are its
  const Mutation mutation_;
  Random random_;
  Trace trace_;
  SimClock clock_;
  Governor governor_;
  uint32_t cap_;
  SharedCaps caps_;
  std::shared_ptr<const FlowSettings> flow_;  // a rule for kSharedHost, or null
  std::unique_ptr<FakeStore> store_;
  std::vector<std::unique_ptr<Space>> spaces_;
  std::optional<FakeDisk> down_;
  int64_t down_at_ = 0, up_at_ = 0, last_look_ = 0, idle_moments_ = 0;
  int64_t crash_at_ = SimClock::kNever, wall_step_at_ = SimClock::kNever, remove_at_ = SimClock::kNever;
  uint64_t boots_ = 0, registry_batch_ = 0, runs_ = 0;
  bool calm_ = false, stopping_ = false;
  std::map<uint64_t, NamespaceNumber> dropping_;  // by batch
  std::vector<std::string> violations_;
  SeveralOutcome::Tally tally_;
};

/// At which all namespaces together have no more in flight than a rule says, in half of the seeds.
const std::string kSharedHost = "h0.test:80";

std::shared_ptr<const FlowSettings> FlowOf(uint64_t seed) {
  if (seed % 2 == 1) return nullptr;
  auto flow = std::make_shared<FlowSettings>();
  HostRule rule;
  rule.place = 1;
  rule.match = *UrlPattern::Parse("h0.test");
  rule.concurrency = static_cast<uint32_t>(1 + seed % 5);
  rule.shared = true;
  flow->hosts.push_back(std::move(rule));
  return flow;
}

uint32_t CapOf(const Profile& shared, size_t spaces) {
  // Mostly each that wants all finds enough; now and then there are so few that they wait for each other's.
  return static_cast<uint32_t>(shared.seed % 3 == 0 ? spaces + shared.seed % 8 : spaces * 40 + shared.seed % 40);
}

size_t SpacesOf(uint64_t seed) {
  return 2 + seed % 4;
}

Several::Several(uint64_t seed, Mutation mutation, Tracing tracing)
    : shared_(SharedProfile(seed)),
      mutation_(mutation),
      random_(seed * 131 + 17),
      trace_(tracing),
      governor_({CapOf(shared_, SpacesOf(seed)), 200 * SpacesOf(seed)}),
      cap_(CapOf(shared_, SpacesOf(seed))),
      flow_(FlowOf(seed)) {
  Governor::Out out;
  governor_.SetShared(true, &out);
  for (size_t i = 0; i < SpacesOf(seed); ++i) {
    // default, and others whose numbers lie far apart.
    const auto number = static_cast<NamespaceNumber>(i == 0 ? 0 : i == 3 ? kMostNumber : 1 + i * 7);
    spaces_.push_back(std::make_unique<Space>(this, SpaceProfile(shared_, number, cap_, 200 * SpacesOf(seed)), clock_));
  }
}

void Several::OnStarted() {
  uint64_t in_flight = 0;
  for (const auto& space : spaces_) in_flight += space->auditor.in_flight();
  tally_.at_cap += 4 * in_flight >= 3 * cap_;  // the reserve keeps some free
  if (in_flight > cap_) Violation("P4 the broker has " + std::to_string(in_flight) + " calls in flight in all, more than " + std::to_string(cap_));
  if (!flow_) return;
  uint32_t shared = 0;
  const uint32_t most = *flow_->hosts[0].concurrency;
  for (const auto& space : spaces_) shared += space->auditor.in_flight_at(kSharedHost);
  tally_.at_shared_cap += shared == most;
  if (shared > most) Violation("P4 a host of a shared rule has " + std::to_string(shared) + " calls in flight, more than " + std::to_string(most));
}

Space* Several::Find(NamespaceNumber number) {
  for (auto& space : spaces_)
    if (space->number() == number) return space.get();
  CHECK(false);
  return nullptr;
}

// ---- the governor

void Several::CallGovernor(const std::function<void(Governor::Out*)>& call) {
  Governor::Out out;
  call(&out);
  for (size_t i = 0; i < out.size(); ++i) {
    Lend(out[i]);
    Space* space = Find(out[i].to);
    const bool lowered = out[i].grant.max_in_flight < space->lent;
    space->lent = out[i].grant.max_in_flight;
    space->grant = out[i].grant.number;
    tally_.taken_back += lowered;
    if (lowered && mutation_ == Mutation::kLentEarly) governor_.Report(out[i].to, GivenBack(space), &out);
  }
  governor_.CheckInvariants();
}

/// What the core said last, as if it had given back at once whatever was taken back.
CoreUsage Several::GivenBack(const Space* space) {
  CoreUsage lie = space->usage;
  lie.grant = space->grant;
  lie.in_flight = std::min(lie.in_flight, space->lent);
  return lie;
}

void Several::Lend(const Governor::Lent& lent) {
  ++tally_.grants;
  Space* space = Find(lent.to);
  // The first one is there before anything else.
  if (!std::exchange(space->lent_once, true)) space->inbox.insert(space->inbox.begin(), lent.grant);
  else space->grants.emplace_back(std::max(space->last_grant_at, t() + static_cast<int64_t>(random_.Below(6))), lent.grant);
  if (!space->grants.empty()) space->last_grant_at = space->grants.back().first;
}

void Several::CallCaps(const std::function<void(SharedCaps::Out*)>& call) {
  SharedCaps::Out out;
  call(&out);
  for (size_t i = 0; i < out.size(); ++i) {
    ++tally_.shared_grants;
    const SharedGrant& grant = out[i].grant;
    Space* space = Find(out[i].to);
    space->last_shared_grant_at = std::max(space->last_shared_grant_at, t() + static_cast<int64_t>(random_.Below(6)));
    space->shared_grants.emplace_back(space->last_shared_grant_at, grant);
    if (mutation_ != Mutation::kSharedEarly) continue;
    // It is lent on before the core has said anything.
    SharedUse lie;
    lie.host = grant.host;
    lie.rule = 1;
    lie.joined = grant.joined;
    lie.concurrency = *flow_->hosts[0].concurrency;
    lie.grant = grant.number;
    lie.wants = true;
    SharedCaps::Out more;
    caps_.Report(out[i].to, lie, &more);
    if (out.size() < 20) out.insert(out.end(), more.begin(), more.end());
  }
  caps_.CheckInvariants();
}

void Several::DeliverGrants(Space* space) {
  while (!space->shared_grants.empty() && space->shared_grants.front().first <= t()) {
    auto settings = std::make_shared<FlowSettings>();
    settings->grant = std::move(space->shared_grants.front().second);
    space->inbox.push_back(FlowSettingsChanged{std::move(settings)});
    space->shared_grants.pop_front();
  }
  while (!space->uses.empty() && space->uses.front().first <= t()) {
    const SharedUse use = std::move(space->uses.front().second);
    space->uses.pop_front();
    CallCaps([&](SharedCaps::Out* out) { caps_.Report(space->number(), use, out); });
  }
  while (!space->grants.empty() && space->grants.front().first <= t()) {
    space->inbox.push_back(space->grants.front().second);
    space->grants.pop_front();
  }
  while (!space->reports.empty() && space->reports.front().first <= t()) {
    space->usage = space->reports.front().second;
    space->reports.pop_front();
    const CoreUsage usage = mutation_ == Mutation::kLentEarly ? GivenBack(space) : space->usage;
    CallGovernor([&](Governor::Out* out) { governor_.Report(space->number(), usage, out); });
  }
}

// ---- a namespace's life

void Several::WakeUp(Space* space) {
  space->Open();
  CallGovernor([&](Governor::Out* out) { governor_.Join(space->number(), space->profile.limits.max_in_flight, out); });
  if (flow_) space->inbox.insert(space->inbox.begin() + 1, FlowSettingsChanged{flow_});
  if (space->removing) space->inbox.insert(space->inbox.begin() + 1, Drain{});
}

void Several::Run(Space* space) {
  if (!space->awake()) {
    const bool due = space->WakeAt() <= t();
    if (space->gone || stopping_ || (space->inbox.empty() && !due)) return;
    ++(due ? tally_.wakes_by_time : tally_.wakes_by_request);
    WakeUp(space);
  }
  space->Run();
  AfterRun(space);
}

void Several::AfterRun(Space* space) {
  if (space->fatal || !space->awake()) return;
  if (++runs_ % 16 == 0) space->core->CheckInvariants();
  const CoreUsage now = space->core->usage();
  if (IsWorthReporting(space->told, now)) {
    space->told = now;
    const int64_t at = std::max(space->last_report_at, t() + static_cast<int64_t>(random_.Below(6)));
    space->last_report_at = at;
    space->reports.emplace_back(at, now);
  }
  std::vector<SharedUse> uses;
  space->core->TakeSharedUses(&uses);
  for (SharedUse& use : uses) {
    space->last_use_at = std::max(space->last_use_at, t() + static_cast<int64_t>(random_.Below(6)));
    space->uses.emplace_back(space->last_use_at, std::move(use));
  }
  if (space->closed) {
    ++tally_.closed;
    if (std::exchange(space->closed, std::nullopt)->none() && space->auditor.pending() > 0)
      Violation("P8 a namespace is closed with something pending");
    if (!space->removing) BeginRemoval(space);
  }
  if (space->discarded) return EndRemoval(space);
  if (space->sleep_look_at > t() || stopping_ || space->removing || !space->inbox.empty()) return;
  space->sleep_look_at = Soon(120);
  if (std::optional<WallTime> until = space->core->idle(space->clock.now().wall)) {
    if (random_.Chance(0.7)) FallAsleep(space, *until);
  } else {
    space->inbox.push_back(PrepareSleep{});
    space->sleep_look_at = t() + 30;
  }
}

void Several::FallAsleep(Space* space, WallTime until) {
  ++tally_.sleeps;
  if (mutation_ == Mutation::kMissedWake && random_.Chance(0.5)) until = kWallNever;
  space->FallAsleep(until);
  CallGovernor([&](Governor::Out* out) { governor_.Gone(space->number(), out); });
  CallCaps([&](SharedCaps::Out* out) { caps_.Gone(space->number(), out); });
}

void Several::BeginRemoval(Space* space) {
  space->removing = true;  // the registry's mark, which is durable
  space->auditor.OnRemoving();
  if (space->awake()) space->inbox.push_back(Drain{});
  else space->inbox.push_back(Tick{});  // it is woken, and drained then
}

void Several::EndRemoval(Space* space) {
  space->auditor.OnDiscarded(*space->discarded);
  space->Close();
  CallGovernor([&](Governor::Out* out) { governor_.Gone(space->number(), out); });
  CallCaps([&](SharedCaps::Out* out) { caps_.Gone(space->number(), out); });
  space->gone = true;
  dropping_[++registry_batch_] = space->number();
  store_->Commit(RegistryBatch{registry_batch_, true, {DropNamespace{space->number()}}});
}

void Several::OnRegistryCommitted(uint64_t number) {
  auto found = dropping_.find(number);
  if (found == dropping_.end()) return;
  Space* space = Find(found->second);
  dropping_.erase(found);
  space->removed = true;
  ++tally_.removed;
  if (!store_->synced(space->number()).notifies.empty()) Violation("P8 a namespace that is removed has notifies on the disk");
}

// ---- the broker's life

void Several::Boot(FakeDisk disk, int64_t down_ms) {
  FakeStoreOptions options = shared_.store;
  options.seed = shared_.seed * 1'000 + ++boots_;
  if (calm_) options.write_failure = options.read_failure = 0;
  options.on_written = [this](NamespaceNumber number, uint64_t batch) { Find(number)->auditor.OnWritten(batch); };
  // Of each: whether the disk says that it must be awake, or since when it may sleep.
  std::map<NamespaceNumber, std::pair<FakeImage::State, WallTime>> states;
  for (const auto& [number, image] : disk.spaces) states[number] = {image.state, image.next_wake};
  store_ = std::make_unique<FakeStore>(options, std::move(disk), t());
  store_->Start(static_cast<StoreEvents*>(this));
  registry_batch_ = 0;
  dropping_.clear();
  stopping_ = false;
  trace_.Add("t=" + std::to_string(t()) + " boot");
  for (auto& space : spaces_) {
    space->gone = space->removed;
    if (space->removed) continue;
    space->down_ms = down_ms;
    space->Booted();
    auto known = states.find(space->number());
    const bool asleep = known == states.end() || known->second.first != FakeImage::State::kAwake;
    space->wake = known != states.end() && known->second.first == FakeImage::State::kAsleep ? known->second.second : kWallNever;
    if (!asleep) WakeUp(space.get());
    else if (space->removing) space->inbox.push_back(Tick{});
    tally_.drained_again += space->removing;
  }
  if (!calm_) crash_at_ = Soon(shared_.crash_every_ms);
}

void Several::Crash(CrashKind kind) {
  trace_.Add("t=" + std::to_string(t()) + (kind == CrashKind::kKill ? " kill -9" : " power cut"));
  ++tally_.crashes;
  FakeDisk disk = store_->CrashDisk(kind);
  for (auto& space : spaces_) {
    const bool was_awake = space->awake();
    space->Close();
    Governor::Out ignored;
    if (was_awake) governor_.Gone(space->number(), &ignored);  // the governor ends with the process: nobody is told
    SharedCaps::Out ignored_too;
    caps_.Gone(space->number(), &ignored_too);
    if (space->removed) continue;
    // Its range may be gone though nobody heard of it.
    if (space->removing && !disk.spaces.contains(space->number())) {
      space->removed = true;
      ++tally_.removed;
      continue;
    }
    space->Crashed(disk.spaces[space->number()]);
  }
  store_.reset();
  crash_at_ = SimClock::kNever;
  down_at_ = t();
  up_at_ = t() + static_cast<int64_t>(random_.Below(random_.Chance(0.5) ? 20 : 2'000));
  down_ = std::move(disk);
}

bool Several::AllDrained() const {
  return std::all_of(spaces_.begin(), spaces_.end(), [](const auto& space) { return !space->awake() || space->drained; });
}

// ---- time

void Several::AdvanceTo(int64_t t) {
  clock_.AdvanceTo(t);
  for (auto& space : spaces_) space->clock.AdvanceTo(t);
}

int64_t Several::NextMoment() const {
  int64_t next = t() + 500;
  if (down_) return std::min(next, up_at_);
  next = std::min({next, store_->NextAt(), crash_at_, wall_step_at_, stopping_ ? SimClock::kNever : remove_at_});
  for (const auto& space : spaces_) next = std::min(next, space->NextAt(calm_, stopping_));
  return std::max(next, t());
}

void Several::Happen() {
  const int64_t before = t();
  AdvanceTo(NextMoment());
  idle_moments_ = t() == before ? idle_moments_ + 1 : 0;
  if (idle_moments_ == 20'000) return Violation("time stands still");
  if (wall_step_at_ <= t()) {
    const int64_t most = shared_.wall_step_ms_max;
    const int64_t by = static_cast<int64_t>(random_.Below(static_cast<uint64_t>(2 * most))) - most;
    clock_.StepWall(by);
    for (auto& space : spaces_) {
      space->clock.StepWall(by);
      space->auditor.OnWallStep();
    }
    trace_.Add("t=" + std::to_string(t()) + " wall clock steps by " + std::to_string(by));
    wall_step_at_ = Soon(shared_.wall_step_every_ms);
  }
  if (down_) {
    if (up_at_ > t()) return;
    FakeDisk disk = std::move(*down_);
    down_.reset();
    Boot(std::move(disk), t() - down_at_);
  }
  if (t() - last_look_ >= 200) {
    last_look_ = t();
    for (auto& space : spaces_)
      if (!space->gone) space->auditor.OnTime();
  }
  store_->AdvanceTo(t());
  for (auto& space : spaces_) {
    space->receiver.AdvanceTo(t());
    DeliverGrants(space.get());
    if (!calm_ && !space->removed) space->DrawRequests(spaces_[random_.Below(spaces_.size())].get());
  }
  if (remove_at_ <= t() && !stopping_) {
    remove_at_ = SimClock::kNever;
    Space* space = spaces_[1 + random_.Below(spaces_.size() - 1)].get();
    if (space->awake() && random_.Chance(0.5)) space->inbox.push_back(CloseIfEmpty{});  // what follows, its report says
    else if (!space->removing) BeginRemoval(space);
  }
  if (crash_at_ <= t()) {
    if (random_.Chance(0.2) && !stopping_) {  // SIGTERM; kill -9 where that takes too long
      stopping_ = true;
      for (auto& space : spaces_) space->Stop();
      crash_at_ = t() + 1'000;
    } else {
      return Crash(random_.Chance(0.5) ? CrashKind::kKill : CrashKind::kPower);
    }
  }
  const size_t first = random_.Below(spaces_.size());
  for (size_t i = 0; i < spaces_.size(); ++i) Run(spaces_[(first + i) % spaces_.size()].get());
  const bool fatal = std::any_of(spaces_.begin(), spaces_.end(), [](const auto& space) { return space->fatal; });
  if (fatal) return Crash(random_.Chance(0.5) ? CrashKind::kKill : CrashKind::kPower);
  if (stopping_ && AllDrained()) Crash(CrashKind::kPower);
}

template <class Done>
void Several::Pass(int64_t most_ms, Done done) {
  const int64_t until = t() + most_ms;
  while (!Failed() && t() < until && !(!down_ && done())) Happen();
}

void Several::ResumeLanes() {
  Pass(60'000, [&] {
    return !stopping_ && std::none_of(spaces_.begin(), spaces_.end(), [](const auto& s) {
      return !s->removing && (s->auditor.HasRequests() || s->auditor.ChangesLanes());
    });
  });
  if (down_ || Failed()) return;
  for (auto& space : spaces_) {
    if (space->removing) continue;
    for (const auto& [lane, settings] : store_->written(space->number()).lane_settings) {
      LaneChangeRequest resume{space->workload.NewRequest(), lane, {}};
      resume.patch.paused = false;
      resume.patch.on_failure = std::optional<OnFailure>();
      space->Request(std::move(resume));
    }
    for (const auto& [host, name] : space->auditor.Paused()) space->Request(space->workload.Pausing(host, name, false));
  }
}

/// The books are read, the list is walked.
void Several::LookAtTheEnd(Space* space) {
  auto ask = [&](Event event, RequestId request) {
    space->final_request = request;
    space->final_reply.reset();
    space->Request(std::move(event));
    Pass(20'000, [&] { return space->final_reply.has_value(); });
    return space->final_reply.has_value();
  };
  RequestId request = space->workload.NewRequest();
  if (!ask(StatsRequest{request}, request)) return Violation("no stats at the end");
  const auto stats = std::get<StatsView>(space->final_reply->body);
  std::vector<NotifyView> list;
  NotifyId below;
  do {
    request = space->workload.NewRequest();
    ListRequest page{request, {}};
    page.query.below = below;
    page.query.limit = 50;
    if (!ask(std::move(page), request)) return Violation("no list at the end");
    const auto& listed = std::get<Listed>(space->final_reply->body);
    list.insert(list.end(), listed.items.begin(), listed.items.end());
    below = listed.next;
  } while (below.value != 0 && !Failed());
  if (!Failed()) space->auditor.OnQuiet(stats, list);
}

void Several::Finale() {
  calm_ = true;
  for (auto& space : spaces_) {
    space->receiver.Heal();
    space->auditor.OnHealed();
  }
  wall_step_at_ = remove_at_ = SimClock::kNever;
  if (!down_ && shared_.store.write_failure + shared_.store.read_failure > 0) Crash(CrashKind::kKill);
  if (!stopping_) crash_at_ = SimClock::kNever;
  Pass(1, [] { return false; });
  ResumeLanes();
  Pass(30 * 60'000, [&] {
    return !stopping_ && std::none_of(spaces_.begin(), spaces_.end(),
                                      [](const auto& space) { return space->removing ? !space->removed : space->auditor.Unfinished(); });
  });
  Pass(2'000, [] { return false; });
  if (down_ || Failed()) return;
  for (auto& space : spaces_) {
    if (space->removing && !space->removed) return Violation("a namespace is not removed at the end");
    if (!space->removed) LookAtTheEnd(space.get());
    if (Failed()) return;
  }
  stopping_ = true;
  for (auto& space : spaces_) space->Stop();
  for (int64_t until = t() + 10'000; !AllDrained() && t() < until && !Failed();) {
    AdvanceTo(NextMoment());
    store_->AdvanceTo(t());
    for (auto& space : spaces_) {
      DeliverGrants(space.get());
      if (space->awake()) Run(space.get());
    }
  }
  if (!AllDrained()) return Violation("the broker does not stop");
  Crash(CrashKind::kPower);
}

SeveralOutcome Several::Go() {
  wall_step_at_ = Soon(shared_.wall_step_every_ms);
  if (random_.Chance(0.6)) remove_at_ = Soon(4'000);
  Boot({}, 0);
  Pass(SimClock::kNever / 2, [&] {
    return std::all_of(spaces_.begin(), spaces_.end(),
                       [](const auto& space) { return space->removed || space->workload.NextAt() == SimClock::kNever; });
  });
  if (!Failed()) Finale();
  for (auto& space : spaces_) {
    for (const std::string& violation : space->auditor.violations()) violations_.push_back("ns " + std::to_string(space->number()) + " " + violation);
    tally_.starts += space->auditor.tally().starts;
    tally_.accepted += space->auditor.tally().acked;
  }
  for (const std::string& violation : violations_) trace_.Add("VIOLATION " + violation);
  return {trace_.hash(), t(), violations_, tally_};
}

}  // namespace

SeveralOutcome RunSeveral(uint64_t seed, Mutation mutation, Tracing tracing) {
  return Several(seed, mutation, tracing).Go();
}

}  // namespace notifyd::sim
