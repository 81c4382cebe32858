// The stored encoding of a spec, version 2, and of the patterns and policies that stand in other records too. Pure, any thread.
// Version 1 is still read: it has no trace_state.
//
//   spec    = version:u8 present:varint url:text [field for each bit of `present`, lowest first]
//   pattern = present:varint [status] [contains] [json]        absent: empty
//   policy  = present:varint [field for each bit]              absent: the default
//
// I1: what is decoded was encoded by a version that is known: an unknown bit, enum value or range is refused, as are leftovers.
// I2: nothing is allocated for a count, only for what is read: each item takes a byte or more, so a false count ends with the bytes.
#include "broker/spec.h"

#include <algorithm>
#include <limits>

#include "broker/borrowed_spec.h"
#include "broker/via.h"

namespace notifyd {
namespace {

constexpr uint8_t kSpecVersion = 2;

// Bits of `present`. Never renumber.
enum SpecBit : uint64_t {
  kMethodBit = 1 << 0,
  kHeadersBit = 1 << 1,
  kPayloadBit = 1 << 2,
  kContentTypeBit = 1 << 3,
  kContentTypeGivenBit = 1 << 4,  // a flag alone, no bytes
  kGroupBit = 1 << 5,
  kOnHeldBit = 1 << 6,
  kExpectBit = 1 << 7,
  kTimeoutBit = 1 << 8,
  kConnectTimeoutBit = 1 << 9,
  kIdempotencyKeyBit = 1 << 10,
  kDelayBit = 1 << 11,
  kTtlBit = 1 << 12,
  kTraceStateBit = 1 << 13,
  kOrderByBit = 1 << 14,
  kPartitionsBit = 1 << 15,
  kSpreadBit = 1 << 16,           // a flag alone, no bytes
  kCompressBit = 1 << 18,         // a flag alone, no bytes
  kAllSpecBits1 = (1 << 13) - 1,  // of version 1
  kPayloadOfEventBit = 1 << 17,   // a flag alone, no bytes
  kFollowBit = 1 << 19,           // a flag alone, no bytes: follow_redirects is true
  kDoNotFollowBit = 1 << 20,      // likewise: it is false
  kAllSpecBits = (1 << 21) - 1,
};
enum PatternBit : uint64_t {
  kStatusBit = 1 << 0,
  kContainsBit = 1 << 1,
  kJsonBit = 1 << 2,
  kWholeBit = 1 << 3 /* a flag alone, no bytes */,
  kAllPatternBits = (1 << 4) - 1
};
enum RetryBit : uint64_t {
  kMaxAttemptsBit = 1 << 0,
  kInitialBit = 1 << 1,
  kFactorBit = 1 << 2,
  kMaxBit = 1 << 3,
  kJitterBit = 1 << 4,
  kScheduleBit = 1 << 5,
  kFatalOnBit = 1 << 6,
  kLaterOnBit = 1 << 7,
  kOnlyOnBit = 1 << 8,
  kAllRetryBits1 = (1 << 7) - 1,  // of version 1
  kAllRetryBits = (1 << 9) - 1,
};

const NotifySpec& DefaultSpec() {
  static const NotifySpec kSpec;
  return kSpec;
}
const RetryPolicy& DefaultRetry() {
  static const RetryPolicy kPolicy;
  return kPolicy;
}

uint64_t Bits(Decoder* d, uint64_t all) {
  uint64_t present = d->Varint();
  if (present & ~all) d->Fail();
  return d->ok() ? present : 0;
}

template <class E>
E Enum(Decoder* d, E most) {
  uint8_t value = d->U8();
  if (value > static_cast<uint8_t>(most)) d->Fail();
  return d->ok() ? static_cast<E>(value) : E{};
}

/// A duration: not negative.
int64_t Duration(Decoder* d) {
  uint64_t value = d->Varint();
  if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) d->Fail();
  return d->ok() ? static_cast<int64_t>(value) : 0;
}

double Within(Decoder* d, double least, double most) {
  double value = d->Double();
  if (!(value >= least && value <= most)) d->Fail();  // so written that a NaN fails
  return d->ok() ? value : least;
}

uint64_t PresentBits(const NotifySpec& spec) {
  const NotifySpec& fallback = DefaultSpec();
  uint64_t present = 0;
  auto set = [&](uint64_t bit, bool differs) { present |= differs ? bit : 0; };
  set(kMethodBit, spec.method != fallback.method);
  set(kHeadersBit, !spec.headers.empty() || !spec.via.empty());
  set(kPayloadBit, spec.payload_kind != PayloadKind::kNone);
  set(kContentTypeBit, spec.content_type != fallback.content_type);
  set(kContentTypeGivenBit, spec.content_type_given);
  set(kGroupBit, !spec.group.empty());
  set(kOnHeldBit, spec.on_held.has_value());
  set(kExpectBit, spec.expect != fallback.expect);
  set(kTimeoutBit, spec.timeout_ms != fallback.timeout_ms);
  set(kConnectTimeoutBit, spec.connect_timeout_ms != fallback.connect_timeout_ms);
  set(kIdempotencyKeyBit, !spec.idempotency_key.empty());
  set(kDelayBit, spec.delay_ms.has_value());
  set(kTtlBit, spec.ttl_ms.has_value());
  set(kPayloadOfEventBit, spec.payload_of_event);
  set(kTraceStateBit, !spec.trace_state.empty());
  set(kOrderByBit, spec.order_by.has_value());
  set(kPartitionsBit, spec.partitions != fallback.partitions);
  set(kSpreadBit, spec.order_by_spread);
  set(kCompressBit, spec.compress);
  set(kFollowBit, spec.follow_redirects == true);
  set(kDoNotFollowBit, spec.follow_redirects == false);
  return present;
}

}  // namespace

std::optional<bool> ParseOrderByMissing(std::string_view text) {
  if (text == "spread") return true;
  return text == "refuse" ? std::optional<bool>(false) : std::nullopt;
}

std::string EncodeSpec(const NotifySpec& spec) {
  std::string bytes;
  bytes.reserve(16 + spec.url.size() + spec.payload.size());
  Encoder e(&bytes);
  e.U8(kSpecVersion);
  uint64_t present = PresentBits(spec);
  e.Varint(present);
  e.Text(spec.url);
  if (present & kMethodBit) e.U8(static_cast<uint8_t>(spec.method));
  if (present & kHeadersBit) {
    e.Varint(spec.headers.size() + (spec.via.empty() ? 0 : 1));
    for (const auto& [name, value] : spec.headers) {
      e.Text(name);
      e.Text(value);
    }
    // A header that no submitter may set, so that what does not know of chains passes it on.
    if (!spec.via.empty()) {
      e.Text(kViaHeader);
      e.Text(spec.via);
    }
  }
  if (present & kPayloadBit) {
    e.U8(static_cast<uint8_t>(spec.payload_kind));
    e.Text(spec.payload);
  }
  if (present & kContentTypeBit) e.Text(spec.content_type);
  if (present & kGroupBit) e.Text(spec.group);
  if (present & kOnHeldBit) e.U8(static_cast<uint8_t>(*spec.on_held));
  if (present & kExpectBit) EncodePattern(spec.expect, &e);
  if (present & kTimeoutBit) e.Signed(spec.timeout_ms);
  if (present & kConnectTimeoutBit) e.Signed(spec.connect_timeout_ms);
  if (present & kIdempotencyKeyBit) e.Text(spec.idempotency_key);
  if (present & kDelayBit) e.Signed(*spec.delay_ms);
  if (present & kTtlBit) e.Signed(*spec.ttl_ms);
  if (present & kTraceStateBit) e.Text(spec.trace_state);
  if (present & kOrderByBit) e.Text(*spec.order_by);
  if (present & kPartitionsBit) e.Varint(spec.partitions);
  return bytes;
}

Result<NotifySpec> DecodeSpec(std::string_view bytes) {
  NotifySpec spec;
  if (Status status = DecodeSpecInto(bytes, &spec); !status.ok()) return status;
  return spec;
}

Status DecodeSpecInto(std::string_view bytes, NotifySpec* spec) {
  std::string_view payload;
  Status status = DecodeSpecInto(bytes, spec, &payload);
  spec->payload = payload;
  return status;
}

Status DecodeSpecInto(std::string_view bytes, NotifySpec* out, std::string_view* payload) {
  Decoder d(bytes);
  uint8_t version = d.U8();
  if (d.ok() && (version < 1 || version > kSpecVersion)) return Status(Code::kCorrupt, "a spec of unknown version " + std::to_string(version));
  NotifySpec& spec = *out;
  const NotifySpec& fallback = DefaultSpec();
  uint64_t present = Bits(&d, version == 1 ? kAllSpecBits1 : kAllSpecBits);
  spec.url = d.Text();
  spec.method = present & kMethodBit ? Enum(&d, Method::kHead) : fallback.method;
  size_t headers = 0;
  spec.via.clear();
  if (present & kHeadersBit) {
    uint64_t count = d.Varint();
    for (uint64_t i = 0; i < count && d.ok(); ++i) {
      const std::string_view name = d.Text();
      if (name == kViaHeader) {
        spec.via = d.Text();
        continue;
      }
      if (headers == spec.headers.size()) spec.headers.emplace_back();
      spec.headers[headers].first = name;
      spec.headers[headers++].second = d.Text();
    }
  }
  spec.headers.resize(headers);
  spec.payload_kind = PayloadKind::kNone;
  spec.payload.clear();
  *payload = {};
  if (present & kPayloadBit) {
    spec.payload_kind = Enum(&d, PayloadKind::kBodyBase64);
    if (spec.payload_kind == PayloadKind::kNone) d.Fail();
    *payload = d.Text();
  }
  spec.content_type = present & kContentTypeBit ? d.Text() : std::string_view(fallback.content_type);
  spec.content_type_given = (present & kContentTypeGivenBit) != 0;
  spec.group = present & kGroupBit ? d.Text() : std::string_view();
  spec.on_held.reset();
  if (present & kOnHeldBit) spec.on_held = Enum(&d, OnHeld::kKeep);
  if (present & kExpectBit) spec.expect = DecodePattern(&d);
  else if (spec.expect != fallback.expect) spec.expect = fallback.expect;
  spec.timeout_ms = present & kTimeoutBit ? d.Signed() : fallback.timeout_ms;
  spec.connect_timeout_ms = present & kConnectTimeoutBit ? d.Signed() : fallback.connect_timeout_ms;
  spec.idempotency_key = present & kIdempotencyKeyBit ? d.Text() : std::string_view();
  spec.delay_ms.reset();
  spec.ttl_ms.reset();
  if (present & kDelayBit) spec.delay_ms = d.Signed();
  if (present & kTtlBit) spec.ttl_ms = d.Signed();
  spec.trace_state = present & kTraceStateBit ? d.Text() : std::string_view();
  spec.order_by.reset();
  if (present & kOrderByBit) spec.order_by = d.Text();
  spec.partitions = fallback.partitions;
  if (present & kPartitionsBit) {
    const uint64_t partitions = d.Varint();
    if (partitions < 1 || partitions > kMostPartitions) d.Fail();
    spec.partitions = static_cast<uint32_t>(partitions);
  }
  spec.order_by_spread = (present & kSpreadBit) != 0;
  spec.payload_of_event = (present & kPayloadOfEventBit) != 0;
  if (spec.payload_of_event && spec.payload_kind != PayloadKind::kNone) d.Fail();
  spec.compress = (present & kCompressBit) != 0;
  spec.follow_redirects.reset();
  if (present & (kFollowBit | kDoNotFollowBit)) spec.follow_redirects = (present & kFollowBit) != 0;
  if (!d.done()) return Status(Code::kCorrupt, "a spec that does not parse");
  return Status::Ok();
}

std::string SpecWithVia(std::string_view bytes, std::string_view via) {
  Result<NotifySpec> spec = DecodeSpec(bytes);
  if (!spec.ok()) return std::string(bytes);
  spec->via = via;
  return EncodeSpec(*spec);
}

std::string ViaOfSpec(std::string_view bytes) {
  Result<NotifySpec> spec = DecodeSpec(bytes);
  return spec.ok() ? std::move(spec->via) : std::string();
}

bool IsPayloadOfEvent(std::string_view bytes) {
  Decoder d(bytes);
  const uint8_t version = d.U8();
  return version > 1 && version <= kSpecVersion && (d.Varint() & kPayloadOfEventBit) != 0;
}

std::string WithPayload(std::string_view bytes, PayloadKind kind, std::string_view payload) {
  Result<NotifySpec> spec = DecodeSpec(bytes);
  if (!spec.ok()) return std::string(bytes);
  spec->payload_kind = kind;
  spec->payload = payload;
  spec->payload_of_event = false;
  return EncodeSpec(*spec);
}

NotifySpec WithPayloadOfEvent(NotifySpec spec) {
  spec.payload_of_event = true;
  spec.payload_kind = PayloadKind::kNone;
  spec.payload.clear();
  return spec;
}

std::shared_ptr<const std::string> SpecToWrite(const NotifyRecord& before, std::shared_ptr<const std::string> spec) {
  if (!before.bare) return spec;
  if (spec == before.spec) return before.bare;
  NotifySpec was, is;
  std::string_view payload_was, payload_is;
  if (!DecodeSpecInto(*before.spec, &was, &payload_was).ok() || !DecodeSpecInto(*spec, &is, &payload_is).ok()) return spec;
  if (was.payload_kind != is.payload_kind || payload_was != payload_is) return spec;
  return std::make_shared<const std::string>(EncodeSpec(WithPayloadOfEvent(std::move(is))));
}

std::string SpecWithoutPayload(std::string_view bytes) {
  NotifySpec spec;
  std::string_view payload;
  return DecodeSpecInto(bytes, &spec, &payload).ok() ? EncodeSpec(spec) : std::string(bytes);
}

std::string_view PeekUrl(std::string_view bytes) {
  Decoder d(bytes);
  uint8_t version = d.U8();
  if (version < 1 || version > kSpecVersion) return {};
  d.Varint();
  return d.Text();
}

void EncodePattern(const AnswerPattern& pattern, Encoder* encoder) {
  Encoder& e = *encoder;
  uint64_t present = 0;
  if (!pattern.status.empty()) present |= kStatusBit;
  if (pattern.contains) present |= kContainsBit;
  if (!pattern.json.empty()) present |= kJsonBit;
  if (pattern.whole) present |= kWholeBit;
  e.Varint(present);
  if (present & kStatusBit) {
    e.Varint(pattern.status.size());
    for (uint16_t status : pattern.status) e.Varint(status);
  }
  if (present & kContainsBit) e.Text(*pattern.contains);
  if (present & kJsonBit) {
    e.Varint(pattern.json.size());
    for (const auto& [pointer, value] : pattern.json) {
      e.Text(pointer);
      e.Text(value);
    }
  }
}

AnswerPattern DecodePattern(Decoder* decoder) {
  Decoder& d = *decoder;
  AnswerPattern pattern;
  uint64_t present = Bits(&d, kAllPatternBits);
  if (present & kStatusBit) {
    uint64_t count = d.Varint();
    for (uint64_t i = 0; i < count && d.ok(); ++i) {
      uint64_t status = d.Varint();
      if (!(status >= 1 && status <= 5) && !(status >= 100 && status <= 599)) d.Fail();
      pattern.status.push_back(static_cast<uint16_t>(status));
    }
  }
  if (present & kContainsBit) pattern.contains = d.Text();
  pattern.whole = present & kWholeBit;
  if (present & kJsonBit) {
    uint64_t count = d.Varint();
    for (uint64_t i = 0; i < count && d.ok(); ++i) {
      std::string pointer(d.Text());
      pattern.json.emplace_back(std::move(pointer), d.Text());
    }
  }
  return pattern;
}

void EncodeRetry(const RetryPolicy& policy, Encoder* encoder) {
  Encoder& e = *encoder;
  const RetryPolicy& fallback = DefaultRetry();
  uint64_t present = 0;
  auto set = [&](uint64_t bit, bool differs) { present |= differs ? bit : 0; };
  set(kMaxAttemptsBit, policy.max_attempts != fallback.max_attempts);
  set(kInitialBit, policy.initial_ms != fallback.initial_ms);
  set(kFactorBit, policy.factor != fallback.factor);
  set(kMaxBit, policy.max_ms != fallback.max_ms);
  set(kJitterBit, policy.jitter != fallback.jitter);
  set(kScheduleBit, !policy.schedule_ms.empty());
  set(kFatalOnBit, policy.fatal_on.has_value());
  set(kLaterOnBit, policy.later_on.has_value());
  set(kOnlyOnBit, policy.only_on.has_value());
  e.Varint(present);
  if (present & kMaxAttemptsBit) e.Varint(policy.max_attempts);
  if (present & kInitialBit) e.Varint(static_cast<uint64_t>(policy.initial_ms));
  if (present & kFactorBit) e.Double(policy.factor);
  if (present & kMaxBit) e.Varint(static_cast<uint64_t>(policy.max_ms));
  if (present & kJitterBit) e.Double(policy.jitter);
  if (present & kScheduleBit) {
    e.Varint(policy.schedule_ms.size());
    for (int64_t wait_ms : policy.schedule_ms) e.Varint(static_cast<uint64_t>(wait_ms));
  }
  if (present & kFatalOnBit) EncodePattern(*policy.fatal_on, &e);
  if (present & kLaterOnBit) EncodePattern(*policy.later_on, &e);
  if (present & kOnlyOnBit) EncodePattern(*policy.only_on, &e);
}

RetryPolicy DecodeRetry(Decoder* decoder, int version) {
  Decoder& d = *decoder;
  RetryPolicy policy;
  uint64_t present = Bits(&d, version == 1 ? kAllRetryBits1 : kAllRetryBits);
  if (present & kMaxAttemptsBit) {
    uint64_t attempts = d.Varint();
    if (attempts < 1 || attempts > std::numeric_limits<uint32_t>::max()) d.Fail();
    policy.max_attempts = static_cast<uint32_t>(attempts);
  }
  if (present & kInitialBit) policy.initial_ms = Duration(&d);
  if (present & kFactorBit) policy.factor = Within(&d, 1, std::numeric_limits<double>::max());
  if (present & kMaxBit) policy.max_ms = Duration(&d);
  if (present & kJitterBit) policy.jitter = Within(&d, 0, 1);
  if (present & kScheduleBit) {
    uint64_t count = d.Varint();
    for (uint64_t i = 0; i < count && d.ok(); ++i) policy.schedule_ms.push_back(Duration(&d));
  }
  if (present & kFatalOnBit) policy.fatal_on = DecodePattern(&d);
  if (present & kLaterOnBit) policy.later_on = DecodePattern(&d);
  if (present & kOnlyOnBit) policy.only_on = DecodePattern(&d);
  return policy;
}

Fingerprint PrintOfChangeable(const NotifyRecord& record) {
  std::string bytes;
  bytes.reserve(64 + record.spec->size());
  Encoder e(&bytes);
  // Without its version: a spec that is written anew, by a later notifyd, is still the same to its reader.
  std::string_view spec = *record.spec;
  e.Text(spec.substr(std::min<size_t>(spec.size(), 1)));
  e.U8(record.envelope->priority);
  EncodeRetry(record.envelope->retry_policy(), &e);
  // A wait before a retry moves retry_at alone: `due` stays what its submitter, or a later change, said.
  e.Signed(record.state.due.ms);
  e.Signed(record.state.expires_at.ms);
  return FingerprintOf(bytes);
}

}  // namespace notifyd
