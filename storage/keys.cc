#include "storage/keys.h"

#include "base/bytes.h"
#include "base/check.h"

namespace notifyd {
namespace {

constexpr char kNumbered = '\x01';
constexpr size_t kPrefixSize = 3;
constexpr char kEscape = '\x00', kEscapedZero = '\xff', kEnd = '\x01';

std::string Begin(KeyKind kind) {
  return std::string(1, static_cast<char>(kind));
}

void AppendEscaped(std::string_view name, std::string* out) {
  for (char c : name) {
    out->push_back(c);
    if (c == kEscape) out->push_back(kEscapedZero);
  }
}

/// `name` so that something may follow: sorts as the name does.
void AppendClosed(std::string_view name, std::string* out) {
  AppendEscaped(name, out);
  out->push_back(kEscape);
  out->push_back(kEnd);
}

/// Takes a closed name off the front of `in`.
std::optional<std::string> TakeClosed(std::string_view* in) {
  std::string name;
  while (in->size() >= 2) {
    char c = in->front();
    if (c != kEscape) {
      name.push_back(c);
      in->remove_prefix(1);
      continue;
    }
    char mark = (*in)[1];
    in->remove_prefix(2);
    if (mark == kEnd) return name;
    if (mark != kEscapedZero) return std::nullopt;
    name.push_back(kEscape);
  }
  return std::nullopt;
}

void AppendTimeAndId(const DueKey& key, std::string* out) {
  Encoder encoder(out);
  encoder.BigSigned64(key.time_ms);
  encoder.Big64(key.id.value);
}

/// The body of a key of `kind`; empty, and so not decodable, for another kind.
std::string_view Body(std::string_view key, KeyKind kind) {
  return !key.empty() && key.front() == static_cast<char>(kind) ? key.substr(1) : std::string_view();
}

std::optional<DueKey> DecodeTimeAndId(std::string_view body) {
  Decoder decoder(body);
  DueKey key;
  key.time_ms = decoder.BigSigned64();
  key.id.value = decoder.Big64();
  return decoder.done() ? std::optional(key) : std::nullopt;
}

}  // namespace

KeySpace::KeySpace(NamespaceNumber number) : number_(number) {
  if (number != kDefaultNumber) prefix_ = {kNumbered, static_cast<char>(number >> 8), static_cast<char>(number)};
}

std::string_view KeySpace::Bare(std::string_view key) const {
  return key.starts_with(prefix_) ? key.substr(prefix_.size()) : std::string_view();
}

KeyPlace PlaceOf(std::string_view key) {
  if (!key.starts_with(kNumbered)) return {kDefaultNumber, key};
  if (key.size() < kPrefixSize) return {};
  const auto number = static_cast<NamespaceNumber>(static_cast<uint8_t>(key[1]) << 8 | static_cast<uint8_t>(key[2]));
  return {number, key.substr(kPrefixSize)};
}

KeyRange RangeOf(NamespaceNumber number) {
  if (number == kDefaultNumber) return {"a", PrefixEnd("z")};
  const std::string prefix = KeySpace(number).prefix();
  return {prefix, PrefixEnd(prefix)};
}

bool IsKind(std::string_view key, KeyKind kind) {
  return PlaceOf(key).bare.starts_with(static_cast<char>(kind));
}

std::string FirstKeyOf(KeyKind kind) {
  return KeySpace(kDefaultNumber + 1).In(std::string(1, static_cast<char>(kind)));
}

std::string KeysEnd() {
  return "\xff";
}

std::string EncodeNotifyKey(NotifyId id) {
  std::string out = Begin(KeyKind::kNotify);
  Encoder(&out).Big64(id.value);
  return out;
}

std::string EncodeDueKey(Clock clock, const DueKey& key) {
  std::string out = Begin(KeyKind::kDue);
  out.push_back(static_cast<char>(clock));
  AppendTimeAndId(key, &out);
  return out;
}

std::string EncodeExpiryKey(const DueKey& key) {
  std::string out = Begin(KeyKind::kExpiry);
  AppendTimeAndId(key, &out);
  return out;
}

std::string EncodeTailPrefix(const LaneKey& lane) {
  std::string out = Begin(KeyKind::kTail);
  out.push_back(static_cast<char>(lane.mode));
  AppendClosed(lane.name, &out);
  return out;
}

std::string EncodeTailKey(const LaneKey& lane, const OrderKey& key) {
  std::string out = EncodeTailPrefix(lane);
  Encoder encoder(&out);
  encoder.U8(key.rank);
  encoder.BigSigned64(key.due.ms);
  encoder.Big64(key.id.value);
  return out;
}

std::string EncodeLaneKey(const LaneKey& lane) {
  std::string out = Begin(KeyKind::kLane);
  out.push_back(static_cast<char>(lane.mode));
  return out += lane.name;
}

std::string EncodeNamedLanePrefix(KeyKind kind, std::string_view prefix) {
  std::string out = Begin(kind);
  AppendEscaped(prefix, &out);
  return out;
}

std::string EncodeNamedLaneKey(KeyKind kind, const LaneKey& lane) {
  std::string out = Begin(kind);
  AppendClosed(lane.name, &out);
  out.push_back(static_cast<char>(lane.mode));
  return out;
}

std::string EncodeSleeperPrefix(std::string_view host) {
  std::string out = Begin(KeyKind::kSleeper);
  AppendClosed(host, &out);
  return out;
}

std::string EncodeSleeperKey(std::string_view host, uint64_t order) {
  std::string out = EncodeSleeperPrefix(host);
  Encoder(&out).Big64(order);
  return out;
}

std::string EncodeFkeyKey(std::string_view fkey) {
  return Begin(KeyKind::kFkey).append(fkey);
}

std::string EncodeIdempotencyKey(const IdempotencyKey& key) {
  std::string out = Begin(KeyKind::kIdempotency);
  AppendClosed(key.caller, &out);
  return out += key.key;
}

std::string EncodeSettledKey(Phase phase, NotifyId id) {
  std::string out = Begin(KeyKind::kSettled);
  Encoder encoder(&out);
  encoder.U8(static_cast<uint8_t>(phase));
  encoder.Big64(id.value);
  return out;
}

std::string EncodeRecordKey(RecordKind kind, std::string_view key) {
  std::string out(1, static_cast<char>(kind));
  out.append(key);
  return out;
}

bool IsRecord(std::string_view bare) {
  if (bare.empty()) return false;
  for (RecordKind kind : kRecordKinds)
    if (static_cast<char>(kind) == bare.front()) return true;
  return false;
}

std::string EncodeMetaKey(std::string_view name) {
  return Begin(KeyKind::kMeta).append(name);
}

std::string EncodeDueBound(Clock clock, int64_t time_ms) {
  return EncodeDueKey(clock, {time_ms, NotifyId{}});
}
std::string EncodeExpiryBound(int64_t time_ms) {
  return EncodeExpiryKey({time_ms, NotifyId{}});
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  CHECK(!prefix.empty());
  ++prefix.back();
  return prefix;
}

std::optional<NotifyId> DecodeNotifyKey(std::string_view key) {
  Decoder decoder(Body(key, KeyKind::kNotify));
  NotifyId id{decoder.Big64()};
  return decoder.done() ? std::optional(id) : std::nullopt;
}

std::optional<DueKey> DecodeDueKey(std::string_view key) {
  std::string_view body = Body(key, KeyKind::kDue);
  if (body.empty() || static_cast<uint8_t>(body.front()) > static_cast<uint8_t>(Clock::kMono)) return std::nullopt;
  return DecodeTimeAndId(body.substr(1));
}

std::optional<DueKey> DecodeExpiryKey(std::string_view key) {
  return DecodeTimeAndId(Body(key, KeyKind::kExpiry));
}

std::optional<OrderKey> DecodeTailKey(std::string_view key, const LaneKey& lane) {
  std::string prefix = EncodeTailPrefix(lane);
  if (!key.starts_with(prefix)) return std::nullopt;
  Decoder decoder(key.substr(prefix.size()));
  OrderKey order;
  order.rank = decoder.U8();
  order.due.ms = decoder.BigSigned64();
  order.id.value = decoder.Big64();
  return decoder.done() ? std::optional(order) : std::nullopt;
}

std::optional<LaneKey> DecodeNamedLaneKey(KeyKind kind, std::string_view key) {
  std::string_view body = Body(key, kind);
  std::optional<std::string> name = TakeClosed(&body);
  if (!name || body.size() != 1 || static_cast<uint8_t>(body.front()) > static_cast<uint8_t>(Mode::kFifo)) return std::nullopt;
  return LaneKey{static_cast<Mode>(body.front()), std::move(*name)};
}

std::optional<SleeperPlace> DecodeSleeperKey(std::string_view key) {
  std::string_view body = Body(key, KeyKind::kSleeper);
  std::optional<std::string> host = TakeClosed(&body);
  if (!host) return std::nullopt;
  Decoder decoder(body);
  SleeperPlace place{std::move(*host), decoder.Big64()};
  return decoder.done() ? std::optional(std::move(place)) : std::nullopt;
}

std::optional<NotifyId> DecodeSettledKey(std::string_view key) {
  Decoder decoder(Body(key, KeyKind::kSettled));
  decoder.U8();
  NotifyId id{decoder.Big64()};
  return decoder.done() ? std::optional(id) : std::nullopt;
}

}  // namespace notifyd
