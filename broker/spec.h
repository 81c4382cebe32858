// NotifySpec: what a submitter said beyond what the core schedules by (that is Envelope), and its stored encoding.
// Pure. Encoded on io threads at submit; decoded by the sender for an attempt and by the API for a GET.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "broker/notify.h"

namespace notifyd {

/// What the request carries. Stored: never renumber.
enum class PayloadKind : uint8_t {
  kNone = 0,
  kData = 1,        // `payload` is the JSON text of `data` as submitted, encoded by content_type when it is sent
  kBody = 2,        // `payload` is the raw body, submitted as text
  kBodyBase64 = 3,  // `payload` is the raw body (decoded), submitted as base64 and shown as base64
};

inline constexpr uint32_t kDefaultPartitions = 16;
inline constexpr uint32_t kMostPartitions = 1024;

/// "spread" or "refuse": what becomes of data without the value that order_by names. Is it spread?
std::optional<bool> ParseOrderByMissing(std::string_view text);

struct NotifySpec {
  std::string url;  // as submitted, fragment included
  Method method = Method::kPost;
  /// In the order and spelling submitted; checked (RFC 9110), no name twice.
  std::vector<std::pair<std::string, std::string>> headers;
  PayloadKind payload_kind = PayloadKind::kNone;
  std::string payload;
  /// As it is written alone: kind and payload are those of the event that the notify comes from, which has them once for all of its notifies. Whoever
  /// reads a notify from the store gets it with that (WithPayload), and without this mark.
  bool payload_of_event = false;
  std::string content_type = "application/json";
  /// False: the default. A raw body or none, without a content_type said, is sent with the default all the same.
  bool content_type_given = false;
  std::string group;  // empty: none
  /// Shown in GET where given, as submitted.
  std::optional<OnHeld> on_held;
  AnswerPattern expect{{2}, std::nullopt, {}};
  int64_t timeout_ms = 30'000;
  int64_t connect_timeout_ms = 5'000;
  std::string idempotency_key;  // empty: none
  std::optional<int64_t> delay_ms;
  std::optional<int64_t> ttl_ms;
  /// As submitted: what decided about its lane then. A JSON Pointer into data, how many lanes there are, and what goes without such a value.
  std::optional<std::string> order_by;
  uint32_t partitions = kDefaultPartitions;  // 1-1,024
  bool order_by_spread = false;              // one without the value goes to some partition, instead of being refused
  bool compress = false;                     // the body is sent as gzip
  std::optional<bool> follow_redirects;      // nothing: as the settings say; a rule of its destination comes before it
  std::string trace_state;                   // W3C tracestate that came with Envelope::trace_parent; empty: none
  std::string via;                           // the chain (broker/via.h) of the request that submitted it, or sent it again; empty: none
  bool operator==(const NotifySpec&) const = default;
};

/// Version byte first; documented in docs/storage-format.md. The payload of kind kNone is left out.
std::string EncodeSpec(const NotifySpec& spec);
/// Error: kCorrupt.
Result<NotifySpec> DecodeSpec(std::string_view bytes);
/// The same into one that may have been used before, whose memory is used again. After an error it holds anything.
Status DecodeSpecInto(std::string_view bytes, NotifySpec* spec);

/// The same spec with another chain, or none. What does not decode stays as it is.
std::string SpecWithVia(std::string_view bytes, std::string_view via);
/// The chain of a spec; empty where these are none.
std::string ViaOfSpec(std::string_view bytes);

/// Is it one with payload_of_event? And the same spec with that payload in its place. What does not decode stays as it is.
bool IsPayloadOfEvent(std::string_view bytes);
std::string WithPayload(std::string_view bytes, PayloadKind kind, std::string_view payload);
/// The same spec as it is written where its payload is that of its event.
NotifySpec WithPayloadOfEvent(NotifySpec spec);
/// The spec that is to be written of a notify that had `before` and has `spec` by now: without its payload where that stands with its event still.
std::shared_ptr<const std::string> SpecToWrite(const NotifyRecord& before, std::shared_ptr<const std::string> spec);
/// The same spec with an empty payload: for whoever wants the rest alone. What does not decode stays as it is.
std::string SpecWithoutPayload(std::string_view bytes);

/// The URL alone, without a look at the rest; borrowed from `bytes`. Empty where these are no spec.
std::string_view PeekUrl(std::string_view bytes);

/// Parts of larger records: no version of their own, what is at its default takes no room. A decode that fails leaves decoder->ok() false.
void EncodePattern(const AnswerPattern& pattern, Encoder* encoder);
AnswerPattern DecodePattern(Decoder* decoder);
/// `version` 1 has no later_on; Encode writes version 2.
void EncodeRetry(const RetryPolicy& policy, Encoder* encoder);
RetryPolicy DecodeRetry(Decoder* decoder, int version);

/// A print of all that users can change about a notify, and of nothing that attempts move: what ETags are made of, and by which a change notices
/// that its base is out of date.
Fingerprint PrintOfChangeable(const NotifyRecord& record);

}  // namespace notifyd
