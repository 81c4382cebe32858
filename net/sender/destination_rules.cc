// Which rule of the file a call goes by.
#include "net/sender/destination_rules.h"

#include <algorithm>

#include "base/authority.h"
#include "base/base64.h"
#include "broker/grant.h"

namespace notifyd {
namespace {

Status Bad(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

std::string_view PathOf(std::string_view rest) {
  const std::string_view path = rest.substr(0, rest.find_first_of("?#"));
  return path.empty() ? std::string_view("/") : path;
}

bool Names(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

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
    if (rule.proxy_credentials.empty()) continue;
    const std::string password = rule.proxy_credentials.substr(rule.proxy_credentials.find(':') + 1);
    rule.proxy_authorization = "Basic " + EncodeBase64(rule.proxy_credentials);
    rule.proxy_secrets = SecretValues(SecretNames::Every(), {{"", rule.proxy_authorization}, {"", rule.proxy_credentials}, {"", password}});
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
