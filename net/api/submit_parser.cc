#include "net/api/submit_parser.h"

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "base/secrets.h"
#include "base/utf8.h"
#include "broker/flow.h"
#include "broker/payload.h"
#include "broker/spec.h"
#include "net/api/field_print.h"
#include "net/api/fields.h"
#include "net/api/guard.h"
#include "net/api/json_shape.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

/// A notify with an idempotency key may be one that was accepted under a higher limits.body_bytes. What is parsed to find out is bounded by what the
/// default of that setting allows, or the setting itself where it is higher.
constexpr size_t kKeyedBodyBytes = 1 << 20;

/// As submitted: with those of a trace, which are none of the notify's.
Result<HeaderList> HeadersOf(const JsonValue& item, bool content_type_given) {
  HeaderList headers;
  for (const JsonValue& value : item)
    if (value.key == "headers" && IsGiven(&value)) NOTIFYD_TRY(ReadHeaders(value, content_type_given, &headers));
  return headers;
}

/// What was shown as *** is not what was meant.
Status CheckShown(const HeaderList& headers) {
  for (const auto& [name, value] : headers) {
    if (value != kHiddenValue) continue;
    std::string pointer = "/headers";
    AppendPointer(name, &pointer);
    return Status(Code::kUnacceptable, "*** is how such a value is shown: the value itself must be said", std::move(pointer));
  }
  return Status::Ok();
}

/// Sets the caller, and refuses what the asker may not name.
Status ApplyGrant(const Asker& asker, ParsedNotify* notify) {
  const NamespaceRow& space = *asker.space;
  NOTIFYD_TRY(RefuseSystem(asker));
  if (asker.anybody()) return Status::Ok();
  const Principal& principal = asker.principal;
  Envelope& envelope = notify->envelope;
  Result<std::optional<std::string>> caller =
      principal.CallerOf(notify->caller_given ? std::optional(envelope.caller) : std::nullopt, space.name, *asker.table);
  if (!caller.ok()) return std::move(caller).status();
  if (*caller) envelope.caller = **std::move(caller);
  auto forbidden = [](const char* what, const std::string& name, const char* field) {
    return Status(Code::kForbidden, "this token may not use the " + std::string(what) + " " + Quoted(name), field);
  };
  if (!envelope.lane.name.empty() && !principal.MayUseLane(envelope.lane.name)) return forbidden("lane", envelope.lane.name, "/lane");
  if (!envelope.fkey.empty() && !principal.MayUseFkey(envelope.fkey)) return forbidden("fkey", envelope.fkey, "/fkey");
  // The callback is a notify of its own, in a lane of its own.
  if (envelope.callback && !principal.MayUseLane(envelope.callback->lane)) return forbidden("lane", envelope.callback->lane, "/callback_url");
  return Status::Ok();
}

}  // namespace

Status ReadKeyHeader(const std::string* header, std::string* key) {
  if (!header) return Status::Ok();
  if (header->empty() || header->size() > kMaxNameBytes || !IsValidUtf8(*header))
    return Status(Code::kUnacceptable, "the header Idempotency-Key must have 1 to 255 bytes of UTF-8");
  if (!key->empty() && *key != *header)
    return Status(Code::kUnacceptable, "idempotency_key and the header Idempotency-Key differ", "/idempotency_key");
  *key = *header;
  return Status::Ok();
}

Status SubmitParser::CheckTimeout(int64_t timeout_ms) const {
  if (timeout_ms <= limits_.max_timeout_ms) return Status::Ok();
  return Status(Code::kUnacceptable, "timeout_ms must be at most " + std::to_string(limits_.max_timeout_ms) + " here (limits.timeout_ms)",
                "/timeout_ms");
}

void SubmitParser::ApplyDefaults(const Asker& asker, ParsedNotify* notify) const {
  const NamespaceSettings& settings = asker.space->settings;
  if (settings.retry && !notify->retry_given) notify->envelope.retry = std::make_shared<const RetryPolicy>(*settings.retry);
  // The file's setting may have become lower than what was set by it.
  if (settings.timeout_ms && !notify->timeout_given) notify->spec.timeout_ms = std::min(*settings.timeout_ms, limits_.max_timeout_ms);
}

Status SubmitParser::CheckUrls(const ParsedNotify& notify) const {
  if (!limits_.check_url) return Status::Ok();
  // Where a service's instances are, is judged when they register.
  const std::string& url = notify.spec.url;
  if (!url.empty() && CommandOf(url).empty() && ServiceOf(url).empty())
    if (Status status = limits_.check_url(url); !status.ok()) return Status(status.code(), status.detail(), "/url");
  if (notify.envelope.callback == nullptr) return Status::Ok();
  Status status = limits_.check_url(notify.envelope.callback->url);
  return status.ok() ? std::move(status) : Status(status.code(), status.detail(), "/callback_url");
}

Status SubmitParser::CheckCommand(const ParsedNotify& notify, const Asker* asker) const {
  const std::string_view command = CommandOf(notify.spec.url);
  if (command.empty()) return Status::Ok();
  const std::string_view space = asker ? std::string_view(asker->space->name) : kDefaultNamespace;
  // All of it is the name: neither a path nor an argument is ever a submitter's.
  const bool known = limits_.check_command && notify.spec.url == "command:" + std::string(command);
  Status status = known ? limits_.check_command(space, notify.envelope.caller, command) : Status(Code::kUnacceptable, "there is no such command");
  return status.ok() ? std::move(status) : Status(status.code(), status.detail(), "/url");
}

template <class Apply>
auto SubmitParser::WithRules(const Asker* asker, Apply apply) const {
  static const std::vector<LaneRule> none;
  if (asker && asker->space && !asker->space->settings.lane_rules.empty()) return apply(asker->space->settings.lane_rules);
  return limits_.lane_rules ? apply(*limits_.lane_rules()) : apply(none);
}

Status SubmitParser::ParseItem(const JsonValue& item, const std::string* header_key, const Context& context, SubmitItem* out) {
  ParsedNotify notify;
  const uint64_t turn = turn_++;
  NOTIFYD_TRY(ReadNotify(item, context.trace, limits_.max_body_bytes, turn, &notify));
  if (context.asker) {
    NOTIFYD_TRY(ApplyGrant(*context.asker, &notify));
    out->for_caller_alone = !context.asker->principal.Has(Scope::kOperate);
  }
  const Status limited = CheckLimits(&notify, context.asker);
  NOTIFYD_TRY(ReadKeyHeader(header_key, &notify.spec.idempotency_key));
  if (notify.spec.idempotency_key.empty()) NOTIFYD_TRY(limited);
  if (!notify.spec.idempotency_key.empty() || context.prints) {
    Result<HeaderList> headers = HeadersOf(item, notify.spec.content_type_given);
    if (!headers.ok()) return std::move(headers).status();
    out->fields = PrintOfFields(notify, *std::move(headers), &reader_);
    out->fields_1 = reader_.PrintOf(item, "idempotency_key");
    out->idempotency_key = notify.spec.idempotency_key;
    out->refused = std::move(notify.refused);
  }
  // Behind the print, which counts what was said, and the contract's defaults, alone.
  Status ruled = WithRules(context.asker, [&](const std::vector<LaneRule>& rules) {
    return context.is_template ? LeavePartitionOpen(rules, &notify) : ApplyOrderRule(rules, turn, &notify);
  });
  if (!ruled.ok()) {
    if (out->idempotency_key.empty()) return ruled;
    if (out->refused.ok()) out->refused = std::move(ruled);
  }
  if (context.asker) ApplyDefaults(*context.asker, &notify);
  out->when = notify.when;
  out->ttl = notify.ttl;
  out->on_held = notify.spec.on_held.value_or(OnHeld::kReject);
  out->spec = std::make_shared<const std::string>(EncodeSpec(notify.spec));
  out->envelope = std::make_shared<const Envelope>(std::move(notify.envelope));
  return Status::Ok();
}

Status SubmitParser::CheckLimits(ParsedNotify* notify, const Asker* asker) const {
  if (notify->refused.ok()) notify->refused = CheckShown(notify->spec.headers);
  if (notify->refused.ok()) notify->refused = CheckTimeout(notify->spec.timeout_ms);
  if (const FlowFields* flow = notify->envelope.flow.get(); notify->refused.ok() && flow && flow->keep_response_bytes > limits_.max_kept_bytes)
    notify->refused =
        Status(Code::kUnacceptable, "keep_response_bytes must be at most " + std::to_string(limits_.max_kept_bytes) + " here (results.keep_bytes)",
               "/keep_response_bytes");
  if (notify->refused.ok()) notify->refused = CheckUrls(*notify);
  if (notify->refused.ok()) notify->refused = CheckCommand(*notify, asker);
  return notify->refused;
}

Status SubmitParser::ReadPart(const JsonValue& item, const NotifyPart& part, const TraceContext& trace, const Asker* asker, ParsedNotify* out) {
  NOTIFYD_TRY(ReadNotify(item, trace, limits_.max_body_bytes, turn_++, out, &part));
  if (asker) NOTIFYD_TRY(ApplyGrant(*asker, out));
  NOTIFYD_TRY(CheckLimits(out, asker));
  if (part.orders_by_event) WithRules(asker, [&](const std::vector<LaneRule>& rules) { TakeOrderRule(rules, out); });
  if (asker) ApplyDefaults(*asker, out);
  return Status::Ok();
}

Result<ParsedSubmit> SubmitParser::Parse(const std::string& body, const std::string* header_key, const TraceContext& trace, const Asker* asker) {
  ParsedSubmit parsed;
  const Context context{trace, asker};
  auto header_with_batch = [] { return Status(Code::kUnacceptable, "the header Idempotency-Key goes with a single notify only"); };
  Status status = ReadEach(body, header_key != nullptr, &parsed.batch, [&](const JsonValue& item) -> Status {
    if (parsed.batch && header_key) return header_with_batch();
    return ParseItem(item, header_key, context, &parsed.items.emplace_back());
  });
  // No item is at fault, so none is named; but a malformed document goes first.
  if (parsed.batch && header_key && status.code() == Code::kUnacceptable) return header_with_batch();
  if (!status.ok()) return status;
  return parsed;
}

Result<SubmitItem> SubmitParser::ParseTemplate(const std::string& body, const Asker& asker) {
  SubmitItem item;
  bool is_batch = false;
  const TraceContext trace;
  const Context context{trace, &asker, /*prints=*/false, /*is_template=*/true};
  Status status = ReadEach(body, /*has_key=*/false, &is_batch, [&](const JsonValue& value) { return ParseItem(value, nullptr, context, &item); });
  if (!status.ok()) return status;
  return item;
}

Result<ParsedSubmit> SubmitParser::ParseMembers(const std::string& array, size_t max_items, const TraceContext& trace, const Asker& asker,
                                                std::string* prints) {
  std::vector<std::string_view> items;
  NOTIFYD_TRY(ReadShape(array, {max_items, limits_.max_body_bytes}, &items));
  if (items.empty()) return Status(Code::kUnacceptable, "a batch holds at least one item");
  ParsedSubmit parsed;
  parsed.batch = true;
  const Context context{trace, &asker, prints != nullptr};
  Status status = ReadItems(array, items, [&](const JsonValue& item) { return ParseItem(item, nullptr, context, &parsed.items.emplace_back()); });
  if (!status.ok()) return status;
  if (!prints) return parsed;
  Encoder encoder(prints);
  for (const std::string_view item : items) {
    const Fingerprint print = reader_.PrintOfText(item);
    encoder.Big64(print.high);
    encoder.Big64(print.low);
  }
  return parsed;
}

Status SubmitParser::CheckCallback(const Callback& callback, const Asker& asker) const {
  if (!asker.anybody() && !asker.principal.MayUseLane(callback.lane))
    return Status(Code::kForbidden, "this token may not use the lane " + Quoted(callback.lane), "/callback_url");
  if (!limits_.check_url) return Status::Ok();
  Status status = limits_.check_url(callback.url);
  return status.ok() ? std::move(status) : Status(status.code(), status.detail(), "/callback_url");
}

Status SubmitParser::ReadEach(const std::string& body, bool has_key, bool* batch, const JsonReader::OnItem& on_item) {
  if (body.size() > kLargeJsonBytes) {
    std::vector<std::string_view> items;
    NOTIFYD_TRY(ReadShape(body, {limits_.max_batch_items, limits_.max_body_bytes, kKeyedBodyBytes, has_key}, &items));
    *batch = !items.empty();
    if (*batch) return ReadItems(body, items, on_item);
  }
  return reader_.Read(body, limits_.max_batch_items, batch, on_item);
}

Status SubmitParser::ReadOne(const std::string& body, const JsonReader::OnItem& on_item) {
  NOTIFYD_TRY(CheckShape(body));
  bool is_array = false;
  return reader_.Read(body, 0, &is_array, on_item);
}

/// The items one by one: the parser's memory goes with the largest of them, not with the batch.
Status SubmitParser::ReadItems(const std::string& body, const std::vector<std::string_view>& items, const JsonReader::OnItem& on_item) {
  Status refused;
  for (size_t i = 0; i < items.size(); ++i) {
    // What stands behind an item is its padding.
    const size_t readable = body.capacity() - static_cast<size_t>(items[i].data() - body.data());
    bool is_array = false;
    bool skip = !refused.ok();  // only what is malformed is looked for
    Status status = reader_.Read(items[i], readable, 0, &is_array, [&](const JsonValue& value) { return skip ? Status::Ok() : on_item(value); });
    if (status.code() == Code::kMalformed) return status;
    if (!status.ok() && !skip) refused = std::move(status).Within("/" + std::to_string(i));
  }
  return refused;
}

Result<SubmitItem> SubmitParser::ParseLine(std::string_view line, size_t readable, const TraceContext& trace, const Asker* asker) {
  SubmitItem item;
  Status status = ReadLine(line, readable, [&](const JsonValue& value) { return ParseItem(value, nullptr, {trace, asker}, &item); });
  if (!status.ok()) return status;
  return item;
}

Status SubmitParser::ReadLine(std::string_view line, size_t readable, const JsonReader::OnItem& on_item) {
  constexpr std::string_view kCalled = "line";
  std::vector<std::string_view> items;
  if (line.size() > kLargeJsonBytes) NOTIFYD_TRY(ReadShape(line, {0, limits_.max_body_bytes, kKeyedBodyBytes, false, kCalled}, &items));
  bool is_array = false;
  return reader_.Read(line, readable, 0, &is_array, on_item, kCalled);
}

Result<ParsedNotify> SubmitParser::ParseDocument(const std::string& document, const TraceContext& trace, bool limit_body) {
  ParsedNotify notify;
  bool is_array = false;
  Status status = reader_.Read(document, 0, &is_array, [&](const JsonValue& value) -> Status {
    NOTIFYD_TRY(ReadNotify(value, trace, limit_body ? limits_.max_body_bytes : kNoBodyLimit, 0, &notify));
    return notify.refused.ok() ? CheckUrls(notify) : notify.refused;
  });
  if (!status.ok()) return status;
  return notify;
}

Status SubmitParser::CheckShape(std::string_view document) const {
  std::vector<std::string_view> items;
  return document.size() > kLargeJsonBytes ? ReadShape(document, {0, limits_.max_body_bytes}, &items) : Status::Ok();
}

Result<ParsedTrigger> SubmitParser::ParseTrigger(const std::string& body) {
  ParsedTrigger parsed;
  NOTIFYD_TRY(CheckShape(body));
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
