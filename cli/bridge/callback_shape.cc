#include "cli/bridge/callback_shape.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "broker/payload.h"
#include "cli/bridge/message_template.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;
using Kind = JsonTree::Kind;

constexpr int64_t kMostMs = 3'600'000;  // contract section 3, timeout_ms

Status BadShape(std::string detail, std::string field) {
  return Status(Code::kUnacceptable, std::move(detail), std::move(field));
}

bool IsNull(const std::optional<Value>& value) {
  return !value || value->kind() == Kind::kNull;
}

std::optional<std::string> Text(const std::optional<Value>& value) {
  if (!value || value->kind() != Kind::kString) return std::nullopt;
  return std::string(value->text());
}

/// A string, or a number by its digits, as PHP makes one of it.
std::optional<std::string> Scalar(Value value) {
  if (value.kind() == Kind::kString) return std::string(value.text());
  if (value.kind() == Kind::kNumber) return std::string(value.raw());
  return std::nullopt;
}

/// A whole number, or a string of one.
std::optional<int64_t> Whole(Value value) {
  std::optional<std::string> text = Scalar(value);
  int64_t number = 0;
  if (!text || text->empty()) return std::nullopt;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  return error == std::errc() && end == text->data() + text->size() ? std::optional(number) : std::nullopt;
}

/// Seconds, whole or not, as milliseconds; 0 is without end, which is the longest that there is.
std::optional<int64_t> Milliseconds(Value value) {
  std::optional<std::string> text = Scalar(value);
  double seconds = 0;
  if (!text || text->empty()) return std::nullopt;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || end != text->data() + text->size() || !std::isfinite(seconds) || seconds < 0) return std::nullopt;
  if (seconds == 0 || seconds >= static_cast<double>(kMostMs) / 1000) return kMostMs;
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(seconds * 1000)));
}

/// The first member that is none of `known`, or nothing.
template <size_t N>
std::optional<std::string> Unknown(Value object, const std::string_view (&known)[N]) {
  std::optional<std::string> unknown;
  object.ForEach([&](Value key, Value) {
    if (!unknown && std::find(std::begin(known), std::end(known), key.text()) == std::end(known)) unknown = std::string(key.text());
  });
  return unknown;
}

std::string Pointer(std::string_view base, std::string_view name) {
  std::string pointer(base);
  pointer += '/';
  for (char c : name) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return pointer;
}

/// http_build_query with PHP_QUERY_RFC3986, as Guzzle makes a query: it differs from a form's in blanks and tildes alone.
std::string QueryOfForm(const std::string& form) {
  std::string query;
  for (size_t at = 0; at < form.size(); ++at) {
    if (form[at] == '+') query += "%20";
    else if (form.compare(at, 3, "%7E") == 0) query += '~', at += 2;
    else query += form[at];
  }
  return query;
}

/// Guzzle's `query` takes the place of the query that the URL has.
Status SetQuery(Value value, std::string* url) {
  std::string query;
  if (value.kind() == Kind::kString) {
    query = UrlOf(value.text());
    for (size_t at = 0; (at = query.find('#', at)) != std::string::npos;) query.replace(at, 1, "%23");
  } else if (value.kind() == Kind::kObject || value.kind() == Kind::kArray) {
    Result<std::string> form = EncodeForm(value.raw());
    if (!form.ok()) return BadShape(form.status().detail(), "/options/query");
    query = QueryOfForm(*form);
  } else {
    return BadShape("query must be an object or a string", "/options/query");
  }
  const size_t fragment = url->find('#');
  const std::string behind = fragment == std::string::npos ? "" : url->substr(fragment);
  *url = url->substr(0, std::min(url->find('?'), fragment));
  if (!query.empty()) *url += "?" + query;
  *url += behind;
  return Status::Ok();
}

Status SetHeaders(Value headers, NotifyDraft* draft) {
  if (headers.kind() == Kind::kArray && headers.size() == 0) return Status::Ok();  // PHP's empty array
  if (headers.kind() != Kind::kObject) return BadShape("headers must be an object", "/options/headers");
  Status fault;
  headers.ForEach([&](Value key, Value value) {
    if (!fault.ok()) return;
    std::optional<std::string> text = Scalar(value);
    if (value.kind() == Kind::kArray) {
      text = "";
      value.ForEach([&](Value, Value element) {
        std::optional<std::string> each = Scalar(element);
        if (!each) text.reset();
        else if (text) *text += (text->empty() ? "" : ", ") + *each;
      });
    }
    if (text) draft->SetHeader(key.text(), *text);
    else fault = BadShape("a header's value must be a string, a number, or an array of these", Pointer("/options/headers", key.text()));
  });
  return fault;
}

/// `json`, `form_params` or `body`: one at most.
Status SetBody(Value options, NotifyDraft* draft) {
  std::string_view given;
  std::string body, type;
  for (std::string_view name : {"json", "form_params", "body"}) {
    std::optional<Value> value = options.At(Pointer("", name));
    if (IsNull(value)) continue;
    const std::string field = Pointer("/options", name);
    if (!given.empty()) return BadShape(std::string(name) + " does not go with " + std::string(given), field);
    given = name;
    if (name == "json") {
      body = value->raw();
      type = "application/json";
    } else if (name == "form_params") {
      Result<std::string> form = EncodeForm(value->raw());
      if (!form.ok()) return BadShape(form.status().detail(), field);
      body = *std::move(form);
      type = "application/x-www-form-urlencoded";
    } else {
      std::optional<std::string> text = Scalar(*value);
      if (!text) return BadShape("body must be a string", field);
      body = *std::move(text);
      type = "application/octet-stream";  // Guzzle sends none; a notify with a body has one
    }
  }
  if (given.empty()) return Status::Ok();
  std::string said = draft->TakeHeader("Content-Type");
  draft->SetText("body", body);
  draft->SetText("content_type", said.empty() ? type : said);
  return Status::Ok();
}

Status SetAuth(Value auth, NotifyDraft* draft) {
  if (auth.kind() == Kind::kFalse) return Status::Ok();
  std::optional<std::string> user = Text(auth.At("/0")), password = Text(auth.At("/1"));
  const std::optional<Value> said = auth.At("/2");
  const std::string way = IsNull(said) ? "basic" : Text(said).value_or("");
  if (auth.kind() != Kind::kArray || !user || !password || auth.size() > 3)
    return BadShape("auth must be an array of a user and a password", "/options/auth");
  if (!EqualsIgnoringCase(way, "basic")) return BadShape("of auth only basic can be sent", "/options/auth/2");
  draft->SetHeader("Authorization", "Basic " + EncodeBase64(*user + ":" + *password));
  return Status::Ok();
}

Status SetOptions(Value options, std::string* url, NotifyDraft* draft) {
  static constexpr std::string_view kOptions[] = {"headers", "query", "json", "form_params", "body", "timeout", "connect_timeout", "auth"};
  if (options.kind() == Kind::kArray && options.size() == 0) return Status::Ok();  // PHP's empty array
  if (options.kind() != Kind::kObject) return BadShape("options must be an object", "/options");
  if (std::optional<std::string> unknown = Unknown(options, kOptions))
    return BadShape("the option " + *unknown + " of Guzzle cannot be carried over", Pointer("/options", *unknown));
  if (std::optional<Value> headers = options.At("/headers"); !IsNull(headers)) NOTIFYD_TRY(SetHeaders(*headers, draft));
  NOTIFYD_TRY(SetBody(options, draft));
  if (std::optional<Value> query = options.At("/query"); !IsNull(query)) NOTIFYD_TRY(SetQuery(*query, url));
  if (std::optional<Value> auth = options.At("/auth"); !IsNull(auth)) NOTIFYD_TRY(SetAuth(*auth, draft));
  for (const auto& [name, field] : {std::pair("/timeout", "timeout_ms"), std::pair("/connect_timeout", "connect_timeout_ms")}) {
    std::optional<Value> value = options.At(name);
    if (IsNull(value)) continue;
    std::optional<int64_t> ms = Milliseconds(*value);
    if (!ms) return BadShape("a timeout must be a number of seconds", std::string("/options") + name);
    draft->SetNumber(field, *ms);
  }
  return Status::Ok();
}

/// A code or a list of codes as an answer pattern; empty where there is none.
Result<std::string> CodePattern(const std::optional<Value>& value, const std::string& field) {
  std::string out;
  if (IsNull(value) || (value->kind() == Kind::kArray && value->size() == 0)) return out;
  std::vector<int64_t> codes;
  bool whole = true;
  auto add = [&](Value each) {
    std::optional<int64_t> code = Whole(each);
    whole = whole && code;
    if (code) codes.push_back(*code);
  };
  if (value->kind() == Kind::kArray) value->ForEach([&](Value, Value each) { add(each); });
  else add(*value);
  if (!whole) return BadShape("must be a status code or an array of them", field);
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("status");
  json.BeginArray();
  for (int64_t code : codes) json.Int(code);
  json.EndArray();
  json.EndObject();
  return out;
}

}  // namespace

Status SetRequest(Value request, NotifyDraft* draft) {
  static constexpr std::string_view kMembers[] = {"url", "method", "options"};
  if (request.kind() != Kind::kObject) return BadShape("a request must be an object", "");
  if (std::optional<std::string> unknown = Unknown(request, kMembers))
    return BadShape("a request has url, method and options; not " + *unknown, Pointer("", *unknown));
  std::optional<std::string> url = Text(request.At("/url"));
  if (!url) return BadShape("url is missing, or no string", "/url");
  *url = UrlOf(*url);
  std::optional<Value> method = request.At("/method");
  if (!IsNull(method) && method->kind() != Kind::kString) return BadShape("method must be a string", "/method");
  if (std::optional<Value> options = request.At("/options"); !IsNull(options)) NOTIFYD_TRY(SetOptions(*options, &*url, draft));
  draft->SetText("url", *url);
  draft->SetText("method", IsNull(method) ? "GET" : MethodOf(method->text()));
  return Status::Ok();
}

Status SetControl(Value control, bool only_one, NotifyDraft* draft) {
  static constexpr std::string_view kMembers[] = {"retryTimes", "retryCode", "successCode"};
  if (control.kind() == Kind::kArray && control.size() == 0) return SetControl(JsonTree::Parse("{}")->root(), only_one, draft);  // PHP's empty array
  if (control.kind() != Kind::kObject) return BadShape("control must be an object", "");
  if (std::optional<std::string> unknown = Unknown(control, kMembers))
    return BadShape("control has retryTimes, retryCode and successCode; not " + *unknown, Pointer("", *unknown));
  std::optional<Value> times = control.At("/retryTimes");
  std::optional<int64_t> retries = IsNull(times) ? 0 : Whole(*times);
  if (!retries || *retries < 0 || *retries > 99) return BadShape("retryTimes must be a whole number of 0 to 99", "/retryTimes");
  Result<std::string> retry_on = CodePattern(control.At("/retryCode"), "/retryCode"),
                      success = CodePattern(control.At("/successCode"), "/successCode");
  if (!retry_on.ok()) return std::move(retry_on).status();
  if (!success.ok()) return std::move(success).status();
  std::string retry;
  JsonWriter json(&retry);
  json.BeginObject();
  json.Key("max_attempts");
  json.Int(only_one ? 1 + *retries : 1);
  if (only_one && !retry_on->empty()) {
    json.Key("only_on");
    json.Raw(*retry_on);
  }
  json.EndObject();
  draft->SetRaw("retry", std::move(retry));
  if (only_one && !success->empty()) draft->SetRaw("expect", *std::move(success));
  return Status::Ok();
}

}  // namespace notifyd
