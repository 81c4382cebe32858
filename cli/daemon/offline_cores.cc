#include "cli/daemon/offline_cores.h"

#include <condition_variable>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/zone_database.h"
#include "broker/driver.h"
#include "broker/flow.h"
#include "broker/flow_settings.h"
#include "broker/group_events.h"
#include "broker/schedule_events.h"
#include "cli/daemon/clocks.h"
#include "cli/daemon/store_engines.h"

namespace notifyd {
namespace {

constexpr size_t kPageItems = 1000;
constexpr size_t kPageBytes = 4 << 20;  // of a page of notifies, without their bodies

/// A namespace's core over its part of the store, on the caller's thread. It starts no attempt, and makes no run of a schedule by itself. Its time
/// stands still.
class OfflineCore final : EventSink, Store, Sender, ReplySink {
 public:
  /// What was under way is carried out to its end first, as of the last moment that the store knows of: what comes of it is due when it was due.
  static Result<std::unique_ptr<OfflineCore>> Open(StoreHost* host, NamespaceNumber number, const Options& options) {
    std::unique_ptr<OfflineCore> core(new OfflineCore());
    Result<OpenedNamespace> opened = host->OpenNamespace(number, core.get());
    if (!opened.ok()) return std::move(opened).status();
    const Totals& totals = opened->totals;
    const BrokerClock clock(totals.wall, totals.mono);
    core->now_ = totals.wall.ms > 0 ? Now{totals.wall, totals.mono} : clock.Read();
    core->Begin(*std::move(opened), options);
    NOTIFYD_TRY(core->Rest());
    core->now_ = clock.Read();
    NOTIFYD_TRY(core->Rest());
    return core;
  }

  /// Asks, and waits for the answer. Errors: what was refused, what failed.
  template <class Request>
  Result<ReplyBody> Ask(Request request) {
    std::vector<Request> one;
    one.push_back(std::move(request));
    Result<std::vector<ReplyBody>> answers = AskAll(std::move(one));
    if (!answers.ok()) return std::move(answers).status();
    if (const auto* refused = std::get_if<Refused>(&answers->front())) return refused->status;
    return std::move(answers->front());
  }
  /// The same of several at once, in one batch; refusals are among the answers. Error: what failed.
  template <class Request>
  Result<std::vector<ReplyBody>> AskAll(std::vector<Request> requests) {
    std::vector<Event> events;
    const uint64_t first = token_ + 1;
    for (Request& request : requests) {
      request.request = {0, ++token_};
      events.emplace_back(std::move(request));
    }
    answers_.clear();
    answers_.resize(events.size());
    first_token_ = first;
    left_ = events.size();
    Run(std::move(events));
    while (left_ > 0 && failure_.ok()) TakeNext();
    if (!failure_.ok()) return failure_;
    std::vector<ReplyBody> out;
    for (std::optional<ReplyBody>& answer : answers_) out.push_back(*std::move(answer));
    return out;
  }
  /// Waits until the core has nothing to do any more, and all of it is durable. Error: what failed.
  Status Rest() {
    while (failure_.ok() && (under_way_ > 0 || Waiting() || IsDue())) {
      if (under_way_ > 0 || Waiting()) TakeNext();
      else Run(One(Tick{}));
    }
    return failure_;
  }
  /// Of what comes of it from now on, ids are not below this one.
  NotifyId next_id() const { return {core_->totals().next_id}; }
  Status Close() {
    NOTIFYD_TRY(Rest());
    Run(One(StopRequested{}));
    while (!drained_ && failure_.ok()) TakeNext();
    return failure_;
  }

 private:
  OfflineCore() = default;

  static std::vector<Event> One(Event event) {
    std::vector<Event> events;
    events.push_back(std::move(event));
    return events;
  }

  void Begin(OpenedNamespace opened, const Options& options) {
    store_ = std::move(opened.store);
    core_ = std::make_unique<Core>(options.core, opened.totals, now_, std::random_device()());
    Driver::Hooks hooks;
    hooks.drained = [this] { drained_ = true; };
    hooks.fatal = [this](const Status& status) { failure_ = status; };
    driver_ =
        std::make_unique<Driver>(core_.get(), static_cast<Store*>(this), static_cast<Sender*>(this), static_cast<ReplySink*>(this), std::move(hooks));
    FlowSettings flow = options.flow;
    flow.find_zone = FindSystemZone;
    flow.strict_topics = options.api.strict_topics;
    std::vector<Event> first;
    first.emplace_back(HoldAttempts{.runs = true});
    first.emplace_back(FlowSettingsChanged{std::make_shared<const FlowSettings>(std::move(flow))});
    first.emplace_back(Tick{});
    Run(std::move(first));
  }

  void Run(std::vector<Event> events) { driver_->Run(now_, std::move(events)); }
  bool IsDue() const {
    const Wake wake = core_->NextWake();
    return wake.wall <= now_.wall || wake.mono <= now_.mono;
  }
  bool Waiting() {
    std::lock_guard lock(mutex_);
    return !arrived_.empty();
  }
  /// Waits for what the store says, and hands it to the core.
  void TakeNext() {
    std::deque<Event> events;
    {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [&] { return !arrived_.empty(); });
      events.swap(arrived_);
    }
    for (const Event& event : events) {
      if (const auto* failed = std::get_if<WriteFailed>(&event)) failure_ = failed->status;
      if (const auto* committed = std::get_if<Committed>(&event)) {
        under_way_ -= committed->batch - committed_;
        committed_ = committed->batch;
      } else if (IsAnswer(event)) {
        --under_way_;
      }
    }
    Run({std::make_move_iterator(events.begin()), std::make_move_iterator(events.end())});
  }
  static bool IsAnswer(const Event& event) {
    return std::holds_alternative<Loaded>(event) || std::holds_alternative<PageLoaded>(event) || std::holds_alternative<ReadDone>(event) ||
           std::holds_alternative<ListDone>(event) || std::holds_alternative<LanesDone>(event);
  }

  // What the store says, on its threads.
  void Post(Event event) override {
    std::lock_guard lock(mutex_);
    arrived_.push_back(std::move(event));
    came_.notify_one();
  }

  // What the core asks for.
  template <class Effect>
  void Pass(void (Store::*to)(Effect), Effect effect) {
    ++under_way_;
    (store_.get()->*to)(std::move(effect));
  }
  void Commit(WriteBatch batch) override { Pass(&Store::Commit, std::move(batch)); }
  void Load(LoadEffect load) override { Pass(&Store::Load, std::move(load)); }
  void LoadPage(PageEffect page) override { Pass(&Store::LoadPage, std::move(page)); }
  void Read(ReadEffect read) override { Pass(&Store::Read, std::move(read)); }
  void List(ListEffect list) override { Pass(&Store::List, std::move(list)); }
  void ListLanes(LanesEffect lanes) override { Pass(&Store::ListLanes, std::move(lanes)); }
  void Start(StartAttempt) override { CHECK(false); }
  void Send(Reply reply) override {
    const uint64_t place = reply.request.token - first_token_;
    if (place >= answers_.size() || answers_[place]) return;
    answers_[place] = std::move(reply.body);
    --left_;
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Event> arrived_;

  Now now_;
  uint64_t under_way_ = 0, committed_ = 0;  // asked of the store and not answered; the last batch that was
  uint64_t token_ = 0, first_token_ = 0;
  std::vector<std::optional<ReplyBody>> answers_;
  size_t left_ = 0;
  bool drained_ = false;
  Status failure_;
  std::unique_ptr<NamespaceStore> store_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Driver> driver_;
};

Result<ScheduleAnswer> AskOfSchedules(OfflineCore* core, ScheduleAsk ask) {
  Result<ReplyBody> answer = core->Ask(ScheduleRequest{{}, std::make_shared<const ScheduleAsk>(std::move(ask))});
  if (!answer.ok()) return std::move(answer).status();
  return *std::get<ScheduleAnswered>(*answer).answer;
}

/// Shows all schedules to `take`, one after another. Error: its first one, with the schedule's name.
template <class Take>
Status EachSchedule(OfflineCore* core, Take take) {
  ResourcesQuery query;
  query.limit = kPageItems;
  for (bool more = true; more;) {
    Result<ScheduleAnswer> answer = AskOfSchedules(core, {ScheduleList{query}});
    if (!answer.ok()) return std::move(answer).status();
    const auto& listed = std::get<SchedulesListed>(answer->what);
    for (const ScheduleView& schedule : listed.items)
      if (Status taken = take(schedule); !taken.ok()) return Status(taken.code(), "schedule " + schedule.name + ": " + taken.detail());
    more = listed.next.has_value();
    query.after = listed.next.value_or(std::string());
  }
  return Status::Ok();
}

Status PauseSchedules(OfflineCore* core, SteeredPending* steered) {
  return EachSchedule(core, [&](const ScheduleView& schedule) {
    if (schedule.said->paused) return Status::Ok();
    Result<ScheduleAnswer> paused = AskOfSchedules(core, {SchedulePause{schedule.name, true}});
    if (!paused.ok()) return std::move(paused).status();
    ++steered->schedules;
    return Status::Ok();
  });
}

Status DropRuns(OfflineCore* core, WallTime before, SteeredPending* steered) {
  return EachSchedule(core, [&](const ScheduleView& schedule) {
    if (schedule.next.empty() || schedule.next.front() >= before) return Status::Ok();
    Result<ScheduleAnswer> dropped = AskOfSchedules(core, {ScheduleDrop{schedule.name, before}});
    if (!dropped.ok()) return std::move(dropped).status();
    steered->runs += std::get<ScheduleViewed>(dropped->what).schedule.runs.back().count;
    return Status::Ok();
  });
}

/// How many more there were.
Result<uint64_t> PauseLanes(OfflineCore* core) {
  uint64_t paused = 0;
  LanesQuery query;
  query.limit = kPageItems;
  for (bool more = true; more;) {
    Result<ReplyBody> answer = core->Ask(LanesRequest{{}, query});
    if (!answer.ok()) return std::move(answer).status();
    const auto& listed = std::get<LanesListed>(*answer);
    std::vector<LaneChangeRequest> changes;
    for (const LaneView& lane : listed.lanes) {
      const bool pending = lane.held + lane.scheduled + lane.ready + lane.sending + lane.retrying > 0;
      // One that is paused until some time would go on by itself.
      if (!pending || (lane.own.paused != Paused::kNo && lane.paused_until == kWallNever)) continue;
      changes.push_back({{}, lane.lane, {}});
      changes.back().patch.paused = true;
      changes.back().patch.reason = "restored from a backup with --pending pause";
    }
    paused += changes.size();
    Result<std::vector<ReplyBody>> changed = core->AskAll(std::move(changes));
    if (!changed.ok()) return std::move(changed).status();
    for (const ReplyBody& body : *changed)
      if (const auto* refused = std::get_if<Refused>(&body)) return refused->status;
    more = listed.more;
    query.after = listed.next;
  }
  return paused;
}

Status Pause(OfflineCore* core, SteeredPending* steered) {
  NOTIFYD_TRY(PauseSchedules(core, steered));
  // What was begun (an event's notifies, say) goes on, and may come to lanes that had none.
  for (uint64_t more = 1; more > 0; steered->lanes += more) {
    NOTIFYD_TRY(core->Rest());
    Result<uint64_t> paused = PauseLanes(core);
    if (!paused.ok()) return std::move(paused).status();
    more = *paused;
  }
  return Status::Ok();
}

/// Adds what waits for its turn behind those that are dropped, where all that was due before `before` went out then. What ends with the one before it
/// (cancel_rest) ends by itself. `dropped`: by when they are due.
Status DropInTurn(OfflineCore* core, const std::map<NotifyId, WallTime>& dropped, const std::set<NotifyId>& groups, WallTime before,
                  std::vector<CancelRequest>* cancels) {
  std::vector<GroupRequest> asks;
  for (const NotifyId group : groups) asks.push_back({{}, std::make_shared<const GroupAsk>(GroupAsk{GroupGet{group}})});
  Result<std::vector<ReplyBody>> answers = core->AskAll(std::move(asks));
  if (!answers.ok()) return std::move(answers).status();
  for (const ReplyBody& body : *answers) {
    const auto* answered = std::get_if<GroupAnswered>(&body);
    if (!answered) continue;
    const auto& group = std::get<GroupView>(answered->answer->what);
    if (!group.record.sequential || group.record.cancel_rest) continue;
    const auto turn = dropped.find(MemberOf(group.id, group.record.released - 1));
    if (turn == dropped.end()) continue;
    for (const NotifyId behind : DueInTurnBefore(group.id, group.record, turn->second, before)) cancels->push_back({{}, behind});
  }
  return Status::Ok();
}

Status DropNotifies(OfflineCore* core, WallTime before, SteeredPending* steered) {
  // Callbacks of what is dropped are none of it.
  const NotifyId first_new = core->next_id();
  ListQuery query;
  query.states = {State::kHeld, State::kScheduled, State::kReady, State::kRetrying};
  query.oldest_first = true;
  query.limit = kPageItems;
  query.show_bytes = kPageBytes;
  for (bool more = true; more;) {
    Result<ReplyBody> answer = core->Ask(ListRequest{{}, query});
    if (!answer.ok()) return std::move(answer).status();
    const auto& listed = std::get<Listed>(*answer);
    std::map<NotifyId, WallTime> dropped;
    std::set<NotifyId> groups;
    std::vector<CancelRequest> cancels;
    for (const NotifyView& view : listed.items) {
      const NotifyRecord& notify = *view.record;
      if (notify.id >= first_new || notify.state.due >= before) continue;
      cancels.push_back({{}, notify.id});
      dropped.emplace(notify.id, notify.state.due);
      if (const auto& flow = notify.envelope->flow; flow && flow->group.value != 0) groups.insert(flow->group);
    }
    NOTIFYD_TRY(DropInTurn(core, dropped, groups, before, &cancels));
    Result<std::vector<ReplyBody>> cancelled = core->AskAll(std::move(cancels));
    if (!cancelled.ok()) return std::move(cancelled).status();
    for (const ReplyBody& body : *cancelled) steered->dropped += std::holds_alternative<Viewed>(body);
    more = listed.next.value != 0 && listed.next < first_new;
    query.above = listed.next;
  }
  return Status::Ok();
}

Status Drop(OfflineCore* core, WallTime before, SteeredPending* steered) {
  NOTIFYD_TRY(DropRuns(core, before, steered));
  return DropNotifies(core, before, steered);
}

/// The registry writes nothing here.
class NoReports final : public StoreEvents {
  void OnRegistryCommitted(uint64_t) override {}
  void OnWriteFailed(Status) override {}  // the namespace that is open hears it, too
};

template <class Steer>
Status SteerEach(StoreHost* host, const RegistryImage& image, const Options& options, Steer steer) {
  for (const NamespaceAtStart& state : image.states) {
    // One that sleeps and has nothing to come has nothing to steer.
    if (!state.awake && state.totals.pending() == 0 && state.next_wake == kWallNever) continue;
    Result<std::unique_ptr<OfflineCore>> core = OfflineCore::Open(host, state.number, options);
    if (!core.ok()) return std::move(core).status();
    NOTIFYD_TRY(steer(core->get(), state.number));
    NOTIFYD_TRY((*core)->Close());
  }
  return Status::Ok();
}

template <class Steer>
Status SteerStore(const Options& options, Steer steer) {
  StoreOptions store_options = options.store;
  store_options.wall_ms = [] { return ReadWall().ms; };
  Result<OpenedStore> opened = OpenStoreHost(store_options);
  if (!opened.ok()) return std::move(opened).status();
  Result<RegistryImage> image = opened->host->LoadRegistry();
  if (!image.ok()) return std::move(image).status();
  NoReports reports;
  opened->host->Start(&reports);
  Status steered = SteerEach(opened->host.get(), *image, options, steer);
  Status closed = opened->host->Close();
  return steered.ok() ? closed : steered;
}

}  // namespace

Result<SteeredPending> PausePending(const Options& options) {
  SteeredPending steered;
  NOTIFYD_TRY(SteerStore(options, [&](OfflineCore* core, NamespaceNumber number) {
    // The lanes of `system` are alerts' targets: whoever restores a broker is to be told of what is wrong with it.
    return number == kSystemNumber ? Status::Ok() : Pause(core, &steered);
  }));
  return steered;
}

Result<SteeredPending> DropDueBefore(const Options& options, WallTime before) {
  SteeredPending steered;
  NOTIFYD_TRY(SteerStore(options, [&](OfflineCore* core, NamespaceNumber) { return Drop(core, before, &steered); }));
  return steered;
}

}  // namespace notifyd
