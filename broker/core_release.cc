// An event that was held under an fkey is let go: the turn of the notify that holds it has come. See core_topics.h.
//
// From that batch on the event itself has what its trigger left (T9): the notify is settled, and goes as its retention or a purge has it, however long
// the event waits for its own turn.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "broker/core_topics.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// Of more no page that is being read, or waits, is known to be as it was read.
constexpr size_t kMostReleasedKept = 4096;
/// Why what holds an event failed: NotifyState::reason.
constexpr const char* kEventGone = "event_gone";

std::string EncodeReleaseHeld(NotifyId event) {
  std::string what;
  Encoder encoder(&what);
  encoder.U8(static_cast<uint8_t>(kReleaseHeld));
  encoder.Varint(event.value);
  return what;
}

}  // namespace

void Core::Impl::TopicPart::Release(Entry* entry, const std::string& spec) {
  const NotifyId id = entry->id;
  const std::string topic = entry->envelope->host.substr(kHeldHost.size());
  RecordSlot* event = core_.FindRecord({RecordKind::kEvent, KeyOfEvent(id)});
  RecordSlot* slot = core_.FindRecord({RecordKind::kTopicEvent, KeyOfTopicEvent(topic, id)});
  if (!event || !slot) {
    entry->start_waits = true;
    return core_.RunTask(MakeTask(AgendaDue{0, EncodeReleaseHeld(id)}));
  }
  Hand hand{id, nullptr};
  EventPlace place;
  if (event->record && slot->record) {
    Result<EventRecord> record = DecodeEvent(event->record->value);
    Result<EventPlace> found = DecodeEventPlace(slot->record->value);
    if (!record.ok() || !found.ok()) {
      return core_.Fatal(record.ok() ? found.status() : record.status());
    }
    hand.event = std::make_shared<const EventRecord>(*std::move(record));
    place = *std::move(found);
  }
  Lane* lane = entry->lane;
  const Kept kept(&core_, lane);
  core_.TakeBackTurn(entry);
  if (hand.event && place.held) {
    LetGo(spec, &hand);
    BeginFanOut(id, FanOutKind::kHeld, {});
  }
  if (!hand.event) NoteLostEvent(id);
  core_.Settle(entry, hand.event ? Phase::kSucceeded : Phase::kFailed, hand.event ? "" : kEventGone, std::nullopt);
  core_.journal_.AskSync();
  core_.Kick(lane);
  core_.RefillTail(lane);
}

/// Reads the event of a notify whose turn has come; then that is taken, if it has not been given back meanwhile.
Handled Core::Impl::TopicPart::ReleaseHeld(Task* task, const AgendaDue& r) {
  const NotifyId id{Decoder(std::string_view(r.what).substr(1)).Varint()};
  Entry* entry = core_.FindEntry(id);
  if (!entry || !entry->start_waits) return Handled::kDone;
  core_.Pin(task, entry);  // else its spec, where there is no room to keep that, is gone by the time the event is read
  if (!MayMakeMore()) return WaitForRoom(task);
  // Of a topic's event that is not there both are asked for all the same: Release finds out.
  core_.NeedRecord(task, RecordKind::kEvent, KeyOfEvent(id));
  core_.NeedRecord(task, RecordKind::kTopicEvent, KeyOfTopicEvent(entry->envelope->host.substr(kHeldHost.size()), id));
  if (task->missing > 0) return Handled::kParked;
  core_.EmitStart(entry);
  return Handled::kDone;
}

/// Gives an event that was held, and is on the agenda from this batch on, what its notify has for it by now.
void Core::Impl::TopicPart::LetGo(std::string_view spec, Hand* hand) {
  ++released_;
  last_released_.push_back(hand->id);
  if (last_released_.size() > kMostReleasedKept) last_released_.pop_front();
  Result<NotifySpec> last = DecodeSpec(spec);
  if (!last.ok() || (last->payload_kind == hand->event->payload_kind && last->payload == hand->event->payload)) return;
  auto event = std::make_shared<EventRecord>(*hand->event);
  event->payload_kind = last->payload_kind;
  event->payload = std::move(last->payload);
  core_.stored_.bytes += event->payload.size() - std::min(event->payload.size(), hand->event->payload.size());
  std::string bytes = EncodeEvent(*event);
  CountMade(bytes.size());
  core_.WriteRecord(core_.records_.at({RecordKind::kEvent, KeyOfEvent(hand->id)}).get(), std::move(bytes));
  *hand = Hand{hand->id, std::move(event)};
}

/// The same of one that may have been let go by an earlier notifyd, which left what its trigger made of it with the notify. Returns false where the
/// task must wait.
bool Core::Impl::TopicPart::TakeOver(Task* task, uint64_t serial, Hand* hand) {
  Begun& begun = begun_.at(serial);
  if (begun.taken_over) return true;
  const Entry* entry = core_.NeedEntry(task, hand->id, Reads::kWhole);
  if (!entry) return false;
  begun.taken_over = true;
  if (!entry->full) return true;
  LetGo(*entry->full->spec, hand);
  core_.journal_.AskSync();
  return true;
}

/// What was acknowledged of an event is not there. It is said, whatever the cause.
void Core::Impl::TopicPart::NoteLostEvent(NotifyId event) {
  core_.out_->flow_logs.push_back({true, "event lost", {{"event_id", event.ToString()}}});
}

/// Was one of a page's events let go since it was read? Then the page has it as it was published.
bool Core::Impl::TopicPart::IsStale(const Rows& rows) const {
  const uint64_t since = released_ - rows.released;
  if (since == 0 || rows.rows.empty()) return false;
  if (since > last_released_.size()) return true;
  const NotifyId first = EventOfKey(rows.rows.front().key), last = EventOfKey(rows.rows.back().key);
  return std::any_of(last_released_.end() - static_cast<ptrdiff_t>(since), last_released_.end(),
                     [&](NotifyId id) { return first <= id && id <= last; });
}

}  // namespace notifyd
