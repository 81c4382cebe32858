#include "storage/records.h"

#include <algorithm>

#include "base/bytes.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

constexpr size_t kChecksumSize = 4;

/// Puts the tag in front and the checksum behind what is encoded in its lifetime.
class Sealer {
 public:
  Sealer(ValueTag tag, std::string* out) : encoder(out), out_(out), start_(out->size()) { encoder.U8(static_cast<uint8_t>(tag)); }
  ~Sealer() { encoder.Big32(Checksum(std::string_view(*out_).substr(start_))); }
  Encoder encoder;

 private:
  std::string* out_;
  size_t start_;
};

Status Corrupt(const char* what) { return Status(Code::kCorrupt, std::string("a stored ") + what + " is damaged"); }

/// The fields between tag and checksum, once both were found right.
std::optional<std::string_view> Unseal(ValueTag tag, std::string_view value) {
  if (value.size() < 1 + kChecksumSize || static_cast<uint8_t>(value[0]) != static_cast<uint8_t>(tag)) return std::nullopt;
  std::string_view sealed = value.substr(0, value.size() - kChecksumSize);
  if (Decoder(value.substr(sealed.size())).Big32() != Checksum(sealed)) return std::nullopt;
  return sealed.substr(1);
}

/// Decodes `value` with `fields(&decoder, &record)`, which says whether all is in range.
template <class T, class Fields>
Result<T> Decode(ValueTag tag, std::string_view value, const char* what, Fields fields) {
  std::optional<std::string_view> body = Unseal(tag, value);
  if (!body) return Corrupt(what);
  Decoder decoder(*body);
  T record{};
  if (!fields(&decoder, &record) || !decoder.done()) return Corrupt(what);
  return record;
}

// A count is followed by at least one byte an item: a larger one is damage, and must not size a vector.
bool TakeCount(Decoder* in, size_t* count) {
  *count = in->Varint();
  return in->ok() && *count <= in->rest().size();
}

template <class T>
bool TakeNumber(Decoder* in, T* number) {
  uint64_t wide = in->Varint();
  *number = static_cast<T>(wide);
  return *number == wide;
}

bool TakeMode(Decoder* in, Mode* mode) {
  uint8_t byte = in->U8();
  *mode = static_cast<Mode>(byte);
  return byte <= static_cast<uint8_t>(Mode::kFifo);
}

bool TakeFlag(Decoder* in, bool* flag) {
  uint8_t byte = in->U8();
  *flag = byte == 1;
  return byte <= 1;
}

// Bits of the head's flags. Never renumber.
constexpr uint8_t kReplyNone = 1, kHasRetry = 2;

void PutHead(const NotifyHead& head, Encoder* out) {
  out->U8(static_cast<uint8_t>(head.lane.mode));
  out->Text(head.lane.name);
  out->Text(head.host);
  out->U8(head.priority);
  out->U8(static_cast<uint8_t>((head.reply_none ? kReplyNone : 0) | (head.retry ? kHasRetry : 0)));
  out->Text(head.fkey);
  out->Text(head.caller);
  if (head.retry) EncodeRetry(*head.retry, out);
}

bool TakeHead(Decoder* in, NotifyHead* head) {
  if (!TakeMode(in, &head->lane.mode)) return false;
  head->lane.name = in->Text();
  head->host = in->Text();
  head->priority = in->U8();
  uint8_t flags = in->U8();
  head->reply_none = flags & kReplyNone;
  head->fkey = in->Text();
  head->caller = in->Text();
  if (head->priority > 9 || flags > (kReplyNone | kHasRetry)) return false;
  if (!(flags & kHasRetry)) return true;
  head->retry = std::make_shared<const RetryPolicy>(DecodeRetry(in));
  return in->ok();
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
  out->Text(state.reason);
}

bool TakeState(Decoder* in, NotifyState* state) {
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
  state->reason = in->Text();
  bool known = phase <= static_cast<uint8_t>(Phase::kRetrying) ||
               (phase >= static_cast<uint8_t>(Phase::kSucceeded) && phase <= static_cast<uint8_t>(Phase::kExpired));
  return known && in->ok();
}

void PutAttempt(const AttemptRecord& attempt, Encoder* out) {
  out->Varint(attempt.number);
  out->Signed(attempt.started_at.ms);
  out->Signed(attempt.duration_ms);
  out->Varint(attempt.status);
  out->Text(attempt.error);
  out->Text(attempt.detail);
  out->Text(attempt.response_body);
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
    attempt.error = in->Text();
    attempt.detail = in->Text();
    attempt.response_body = in->Text();
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

void PutFkeyFields(const FkeyRecord& record, Encoder* out) {
  out->Varint(record.id.value);
  out->Signed(record.expires_at.ms);
}

bool TakeFkeyFields(Decoder* in, FkeyRecord* record) {
  record->id.value = in->Varint();
  record->expires_at.ms = in->Signed();
  return true;
}

}  // namespace

// ---- n: state first, so that retention finds it without decoding the rest; the spec, the largest part, last.

void EncodeNotify(const NotifyRecord& record, std::string* out) {
  Sealer sealer(ValueTag::kRecord, out);
  Encoder& encoder = sealer.encoder;
  PutState(record.state, &encoder);
  encoder.Signed(record.created_at.ms);
  PutHead(*record.head, &encoder);
  size_t skipped = record.attempts.size() > kAttemptsKept ? record.attempts.size() - kAttemptsKept : 0;
  encoder.Varint(record.attempts.size() - skipped);
  for (size_t i = skipped; i < record.attempts.size(); ++i) PutAttempt(record.attempts[i], &encoder);
  encoder.Text(*record.spec);
}

Result<std::shared_ptr<NotifyRecord>> DecodeNotify(NotifyId id, std::string_view value) {
  return Decode<std::shared_ptr<NotifyRecord>>(ValueTag::kRecord, value, "notify", [id](Decoder* in, std::shared_ptr<NotifyRecord>* out) {
    auto record = std::make_shared<NotifyRecord>();
    auto head = std::make_shared<NotifyHead>();
    record->id = id;
    if (!TakeState(in, &record->state)) return false;
    record->created_at.ms = in->Signed();
    if (!TakeHead(in, head.get()) || !TakeAttempts(in, &record->attempts)) return false;
    record->head = std::move(head);
    record->spec = std::make_shared<const std::string>(in->Text());
    *out = std::move(record);
    return true;
  });
}

std::optional<NotifyState> PeekState(std::string_view value) {
  if (value.empty() || static_cast<uint8_t>(value[0]) != static_cast<uint8_t>(ValueTag::kRecord)) return std::nullopt;
  Decoder decoder(value.substr(1));
  NotifyState state;
  return TakeState(&decoder, &state) ? std::optional(std::move(state)) : std::nullopt;
}

void EncodeChange(const StateChange& change, std::string* out) {
  Sealer sealer(ValueTag::kOperand, out);
  PutState(change.state, &sealer.encoder);
  sealer.encoder.Varint(change.attempt ? 1 : 0);
  if (change.attempt) PutAttempt(*change.attempt, &sealer.encoder);
}

void EncodeChanges(const NotifyChanges& changes, std::string* out) {
  Sealer sealer(ValueTag::kOperand, out);
  PutState(changes.state, &sealer.encoder);
  sealer.encoder.Varint(changes.attempts.size());
  for (const AttemptRecord& attempt : changes.attempts) PutAttempt(attempt, &sealer.encoder);
}

Result<NotifyChanges> DecodeChanges(std::string_view operand) {
  return Decode<NotifyChanges>(ValueTag::kOperand, operand, "change of a notify",
                               [](Decoder* in, NotifyChanges* out) { return TakeState(in, &out->state) && TakeAttempts(in, &out->attempts); });
}

// ---- f

void EncodeFkey(const FkeyRecord& record, std::string* out) {
  Sealer sealer(ValueTag::kRecord, out);
  PutFkeyFields(record, &sealer.encoder);
}
Result<FkeyRecord> DecodeFkey(std::string_view value) { return Decode<FkeyRecord>(ValueTag::kRecord, value, "fkey", TakeFkeyFields); }
void EncodeFkeyExpiry(const FkeyRecord& expiry, std::string* out) {
  Sealer sealer(ValueTag::kOperand, out);
  PutFkeyFields(expiry, &sealer.encoder);
}
Result<FkeyRecord> DecodeFkeyExpiry(std::string_view operand) {
  return Decode<FkeyRecord>(ValueTag::kOperand, operand, "change of an fkey", TakeFkeyFields);
}

// ---- i, q, w, z

void EncodeIdempotency(const IdempotencyRecord& record, std::string* out) {
  Sealer sealer(ValueTag::kRecord, out);
  sealer.encoder.Varint(record.id.value);
  sealer.encoder.Big64(record.fields.high);
  sealer.encoder.Big64(record.fields.low);
  sealer.encoder.Signed(record.expires_at.ms);
}

Result<IdempotencyRecord> DecodeIdempotency(std::string_view value) {
  return Decode<IdempotencyRecord>(ValueTag::kRecord, value, "idempotency key", [](Decoder* in, IdempotencyRecord* out) {
    out->id.value = in->Varint();
    out->fields.high = in->Big64();
    out->fields.low = in->Big64();
    out->expires_at.ms = in->Signed();
    return true;
  });
}

void EncodeLane(const LaneRecord& record, std::string* out) {
  Sealer sealer(ValueTag::kRecord, out);
  Encoder& encoder = sealer.encoder;
  encoder.U8(record.tail ? 1 : 0);
  encoder.U8(record.tail_from.rank);
  encoder.Signed(record.tail_from.due.ms);
  encoder.Varint(record.tail_from.id.value);
  encoder.U8(record.dormant ? 1 : 0);
  encoder.Text(record.dormant_host);
  encoder.Varint(record.dormant_order);
  encoder.Varint(record.blocked_head.value);
}

Result<LaneRecord> DecodeLane(std::string_view value) {
  return Decode<LaneRecord>(ValueTag::kRecord, value, "lane", [](Decoder* in, LaneRecord* out) {
    if (!TakeFlag(in, &out->tail)) return false;
    out->tail_from.rank = in->U8();
    out->tail_from.due.ms = in->Signed();
    out->tail_from.id.value = in->Varint();
    if (!TakeFlag(in, &out->dormant)) return false;
    out->dormant_host = in->Text();
    out->dormant_order = in->Varint();
    out->blocked_head.value = in->Varint();
    return true;
  });
}

void EncodeDormantLane(const LaneKey& lane, std::string* out) {
  Sealer sealer(ValueTag::kRecord, out);
  sealer.encoder.U8(static_cast<uint8_t>(lane.mode));
  sealer.encoder.Text(lane.name);
}

Result<LaneKey> DecodeDormantLane(std::string_view value) {
  return Decode<LaneKey>(ValueTag::kRecord, value, "sleeping lane", [](Decoder* in, LaneKey* out) {
    if (!TakeMode(in, &out->mode)) return false;
    out->name = in->Text();
    return true;
  });
}

void EncodeSettled(WallTime settled_at, std::string* out) { Sealer(ValueTag::kRecord, out).encoder.Signed(settled_at.ms); }

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
void EachTotal(T& totals, Number number, Time time, Place place) {
  number(totals.next_id);
  number(totals.accepted);
  number(totals.revived);
  number(totals.succeeded);
  number(totals.failed);
  number(totals.cancelled);
  number(totals.expired);
  number(totals.attempts);
  number(totals.retries);
  number(totals.held);
  number(totals.held_due);
  number(totals.due);
  number(totals.retrying);
  number(totals.tail);
  number(totals.lane_records);
  number(totals.dormant_lanes);
  number(totals.next_dormant_order);
  time(totals.last_due_at_once.ms);
  place(totals.wall_mark);
  place(totals.mono_mark);
  place(totals.expiry_mark);
  time(totals.wall.ms);
  time(totals.mono.ms);
}

}  // namespace

void EncodeTotals(const Totals& totals, std::string* out) {
  Sealer sealer(ValueTag::kRecord, out);
  Encoder* encoder = &sealer.encoder;
  EachTotal(
      totals, [=](uint64_t v) { encoder->Varint(v); }, [=](int64_t v) { encoder->Signed(v); }, [=](const DueKey& v) { PutDueKey(v, encoder); });
}

Result<Totals> DecodeTotals(std::string_view value) {
  return Decode<Totals>(ValueTag::kRecord, value, "set of totals", [](Decoder* in, Totals* out) {
    EachTotal(
        *out, [=](uint64_t& v) { v = in->Varint(); }, [=](int64_t& v) { v = in->Signed(); }, [=](DueKey& v) { TakeDueKey(in, &v); });
    return true;
  });
}

void EncodeFormat(const FormatRecord& record, std::string* out) {
  Sealer sealer(ValueTag::kRecord, out);
  sealer.encoder.Varint(record.version);
  sealer.encoder.Big64(record.store.high);
  sealer.encoder.Big64(record.store.low);
}

Result<FormatRecord> DecodeFormat(std::string_view value) {
  return Decode<FormatRecord>(ValueTag::kRecord, value, "format version", [](Decoder* in, FormatRecord* out) {
    if (!TakeNumber(in, &out->version)) return false;
    out->store.high = in->Big64();
    out->store.low = in->Big64();
    return true;
  });
}

void EncodeOrphan(std::string* out) { Sealer(ValueTag::kOrphan, out); }

}  // namespace notifyd
