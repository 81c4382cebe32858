// Moving: all of a store that nobody uses, from one engine to another, as keys and values (storage/ordered_kv.h). Values go folded; what retention
// has ended stays behind. Contract section 22.
//
// I1 the source is only read, but for what opening it writes.
// I2 until Finish has returned the target is half-made, and no broker opens it: a move that was cut short is begun anew.
// I3 what was written is durable before the target is whole.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/ordered_kv.h"
#include "storage/retention.h"

namespace notifyd {

/// A store that is held by its lock or its lease, until this goes.
class MoveSource {
 public:
  virtual ~MoveSource() = default;
  virtual const OrderedKv& kv() const = 0;
  /// Values that the engine keeps elsewhere than under their keys, by key: they stand in place of what lies there. Error: kUnavailable, kIo.
  virtual Result<std::map<std::string, std::string>> Elsewhere() = 0;
  /// Error: kIo: it was somebody else's meanwhile.
  virtual Status Held() = 0;
};

/// What it is moved to: held like the source, empty where it was just opened, and half-made until Finish.
class MoveTarget {
 public:
  virtual ~MoveTarget() = default;
  /// Adds some keys, none of which it was given before. Errors: kUnavailable, kDiskFull, kIo.
  virtual Status Write(const std::function<void(KvWrites&)>& fill) = 0;
  /// Makes it whole, and lets go of it. Errors: as Write's; then it is half-made, or whole.
  virtual Status Finish() = 0;
};

struct MoveCounts {
  uint64_t keys = 0, bytes = 0;  // of keys and values that were moved
  uint64_t over = 0;             // keys that retention had ended
};

/// By what its FORMAT, or its row, knows it. Error: kCorrupt, kIo, kUnavailable.
Result<Fingerprint> ReadStoreId(const OrderedKv& kv);
/// Moves all there is, in batches of some MiB, and makes the target whole. `said`: called now and then with what was done so far. Blocks. Errors: the
/// source's and the target's.
Result<MoveCounts> MoveStore(MoveSource* source, MoveTarget* target, const RetentionRules& rules, int64_t now_ms,
                             const std::function<void(const MoveCounts&)>& said);

}  // namespace notifyd
