#include "net/api/field_print.h"

#include <algorithm>
#include <memory>

#include "broker/flow.h"
#include "broker/spec.h"

namespace notifyd {
namespace {

/// First in the bytes of a print. Prints are kept for the whole window of idempotency keys: a change of what follows, or of a default, needs a new
/// version here, and prints of the old one beside it (SubmitItem).
constexpr uint8_t kPrintVersion = 2;

/// Before each field that is not at its default. Never renumber; a later field gets the next number.
enum Tag : uint8_t {
  kMethod = 1,
  kHeaders = 2,
  kData = 3,
  kBody = 4,
  kBodyBase64 = 5,
  kContentType = 6,
  kDelayMs = 7,
  kDueAt = 8,
  kFkey = 9,
  kOnHeld = 10,
  kLane = 11,
  kGroup = 12,
  kMode = 13,
  kPriority = 14,
  kReply = 15,
  kExpect = 16,
  kRetry = 17,
  kTimeoutMs = 18,
  kConnectTimeoutMs = 19,
  kTtlMs = 20,
  kExpiresAt = 21,
  kCaller = 22,
  kCallbackUrl = 23,
  kLabels = 24,
  kOrderBy = 25,
  kPartitions = 26,
  kOrderByMissing = 27,
  kPool = 28,
  kPoolFallback = 29,
  kInstance = 30,
  kCompress = 31,
  kKeepResponseBytes = 32,
  kFollowRedirects = 33,
  kOnFailure = 34,
  kSequential = 35,
  kNotifies = 36,
  kKey = 37,
};

std::string Bytes(Fingerprint print) {
  std::string bytes;
  Encoder e(&bytes);
  e.Big64(print.high);
  e.Big64(print.low);
  return bytes;
}

/// With the values that must be equal by their content, in the order of their pointers.
AnswerPattern Canonical(AnswerPattern pattern, JsonReader* reader) {
  for (auto& [pointer, value] : pattern.json) value = Bytes(reader->PrintOfText(value));
  std::sort(pattern.json.begin(), pattern.json.end());
  return pattern;
}

RetryPolicy Canonical(RetryPolicy policy, JsonReader* reader) {
  for (auto* pattern : {&policy.fatal_on, &policy.later_on, &policy.only_on})
    if (*pattern) *pattern = Canonical(**pattern, reader);
  return policy;
}

class Writer {
 public:
  Writer() : e_(&bytes) { e_.U8(kPrintVersion); }

  void Text(Tag tag, std::string_view text, std::string_view fallback = {}) {
    if (text != fallback) Begin(tag).Text(text);
  }
  void Signed(Tag tag, int64_t value, int64_t fallback) {
    if (value != fallback) Begin(tag).Signed(value);
  }
  Encoder& Begin(Tag tag) {
    e_.U8(tag);
    return e_;
  }

  std::string bytes;

 private:
  Encoder e_;
};

void WritePairs(const std::vector<std::pair<std::string, std::string>>& pairs, Encoder* out) {
  out->Varint(pairs.size());
  for (const auto& [name, value] : pairs) {
    out->Text(name);
    out->Text(value);
  }
}

void WritePayload(const NotifySpec& spec, JsonReader* reader, Writer* out) {
  switch (spec.payload_kind) {
    case PayloadKind::kNone:
      return;
    case PayloadKind::kData:
      out->Begin(kData).Text(Bytes(reader->PrintOfText(spec.payload)));
      return;
    case PayloadKind::kBody:
      out->Begin(kBody).Text(spec.payload);
      return;
    case PayloadKind::kBodyBase64:
      out->Begin(kBodyBase64).Text(spec.payload);
      return;
  }
}

void WriteTimes(const ParsedNotify& notify, Writer* out) {
  // Without an fkey a delay of 0 is the default, "now". With one it is none: it means that nobody need trigger it.
  bool now = notify.when.kind == When::Kind::kDelay && notify.when.ms == 0 && notify.envelope.fkey.empty();
  if (notify.when.kind != When::Kind::kDefault && !now) out->Begin(notify.when.kind == When::Kind::kDelay ? kDelayMs : kDueAt).Signed(notify.when.ms);
  if (notify.ttl.kind != When::Kind::kDefault) out->Begin(notify.ttl.kind == When::Kind::kDelay ? kTtlMs : kExpiresAt).Signed(notify.ttl.ms);
}

}  // namespace

Fingerprint PrintOfFields(const ParsedNotify& notify, HeaderList headers, JsonReader* reader) {
  static const NotifySpec kSpec;
  static const Envelope kHead;
  const NotifySpec& spec = notify.spec;
  const Envelope& envelope = notify.envelope;
  Writer out;
  out.Begin(Tag{}).Text(spec.url);
  out.Signed(kMethod, static_cast<int64_t>(spec.method), static_cast<int64_t>(kSpec.method));
  if (!headers.empty()) {
    std::sort(headers.begin(), headers.end());
    WritePairs(headers, &out.Begin(kHeaders));
  }
  WritePayload(spec, reader, &out);
  out.Text(kContentType, spec.content_type, kSpec.content_type);
  WriteTimes(notify, &out);
  out.Text(kFkey, envelope.fkey);
  out.Signed(kOnHeld, static_cast<int64_t>(spec.on_held.value_or(OnHeld::kReject)), static_cast<int64_t>(OnHeld::kReject));
  if (!notify.default_lane) out.Begin(kLane).Text(std::string_view(envelope.lane.name).substr(0, envelope.lane.name.size() - notify.partition_bytes));
  out.Text(kGroup, spec.group);
  out.Signed(kMode, static_cast<int64_t>(envelope.lane.mode), static_cast<int64_t>(kHead.lane.mode));
  out.Signed(kPriority, envelope.priority, kHead.priority);
  out.Signed(kReply, envelope.reply_none, kHead.reply_none);
  if (spec.expect != kSpec.expect) EncodePattern(Canonical(spec.expect, reader), &out.Begin(kExpect));
  if (envelope.retry && *envelope.retry != RetryPolicy()) EncodeRetry(Canonical(*envelope.retry, reader), &out.Begin(kRetry));
  out.Signed(kTimeoutMs, spec.timeout_ms, kSpec.timeout_ms);
  out.Signed(kConnectTimeoutMs, spec.connect_timeout_ms, kSpec.connect_timeout_ms);
  out.Text(kCaller, envelope.caller, "unknown");
  if (envelope.callback) out.Begin(kCallbackUrl).Text(envelope.callback->url);
  if (envelope.labels) WritePairs(*envelope.labels, &out.Begin(kLabels));
  if (spec.order_by) {
    out.Begin(kOrderBy).Text(*spec.order_by);
    out.Signed(kPartitions, spec.partitions, kSpec.partitions);
    out.Signed(kOrderByMissing, spec.order_by_spread, kSpec.order_by_spread);
  }
  if (envelope.flow) {
    out.Text(kPool, envelope.flow->pool);
    out.Text(kPoolFallback, envelope.flow->pool_fallback);
    out.Text(kInstance, envelope.flow->instance);
  }
  out.Signed(kCompress, spec.compress, kSpec.compress);
  if (envelope.flow) out.Signed(kKeepResponseBytes, envelope.flow->keep_response_bytes, 0);
  if (spec.follow_redirects) out.Signed(kFollowRedirects, *spec.follow_redirects ? 1 : 2, 0);
  return FingerprintOf(out.bytes);
}

Fingerprint PrintOfEventFields(const ParsedNotify& notify, std::string_view key, JsonReader* reader) {
  const Envelope& envelope = notify.envelope;
  Writer out;
  WritePayload(notify.spec, reader, &out);
  out.Text(kContentType, notify.spec.content_type, NotifySpec().content_type);
  WriteTimes(notify, &out);
  out.Text(kFkey, envelope.fkey);
  out.Signed(kOnHeld, static_cast<int64_t>(notify.spec.on_held.value_or(OnHeld::kReject)), static_cast<int64_t>(OnHeld::kReject));
  // Whose token it is does not count: the key is the topic's, whoever publishes.
  if (notify.caller_given) out.Text(kCaller, envelope.caller, "unknown");
  if (envelope.labels) WritePairs(*envelope.labels, &out.Begin(kLabels));
  out.Text(kKey, key);
  return FingerprintOf(out.bytes);
}

Fingerprint PrintOfGroupFields(const GroupPost& post) {
  Writer out;
  if (post.callback) out.Begin(kCallbackUrl).Text(post.callback->url);
  if (post.labels) WritePairs(*post.labels, &out.Begin(kLabels));
  out.Signed(kOnFailure, post.cancel_rest, false);
  out.Signed(kSequential, post.sequential, false);
  Encoder& members = out.Begin(kNotifies);
  members.Varint(post.submit.items.size());
  for (const SubmitItem& item : post.submit.items) members.Text(Bytes(item.fields));
  return FingerprintOf(out.bytes);
}

}  // namespace notifyd
