// The host and port of a URL, read as the URL standard reads them (https://url.spec.whatwg.org/#host-parsing). Submit and sender read them here
// alone, so that what was accepted, what the limits of a host count by and what is connected to is one host. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

struct Authority {
  /// A name in lower case, with the dot at its end where it had one; an IPv4 address with four decimal numbers, whatever it was written as; or an
  /// IPv6 address in brackets in its shortest form.
  std::string host;
  uint16_t port = 0;

  /// "host:port", what the limits of a host count by: without the dot at the end of a name, which leads to the same host.
  std::string Key() const;
};

/// An absolute URL of http or https taken apart; nothing of it is checked.
struct UrlParts {
  bool https = false;
  std::string_view authority, rest;  // borrowed from the URL

  const char* scheme() const { return https ? "https" : "http"; }
  uint16_t default_port() const { return https ? 443 : 80; }
};
/// The authority ends at the first of `ends`. Nothing: it has no scheme, or another one.
std::optional<UrlParts> PartsOfUrl(std::string_view url, std::string_view ends = "/?#");

/// "host", "host:" or "host:port". Stricter than the standard: no user info, nothing percent-encoded or outside ASCII, of what is allowed in names
/// only letters, digits, "-", "_" and ".", no empty labels, and no port 0. Error: kUnacceptable, its detail for people.
Result<Authority> ParseAuthority(std::string_view authority, uint16_t default_port);

}  // namespace notifyd
