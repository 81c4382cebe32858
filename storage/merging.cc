#include "storage/merging.h"

#include "base/bytes.h"
#include "storage/keys.h"
#include "storage/records.h"
#include "storage/stored_record.h"

namespace notifyd {
namespace {

using Parts = std::vector<std::string_view>;

/// The tag, then each part with its length. A base that is damaged already goes on growing.
std::string Damaged(std::string_view base, const Parts& operands) {
  std::string out;
  if (IsDamaged(base)) {
    out = base;
  } else {
    out.push_back(static_cast<char>(ValueTag::kDamaged));
    Encoder(&out).Text(base);
  }
  for (std::string_view operand : operands) Encoder(&out).Text(operand);
  return out;
}

std::optional<std::string> MergeNotify(std::string_view base, const Parts& operands) {
  auto record = DecodeNotify(NotifyId{}, base);  // the id stands in the key alone
  if (!record.ok()) return std::nullopt;
  for (std::string_view operand : operands) {
    auto changes = DecodeChanges(operand);
    if (!changes.ok()) return std::nullopt;
    if (changes->attempts.empty()) ApplyChange({changes->state, std::nullopt}, record->get());
    for (AttemptRecord& attempt : changes->attempts) ApplyChange({changes->state, std::move(attempt)}, record->get());
  }
  std::string out;
  EncodeNotify(**record, &out);
  return out;
}

std::optional<std::string> MergeFkey(std::string_view base, const Parts& operands) {
  auto record = DecodeFkey(base);
  if (!record.ok()) return std::nullopt;
  for (std::string_view operand : operands) {
    auto expiry = DecodeFkeyExpiry(operand);
    if (!expiry.ok()) return std::nullopt;
    if (expiry->id == record->id) record->expires_at = expiry->expires_at;
  }
  std::string out;
  EncodeFkey(*record, &out);
  return out;
}

/// Counts need no record to begin with: what is not there is zero.
std::string MergeLaneCounts(std::optional<std::string_view> base, const Parts& operands) {
  IndexCounts sum;
  if (base) {
    auto counts = DecodeLaneCounts(*base);
    if (!counts.ok()) return Damaged(*base, operands);
    sum = *counts;
  }
  for (std::string_view operand : operands) {
    auto change = DecodeLaneCountsChange(operand);
    if (!change.ok()) return Damaged(base.value_or(std::string_view()), operands);
    sum += *change;
  }
  std::string out;
  EncodeLaneCounts(sum, &out);
  return out;
}

bool IsCount(std::string_view key) {
  const std::string_view bare = PlaceOf(key).bare;
  return !bare.empty() && bare.front() == static_cast<char>(RecordKind::kDueCount);
}

/// Adds the change of one to the other, whose end it takes. False: one of them is damaged.
bool AddCount(const Result<StoredRecord>& change, StoredRecord* sum) {
  const std::optional<int64_t> before = DecodeCount(sum->value), by = change.ok() ? DecodeCount(change->value) : std::nullopt;
  if (!before || !by) return false;
  *sum = {EncodeCount(*before + *by), change->expires_at};
  return true;
}

/// As lane counts: what is not there is zero.
std::string MergeCount(std::optional<std::string_view> base, const Parts& operands) {
  StoredRecord sum{EncodeCount(0)};
  bool sound = true;
  if (base) {
    auto record = DecodeStoredRecord(*base);
    sound = record.ok() && AddCount(record, &sum);
  }
  for (std::string_view operand : operands) sound = sound && AddCount(DecodeCountOperand(operand), &sum);
  if (!sound) return Damaged(base.value_or(std::string_view()), operands);
  std::string out;
  EncodeStoredRecord(sum, &out);
  return out;
}

}  // namespace

std::string MergeFull(std::string_view key, std::optional<std::string_view> base, const Parts& operands) {
  if (IsKind(key, KeyKind::kLaneCounts)) return MergeLaneCounts(base, operands);
  if (IsCount(key)) return MergeCount(base, operands);
  if (!base || IsOrphan(*base)) {
    std::string out;
    EncodeOrphan(&out);
    return out;
  }
  std::optional<std::string> merged;
  if (IsKind(key, KeyKind::kNotify)) merged = MergeNotify(*base, operands);
  if (IsKind(key, KeyKind::kFkey)) merged = MergeFkey(*base, operands);
  return merged ? std::move(*merged) : Damaged(*base, operands);
}

bool MergePartial(std::string_view key, std::string_view older, std::string_view newer, std::string* out) {
  if (IsKind(key, KeyKind::kNotify)) {
    auto left = DecodeChanges(older), right = DecodeChanges(newer);
    if (!left.ok() || !right.ok()) return false;
    left->state = std::move(right->state);
    for (AttemptRecord& attempt : right->attempts) left->attempts.push_back(std::move(attempt));
    if (left->attempts.size() > kAttemptsKept)
      left->attempts.erase(left->attempts.begin(), left->attempts.end() - static_cast<ptrdiff_t>(kAttemptsKept));
    out->clear();
    EncodeChanges(*left, out);
    return true;
  }
  if (IsKind(key, KeyKind::kFkey)) {
    auto left = DecodeFkeyExpiry(older), right = DecodeFkeyExpiry(newer);
    if (!left.ok() || !right.ok() || left->id != right->id) return false;
    *out = newer;
    return true;
  }
  if (IsKind(key, KeyKind::kLaneCounts)) {
    auto left = DecodeLaneCountsChange(older), right = DecodeLaneCountsChange(newer);
    if (!left.ok() || !right.ok()) return false;
    out->clear();
    EncodeLaneCountsChange(*left += *right, out);
    return true;
  }
  if (IsCount(key)) {
    auto sum = DecodeCountOperand(older);
    if (!sum.ok() || !AddCount(DecodeCountOperand(newer), &*sum)) return false;
    out->clear();
    EncodeCountOperand(*sum, out);
    return true;
  }
  return false;
}

}  // namespace notifyd
