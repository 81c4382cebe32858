// Schedules as they are seen and changed, and the window of their next runs. See core_schedules.h.
#include "broker/core_schedules.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <utility>

#include "broker/alert_meter.h"
#include "broker/alert_readings.h"
#include "broker/core_services.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/flow_settings.h"

namespace notifyd {
namespace {

/// What the schedule is encoded to once it is paused.
std::string BytesOfPaused(Schedule schedule) {
  schedule.paused = true;
  return EncodeSchedule(schedule);
}

}  // namespace

Handled Core::Impl::Handle(Task* task, ScheduleRequest& r) {
  return schedules_->Handle(task, r);
}

Handled Core::Impl::Handle(Task* task, ScheduleDue& r) {
  return schedules_->Handle(task, r);
}

Core::Impl::SchedulePart::SchedulePart(Core::Impl* core)
    : core_(*core), seen_(core->now_.wall), on_time_from_{core->now_.wall.ms - kOnTimeMs}, began_(core->now_.wall) {
  if (core_.totals_.records[RecordKind::kRun] > 0) horizon_ = {core_.totals_.run_mark.time_ms, core_.totals_.run_mark.id.value};
  // Where nothing was written since, nothing was missed.
  if (core_.totals_.records[RecordKind::kSchedule] > 0 && began_.ms - core_.totals_.wall.ms < kAlertMemoryMs) recall_.emplace();
}

// ---- requests

Handled Core::Impl::SchedulePart::Handle(Task* task, ScheduleRequest& r) {
  r.begun = std::min(r.begun, core_.now_.wall);
  return std::visit(
      [&](const auto& ask) {
        if constexpr (std::is_same_v<decltype(ask), const ScheduleRunNow&>) return RunNow(task, r, ask);
        else return Do(task, r.request, ask);
      },
      r.ask->what);
}

Handled Core::Impl::SchedulePart::Answer(RequestId request, ScheduleAnswer answer, bool unchanged) {
  return core_.ReplyAfter(core_.journal_.Barrier(), request, ScheduleAnswered{std::make_shared<const ScheduleAnswer>(std::move(answer))}, unchanged);
}

bool Core::Impl::SchedulePart::Decode(const StoredRecord& said, const StoredRecord& state, Looked* out) {
  Result<ScheduleRecord> record = DecodeScheduleRecord(said.value);
  Result<ScheduleState> stands = DecodeScheduleState(state.value);
  if (!record.ok() || !stands.ok()) {
    core_.Fatal(record.ok() ? std::move(stands).status() : std::move(record).status());
    return false;
  }
  out->record = *std::move(record);
  out->state = *std::move(stands);
  return true;
}

std::optional<Core::Impl::SchedulePart::Looked> Core::Impl::SchedulePart::Look(Task* task, const std::string& name) {
  Looked looked;
  looked.said_slot = core_.NeedRecord(task, RecordKind::kSchedule, name);
  looked.state_slot = core_.NeedRecord(task, RecordKind::kSchedule, KeyOfScheduleState(name));
  if (!looked.said_slot || !looked.state_slot) return std::nullopt;
  looked.name = name;
  if (looked.said_slot->record && looked.state_slot->record) Decode(*looked.said_slot->record, *looked.state_slot->record, &looked);
  return looked;
}

Result<ScheduleTimes> Core::Impl::SchedulePart::TimesOf(const ScheduleRecord& record) const {
  static const FindZone none;
  return ScheduleTimes::Of(*record.said, record.created_at, core_.flow_settings_ ? core_.flow_settings_->find_zone : none);
}

ScheduleView Core::Impl::SchedulePart::ViewOf(const Looked& looked, size_t next) const {
  ScheduleView view{looked.name, looked.record.said, EncodeSchedule(*looked.record.said), looked.record.created_at, {}, {}, looked.state.missed};
  if (!looked.state.next) return view;
  std::optional<WallTime> at = looked.state.next->scheduled_at;
  view.next.push_back(*at);
  if (next == 1) return view;
  Result<ScheduleTimes> times = TimesOf(looked.record);
  while (times.ok() && view.next.size() < next && (at = times->After(*at))) view.next.push_back(*at);
  return view;
}

Handled Core::Impl::SchedulePart::Do(Task* task, RequestId request, const SchedulePut& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  std::optional<Looked> looked = Look(task, ask.name);
  if (!looked) return Handled::kParked;
  const std::shared_ptr<const notifyd::Schedule> before = looked->record.said;
  const std::string bytes = EncodeSchedule(*ask.said), bytes_before = before ? EncodeSchedule(*before) : "";
  if (!ask.condition.Holds(before ? std::optional<std::string_view>(bytes_before) : std::nullopt))
    return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  const bool created = !before;
  if (created) looked->record = {core_.totals_.next_serial, core_.now_.wall, ask.said};
  looked->record.said = ask.said;
  // To pause it is what helps where its service or topic is gone, its zone is unknown or the disk is full: nothing of that refuses it.
  const bool pauses = before && bytes == BytesOfPaused(*before);
  Result<ScheduleTimes> times = TimesOf(looked->record);
  if (!times.ok() && !pauses) return core_.Refuse(request, times.status());
  if (created && ask.said->end_at && !times->After(core_.now_.wall))
    return core_.Refuse(request, Code::kUnacceptable, "none of its times lies between now and end_at", "/end_at");
  if (!pauses && ask.said->publishes() && core_.flow_settings_ && core_.flow_settings_->strict_topics) {
    if (!core_.NeedCatalog(task)) return Handled::kParked;
    if (Status status = core_.topics_->CheckKnown(ask.said->topic).Within("/publish"); !status.ok()) return core_.Refuse(request, status);
  }
  if (const std::string_view service = ServiceOf(ask.said->envelope->host); !service.empty() && bytes != bytes_before && !pauses) {
    if (!core_.NeedCatalog(task)) return Handled::kParked;
    if (!core_.services_->Knows(service)) return core_.Refuse(request, Code::kUnacceptable, "there is no service of this name", "/notify/url");
  }
  const bool unchanged = !created && bytes == bytes_before;
  if (!unchanged && !pauses) {
    if (Status status = Fits(*ask.said); !status.ok()) return core_.Refuse(request, std::move(status));
    if (Status room = core_.Room("nothing is taken"); !room.ok()) return core_.Refuse(request, room);
    if (Status status = core_.StoreMore(bytes_before.size(), bytes.size() + (created ? kRecordBytes : 0)); !status.ok())
      return core_.Refuse(request, status);
  }
  if (!unchanged) {
    if (created) ++core_.totals_.next_serial;
    auto times_of = [](const notifyd::Schedule& said) {
      return std::tie(said.cron, said.every_ms, said.timezone, said.start_at, said.end_at, said.jitter_ms, said.paused);
    };
    core_.WriteRecord(looked->said_slot, EncodeScheduleRecord(looked->record));
    if (before && before->missed != ask.said->missed) looked->state.caught_up = 0;
    if (created || times_of(*before) != times_of(*ask.said)) ChangeTimes(&*looked, before, times.ok() ? &*times : nullptr);
    WriteState(&*looked);
    core_.journal_.AskSync();
  }
  ScheduleView view = ViewOf(*looked, kNextShown);
  view.runs = looked->state.runs;
  return Answer(request, {ScheduleViewed{std::move(view), created}}, unchanged);
}

Handled Core::Impl::SchedulePart::Do(Task* task, RequestId request, const SchedulePause& ask) {
  std::optional<Looked> looked = Look(task, ask.name);
  if (!looked) return Handled::kParked;
  if (!looked->record.said && !ask.condition.Holds(std::nullopt)) return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  if (!looked->record.said) return NotThere(request);
  auto said = std::make_shared<notifyd::Schedule>(*looked->record.said);
  said->paused = ask.paused;
  return Do(task, request, SchedulePut{ask.name, std::move(said), ask.condition});
}

Handled Core::Impl::SchedulePart::Do(Task* task, RequestId request, const ScheduleGet& ask) {
  std::optional<Looked> looked = Look(task, ask.name);
  if (!looked) return Handled::kParked;
  if (!looked->record.said) return NotThere(request);
  ScheduleView view = ViewOf(*looked, kNextShown);
  view.runs = std::move(looked->state.runs);
  return Answer(request, {ScheduleViewed{std::move(view), false}});
}

Handled Core::Impl::SchedulePart::Do(Task* task, RequestId request, const ScheduleDelete& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  std::optional<Looked> looked = Look(task, ask.name);
  if (!looked) return Handled::kParked;
  if (!looked->record.said && ask.condition.IsDefault()) return NotThere(request);
  std::optional<std::string> bytes;
  if (looked->record.said) bytes = EncodeSchedule(*looked->record.said);
  if (!ask.condition.Holds(bytes)) return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  if (!bytes) return NotThere(request);
  MoveTo(&*looked, std::nullopt);
  core_.RemoveRecord(looked->said_slot);
  core_.RemoveRecord(looked->state_slot);
  core_.journal_.AskSync();
  return Answer(request, {ScheduleRemoved{}});
}

Handled Core::Impl::SchedulePart::Do(Task* task, RequestId request, const ScheduleDrop& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  std::optional<Looked> looked = Look(task, ask.name);
  if (!looked) return Handled::kParked;
  if (!looked->record.said) return NotThere(request);
  Result<ScheduleTimes> times = TimesOf(looked->record);
  if (!times.ok()) return core_.Refuse(request, times.status());
  if (const auto next = looked->state.next; next && next->scheduled_at < ask.before) {
    const WallTime first = next->scheduled_at, last = times->LastUntil(first, WallTime{ask.before.ms - 1});
    const uint64_t count = times->Count(first, last, kCountedInOneDrop).count;
    GoOn(&*looked, *times, last, ScheduleRun{ScheduleRun::Outcome::kSkipped, first, core_.now_.wall, {}, count, kDropped});
    core_.journal_.AskSync();
  }
  ScheduleView view = ViewOf(*looked, kNextShown);
  view.runs = std::move(looked->state.runs);
  return Answer(request, {ScheduleViewed{std::move(view), false}});
}

Handled Core::Impl::SchedulePart::Do(Task*, RequestId request, const ScheduleList& ask) {
  const ResourcesQuery& query = ask.query;
  // Two records a schedule, one behind the other.
  std::string from = std::max(query.prefix, query.after.empty() ? "" : KeyOfScheduleState(query.after) + '\0');
  std::string to = query.prefix;
  if (!to.empty()) to.back() = static_cast<char>(to.back() + 1);
  if (from.empty()) from = std::string(1, '\0');
  auto then = [this, request](std::vector<RecordRow>& rows, bool more) {
    SchedulesListed listed;
    for (size_t i = 0; i + 1 < rows.size(); i += 2) {
      Looked looked;
      looked.name = rows[i].key;
      if (!Decode(rows[i].record, rows[i + 1].record, &looked)) return;
      listed.items.push_back(ViewOf(looked, 1));
    }
    if (more && !listed.items.empty()) listed.next = listed.items.back().name;
    Answer(request, {std::move(listed)});
  };
  core_.AskRecords({RecordKind::kSchedule, std::move(from), std::move(to), false, kListPageBytes}, 2 * query.limit, std::move(then));
  return Handled::kDone;
}

Handled Core::Impl::SchedulePart::RunNow(Task* task, const ScheduleRequest& r, const ScheduleRunNow& ask) {
  const RequestId request = r.request;
  if (core_.RefusedStopping(request)) return Handled::kDone;
  std::optional<Looked> looked = Look(task, ask.name);
  if (!looked) return Handled::kParked;
  if (!looked->record.said) return NotThere(request);
  if (!ask.condition.IsDefault() && !ask.condition.Holds(EncodeSchedule(*looked->record.said)))
    return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  // Beside the keys of its times, which are numbers there.
  const std::string key = ask.idempotency_key.empty() ? std::string() : ask.name + '\0' + "by hand" + '\0' + ask.idempotency_key;
  std::optional<Taken> taken = TakeRun(task, *looked, r.begun, key);
  if (!taken) return Handled::kParked;
  if (auto* refused = std::get_if<Refused>(&*taken)) return core_.ReplyAfter(core_.journal_.Barrier(), request, std::move(*refused));
  ScheduleRun run{ScheduleRun::Outcome::kByHand, r.begun, core_.now_.wall, {}, 1, ""};
  ScheduleRan ran{{}, r.begun};
  bool fresh = !IsKept(*taken);
  if (auto* event = std::get_if<Published::Item>(&*taken)) {
    run.notify = event->id;
    run.event = true;
    ran.item = *event;
    fresh &= !event->duplicate;
  } else {
    run.notify = std::get<SubmittedItem>(*taken).id;
    fresh &= !std::get<SubmittedItem>(*taken).duplicate;
    ran.item = std::move(std::get<SubmittedItem>(*taken));
  }
  if (fresh) {
    NoteRun(&*looked, std::move(run));
    WriteState(&*looked);
  }
  return Answer(request, {std::move(ran)}, /*unchanged=*/!fresh);
}

// ---- the window of runs

void Core::Impl::SchedulePart::Insert(const RunKey& key, std::string name) {
  // A page under way may miss it.
  if (key >= horizon_ && !paging_) return;
  rows_[key] = std::move(name);
  Evict();
}

/// Those that are due last go back to being on disk only.
void Core::Impl::SchedulePart::Evict() {
  if (rows_.size() <= kMostRows || paging_) return;
  while (rows_.size() > kPageRows && !under_way_.contains(rows_.rbegin()->first)) {
    horizon_ = std::min(horizon_, rows_.rbegin()->first);
    rows_.erase(std::prev(rows_.end()));
  }
}

void Core::Impl::SchedulePart::PageRuns() {
  if (paging_ || KnowsAll() || rows_.size() >= kPageRows / 2) return;
  paging_ = true;
  core_.AskRecords({RecordKind::kRun, EncodeRunKey(horizon_), "", false}, kPageRows, [this](std::vector<RecordRow>& rows, bool more) {
    paging_ = false;
    for (const RecordRow& row : rows) {
      const std::optional<RunKey> key = DecodeRunKey(row.key);
      Result<NextRun> run = DecodeNextRun(row.record.value);
      if (!key || !run.ok()) return core_.Fatal(Status(Code::kCorrupt, "a schedule's next run that does not parse"));
      rows_[*key] = std::move(run->schedule);
    }
    horizon_ = kAll;
    if (more) {
      horizon_ = *DecodeRunKey(rows.back().key);
      ++horizon_.serial;
    }
    Evict();
  });
}

void Core::Impl::SchedulePart::RecallMissed() {
  if (!recall_ || std::exchange(recalling_, true)) return;
  core_.AskRecords({RecordKind::kSchedule, *recall_, "", false}, kPageRows, [this](std::vector<RecordRow>& rows, bool more) {
    recalling_ = false;
    recall_.reset();
    for (const RecordRow& row : rows) {
      if (row.key.back() != '\0') continue;  // what was said of it
      Result<ScheduleState> state = DecodeScheduleState(row.record.value);
      if (!state.ok()) return core_.Fatal(std::move(state).status());
      RecallMissed(row.key.substr(0, row.key.size() - 1), *state);
    }
    if (more) recall_ = rows.back().key + '\0';
  });
}

void Core::Impl::SchedulePart::RecallMissed(const std::string& name, const ScheduleState& state) {
  uint64_t count = 0;
  const ScheduleRun* newest = nullptr;
  for (const ScheduleRun& run : state.runs) {
    // What this core notes it tells as it happens.
    if (run.outcome != ScheduleRun::Outcome::kMissed || run.at >= began_ || began_.ms - run.at.ms >= kAlertMemoryMs) continue;
    count += run.count;
    newest = &run;
  }
  if (!newest) return;
  core_.out_->flow_logs.push_back(
      {true,
       std::string(kMissedBefore),
       {{"schedule", name}, {"at", std::to_string(newest->at.ms)}, {"count", std::to_string(count)}, {"reason", newest->reason}}});
}

/// Below it there is no run: where a start begins to read.
void Core::Impl::SchedulePart::UpdateMark() {
  RunKey least = std::min(horizon_, left_from_);
  if (!rows_.empty()) least = std::min(least, rows_.begin()->first);
  core_.totals_.run_mark = least == kAll ? DueKey() : DueKey{least.due_ms, NotifyId{least.serial}};
}

void Core::Impl::SchedulePart::NoteLate(const char* why) {
  on_time_from_ = {core_.now_.wall.ms - kOnTimeMs};
  late_for_ = why;
  seen_ = core_.now_.wall;
}

void Core::Impl::SchedulePart::FollowClock() {
  const WallTime now = core_.now_.wall;
  if (now.ms - seen_.ms > kOnTimeMs) NoteLate(core_.lost_ ? kStoreAway : kNotRunning);
  // One that was set back comes to these times again, and none of them is late then.
  on_time_from_ = std::min(on_time_from_, WallTime{now.ms - kOnTimeMs});
  seen_ = now;
}

void Core::Impl::SchedulePart::Fire() {
  FollowClock();
  UpdateMark();
  if (BeginsNone()) return;
  RecallMissed();
  if (left_behind_ && !paging_ && core_.now_.mono >= again_at_) {
    // Another pass, from the first of them on.
    left_behind_ = false;
    horizon_ = std::min(horizon_, std::exchange(left_from_, kAll));
    std::erase_if(rows_, [&](const auto& row) { return row.first >= horizon_ && !under_way_.contains(row.first); });
  }
  PageRuns();
  std::vector<std::pair<RunKey, std::string>> due;
  for (const auto& [key, name] : rows_) {
    if (key.due_ms > core_.now_.wall.ms || under_way_.size() + due.size() >= kMostUnderWay) break;
    if (!under_way_.contains(key)) due.emplace_back(key, name);
  }
  for (auto& [key, name] : due) {
    if (!core_.topics_->MayMakeMore()) break;
    under_way_.insert(key);
    core_.RunTask(MakeTask(ScheduleDue{key.due_ms, key.serial, std::move(name)}));
  }
  PageRuns();
  UpdateMark();
}

void Core::Impl::SchedulePart::AddTo(Wake* wake) const {
  if (BeginsNone()) return;
  if (left_behind_ && !paging_) wake->mono = std::min(wake->mono, again_at_);
  if (recall_ && !recalling_) wake->mono = core_.now_.mono;
  if (!KnowsAll() && !paging_ && rows_.size() < kPageRows / 2) wake->mono = core_.now_.mono;
  if (under_way_.size() >= kMostUnderWay || !core_.topics_->MayMakeMore()) return;
  for (const auto& [key, name] : rows_)
    if (!under_way_.contains(key)) return wake->wall = std::min(wake->wall, WallTime{key.due_ms}), void();
}

}  // namespace notifyd
