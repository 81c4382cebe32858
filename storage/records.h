// Records: the values of the store as bytes. Pure. Each is a version byte, its fields and the checksum of all before it (4 bytes);
// docs/storage-format.md lists the fields and shows an example in hex.
//
// I1 what Decode takes, it takes whole: a wrong checksum, an unknown version, a number out of range or a byte left over is kCorrupt.
// I2 a version's layout never changes: another layout is another version, and the old one stays readable.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/notify.h"
#include "storage/record_frame.h"

namespace notifyd {

/// Added to the status of an attempt whose detail and response body are sealed (storage/sealed_records.h): as it is stored, and as Decode gives it.
inline constexpr uint16_t kSealedMark = 4096;

/// Encode appends to `out`, always the newest version; Decode takes every version.
void EncodeNotify(const NotifyRecord& record, std::string* out);
/// `id` comes from the key. Error: kCorrupt, as everywhere here.
Result<std::shared_ptr<NotifyRecord>> DecodeNotify(NotifyId id, std::string_view value);
/// Only the state, and without a look at the checksum: for deciding whether a closer look is worth its while.
std::optional<NotifyState> PeekState(std::string_view value);
/// Likewise all that stands before the attempts and the spec.
struct NotifyBeginning {
  NotifyState state;
  WallTime created_at;
  Envelope envelope;
};
std::optional<NotifyBeginning> PeekBeginning(std::string_view value);
/// Is its checksum right? What it holds is not looked at.
bool IsSound(std::string_view value);

/// The operand of a ChangeNotify; several that were merged have one state and the newest attempts.
struct NotifyChanges {
  NotifyState state;
  std::vector<AttemptRecord> attempts;  // oldest first, at most kAttemptsKept
};
void EncodeChange(const StateChange& change, std::string* out);
void EncodeChanges(const NotifyChanges& changes, std::string* out);
Result<NotifyChanges> DecodeChanges(std::string_view operand);

void EncodeFkey(const FkeyRecord& record, std::string* out);
Result<FkeyRecord> DecodeFkey(std::string_view value);
/// The operand of an ExpireFkey: id and expires_at, as a record has them.
void EncodeFkeyExpiry(const FkeyRecord& expiry, std::string* out);
Result<FkeyRecord> DecodeFkeyExpiry(std::string_view operand);

void EncodeIdempotency(const IdempotencyRecord& record, std::string* out);
/// The same of one whose print is keyed (Sealing::Keyed).
void EncodeKeyedIdempotency(const IdempotencyRecord& record, std::string* out);
/// Of either, its print as it is stored.
Result<IdempotencyRecord> DecodeIdempotency(std::string_view value);
/// Which of them it is.
bool IsKeyedIdempotency(std::string_view value);
void EncodeLane(const LaneRecord& record, std::string* out);
Result<LaneRecord> DecodeLane(std::string_view value);
void EncodeLaneSettings(const LaneSettings& settings, std::string* out);
Result<LaneSettings> DecodeLaneSettings(std::string_view value);
/// As a value, and as the operand of an AddLaneCounts.
void EncodeLaneCounts(const IndexCounts& counts, std::string* out);
Result<IndexCounts> DecodeLaneCounts(std::string_view value);
void EncodeLaneCountsChange(const IndexCounts& change, std::string* out);
Result<IndexCounts> DecodeLaneCountsChange(std::string_view operand);
/// The value of a sleeper: which lane sleeps there.
void EncodeSleeperLane(const LaneKey& lane, std::string* out);
Result<LaneKey> DecodeSleeperLane(std::string_view value);
void EncodeSettled(WallTime settled_at, std::string* out);
Result<WallTime> DecodeSettled(std::string_view value);
void EncodeTotals(const Totals& totals, std::string* out);
Result<Totals> DecodeTotals(std::string_view value);

/// The version of the whole store (keys, values and their meaning) that this code writes.
inline constexpr uint32_t kFormatVersion = 9;
struct FormatRecord {
  uint32_t version = kFormatVersion;
  Fingerprint store;  // random: which store this is
  bool operator==(const FormatRecord&) const = default;
};
void EncodeFormat(const FormatRecord& record, std::string* out);
Result<FormatRecord> DecodeFormat(std::string_view value);

/// 16 hex digits by which others may know the store of this id: half of a hash of it, so that the id, by which marks in the log are told from bodies,
/// cannot be found from them. docs/storage-format.md has an example: never change it.
std::string NameOfStore(const Fingerprint& store);

/// The bare value of ValueTag::kOrphan, and what any value's first byte says.
void EncodeOrphan(std::string* out);
inline bool IsOrphan(std::string_view value) {
  return !value.empty() && static_cast<uint8_t>(value[0]) == static_cast<uint8_t>(ValueTag::kOrphan);
}
inline bool IsDamaged(std::string_view value) {
  return !value.empty() && static_cast<uint8_t>(value[0]) == static_cast<uint8_t>(ValueTag::kDamaged);
}

}  // namespace notifyd
