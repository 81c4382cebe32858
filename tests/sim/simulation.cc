// The order of one simulated millisecond: the store's and the receiver's answers, new requests, maybe a crash, a tick where the core asked
// for one; then the driver runs over all of these, in a few bites of random size.
#include "sim/simulation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "base/check.h"
#include "broker/driver.h"
#include "sim/describe.h"
#include "sim/receiver.h"
#include "sim/workload.h"

namespace notifyd::sim {
namespace {

/// How far the clock of a broker with Mutation::kEarlyClock is ahead.
constexpr int64_t kAheadMs = 1'500;

class Simulation : EventSink, ReplySink {
 public:
  Simulation(const Profile& profile, Mutation mutation, Tracing tracing)
      : profile_(profile),
        mutation_(mutation),
        random_(profile.seed * 101 + 13),
        trace_(tracing),
        auditor_(profile_, &clock_),
        receiver_(profile_, &clock_, &auditor_, mutation),
        workload_(profile_, &clock_) {}

  Outcome Go();

 private:
  /// Passes everything on, and writes it into the trace.
  class StorePort : public Store {
   public:
    explicit StorePort(Simulation* sim) : sim_(sim) {}
    void Commit(WriteBatch batch) override {
      sim_->Effect([&] { return Describe(batch); });
      sim_->Spoil(&batch);
      sim_->store_->Commit(std::move(batch));
    }
    void Load(LoadEffect load) override {
      sim_->Effect([&] { return Describe(load); });
      sim_->store_->Load(std::move(load));
    }
    void LoadPage(PageEffect page) override {
      sim_->Effect([&] { return Describe(page); });
      sim_->store_->LoadPage(std::move(page));
    }
    void Read(ReadEffect read) override {
      sim_->Effect([&] { return "  read " + read.id.ToString(); });
      sim_->store_->Read(std::move(read));
    }
    void List(ListEffect list) override {
      sim_->Effect([] { return "  list"; });
      sim_->store_->List(std::move(list));
    }
    void ListLanes(LanesEffect lanes) override {
      sim_->Effect([] { return "  lanes"; });
      sim_->store_->ListLanes(std::move(lanes));
    }

   private:
    Simulation* sim_;
  };
  class SenderPort : public Sender {
   public:
    explicit SenderPort(Simulation* sim) : sim_(sim) {}
    void Start(StartAttempt attempt) override {
      sim_->Effect([&] { return Describe(attempt); });
      if (sim_->mutation_ == Mutation::kUsedAgain && attempt.over == StartAttempt::Over::kNew) attempt.over = StartAttempt::Over::kAny;
      sim_->receiver_.Start(std::move(attempt));
    }

   private:
    Simulation* sim_;
  };

  void Post(Event event) override;
  void Check(const Effects& effects);
  void Send(Reply reply) override;
  void Answer(const Reply& reply);

  /// `describe` makes the line, where anybody wants it.
  template <class F>
  void Effect(F describe) {
    effective_ = true;
    if (trace_.on()) trace_.Add(describe());
  }
  int64_t t() const { return clock_.t(); }
  int64_t Soon(int64_t mean_ms) {
    return mean_ms == 0 ? SimClock::kNever : t() + 1 + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(2 * mean_ms)));
  }
  Now BrokerNow() const;
  CoreLimits Limits() const;
  int64_t WakeAt() const;
  void Boot(FakeImage image, int64_t down_ms);
  void Crash(CrashKind kind);
  void Request(Event event) {
    auditor_.OnRequest(event);
    std::visit(
        [&](const auto& e) {
          if constexpr (requires {
                          e.id;
                          e.request;
                        })
            if (purged_.count(e.id)) about_purged_.insert(e.request);
        },
        event);
    if (mutation_ == Mutation::kDeafResume) {
      if (auto* host = std::get_if<HostChangeRequest>(&event); host && host->patch.paused == false) host->patch.paused.reset();
      if (auto* caller = std::get_if<CallerChangeRequest>(&event); caller && caller->patch.paused == false) caller->patch.paused.reset();
    }
    if (mutation_ == Mutation::kIgnoredBase) {
      if (auto* cancel = std::get_if<CancelRequest>(&event)) cancel->base = nullptr;
      if (auto* retry = std::get_if<RetryRequest>(&event)) retry->base = nullptr;
    }
    inbox_.push_back(std::move(event));
  }
  int64_t NextMoment() const;
  void Happen();
  void RunBroker();
  void ResumeLanes();
  void ReloadLimits();
  void Lend();
  void Spoil(WriteBatch* batch);
  /// Lets time pass until `done`, a violation, or `most_ms` are over.
  template <class Done>
  void Pass(int64_t most_ms, Done done);
  void Finale();

  const Profile profile_;
  const Mutation mutation_;
  Random random_;
  Trace trace_;
  SimClock clock_;
  Auditor auditor_;
  Receiver receiver_;
  Workload workload_;
  StorePort store_port_{this};
  SenderPort sender_port_{this};

  std::unique_ptr<FakeStore> store_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Driver> driver_;
  std::vector<Event> inbox_;
  std::optional<FakeImage> down_;  // the machine is off, with this on its disk
  int64_t down_at_ = 0, up_at_ = 0;
  int64_t crash_at_ = SimClock::kNever, wall_step_at_ = SimClock::kNever, disk_at_ = SimClock::kNever, lend_at_ = SimClock::kNever;
  int64_t last_tick_ = -1, last_look_ = 0;
  int idle_ticks_ = 0;
  uint64_t runs_ = 0, boots_ = 0, grants_ = 0;
  bool effective_ = false, stopping_ = false, drained_ = false, fatal_ = false, disk_low_ = false, calm_ = false, final_stop_ = false;
  bool holding_ = false, quiet_ = false;
  std::optional<Reply> swapped_;
  std::set<NotifyId> purged_;  // for kWrongAfterPurge
  std::set<RequestId> about_purged_;
  std::optional<StatsView> final_stats_;
  std::vector<NotifyView> final_list_;
  std::optional<NotifyId> final_next_;
  RequestId final_request_;
};

Now Simulation::BrokerNow() const {
  Now now = clock_.now();
  if (mutation_ == Mutation::kEarlyClock) now.wall.ms += kAheadMs;
  return now;
}

/// By which the core goes: those of the profile, unless that is the fault.
CoreLimits Simulation::Limits() const {
  CoreLimits limits = profile_.limits;
  if (mutation_ == Mutation::kStuckBreaker) limits.breaker.open_ms = 1'000'000'000;
  if (mutation_ == Mutation::kNoBreaker) limits.breaker.enabled = false;
  return limits;
}

int64_t Simulation::WakeAt() const {
  Wake wake = core_->NextWake();
  if (mutation_ == Mutation::kEarlyClock && wake.wall != kWallNever) wake.wall.ms -= kAheadMs;
  int64_t at = std::min(clock_.WhenWall(wake.wall), clock_.WhenMono(wake.mono));
  return at <= last_tick_ ? last_tick_ + 1 : at;
}

/// What a store with a fault never gets to see.
void Simulation::Spoil(WriteBatch* batch) {
  auto lost = [&](const WriteOp& op) {
    const auto* fkey = std::get_if<PutFkey>(&op);
    const auto* put = std::get_if<PutNotify>(&op);
    bool meant = (mutation_ == Mutation::kLoseSettings && std::holds_alternative<PutLaneSettings>(op)) ||
                 (mutation_ == Mutation::kLosePauses && std::holds_alternative<PutSwitches>(op)) ||
                 (mutation_ == Mutation::kLoseCounts && std::holds_alternative<AddLaneCounts>(op)) ||
                 (mutation_ == Mutation::kLoseRemembered && fkey && fkey->record.remembered) ||
                 (mutation_ == Mutation::kLoseCallback && put && ToldAbout(*put->record->spec).value != 0) ||
                 (mutation_ == Mutation::kLoseRetry && put && put->record->state.attempts_before > 0 && !IsSettled(put->record->state.phase));
    return meant && random_.Chance(0.3);
  };
  std::erase_if(batch->ops, lost);
  for (WriteOp& op : batch->ops) {
    auto* change = std::get_if<ChangeNotify>(&op);
    if (mutation_ == Mutation::kCountedProbe && change && change->change->attempt && change->change->state.phase == Phase::kRetrying &&
        change->change->attempt->error == "connect_failed" && change->change->state.laters > 0) {
      auto spoilt = std::make_shared<StateChange>(*change->change);
      --spoilt->state.laters;
      change->change = std::move(spoilt);
    }
    const bool at_once = change && change->change->attempt && change->change->state.phase == Phase::kRetrying &&
                         change->change->attempt->error == "connection_lost" && change->change->state.retry_at == clock_.now().mono;
    if (mutation_ != Mutation::kUncountedRepeat || !at_once) continue;
    auto spoilt = std::make_shared<StateChange>(*change->change);
    ++spoilt->state.laters;
    change->change = std::move(spoilt);
  }
  for (const WriteOp& op : batch->ops)
    if (const auto* purge = std::get_if<DeleteNotify>(&op)) purged_.insert(purge->id);
}

// ---- the broker's life

void Simulation::Boot(FakeImage image, int64_t down_ms) {
  // The broker's own line goes on where the disk says it stood; whether the time that it was down counts, it may choose.
  MonoTime mono{image.totals.mono.ms + (random_.Chance(0.5) ? down_ms : 0)};
  clock_.SetMono(mono);
  FakeStoreOptions options = profile_.store;
  options.seed = profile_.seed * 1'000 + ++boots_;
  if (calm_) options.write_failure = options.read_failure = 0;
  if (mutation_ == Mutation::kSyncedEarly) options.fault = StoreFault::kSyncedEarly;
  if (mutation_ == Mutation::kDropDeleteDue) options.fault = StoreFault::kDropDeleteDue;
  if (mutation_ == Mutation::kSkipPageItem) options.fault = StoreFault::kSkipPageItem;
  if (mutation_ == Mutation::kLoseChange) options.fault = StoreFault::kLoseChange;
  options.on_written = [this](NamespaceNumber, uint64_t batch) { auditor_.OnWritten(batch); };
  store_ = std::make_unique<FakeStore>(options, std::move(image), t());
  store_->Start(this);
  auditor_.OnBoot(store_.get());
  receiver_.Restart(this);
  inbox_.clear();
  swapped_.reset();
  stopping_ = drained_ = fatal_ = disk_low_ = holding_ = quiet_ = false;
  last_tick_ = -1;
  core_ = std::make_unique<Core>(Limits(), store_->totals(), BrokerNow(), random_.Next());
  Driver::Hooks hooks;
  hooks.checks = [this](const Effects& effects) { Check(effects); };
  hooks.drained = [this] { drained_ = true; };
  hooks.quiet = [this] { quiet_ = true; };
  hooks.fatal = [this](const Status& status) {
    trace_.Add("  fatal " + status.detail());
    fatal_ = true;
  };
  driver_ = std::make_unique<Driver>(core_.get(), &store_port_, &sender_port_, static_cast<ReplySink*>(this), std::move(hooks));
  trace_.Add("t=" + std::to_string(t()) + " boot, mono " + std::to_string(mono.ms));
  driver_->Run(BrokerNow(), {Tick{}});
  if (!calm_) crash_at_ = Soon(profile_.crash_every_ms);
  grants_ = 0;
  lend_at_ = calm_ ? SimClock::kNever : Soon(profile_.lend_every_ms);
}

/// The auditor's view of what the core decided; a core with a fault tells of its decisions in another order.
void Simulation::Check(const Effects& effects) {
  if (mutation_ != Mutation::kSwapDecisions) return auditor_.OnEffects(effects);
  Effects swapped = effects;
  std::vector<Decided>& decided = *swapped.decided;
  for (size_t i = 1; i < decided.size(); ++i)
    if (decided[i].kind == Decided::Kind::kRequest && decided[i - 1].kind == Decided::Kind::kRequest && random_.Chance(0.3))
      std::swap(decided[i].request, decided[i - 1].request);
  auditor_.OnEffects(swapped);
}

/// A store with a fault has forgotten a trigger when it is asked.
void Simulation::Post(Event event) {
  if (auto* loaded = std::get_if<Loaded>(&event); loaded && mutation_ == Mutation::kForgetRemembered)
    for (LoadedValue& value : loaded->values)
      if (auto* fkey = std::get_if<std::optional<FkeyRecord>>(&value); fkey && *fkey && (*fkey)->remembered) fkey->reset();
  if (mutation_ == Mutation::kDeafBreaker && std::holds_alternative<AttemptReached>(event)) return;
  auditor_.OnRead(event);
  inbox_.push_back(std::move(event));
}

void Simulation::Crash(CrashKind kind) {
  trace_.Add("t=" + std::to_string(t()) + (kind == CrashKind::kKill ? " kill -9" : " power cut"));
  FakeImage image = store_->Crash(kind);
  receiver_.Restart(this);
  auditor_.OnCrash(image);
  driver_.reset();
  core_.reset();
  store_.reset();
  inbox_.clear();
  crash_at_ = SimClock::kNever;
  down_at_ = t();
  up_at_ = t() + static_cast<int64_t>(random_.Below(random_.Chance(0.5) ? 20 : 2'000));
  down_ = std::move(image);
}

void Simulation::Send(Reply reply) {
  Effect([&] { return Describe(reply); });
  if (mutation_ == Mutation::kLostReply && random_.Chance(0.05)) return;
  if (auto* refused = std::get_if<Refused>(&reply.body);
      mutation_ == Mutation::kWrongAfterPurge && refused && refused->status.code() == Code::kNotFound && about_purged_.count(reply.request))
    refused->status = Status(Code::kConflict, "the notify is settled");
  if (mutation_ == Mutation::kSwappedReplies && std::holds_alternative<Submitted>(reply.body) && std::get<Submitted>(reply.body).items.size() == 1) {
    if (!swapped_) {
      swapped_ = std::move(reply);
      return;
    }
    std::swap(swapped_->request, reply.request);
    Answer(*std::exchange(swapped_, std::nullopt));
  }
  Answer(reply);
}

void Simulation::Answer(const Reply& reply) {
  if (reply.request == final_request_) {
    if (const auto* stats = std::get_if<StatsView>(&reply.body)) final_stats_ = *stats;
    if (const auto* listed = std::get_if<Listed>(&reply.body)) {
      final_list_.insert(final_list_.end(), listed->items.begin(), listed->items.end());
      final_next_ = listed->next;
    }
  }
  auditor_.OnReply(reply);
  workload_.OnReply(reply);
}

// ---- time

int64_t Simulation::NextMoment() const {
  int64_t next = t() + 500;  // the auditor looks at least that often
  if (down_) return std::min(next, up_at_);
  next = std::min({next, store_->NextAt(), receiver_.NextAt(), WakeAt(), crash_at_, wall_step_at_, disk_at_, lend_at_});
  if (!inbox_.empty()) next = t();
  return std::min(next, calm_ ? SimClock::kNever : workload_.NextAt());
}

void Simulation::Happen() {
  clock_.AdvanceTo(NextMoment());
  if (wall_step_at_ <= t()) {
    int64_t most = profile_.wall_step_ms_max;
    int64_t by = static_cast<int64_t>(random_.Below(static_cast<uint64_t>(2 * most))) - most;
    clock_.StepWall(by);
    auditor_.OnWallStep();
    trace_.Add("t=" + std::to_string(t()) + " wall clock steps by " + std::to_string(by));
    wall_step_at_ = Soon(profile_.wall_step_every_ms);
  }
  if (down_) {
    if (up_at_ > t()) return;
    FakeImage image = std::move(*down_);
    down_.reset();
    Boot(std::move(image), t() - down_at_);
  }
  if (t() - last_look_ >= 200) {
    last_look_ = t();
    auditor_.OnTime();
  }
  if (disk_at_ <= t()) {
    disk_low_ = !disk_low_;
    store_->SetDiskLow(disk_low_);
    disk_at_ = Soon(1'000);
  }
  bool receiver_first = random_.Chance(0.5);
  if (receiver_first) receiver_.AdvanceTo(t());
  store_->AdvanceTo(t());
  if (!receiver_first) receiver_.AdvanceTo(t());
  if (!calm_)
    for (Event& event : workload_.Draw()) Request(std::move(event));
  if (!calm_ && profile_.steer_share > 0 && random_.Chance(0.01)) ReloadLimits();
  if (lend_at_ <= t()) Lend();
  if (quiet_ && !stopping_) {  // restart in place: now it stops
    stopping_ = true;
    inbox_.push_back(StopRequested{});
  }
  if (crash_at_ <= t()) {
    if (profile_.steer_share > 0 && random_.Chance(0.2) && !stopping_ && !holding_) {  // SIGUSR1; kill -9 where that takes too long
      holding_ = true;
      auditor_.OnStopping();
      inbox_.push_back(HoldAttempts{});
      crash_at_ = t() + 1'500;
    } else if (random_.Chance(0.2) && !stopping_ && !holding_) {  // SIGTERM; kill -9 where that takes too long
      stopping_ = true;
      auditor_.OnStopping();
      inbox_.push_back(StopRequested{});
      crash_at_ = t() + 1'000;
    } else {
      if (random_.Chance(0.5)) RunBroker();
      return Crash(random_.Chance(0.5) ? CrashKind::kKill : CrashKind::kPower);
    }
  }
  RunBroker();
  if (fatal_) return Crash(random_.Chance(0.5) ? CrashKind::kKill : CrashKind::kPower);
  if (drained_ && !final_stop_) Crash(CrashKind::kPower);
}

void Simulation::RunBroker() {
  bool tick = WakeAt() <= t();
  if (tick) {
    last_tick_ = t();
    inbox_.insert(inbox_.begin() + static_cast<ptrdiff_t>(random_.Below(inbox_.size() + 1)), Tick{});
  } else if (inbox_.empty()) {
    return;
  }
  bool only_tick = tick && inbox_.size() == 1;
  effective_ = false;
  std::vector<Event> events = std::exchange(inbox_, {});
  for (size_t at = 0; at < events.size() && !fatal_;) {
    size_t take = random_.Chance(0.5) ? events.size() - at : 1 + random_.Below(events.size() - at);
    std::vector<Event> bite;
    for (; take > 0; --take) {
      if (trace_.on()) trace_.Add("t=" + std::to_string(t()) + " " + Describe(events[at]));
      if (const auto* grant = std::get_if<GrantChanged>(&events[at])) auditor_.OnGrant(*grant);
      bite.push_back(std::move(events[at++]));
    }
    driver_->Run(BrokerNow(), std::move(bite));
  }
  if (++runs_ % 16 == 0 && !fatal_) core_->CheckInvariants();
  idle_ticks_ = only_tick && !effective_ ? idle_ticks_ + 1 : 0;
  if (idle_ticks_ == 3'000) auditor_.Violation("the core asks for one tick after another and does nothing");
}

template <class Done>
void Simulation::Pass(int64_t most_ms, Done done) {
  int64_t until = t() + most_ms;
  while (auditor_.violations().empty() && t() < until && !(!down_ && done())) Happen();
}

/// SIGHUP: caps as they were or lower, the rules there or not.
void Simulation::ReloadLimits() {
  auto limits = std::make_shared<CoreLimits>(Limits());
  auto lower = [&](uint32_t cap) { return 1 + static_cast<uint32_t>(random_.Below(cap)); };
  if (random_.Chance(0.5)) limits->max_in_flight_per_lane = lower(limits->max_in_flight_per_lane);
  if (random_.Chance(0.5)) limits->max_in_flight_per_host = lower(limits->max_in_flight_per_host);
  if (random_.Chance(0.3)) limits->lane_rules.clear();
  auditor_.OnLimits(*limits);
  inbox_.push_back(LimitsChanged{std::move(limits)});
}

/// Others want some of the memory, and of what may be in flight, or give it back.
void Simulation::Lend() {
  GrantChanged grant{++grants_, UINT32_MAX, SIZE_MAX};
  if (!calm_ && random_.Chance(0.7)) {
    grant.max_in_flight = profile_.least_lent.max_in_flight + static_cast<uint32_t>(random_.Below(8));
    grant.max_loaded = profile_.least_lent.max_loaded + random_.Below(20);
  }
  inbox_.push_back(grant);
  lend_at_ = calm_ ? SimClock::kNever : Soon(profile_.lend_every_ms);
}

/// Whoever paused a lane, a host or a caller, or let a lane pause itself, takes that back.
void Simulation::ResumeLanes() {
  Pass(60'000, [&] { return !stopping_ && !holding_ && !auditor_.HasRequests() && !auditor_.ChangesLanes(); });
  if (down_ || !auditor_.violations().empty()) return;
  for (const auto& [lane, settings] : store_->written().lane_settings) {
    LaneChangeRequest resume{workload_.NewRequest(), lane, {}};
    resume.patch.paused = false;
    resume.patch.on_failure = std::optional<OnFailure>();
    Request(std::move(resume));
  }
  for (const auto& [host, name] : auditor_.Paused()) Request(workload_.Pausing(host, name, false));
  if (profile_.lend_every_ms > 0) Lend();
}

void Simulation::Finale() {
  // Everything heals, and all that can settle does; then the books are read, the list is walked, and the broker stops in order.
  calm_ = true;
  receiver_.Heal();
  auditor_.OnHealed();
  wall_step_at_ = SimClock::kNever;
  if (!down_ && profile_.store.write_failure + profile_.store.read_failure > 0) Crash(CrashKind::kKill);  // on to a store that does not fail
  if (!stopping_ && !holding_) crash_at_ = SimClock::kNever;  // one that is stopping goes all the way, and starts once more
  if (disk_low_) disk_at_ = t();
  Pass(1, [] { return false; });
  disk_at_ = SimClock::kNever;
  ResumeLanes();
  Pass(30 * 60'000, [&] { return !stopping_ && !holding_ && !auditor_.Unfinished(); });
  Pass(1'000, [] { return false; });
  if (down_ || !auditor_.violations().empty()) return;
  final_request_ = workload_.NewRequest();
  Request(StatsRequest{final_request_});
  Pass(10'000, [&] { return final_stats_.has_value(); });
  NotifyId below;
  do {
    final_request_ = workload_.NewRequest();
    ListRequest list{final_request_, {}};
    list.query.below = below;
    list.query.limit = 50;
    final_next_.reset();
    Request(std::move(list));
    Pass(10'000, [&] { return final_next_.has_value(); });
    below = final_next_.value_or(NotifyId{});
  } while (below.value != 0 && auditor_.violations().empty());
  if (!auditor_.violations().empty()) return;
  if (!final_stats_) return auditor_.Violation("no stats at the end");
  auditor_.OnQuiet(*final_stats_, final_list_);
  if (!auditor_.violations().empty()) return;
  stopping_ = final_stop_ = true;
  auditor_.OnStopping();
  inbox_.push_back(StopRequested{});
  Pass(10'000, [&] { return drained_; });
  if (!drained_) return auditor_.Violation("the broker does not stop");
  // What it left is on the disk to the last change.
  FakeImage written = store_->written();
  FakeImage image = store_->Crash(CrashKind::kPower);
  auditor_.OnCrash(image);
  bool same = written.notifies.size() == image.notifies.size() &&
              std::equal(written.notifies.begin(), written.notifies.end(), image.notifies.begin(), [](auto& a, auto& b) {
                return a.second->state.phase == b.second->state.phase && a.second->state.attempts_made == b.second->state.attempts_made;
              });
  if (!same) auditor_.Violation("P1 a power cut after an orderly stop loses something");
}

Outcome Simulation::Go() {
  wall_step_at_ = Soon(profile_.wall_step_every_ms);
  if (profile_.disk_low > 0) disk_at_ = Soon(3'000);
  Boot({}, 0);
  Pass(SimClock::kNever / 2, [&] { return workload_.NextAt() == SimClock::kNever; });
  if (auditor_.violations().empty()) Finale();
  for (const std::string& violation : auditor_.violations()) trace_.Add("VIOLATION " + violation);
  return {trace_.hash(), t(), auditor_.violations(), auditor_.tally()};
}

}  // namespace

Outcome Run(const Profile& profile, Mutation mutation, Tracing tracing) {
  return Simulation(profile, mutation, tracing).Go();
}

}  // namespace notifyd::sim
