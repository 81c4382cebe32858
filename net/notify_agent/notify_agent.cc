#include "net/notify_agent/notify_agent.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/ascii.h"
#include "base/json_tree.h"
#include "base/percent_encoding.h"
#include "base/time.h"
#include "base/utf8.h"

namespace notifyd {
namespace {

constexpr size_t kMostTubeBytes = 200;
constexpr size_t kMostLabelBytes = 256;   // of a notify's label
constexpr int64_t k1971Ms = 31'536'000'000;  // 1971-01-01, in milliseconds since the epoch
constexpr size_t kMostCallerBytes = 100;  // of a notify's caller
constexpr int64_t kTimeoutMs = 3'600'000;
/// Nobody waits for the answer: so long the old daemon waited until the request was gone.
constexpr int64_t kUnansweredMs = 1'000;
/// The old daemon's MAX_RETRY_TIMES: so many retries, the one numbered n after 9 * 2^n seconds.
constexpr int64_t kMostRetries = 9;
constexpr int64_t kWaitUnitMs = 9'000;
constexpr std::string_view kJsonType = "application/json", kFormType = "application/x-www-form-urlencoded";

struct Field {
  std::string_view key;
  std::string NotifyAgentCall::*text = nullptr;
  int64_t NotifyAgentCall::*number = nullptr;
};
/// All keys that count. The others of a row or of a job that was put again (id, actualResponse, timeStartSend, timeCreated, timeModified, status,
/// duration) tell of what was.
constexpr Field kFields[] = {
    {"caller", &NotifyAgentCall::caller},
    {"url", &NotifyAgentCall::url},
    {"method", &NotifyAgentCall::method},
    {"contentType", &NotifyAgentCall::content_type},
    {"data", &NotifyAgentCall::data},
    {"timeDelayedSend", &NotifyAgentCall::time_delayed_send},
    {"expectResponse", &NotifyAgentCall::expect_response},
    {"queueName", &NotifyAgentCall::queue_name},
    {"fKey", &NotifyAgentCall::fkey},
    {"needResponse", nullptr, &NotifyAgentCall::need_response},
    {"runOnce", nullptr, &NotifyAgentCall::run_once},
    {"retryTimes", nullptr, &NotifyAgentCall::retry_times},
};

Status Bad(std::string_view key, std::string_view what) {
  return Status(Code::kUnacceptable, std::string(key).append(" ").append(what), std::string("/").append(key));
}

const Field* FindField(std::string_view key) {
  const Field* field = std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& each) { return each.key == key; });
  return field == std::end(kFields) ? nullptr : field;
}

/// By its value, as PHP compares numbers: "1", " 1", 1.0. Nothing where it is not a whole number.
std::optional<int64_t> WholeNumber(std::string_view text) {
  constexpr double kMost = int64_t{1} << 53;
  text = TrimBlanks(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number) || std::trunc(number) != number) return std::nullopt;
  return static_cast<int64_t>(std::clamp(number, -kMost, kMost));
}

/// May a notify's caller be called so?
bool IsCallerName(std::string_view name) {
  return !name.empty() && name.size() <= kMostCallerBytes && !HasControl(name);
}

/// May stand in the query of a URL as it is (RFC 3986 section 3.4).
bool IsQueryChar(char c) {
  return IsUnreserved(c) || std::string_view("!$&'()*+,;=:@/?").find(c) != std::string_view::npos;
}

/// The URL with the data behind it, as the old daemon appended it to a GET: in front of a fragment, which is not sent.
std::string WithQuery(std::string_view url, std::string_view data) {
  const size_t fragment = std::min(url.find('#'), url.size());
  std::string out(url.substr(0, fragment));
  out.push_back(out.find('?') == std::string::npos ? '?' : '&');
  for (size_t i = 0; i < data.size(); ++i) {
    const char c = data[i];
    const bool escape = c == '%' && i + 2 < data.size() && HexDigit(data[i + 1]) >= 0 && HexDigit(data[i + 2]) >= 0;
    if (escape || IsQueryChar(c)) out.push_back(c);
    else AppendPercentEncoded(c, &out);
  }
  return out.append(url.substr(fragment));
}

/// Where and what.
void WriteRequest(const NotifyAgentCall& call, JsonWriter* json) {
  const bool post = EqualsIgnoringCase(call.method, "POST");
  json->Key("url");
  json->String(post || !call.has_data ? call.url : WithQuery(call.url, call.data));
  json->Key("method");
  json->String(post ? "POST" : "GET");
  if (!post) return;
  const std::string_view type = call.content_type.empty() ? kFormType : std::string_view(call.content_type);
  json->Key("content_type");
  json->String(type);
  json->Key("body");
  json->String(call.data.empty() && type == kJsonType ? std::string_view("[]") : std::string_view(call.data));
}

/// Of those that there are at most.
int64_t RetriesGone(const NotifyAgentCall& call) {
  return call.run_once == 1 ? kMostRetries : std::clamp<int64_t>(call.retry_times, 0, kMostRetries);
}

/// What answer counts, and how often.
void WriteAttempts(const NotifyAgentCall& call, JsonWriter* json) {
  const bool reply = call.need_response != 2;
  json->Key("timeout_ms");
  json->Int(reply ? kTimeoutMs : kUnansweredMs);
  if (!reply) {
    json->Key("reply");
    return json->String("none");
  }
  json->Key("expect");
  json->BeginObject();
  json->Key("status");
  json->BeginArray();
  for (std::string_view any : {"1xx", "2xx", "3xx", "4xx", "5xx"}) json->String(any);
  json->EndArray();
  if (!call.expect_response.empty()) {
    json->Key("contains");
    json->String(call.expect_response);
  }
  json->EndObject();
  json->Key("retry");
  json->BeginObject();
  const int64_t made = RetriesGone(call);
  json->Key("max_attempts");
  json->Int(kMostRetries + 1 - made);
  if (made < kMostRetries) {
    json->Key("schedule_ms");
    json->BeginArray();
    for (int64_t n = made + 1; n <= kMostRetries; ++n) json->Int(kWaitUnitMs << n);
    json->EndArray();
    json->Key("jitter");
    json->Int(0);
  }
  json->EndObject();
}

void WriteWhen(const NotifyAgentCall& call, const NotifyAgentTerms& terms, JsonWriter* json) {
  if (terms.due_at) {
    json->Key("due_at");
    // Of numbers that early the API refuses some, for they are seconds by mistake mostly; here it is a zero date.
    if (terms.due_at->ms < k1971Ms) json->String(FormatRfc3339(*terms.due_at));
    else json->Int(terms.due_at->ms);
  } else if (terms.delay_ms) {
    json->Key("delay_ms");
    json->Int(*terms.delay_ms);
  }
  if (terms.held && !call.fkey.empty()) {
    json->Key("fkey");
    json->String(call.fkey);
  }
}

void WriteLabels(const NotifyAgentCall& call, const NotifyAgentTerms& terms, bool caller_taken, JsonWriter* json) {
  bool begun = false;
  auto label = [&](std::string_view key, const std::string& value) {
    if (value.empty() || value.size() > kMostLabelBytes || value.find('\0') != std::string::npos) return;
    if (!begun) {
      json->Key("labels");
      json->BeginObject();
    }
    begun = true;
    json->Key(key);
    json->String(value);
  };
  if (!caller_taken) label("caller", call.caller);
  if (!terms.held) label("fKey", call.fkey);
  if (!terms.due_at) label("timeDelayedSend", call.time_delayed_send);
  if (begun) json->EndObject();
}

}  // namespace

bool IsTubeName(std::string_view name) {
  if (name.empty() || name.size() > kMostTubeBytes || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return IsDigit(c) || (LowerAscii(c) >= 'a' && LowerAscii(c) <= 'z') || std::string_view("-+/;.$_()").find(c) != std::string_view::npos;
  });
}

Status SetNotifyAgentField(std::string_view key, std::optional<std::string_view> value, NotifyAgentCall* call) {
  const Field* field = FindField(key);
  if (!field) return Status::Ok();
  if (field->text) {
    call->*field->text = value.value_or("");
    if (field->text == &NotifyAgentCall::data) call->has_data = value.has_value();
    return Status::Ok();
  }
  if (!value || value->empty()) {
    call->*field->number = NotifyAgentCall().*field->number;
    return Status::Ok();
  }
  const std::optional<int64_t> number = WholeNumber(*value);
  if (number) call->*field->number = *number;
  return number ? Status::Ok() : Bad(key, "must be a whole number");
}

Status CheckNotifyAgentCall(const NotifyAgentCall& call) {
  // As PHP's empty() has it, by which the old daemon dropped a call.
  if (call.queue_name.empty() || call.queue_name == "0") return Bad("queueName", "is missing");
  if (!IsTubeName(call.queue_name)) return Bad("queueName", "must be the name of a tube: 1 to 200 of A-Z, a-z, 0-9 and -+/;.$_()");
  return Status::Ok();
}

Result<NotifyAgentCall> ReadNotifyAgentCall(std::string_view json) {
  Result<JsonTree> tree = JsonTree::Parse(json);
  if (!tree.ok()) return std::move(tree).status();
  using Kind = JsonTree::Kind;
  if (tree->root().kind() != Kind::kObject) return Status(Code::kUnacceptable, "a call of NotifyAgent must be a JSON object");
  NotifyAgentCall call;
  for (auto at = tree->root().inside(); !at.at_end(); at.Next()) {
    const std::string_view key = at.key().text();
    const JsonTree::Value value = at.value();
    if (!FindField(key)) continue;
    const Kind kind = value.kind();
    if (kind == Kind::kObject || kind == Kind::kArray) return Bad(key, "must be a string, a number, true, false or null");
    std::optional<std::string_view> text;  // as PHP has them, true is 1, and false is as good as nothing
    if (kind == Kind::kTrue) text = "1";
    else if (kind != Kind::kNull && kind != Kind::kFalse) text = kind == Kind::kString ? value.text() : value.raw();
    NOTIFYD_TRY(SetNotifyAgentField(key, text, &call));
  }
  NOTIFYD_TRY(CheckNotifyAgentCall(call));
  return call;
}

void WriteNotifyAgentCall(const NotifyAgentCall& call, const NotifyAgentTerms& terms, JsonWriter* json) {
  WriteRequest(call, json);
  WriteWhen(call, terms, json);
  json->Key("lane");
  json->String(call.queue_name);
  json->Key("mode");
  json->String("fifo");
  json->Key("follow_redirects");
  json->Bool(true);
  WriteAttempts(call, json);
  const bool own_caller = terms.caller.empty() && IsCallerName(call.caller);
  if (own_caller || !terms.caller.empty()) {
    json->Key("caller");
    json->String(own_caller ? call.caller : terms.caller);
  }
  if (!terms.idempotency_key.empty()) {
    json->Key("idempotency_key");
    json->String(terms.idempotency_key);
  }
  WriteLabels(call, terms, own_caller, json);
}

std::string NotifyOfNotifyAgentCall(const NotifyAgentCall& call, const NotifyAgentTerms& terms) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  WriteNotifyAgentCall(call, terms, &json);
  json.EndObject();
  return out;
}

}  // namespace notifyd
