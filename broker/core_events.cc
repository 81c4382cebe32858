// Events are shown, and go once their time is over and none of their notifies is left. See core_topics.h.
#include <algorithm>
#include <utility>

#include "broker/core_topics.h"
#include "broker/flow.h"

namespace notifyd {
namespace {

/// How often events whose time is over are looked for. Until then they are hidden.
constexpr int64_t kSweepMs = 3'600'000;
constexpr size_t kSweepRows = 256;
/// So many of a topic's events in a row that stay for their age: so do those behind them.
constexpr size_t kYoungInARow = 64;
/// So many of an event's notifies are looked up at once, until one is found that is still there.
constexpr uint64_t kSweepNotifies = 64;
/// What notifies of one event that are read at once may bring of its payload, each of them all of it.
constexpr size_t kPayloadsAtOnceBytes = 256 << 10;

size_t NotifiesAtOnce(size_t payload_bytes) {
  return std::clamp<size_t>(kPayloadsAtOnceBytes / std::max<size_t>(payload_bytes, 1), 1, kSweepNotifies);
}

}  // namespace

int64_t Core::Impl::TopicPart::RetentionOf(const std::string& topic) const {
  core_.CheckCatalog();
  auto found = topics_.find(topic);
  return found == topics_.end() ? kDefaultRetentionMs : found->second.said.retention_ms;
}

/// It is as good as gone. Where events stay as long as their notifies, that is never so before they are removed; nor of one that is held, or is not
/// fanned out to the end.
bool Core::Impl::TopicPart::IsOver(const EventRecord& event, const EventPlace& place) const {
  const int64_t retention_ms = RetentionOf(event.topic);
  const int64_t from = std::max(place.counted_from.ms, event.due_at ? event.due_at->ms : 0);
  return retention_ms > 0 && !place.held && place.matched && from + retention_ms <= core_.now_.wall.ms;
}

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const EventGet& ask) {
  Hand hand;
  EventPlace place;
  RecordSlot* slot = nullptr;
  if (std::optional<Handled> handled = NeedEvent(task, ask.id, &hand, &place, &slot)) return *handled;
  if (!hand.event || IsOver(*hand.event, place)) {
    viewing_.erase(request);
    return core_.RefuseAfter(request, Code::kNotFound, kNoEvent);
  }
  std::vector<NotifyId> ids;
  bool more = false;
  std::sort(place.runs.begin(), place.runs.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const EventPlace::Run& run : place.runs) {
    const uint64_t end = run.first.value + run.count;
    for (uint64_t id = std::max(run.first.value, ask.above.value + 1); id < end && !more; ++id) {
      if (ids.size() == ask.limit) more = true;
      else ids.push_back({id});
    }
  }
  const Entry* holds = place.held ? core_.NeedEntry(task, ask.id) : nullptr;
  if (task->missing > 0 || !LookAtNotifies(task, ids, hand.event->payload.size(), &viewing_[request])) return Handled::kParked;
  EventViewed answer;
  answer.notifies = std::move(viewing_.extract(request).mapped().seen);
  if (holds && holds->exists) answer.fkey = holds->envelope->fkey;
  answer.event = {ask.id, hand.event, place.matched, place.held};
  answer.untransformed = std::move(place.untransformed);
  if (more) answer.next = ids.back();
  return Answer(request, {std::move(answer)});
}

/// Adds the event's notifies behind those that were looked at before, a few at a time: whoever reads one from the store gets the event's payload with
/// it. Returns false where the task must wait for the next ones.
bool Core::Impl::TopicPart::LookAtNotifies(Task* task, const std::vector<NotifyId>& ids, size_t payload_bytes, Viewing* viewing) {
  const size_t at_once = NotifiesAtOnce(payload_bytes);
  while (viewing->next < ids.size()) {
    const NotifyId id = ids[viewing->next];
    const Entry* entry = core_.NeedEntry(task, id);
    if (!entry) {
      for (size_t i = viewing->next + 1; i < std::min(ids.size(), viewing->next + at_once); ++i) core_.NeedEntry(task, ids[i]);
      return false;
    }
    ++viewing->next;
    if (!entry->exists) continue;
    const FlowFields* flow = entry->envelope->flow.get();
    viewing->seen.push_back({id, flow ? flow->subscription : std::string(), core_.StateOf(entry->state, entry), entry->envelope});
  }
  return true;
}

std::optional<bool> Core::Impl::TopicPart::IsUnderWay(Task* task, NotifyId event) {
  Hand hand;
  EventPlace place;
  RecordSlot* slot = nullptr;
  if (NeedEvent(task, event, &hand, &place, &slot)) return std::nullopt;
  if (!hand.event) return false;
  if (place.held) {
    const Entry* entry = core_.NeedEntry(task, event);
    if (!entry) return std::nullopt;
    // One that succeeded let it go under an earlier notifyd, which said so nowhere else.
    if (entry->exists) return entry->pending() || entry->state.phase == Phase::kSucceeded;
    return IsOnAgenda(event);
  }
  if (!place.matched) return true;
  std::vector<const Entry*> looked;
  for (const EventPlace::Run& run : place.runs) {
    for (uint64_t i = 0; i < run.count; ++i) {
      looked.push_back(core_.NeedEntry(task, NotifyId{run.first.value + i}));
      if (looked.size() < kSweepNotifies && i + 1 < run.count) continue;
      if (task->missing > 0) return std::nullopt;
      if (std::any_of(looked.begin(), looked.end(), [](const Entry* entry) { return entry->exists && entry->pending(); })) return true;
      looked.clear();
    }
  }
  return false;
}

/// The store leaves the payloads out: a page of them would be as much as thousands of the largest bodies.
Handled Core::Impl::TopicPart::On(Task*, RequestId request, const EventList& ask) {
  const NotifyId below = ask.below.value == 0 ? NotifyId{UINT64_MAX} : ask.below;
  RecordsPage page{RecordKind::kTopicEvent, KeyOfTopicEvent(ask.topic, {}), KeyOfTopicEvent(ask.topic, below),
                   /*newest_first=*/true,   /*most_bytes=*/kListPageBytes,  /*with_events=*/true};
  core_.AskRecords(std::move(page), ask.limit, [this, request](std::vector<RecordRow>& rows, bool more) {
    EventsListed answer;
    for (const RecordRow& row : rows) {
      if (!row.event) continue;
      Result<EventPlace> place = DecodeEventPlace(row.record.value);
      if (!place.ok()) return core_.Fatal(place.status());
      if (IsOver(*row.event, *place)) continue;
      answer.items.push_back({EventOfKey(row.key), row.event, place->matched, place->held});
    }
    if (more && !rows.empty()) answer.next = EventOfKey(rows.back().key);
    Answer(request, {std::move(answer)});
  });
  return Handled::kDone;
}

// ---- their end

void Core::Impl::TopicPart::EndTurn() {
  EndFanOuts();
  WriteBacklogs();
  TellSkips();
  if (core_.stopping_ || sweeping_ || !SweepsEvents() || core_.now_.mono < next_sweep_) return;
  sweeping_ = true;
  swept_.clear();
  AskSweep();
}

void Core::Impl::TopicPart::AskSweep() {
  core_.AskRecords(RecordsPage{RecordKind::kTopicEvent, swept_, "", false}, kSweepRows, [this](std::vector<RecordRow>& rows, bool more) {
    sweep_rows_ = Rows{std::move(rows), more, 0};
    sweep_row_ = 0;
    sweep_run_ = 0;
    sweep_at_ = 0;
    core_.RunTask(MakeTask(AgendaDue{0, std::string(1, kSweepEvents)}));
  });
}

/// Looks at the page's rows, one event after the other: those of a topic lie by age, but for those that were held, or due later. So a few in a row
/// that stay for their age end that topic. Events that stay for one of their notifies do not.
Handled Core::Impl::TopicPart::SweepRows(Task* task) {
  std::vector<RecordRow>& rows = sweep_rows_.rows;
  std::string skipped;  // nothing of that topic any more
  std::string young_of;
  size_t young = 0;
  while (sweep_row_ < rows.size()) {
    const RecordRow& row = rows[sweep_row_];
    const std::string topic = row.key.substr(0, row.key.find('\0'));
    Result<EventPlace> place = DecodeEventPlace(row.record.value);
    if (!place.ok()) {
      core_.Fatal(place.status());
      return Handled::kDone;
    }
    const int64_t retention_ms = RetentionOf(topic);
    if (topic == skipped || place->counted_from.ms + retention_ms > core_.now_.wall.ms) {
      // One that is due later says nothing of those behind it.
      if (place->counted_from <= core_.now_.wall) {
        young = topic == young_of ? young + 1 : 1;
        young_of = topic;
        if (young >= kYoungInARow) skipped = topic;
      }
      ++sweep_row_;
      continue;
    }
    young_of.clear();
    bool stays = !place->matched && !place->held;
    if (place->held) {
      const Entry* holds = core_.NeedEntry(task, EventOfKey(row.key));
      if (!holds) return Handled::kParked;
      stays = holds->exists;  // a retry of it would let the event go after all
    }
    while (!stays && sweep_run_ < place->runs.size()) {
      const EventPlace::Run& run = place->runs[sweep_run_];
      const uint64_t to = std::min(run.count, sweep_at_ + kSweepNotifies);
      for (uint64_t i = sweep_at_; i < to; ++i) core_.NeedEntry(task, {run.first.value + i});
      if (task->missing > 0) return Handled::kParked;
      for (uint64_t i = sweep_at_; i < to; ++i) stays = stays || core_.FindEntry({run.first.value + i})->exists;
      sweep_at_ = to;
      if (sweep_at_ == run.count) {
        ++sweep_run_;
        sweep_at_ = 0;
      }
    }
    stays = stays || IsOnAgenda(EventOfKey(row.key));
    // As it is now: it may have got notifies since the page was read.
    RecordSlot* slot = stays ? nullptr : core_.NeedRecord(task, RecordKind::kTopicEvent, row.key);
    RecordSlot* event = stays ? nullptr : core_.NeedRecord(task, RecordKind::kEvent, KeyOfEvent(EventOfKey(row.key)));
    if (task->missing > 0) return Handled::kParked;
    if (slot && slot->record && slot->record->value == row.record.value) {
      core_.RemoveRecord(slot);
      core_.RemoveRecord(event);
    }
    ++sweep_row_;
    sweep_run_ = 0;
    sweep_at_ = 0;
  }
  const bool more = sweep_rows_.more && !rows.empty();
  if (more) swept_ = rows.back().key.starts_with(skipped + '\0') && !skipped.empty() ? skipped + '\x01' : rows.back().key + '\0';
  sweep_rows_ = {};
  if (more && !core_.stopping_) {
    AskSweep();
  } else {
    sweeping_ = false;
    next_sweep_ = {core_.now_.mono.ms + kSweepMs};
  }
  return Handled::kDone;
}

}  // namespace notifyd
