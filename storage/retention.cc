#include "storage/retention.h"

#include <algorithm>

#include "storage/keys.h"
#include "storage/records.h"
#include "storage/registry_records.h"
#include "storage/stored_record.h"

namespace notifyd {
namespace {

// Written so that neither side can overflow: a retention of "for ever" is a large number.
bool Passed(WallTime since, int64_t kept_ms, int64_t now_ms) {
  return now_ms >= since.ms && now_ms - since.ms >= kept_ms;
}

}  // namespace

bool IsOver(const NotifyState& state, const Retention& retention, int64_t now_ms) {
  if (!IsSettled(state.phase)) return false;
  return Passed(state.settled_at, state.phase == Phase::kSucceeded ? retention.succeeded_ms : retention.settled_ms, now_ms);
}

const Retention& RetentionRules::Of(NamespaceNumber number) const {
  if (own.empty()) return general;
  auto it = own.find(number);
  return it == own.end() ? general : it->second;
}

Retention RetentionRules::LongestWithin(std::string_view smallest, std::string_view largest) const {
  const NamespaceNumber first = PlaceOf(smallest).number, last = PlaceOf(largest).number;
  if (first == last) return Of(first);
  Retention longest = general;
  for (const auto& [number, retention] : own) {
    // `default` has no prefix: its keys come behind all others.
    const bool within = number == kDefaultNumber ? last == kDefaultNumber : number >= first && (last == kDefaultNumber || number <= last);
    if (!within) continue;
    longest.succeeded_ms = std::max(longest.succeeded_ms, retention.succeeded_ms);
    longest.settled_ms = std::max(longest.settled_ms, retention.settled_ms);
  }
  return longest;
}

std::shared_ptr<const RetentionRules> RetentionTable::Now() const {
  std::lock_guard lock(mutex_);
  return rules_;
}

void RetentionTable::Become(RetentionRules rules) {
  auto made = std::make_shared<const RetentionRules>(std::move(rules));
  std::lock_guard lock(mutex_);
  rules_ = std::move(made);
}

void RetentionTable::Set(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms) {
  std::lock_guard lock(mutex_);
  const Retention wanted{succeeded_ms.value_or(rules_->general.succeeded_ms), settled_ms.value_or(rules_->general.settled_ms)};
  if (rules_->Of(number) == wanted) return;
  auto changed = std::make_shared<RetentionRules>(*rules_);
  if (wanted == changed->general) changed->own.erase(number);
  else changed->own[number] = wanted;
  rules_ = std::move(changed);
}

bool MayDrop(std::string_view key, std::string_view value, const RetentionRules& rules, int64_t now_ms) {
  const KeyPlace place = PlaceOf(key);
  if (place.bare.empty()) return false;
  const Retention& retention = rules.Of(place.number);
  switch (static_cast<KeyKind>(place.bare.front())) {
    case KeyKind::kNotify: {
      if (IsOrphan(value)) return true;
      std::optional<NotifyState> state = PeekState(value);
      if (!state || !IsOver(*state, retention, now_ms)) return false;
      return DecodeNotify(NotifyId{}, value).ok();
    }
    case KeyKind::kFkey: {
      if (IsOrphan(value)) return true;
      auto record = DecodeFkey(value);
      return record.ok() && IsOver(record->expires_at, now_ms);
    }
    case KeyKind::kIdempotency: {
      auto record = DecodeIdempotency(value);
      return record.ok() && IsOver(record->expires_at, now_ms);
    }
    case KeyKind::kLaneCounts: {
      auto counts = DecodeLaneCounts(value);
      return counts.ok() && counts->IsZero();
    }
    case KeyKind::kSettled: {
      auto settled_at = DecodeSettled(value);
      return settled_at.ok() && Passed(*settled_at, retention.settled_ms, now_ms);
    }
    case KeyKind::kAudit: {
      std::optional<AuditPlace> entry = DecodeAuditKey(place.bare);
      return entry && Passed(entry->at, kAuditKeptMs, now_ms);
    }
    default: {
      if (!IsRecord(place.bare)) return false;
      auto record = DecodeStoredRecord(value);
      return record.ok() && IsOver(record->expires_at, now_ms);
    }
  }
}

}  // namespace notifyd
