// OrderedKv: ordered keys and values, read at one moment and written whole: what keys, records, pages, lists, lanes and the registry stand on, so
// that they are one code over every engine. RocksDB's is storage/rocks_kv.h, PostgreSQL's storage/postgres/pg_kv.h.
//
// I1 keys are ordered by their bytes, over all of a store; none is longer than kMaxKeyBytes.
// I2 a value and what was appended to it are folded by MergeFull (storage/merging.h) wherever a value is read: nobody above sees an operand.
// I3 what is read of one KvMoment is of one moment.
// I4 what is over by retention, or at its expiry, may still be read: hiding it is for those above.
// I5 an engine may keep kinds of keys (storage/keys.h) apart: a walk begins in the kind of its `from`, and what lies in its range of kinds that are
//    kept elsewhere it does not see. Kinds of the broker's own lie together.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace notifyd {

/// A lane's name, an fkey or a topic (<= 255 bytes each, escaped at most twice as long) with a caller's, and numbers: below what a page of
/// PostgreSQL's indexes takes (2,704 bytes).
inline constexpr size_t kMaxKeyBytes = 2'600;

/// Takes what is to be written, in its order; the engine writes it as one.
class KvWrites {
 public:
  virtual ~KvWrites() = default;
  virtual void Put(std::string_view key, std::string_view value) = 0;
  /// An operand behind what the key has, without reading it; what that makes of it, MergeFull says.
  virtual void Append(std::string_view key, std::string_view operand) = 0;
  virtual void Delete(std::string_view key) = 0;
  /// Of a key that was put once ever, and never appended to.
  virtual void DeleteOnce(std::string_view key) = 0;
  /// All keys from `from` up to `to`, `to` not among them, of every kind.
  virtual void DeleteRange(std::string_view from, std::string_view to) = 0;
  /// As DeleteRange, of keys that nobody writes or looks for any more: where an engine would look at each, whoever uses it has them go afterwards.
  virtual void LeaveRange(std::string_view from, std::string_view to) { DeleteRange(from, to); }
};

/// Called for each key that is there, with its place among those that were asked for; the value is borrowed for the call.
using KvTake = std::function<Status(size_t, std::string_view)>;

/// A walk over a range. `key` and `value` are borrowed up to the next call that moves it.
class KvCursor {
 public:
  virtual ~KvCursor() = default;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  /// In the walk's direction; only of one that is Valid.
  virtual void Next() = 0;
  /// To the first key from `key` on, in a walk that goes forward; `key` lies ahead.
  virtual void Seek(std::string_view key) = 0;
  /// Ok, unless reading failed, which ends it: kCorrupt, kIo.
  virtual Status status() const = 0;
};

/// What a walk is for, where an engine does better if it knows.
struct KvScan {
  bool forward = true;
  bool values = true;    // false: nobody asks for a value
  size_t expected = 64;  // so many rows are likely to be taken; kWhole: all there are, once
  static constexpr size_t kWhole = SIZE_MAX;
};

/// What is read of a moment, or without one.
class KvReads {
 public:
  virtual ~KvReads() = default;
  /// Calls `take` for each of the keys that is there, in no order; what it returns ends it where that is an error. Errors: kCorrupt, kIo, and take's.
  virtual Status GetAll(const std::vector<std::string>& keys, const KvTake& take) const = 0;
  /// From `from` up to `to`, `to` not among them; nothing where they are not in this order. Stands at the first key of the walk. Not beyond this
  /// one's life.
  virtual std::unique_ptr<KvCursor> Walk(std::string from, std::string to, KvScan scan) const = 0;
};

/// All that is read of it is of one moment. One thread's.
class KvMoment : public KvReads {};

/// Of a walk: as Walk takes them.
struct KvPart {
  std::string from, to;
};

/// What a moment is read for: scans should not drive what loads need out of a cache.
enum class KvFor { kLoads, kScans };

/// Any thread. What is read of it directly is of no one moment, but a walk is of its own; those are scans.
class OrderedKv : public KvReads {
 public:
  /// Must not outlive this.
  virtual std::unique_ptr<KvMoment> Now(KvFor use) const = 0;
  /// Walks over these, one after the other, see all there is, each key once (I5).
  virtual std::vector<KvPart> Parts() const = 0;
};

}  // namespace notifyd
