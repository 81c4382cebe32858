#include "base/authority.h"

#include <arpa/inet.h>

#include <cstdio>
#include <optional>

#include "base/ascii.h"

namespace notifyd {
namespace {

Status Malformed(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

bool IsNameChar(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
}

/// One number of an IPv4 address: decimal, "0x..." or, behind a 0, octal; "0x" alone is 0. Nothing where it is none; what takes more than 32 bits
/// comes back as some number above them.
std::optional<uint64_t> V4Number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  uint64_t number = 0;
  for (char c : text) {
    uint64_t digit = IsDigit(c) ? static_cast<uint64_t>(c - '0') : c >= 'a' && c <= 'f' ? static_cast<uint64_t>(c - 'a' + 10) : base;
    if (digit >= base) return std::nullopt;
    if (number <= UINT32_MAX) number = number * base + digit;
  }
  return number;
}

/// Such a host is an IPv4 address or nothing. `host` without a dot at its end.
bool EndsInNumber(std::string_view host) {
  std::string_view last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
  if (last.empty()) return false;
  return last.find_first_not_of("0123456789") == std::string_view::npos || V4Number(last).has_value();
}

Result<std::string> ReadV4(std::string_view host) {
  auto bad = [] { return Malformed("the URL's host is neither a name nor an IPv4 address"); };
  uint64_t address = 0;
  for (int part = 0;; ++part) {
    size_t dot = std::min(host.find('.'), host.size());
    bool last = dot == host.size();
    std::optional<uint64_t> number = V4Number(host.substr(0, dot));
    // The last number stands for all bytes that are left.
    uint64_t most = last ? UINT32_MAX >> (8 * part) : 255;
    if (!number || *number > most || (!last && part == 3)) return bad();
    address |= last ? *number : *number << (8 * (3 - part));
    if (last) break;
    host.remove_prefix(dot + 1);
  }
  char text[16];
  std::snprintf(text, sizeof text, "%u.%u.%u.%u", static_cast<unsigned>(address >> 24), static_cast<unsigned>(address >> 16 & 255),
                static_cast<unsigned>(address >> 8 & 255), static_cast<unsigned>(address & 255));
  return std::string(text);
}

/// `literal`: what stands in the brackets. A zone means something on one machine alone, and is refused with all else that is no address.
Result<std::string> ReadV6(std::string_view literal) {
  in6_addr address;
  std::string text(literal);
  if (text.find('\0') != std::string::npos || inet_pton(AF_INET6, text.c_str(), &address) != 1)
    return Malformed("what stands in brackets in the URL is not an IPv6 address");
  unsigned pieces[8];
  for (int i = 0; i < 8; ++i) pieces[i] = static_cast<unsigned>(address.s6_addr[2 * i]) << 8 | address.s6_addr[2 * i + 1];
  int zeros = -1, most = 1;  // the first of the longest runs of at least two zeros
  for (int i = 0; i < 8; ++i) {
    int run = 0;
    while (i + run < 8 && pieces[i + run] == 0) ++run;
    if (run > most) zeros = i, most = run;
    if (run > 0) i += run - 1;
  }
  std::string out = "[";
  for (int i = 0; i < 8; ++i) {
    if (i == zeros) {
      out += "::";
      i += most - 1;
      continue;
    }
    if (out.size() > 1 && out.back() != ':') out += ':';
    char piece[5];
    std::snprintf(piece, sizeof piece, "%x", pieces[i]);
    out += piece;
  }
  return out + "]";
}

/// `host` in lower case.
Result<std::string> ReadName(std::string_view host) {
  if (host.empty()) return Malformed("the URL has no host");
  if (host.size() > 254) return Malformed("the URL's host is too long");
  for (char c : host)
    if (!IsNameChar(c)) return Malformed("the URL's host has a character that does not belong there");
  std::string_view labels = host;
  if (labels.back() == '.') labels.remove_suffix(1);
  if (labels.size() > 253) return Malformed("the URL's host is too long");
  for (size_t from = 0; from <= labels.size();) {
    size_t dot = std::min(labels.find('.', from), labels.size());
    if (dot == from) return Malformed("the URL's host has an empty label");
    if (dot - from > 63) return Malformed("a label of the URL's host is longer than 63 bytes");
    from = dot + 1;
  }
  return EndsInNumber(labels) ? ReadV4(labels) : std::string(host);
}

Result<uint16_t> ReadPort(std::string_view text, uint16_t default_port) {
  if (text.empty()) return default_port;
  uint32_t port = 0;
  for (char c : text) {
    if (!IsDigit(c) || port > 65535) return Malformed("the URL's port must be 1 to 65535");
    port = port * 10 + static_cast<uint32_t>(c - '0');
  }
  if (port < 1 || port > 65535) return Malformed("the URL's port must be 1 to 65535");
  return static_cast<uint16_t>(port);
}

}  // namespace

std::optional<UrlParts> PartsOfUrl(std::string_view url, std::string_view ends) {
  size_t colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view scheme = url.substr(0, colon);
  UrlParts parts;
  parts.https = EqualsIgnoringCase(scheme, "https");
  if (!parts.https && !EqualsIgnoringCase(scheme, "http")) return std::nullopt;
  url.remove_prefix(colon + 3);
  size_t end = std::min(url.find_first_of(ends), url.size());
  parts.authority = url.substr(0, end);
  parts.rest = url.substr(end);
  return parts;
}

Result<Authority> ParseAuthority(std::string_view authority, uint16_t default_port) {
  if (authority.find('@') != std::string_view::npos) return Malformed("user info in a URL is refused; use a header");
  bool v6 = authority.starts_with('[');
  size_t host_end = v6 ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (host_end == std::string_view::npos) return Malformed("the URL's bracket is not closed");
  if (v6) ++host_end;
  std::string_view port = authority.substr(host_end);
  if (!port.empty() && port[0] != ':') return Malformed("the URL's host is followed by something that is not a port");
  std::string lower = LowerAscii(authority.substr(0, host_end));
  Result<std::string> host = v6 ? ReadV6(std::string_view(lower).substr(1, lower.size() - 2)) : ReadName(lower);
  if (!host.ok()) return std::move(host).status();
  Result<uint16_t> number = ReadPort(port.empty() ? port : port.substr(1), default_port);
  if (!number.ok()) return std::move(number).status();
  return Authority{*std::move(host), *number};
}

std::string Authority::Key() const {
  return host.substr(0, host.size() - host.ends_with('.')) + ":" + std::to_string(port);
}

}  // namespace notifyd
