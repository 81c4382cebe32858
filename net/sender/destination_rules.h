// Destination rules: what the file says of calls to some URLs, for what their submitters must not hold or choose (contract part 2, section 9).
// Values; immutable once made, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/secrets.h"
#include "base/status.h"
#include "base/url_pattern.h"
#include "net/tls/tls_context.h"

namespace notifyd {

/// An HTTP proxy.
struct ProxyAddress {
  std::string host;  // as RuleTarget::host
  uint16_t port = 0;
  /// "http://proxy.internal:3128". Error: kUnacceptable, for people.
  static Result<ProxyAddress> Parse(std::string_view url);
};

/// A certificate, with those that lead to its authority, and its key: PEM.
struct CertificatePair {
  std::string certificate, key;
};

struct DestinationRule {
  UrlPattern match;
  std::vector<std::string> namespaces;  // names; empty: `default` alone
  std::vector<std::string> callers;     // empty: all
  /// In place of the submitter's of the same names. All of their values are secrets.
  std::vector<std::pair<std::string, std::string>> headers;
  /// Null: as the sender's options say. `tls` shows the rule's certificate where it has one, `tls_without` never.
  std::shared_ptr<const TlsContext> tls, tls_without;
  /// The rule's certificate where it has no authorities of its own: `tls` is null then, and those of the sender's options hold. Else null.
  std::shared_ptr<const CertificatePair> shown;
  bool has_certificate = false;
  std::optional<ProxyAddress> proxy;
  std::string proxy_credentials;  // "user:password" (RFC 7617), for each hop through it; empty: none
  bool unchecked = false;  // names may go through the proxy where their addresses would have to be judged
  bool http2 = true;
  size_t connections = 0;  // most at once to one host and port, of one namespace; 0: as many as there are calls
  std::optional<bool> follow_redirects;
  std::string sign;      // the name of the key; empty: the newest
  bool signs = true;     // false: calls are not signed
  // Made by DestinationRules: the secrets of its headers and of its credentials, and these as a Proxy-Authorization has them.
  SecretValues secrets, proxy_secrets;
  std::string proxy_authorization;

  bool secret() const { return has_certificate || !headers.empty(); }
};

class DestinationRules {
 public:
  /// None.
  DestinationRules() = default;
  /// `print`: of all that they are made of, files too.
  DestinationRules(std::vector<DestinationRule> rules, Fingerprint print);

  bool empty() const { return rules_.empty(); }
  /// The first that holds; null: none does.
  const DestinationRule* Find(std::string_view namespace_name, std::string_view caller, const RuleTarget& target) const;
  /// Its place, from 1.
  uint32_t PlaceOf(const DestinationRule* rule) const { return static_cast<uint32_t>(rule - rules_.data()) + 1; }
  /// Why the URL may not be called, whoever asks: its path is crooked, and some rule of its origin carries a secret or a certificate.
  std::optional<std::string> Refusal(const RuleTarget& target) const;
  /// The same as an error. Ok for what is no URL: that is for others to say.
  Status CheckUrl(std::string_view url) const;
  const Fingerprint& print() const { return print_; }

 private:
  std::vector<DestinationRule> rules_;
  Fingerprint print_{};
};

}  // namespace notifyd
