#include "net/api/notify_fields.h"

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/json_or_null.h"
#include "base/json_tree.h"
#include "base/utf8.h"
#include "broker/callback.h"
#include "broker/flow.h"
#include "broker/partition.h"
#include "broker/payload.h"
#include "broker/response_records.h"
#include "broker/services.h"
#include "net/api/api_options.h"
#include "net/api/fields.h"
#include "net/api/json_fields.h"
#include "net/api/retry_json.h"
#include "net/api/url.h"

namespace notifyd {

/// A document under way to a notify.
struct NotifyReading {
  const size_t max_body_bytes;
  ParsedNotify* const out;
  const NotifyPart* const part;  // null: it is a whole notify
  CheckedUrl url = {};
  FlowFields flow = {};

  NotifySpec& spec() { return out->spec; }
  Envelope& envelope() { return out->envelope; }
};

namespace {

using Field = NotifyField;
using Reading = NotifyReading;
using Showing = NotifyShowing;
using Kind = JsonValue::Kind;

constexpr int64_t kMaxTtlMs = 10 * kMaxDelayMs;
constexpr int kMaxPriority = 9;
/// What order_by says of a subscription that is ordered by the key of its events.
constexpr std::string_view kByEventKey = "key";

Status Bad(const Field& field, std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail), std::string(field.pointer));
}

// ---- what several fields are read and shown by

Status ReadName(const Field& field, const JsonValue& value, std::string* out) {
  return ReadText(value, field.pointer, 1, kMaxNameBytes, out);
}

Status ReadTimeout(const Field& field, const JsonValue& value, int64_t* out) {
  return ReadInt(value, field.pointer, 1, kMostTimeoutMs, out);
}

/// One of a closed set of words; `parse` gives nothing for any other.
template <class E, class Parse>
Status ReadWord(const Field& field, const JsonValue& value, const char* words, Parse parse, E* out) {
  std::optional<E> parsed;
  if (value.kind == Kind::kString) parsed = parse(value.text);
  if (!parsed) return Bad(field, std::string(field.name()) + " must be one of " + words);
  *out = *parsed;
  return Status::Ok();
}

Result<CheckedUrl> ReadUrl(const Field& field, const JsonValue& value) {
  if (value.kind != Kind::kString) return Bad(field, std::string(field.name()) + " must be a string");
  Result<CheckedUrl> checked = CheckUrl(value.text);
  if (!checked.ok()) return Bad(field, checked.status().detail());
  return checked;
}

/// Where a service's call goes, beyond its name.
Status ReadOfService(const Field& field, const JsonValue& value, Reading* reading, std::string* out) {
  if (ServiceOf(reading->url.host).empty()) return Bad(field, std::string(field.name()) + " goes with a url of a service only");
  NOTIFYD_TRY(ReadText(value, field.pointer, 1, kMaxNameBytes, out));
  if (IsInstanceId(*out)) return Status::Ok();
  return Bad(field, std::string(field.name()) + " has 1 to 100 of the characters A-Z, a-z, 0-9, '.', '_', ':' and '-'");
}

template <std::string FlowFields::*member>
void ShowOfService(const Showing& showing, JsonWriter* json) {
  TextOrNull(showing.envelope.flow ? std::string_view((*showing.envelope.flow).*member) : std::string_view(), json);
}

void IntOrNull(const std::optional<int64_t>& value, JsonWriter* json) {
  value ? json->Int(*value) : json->Null();
}

// ---- the payload

/// Notes where the payload is too large.
Status Limit(const Field& field, bool too_large, Reading* reading) {
  if (too_large)
    reading->out->refused = Status(Code::kTooLarge, "the body would have more than " + std::to_string(reading->max_body_bytes) + " bytes as sent",
                                   std::string(field.pointer));
  return Status::Ok();
}

Status ReadData(const Field& field, const JsonValue& value, Reading* reading) {
  NotifySpec& spec = reading->spec();
  std::string essence = spec.content_type_given ? MediaTypeEssence(spec.content_type) : "application/json";
  if (essence != "application/x-www-form-urlencoded" && essence != "application/json") {
    constexpr const char* kTypes = "data is encoded as application/json or application/x-www-form-urlencoded; send other types as body";
    return Status(Code::kUnacceptable, kTypes, "/content_type");
  }
  spec.payload_kind = PayloadKind::kData;
  spec.payload = value.raw;
  Result<WireParts> wire = SplitWireRequest(spec, reading->max_body_bytes);
  if (wire.ok() || wire.status().code() == Code::kTooLarge) return Limit(field, !wire.ok(), reading);
  return std::move(wire).status();
}

Status ReadBody(const Field& field, const JsonValue& value, Reading* reading) {
  if (value.kind != Kind::kString) return Bad(field, "body must be a string");
  reading->spec().payload_kind = PayloadKind::kBody;
  reading->spec().payload = value.text;
  return Limit(field, value.text.size() > reading->max_body_bytes, reading);
}

Status ReadBodyBase64(const Field& field, const JsonValue& value, Reading* reading) {
  if (value.kind != Kind::kString) return Bad(field, "body_base64 must be a string");
  Result<std::string> decoded = DecodeBase64(value.text);
  if (!decoded.ok()) return Bad(field, "body_base64 is not valid base64 (RFC 4648 section 4, padded)");
  reading->spec().payload_kind = PayloadKind::kBodyBase64;
  reading->spec().payload = *std::move(decoded);
  return Limit(field, reading->spec().payload.size() > reading->max_body_bytes, reading);
}

// ---- single fields

Status ReadContentType(const Field& field, const JsonValue& value, Reading* reading) {
  NotifySpec& spec = reading->spec();
  NOTIFYD_TRY(ReadText(value, field.pointer, 1, 255, &spec.content_type));
  NOTIFYD_TRY(CheckMediaType(spec.content_type, field.pointer));
  spec.content_type_given = true;
  return Status::Ok();
}

Status ReadOrderBy(const Field& field, const JsonValue& value, Reading* reading) {
  std::string pointer;
  NOTIFYD_TRY(ReadText(value, field.pointer, 0, kMaxNameBytes, &pointer));
  const bool by_key = reading->part && reading->part->orders_by_event && pointer == kByEventKey;
  if (!by_key && !IsJsonPointer(pointer)) return Bad(field, "order_by must be a JSON Pointer (RFC 6901) into data, such as \"/customer/id\"");
  reading->spec().order_by = std::move(pointer);
  reading->envelope().lane.mode = Mode::kFifo;
  return Status::Ok();
}

Status ReadPartitions(const Field& field, const JsonValue& value, Reading* reading) {
  if (!reading->spec().order_by) return Bad(field, "partitions go with order_by only");
  int64_t partitions = 0;
  NOTIFYD_TRY(ReadInt(value, field.pointer, 1, kMostPartitions, &partitions));
  reading->spec().partitions = static_cast<uint32_t>(partitions);
  return Status::Ok();
}

/// Contract section 13: the same value always in the same partition of the lane, decided once and for all. `missing`: what is said of data without
/// one.
Status ChoosePartition(std::string_view pointer, uint32_t partitions, bool spread, uint64_t turn, const Status& missing, ParsedNotify* out) {
  const NotifySpec& spec = out->spec;
  std::optional<uint64_t> hash;
  if (spec.payload_kind == PayloadKind::kData) {
    Result<JsonTree> data = JsonTree::Parse(spec.payload);
    if (!data.ok()) return std::move(data).status();
    hash = OrderHashAt(*data, pointer);
  }
  if (!hash && !spread) return missing;
  const std::string suffix = PartitionSuffix(hash.value_or(turn), partitions);
  out->envelope.lane.name.append(suffix);
  out->partition_bytes = suffix.size();
  return Status::Ok();
}

Status ChooseOwnPartition(uint64_t turn, ParsedNotify* out) {
  const NotifySpec& spec = out->spec;
  if (!spec.order_by) return Status::Ok();
  const Status missing(Code::kUnacceptable, "data has no value at this pointer; order_by_missing may be spread", "/order_by");
  return ChoosePartition(*spec.order_by, spec.partitions, spec.order_by_spread, turn, missing, out);
}

Status ReadPriority(const Field& field, const JsonValue& value, Reading* reading) {
  int64_t priority = 0;
  NOTIFYD_TRY(ReadInt(value, field.pointer, 0, kMaxPriority, &priority));
  if (reading->envelope().lane.mode == Mode::kFifo) return Bad(field, "a fifo lane has no priorities");
  reading->envelope().priority = static_cast<uint8_t>(priority);
  return Status::Ok();
}

Status ReadRetryPolicy(const Field&, const JsonValue& value, Reading* reading) {
  RetryPolicy retry;
  NOTIFYD_TRY(ReadRetry(value, &retry));
  if (retry.later_on && reading->out->ttl.kind == When::Kind::kDefault)
    return Status(Code::kUnacceptable, "later_on asks again without end: it needs a ttl_ms or expires_at", "/retry/later_on");
  reading->out->retry_given = true;
  if (retry != RetryPolicy()) reading->envelope().retry = std::make_shared<const RetryPolicy>(std::move(retry));
  return Status::Ok();
}

Status ReadOnHeld(const Field& field, const JsonValue& value, Reading* reading) {
  OnHeld on_held = OnHeld::kReject;
  NOTIFYD_TRY(ReadWord(field, value, "reject, replace, keep", ParseOnHeld, &on_held));
  if (reading->envelope().fkey.empty()) return Bad(field, "on_held goes with an fkey only");
  reading->spec().on_held = on_held;
  return Status::Ok();
}

std::optional<bool> ParseReplyNone(std::string_view text) {
  if (text == "expected") return false;
  if (text == "none") return true;
  return std::nullopt;
}

std::optional<bool> ParseCompress(std::string_view word) {
  return word == "gzip" ? std::optional<bool>(true) : std::nullopt;
}

Status ReadCallbackUrl(const Field& field, const JsonValue& value, Reading* reading) {
  Result<CheckedUrl> url = ReadUrl(field, value);
  if (!url.ok()) return std::move(url).status();
  Callback callback{std::string(value.text), DefaultLane(url->base, {}), std::move(url->host), reading->spec().url};
  reading->envelope().callback = std::make_shared<const Callback>(std::move(callback));
  return Status::Ok();
}

void ShowHeaders(const Showing& showing, JsonWriter* json) {
  json->BeginObject();
  for (const auto& [name, value] : showing.spec.headers) {
    json->Key(name);
    json->String(showing.hidden && showing.hidden->Contains(name) ? kHiddenValue : std::string_view(value));
  }
  json->EndObject();
}

/// What may be known of a URL whose path and query are a secret.
std::string MaskedUrl(std::string_view url) {
  const size_t host = url.find("://");
  const size_t end = host == std::string_view::npos ? url.npos : url.find_first_of("/?#", host + 3);
  return std::string(url.substr(0, end)) + "/" + std::string(kHiddenValue);
}

void ShowRetry(const Showing& showing, JsonWriter* json) {
  WriteRetry(showing.envelope.retry_policy(), json);
}

// ---- the table

constexpr Field kFields[] = {
    {.pointer = "/due_at",
     .read = [](const Field&, const JsonValue& value, Reading* r) { return ReadWhen(nullptr, &value, &r->out->when); },
     .show = [](const Showing& s, JsonWriter* json) { TimeOrNull(s.due, json); },
     .choice = Choice::kWhen,
     .changeable = true,
     .restated = false},
    {.pointer = "/delay_ms",
     .read =
         [](const Field&, const JsonValue& value, Reading* r) {
           NOTIFYD_TRY(ReadWhen(&value, nullptr, &r->out->when));
           r->spec().delay_ms = r->out->when.ms;
           return Status::Ok();
         },
     .show = [](const Showing& s, JsonWriter* json) { IntOrNull(s.spec.delay_ms, json); },
     .choice = Choice::kWhen,
     .changeable = true,
     .restated = false},
    {.pointer = "/expires_at",
     .read =
         [](const Field& field, const JsonValue& value, Reading* r) {
           WallTime time;
           NOTIFYD_TRY(ReadTime(value, field.pointer, "lies beyond the year 9999", &time));
           r->out->ttl = {When::Kind::kAt, time.ms};
           return Status::Ok();
         },
     .show = [](const Showing& s, JsonWriter* json) { TimeOrNull(s.expires_at, json); },
     .choice = Choice::kTtl,
     .changeable = true},
    {.pointer = "/ttl_ms",
     .read =
         [](const Field& field, const JsonValue& value, Reading* r) {
           r->out->ttl.kind = When::Kind::kDelay;
           NOTIFYD_TRY(ReadInt(value, field.pointer, 1, kMaxTtlMs, &r->out->ttl.ms));
           r->spec().ttl_ms = r->out->ttl.ms;
           return Status::Ok();
         },
     .show = [](const Showing& s, JsonWriter* json) { IntOrNull(s.spec.ttl_ms, json); },
     .choice = Choice::kTtl,
     .changeable = true,
     .restated = false},
    {.pointer = "/url",
     .read =
         [](const Field& field, const JsonValue& value, Reading* r) {
           if (value.kind != Kind::kString) return Bad(field, "url must be a string");
           Result<CheckedUrl> url =
               CommandOf(value.text).empty() ? CheckDestination(value.text) : CheckedUrl{std::string(value.text), std::string(value.text)};
           if (!url.ok()) return Bad(field, url.status().detail());
           r->spec().url = value.text;
           r->url = *std::move(url);
           return Status::Ok();
         },
     .show = [](const Showing& s, JsonWriter* json) { json->String(s.no_urls ? MaskedUrl(s.spec.url) : s.spec.url); },
     .early = true,
     .required = true},
    {.pointer = "/pool",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadOfService(field, value, r, &r->flow.pool); },
     .show = ShowOfService<&FlowFields::pool>,
     .restated = false},
    {.pointer = "/pool_fallback",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadOfService(field, value, r, &r->flow.pool_fallback); },
     .show = ShowOfService<&FlowFields::pool_fallback>,
     .restated = false},
    {.pointer = "/instance",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadOfService(field, value, r, &r->flow.instance); },
     .show = ShowOfService<&FlowFields::instance>,
     .restated = false},
    {.pointer = "/method",
     .read = [](const Field& field, const JsonValue& value,
                Reading* r) { return ReadWord(field, value, "GET, POST, PUT, PATCH, DELETE, HEAD", ParseMethod, &r->spec().method); },
     .show = [](const Showing& s, JsonWriter* json) { json->String(ToString(s.spec.method)); },
     .early = true},
    {.pointer = "/headers",
     .read = [](const Field&, const JsonValue& value, Reading* r) { return ReadHeaders(value, r->spec().content_type_given, &r->spec().headers); },
     .show = ShowHeaders,
     .changeable = true},
    {.pointer = "/data",
     .read = ReadData,
     .show = [](const Showing& s, JsonWriter* json) { s.spec.payload_kind == PayloadKind::kData ? json->Raw(s.spec.payload) : json->Null(); },
     .choice = Choice::kPayload,
     .changeable = true,
     .listed = false},
    {.pointer = "/body",
     .read = ReadBody,
     .show = [](const Showing& s, JsonWriter* json) { s.spec.payload_kind == PayloadKind::kBody ? json->String(s.spec.payload) : json->Null(); },
     .choice = Choice::kPayload,
     .changeable = true,
     .listed = false},
    {.pointer = "/body_base64",
     .read = ReadBodyBase64,
     .show = [](const Showing& s,
                JsonWriter* json) { s.spec.payload_kind == PayloadKind::kBodyBase64 ? json->String(EncodeBase64(s.spec.payload)) : json->Null(); },
     .choice = Choice::kPayload,
     .changeable = true,
     .listed = false},
    {.pointer = "/content_type",
     .read = ReadContentType,
     // The default is shown, but read back it would be one that was given.
     .show = [](const Showing& s, JsonWriter* json) { s.hidden || s.spec.content_type_given ? json->String(s.spec.content_type) : json->Null(); },
     .early = true},
    {.pointer = "/lane",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadName(field, value, &r->envelope().lane.name); },
     .show = [](const Showing& s, JsonWriter* json) { json->String(s.envelope.lane.name); },
     .restated = false},  // with the number of its partition it may be longer than one that can be said
    {.pointer = "/group",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadName(field, value, &r->spec().group); },
     .show = [](const Showing& s, JsonWriter* json) { TextOrNull(s.spec.group, json); }},
    {.pointer = "/order_by",
     .read = ReadOrderBy,
     .show = [](const Showing& s, JsonWriter* json) { s.spec.order_by ? json->String(*s.spec.order_by) : json->Null(); },
     .restated = false},
    {.pointer = "/partitions",
     .read = ReadPartitions,
     .show = [](const Showing& s, JsonWriter* json) { s.spec.order_by ? json->Uint(s.spec.partitions) : json->Null(); },
     .restated = false},
    {.pointer = "/order_by_missing",
     .read =
         [](const Field& field, const JsonValue& value, Reading* r) {
           if (!r->spec().order_by) return Bad(field, "order_by_missing goes with order_by only");
           return ReadWord(field, value, "refuse, spread", ParseOrderByMissing, &r->spec().order_by_spread);
         },
     .show = [](const Showing& s, JsonWriter* json) { s.spec.order_by ? json->String(s.spec.order_by_spread ? "spread" : "refuse") : json->Null(); },
     .restated = false},
    {.pointer = "/mode",
     .read =
         [](const Field& field, const JsonValue& value, Reading* r) {
           NOTIFYD_TRY(ReadWord(field, value, "concurrent, fifo", ParseMode, &r->envelope().lane.mode));
           if (r->spec().order_by && r->envelope().lane.mode != Mode::kFifo) return Bad(field, "what order_by orders is fifo");
           return Status::Ok();
         },
     .show = [](const Showing& s, JsonWriter* json) { json->String(ToString(s.envelope.lane.mode)); }},
    {.pointer = "/priority",
     .read = ReadPriority,
     // A fifo lane has none: the field is refused there.
     .show = [](const Showing& s, JsonWriter* json) { s.envelope.lane.mode == Mode::kFifo ? json->Null() : json->Uint(s.envelope.priority); },
     .changeable = true},
    {.pointer = "/reply",
     .read = [](const Field& field, const JsonValue& value,
                Reading* r) { return ReadWord(field, value, "expected, none", ParseReplyNone, &r->envelope().reply_none); },
     .show = [](const Showing& s, JsonWriter* json) { json->String(s.envelope.reply_none ? "none" : "expected"); }},
    {.pointer = "/expect",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadPattern(value, std::string(field.pointer), &r->spec().expect); },
     .show = [](const Showing& s, JsonWriter* json) { WritePattern(s.spec.expect, json); },
     .changeable = true},
    {.pointer = "/retry", .read = ReadRetryPolicy, .show = ShowRetry, .changeable = true},
    {.pointer = "/compress",
     .read = [](const Field& field, const JsonValue& value,
                Reading* r) { return ReadWord(field, value, "gzip", ParseCompress, &r->spec().compress); },
     .show = [](const Showing& s, JsonWriter* json) { TextOrNull(s.spec.compress ? "gzip" : "", json); }},
    {.pointer = "/follow_redirects",
     .read = [](const Field& field, const JsonValue& value,
                Reading* r) { return ReadBool(value, field.pointer, &r->spec().follow_redirects.emplace()); },
     .show = [](const Showing& s, JsonWriter* json) { s.spec.follow_redirects ? json->Bool(*s.spec.follow_redirects) : json->Null(); }},
    {.pointer = "/keep_response_bytes",
     .read =
         [](const Field& field, const JsonValue& value, Reading* r) {
           int64_t bytes = 0;
           NOTIFYD_TRY(ReadInt(value, field.pointer, 0, kMostResponseBytes, &bytes));
           r->flow.keep_response_bytes = static_cast<uint32_t>(bytes);
           return Status::Ok();
         },
     .show = [](const Showing& s, JsonWriter* json) { json->Uint(s.envelope.flow ? s.envelope.flow->keep_response_bytes : 0); },
     .restated = false},
    {.pointer = "/timeout_ms",
     .read =
         [](const Field& field, const JsonValue& value, Reading* r) {
           r->out->timeout_given = true;
           return ReadTimeout(field, value, &r->spec().timeout_ms);
         },
     .show = [](const Showing& s, JsonWriter* json) { json->Int(s.spec.timeout_ms); }},
    {.pointer = "/connect_timeout_ms",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadTimeout(field, value, &r->spec().connect_timeout_ms); },
     .show = [](const Showing& s, JsonWriter* json) { json->Int(s.spec.connect_timeout_ms); }},
    {.pointer = "/fkey",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadName(field, value, &r->envelope().fkey); },
     .show = [](const Showing& s, JsonWriter* json) { TextOrNull(s.envelope.fkey, json); }},
    {.pointer = "/on_held",
     .read = ReadOnHeld,
     .show = [](const Showing& s,
                JsonWriter* json) { s.envelope.fkey.empty() ? json->Null() : json->String(ToString(s.spec.on_held.value_or(OnHeld::kReject))); },
     .restated = false},
    {.pointer = "/idempotency_key",
     .read = [](const Field& field, const JsonValue& value, Reading* r) { return ReadName(field, value, &r->spec().idempotency_key); },
     .show = [](const Showing& s, JsonWriter* json) { TextOrNull(s.spec.idempotency_key, json); },
     .restated = false},
    {.pointer = "/caller",
     .read =
         [](const Field& field, const JsonValue& value, Reading* r) {
           r->out->caller_given = true;
           std::string& caller = r->envelope().caller;
           NOTIFYD_TRY(ReadText(value, field.pointer, 1, kMaxCallerBytes, &caller));
           // What the core keeps for itself beside callers has a name with such.
           if (HasControl(caller)) return Status(Code::kUnacceptable, "caller must not hold control characters", std::string(field.pointer));
           return Status::Ok();
         },
     .show = [](const Showing& s, JsonWriter* json) { json->String(s.envelope.caller); }},
    {.pointer = "/labels",
     .read = [](const Field& field, const JsonValue& value,
                Reading* r) { return ReadLabels(value, std::string(field.pointer), &r->envelope().labels); },
     .show = [](const Showing& s, JsonWriter* json) { WriteLabels(s.envelope.labels.get(), json); }},
    {.pointer = "/callback_url",
     .read = ReadCallbackUrl,
     .show =
         [](const Showing& s, JsonWriter* json) {
           const std::string url = s.envelope.callback ? s.envelope.callback->url : std::string();
           TextOrNull(s.no_urls && !url.empty() ? MaskedUrl(url) : url, json);
         }},
};

/// The values that a document gives, by row; null where the field is left out or null itself. Later in the document is later in memory.
using Given = std::array<const JsonValue*, std::size(kFields)>;

Status TakeOther(const JsonValue& value, const Field* field, const NotifyPart& part) {
  if (part.other) {
    Result<bool> taken = part.other(value);
    if (!taken.ok()) return std::move(taken).status();
    if (*taken) return Status::Ok();
  }
  return field ? Bad(*field, "unknown field " + Quoted(value.key) + ": " + std::string(part.of) + " has none") : UnknownField({}, value.key);
}

Status TakeGiven(const JsonValue& item, const NotifyPart* part, Given* given) {
  if (item.kind != Kind::kObject) return Status(Code::kUnacceptable, (part ? std::string(part->of) : "a notify") + " must be an object");
  std::array<const Field*, 4> chosen{};  // by Choice
  for (const JsonValue& value : item) {
    const Field* field = FindNotifyField(value.key);
    if (part && (!field || !part->Has(field->name()))) {
      NOTIFYD_TRY(TakeOther(value, field, *part));
      continue;
    }
    if (!field) return UnknownField({}, value.key);
    if (!IsGiven(&value)) continue;
    (*given)[static_cast<size_t>(field - kFields)] = &value;
    if (field->choice == Choice::kNone) continue;
    const Field*& first = chosen[static_cast<size_t>(field->choice)];
    if (first) return Bad(*field, std::string(first->name()) + " and " + std::string(field->name()) + " exclude each other");
    first = field;
  }
  for (size_t i = 0; i < given->size(); ++i)
    if (kFields[i].required && !(*given)[i] && (!part || part->Has(kFields[i].name())))
      return Bad(kFields[i], std::string(kFields[i].name()) + " is missing");
  return Status::Ok();
}

}  // namespace

std::span<const NotifyField> NotifyFields() {
  return kFields;
}

const NotifyField* FindNotifyField(std::string_view name) {
  static const auto* const kByName = [] {
    auto* fields = new std::unordered_map<std::string_view, const Field*>();
    for (const Field& field : kFields) fields->emplace(field.name(), &field);
    return fields;
  }();
  auto found = kByName->find(name);
  return found == kByName->end() ? nullptr : found->second;
}

bool NotifyPart::Has(std::string_view name) const {
  return (std::find(names.begin(), names.end(), name) == names.end()) == all_but;
}

Status ApplyOrderRule(const std::vector<LaneRule>& rules, uint64_t turn, ParsedNotify* out) {
  if (out->spec.order_by) return Status::Ok();
  const LaneRule* rule = OrderRuleOf(out->envelope.lane, rules);
  if (!rule) return Status::Ok();
  const Status missing(Code::kUnacceptable, "the rule of this lane orders by " + Quoted(*rule->order_by) + ", and data has no value there", "/data");
  NOTIFYD_TRY(
      ChoosePartition(*rule->order_by, rule->partitions.value_or(kDefaultPartitions), rule->order_by_spread.value_or(false), turn, missing, out));
  out->envelope.lane.mode = Mode::kFifo;
  out->envelope.priority = Envelope().priority;
  return Status::Ok();
}

void TakeOrderRule(const std::vector<LaneRule>& rules, ParsedNotify* out) {
  if (out->spec.order_by) return;
  const LaneRule* rule = OrderRuleOf(out->envelope.lane, rules);
  if (!rule) return;
  out->spec.order_by = rule->order_by;
  out->spec.partitions = rule->partitions.value_or(kDefaultPartitions);
  out->spec.order_by_spread = rule->order_by_spread.value_or(false);
  out->envelope.lane.mode = Mode::kFifo;
  out->envelope.priority = Envelope().priority;
}

Status LeavePartitionOpen(const std::vector<LaneRule>& rules, ParsedNotify* out) {
  ParsedNotify judged = *out;
  NOTIFYD_TRY(ApplyOrderRule(rules, 0, &judged));
  TakeOrderRule(rules, out);
  out->envelope.lane.name.resize(out->envelope.lane.name.size() - std::exchange(out->partition_bytes, 0));
  return Status::Ok();
}

Status ReadNotify(const JsonValue& item, const TraceContext& trace, size_t max_body_bytes, uint64_t turn, ParsedNotify* out, const NotifyPart* part) {
  Given given{};
  NOTIFYD_TRY(TakeGiven(item, part, &given));
  NotifySpec& spec = out->spec;
  Envelope& envelope = out->envelope;
  envelope.caller = "unknown";
  Reading reading{max_body_bytes, out, part};
  for (bool early : {true, false})
    for (size_t i = 0; i < given.size(); ++i)
      if (given[i] && kFields[i].early == early) NOTIFYD_TRY(kFields[i].read(kFields[i], *given[i], &reading));
  // Beside a lane a group is only shown.
  std::string by_default = DefaultLane(part && !part->lane.empty() ? part->lane : reading.url.base, spec.group);
  out->default_lane = envelope.lane.name.empty() || envelope.lane.name == by_default;
  if (envelope.lane.name.empty()) envelope.lane.name = std::move(by_default);
  if (!part || !part->orders_by_event) NOTIFYD_TRY(ChooseOwnPartition(turn, out));
  if (!reading.flow.IsDefault()) envelope.flow = std::make_shared<const FlowFields>(reading.flow);
  envelope.host = HostOf(std::move(reading.url.host), {reading.flow.pool, reading.flow.pool_fallback, reading.flow.instance});
  const auto codes = [](const auto& header) { return EqualsIgnoringCase(header.first, "Content-Encoding"); };
  if (spec.compress && std::any_of(spec.headers.begin(), spec.headers.end(), codes))
    return Status(Code::kUnacceptable, "compress says what the Content-Encoding is: headers must not", "/compress");
  TraceContext own = TakeTrace(trace, &spec.headers);
  envelope.trace_parent = std::move(own.parent);
  spec.trace_state = std::move(own.state);
  spec.via = trace.via;
  return Status::Ok();
}

}  // namespace notifyd
