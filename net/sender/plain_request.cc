// What goes over the wire, in the order in which curl sends it too.
#include "net/sender/plain_request.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/ascii.h"
#include "broker/via.h"

namespace notifyd {
namespace {

constexpr size_t kTraceParentBytes = 55;
/// Memory that a request keeps for the next one.
constexpr size_t kMaxKeptBytes = 64 << 10;

bool IsFieldValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos;
}

Status Invalid(const char* why) {
  return Status(Code::kUnacceptable, why);
}

}  // namespace

Status PlainRequest::Build(const StartAttempt& attempt, const SenderConfig& config, Random* random) {
  if (Status status = DecodeSpecInto(*attempt.spec, &spec_); !status.ok()) return status;
  Result<WireParts> parts = SplitWireRequest(spec_);
  if (!parts.ok()) return std::move(parts).status();
  parts_ = *std::move(parts);
  body_ = parts_.body(spec_);
  std::string_view rest;
  Authority authority;
  if (Status status = TakeUrl(parts_.url, &authority, &rest); !status.ok()) return status;
  head_.assign(ToString(spec_.method)).push_back(' ');
  if (rest.empty() || rest[0] == '?') head_.push_back('/');
  head_.append(rest);
  if (parts_.in_query) head_.append(parts_.joint()).append(parts_.encoded);
  head_.append(" HTTP/1.1\r\nHost: ").append(authority.host);
  if (port_ != default_port()) head_.append(":").append(std::to_string(port_));
  head_.append("\r\n");
  return AppendHeaders(attempt, config, random);
}

/// `rest`: path and query.
Status PlainRequest::TakeUrl(std::string_view url, Authority* authority, std::string_view* rest) {
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<uint8_t>(c) <= 0x20 || static_cast<uint8_t>(c) >= 0x7F; }))
    return Invalid("the URL holds a byte that it must not");
  std::optional<UrlParts> parts = PartsOfUrl(url, "/?");
  if (!parts) return Invalid("the URL is not http or https");
  secure_ = parts->https;
  *rest = parts->rest;
  Result<Authority> read = ParseAuthority(parts->authority, parts->default_port());
  if (!read.ok()) return std::move(read).status();
  *authority = *std::move(read);
  const bool v6 = authority->host.starts_with('[');
  host_ = v6 ? authority->host.substr(1, authority->host.size() - 2) : authority->host;
  port_ = authority->port;
  literal_ = IpAddress::Parse(host_);
  return Status::Ok();
}

void PlainRequest::Line(std::string_view name, std::string_view value) {
  head_.append(name).append(": ").append(value).append("\r\n");
}

Status PlainRequest::AppendHeaders(const StartAttempt& attempt, const SenderConfig& config, Random* random) {
  const std::string& given = attempt.head->trace_parent;
  const bool traced = given.size() == kTraceParentBytes && IsFieldValue(given);
  const bool has_state = traced && !spec_.trace_state.empty() && IsFieldValue(spec_.trace_state);
  bool has_type = false, has_agent = config.options.user_agent.empty(), has_accept = false;
  for (const auto& [name, value] : spec_.headers) {
    has_type |= EqualsIgnoringCase(name, "content-type");
    has_agent |= EqualsIgnoringCase(name, "user-agent");
    has_accept |= EqualsIgnoringCase(name, "accept");
  }
  if (!has_agent) Line("User-Agent", config.options.user_agent);
  if (!has_accept) head_.append("Accept: */*\r\n");
  for (const auto& [name, value] : spec_.headers) {
    if ((traced && EqualsIgnoringCase(name, "traceparent")) || (has_state && EqualsIgnoringCase(name, "tracestate"))) continue;
    if (name.empty() || name.find_first_of(std::string_view("\r\n\0:; ", 6)) != name.npos || !IsFieldValue(value))
      return Invalid("a header is not valid");
    if (value.find_first_not_of(" \t\v\f") == value.npos) head_.append(name).append(":\r\n");
    else Line(name, value);
  }
  if (!has_type && !parts_.content_type.empty()) Line("Content-Type", parts_.content_type);
  Line("Notify-Id", attempt.id.ToString());
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof digits, attempt.number).ptr;
  Line("Notify-Attempt", {digits, static_cast<size_t>(end - digits)});
  if (!spec_.via.empty() || !config.via.empty()) {
    if (const std::string via = MergeVia(spec_.via, config.via); !via.empty()) Line(kViaHeader, via);
  }
  if (traced) {
    uint64_t parent = 0;  // which stands for none
    while (parent == 0) parent = random->Next();
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(parent));
    head_.append("traceparent: 00-").append(attempt.head->trace_id()).append("-").append(hex).append(given, kTraceParentBytes - 3).append("\r\n");
  }
  if (has_state) Line("tracestate", spec_.trace_state);
  const bool takes_body = spec_.method == Method::kPost || spec_.method == Method::kPut || spec_.method == Method::kPatch;
  if (parts_.has_body || takes_body) {
    end = std::to_chars(digits, digits + sizeof digits, body_.size()).ptr;
    Line("Content-Length", {digits, static_cast<size_t>(end - digits)});
  }
  head_.append("\r\n");
  return Status::Ok();
}

void PlainRequest::Forget() {
  body_ = {};
  parts_ = {};
  if (spec_.payload.capacity() > kMaxKeptBytes) std::string().swap(spec_.payload);
  if (head_.capacity() > kMaxKeptBytes) std::string().swap(head_);
}

}  // namespace notifyd
