// Keys: where each thing stands in the store. Pure; the layout is described, with examples, in docs/storage-format.md.
//
// I1 a key begins, behind its namespace, with one byte that says what it is; these bytes are never renumbered or used again for something else.
// I2 byte order is the order in which keys are read: numbers are fixed-width and big-endian, signed ones with their sign bit flipped.
// I3 no key is a prefix of another of its kind, whatever bytes a name holds: a name that something follows is escaped and closed
//    (00 -> 00 FF, end 00 01), a name that ends its key stands as it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "broker/notify.h"
#include "broker/stored_record.h"

namespace notifyd {

/// A namespace's keys among those of the store. `default` has its keys as they are encoded; another one's begin with 01, which is no kind's byte, and
/// its number, big16.
class KeySpace {
 public:
  explicit KeySpace(NamespaceNumber number);
  NamespaceNumber number() const { return number_; }
  /// The store's key for what an Encode function gave.
  std::string In(std::string key) const { return prefix_.empty() ? std::move(key) : prefix_ + key; }
  /// What is to be decoded of a key of this namespace; of another one's it is empty, and so not decodable.
  std::string_view Bare(std::string_view key) const;
  /// What all its keys begin with; nothing for `default`, whose kinds lie among those of the broker's own.
  const std::string& prefix() const { return prefix_; }

 private:
  NamespaceNumber number_;
  std::string prefix_;
};

/// Whose a key of the store is, and what it is there. The broker's own ones are at number 0, too.
struct KeyPlace {
  NamespaceNumber number = kDefaultNumber;
  std::string_view bare;  // of the key
};
KeyPlace PlaceOf(std::string_view key);

/// Stored: never renumber. Those of a RecordKind (broker/stored_record.h) are a namespace's, too.
enum class KeyKind : char {
  kLaneCounts = 'c',    // lane name, mode
  kDue = 'd',           // clock, time, id
  kFkey = 'f',          // fkey
  kIdempotency = 'i',   // caller, key
  kTail = 'l',          // mode, lane name, rank, due, id
  kMeta = 'm',          // name
  kNotify = 'n',        // id
  kLane = 'q',          // mode, lane name
  kLaneSettings = 's',  // lane name, mode
  kSleeper = 'w',       // host, order
  kExpiry = 'x',        // time, id
  kSettled = 'z',       // phase, id
  // The broker's own, of no namespace: capital letters (storage/registry_records.h). 01 stands before the keys of a namespace.
  kAudit = 'A',          // time, serial
  kNamespace = 'N',      // number
  kToken = 'T',          // id
  kTokenUse = 'U',       // id
  kNamespaceWake = 'W',  // number
};

/// Between which a namespace's keys lie, `to` not among them. `default`'s, which have no prefix, are all from the first small letter on.
struct KeyRange {
  std::string from, to;
  bool operator==(const KeyRange&) const = default;
};
KeyRange RangeOf(NamespaceNumber number);

/// Is it a key of that kind, of whichever namespace?
bool IsKind(std::string_view key, KeyKind kind);
/// No key of that kind, of whichever namespace, lies before it.
std::string FirstKeyOf(KeyKind kind);
/// All keys lie before it.
std::string KeysEnd();

std::string EncodeNotifyKey(NotifyId id);
std::string EncodeDueKey(Clock clock, const DueKey& key);
std::string EncodeExpiryKey(const DueKey& key);
std::string EncodeTailKey(const LaneKey& lane, const OrderKey& key);
std::string EncodeLaneKey(const LaneKey& lane);
/// `kind`: kLaneCounts or kLaneSettings, which lie in the order of names, then modes.
std::string EncodeNamedLaneKey(KeyKind kind, const LaneKey& lane);
std::string EncodeSleeperKey(std::string_view host, uint64_t order);
std::string EncodeFkeyKey(std::string_view fkey);
std::string EncodeIdempotencyKey(const IdempotencyKey& key);
std::string EncodeSettledKey(Phase phase, NotifyId id);
std::string EncodeRecordKey(RecordKind kind, std::string_view key);
/// Is it a record's key?
bool IsRecord(std::string_view bare);
/// `name`: one of these.
std::string EncodeMetaKey(std::string_view name);
inline constexpr std::string_view kTotalsName = "totals";
inline constexpr std::string_view kFormatName = "format";
inline constexpr std::string_view kSwitchesName = "switches";
inline constexpr std::string_view kIdsName = "ids";

/// What all keys of a lane's tail, or of a host's sleeping lanes, begin with; no other key does.
std::string EncodeTailPrefix(const LaneKey& lane);
std::string EncodeSleeperPrefix(std::string_view host);
/// What the keys of `kind` begin with whose lane's name begins with `prefix`; no other key does.
std::string EncodeNamedLanePrefix(KeyKind kind, std::string_view prefix);
/// The first key of a clock, and of an expiry index, that is not below `time_ms`.
std::string EncodeDueBound(Clock clock, int64_t time_ms);
std::string EncodeExpiryBound(int64_t time_ms);
/// The first key behind all that begin with `prefix`, which holds a byte other than FF.
std::string PrefixEnd(std::string prefix);

/// Nothing where `key` is not exactly what its Encode gives.
std::optional<NotifyId> DecodeNotifyKey(std::string_view key);
std::optional<DueKey> DecodeDueKey(std::string_view key);
std::optional<DueKey> DecodeExpiryKey(std::string_view key);
std::optional<OrderKey> DecodeTailKey(std::string_view key, const LaneKey& lane);
std::optional<LaneKey> DecodeNamedLaneKey(KeyKind kind, std::string_view key);
struct SleeperPlace {
  std::string host;
  uint64_t order = 0;
};
std::optional<SleeperPlace> DecodeSleeperKey(std::string_view key);
std::optional<NotifyId> DecodeSettledKey(std::string_view key);

}  // namespace notifyd
