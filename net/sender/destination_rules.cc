// Matching of URLs by the rules of the file.
#include "net/sender/destination_rules.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/authority.h"

namespace notifyd {
namespace {

constexpr std::string_view kDefaultNamespace = "default";

Status Bad(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

std::string_view WithoutBrackets(std::string_view host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

/// A name is the same with a dot at its end, which says that it is complete.
std::string_view WithoutDot(std::string_view host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

std::string_view PathOf(std::string_view rest) {
  const std::string_view path = rest.substr(0, rest.find_first_of("?#"));
  return path.empty() ? std::string_view("/") : path;
}

/// Is it %2e, %2f or %5c, in either case?
bool IsCrookedEscape(std::string_view escape) {
  return escape.size() == 3 && escape[0] == '%' &&
         (EqualsIgnoringCase(escape, "%2e") || EqualsIgnoringCase(escape, "%2f") || EqualsIgnoringCase(escape, "%5c"));
}

bool Names(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

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

bool UrlPattern::CoversOrigin(const RuleTarget& target) const {
  if (https_ && *https_ != target.https) return false;
  if (!any_port_ && target.port != port_.value_or(target.https ? 443 : 80)) return false;
  if (any_host()) return true;
  const std::string_view host = WithoutDot(target.host);
  if (!below_) return host == host_;
  return host.size() > host_.size() + 1 && host.ends_with(host_) && host[host.size() - host_.size() - 1] == '.';
}

bool UrlPattern::Covers(const RuleTarget& target) const {
  if (!CoversOrigin(target) || !target.path.starts_with(path_)) return false;
  return target.path.size() == path_.size() || target.path[path_.size()] == '/';
}

Result<ProxyAddress> ProxyAddress::Parse(std::string_view url) {
  constexpr const char* kExpected = "must be http://host:port, and no more";
  const std::optional<UrlParts> parts = PartsOfUrl(url);
  if (!parts || parts->https || (!parts->rest.empty() && parts->rest != "/")) return Bad(kExpected);
  Result<Authority> read = ParseAuthority(parts->authority, parts->default_port());
  if (!read.ok()) return Bad(std::string(kExpected) + ": " + read.status().detail());
  return ProxyAddress{std::string(WithoutBrackets(read->host)), read->port};
}

DestinationRules::DestinationRules(std::vector<DestinationRule> rules, Fingerprint print) : rules_(std::move(rules)), print_(print) {
  for (DestinationRule& rule : rules_) {
    std::vector<std::string> names;
    for (const auto& [name, value] : rule.headers) names.push_back(name);
    rule.secrets = SecretValues(SecretNames(std::move(names)), rule.headers);
  }
}

const DestinationRule* DestinationRules::Find(std::string_view namespace_name, std::string_view caller, const RuleTarget& target) const {
  for (const DestinationRule& rule : rules_) {
    const bool ours = rule.namespaces.empty() ? namespace_name == kDefaultNamespace : Names(rule.namespaces, namespace_name);
    if (ours && (rule.callers.empty() || Names(rule.callers, caller)) && rule.match.Covers(target)) return &rule;
  }
  return nullptr;
}

std::optional<std::string> DestinationRules::Refusal(const RuleTarget& target) const {
  if (rules_.empty() || !IsCrookedPath(target.path)) return std::nullopt;
  const bool guarded =
      std::any_of(rules_.begin(), rules_.end(), [&](const DestinationRule& rule) { return rule.secret() && rule.match.CoversOrigin(target); });
  if (!guarded) return std::nullopt;
  return "its path holds dot segments, \"//\", \"\\\", %2e, %2f or %5c, and a destination rule of its origin carries a secret";
}

Status DestinationRules::CheckUrl(std::string_view url) const {
  if (rules_.empty()) return Status::Ok();
  const std::optional<UrlParts> parts = PartsOfUrl(url);
  if (!parts) return Status::Ok();
  Result<Authority> read = ParseAuthority(parts->authority, parts->default_port());
  if (!read.ok()) return Status::Ok();
  std::optional<std::string> refusal = Refusal({parts->https, WithoutBrackets(read->host), read->port, PathOf(parts->rest)});
  return refusal ? Bad("the URL may not be called: " + *refusal) : Status::Ok();
}

}  // namespace notifyd
