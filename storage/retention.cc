#include "storage/retention.h"

#include "storage/keys.h"
#include "storage/records.h"

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

bool MayDrop(std::string_view key, std::string_view value, const Retention& retention, int64_t now_ms) {
  if (key.empty()) return false;
  switch (static_cast<KeyKind>(key.front())) {
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
    default:
      return false;
  }
}

}  // namespace notifyd
