#include "base/url_pattern.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/authority.h"
#include "base/ip_address.h"

namespace notifyd {
namespace {

Status Bad(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

/// A name is the same with a dot at its end, which says that it is complete.
std::string_view WithoutDot(std::string_view host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

uint16_t DefaultPort(bool https) {
  return https ? 443 : 80;
}

/// Is it %2e, %2f or %5c, in either case?
bool IsCrookedEscape(std::string_view escape) {
  return escape.size() == 3 && escape[0] == '%' &&
         (EqualsIgnoringCase(escape, "%2e") || EqualsIgnoringCase(escape, "%2f") || EqualsIgnoringCase(escape, "%5c"));
}

}  // namespace

std::string_view WithoutBrackets(std::string_view host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

bool IsCrookedPath(std::string_view path) {
  if (path.find("//") != path.npos || path.find('\\') != path.npos) return true;
  for (size_t at = 0; (at = path.find('%', at)) != path.npos; ++at) {
    if (IsCrookedEscape(path.substr(at, 3))) return true;
  }
  while (!path.empty()) {
    path.remove_prefix(path[0] == '/');
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

Result<UrlPattern> UrlPattern::Parse(std::string_view text) {
  UrlPattern pattern;
  if (const size_t end = text.find("://"); end != text.npos) {
    const std::string_view scheme = text.substr(0, end);
    if (!EqualsIgnoringCase(scheme, "http") && !EqualsIgnoringCase(scheme, "https")) return Bad("the scheme must be http or https");
    pattern.https_ = EqualsIgnoringCase(scheme, "https");
    text.remove_prefix(end + 3);
  }
  const size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash), path = text.substr(slash);
  if (authority.ends_with(":*")) {
    pattern.any_port_ = true;
    authority.remove_suffix(2);
  }
  std::string_view host = authority;
  if (host.starts_with("*")) {
    const size_t colon = std::min(host.find(':'), host.size());
    const std::string_view port = host.substr(colon);
    host = host.substr(0, colon);
    pattern.below_ = host.starts_with("*.");
    if (!pattern.below_ && host != "*") return Bad("\"*\" stands for a whole host, or with a dot for what is below a name: *.example.com");
    authority = port;
    if (pattern.below_) host.remove_prefix(2);
  }
  // The rest as any URL's is read; of a pattern for any host only the port is left.
  const std::string read_as = pattern.below_ ? std::string(host) + std::string(authority)
                              : host == "*"  ? "x" + std::string(authority)
                                             : std::string(authority);
  Result<Authority> read = ParseAuthority(read_as, 1);
  if (!read.ok()) return Bad(read.status().detail());
  // Read with 1 as the default port, since no pattern is for that one but where it says so.
  const bool port_given = read->port != 1 || read_as.ends_with(":1");
  if (port_given && pattern.any_port_) return Bad("the port is given twice");
  if (port_given) pattern.port_ = read->port;
  pattern.host_ = host == "*" ? "*" : std::string(WithoutDot(WithoutBrackets(read->host)));
  if (pattern.below_ && IpAddress::Parse(pattern.host_)) return Bad("there is nothing below an address");
  if (path.find_first_of("?#*") != path.npos) return Bad("the path is the beginning of the URL's, without a query, a fragment or a \"*\"");
  if (IsCrookedPath(path)) return Bad("the path must hold no dot segments, \"//\", \"\\\", %2e, %2f or %5c");
  if (path.ends_with('/')) path.remove_suffix(1);
  pattern.path_ = path;
  return pattern;
}

bool UrlPattern::CoversName(std::string_view host) const {
  if (any_host()) return true;
  host = WithoutDot(host);
  if (!below_) return host == host_;
  return host.size() > host_.size() + 1 && host.ends_with(host_) && host[host.size() - host_.size() - 1] == '.';
}

bool UrlPattern::CoversOrigin(const RuleTarget& target) const {
  if (https_ && *https_ != target.https) return false;
  return (any_port_ || target.port == port_.value_or(DefaultPort(target.https))) && CoversName(target.host);
}

bool UrlPattern::CoversHost(std::string_view host, uint16_t port) const {
  return CoversOrigin({https_.value_or(false), host, port, {}}) || CoversOrigin({https_.value_or(true), host, port, {}});
}

bool UrlPattern::Covers(const RuleTarget& target) const {
  if (!CoversOrigin(target) || !target.path.starts_with(path_)) return false;
  return target.path.size() == path_.size() || target.path[path_.size()] == '/';
}

}  // namespace notifyd
