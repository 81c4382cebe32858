// An event's payload is stored once, with the event; its notifies are written without it. Whoever reads one gets it whole; who lists events gets
// none.
#include <map>
#include <memory>
#include <span>
#include <utility>

#include "broker/flow.h"
#include "broker/spec.h"
#include "broker/topic_records.h"
#include "storage/keys.h"
#include "storage/reader.h"
#include "storage/records.h"
#include "storage/sealed_records.h"

namespace notifyd {

Status Reader::FillPayloads(const KvReads& reads, const std::vector<NotifyRecord*>& records, size_t* bytes) const {
  std::map<NotifyId, std::vector<NotifyRecord*>> by_event;
  for (NotifyRecord* record : records)
    if (record && record->envelope->flow && IsPayloadOfEvent(*record->spec)) by_event[record->envelope->flow->event].push_back(record);
  if (by_event.empty()) return Status::Ok();
  std::vector<NotifyId> events;
  std::vector<std::string> keys;
  for (const auto& [event, notifies] : by_event) {
    events.push_back(event);
    keys.push_back(space_.In(EncodeRecordKey(RecordKind::kEvent, KeyOfEvent(event))));
  }
  Status status = reads.GetAll(keys, [&](size_t i, std::string_view value) {
    if (IsOrphan(value)) return Status::Ok();
    Result<StoredRecord> stored = DecodeSealedRecord(*sealing_, space_.number(), RecordKind::kEvent, KeyOfEvent(events[i]), value);
    if (!stored.ok()) return std::move(stored).status();
    Result<EventRecord> event = DecodeEvent(stored->value);
    if (!event.ok()) return std::move(event).status();
    const auto notifies = by_event.extract(events[i]);
    for (NotifyRecord* notify : notifies.mapped()) {
      notify->bare = notify->spec;
      notify->spec = std::make_shared<const std::string>(WithPayload(*notify->spec, event->payload_kind, event->payload));
      *bytes += event->payload.size();
    }
    return Status::Ok();
  });
  if (!status.ok()) return status;
  // An event outlives its notifies; but one that retention hides may be asked for still.
  for (const auto& [event, notifies] : by_event)
    for (NotifyRecord* notify : notifies) {
      if (!IsSettled(notify->state.phase)) return Status(Code::kCorrupt, "the event of " + notify->id.ToString() + " is not there");
      notify->spec = std::make_shared<const std::string>(WithPayload(*notify->spec, PayloadKind::kNone, ""));
    }
  return Status::Ok();
}

Status Reader::LeavePayloads(const KvReads& reads, const std::vector<NotifyRecord*>& records) const {
  std::map<NotifyId, std::vector<NotifyRecord*>> by_event;
  for (NotifyRecord* record : records)
    if (record && record->envelope->flow && IsPayloadOfEvent(*record->spec)) by_event[record->envelope->flow->event].push_back(record);
  // Whether the event is there is asked of what goes with it in one batch, and is small.
  std::vector<NotifyId> events;
  std::vector<std::string> keys;
  for (const auto& [event, notifies] : by_event) {
    events.push_back(event);
    keys.push_back(space_.In(EncodeRecordKey(RecordKind::kTopicEvent, KeyOfTopicEvent(notifies[0]->envelope->flow->topic, event))));
  }
  NOTIFYD_TRY(reads.GetAll(keys, [&](size_t i, std::string_view value) {
    if (IsOrphan(value)) return Status::Ok();
    const auto notifies = by_event.extract(events[i]);
    for (NotifyRecord* notify : notifies.mapped()) notify->bare = std::exchange(notify->spec, nullptr);
    return Status::Ok();
  }));
  // As above: it has no payload any more, and is not written as if it had.
  for (const auto& [event, notifies] : by_event)
    for (NotifyRecord* notify : notifies) {
      if (!IsSettled(notify->state.phase)) return Status(Code::kCorrupt, "the event of " + notify->id.ToString() + " is not there");
      notify->spec = std::make_shared<const std::string>(WithPayload(*notify->spec, PayloadKind::kNone, ""));
    }
  return Status::Ok();
}

Status Reader::BringEvents(const KvReads& reads, std::span<RecordRow> rows, size_t* bytes, size_t* examined_bytes) const {
  std::vector<std::string> keys;
  for (const RecordRow& row : rows) keys.push_back(space_.In(EncodeRecordKey(RecordKind::kEvent, KeyOfEvent(EventOfKey(row.key)))));
  const int64_t now_ms = wall_ms_();
  return reads.GetAll(keys, [&](size_t i, std::string_view value) {
    *examined_bytes += value.size();
    if (IsOrphan(value)) return Status::Ok();
    Result<StoredRecord> stored = DecodeSealedRecord(*sealing_, space_.number(), RecordKind::kEvent, KeyOfEvent(EventOfKey(rows[i].key)), value);
    if (!stored.ok()) return std::move(stored).status();
    if (IsOver(stored->expires_at, now_ms)) return Status::Ok();
    Result<EventRecord> event = DecodeEvent(stored->value);
    if (!event.ok()) return std::move(event).status();
    *bytes += stored->value.size() - event->payload.size();
    std::string().swap(event->payload);  // cleared, it would keep its memory
    rows[i].event = std::make_shared<const EventRecord>(std::move(*event));
    return Status::Ok();
  });
}

}  // namespace notifyd
