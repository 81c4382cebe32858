// The runs of schedules: what becomes of each of their times. See core_schedules.h.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/json_tree.h"
#include "broker/core_schedules.h"
#include "broker/core_submits.h"
#include "broker/core_topics.h"
#include "broker/flow.h"
#include "broker/flow_settings.h"
#include "broker/partition.h"
#include "broker/payload.h"
#include "broker/scheduled_text.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// The template's spec as it is at `scheduled_at`.
NotifySpec SpecAt(const Schedule& said, WallTime scheduled_at) {
  Result<NotifySpec> spec = DecodeSpec(*said.spec);
  CHECK(spec.ok());
  if (spec->payload_kind == PayloadKind::kData) spec->payload = AtTime(spec->payload, scheduled_at);
  return *std::move(spec);
}

bool IsTemplated(const Schedule& said) {
  return said.spec->find(kScheduledAt) != std::string::npos;
}

/// Which time of a schedule something is for, as an idempotency key. No submitter can say one with a NUL, so it is the schedule's alone; and its
/// fields are made of it alone, so that they are the same whatever the template is by now: that time is made.
std::string KeyOfRun(const std::string& schedule, WallTime scheduled_at) {
  return schedule + '\0' + std::to_string(scheduled_at.ms);
}

/// Of its lane, for a run that has this spec: as ReadNotify's for a submit. That its data has a value, where it must, was seen when the schedule was
/// put. `turn`: the same each time that it is tried.
std::string PartitionOf(const NotifySpec& spec, uint64_t turn) {
  const Result<JsonTree> data = JsonTree::Parse(spec.payload_kind == PayloadKind::kData ? spec.payload : "");
  const std::optional<uint64_t> hash = data.ok() ? OrderHashAt(*data, *spec.order_by) : std::nullopt;
  return PartitionSuffix(hash.value_or(spec.order_by_spread ? turn : 0), spec.partitions);
}

bool IsOneOf(const ScheduleTimes& times, WallTime at) {
  return times.After({at.ms - 1}) == at;
}

/// Whether each time of `of` between the two, the latter included, is one of `times`, and they are `most` at most.
bool HasAllOf(const ScheduleTimes& times, const ScheduleTimes& of, WallTime after, WallTime until, uint64_t most) {
  std::optional<WallTime> at = of.After(after);
  for (uint64_t looked_at = 0; at && *at <= until; at = of.After(*at), ++looked_at)
    if (looked_at == most || !IsOneOf(times, *at)) return false;
  return true;
}

/// One that is under way again in a second, as what refuses it may be over by then.
bool MayPass(Code code) {
  return code == Code::kTooMany || code == Code::kDiskFull;
}

const char* WordOf(Code code) {
  switch (code) {
    case Code::kTooMany:
      return "quota";
    case Code::kDiskFull:
      return "disk_full";
    case Code::kConflict:
      return "conflict";
    case Code::kTooLarge:
      return "too_large";
    default:
      return "unacceptable";
  }
}

}  // namespace

Status Core::Impl::SchedulePart::Fits(const notifyd::Schedule& said, const NotifySpec& spec) const {
  const size_t most = core_.limits_.max_body_bytes;
  if (!said.publishes()) {
    Result<WireParts> parts = SplitWireRequest(spec, most);
    return parts.ok() ? Status::Ok() : std::move(parts).status().Within("/notify");
  }
  if (spec.payload.size() <= most) return Status::Ok();
  return Status(Code::kTooLarge, "with the time in it data has more than " + std::to_string(most) + " bytes", "/publish/data");
}

Status Core::Impl::SchedulePart::Fits(const notifyd::Schedule& said) const {
  return IsTemplated(said) ? Fits(said, SpecAt(said, core_.now_.wall)) : Status::Ok();
}

SubmitItem Core::Impl::SchedulePart::ItemOf(const Looked& looked, WallTime scheduled_at, const std::string& key, const NotifySpec& spec) const {
  const notifyd::Schedule& said = *looked.record.said;
  SubmitItem item;
  auto flow = std::make_shared<FlowFields>();
  if (said.envelope->flow) *flow = *said.envelope->flow;
  flow->schedule = looked.name;
  flow->scheduled_at = scheduled_at;
  auto envelope = std::make_shared<Envelope>(*said.envelope);
  envelope->flow = std::move(flow);
  if (spec.order_by) envelope->lane.name += PartitionOf(spec, Hash64(KeyOfRun(looked.name, scheduled_at)));
  item.envelope = std::move(envelope);
  item.spec = IsTemplated(said) ? std::make_shared<const std::string>(EncodeSpec(spec)) : said.spec;
  item.when = said.when;
  item.ttl = said.ttl;
  item.on_held = said.on_held;
  if (key.empty()) return item;
  item.idempotency_key = key;
  item.idempotency_window_ms = std::max(core_.limits_.idempotency_window_ms, kLeastWindowMs);
  item.fields = item.fields_1 = FingerprintOf(item.idempotency_key);
  return item;
}

EventItem Core::Impl::SchedulePart::EventOf(const Looked& looked, WallTime scheduled_at, const std::string& key, NotifySpec spec) const {
  const notifyd::Schedule& said = *looked.record.said;
  EventItem item;
  item.topic = said.topic;
  item.key = said.key;
  item.caller = said.envelope->caller;
  item.labels = said.envelope->labels;
  item.fkey = said.envelope->fkey;
  item.payload_kind = spec.payload_kind;
  item.payload = std::move(spec.payload);
  if (spec.content_type_given) item.content_type = std::move(spec.content_type);
  item.when = said.when;
  item.on_held = said.on_held;
  item.schedule = looked.name;
  item.scheduled_at = scheduled_at;
  if (key.empty()) return item;
  item.idempotency_key = key;
  item.idempotency_window_ms = std::max(core_.limits_.idempotency_window_ms, kLeastWindowMs);
  item.fields = FingerprintOf(item.idempotency_key);
  return item;
}

std::optional<Core::Impl::SchedulePart::Taken> Core::Impl::SchedulePart::TakeRun(Task* task, const Looked& looked, WallTime scheduled_at,
                                                                                 const std::string& key) {
  const notifyd::Schedule& said = *looked.record.said;
  NotifySpec spec = SpecAt(said, scheduled_at);
  // Judged anew: what a body may have is a setting, too.
  if (said.publishes() || IsTemplated(said))
    if (Status status = Fits(said, spec); !status.ok()) return Refused{std::move(status), {}};
  if (said.publishes()) {
    if (!core_.NeedCatalog(task)) return std::nullopt;
    Publish publish;
    publish.events.push_back(EventOf(looked, scheduled_at, key, std::move(spec)));
    const size_t bytes = publish.events.front().payload.size();
    publish.strict = core_.flow_settings_ && core_.flow_settings_->strict_topics;
    task->merged.clear();  // what it was when the task ran before
    std::optional<TopicPart::Taken> taken = core_.topics_->TakeAll(task, publish);
    if (!taken) return std::nullopt;
    if (auto* refused = std::get_if<Refused>(&*taken)) return std::move(*refused);
    core_.topics_->CountMade(bytes);
    return std::get<Published>(*taken).events.front();
  }
  SubmitRequest submit;
  submit.items.push_back(ItemOf(looked, scheduled_at, key, spec));
  task->merged.clear();  // what it was when the task ran before
  std::optional<Submits::Taken> taken = Submits(&core_, task).Take(submit);
  if (!taken) return std::nullopt;
  if (auto* refused = std::get_if<Refused>(&*taken)) return std::move(*refused);
  core_.topics_->CountMade(submit.items.front().spec->size());
  return std::move(std::get<Submitted>(*taken).items.front());
}

bool Core::Impl::SchedulePart::IsKept(const Taken& taken) {
  if (const auto* event = std::get_if<Published::Item>(&taken)) return event->kept;
  const auto* item = std::get_if<SubmittedItem>(&taken);
  return item && item->kept;
}

std::optional<bool> Core::Impl::SchedulePart::IsUnderWay(Task* task, const ScheduleState& state) {
  if (state.last.value == 0) return false;
  if (state.last_is_event) return core_.topics_->IsUnderWay(task, state.last);
  const Entry* last = core_.NeedEntry(task, state.last);
  if (!last) return std::nullopt;
  return last->exists && last->pending();
}

Handled Core::Impl::SchedulePart::Done(const RunKey& key) {
  under_way_.erase(key);
  return Handled::kDone;
}

Handled Core::Impl::SchedulePart::LeaveBehind(const RunKey& key) {
  Erase(key);
  left_from_ = std::min(left_from_, key);
  if (!left_behind_) again_at_ = {core_.now_.mono.ms + kAgainMs};
  left_behind_ = true;
  return Done(key);
}

Handled Core::Impl::SchedulePart::Handle(Task* task, ScheduleDue& r) {
  const RunKey key{r.due_ms, r.serial};
  if (BeginsNone()) return Done(key);
  FollowClock();
  std::optional<Looked> looked = Look(task, r.schedule);
  if (!looked) return Handled::kParked;
  const ScheduleState& state = looked->state;
  if (!looked->record.said || looked->record.serial != key.serial || !state.next || state.next->due.ms != key.due_ms) {
    Erase(key);
    counting_.erase(key.serial);
    return Done(key);
  }
  Result<ScheduleTimes> times = TimesOf(looked->record);
  if (!times.ok()) return LeaveBehind(key);  // its zone is not known yet, or not any more
  WallTime at = state.next->scheduled_at;
  if (state.next->due >= on_time_from_ || IsTried(*looked, *times)) return RunAt(task, key, &*looked, *times, at);
  switch (looked->record.said->missed) {
    case Missed::kAll:
      if (state.caught_up < kMostCaughtUp) {
        ++looked->state.caught_up;
        return RunAt(task, key, &*looked, *times, at);
      }
      break;
    case Missed::kOne: {
      const WallTime last = times->LastDueUntil(looked->name, at, core_.now_.wall);
      if (!times->Count(at, last, kCountedInOneTurn).all) {
        NoteMissed(&*looked, *times, at, last);
        return Done(key);
      }
      return RunAt(task, key, &*looked, *times, last);
    }
    case Missed::kSkip:
      break;
  }
  const WallTime last = times->LastDueUntil(looked->name, at, WallTime{on_time_from_.ms - 1});
  if (NoteMissed(&*looked, *times, at, last)) GoOn(&*looked, *times, last, std::nullopt);
  return Done(key);
}

/// Makes the run of that time, the one that is next or, where only one of those that were missed is made, a later one.
Handled Core::Impl::SchedulePart::RunAt(Task* task, const RunKey& key, Looked* looked, const ScheduleTimes& times, WallTime at) {
  const WallTime first = looked->state.next->scheduled_at;
  ScheduleRun run{ScheduleRun::Outcome::kMade, at, core_.now_.wall, {}, 1, ""};
  if (looked->record.said->skip_overlap) {
    const std::optional<bool> under_way = IsUnderWay(task, looked->state);
    if (!under_way) return Handled::kParked;
    if (*under_way) {
      run.outcome = ScheduleRun::Outcome::kSkipped;
      run.reason = "overlap";
    }
  }
  std::optional<Refused> refused;
  if (run.outcome == ScheduleRun::Outcome::kMade) {
    std::optional<Taken> taken = TakeRun(task, *looked, at, KeyOfRun(looked->name, at));
    if (!taken) return Handled::kParked;
    run.event = std::holds_alternative<Published::Item>(*taken);
    if (auto* no = std::get_if<Refused>(&*taken)) {
      refused = std::move(*no);
    } else if (IsKept(*taken)) {
      run.outcome = ScheduleRun::Outcome::kSkipped;
      run.reason = "kept";
      run.event = false;
    } else {
      run.notify = run.event ? std::get<Published::Item>(*taken).id : std::get<SubmittedItem>(*taken).id;
    }
  }
  if (refused) {
    const Code code = refused->status.code();
    const std::optional<WallTime> next = times.After(at);
    // What comes while the store is away is for `missed`, once it is back.
    if (code == Code::kUnavailable) return LeaveBehind(key);
    if (MayPass(code) && (!next || times.DueOf(looked->name, *next) > core_.now_.wall)) return TryAgain(key, looked, times, at);
    run.outcome = ScheduleRun::Outcome::kMissed;
    run.reason = WordOf(code);
  }
  if (first < at) NoteMissed(looked, times, first, WallTime{at.ms - 1});
  GoOn(looked, times, at, std::move(run));
  return Done(key);
}

Handled Core::Impl::SchedulePart::TryAgain(const RunKey& key, Looked* looked, const ScheduleTimes& times, WallTime at) {
  ScheduleState& state = looked->state;
  const WallTime first = state.next->scheduled_at, due = times.DueOf(looked->name, at);
  if (first < at && due >= on_time_from_) {
    // This one came in time: those before it are not made any more, and it is made, or missed, by itself.
    NoteMissed(looked, times, first, WallTime{at.ms - 1});
    MoveTo(looked, ScheduleState::Next{due, at});
    WriteState(looked);
    return Done(key);
  }
  if (looked->record.said->missed == Missed::kSkip && state.caught_up == 0) {
    state.caught_up = 1;
    WriteState(looked);
  }
  return LeaveBehind(key);
}

bool Core::Impl::SchedulePart::IsTried(const Looked& looked, const ScheduleTimes& times) const {
  if (looked.record.said->missed != Missed::kSkip || looked.state.caught_up == 0) return false;
  const std::optional<WallTime> next = times.After(looked.state.next->scheduled_at);
  return !next || times.DueOf(looked.name, *next) > core_.now_.wall;
}

bool Core::Impl::SchedulePart::NoteMissed(Looked* looked, const ScheduleTimes& times, WallTime first, WallTime until) {
  const ScheduleTimes::Counted counted = times.Count(first, until, kCountedInOneTurn);
  ScheduleState& state = looked->state;
  ScheduleRun run{ScheduleRun::Outcome::kMissed, first, core_.now_.wall, {}, counted.count, late_for_};
  const uint64_t serial = looked->record.serial;
  if (counting_.erase(serial) > 0 && !state.runs.empty() && state.runs.back().reason == late_for_) {
    // It goes on with what was counted in the turn before.
    run.scheduled_at = state.runs.back().scheduled_at;
    run.count += state.runs.back().count;
    state.missed -= state.runs.back().count;
    state.runs.pop_back();
  }
  if (counted.all) return NoteRun(looked, std::move(run)), true;
  state.missed += run.count;
  Keep(&state, std::move(run));
  counting_.insert(serial);
  GoOn(looked, times, counted.last, std::nullopt);
  return false;
}

void Core::Impl::SchedulePart::ChangeTimes(Looked* looked, const std::shared_ptr<const notifyd::Schedule>& before, const ScheduleTimes* times) {
  const WallTime now = core_.now_.wall;
  const bool paused = looked->record.said->paused;
  std::optional<ScheduleState::Next> next = looked->state.next;
  const bool came = next && next->scheduled_at <= now;
  bool stays = came && !paused && IsOneOf(*times, next->scheduled_at);
  if (came) {
    const Result<ScheduleTimes> old = TimesOf({looked->record.serial, looked->record.created_at, before});
    // From the one that stays on the new times count: none of those that came since may be one that was never said.
    stays = stays && old.ok() && HasAllOf(*old, *times, next->scheduled_at, now, kCountedInOneTurn);
    NoteDropped(looked, old.ok() ? &*old : nullptr, stays ? times : nullptr);
  }
  if (stays) {
    // What waits for its jitter waits for the new one, where that is not over yet.
    if (next->due > now) next->due = std::max(now, times->DueOf(looked->name, next->scheduled_at));
  } else {
    next.reset();
    if (std::optional<WallTime> at = paused ? std::nullopt : times->After(now)) next = {times->DueOf(looked->name, *at), *at};
    looked->state.caught_up = 0;
  }
  if (next != looked->state.next) MoveTo(looked, next);
}

void Core::Impl::SchedulePart::NoteDropped(Looked* looked, const ScheduleTimes* old, const ScheduleTimes* stay) {
  const WallTime now = core_.now_.wall, first = looked->state.next->scheduled_at;
  ScheduleRun run{ScheduleRun::Outcome::kMissed, first, now, {}, 0, "changed"};
  if (looked->record.said->paused) run.outcome = ScheduleRun::Outcome::kSkipped, run.reason = "paused";
  if (!stay) run.count = old ? old->Count(first, now, kCountedInOneTurn).count : 1;
  std::optional<WallTime> at = stay && old ? std::optional(first) : std::nullopt;
  for (uint64_t looked_at = 0; at && *at <= now && looked_at < kCountedInOneTurn; at = old->After(*at), ++looked_at)
    if (!IsOneOf(*stay, *at) && run.count++ == 0) run.scheduled_at = *at;
  if (run.count > 0) NoteRun(looked, std::move(run));
}

void Core::Impl::SchedulePart::Keep(ScheduleState* state, ScheduleRun run) {
  state->runs.push_back(std::move(run));
  if (state->runs.size() > kRunsKept) state->runs.erase(state->runs.begin());
}

void Core::Impl::SchedulePart::NoteRun(Looked* looked, ScheduleRun run) {
  ScheduleState& state = looked->state;
  if (run.notify.value != 0) {
    state.last = run.notify;
    state.last_is_event = run.event;
  }
  if (run.outcome == ScheduleRun::Outcome::kMissed) {
    state.missed += run.count;
    missed_ += run.count;
    core_.out_->flow_logs.push_back({true,
                                     "run missed",
                                     {{"schedule", looked->name},
                                      {"scheduled_at", FormatRfc3339(run.scheduled_at)},
                                      {"count", std::to_string(run.count)},
                                      {"reason", run.reason}}});
  }
  Keep(&state, std::move(run));
}

void Core::Impl::SchedulePart::GoOn(Looked* looked, const ScheduleTimes& times, WallTime done, std::optional<ScheduleRun> run) {
  if (run) NoteRun(looked, *std::move(run));
  std::optional<ScheduleState::Next> next;
  if (std::optional<WallTime> at = times.After(done)) next = {times.DueOf(looked->name, *at), *at};
  // Of the next stop as many are made again.
  if (!next || next->due >= on_time_from_ || looked->record.said->missed != Missed::kAll) looked->state.caught_up = 0;
  MoveTo(looked, next);
  WriteState(looked);
}

void Core::Impl::SchedulePart::MoveTo(Looked* looked, std::optional<ScheduleState::Next> next) {
  const uint64_t serial = looked->record.serial;
  if (looked->state.next) {
    const RunKey before{looked->state.next->due.ms, serial};
    Erase(before);
    core_.RemoveRecord(RecordKey{RecordKind::kRun, EncodeRunKey(before)}, /*was_there=*/true);
  }
  looked->state.next = next;
  if (!next) return;
  const RunKey key{next->due.ms, serial};
  core_.WriteRecord(RecordKey{RecordKind::kRun, EncodeRunKey(key)}, EncodeNextRun({looked->name}), kWallNever, /*fresh=*/true);
  Insert(key, looked->name);
}

void Core::Impl::SchedulePart::WriteState(Looked* looked) {
  core_.WriteRecord(looked->state_slot, EncodeScheduleState(looked->state));
}

}  // namespace notifyd
