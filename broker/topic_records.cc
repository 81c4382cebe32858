#include "broker/topic_records.h"

#include <utility>

#include "base/bytes.h"
#include "broker/envelope_bytes.h"
#include "broker/record_bytes.h"

namespace notifyd {
namespace {

constexpr uint8_t kTopicVersion = 1;
constexpr uint8_t kSubscriptionVersion = 1;
constexpr uint8_t kSubscriptionRecordVersion = 1;
constexpr uint8_t kBacklogVersion = 1, kBacklogVersionLeaving = 2;  // the latter where some of it leaves
constexpr uint8_t kEventVersion = 1;
// Bits of an event's flags. Never renumber.
constexpr uint8_t kHasDue = 1, kOfSchedule = 2;
constexpr uint8_t kEventPlaceVersion = 1, kEventPlaceVersionUntransformed = 2;  // the latter where it names some

// Bits of a subscription's flags. Never renumber.
constexpr uint8_t kEachInstance = 1, kPaused = 2, kEnabled = 4, kSubscriptionFlags = 7;
// And of its record's.
constexpr uint8_t kCatchingUp = 1, kUnreached = 2, kLeftLanes = 4, kRecordFlags = 7;

void PutWhen(const When& when, Encoder* out) {
  out->U8(static_cast<uint8_t>(when.kind));
  if (when.kind != When::Kind::kDefault) out->Signed(when.ms);
}

When TakeWhen(Decoder* in) {
  When when;
  when.kind = TakeEnum(in, When::Kind::kAt);
  if (when.kind != When::Kind::kDefault) when.ms = in->Signed();
  return when;
}

}  // namespace

std::string EncodeTopic(const TopicRecord& topic) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kTopicVersion);
  encoder.Varint(static_cast<uint64_t>(topic.retention_ms));
  encoder.Text(topic.schema);
  encoder.Text(topic.description);
  return bytes;
}

Result<TopicRecord> DecodeTopic(std::string_view bytes) {
  Decoder decoder(bytes);
  TopicRecord topic;
  if (decoder.U8() != kTopicVersion) decoder.Fail();
  topic.retention_ms = static_cast<int64_t>(decoder.Varint());
  topic.schema = decoder.Text();
  topic.description = decoder.Text();
  if (!decoder.done() || topic.retention_ms < 0) return UnreadableRecord("a topic");
  return topic;
}

std::string EncodeEvent(const EventRecord& event) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kEventVersion);
  encoder.Text(event.topic);
  encoder.Signed(event.published_at.ms);
  encoder.Text(event.caller);
  encoder.Text(event.key);
  PutLabels(event.labels, &encoder);
  encoder.U8(static_cast<uint8_t>(event.payload_kind));
  encoder.Text(event.payload);
  encoder.Text(event.content_type);
  encoder.U8(static_cast<uint8_t>((event.due_at ? kHasDue : 0) | (event.schedule.empty() ? 0 : kOfSchedule)));
  if (event.due_at) encoder.Signed(event.due_at->ms);
  encoder.Text(event.trace_parent);
  encoder.Text(event.trace_state);
  encoder.Text(event.via);
  if (!event.schedule.empty()) {
    encoder.Text(event.schedule);
    encoder.Signed(event.scheduled_at.ms);
  }
  return bytes;
}

Result<EventRecord> DecodeEvent(std::string_view bytes) {
  Decoder decoder(bytes);
  EventRecord event;
  if (decoder.U8() != kEventVersion) decoder.Fail();
  event.topic = decoder.Text();
  event.published_at.ms = decoder.Signed();
  event.caller = decoder.Text();
  event.key = decoder.Text();
  event.labels = TakeLabels(&decoder);
  event.payload_kind = TakeEnum(&decoder, PayloadKind::kBodyBase64);
  event.payload = decoder.Text();
  event.content_type = decoder.Text();
  const uint8_t flags = decoder.U8();
  if (flags & ~(kHasDue | kOfSchedule)) decoder.Fail();
  if (flags & kHasDue) event.due_at.emplace().ms = decoder.Signed();
  event.trace_parent = decoder.Text();
  event.trace_state = decoder.Text();
  event.via = decoder.Text();
  if (flags & kOfSchedule) {
    event.schedule = decoder.Text();
    event.scheduled_at.ms = decoder.Signed();
    if (event.schedule.empty()) decoder.Fail();
  }
  if (!decoder.done()) return UnreadableRecord("an event");
  return event;
}

std::string EncodeEventPlace(const EventPlace& place) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(place.untransformed.empty() ? kEventPlaceVersion : kEventPlaceVersionUntransformed);
  encoder.Signed(place.counted_from.ms);
  encoder.U8(place.held ? 1 : 0);
  encoder.Varint(place.matched ? *place.matched + 1 : 0);
  encoder.Varint(place.runs.size());
  for (const EventPlace::Run& run : place.runs) {
    encoder.Varint(run.first.value);
    encoder.Varint(run.count);
  }
  if (!place.untransformed.empty()) encoder.Varint(place.untransformed.size());
  for (const std::string& name : place.untransformed) encoder.Text(name);
  return bytes;
}

Result<EventPlace> DecodeEventPlace(std::string_view bytes) {
  Decoder decoder(bytes);
  EventPlace place;
  const uint8_t version = decoder.U8();
  if (version != kEventPlaceVersion && version != kEventPlaceVersionUntransformed) decoder.Fail();
  place.counted_from.ms = decoder.Signed();
  const uint8_t held = decoder.U8();
  if (held > 1) decoder.Fail();
  place.held = held == 1;
  if (const uint64_t matched = decoder.Varint(); matched > 0) place.matched = matched - 1;
  for (uint64_t left = decoder.Varint(); left > 0 && decoder.ok(); --left) {
    NotifyId first{decoder.Varint()};
    place.runs.push_back({first, decoder.Varint()});
  }
  for (uint64_t left = version == kEventPlaceVersionUntransformed ? decoder.Varint() : 0; left > 0 && decoder.ok(); --left)
    place.untransformed.emplace_back(decoder.Text());
  if (!decoder.done()) return UnreadableRecord("what became of an event");
  return place;
}

std::string EncodeSubscription(const Subscription& said) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kSubscriptionVersion);
  encoder.Text(said.topic);
  encoder.Text(said.filter);
  encoder.Text(said.transform);
  encoder.U8(static_cast<uint8_t>((said.each_instance ? kEachInstance : 0) | (said.paused ? kPaused : 0) | (said.enabled ? kEnabled : 0)));
  encoder.Varint(said.max_pending);
  EncodeEnvelope(*said.envelope, &encoder);
  encoder.Text(*said.spec);
  PutWhen(said.when, &encoder);
  PutWhen(said.ttl, &encoder);
  encoder.Text(said.document);
  return bytes;
}

Result<Subscription> DecodeSubscription(std::string_view bytes) {
  Decoder decoder(bytes);
  Subscription said;
  if (decoder.U8() != kSubscriptionVersion) decoder.Fail();
  said.topic = decoder.Text();
  said.filter = decoder.Text();
  said.transform = decoder.Text();
  const uint8_t flags = decoder.U8();
  if (flags & ~kSubscriptionFlags) decoder.Fail();
  said.each_instance = flags & kEachInstance;
  said.paused = flags & kPaused;
  said.enabled = flags & kEnabled;
  said.max_pending = decoder.Varint();
  auto envelope = std::make_shared<Envelope>();
  if (!DecodeEnvelope(&decoder, kEnvelopeVersion, envelope.get())) decoder.Fail();
  said.envelope = std::move(envelope);
  said.spec = std::make_shared<const std::string>(decoder.Text());
  said.when = TakeWhen(&decoder);
  said.ttl = TakeWhen(&decoder);
  said.document = decoder.Text();
  if (!decoder.done()) return UnreadableRecord("a subscription");
  return said;
}

std::string EncodeSubscriptionRecord(const SubscriptionRecord& record) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kSubscriptionRecordVersion);
  encoder.Varint(record.serial);
  encoder.Signed(record.created_at.ms);
  encoder.Varint(record.live_after.value);
  encoder.U8(static_cast<uint8_t>((record.catching_up ? kCatchingUp : 0) | (record.unreachable ? kUnreached : 0) |
                                  (record.left_lanes.empty() ? 0 : kLeftLanes)));
  encoder.Text(EncodeSubscription(*record.said));
  if (!record.left_lanes.empty()) encoder.Varint(record.left_lanes.size());
  for (const LaneKey& lane : record.left_lanes) {
    encoder.U8(static_cast<uint8_t>(lane.mode));
    encoder.Text(lane.name);
  }
  return bytes;
}

Result<SubscriptionRecord> DecodeSubscriptionRecord(std::string_view bytes) {
  Decoder decoder(bytes);
  SubscriptionRecord record;
  if (decoder.U8() != kSubscriptionRecordVersion) decoder.Fail();
  record.serial = decoder.Varint();
  record.created_at.ms = decoder.Signed();
  record.live_after.value = decoder.Varint();
  const uint8_t flags = decoder.U8();
  record.catching_up = (flags & kCatchingUp) != 0;
  record.unreachable = (flags & kUnreached) != 0;
  Result<Subscription> said = DecodeSubscription(decoder.Text());
  for (uint64_t left = flags & kLeftLanes ? decoder.Varint() : 0; left > 0 && decoder.ok(); --left) {
    const Mode mode = TakeEnum(&decoder, Mode::kFifo);
    record.left_lanes.push_back({mode, std::string(decoder.Text())});
  }
  if (!decoder.done() || flags & ~kRecordFlags || !said.ok()) return UnreadableRecord("a subscription");
  record.said = std::make_shared<const Subscription>(std::move(*said));
  return record;
}

std::string EncodeBacklog(const BacklogRecord& backlog) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(backlog.leaving.empty() ? kBacklogVersion : kBacklogVersionLeaving);
  encoder.Varint(backlog.pending);
  encoder.Varint(backlog.skipped);
  if (!backlog.leaving.empty()) encoder.Varint(backlog.leaving.size());
  for (const BacklogRecord::Leaving& leaving : backlog.leaving) {
    encoder.Varint(leaving.below.value);
    encoder.Varint(leaving.lanes.size());
    for (const std::string& lane : leaving.lanes) encoder.Text(lane);
  }
  return bytes;
}

Result<BacklogRecord> DecodeBacklog(std::string_view bytes) {
  Decoder decoder(bytes);
  BacklogRecord backlog;
  const uint8_t version = decoder.U8();
  if (version != kBacklogVersion && version != kBacklogVersionLeaving) decoder.Fail();
  backlog.pending = decoder.Varint();
  backlog.skipped = decoder.Varint();
  for (uint64_t left = version == kBacklogVersionLeaving ? decoder.Varint() : 0; left > 0 && decoder.ok(); --left) {
    BacklogRecord::Leaving& leaving = backlog.leaving.emplace_back();
    leaving.below.value = decoder.Varint();
    for (uint64_t lanes = decoder.Varint(); lanes > 0 && decoder.ok(); --lanes) leaving.lanes.emplace_back(decoder.Text());
  }
  if (!decoder.done()) return UnreadableRecord("a subscription's backlog");
  return backlog;
}

std::string KeyOfEvent(NotifyId id) {
  std::string key;
  Encoder(&key).Big64(id.value);
  return key;
}

std::string KeyOfTopicEvent(std::string_view topic, NotifyId id) {
  std::string key(topic);
  key.push_back('\0');
  Encoder(&key).Big64(id.value);
  return key;
}

NotifyId EventOfKey(std::string_view key) {
  return key.size() < 8 ? NotifyId{} : NotifyId{Decoder(key.substr(key.size() - 8)).Big64()};
}

}  // namespace notifyd
