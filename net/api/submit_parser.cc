#include "net/api/submit_parser.h"

#include <array>
#include <memory>
#include <unordered_map>

#include "base/base64.h"
#include "base/utf8.h"
#include "broker/payload.h"
#include "broker/spec.h"
#include "net/api/field_print.h"
#include "net/api/fields.h"
#include "net/api/json_shape.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

constexpr size_t kMaxCallerBytes = 100;
constexpr int64_t kMaxTtlMs = 10 * kMaxDelayMs;
constexpr size_t kKeptLineBytes = 1 << 20;
/// A notify with an idempotency key may be one that was accepted under a higher limits.body_bytes. What is parsed to find out is bounded by what the
/// default of that setting allows, or the setting itself where it is higher.
constexpr size_t kKeyedBodyBytes = 1 << 20;

enum Field : size_t {
  kUrl,
  kMethod,
  kHeaders,
  kData,
  kBody,
  kBodyBase64,
  kContentType,
  kDelayMs,
  kDueAt,
  kFkey,
  kOnHeld,
  kLane,
  kGroup,
  kMode,
  kPriority,
  kReply,
  kExpect,
  kRetry,
  kTimeoutMs,
  kConnectTimeoutMs,
  kTtlMs,
  kExpiresAt,
  kIdempotencyKey,
  kCaller,
  kCallbackUrl,
  kFieldCount
};
constexpr std::array<const char*, kFieldCount> kPointers = {"/url",         "/method",       "/headers",         "/data",       "/body",
                                                            "/body_base64", "/content_type", "/delay_ms",        "/due_at",     "/fkey",
                                                            "/on_held",     "/lane",         "/group",           "/mode",       "/priority",
                                                            "/reply",       "/expect",       "/retry",           "/timeout_ms", "/connect_timeout_ms",
                                                            "/ttl_ms",      "/expires_at",   "/idempotency_key", "/caller",     "/callback_url"};

std::optional<Field> FieldOf(std::string_view name) {
  static const auto* const kFields = [] {
    auto* fields = new std::unordered_map<std::string_view, Field>();
    for (size_t i = 0; i < kFieldCount; ++i) fields->emplace(kPointers[i] + 1, static_cast<Field>(i));
    return fields;
  }();
  auto found = kFields->find(name);
  return found == kFields->end() ? std::nullopt : std::optional<Field>(found->second);
}

Status Bad(Field field, std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail), kPointers[field]);
}

/// The fields of one item, those that are null left out. Later in the document is later in memory.
struct Fields {
  std::array<const JsonValue*, kFieldCount> at{};

  const JsonValue* operator[](Field field) const { return at[field]; }

  Status Fill(const JsonValue& item) {
    if (item.kind != Kind::kObject) return Status(Code::kUnacceptable, "a notify must be an object");
    for (const JsonValue& value : item) {
      std::optional<Field> field = FieldOf(value.key);
      if (!field) return UnknownField({}, value.key);
      if (IsGiven(&value)) at[*field] = &value;
    }
    return Status::Ok();
  }

  Status Exclusive(Field a, Field b) const {
    if (!at[a] || !at[b]) return Status::Ok();
    Field second = at[a] > at[b] ? a : b;
    return Bad(second, std::string(kPointers[a] + 1) + " and " + (kPointers[b] + 1) + " exclude each other");
  }

  Status Text(Field field, size_t most, std::string* out) const {
    return at[field] ? ReadText(*at[field], kPointers[field], 1, most, out) : Status::Ok();
  }
  Status Int(Field field, int64_t least, int64_t most, int64_t* out) const {
    return at[field] ? ReadInt(*at[field], kPointers[field], least, most, out) : Status::Ok();
  }
  /// One of a closed set of words; `parse` gives nothing for any other.
  template <class E, class Parse>
  Status Word(Field field, const char* words, Parse parse, E* out) const {
    if (!at[field]) return Status::Ok();
    std::optional<E> parsed;
    if (at[field]->kind == Kind::kString) parsed = parse(at[field]->text);
    if (!parsed) return Bad(field, std::string(kPointers[field] + 1) + " must be one of " + words);
    *out = *parsed;
    return Status::Ok();
  }
};

bool DataGoesIntoQuery(Method method) {
  return method == Method::kGet || method == Method::kHead || method == Method::kDelete;
}

Status ReadPayload(const Fields& fields, size_t max_body_bytes, NotifySpec* spec) {
  NOTIFYD_TRY(fields.Exclusive(kData, kBody));
  NOTIFYD_TRY(fields.Exclusive(kData, kBodyBase64));
  NOTIFYD_TRY(fields.Exclusive(kBody, kBodyBase64));
  Field field = fields[kData] ? kData : fields[kBody] ? kBody : kBodyBase64;
  auto too_large = [&] {
    return Status(Code::kTooLarge, "the body would have more than " + std::to_string(max_body_bytes) + " bytes as sent", kPointers[field]);
  };
  const JsonValue* value = fields[field];
  if (!value) return Status::Ok();
  if (field != kData) {
    if (value->kind != Kind::kString) return Bad(field, std::string(kPointers[field] + 1) + " must be a string");
    spec->payload_kind = field == kBody ? PayloadKind::kBody : PayloadKind::kBodyBase64;
    if (field == kBody) {
      spec->payload = value->text;
    } else {
      Result<std::string> decoded = DecodeBase64(value->text);
      if (!decoded.ok()) return Bad(field, "body_base64 is not valid base64 (RFC 4648 section 4, padded)");
      spec->payload = *std::move(decoded);
    }
    return spec->payload.size() > max_body_bytes ? too_large() : Status::Ok();
  }

  std::string essence = spec->content_type_given ? MediaTypeEssence(spec->content_type) : "application/json";
  bool form = essence == "application/x-www-form-urlencoded";
  if (!form && essence != "application/json")
    return Bad(kContentType, "data is encoded as application/json or application/x-www-form-urlencoded; send other types as body");
  spec->payload_kind = PayloadKind::kData;
  spec->payload = value->raw;
  bool query = DataGoesIntoQuery(spec->method);
  if (query && value->kind != Kind::kObject) return Bad(kData, "with GET, HEAD and DELETE data must be an object: it goes into the query string");
  if (!form && !query) return spec->payload.size() > max_body_bytes ? too_large() : Status::Ok();
  Result<WireRequest> wire = BuildWireRequest(*spec, max_body_bytes);
  if (wire.ok()) return Status::Ok();
  return wire.status().code() == Code::kTooLarge ? too_large() : std::move(wire).status();
}

Status ReadKey(const Fields& fields, const std::string* header_key, std::string* out) {
  NOTIFYD_TRY(fields.Text(kIdempotencyKey, kMaxNameBytes, out));
  if (!header_key) return Status::Ok();
  if (header_key->empty() || header_key->size() > kMaxNameBytes || !IsValidUtf8(*header_key))
    return Status(Code::kUnacceptable, "the header Idempotency-Key must have 1 to 255 bytes of UTF-8");
  if (!out->empty() && *out != *header_key) return Bad(kIdempotencyKey, "idempotency_key and the header Idempotency-Key differ");
  *out = *header_key;
  return Status::Ok();
}

Status ReadRequest(const Fields& fields, CheckedUrl* url, NotifySpec* spec) {
  if (!fields[kUrl]) return Bad(kUrl, "url is missing");
  if (fields[kUrl]->kind != Kind::kString) return Bad(kUrl, "url must be a string");
  spec->url = fields[kUrl]->text;
  Result<CheckedUrl> checked = CheckUrl(spec->url);
  if (!checked.ok()) return Bad(kUrl, checked.status().detail());
  *url = *std::move(checked);
  NOTIFYD_TRY(fields.Word(kMethod, "GET, POST, PUT, PATCH, DELETE, HEAD", ParseMethod, &spec->method));
  if (fields[kContentType]) {
    NOTIFYD_TRY(ReadText(*fields[kContentType], kPointers[kContentType], 1, 255, &spec->content_type));
    NOTIFYD_TRY(CheckMediaType(spec->content_type, kPointers[kContentType]));
    spec->content_type_given = true;
  }
  if (fields[kHeaders]) NOTIFYD_TRY(ReadHeaders(*fields[kHeaders], spec->content_type_given, &spec->headers));
  if (fields[kExpect]) NOTIFYD_TRY(ReadPattern(*fields[kExpect], kPointers[kExpect], &spec->expect));
  NOTIFYD_TRY(fields.Int(kTimeoutMs, 1, kMostTimeoutMs, &spec->timeout_ms));
  NOTIFYD_TRY(fields.Int(kConnectTimeoutMs, 1, kMostTimeoutMs, &spec->connect_timeout_ms));
  return Status::Ok();
}

Status ReadCallback(const Fields& fields, const NotifySpec& spec, std::shared_ptr<const Callback>* out) {
  const JsonValue* value = fields[kCallbackUrl];
  if (!value) return Status::Ok();
  if (value->kind != Kind::kString) return Bad(kCallbackUrl, "callback_url must be a string");
  Result<CheckedUrl> checked = CheckUrl(value->text);
  if (!checked.ok()) return Bad(kCallbackUrl, checked.status().detail());
  *out = std::make_shared<const Callback>(Callback{std::string(value->text), DefaultLane(checked->base, {}), std::move(checked->host), spec.url});
  return Status::Ok();
}

Status ReadLane(const Fields& fields, const CheckedUrl& url, NotifySpec* spec, NotifyHead* head, bool* default_lane) {
  NOTIFYD_TRY(fields.Word(kMode, "concurrent, fifo", ParseMode, &head->lane.mode));
  NOTIFYD_TRY(fields.Text(kLane, kMaxNameBytes, &head->lane.name));
  NOTIFYD_TRY(fields.Text(kGroup, kMaxNameBytes, &spec->group));
  // Beside a lane a group is only shown.
  std::string by_default = DefaultLane(url.base, spec->group);
  *default_lane = !fields[kLane] || head->lane.name == by_default;
  if (!fields[kLane]) head->lane.name = std::move(by_default);
  int64_t priority = head->priority;
  NOTIFYD_TRY(fields.Int(kPriority, 0, 9, &priority));
  if (fields[kPriority] && head->lane.mode == Mode::kFifo) return Bad(kPriority, "a fifo lane has no priorities");
  head->priority = static_cast<uint8_t>(priority);
  return Status::Ok();
}

Status ReadTimes(const Fields& fields, NotifySpec* spec, When* when, When* ttl) {
  NOTIFYD_TRY(ReadWhen(fields[kDelayMs], fields[kDueAt], when));
  if (when->kind == When::Kind::kDelay) spec->delay_ms = when->ms;
  NOTIFYD_TRY(fields.Exclusive(kTtlMs, kExpiresAt));
  if (fields[kTtlMs]) {
    ttl->kind = When::Kind::kDelay;
    NOTIFYD_TRY(fields.Int(kTtlMs, 1, kMaxTtlMs, &ttl->ms));
    spec->ttl_ms = ttl->ms;
  } else if (fields[kExpiresAt]) {
    WallTime time;
    NOTIFYD_TRY(ReadTime(*fields[kExpiresAt], kPointers[kExpiresAt], "lies beyond the year 9999", &time));
    *ttl = {When::Kind::kAt, time.ms};
  }
  return Status::Ok();
}

Status ReadRetryOf(const Fields& fields, const When& ttl, std::shared_ptr<const RetryPolicy>* out) {
  if (!fields[kRetry]) return Status::Ok();
  RetryPolicy retry;
  NOTIFYD_TRY(ReadRetry(*fields[kRetry], &retry));
  if (retry.later_on && ttl.kind == When::Kind::kDefault)
    return Status(Code::kUnacceptable, "later_on asks again without end: it needs a ttl_ms or expires_at", "/retry/later_on");
  if (retry != RetryPolicy()) *out = std::make_shared<const RetryPolicy>(std::move(retry));
  return Status::Ok();
}

std::optional<bool> ParseReplyNone(std::string_view text) {
  if (text == "expected") return false;
  if (text == "none") return true;
  return std::nullopt;
}

/// All but the idempotency key, which may stand in a header of the request. A body over the limit is no error, but `out->refused`.
Status ReadNotify(const Fields& fields, const TraceContext& trace, size_t max_body_bytes, ParsedNotify* out) {
  NotifySpec& spec = out->spec;
  NotifyHead& head = out->head;
  CheckedUrl url;
  NOTIFYD_TRY(ReadRequest(fields, &url, &spec));
  if (Status status = ReadPayload(fields, max_body_bytes, &spec); status.code() == Code::kTooLarge) out->refused = std::move(status);
  else if (!status.ok()) return status;
  NOTIFYD_TRY(ReadLane(fields, url, &spec, &head, &out->default_lane));
  head.host = std::move(url.host);
  NOTIFYD_TRY(ReadTimes(fields, &spec, &out->when, &out->ttl));

  NOTIFYD_TRY(fields.Text(kFkey, kMaxNameBytes, &head.fkey));
  OnHeld on_held = OnHeld::kReject;
  NOTIFYD_TRY(fields.Word(kOnHeld, "reject, replace, keep", ParseOnHeld, &on_held));
  if (fields[kOnHeld]) {
    if (!fields[kFkey]) return Bad(kOnHeld, "on_held goes with an fkey only");
    spec.on_held = on_held;
  }

  NOTIFYD_TRY(fields.Word(kReply, "expected, none", ParseReplyNone, &head.reply_none));
  NOTIFYD_TRY(ReadRetryOf(fields, out->ttl, &head.retry));
  head.caller = "unknown";
  NOTIFYD_TRY(fields.Text(kCaller, kMaxCallerBytes, &head.caller));
  NOTIFYD_TRY(ReadCallback(fields, spec, &head.callback));
  TraceContext own = TakeTrace(trace, &spec.headers);
  head.trace_parent = std::move(own.parent);
  spec.trace_state = std::move(own.state);
  spec.via = trace.via;
  return Status::Ok();
}

}  // namespace

Status SubmitParser::ParseItem(const JsonValue& item, const std::string* header_key, const TraceContext& trace, SubmitItem* out) {
  Fields fields;
  NOTIFYD_TRY(fields.Fill(item));
  ParsedNotify notify;
  NOTIFYD_TRY(ReadNotify(fields, trace, limits_.max_body_bytes, &notify));
  if (notify.refused.ok() && notify.spec.timeout_ms > limits_.max_timeout_ms)
    notify.refused = Bad(kTimeoutMs, "timeout_ms must be at most " + std::to_string(limits_.max_timeout_ms) + " here (limits.timeout_ms)");
  NOTIFYD_TRY(ReadKey(fields, header_key, &notify.spec.idempotency_key));
  if (notify.spec.idempotency_key.empty()) NOTIFYD_TRY(notify.refused);
  if (!notify.spec.idempotency_key.empty()) {
    HeaderList headers;
    if (fields[kHeaders]) NOTIFYD_TRY(ReadHeaders(*fields[kHeaders], notify.spec.content_type_given, &headers));
    out->fields = PrintOfFields(notify, std::move(headers), &reader_);
    out->fields_1 = reader_.PrintOf(item, "idempotency_key");
    out->idempotency_key = notify.spec.idempotency_key;
    out->refused = std::move(notify.refused);
  }
  out->when = notify.when;
  out->ttl = notify.ttl;
  out->on_held = notify.spec.on_held.value_or(OnHeld::kReject);
  out->spec = std::make_shared<const std::string>(EncodeSpec(notify.spec));
  out->head = std::make_shared<const NotifyHead>(std::move(notify.head));
  return Status::Ok();
}

Result<ParsedSubmit> SubmitParser::Parse(std::string* body, const std::string* header_key, const TraceContext& trace) {
  ParsedSubmit parsed;
  auto header_with_batch = [] { return Status(Code::kUnacceptable, "the header Idempotency-Key goes with a single notify only"); };
  if (body->size() > kLargeJsonBytes) {
    std::vector<std::string_view> items;
    NOTIFYD_TRY(ReadShape(*body, {limits_.max_batch_items, limits_.max_body_bytes, kKeyedBodyBytes, header_key != nullptr}, &items));
    if (!items.empty()) return header_key ? Result<ParsedSubmit>(header_with_batch()) : ParseItems(body, items, trace);
  }
  Status status = reader_.Read(body, limits_.max_batch_items, &parsed.batch, [&](const JsonValue& item) -> Status {
    if (parsed.batch && header_key) return header_with_batch();
    return ParseItem(item, header_key, trace, &parsed.items.emplace_back());
  });
  // No item is at fault, so none is named; but a malformed document goes first.
  if (parsed.batch && header_key && status.code() == Code::kUnacceptable) return header_with_batch();
  if (!status.ok()) return status;
  return parsed;
}

/// The items one by one: the parser's memory goes with the largest of them, not with the batch.
Result<ParsedSubmit> SubmitParser::ParseItems(std::string* body, const std::vector<std::string_view>& items, const TraceContext& trace) {
  ParsedSubmit parsed;
  parsed.batch = true;
  parsed.items.reserve(items.size());
  // What stands behind an item is its padding; behind the last one it must be made.
  std::vector<std::pair<size_t, size_t>> places;
  for (const std::string_view& item : items) places.emplace_back(item.data() - body->data(), item.size());
  body->reserve(body->size() + JsonReader::kPaddingBytes);
  Status refused;
  for (size_t i = 0; i < places.size(); ++i) {
    std::string_view item = std::string_view(*body).substr(places[i].first, places[i].second);
    bool is_array = false;
    bool skip = !refused.ok();  // only what is malformed is looked for
    Status status = reader_.Read(item, body->capacity() - places[i].first, 0, &is_array, [&](const JsonValue& value) {
      return skip ? Status::Ok() : ParseItem(value, nullptr, trace, &parsed.items.emplace_back());
    });
    if (status.code() == Code::kMalformed) return status;
    if (!status.ok() && !skip) refused = std::move(status).Within("/" + std::to_string(i));
  }
  if (!refused.ok()) return refused;
  return parsed;
}

Result<SubmitItem> SubmitParser::ParseLine(std::string_view line, size_t readable, const TraceContext& trace) {
  std::vector<std::string_view> items;
  if (line.size() > kLargeJsonBytes) NOTIFYD_TRY(ReadShape(line, {0, limits_.max_body_bytes, kKeyedBodyBytes}, &items));
  if (readable < line.size() + JsonReader::kPaddingBytes) {
    line_.reserve(line.size() + JsonReader::kPaddingBytes);
    line_.assign(line);
    line = line_;
    readable = line_.capacity();
  }
  SubmitItem item;
  bool is_array = false;
  Status status = reader_.Read(line, readable, 0, &is_array, [&](const JsonValue& value) { return ParseItem(value, nullptr, trace, &item); });
  if (line_.capacity() > kKeptLineBytes) std::string().swap(line_);
  if (!status.ok()) return status;
  return item;
}

Result<ParsedNotify> SubmitParser::ParseDocument(std::string* document, const TraceContext& trace, bool limit_body) {
  ParsedNotify notify;
  bool is_array = false;
  Status status = reader_.Read(document, 0, &is_array, [&](const JsonValue& value) -> Status {
    Fields fields;
    NOTIFYD_TRY(fields.Fill(value));
    NOTIFYD_TRY(ReadNotify(fields, trace, limit_body ? limits_.max_body_bytes : kNoBodyLimit, &notify));
    NOTIFYD_TRY(notify.refused);
    return ReadKey(fields, nullptr, &notify.spec.idempotency_key);
  });
  if (!status.ok()) return status;
  return notify;
}

Status SubmitParser::CheckShape(std::string_view document) const {
  std::vector<std::string_view> items;
  return document.size() > kLargeJsonBytes ? ReadShape(document, {0, limits_.max_body_bytes}, &items) : Status::Ok();
}

Result<ParsedTrigger> SubmitParser::ParseTrigger(std::string* body) {
  ParsedTrigger parsed;
  NOTIFYD_TRY(CheckShape(*body));
  bool is_array = false;
  Status status = reader_.Read(body, 0, &is_array, [&](const JsonValue& root) -> Status {
    const JsonValue *delay_ms = nullptr, *due_at = nullptr;
    for (const JsonValue& value : root) {
      if (value.key == "data") {
        if (!IsGiven(&value)) continue;
        if (value.kind != Kind::kObject) return Status(Code::kUnacceptable, "data must be an object: it is merged key by key", "/data");
        parsed.data = value.raw;
      } else if (value.key == "delay_ms") {
        delay_ms = &value;
      } else if (value.key == "due_at") {
        due_at = &value;
      } else {
        return UnknownField({}, value.key);
      }
    }
    return ReadWhen(delay_ms, due_at, &parsed.when);
  });
  if (!status.ok()) return status;
  return parsed;
}

}  // namespace notifyd
