// What goes over the wire.
#include "net/sender/plain_request.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/ascii.h"
#include "broker/borrowed_spec.h"
#include "broker/flow.h"
#include "broker/services.h"
#include "broker/span_ids.h"
#include "broker/via.h"
#include "net/gzip.h"
#include "net/sender/side_thread.h"
#include "net/sender/target.h"

namespace notifyd {
namespace {

constexpr size_t kTraceParentBytes = 55;
constexpr std::string_view kSignatures = "webhook-";
/// Memory that a request keeps for the next one.
constexpr size_t kMaxKeptBytes = 64 << 10;
/// What a byte costs beside one that is copied or hashed.
constexpr size_t kGzipCost = 8;
constexpr size_t kEncodingCost = 4;
/// Where names are repeated within others, so many bytes of data at least for one of a form's size that goes by their square.
constexpr size_t kNestingShare = 4;

/// May a redirect take the header to another origin? What else its submitter said is for the first one alone.
bool GoesElsewhere(std::string_view name) {
  return EqualsIgnoringCase(name, "accept") || EqualsIgnoringCase(name, "content-type") || EqualsIgnoringCase(name, "user-agent") ||
         EqualsIgnoringCase(name, "traceparent");
}

bool Has(const HopHeaders::List& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& each) { return EqualsIgnoringCase(each.first, name); });
}

/// What is written of the data as a form or a query, at most: members of members repeat the names around them.
size_t EncodingCost(std::string_view data) {
  const size_t plain = data.size() * kEncodingCost;
  // What is large costs much in any case: to look through it would cost the loop some of that.
  if (plain > SideThread::kCostAtOnce) return plain;
  const bool nested = data.find('[', 1) != data.npos || data.find('{', 1) != data.npos;
  return nested ? std::max(plain, data.size() * data.size() / kNestingShare) : plain;
}

bool IsFieldValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos;
}

Status Invalid(const char* why) {
  return Status(Code::kUnacceptable, why);
}

}  // namespace

void RequestContents::Encode() {
  encoded = true;
  packed.clear();
  Result<WireParts> split = SplitWireRequest(spec, payload);
  status = split.ok() ? Status::Ok() : split.status();
  if (!split.ok()) return;
  parts = *std::move(split);
  if (spec.compress && !body().empty()) packed = Gzip(body());
}

Status PlainRequest::Read(const StartAttempt& attempt) {
  NotifySpec& spec = contents_->spec;
  contents_->stored = attempt.spec;
  contents_->encoded = false;
  if (Status status = DecodeSpecInto(*attempt.spec, &spec, &contents_->payload); !status.ok()) return status;
  host_header_.clear();
  tls_name_.clear();
  if (attempt.instance != nullptr) {
    spec.url = UrlAt(attempt.instance->url, spec.url);
    host_header_ = attempt.instance->host_header;
    tls_name_ = host_header_.substr(0, host_header_.rfind(':'));
  }
  body_ = {};
  method_ = spec.method;
  redirected_.clear();
  other_origin_ = body_dropped_ = false;
  MakeTrace(attempt);
  return TakeHopUrl();
}

size_t PlainRequest::Cost(size_t keys) const {
  const RequestContents& contents = *contents_;
  if (contents.encoded) return body_.size() * keys;
  const bool encodes = EncodesPayload(contents.spec);
  const size_t bytes = encodes ? EncodingCost(contents.payload) : contents.payload.size();
  return bytes * (1 + keys + (contents.spec.compress ? kGzipCost : 0));
}

Status PlainRequest::TakeBody() {
  if (!body_dropped_) body_ = contents_->body();
  return contents_->status;
}

std::string PlainRequest::Url() const {
  if (!redirected_.empty()) return redirected_;
  std::string url(contents_->url());
  if (contents_->parts.in_query) url.append(contents_->parts.joint()).append(contents_->parts.encoded);
  return url;
}

Status PlainRequest::Follow(uint16_t status, const std::string& location) {
  const std::string from = Url();
  Result<std::string> next = ResolveRedirect(from, location);
  if (!next.ok()) return std::move(next).status();
  if ((status == 303 && method_ != Method::kHead) || ((status == 301 || status == 302) && method_ == Method::kPost)) {
    method_ = Method::kGet;
    body_dropped_ = true;
    body_ = {};
  }
  other_origin_ |= !SameOrigin(from, *next);
  redirected_ = next->substr(0, next->find('#'));
  return TakeHopUrl();
}

Status PlainRequest::TakeHopUrl() {
  if (Status status = TakeUrl(redirected_.empty() ? contents_->url() : redirected_, &rest_); !status.ok()) return status;
  path_ = rest_.substr(0, rest_.find('?'));
  if (path_.empty()) path_ = "/";
  return Status::Ok();
}

Status PlainRequest::Assemble(const StartAttempt& attempt, const SenderConfig& config, const HopHeaders& headers) {
  head_.assign(ToString(method_)).push_back(' ');
  if (headers.to_proxy) head_.append(secure_ ? "https://" : "http://").append(HostAndPort());
  if (rest_.empty() || rest_[0] == '?') head_.push_back('/');
  head_.append(rest_);
  if (contents_->parts.in_query && redirected_.empty()) head_.append(contents_->parts.joint()).append(contents_->parts.encoded);
  head_.append(" HTTP/1.1\r\nHost: ");
  if (!host_header_.empty() && redirected_.empty()) {
    head_.append(host_header_);
  } else {
    head_.append(authority_.host);
    if (port_ != default_port()) head_.append(":").append(std::to_string(port_));
  }
  head_.append("\r\n");
  return AppendHeaders(attempt, config, headers);
}

/// `rest`: path and query.
Status PlainRequest::TakeUrl(std::string_view url, std::string_view* rest) {
  if (std::any_of(url.begin(), url.end(), [](char c) { return static_cast<uint8_t>(c) <= 0x20 || static_cast<uint8_t>(c) >= 0x7F; }))
    return Invalid("the URL holds a byte that it must not");
  std::optional<UrlParts> parts = PartsOfUrl(url, "/?");
  if (!parts) return Invalid("the URL is not http or https");
  secure_ = parts->https;
  *rest = parts->rest;
  if (!parts->authority.empty() && parts->authority == authority_text_ && secure_ == authority_secure_) return Status::Ok();
  authority_text_.clear();
  Result<Authority> read = ParseAuthority(parts->authority, parts->default_port());
  if (!read.ok()) return std::move(read).status();
  authority_ = *std::move(read);
  const bool v6 = authority_.host.starts_with('[');
  host_ = v6 ? authority_.host.substr(1, authority_.host.size() - 2) : authority_.host;
  port_ = authority_.port;
  literal_ = IpAddress::Parse(host_);
  authority_text_ = parts->authority;
  authority_secure_ = secure_;
  return Status::Ok();
}

void PlainRequest::Line(std::string_view name, std::string_view value) {
  head_.append(name).append(": ").append(value).append("\r\n");
}

/// The attempt's own span is the parent of what the receiver does, in the trace that the notify came with (W3C Trace Context).
void PlainRequest::MakeTrace(const StartAttempt& attempt) {
  trace_parent_.clear();
  const std::string& given = attempt.envelope->trace_parent;
  if (given.size() != kTraceParentBytes || !IsFieldValue(given)) return;
  const std::string_view trace_id = attempt.envelope->trace_id();
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(AttemptSpan(trace_id, attempt.id, attempt.number)));
  trace_parent_.append("00-").append(trace_id).append("-").append(hex).append(given, kTraceParentBytes - 3);
}

Status PlainRequest::AppendHeaders(const StartAttempt& attempt, const SenderConfig& config, const HopHeaders& headers) {
  const bool traced = !trace_parent_.empty();
  const bool has_state = traced && !other_origin_ && !contents_->spec.trace_state.empty() && IsFieldValue(contents_->spec.trace_state);
  bool has_type = false, has_agent = config.options.user_agent.empty(), has_accept = false;
  const auto note = [&](std::string_view name) {
    has_type |= EqualsIgnoringCase(name, "content-type");
    has_agent |= EqualsIgnoringCase(name, "user-agent");
    has_accept |= EqualsIgnoringCase(name, "accept");
  };
  for (const auto& [name, value] : contents_->spec.headers) note(name);
  if (headers.of_rule != nullptr) {
    for (const auto& [name, value] : *headers.of_rule) note(name);
  }
  if (!has_agent) Line("User-Agent", config.options.user_agent);
  if (!has_accept) head_.append("Accept: */*\r\n");
  for (const auto& [name, value] : contents_->spec.headers) {
    if ((other_origin_ && !GoesElsewhere(name)) || (body_dropped_ && EqualsIgnoringCase(name, "content-type"))) continue;
    if ((traced && EqualsIgnoringCase(name, "traceparent")) || (has_state && EqualsIgnoringCase(name, "tracestate"))) continue;
    if (headers.of_rule != nullptr && Has(*headers.of_rule, name)) continue;
    if (!headers.to_proxy_as.empty() && EqualsIgnoringCase(name, kProxyAuthorization)) continue;
    if (!headers.signature.empty() && EqualsIgnoringCase(std::string_view(name).substr(0, kSignatures.size()), kSignatures)) continue;
    if (name.empty() || name.find_first_of(std::string_view("\r\n\0:; ", 6)) != name.npos || !IsFieldValue(value))
      return Invalid("a header is not valid");
    if (value.find_first_not_of(" \t\v\f") == value.npos) head_.append(name).append(":\r\n");
    else Line(name, value);
  }
  if (!headers.to_proxy_as.empty()) Line(kProxyAuthorization, headers.to_proxy_as);
  if (headers.of_rule != nullptr) {
    for (const auto& [name, value] : *headers.of_rule) {
      if (!body_dropped_ || !EqualsIgnoringCase(name, "content-type")) Line(name, value);
    }
  }
  if (!has_type && !contents_->parts.content_type.empty() && !body_dropped_) Line("Content-Type", contents_->parts.content_type);
  if (!contents_->packed.empty() && !body_dropped_) head_.append("Content-Encoding: gzip\r\n");
  Line("Notify-Id", attempt.id.ToString());
  char digits[24];
  char* end = std::to_chars(digits, digits + sizeof digits, attempt.number).ptr;
  Line("Notify-Attempt", {digits, static_cast<size_t>(end - digits)});
  if (attempt.envelope->flow) {
    for (const auto& [name, value] : HeadersOf(*attempt.envelope->flow)) Line(name, value);
  }
  if (!contents_->spec.via.empty() || !config.via.empty()) {
    if (const std::string via = MergeVia(contents_->spec.via, config.via); !via.empty()) Line(kViaHeader, via);
  }
  for (const auto& [name, value] : headers.signature) Line(name, value);
  if (traced) Line("traceparent", trace_parent_);
  if (has_state) Line("tracestate", contents_->spec.trace_state);
  const bool takes_body = method_ == Method::kPost || method_ == Method::kPut || method_ == Method::kPatch;
  if ((contents_->parts.has_body && !body_dropped_) || takes_body) {
    end = std::to_chars(digits, digits + sizeof digits, body_.size()).ptr;
    Line("Content-Length", {digits, static_cast<size_t>(end - digits)});
  }
  head_.append("\r\n");
  return Status::Ok();
}

void PlainRequest::Forget(bool elsewhere) {
  body_ = {};
  rest_ = path_ = {};
  if (head_.capacity() > kMaxKeptBytes) std::string().swap(head_);
  if (elsewhere) {
    contents_ = std::make_shared<RequestContents>();
    return;
  }
  contents_->parts = {};
  contents_->payload = {};
  contents_->stored.reset();
  if (contents_->packed.capacity() > kMaxKeptBytes) std::string().swap(contents_->packed);
}

}  // namespace notifyd
