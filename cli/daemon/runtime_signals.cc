// The runtime's answers to signals: stop, reload, restart in place.
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/crash_point.h"
#include "base/joined.h"
#include "base/log.h"
#include "base/zone_database.h"
#include "cli/daemon/descriptors.h"
#include "cli/daemon/log_sinks.h"
#include "cli/daemon/runtime_impl.h"
#include "cli/daemon/start_check.h"

namespace notifyd {
namespace {

// Timer slots of the first loop; Shard and RegistryHost have their own.
constexpr int kGraceSlot = 1, kAwaitSlot = 2, kStrandedSlot = 12;
/// Once nothing is in flight any more, answers that are still being written get so long.
constexpr int64_t kFlushMostMs = 1000;
/// Whoever is told then, or before a restart, that the store or another member has not answered takes that in so long.
constexpr int64_t kLastWordMs = 500;
/// How often a stop looks which namespaces lie where the store does not reach them.
constexpr int64_t kStrandedEachMs = 250;
/// What is handed over at a stop and cut off at the end of the grace is written and released in so long, or goes with the lease.
constexpr int64_t kDepartMoreMs = 500;
/// Restart: until no request is under way, then until all is durable and answered. Clients wait meanwhile.
constexpr int64_t kSettleMostMs = 1000, kLeaveMostMs = 1000;
/// A request that has been coming for longer is a slow one: nobody waits for its end.
constexpr int64_t kSlowRequestMs = 200;

}  // namespace

void Runtime::Impl::TakeSignal(int number) {
  bool stop = number == SIGTERM || number == SIGINT;
  // Here, not on the loop: a loop that hangs must not keep the process from ending.
  if (stop && stop_asked_.exchange(true)) {
    Log(LogLevel::kWarn, "second signal, stopping at once", {{"signal", SignalName(number)}});
    LogFinish();
    std::_Exit(0);
  }
  // Whoever moved the log away waits for it, whatever the settings say.
  if (number == SIGHUP) ReopenLog();
  io_[0]->loop.Post([this, number, stop] {
    if (stop) StopSignal(number);
    else if (number == SIGHUP) Reload();
    else RestartSignal();
  });
}

/// What is to end with a broker whose place its successor takes at once. Returns nothing where it goes on so; one that was told to stop ends, by the
/// exit code that it returns. What comes from now on stays pending until the successor takes it.
std::optional<int> Runtime::Impl::EndToBeginAnew() {
  EndCommands();
  if (Signals* signals = signals_) signals->Stop();
  if (!stop_asked_) return std::nullopt;
  std::lock_guard lock(closing_mutex_);
  if (closed_code_) return closed_code_;
  return store_->Unwritten() ? 1 : 0;
}

Holdings Runtime::Impl::Held() const {
  Holdings held{listeners_->held(), options_.data_dir, rekeyed_().needed};
  if (const std::shared_ptr<const AccessTable> table = tables_.Get())
    for (const auto& row : table->AllNamespaces())
      for (const std::optional<std::string>& cell : {row->settings.cell, row->moving_to})
        if (cell && options_.store.postgres.cells.contains(*cell)) held.cells.insert(*cell);
  return held;
}

// ---- reload

void Runtime::Impl::Reload() {
  if (stage_ > Stage::kHolding || stop_asked_) return;
  // A field is named where a single setting is at fault.
  auto refuse = [](const std::string& field, const std::string& detail) {
    Log(LogLevel::kError, "settings not reloaded, all stay as they were", {{"field", field}, {"detail", detail}});
  };
  Invocation read = ReadCommandLine({launch_.arguments.begin() + 1, launch_.arguments.end()}, launch_.environment);
  if (read.action != Invocation::Action::kRun) {
    refuse(read.field, read.error);
    return;
  }
  // What waits for a restart is asked too: it is told now, not when the restart fails.
  if (Status startable = CheckStart(read.options, Held(), /*certificates=*/false); !startable.ok()) {
    refuse(startable.field(), startable.detail());
    return;
  }
  Result<std::shared_ptr<const AuthSettings>> auth = ReadAuthSettings(read.options.auth);
  if (!auth.ok()) return refuse(auth.status().field(), auth.status().detail());
  Options asked = asked_;
  Reloaded reloaded = ApplyReloadable(read.options, &asked);
  Options next = asked;
  if (Result<DescriptorPlan> fits = FitDescriptors(open_files_, &next); !fits.ok()) {
    refuse(fits.status().field(), fits.status().detail());
    return;
  }
  // It may still refuse them, and changes nothing then; the others are told the same.
  if (Status taken = io_[0]->sender->Reload(next.sender); !taken.ok()) {
    refuse(taken.field(), taken.detail());
    return;
  }
  rules_.Set(next.sender.rules);
  commands_->SetRules(std::make_shared<const CommandRules>(next.commands), next.sender);
  lane_rules_.Set(std::make_shared<const std::vector<LaneRule>>(next.core.lane_rules));
  tubes_.Set(std::make_shared<const std::vector<BeanstalkdTube>>(next.tubes));
  io_[0]->api->SetSecretHeaders(next.api.secret_headers);
  for (size_t i = 1; i < io_.size(); ++i)
    io_[i]->loop.Post([sender = io_[i]->sender.get(), api = io_[i]->api.get(), options = next.sender] {
      if (Status taken = sender->Reload(options); !taken.ok()) Log(LogLevel::kError, "settings not reloaded", {{"detail", taken.detail()}});
      api->SetSecretHeaders(options.secret_headers);
    });
  lending_.SetCaps({next.core.max_in_flight, next.core.max_loaded});
  SetAlerts(next);
  if (!reloaded.not_applied.empty())
    Log(LogLevel::kWarn, "settings that changed hold after a restart only", {{"names", Joined(reloaded.not_applied, ", ")}});
  next.flow.find_zone = FindSystemZone;
  next.flow.strict_topics = next.api.strict_topics;
  // Said once all hold: whoever reads the line finds no loop and no namespace that goes by the old ones.
  auto say = [this, applied = reloaded.applied.empty() ? "nothing changed" : Joined(reloaded.applied, ", ")] {
    Log(LogLevel::kInfo, "settings reloaded", {{"applied", applied}});
    LogSetLevel(LogLevelOf(options_));
  };
  OnEachLoop(
      [hosts = next.api.hosts, auth = *auth](IoThread* io) {
        io->api->SetHosts(hosts);
        io->api->SetAuth(auth);
      },
      [this, say, limits = std::make_shared<const CoreLimits>(next.core), said = next.flow] {
        // Here, so that it is told before whatever is found from now on.
        const std::shared_ptr<const FlowSettings> flow = service_names_->Apply(said);
        OnEachShard(
            [limits, flow](Shard* shard) {
              shard->SetLimits(limits);
              shard->SetFlow(flow);
            },
            say);
      });
  listeners_->WatchCertificates(&io_[0]->loop, kCertificatesSlot);
  asked_ = std::move(asked);
  options_ = std::move(next);
}

// ---- stop

void Runtime::Impl::StopSignal(int number) {
  if (stage_ == Stage::kSettling || stage_ == Stage::kLeaving || !cluster_) return StopCores(number, options_.shutdown_grace_ms);
  const bool restarting = stage_ != Stage::kServing;
  stage_ = Stage::kStopping;
  // A restart has begun to hold attempts: nothing is handed over then, and others take it once the lease is given back.
  if (restarting) return StopCores(number, options_.shutdown_grace_ms);
  profiler_.Cut();
  Log(LogLevel::kInfo, "handing over", {{"signal", SignalName(number)}, {"grace_ms", options_.shutdown_grace_ms}});
  const int64_t until_ms = ReadClockMs(CLOCK_BOOTTIME) + options_.shutdown_grace_ms;
  const auto stop = [this, number, until_ms] {
    if (!std::exchange(departed_, true)) StopCores(number, std::max<int64_t>(until_ms - ReadClockMs(CLOCK_BOOTTIME), 0));
  };
  if (cell_moves_) cell_moves_->Quiesce();
  GiveUpStranded();
  // The store may not answer.
  io_[0]->loop.SetTimer(kGraceSlot, options_.shutdown_grace_ms + kDepartMoreMs, stop);
  cluster_->Depart(options_.shutdown_grace_ms, [this, stop] { io_[0]->loop.Post(stop); });
}

void Runtime::Impl::StopCores(int number, int64_t grace_ms) {
  // Said once the cores are told: whoever reads the line knows that no further submit is taken.
  auto say = [this, number] { Log(LogLevel::kInfo, "stopping", {{"signal", SignalName(number)}, {"grace_ms", options_.shutdown_grace_ms}}); };
  if (stage_ == Stage::kSettling || stage_ == Stage::kLeaving) return say();
  PassCrashPoint(CrashPoint::kStopBegun);
  stage_ = Stage::kStopping;
  if (cluster_) cluster_->Quiesce();
  if (cell_moves_) cell_moves_->Quiesce();
  profiler_.Cut();
  io_[0]->loop.SetTimer(kGraceSlot, grace_ms, [this] { FlushAndStop("the grace for calls in flight is over"); });
  // First, so that no core refuses any of their lines: each bulk submit says itself how far it came.
  OnEachLoop([](IoThread* io) { io->api->EndBulkSubmits(Leaving::kStopping); },
             [this, say] { OnEachShard([](Shard* shard) { shard->Stop(); }, say); });
  GiveUpStranded();
}

/// What lies where the store does not reach it answers nobody before it is reached, for which a stop does not wait: its cores end now, answer whom
/// they can, and whoever is left is answered a look later.
void Runtime::Impl::GiveUpStranded() {
  if (!store_lost_ || stage_ != Stage::kStopping) return;
  std::set<NamespaceNumber> stranded;
  std::vector<NamespaceNumber> left;
  if (const std::shared_ptr<const AccessTable> table = tables_.Get())
    for (const auto& row : table->AllNamespaces())
      if (store_lost_(row->number)) stranded.insert(row->number);
  std::set_intersection(stranded.begin(), stranded.end(), stranded_.begin(), stranded_.end(), std::back_inserter(left));
  stranded_ = std::move(stranded);
  OnEachShard([](Shard* shard) { shard->StopStranded(); }, [] {});
  OnEachLoop(
      [left](IoThread* io) {
        for (NamespaceNumber number : left) io->api->GiveUp(number);
      },
      [] {});
  io_[0]->loop.SetTimer(kStrandedSlot, kStrandedEachMs, [this] { GiveUpStranded(); });
}

void Runtime::Impl::FlushAndStop(const char* why) {
  if (stage_ == Stage::kClosing) return;
  PassCrashPoint(CrashPoint::kStopClosing);
  stage_ = Stage::kClosing;
  Log(LogLevel::kInfo, "closing", {{"reason", why}});
  io_[0]->loop.SetTimer(kGraceSlot, -1, {});
  AwaitEach(
      kFlushMostMs,
      [this](IoThread* io, std::function<void()> done) {
        io->sender->Abort();
        io->server->Drain();
        auto close = [io, done = std::move(done)] { io->server->OnClosed(done); };
        if (io == io_[0].get()) commands_->Abort([io, close] { io->loop.Post(close); });
        else close();
      },
      [this] { AnswerTheRest([this] { StopLoops(); }); });
}

/// What the store, or another member, did not answer by now is not waited for. Whoever asked for it is told so, and then `then` is called.
void Runtime::Impl::AnswerTheRest(std::function<void()> then) {
  const bool restarts = stage_ == Stage::kLeaving;
  AwaitEach(
      kLastWordMs,
      [restarts](IoThread* io, std::function<void()> done) {
        const bool own = io->api->GiveUp(std::nullopt), passed = io->api->CutPassed();
        if (!own && !passed) done();
        else if (restarts) io->server->OnIdle(kSlowRequestMs, std::move(done));
        else io->server->OnClosed(std::move(done));
      },
      std::move(then));
}

void Runtime::Impl::StopLoops() {
  for (auto& io : io_) io->loop.Stop();
  for (auto& shard : shards_) shard->loop->Stop();
}

// ---- restart in place

void Runtime::Impl::RestartSignal() {
  if (stop_asked_) return;
  if (stage_ != Stage::kServing) {
    Log(LogLevel::kInfo, "a restart is under way already");
    return;
  }
  stage_ = Stage::kChecking;
  profiler_.Cut();
  Log(LogLevel::kInfo, "restart: checking", {{"program", launch_.program}});
  if (checker_.joinable()) checker_.join();
  checker_ = std::thread([this, held = Held()] {
    Status checked = CheckSuccessor(launch_, held);
    io_[0]->loop.Post([this, checked] { SuccessorChecked(checked); });
  });
}

void Runtime::Impl::SuccessorChecked(const Status& checked) {
  if (!checked.ok()) {
    if (stage_ == Stage::kChecking) stage_ = Stage::kServing;
    Log(LogLevel::kError, "no restart, going on as before", {{"detail", checked.detail()}});
    return;
  }
  if (stop_asked_) return;
  PassCrashPoint(CrashPoint::kRestartChecked);
  stage_ = Stage::kHolding;
  if (cluster_) cluster_->Quiesce();
  if (cell_moves_) cell_moves_->Quiesce();
  Log(LogLevel::kInfo, "restart: no new attempts, those in flight may end", {{"grace_ms", options_.shutdown_grace_ms}});
  io_[0]->loop.SetTimer(kGraceSlot, options_.shutdown_grace_ms, [this] { Settle("the grace for calls in flight is over"); });
  OnEachShard([](Shard* shard) { shard->Hold(); }, [] {});
}

/// Requests that have been coming for a while get a moment to become complete. All others are served meanwhile.
void Runtime::Impl::Settle(const char* why) {
  if (stop_asked_ || stage_ != Stage::kHolding) return;
  PassCrashPoint(CrashPoint::kRestartSettling);
  stage_ = Stage::kSettling;
  io_[0]->loop.SetTimer(kGraceSlot, -1, {});
  AwaitEach(
      kSettleMostMs, [](IoThread* io, std::function<void()> done) { io->server->OnReceived(kSlowRequestMs, std::move(done)); },
      [this, why] { HoldClients(why); });
}

/// Clients wait from here on: who connects in the queue of the listening socket, what is sent on open connections in theirs. So nobody's upload is
/// waited for: a bulk submit is told how far it came, and whose request is still not complete has to send it again.
void Runtime::Impl::HoldClients(const char* why) {
  Log(LogLevel::kInfo, "restart: closing", {{"reason", why}});
  PassCrashPoint(CrashPoint::kRestartHolding);
  AwaitEach(
      kSettleMostMs,
      [](IoThread* io, std::function<void()> done) {
        io->server->StopAccepting();
        io->server->HoldRequests();
        io->api->EndBulkSubmits(Leaving::kRestarting);
        io->server->OnIdle(kSlowRequestMs, std::move(done));
      },
      [this] { OnEachLoop([](IoThread* io) { io->server->RefuseUnfinished(); }, [this] { Leave(); }); });
}

void Runtime::Impl::Leave() {
  PassCrashPoint(CrashPoint::kRestartLeaving);
  stage_ = Stage::kLeaving;
  // Calls in flight whose grace is over: what comes of them is not known, they are repeated with the same number.
  bool all_ended = cores_state_ != CoresState::kRunning;
  if (!all_ended) OnEachLoop([](IoThread* io) { io->sender->Abort(); }, [] {});
  OnEachShard([](Shard* shard) { shard->Stop(); }, [] {});
  // Whoever waited for the end of a notify is answered now.
  auto answer = [this, until_ms = ReadClockMs(CLOCK_BOOTTIME) + kLeaveMostMs] {
    AwaitEach(
        std::max<int64_t>(until_ms - ReadClockMs(CLOCK_BOOTTIME), 0),
        [](IoThread* io, std::function<void()> done) { io->server->OnIdle(kSlowRequestMs, std::move(done)); },
        [this] { AnswerTheRest([this] { ReleaseSockets(); }); });
  };
  if (all_ended) return AwaitDrained(kLeaveMostMs, std::move(answer));
  // No program of this process goes on beside those of the next.
  AwaitEach(
      kLeaveMostMs,
      [this](IoThread* io, std::function<void()> done) {
        if (io == io_[0].get()) commands_->Abort(std::move(done));
        else done();
      },
      std::move(answer));
}

void Runtime::Impl::ReleaseSockets() {
  OnEachLoop(
      [](IoThread* io) {
        io->released = io->server->Release();
        io->sender->Abort();
      },
      [this] {
        PassCrashPoint(CrashPoint::kRestartReleased);
        StopLoops();
      });
}

/// The loops have stopped, the store is written. Does not return where it succeeds.
int Runtime::Impl::Succeed() {
  Handover handover;
  for (auto& io : io_) {
    if (io->released.listening >= 0) handover.Add(io->released.listening);
    // A server that took over several listening sockets gives all but one of them here.
    for (int fd : io->released.connections) handover.Add(fd);
  }
  if (keeper_) {
    handover.owner = keeper_->owned();
    handover.store = keeper_->mark();
  }
  profiler_.Stop();
  // Frees its directory for the one that follows.
  store_.reset();
  PassCrashPoint(CrashPoint::kRestartStoreClosed);
  Log(LogLevel::kInfo, "restart: starting", {{"program", launch_.program}, {"connections", handover.connections.size()}});
  LogFinish();
  Status failed = BecomeSuccessor(launch_, std::move(handover));
  Log(LogLevel::kError, "restart failed, stopped", {{"detail", failed.detail()}});
  return 1;
}

void Runtime::Impl::OnEachLoop(std::function<void(IoThread*)> task, std::function<void()> then) {
  auto left = std::make_shared<std::atomic<size_t>>(io_.size());
  for (auto& io : io_)
    io->loop.Post([this, io = io.get(), left, task, then] {
      task(io);
      if (left->fetch_sub(1) == 1) io_[0]->loop.Post(then);
    });
}

void Runtime::Impl::OnEachShard(std::function<void(Shard*)> task, std::function<void()> then) {
  auto left = std::make_shared<std::atomic<size_t>>(shards_.size());
  for (auto& shard : shards_)
    shard->loop->Post([this, shard = shard->shard.get(), left, task, then] {
      task(shard);
      if (left->fetch_sub(1) == 1) io_[0]->loop.Post(then);
    });
}

void Runtime::Impl::AwaitEach(int64_t most_ms, std::function<void(IoThread*, std::function<void()> done)> begin, std::function<void()> then) {
  struct Wait {
    size_t left;
    std::function<void()> then;  // empty once it was called
  };
  auto wait = std::make_shared<Wait>(Wait{io_.size(), std::move(then)});
  auto end = [this, wait] {
    std::function<void()> ended = std::exchange(wait->then, nullptr);
    if (!ended) return;
    io_[0]->loop.SetTimer(kAwaitSlot, -1, {});
    ended();
  };
  io_[0]->loop.SetTimer(kAwaitSlot, most_ms, end);
  auto done = [this, wait, end] {
    io_[0]->loop.Post([wait, end] {
      if (--wait->left == 0) end();
    });
  };
  for (auto& io : io_) io->loop.Post([io = io.get(), begin, done] { begin(io, done); });
}

void Runtime::Impl::AwaitDrained(int64_t most_ms, std::function<void()> then) {
  if (cores_state_ == CoresState::kDrained) return then();
  on_drained_ = std::move(then);
  io_[0]->loop.SetTimer(kAwaitSlot, most_ms, [this] {
    if (on_drained_) std::exchange(on_drained_, nullptr)();
  });
}

void Runtime::Impl::ShardQuiet() {
  if (++quiet_shards_ < shards_.size()) return;
  if (cores_state_ == CoresState::kRunning) cores_state_ = CoresState::kQuiet;
  Settle("nothing is in flight any more");
}

void Runtime::Impl::ShardDrained() {
  if (++drained_shards_ < shards_.size()) return;
  cores_state_ = CoresState::kDrained;
  if (stage_ != Stage::kLeaving) return FlushAndStop("nothing is in flight any more");
  if (on_drained_) std::exchange(on_drained_, nullptr)();
}

}  // namespace notifyd
