// Retention: what is kept for how long. Pure. Reads hide what is over at once; the compaction filter removes it when it comes by.
#pragma once

#include <cstdint>
#include <string_view>

#include "broker/notify.h"

namespace notifyd {

struct Retention {
  int64_t succeeded_ms = 0;  // from settled_at
  int64_t settled_ms = 0;    // the other settled ones
};

/// A settled notify whose time has passed. Never a pending one.
bool IsOver(const NotifyState& state, const Retention& retention, int64_t now_ms);
/// What ends at a given time (fkeys, idempotency keys).
inline bool IsOver(WallTime expires_at, int64_t now_ms) {
  return expires_at.ms <= now_ms;
}

/// May compaction drop this value? What retention ended, and what says nothing (orphans, counts that are zero). Only whole values, never merge
/// operands, are to be asked about: what is settled is revived by a new value alone, never by an operand. What does not decode is kept, so that
/// reading it says so.
bool MayDrop(std::string_view key, std::string_view value, const Retention& retention, int64_t now_ms);

}  // namespace notifyd
