#include "net/api/access.h"

#include <arpa/inet.h>

#include <algorithm>

#include "broker/via.h"
#include "base/json_reader.h"
#include "net/api/problem.h"
#include "net/api/trace_context.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

std::string NameOf(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  return LowerAscii(text);
}

bool IsAddress(int family, std::string_view text) {
  unsigned char bytes[sizeof(in6_addr)];
  return text.find('\0') == std::string_view::npos && inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

/// Without its port, whatever that is: it takes no part in who is meant.
std::string_view HostOf(std::string_view authority) {
  size_t from = authority.starts_with('[') ? authority.find(']') : 0;
  if (from == std::string_view::npos) return {};
  size_t colon = authority.find(':', from);
  if (colon == std::string_view::npos) return authority;
  std::string_view port = authority.substr(colon + 1);
  return port.find_first_not_of("0123456789") == std::string_view::npos ? authority.substr(0, colon) : std::string_view();
}

HttpResponse Forbidden(std::string_view detail) {
  return ProblemResponse(Status(Code::kForbidden, std::string(detail)));
}

}  // namespace

Status CheckHostName(const std::string& name) {
  std::string_view text = name;
  if (text.ends_with('.')) text.remove_suffix(1);
  bool good = !text.empty() && text.size() <= 253;
  for (char c : text) good = good && (std::string_view("-_.").find(c) != std::string_view::npos || isalnum(static_cast<unsigned char>(c)));
  return good ? Status::Ok() : Status(Code::kUnacceptable, "\"" + name + "\" is not the name of a host, without scheme and port");
}

void Access::SetHosts(const std::vector<std::string>& hosts) {
  hosts_.clear();
  for (const std::string& host : hosts) hosts_.push_back(NameOf(host));
}

bool Access::Knows(std::string_view authority) const {
  std::string_view host = HostOf(authority);
  if (host.starts_with('[') && host.ends_with(']')) return IsAddress(AF_INET6, host.substr(1, host.size() - 2));
  if (IsAddress(AF_INET, host)) return true;
  std::string name = NameOf(host);
  return name == "localhost" || std::find(hosts_.begin(), hosts_.end(), name) != hosts_.end();
}

std::optional<HttpResponse> Access::Admit(const HttpRequest& head, const Result<Route>& route) const {
  if (std::optional<HttpResponse> refusal = RefuseForeign(head)) return refusal;
  if (Status status = CheckVia(head); !status.ok()) return ProblemResponse(status);
  if (!route.ok()) return ProblemResponse(route.status());
  if (route->row) return std::nullopt;
  HttpResponse response = ProblemResponse(405, "this path takes " + route->allow);
  response.headers.emplace_back("Allow", route->allow);
  return response;
}

std::optional<HttpResponse> Access::RefuseForeign(const HttpRequest& head) const {
  const std::string* host = head.Header("Host");
  if (host && !Knows(*host)) {
    return ProblemResponse(
        421, "requests to " + Quoted(*host) + " are not answered here: http.hosts names the hosts that are, beside localhost and addresses");
  }
  const std::string* origin = nullptr;
  for (const auto& [name, value] : head.headers) {
    if (EqualsIgnoringCase(name, "Sec-Fetch-Site") && EqualsIgnoringCase(value, "cross-site")) {
      return Forbidden("requests from another site are refused");
    }
    if (!EqualsIgnoringCase(name, "Origin")) continue;
    if (origin) return Forbidden("requests with several Origins are refused");
    origin = &value;
  }
  if (origin && IsForeignOrigin(*origin, host)) return Forbidden("requests from another origin are refused");
  return std::nullopt;
}

/// Contract section 5: a request that this broker has made itself, by way of others, would go round for ever.
Status Access::CheckVia(const HttpRequest& head) const {
  std::string chain = ViaOf(head.headers);
  if (chain.empty()) return Status::Ok();
  if (!via_.empty() && ViaNames(chain, via_))
    return Status(Code::kLoop, "this broker has made the request itself, by way of others: Notify-Via names it");
  if (chain.size() > kMaxViaBytes) return Status(Code::kLoop, "the request has gone through too many brokers: Notify-Via is too long");
  return Status::Ok();
}

}  // namespace notifyd
