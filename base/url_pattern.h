// Patterns that say for which URLs a rule of the file is. Values; pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

/// A URL as rules look at it. Borrowed.
struct RuleTarget {
  bool https = false;
  std::string_view host;  // in lower case, an IPv6 address without its brackets
  uint16_t port = 0;
  std::string_view path;  // without the query; "/" at least
};

/// Does the path hold what two readers may read in two ways, so that a prefix does not say where it leads: dot segments, "//", a backslash, or one
/// of %2e, %2f and %5c.
bool IsCrookedPath(std::string_view path);

/// As RuleTarget::host has it.
std::string_view WithoutBrackets(std::string_view host);

/// For which URLs a rule is: "https://api.example.com/v1", "http://*.internal:8080", "*".
class UrlPattern {
 public:
  /// [scheme "://"] host [":" port] [path]. Without a scheme it is for both; the host is a name, an address (IPv6 in brackets), "*." and a name for
  /// all names below that one, or "*"; the port is a number or "*", by default that of the URL's scheme; the path is the beginning of the URL's, in
  /// whole segments. Error: kUnacceptable, for people.
  static Result<UrlPattern> Parse(std::string_view text);

  bool Covers(const RuleTarget& target) const;
  /// Whatever the path.
  bool CoversOrigin(const RuleTarget& target) const;
  /// As far as whoever knows the host and port alone can say: some URL of them is covered. `host` as RuleTarget::host.
  bool CoversHost(std::string_view host, uint16_t port) const;
  bool any_host() const { return host_ == "*"; }
  /// It is for all URLs of the hosts and ports that it is for.
  bool any_path() const { return path_.empty(); }
  bool operator==(const UrlPattern&) const = default;

 private:
  bool CoversName(std::string_view host) const;

  std::optional<bool> https_;
  std::string host_;
  bool below_ = false;  // it is for names below host_
  bool any_port_ = false;
  std::optional<uint16_t> port_;
  std::string path_;  // without a slash at its end
};

}  // namespace notifyd
