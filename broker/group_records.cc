#include "broker/group_records.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "broker/record_bytes.h"

namespace notifyd {
namespace {

constexpr uint8_t kGroupVersion = 1;

// Stored: never renumber.
enum GroupBit : uint64_t {
  kSequentialBit = 1 << 0,
  kCancelRestBit = 1 << 1,
  kStoppedBit = 1 << 2,
  kSettledBit = 1 << 3,
  kCallbackBit = 1 << 4,
  kCalledBackBit = 1 << 5,
  kLabelsBit = 1 << 6,
  kViaBit = 1 << 7,
  kTraceBit = 1 << 8,
  kKeepsBit = 1 << 9,
};
constexpr uint64_t kGroupBits = (kKeepsBit << 1) - 1;
// Beside the phase in the lower half of a member's first byte.
constexpr uint8_t kWhenBit = 0x10, kTtlBit = 0x20;
constexpr uint8_t kPhaseMask = 0x0f;
/// Stands for GroupMember::revived, which has no bit: those who know nothing of that read one that is not settled, and no more.
constexpr Phase kRevived = Phase::kRetrying;
/// Likewise for GroupMember::sent_again of one that is not revived.
constexpr Phase kSentAgain = Phase::kHeld;

bool IsPhase(uint8_t phase) {
  return phase <= static_cast<uint8_t>(Phase::kRetrying) ||
         (phase >= static_cast<uint8_t>(Phase::kSucceeded) && phase <= static_cast<uint8_t>(Phase::kExpired));
}

void EncodeWhen(const When& when, Encoder* encoder) {
  encoder->U8(static_cast<uint8_t>(when.kind));
  encoder->Signed(when.ms);
}

When DecodeWhen(Decoder* decoder) {
  When when;
  when.kind = TakeEnum(decoder, When::Kind::kAt);
  when.ms = decoder->Signed();
  return when;
}

/// Times are counted from `since`.
void EncodeMember(const GroupMember& member, WallTime since, Encoder* encoder) {
  const bool has_when = member.when.kind != When::Kind::kDefault, has_ttl = member.ttl.kind != When::Kind::kDefault;
  const Phase pending = member.revived ? kRevived : member.sent_again ? kSentAgain : Phase::kWaiting;
  const auto phase = static_cast<uint8_t>(member.settled() ? member.phase : pending);
  encoder->U8(static_cast<uint8_t>(phase | (has_when ? kWhenBit : 0) | (has_ttl ? kTtlBit : 0)));
  if (has_when) EncodeWhen(member.when, encoder);
  if (has_ttl) EncodeWhen(member.ttl, encoder);
  if (!member.settled()) return;
  encoder->Varint(member.status);
  encoder->Varint(member.attempts_made);
  encoder->Signed(member.settled_at.ms - since.ms);
  encoder->Text(member.reason);
}

GroupMember DecodeMember(WallTime since, Decoder* decoder) {
  GroupMember member;
  const uint8_t first = decoder->U8();
  const uint8_t phase = first & kPhaseMask;
  if (!IsPhase(phase) || (first & ~(kPhaseMask | kWhenBit | kTtlBit))) return decoder->Fail(), member;
  member.phase = static_cast<Phase>(phase);
  member.revived = member.phase == kRevived;
  member.sent_again = member.revived || member.phase == kSentAgain;
  if (first & kWhenBit) member.when = DecodeWhen(decoder);
  if (first & kTtlBit) member.ttl = DecodeWhen(decoder);
  if (!member.settled()) return member;
  member.status = static_cast<uint16_t>(decoder->Varint());
  member.attempts_made = static_cast<uint32_t>(decoder->Varint());
  member.settled_at.ms = since.ms + decoder->Signed();
  member.reason = decoder->Text();
  return member;
}

std::string ItemHead(uint8_t what, NotifyId group) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kGroupAgenda);
  encoder.U8(what);
  encoder.Big64(group.value);
  return bytes;
}

}  // namespace

size_t GroupRecord::pending() const {
  return static_cast<size_t>(std::count_if(members.begin(), members.end(), [](const GroupMember& member) { return !member.settled(); }));
}

std::vector<NotifyId> DueInTurnBefore(NotifyId group, const GroupRecord& record, WallTime due, WallTime before) {
  std::vector<NotifyId> out;
  for (size_t place = record.released; place < record.members.size(); ++place) {
    const GroupMember& member = record.members[place];
    if (member.settled()) continue;
    if (member.when.kind == When::Kind::kDelay) due.ms += member.when.ms;
    if (member.when.kind == When::Kind::kAt) due = std::max(due, WallTime{member.when.ms});
    if (member.revived || due >= before) break;
    out.push_back(MemberOf(group, place));
  }
  return out;
}

std::string GroupKey(NotifyId group) {
  std::string key;
  Encoder(&key).Big64(group.value);
  return key;
}

NotifyId GroupOfKey(std::string_view key) {
  return {Decoder(key).Big64()};
}

std::string EncodeGroup(const GroupRecord& group) {
  std::string bytes;
  Encoder encoder(&bytes);
  encoder.U8(kGroupVersion);
  uint64_t present = 0;
  if (group.sequential) present |= kSequentialBit;
  if (group.cancel_rest) present |= kCancelRestBit;
  if (group.stopped) present |= kStoppedBit;
  if (group.keeps) present |= kKeepsBit;
  if (group.was_settled()) present |= kSettledBit;
  if (group.callback) present |= kCallbackBit;
  if (group.callback_id.value != 0) present |= kCalledBackBit;
  if (group.labels) present |= kLabelsBit;
  if (!group.via.empty()) present |= kViaBit;
  if (!group.trace_parent.empty()) present |= kTraceBit;
  encoder.Varint(present);
  encoder.Signed(group.created_at.ms);
  encoder.Text(group.caller);
  if (group.sequential) encoder.Varint(group.released);
  if (group.was_settled()) encoder.Signed(group.settled_at.ms - group.created_at.ms);
  if (group.callback) {
    encoder.Text(group.callback->url);
    encoder.Text(group.callback->lane);
    encoder.Text(group.callback->host);
  }
  if (group.callback_id.value != 0) encoder.Varint(group.callback_id.value);
  if (group.labels) PutLabels(*group.labels, &encoder);
  if (!group.via.empty()) encoder.Text(group.via);
  if (!group.trace_parent.empty()) encoder.Text(group.trace_parent);
  encoder.Varint(group.members.size());
  for (const GroupMember& member : group.members) EncodeMember(member, group.created_at, &encoder);
  return bytes;
}

Result<GroupRecord> DecodeGroup(std::string_view bytes) {
  Decoder decoder(bytes);
  GroupRecord group;
  if (decoder.U8() != kGroupVersion) decoder.Fail();
  const uint64_t present = decoder.Varint();
  if (present & ~kGroupBits) decoder.Fail();
  group.sequential = present & kSequentialBit;
  group.cancel_rest = present & kCancelRestBit;
  group.stopped = present & kStoppedBit;
  group.keeps = present & kKeepsBit;
  group.created_at.ms = decoder.Signed();
  group.caller = decoder.Text();
  if (group.sequential) group.released = static_cast<uint32_t>(decoder.Varint());
  if (present & kSettledBit) {
    const int64_t after_ms = decoder.Signed();
    if (__builtin_add_overflow(group.created_at.ms, after_ms, &group.settled_at.ms)) decoder.Fail();
  }
  if (present & kCallbackBit) {
    Callback& callback = group.callback.emplace();
    callback.url = decoder.Text();
    callback.lane = decoder.Text();
    callback.host = decoder.Text();
  }
  if (present & kCalledBackBit) group.callback_id.value = decoder.Varint();
  if (present & kLabelsBit) group.labels = std::make_shared<const Labels>(TakeLabels(&decoder));
  if (present & kViaBit) group.via = decoder.Text();
  if (present & kTraceBit) group.trace_parent = decoder.Text();
  const uint64_t members = decoder.Varint();
  if (members > kMostGroupMembers || group.released > members) decoder.Fail();
  for (uint64_t i = 0; i < members && decoder.ok(); ++i) group.members.push_back(DecodeMember(group.created_at, &decoder));
  if (!decoder.done()) return UnreadableRecord("a group");
  return group;
}

std::string EncodeOutcome(const GroupOutcome& outcome) {
  std::string bytes = ItemHead(kGroupOutcome, outcome.group);
  Encoder encoder(&bytes);
  encoder.Varint(outcome.place);
  EncodeMember(outcome.member, {}, &encoder);
  return bytes;
}

std::optional<GroupOutcome> DecodeOutcome(std::string_view bytes) {
  Decoder decoder(bytes);
  GroupOutcome outcome;
  if (decoder.U8() != kGroupAgenda || decoder.U8() != kGroupOutcome) return std::nullopt;
  outcome.group.value = decoder.Big64();
  outcome.place = static_cast<uint32_t>(decoder.Varint());
  outcome.member = DecodeMember({}, &decoder);
  if (!decoder.done()) return std::nullopt;
  return outcome;
}

std::string AdvanceItem(NotifyId group, bool by_request) {
  std::string item = ItemHead(kGroupAdvance, group);
  if (by_request) Encoder(&item).U8(1);
  return item;
}

}  // namespace notifyd
