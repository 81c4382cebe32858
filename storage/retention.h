// Retention: what is kept for how long, by namespace. Reads hide what is over at once; the compaction filter removes it when it comes by.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "broker/notify.h"

namespace notifyd {

/// Nothing is over by it.
inline constexpr int64_t kKeptForEver = INT64_MAX;

struct Retention {
  int64_t succeeded_ms = 0;  // from settled_at
  int64_t settled_ms = 0;    // the other settled ones
  bool operator==(const Retention&) const = default;
};

/// Of all namespaces, as it is at one moment.
struct RetentionRules {
  Retention general;  // of those that have none of their own
  std::map<NamespaceNumber, Retention> own;
  const Retention& Of(NamespaceNumber number) const;
  /// The longest of those whose keys may lie from `smallest` to `largest`, keys of the store.
  Retention LongestWithin(std::string_view smallest, std::string_view largest) const;
};

/// The rules as they are now. Any thread.
class RetentionTable {
 public:
  explicit RetentionTable(const Retention& general) : rules_(std::make_shared<const RetentionRules>(RetentionRules{general, {}})) {}
  std::shared_ptr<const RetentionRules> Now() const;
  /// In place of all rules of before.
  void Become(RetentionRules rules);
  Retention Of(NamespaceNumber number) const { return Now()->Of(number); }
  /// What is not set is as in general.
  void Set(NamespaceNumber number, std::optional<int64_t> succeeded_ms, std::optional<int64_t> settled_ms);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const RetentionRules> rules_;
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
bool MayDrop(std::string_view key, std::string_view value, const RetentionRules& rules, int64_t now_ms);

}  // namespace notifyd
