#include "storage/records.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/bytes.h"
#include "broker/envelope_bytes.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// The version that a value's tag says, counted from the tag of version 1; nothing beyond the newest.
std::optional<int> VersionOf(ValueTag first, ValueTag newest, std::string_view value) {
  if (value.empty()) return std::nullopt;
  uint8_t tag = static_cast<uint8_t>(value[0]);
  if (tag < static_cast<uint8_t>(first) || tag > static_cast<uint8_t>(newest)) return std::nullopt;
  return tag - static_cast<uint8_t>(first) + 1;
}

/// Decodes `value`, of version 1 up to that of `newest`, with `fields(&decoder, version, &record)`, which says whether all is in range.
template <class T, class Fields>
Result<T> DecodeVersions(ValueTag first, ValueTag newest, std::string_view value, const char* what, Fields fields) {
  std::optional<int> version = VersionOf(first, newest, value);
  std::optional<std::string_view> body = CheckedFields(value);
  if (!version || !body) return DamagedRecord(what);
  Decoder decoder(*body);
  T record{};
  if (!fields(&decoder, *version, &record) || !decoder.done()) return DamagedRecord(what);
  return record;
}

/// What has one version so far.
template <class T, class Fields>
Result<T> Decode(ValueTag tag, std::string_view value, const char* what, Fields fields) {
  return DecodeVersions<T>(tag, tag, value, what, [&](Decoder* in, int, T* out) { return fields(in, out); });
}

template <class E>
bool TakeEnum(Decoder* in, E most, E* out) {
  uint8_t byte = in->U8();
  *out = static_cast<E>(byte);
  return byte <= static_cast<uint8_t>(most);
}

bool TakeMode(Decoder* in, Mode* mode) {
  return TakeEnum(in, Mode::kFifo, mode);
}

bool TakeFlag(Decoder* in, bool* flag) {
  uint8_t byte = in->U8();
  *flag = byte == 1;
  return byte <= 1;
}

/// A bit of the phase's byte.
constexpr uint8_t kAtOnce = 0x80;

void PutState(const NotifyState& state, Encoder* out) {
  out->U8(static_cast<uint8_t>(state.phase) | (state.at_once ? kAtOnce : 0));
  out->Signed(state.due.ms);
  out->Signed(state.retry_at.ms);
  out->Signed(state.next_attempt_at.ms);
  out->Signed(state.expires_at.ms);
  out->Signed(state.settled_at.ms);
  out->Varint(state.attempts_made);
  out->Varint(state.attempts_before);
  out->Varint(state.laters);
  out->Text(state.reason);
}

bool TakeState(Decoder* in, int version, NotifyState* state) {
  uint8_t phase = in->U8();
  state->at_once = phase & kAtOnce;
  phase &= static_cast<uint8_t>(~kAtOnce);
  state->phase = static_cast<Phase>(phase);
  state->due.ms = in->Signed();
  state->retry_at.ms = in->Signed();
  state->next_attempt_at.ms = in->Signed();
  state->expires_at.ms = in->Signed();
  state->settled_at.ms = in->Signed();
  if (!TakeNumber(in, &state->attempts_made) || !TakeNumber(in, &state->attempts_before)) return false;
  if (version >= 2 && !TakeNumber(in, &state->laters)) return false;
  state->reason = in->Text();
  bool known = phase <= static_cast<uint8_t>(Phase::kRetrying) ||
               (phase >= static_cast<uint8_t>(Phase::kSucceeded) && phase <= static_cast<uint8_t>(Phase::kExpired));
  return known && in->ok();
}

/// Added to an attempt's status where what is recorded of its answer is not all, and where its instance follows. Above every status: what was written
/// before there were such marks reads as it did.
constexpr uint16_t kTruncatedMark = 1024, kInstanceMark = 2048;
static_assert(kSealedMark == 2 * kInstanceMark);

void PutAttempt(const AttemptRecord& attempt, Encoder* out) {
  out->Varint(attempt.number);
  out->Signed(attempt.started_at.ms);
  out->Signed(attempt.duration_ms);
  out->Varint(static_cast<uint16_t>(attempt.status + (attempt.truncated ? kTruncatedMark : 0) + (attempt.instance.empty() ? 0 : kInstanceMark)));
  out->Text(attempt.error);
  out->Text(attempt.detail);
  out->Text(attempt.response_body);
  if (!attempt.instance.empty()) out->Text(attempt.instance);
}

bool TakeAttempts(Decoder* in, std::vector<AttemptRecord>* attempts) {
  size_t count;
  if (!TakeCount(in, &count) || count > kAttemptsKept) return false;
  attempts->resize(count);
  for (AttemptRecord& attempt : *attempts) {
    if (!TakeNumber(in, &attempt.number)) return false;
    attempt.started_at.ms = in->Signed();
    attempt.duration_ms = in->Signed();
    if (!TakeNumber(in, &attempt.status)) return false;
    const bool has_instance = attempt.status & kInstanceMark;
    attempt.truncated = attempt.status & kTruncatedMark;
    attempt.status &= (kTruncatedMark - 1) | kSealedMark;
    attempt.error = in->Text();
    attempt.detail = in->Text();
    attempt.response_body = in->Text();
    if (has_instance) attempt.instance = in->Text();
  }
  return in->ok();
}

void PutDueKey(const DueKey& key, Encoder* out) {
  out->Signed(key.time_ms);
  out->Varint(key.id.value);
}

void TakeDueKey(Decoder* in, DueKey* key) {
  key->time_ms = in->Signed();
  key->id.value = in->Varint();
}

// The fields that an fkey's record and its operand share.
void PutFkeyFields(const FkeyRecord& record, Encoder* out) {
  out->Varint(record.id.value);
  out->Signed(record.expires_at.ms);
}

bool TakeFkeyFields(Decoder* in, FkeyRecord* record) {
  record->id.value = in->Varint();
  record->expires_at.ms = in->Signed();
  return true;
}

// Bits of an fkey's flags. Never renumber.
constexpr uint8_t kRemembered = 1, kRememberedData = 2, kRememberedAtOnce = 4;

void PutRemembered(const RememberedTrigger* remembered, Encoder* out) {
  if (!remembered) return out->U8(0);
  out->U8(static_cast<uint8_t>(kRemembered | (remembered->data ? kRememberedData : 0) | (remembered->due.at_once ? kRememberedAtOnce : 0)));
  if (remembered->data) out->Text(*remembered->data);
  out->Signed(remembered->due.at.ms);
}

bool TakeRemembered(Decoder* in, std::shared_ptr<const RememberedTrigger>* out) {
  uint8_t flags = in->U8();
  if (flags == 0) return true;
  if (!(flags & kRemembered) || flags > (kRemembered | kRememberedData | kRememberedAtOnce)) return false;
  auto remembered = std::make_shared<RememberedTrigger>();
  if (flags & kRememberedData) remembered->data = in->Text();
  remembered->due.at_once = flags & kRememberedAtOnce;
  remembered->due.at.ms = in->Signed();
  *out = std::move(remembered);
  return true;
}

}  // namespace

// ---- n: state first, so that retention finds it without decoding the rest; the spec, the largest part, last.

void EncodeNotify(const NotifyRecord& record, std::string* out) {
  RecordFrame frame(ValueTag::kRecord2, out);
  Encoder& encoder = frame.encoder;
  PutState(record.state, &encoder);
  encoder.Signed(record.created_at.ms);
  EncodeEnvelope(*record.envelope, &encoder);
  size_t skipped = record.attempts.size() > kAttemptsKept ? record.attempts.size() - kAttemptsKept : 0;
  encoder.Varint(record.attempts.size() - skipped);
  for (size_t i = skipped; i < record.attempts.size(); ++i) PutAttempt(record.attempts[i], &encoder);
  encoder.Text(*record.spec);
}

Result<std::shared_ptr<NotifyRecord>> DecodeNotify(NotifyId id, std::string_view value) {
  auto fields = [id](Decoder* in, int version, std::shared_ptr<NotifyRecord>* out) {
    auto record = std::make_shared<NotifyRecord>();
    auto envelope = std::make_shared<Envelope>();
    record->id = id;
    if (!TakeState(in, version, &record->state)) return false;
    record->created_at.ms = in->Signed();
    if (!DecodeEnvelope(in, version, envelope.get()) || !TakeAttempts(in, &record->attempts)) return false;
    record->envelope = std::move(envelope);
    record->spec = std::make_shared<const std::string>(in->Text());
    *out = std::move(record);
    return true;
  };
  return DecodeVersions<std::shared_ptr<NotifyRecord>>(ValueTag::kRecord, ValueTag::kRecord2, value, "notify", fields);
}

std::optional<NotifyState> PeekState(std::string_view value) {
  std::optional<int> version = VersionOf(ValueTag::kRecord, ValueTag::kRecord2, value);
  if (!version) return std::nullopt;
  Decoder decoder(value.substr(1));
  NotifyState state;
  return TakeState(&decoder, *version, &state) ? std::optional(std::move(state)) : std::nullopt;
}

std::optional<NotifyBeginning> PeekBeginning(std::string_view value) {
  std::optional<int> version = VersionOf(ValueTag::kRecord, ValueTag::kRecord2, value);
  if (!version) return std::nullopt;
  Decoder decoder(value.substr(1));
  NotifyBeginning out;
  if (!TakeState(&decoder, *version, &out.state)) return std::nullopt;
  out.created_at.ms = decoder.Signed();
  return DecodeEnvelope(&decoder, *version, &out.envelope) ? std::optional(std::move(out)) : std::nullopt;
}

bool IsSound(std::string_view value) {
  return CheckedFields(value).has_value();
}

void EncodeChange(const StateChange& change, std::string* out) {
  RecordFrame frame(ValueTag::kOperand2, out);
  PutState(change.state, &frame.encoder);
  frame.encoder.Varint(change.attempt ? 1 : 0);
  if (change.attempt) PutAttempt(*change.attempt, &frame.encoder);
}

void EncodeChanges(const NotifyChanges& changes, std::string* out) {
  RecordFrame frame(ValueTag::kOperand2, out);
  PutState(changes.state, &frame.encoder);
  frame.encoder.Varint(changes.attempts.size());
  for (const AttemptRecord& attempt : changes.attempts) PutAttempt(attempt, &frame.encoder);
}

Result<NotifyChanges> DecodeChanges(std::string_view operand) {
  auto fields = [](Decoder* in, int version, NotifyChanges* out) { return TakeState(in, version, &out->state) && TakeAttempts(in, &out->attempts); };
  return DecodeVersions<NotifyChanges>(ValueTag::kOperand, ValueTag::kOperand2, operand, "change of a notify", fields);
}

// ---- f

void EncodeFkey(const FkeyRecord& record, std::string* out) {
  RecordFrame frame(ValueTag::kRecord2, out);
  PutFkeyFields(record, &frame.encoder);
  PutRemembered(record.remembered.get(), &frame.encoder);
}
Result<FkeyRecord> DecodeFkey(std::string_view value) {
  auto fields = [](Decoder* in, int version, FkeyRecord* out) {
    return TakeFkeyFields(in, out) && (version == 1 || TakeRemembered(in, &out->remembered));
  };
  return DecodeVersions<FkeyRecord>(ValueTag::kRecord, ValueTag::kRecord2, value, "fkey", fields);
}
void EncodeFkeyExpiry(const FkeyRecord& expiry, std::string* out) {
  RecordFrame frame(ValueTag::kOperand, out);
  PutFkeyFields(expiry, &frame.encoder);
}
Result<FkeyRecord> DecodeFkeyExpiry(std::string_view operand) {
  return Decode<FkeyRecord>(ValueTag::kOperand, operand, "change of an fkey", TakeFkeyFields);
}

// ---- i, q, s, c, w, z

namespace {

void PutIdempotencyAs(ValueTag tag, const IdempotencyRecord& record, std::string* out) {
  RecordFrame frame(tag, out);
  frame.encoder.Varint(record.id.value);
  frame.encoder.Big64(record.fields.high);
  frame.encoder.Big64(record.fields.low);
  frame.encoder.Signed(record.expires_at.ms);
}

}  // namespace

void EncodeIdempotency(const IdempotencyRecord& record, std::string* out) {
  PutIdempotencyAs(ValueTag::kRecord, record, out);
}
void EncodeKeyedIdempotency(const IdempotencyRecord& record, std::string* out) {
  PutIdempotencyAs(ValueTag::kRecord2, record, out);
}
bool IsKeyedIdempotency(std::string_view value) {
  return value.starts_with(static_cast<char>(ValueTag::kRecord2));
}

Result<IdempotencyRecord> DecodeIdempotency(std::string_view value) {
  auto fields = [](Decoder* in, int, IdempotencyRecord* out) {
    out->id.value = in->Varint();
    out->fields.high = in->Big64();
    out->fields.low = in->Big64();
    out->expires_at.ms = in->Signed();
    return true;
  };
  return DecodeVersions<IdempotencyRecord>(ValueTag::kRecord, ValueTag::kRecord2, value, "idempotency key", fields);
}

void EncodeLane(const LaneRecord& record, std::string* out) {
  RecordFrame frame(ValueTag::kRecord, out);
  Encoder& encoder = frame.encoder;
  encoder.U8(record.tail ? 1 : 0);
  encoder.U8(record.tail_from.rank);
  encoder.Signed(record.tail_from.due.ms);
  encoder.Varint(record.tail_from.id.value);
  encoder.U8(record.listed ? 1 : 0);
  encoder.Text(record.sleeper_host);
  encoder.Varint(record.sleeper_order);
  encoder.Varint(record.blocked_head.value);
}

Result<LaneRecord> DecodeLane(std::string_view value) {
  return Decode<LaneRecord>(ValueTag::kRecord, value, "lane", [](Decoder* in, LaneRecord* out) {
    if (!TakeFlag(in, &out->tail)) return false;
    out->tail_from.rank = in->U8();
    out->tail_from.due.ms = in->Signed();
    out->tail_from.id.value = in->Varint();
    if (!TakeFlag(in, &out->listed)) return false;
    out->sleeper_host = in->Text();
    out->sleeper_order = in->Varint();
    out->blocked_head.value = in->Varint();
    return true;
  });
}

namespace {

// Bits of `present` in a lane's settings. Never renumber.
enum SettingsBit : uint64_t {
  kPausedBit = 1 << 0,
  kConcurrencyBit = 1 << 1,
  kRateBit = 1 << 2,
  kBurstBit = 1 << 3,
  kOnRetryBit = 1 << 4,
  kOnFailureBit = 1 << 5,
  kPauseNoteBit = 1 << 6,
  kAllSettingsBits = (1 << 7) - 1,
};

/// 1 and above.
bool TakeAmount(Decoder* in, std::optional<uint32_t>* out) {
  return TakeNumber(in, &out->emplace()) && **out > 0;
}

bool TakeLaneSettings(Decoder* in, LaneSettings* out) {
  uint64_t present = in->Varint();
  if (present & ~uint64_t{kAllSettingsBits}) return false;
  if ((present & kPausedBit) && !TakeEnum(in, Paused::kByFailure, &out->paused)) return false;
  if ((present & kConcurrencyBit) && !TakeAmount(in, &out->concurrency)) return false;
  if (present & kRateBit) {
    out->rate_per_s = in->Double();
    if (!(*out->rate_per_s > 0 && *out->rate_per_s <= std::numeric_limits<double>::max())) return false;  // so written that a NaN fails
  }
  if ((present & kBurstBit) && !TakeAmount(in, &out->burst)) return false;
  if ((present & kOnRetryBit) && !TakeEnum(in, OnRetry::kSkip, &out->on_retry.emplace())) return false;
  if ((present & kOnFailureBit) && !TakeEnum(in, OnFailure::kPause, &out->on_failure.emplace())) return false;
  if (!(present & kPauseNoteBit)) return true;
  PauseNote note;
  note.since.ms = in->Signed();
  note.by = in->Text();
  note.reason = in->Text();
  note.failed.value = in->Varint();
  out->pause.note = std::make_shared<const PauseNote>(std::move(note));
  return out->paused != Paused::kNo;
}

void PutLaneCounts(ValueTag tag, const IndexCounts& counts, std::string* out) {
  RecordFrame frame(tag, out);
  for (int64_t count : counts.of) frame.encoder.Signed(count);
}

Result<IndexCounts> TakeLaneCounts(ValueTag tag, std::string_view value, const char* what) {
  return Decode<IndexCounts>(tag, value, what, [](Decoder* in, IndexCounts* out) {
    for (int64_t& count : out->of) count = in->Signed();
    return true;
  });
}

}  // namespace

void EncodeLaneSettings(const LaneSettings& settings, std::string* out) {
  RecordFrame frame(ValueTag::kRecord, out);
  Encoder& encoder = frame.encoder;
  uint64_t present = 0;
  if (settings.paused != Paused::kNo) present |= kPausedBit;
  if (settings.concurrency) present |= kConcurrencyBit;
  if (settings.rate_per_s) present |= kRateBit;
  if (settings.burst) present |= kBurstBit;
  if (settings.on_retry) present |= kOnRetryBit;
  if (settings.on_failure) present |= kOnFailureBit;
  if (settings.pause.note) present |= kPauseNoteBit;
  encoder.Varint(present);
  if (present & kPausedBit) encoder.U8(static_cast<uint8_t>(settings.paused));
  if (present & kConcurrencyBit) encoder.Varint(*settings.concurrency);
  if (present & kRateBit) encoder.Double(*settings.rate_per_s);
  if (present & kBurstBit) encoder.Varint(*settings.burst);
  if (present & kOnRetryBit) encoder.U8(static_cast<uint8_t>(*settings.on_retry));
  if (present & kOnFailureBit) encoder.U8(static_cast<uint8_t>(*settings.on_failure));
  if (!settings.pause.note) return;
  const PauseNote& note = *settings.pause.note;
  encoder.Signed(note.since.ms);
  encoder.Text(note.by);
  encoder.Text(note.reason);
  encoder.Varint(note.failed.value);
}

Result<LaneSettings> DecodeLaneSettings(std::string_view value) {
  return Decode<LaneSettings>(ValueTag::kRecord, value, "set of lane settings", TakeLaneSettings);
}

void EncodeLaneCounts(const IndexCounts& counts, std::string* out) {
  PutLaneCounts(ValueTag::kRecord, counts, out);
}
Result<IndexCounts> DecodeLaneCounts(std::string_view value) {
  return TakeLaneCounts(ValueTag::kRecord, value, "set of lane counts");
}
void EncodeLaneCountsChange(const IndexCounts& change, std::string* out) {
  PutLaneCounts(ValueTag::kOperand, change, out);
}
Result<IndexCounts> DecodeLaneCountsChange(std::string_view operand) {
  return TakeLaneCounts(ValueTag::kOperand, operand, "change of lane counts");
}

void EncodeSleeperLane(const LaneKey& lane, std::string* out) {
  RecordFrame frame(ValueTag::kRecord, out);
  frame.encoder.U8(static_cast<uint8_t>(lane.mode));
  frame.encoder.Text(lane.name);
}

Result<LaneKey> DecodeSleeperLane(std::string_view value) {
  return Decode<LaneKey>(ValueTag::kRecord, value, "sleeping lane", [](Decoder* in, LaneKey* out) {
    if (!TakeMode(in, &out->mode)) return false;
    out->name = in->Text();
    return true;
  });
}

void EncodeSettled(WallTime settled_at, std::string* out) {
  RecordFrame(ValueTag::kRecord, out).encoder.Signed(settled_at.ms);
}

Result<WallTime> DecodeSettled(std::string_view value) {
  return Decode<WallTime>(ValueTag::kRecord, value, "entry of the settled", [](Decoder* in, WallTime* out) {
    out->ms = in->Signed();
    return true;
  });
}

// ---- m

namespace {

// One list for both ways, so that they cannot drift apart. The order is the stored one: append, never insert.
template <class T, class Number, class Time, class Place>
void EachTotal(T& totals, int version, Number number, Time time, Place place) {
  number(totals.next_id);
  number(totals.accepted);
  number(totals.revived);
  number(totals.succeeded);
  number(totals.failed);
  number(totals.cancelled);
  number(totals.expired);
  number(totals.attempts);
  number(totals.retries);
  for (auto& count : totals.by_index.of) number(count);
  number(totals.lane_records);
  number(totals.sleeping_lanes);
  number(totals.next_sleeper_order);
  time(totals.last_due_at_once.ms);
  place(totals.wall_mark);
  place(totals.mono_mark);
  place(totals.expiry_mark);
  time(totals.wall.ms);
  time(totals.mono.ms);
  if (version >= 2) number(totals.lane_settings);
  if (version < 3) return;
  number(totals.next_serial);
  place(totals.run_mark);
}

/// The last places of the room for counts of records have Totals::promised and promised_bytes: a notifyd that does not know of them carries them
/// along.
constexpr size_t kPromised = RecordCounts::kRoom - 2, kPromisedBytes = RecordCounts::kRoom - 1;
static_assert(std::size(kRecordKinds) <= kPromised);

/// Most are 0: the places of those that are not, as bits, then these.
void PutRecordCounts(const RecordCounts& counts, Encoder* out) {
  uint64_t present = 0;
  for (size_t i = 0; i < counts.of.size(); ++i) present |= static_cast<uint64_t>(counts.of[i] != 0) << i;
  out->Varint(present);
  for (uint64_t count : counts.of)
    if (count != 0) out->Varint(count);
}

bool TakeRecordCounts(Decoder* in, RecordCounts* counts) {
  const uint64_t present = in->Varint();
  for (size_t i = 0; i < counts->of.size(); ++i)
    if (present >> i & 1) counts->of[i] = in->Varint();
  return present >> counts->of.size() == 0;
}

}  // namespace

void EncodeTotals(const Totals& totals, std::string* out) {
  RecordFrame frame(ValueTag::kRecord3, out);
  Encoder* encoder = &frame.encoder;
  EachTotal(
      totals, 3, [=](uint64_t v) { encoder->Varint(v); }, [=](int64_t v) { encoder->Signed(v); }, [=](const DueKey& v) { PutDueKey(v, encoder); });
  RecordCounts counts = totals.records;
  counts.of[kPromised] = totals.promised;
  counts.of[kPromisedBytes] = totals.promised_bytes;
  PutRecordCounts(counts, encoder);
}

Result<Totals> DecodeTotals(std::string_view value) {
  auto fields = [](Decoder* in, int version, Totals* out) {
    EachTotal(
        *out, version, [=](uint64_t& v) { v = in->Varint(); }, [=](int64_t& v) { v = in->Signed(); }, [=](DueKey& v) { TakeDueKey(in, &v); });
    if (version < 3) return true;
    if (!TakeRecordCounts(in, &out->records)) return false;
    out->promised = std::exchange(out->records.of[kPromised], 0);
    out->promised_bytes = std::exchange(out->records.of[kPromisedBytes], 0);
    return true;
  };
  return DecodeVersions<Totals>(ValueTag::kRecord, ValueTag::kRecord3, value, "set of totals", fields);
}

void EncodeOrphan(std::string* out) {
  RecordFrame(ValueTag::kOrphan, out);
}

}  // namespace notifyd
