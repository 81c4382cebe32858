// Keys: where each thing stands in the store. Pure; the layout is described, with examples, in docs/storage-format.md.
//
// I1 a key begins with one byte that says what it is; these bytes are never renumbered or used again for something else.
// I2 byte order is the order in which keys are read: numbers are fixed-width and big-endian, signed ones with their sign bit flipped.
// I3 no key is a prefix of another of its kind, whatever bytes a name holds: a name that something follows is escaped and closed
//    (00 -> 00 FF, end 00 01), a name that ends its key stands as it is.
// The shard byte of an id (always 0 so far) is its top byte, and so comes first where ids sort.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/notify.h"

namespace notifyd {

/// Stored: never renumber.
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
  // The broker's own, of no namespace: capital letters (storage/registry_records.h).
  kNamespace = 'N',      // number
  kToken = 'T',          // id
  kTokenUse = 'U',       // id
  kNamespaceWake = 'W',  // number
};

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
/// `name`: kTotalsName or kFormatName.
std::string EncodeMetaKey(std::string_view name);
inline constexpr std::string_view kTotalsName = "totals";
inline constexpr std::string_view kFormatName = "format";

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
