#include "broker/schedule_records.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "broker/envelope_bytes.h"
#include "broker/record_bytes.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// 2: the lane of a template with order_by is the one that its partitions are of. Before that it had the partition of the data as it stood there,
/// the time not being in it. Any other template is written as ever.
constexpr uint8_t kScheduleVersion = 1, kOrderedScheduleVersion = 2;
constexpr uint8_t kScheduleRecordVersion = 1;
constexpr uint8_t kScheduleStateVersion = 1;
constexpr uint8_t kNextRunVersion = 1;

// Bits of a schedule's flags. Never renumber.
constexpr uint8_t kSkipOverlap = 1, kScheduleIsPaused = 2, kHasStart = 4, kHasEnd = 8, kPublishes = 16, kScheduleFlags = 31;
// Beside where a schedule stands, and beside the outcome of a run: what was made is an event. Never renumber.
constexpr uint8_t kHasNext = 1, kLastIsEvent = 2, kMadeEvent = 128;

/// Nothing, or a time: templates have no absolute ones.
void PutDelay(const When& when, Encoder* out) {
  out->Varint(when.kind == When::Kind::kDelay ? static_cast<uint64_t>(when.ms) + 1 : 0);
}
When TakeDelay(Decoder* in) {
  const uint64_t ms = in->Varint();
  if (ms == 0) return {};
  return {When::Kind::kDelay, static_cast<int64_t>(ms - 1)};
}

/// What order_by orders is fifo.
bool IsOrdered(const Schedule& said) {
  if (said.publishes() || said.envelope->lane.mode != Mode::kFifo) return false;
  const Result<NotifySpec> spec = DecodeSpec(*said.spec);
  return spec.ok() && spec->order_by;
}

}  // namespace

std::string EncodeSchedule(const Schedule& said) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(IsOrdered(said) ? kOrderedScheduleVersion : kScheduleVersion);
  encoder.U8(static_cast<uint8_t>((said.skip_overlap ? kSkipOverlap : 0) | (said.paused ? kScheduleIsPaused : 0) | (said.start_at ? kHasStart : 0) |
                                  (said.end_at ? kHasEnd : 0) | (said.publishes() ? kPublishes : 0)));
  encoder.Text(said.cron);
  encoder.Varint(static_cast<uint64_t>(said.every_ms));
  encoder.Text(said.timezone);
  if (said.start_at) encoder.Signed(said.start_at->ms);
  if (said.end_at) encoder.Signed(said.end_at->ms);
  encoder.U8(static_cast<uint8_t>(said.missed));
  encoder.Varint(static_cast<uint64_t>(said.jitter_ms));
  EncodeEnvelope(*said.envelope, &encoder);
  encoder.Text(*said.spec);
  PutDelay(said.when, &encoder);
  PutDelay(said.ttl, &encoder);
  encoder.U8(static_cast<uint8_t>(said.on_held));
  if (said.publishes()) {
    encoder.Text(said.topic);
    encoder.Text(said.key);
  }
  return bytes;
}

Result<Schedule> DecodeSchedule(std::string_view bytes) {
  Decoder decoder(bytes);
  Schedule said;
  const uint8_t version = decoder.U8();
  if (version != kScheduleVersion && version != kOrderedScheduleVersion) decoder.Fail();
  const uint8_t flags = decoder.U8();
  if (flags & ~kScheduleFlags) decoder.Fail();
  said.skip_overlap = flags & kSkipOverlap;
  said.paused = flags & kScheduleIsPaused;
  said.cron = decoder.Text();
  said.every_ms = static_cast<int64_t>(decoder.Varint());
  said.timezone = decoder.Text();
  if (flags & kHasStart) said.start_at.emplace().ms = decoder.Signed();
  if (flags & kHasEnd) said.end_at.emplace().ms = decoder.Signed();
  said.missed = TakeEnum(&decoder, Missed::kAll);
  said.jitter_ms = static_cast<int64_t>(decoder.Varint());
  auto envelope = std::make_shared<Envelope>();
  if (!DecodeEnvelope(&decoder, kEnvelopeVersion, envelope.get())) decoder.Fail();
  said.envelope = std::move(envelope);
  said.spec = std::make_shared<const std::string>(decoder.Text());
  said.when = TakeDelay(&decoder);
  said.ttl = TakeDelay(&decoder);
  said.on_held = TakeEnum(&decoder, OnHeld::kKeep);
  if (flags & kPublishes) {
    said.topic = decoder.Text();
    said.key = decoder.Text();
    if (said.topic.empty()) decoder.Fail();
  }
  if (!decoder.done() || said.every_ms < 0 || said.jitter_ms < 0 || said.cron.empty() != (said.every_ms > 0)) return UnreadableRecord("a schedule");
  if (version == kScheduleVersion && IsOrdered(said)) {
    auto ordered = std::make_shared<Envelope>(*said.envelope);
    ordered->lane.name.resize(std::min(ordered->lane.name.rfind('~'), ordered->lane.name.size()));
    said.envelope = std::move(ordered);
  }
  return said;
}

std::string EncodeScheduleRecord(const ScheduleRecord& record) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kScheduleRecordVersion);
  encoder.Varint(record.serial);
  encoder.Signed(record.created_at.ms);
  encoder.Raw(EncodeSchedule(*record.said));
  return bytes;
}

Result<ScheduleRecord> DecodeScheduleRecord(std::string_view bytes) {
  Decoder decoder(bytes);
  ScheduleRecord record;
  if (decoder.U8() != kScheduleRecordVersion) decoder.Fail();
  record.serial = decoder.Varint();
  record.created_at.ms = decoder.Signed();
  Result<Schedule> said = DecodeSchedule(decoder.rest());
  if (!decoder.ok() || !said.ok()) return UnreadableRecord("a schedule");
  record.said = std::make_shared<const Schedule>(*std::move(said));
  return record;
}

std::string EncodeScheduleState(const ScheduleState& state) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kScheduleStateVersion);
  encoder.U8(static_cast<uint8_t>((state.next ? kHasNext : 0) | (state.last_is_event ? kLastIsEvent : 0)));
  if (state.next) {
    encoder.Signed(state.next->due.ms);
    encoder.Signed(state.next->scheduled_at.ms);
  }
  encoder.Varint(state.caught_up);
  encoder.Varint(state.missed);
  encoder.Varint(state.last.value);
  encoder.Varint(state.runs.size());
  for (const ScheduleRun& run : state.runs) {
    encoder.U8(static_cast<uint8_t>(static_cast<uint8_t>(run.outcome) | (run.event ? kMadeEvent : 0)));
    encoder.Signed(run.scheduled_at.ms);
    encoder.Signed(run.at.ms);
    encoder.Varint(run.notify.value);
    encoder.Varint(run.count);
    encoder.Text(run.reason);
  }
  return bytes;
}

Result<ScheduleState> DecodeScheduleState(std::string_view bytes) {
  Decoder decoder(bytes);
  ScheduleState state;
  if (decoder.U8() != kScheduleStateVersion) decoder.Fail();
  const uint8_t flags = decoder.U8();
  if (flags & ~(kHasNext | kLastIsEvent)) decoder.Fail();
  state.last_is_event = flags & kLastIsEvent;
  if (flags & kHasNext) {
    state.next.emplace().due.ms = decoder.Signed();
    state.next->scheduled_at.ms = decoder.Signed();
  }
  state.caught_up = decoder.Varint();
  state.missed = decoder.Varint();
  state.last.value = decoder.Varint();
  for (uint64_t left = decoder.Varint(); left > 0 && decoder.ok(); --left) {
    ScheduleRun run;
    const uint8_t outcome = decoder.U8();
    run.event = outcome & kMadeEvent;
    if ((outcome & ~kMadeEvent) > static_cast<uint8_t>(ScheduleRun::Outcome::kMissed)) decoder.Fail();
    run.outcome = static_cast<ScheduleRun::Outcome>(outcome & ~kMadeEvent);
    run.scheduled_at.ms = decoder.Signed();
    run.at.ms = decoder.Signed();
    run.notify.value = decoder.Varint();
    run.count = decoder.Varint();
    run.reason = decoder.Text();
    state.runs.push_back(std::move(run));
  }
  if (!decoder.done()) return UnreadableRecord("where a schedule stands");
  return state;
}

std::string EncodeNextRun(const NextRun& run) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kNextRunVersion);
  encoder.Text(run.schedule);
  return bytes;
}

Result<NextRun> DecodeNextRun(std::string_view bytes) {
  Decoder decoder(bytes);
  NextRun run;
  if (decoder.U8() != kNextRunVersion) decoder.Fail();
  run.schedule = decoder.Text();
  if (!decoder.done()) return UnreadableRecord("a schedule's next run");
  return run;
}

std::string KeyOfScheduleState(std::string_view name) {
  return std::string(name) + '\0';
}

std::string EncodeRunKey(const RunKey& key) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.BigSigned64(key.due_ms);
  encoder.Big64(key.serial);
  return bytes;
}

std::optional<RunKey> DecodeRunKey(std::string_view bytes) {
  Decoder decoder(bytes);
  RunKey key;
  key.due_ms = decoder.BigSigned64();
  key.serial = decoder.Big64();
  if (!decoder.done()) return std::nullopt;
  return key;
}

}  // namespace notifyd
