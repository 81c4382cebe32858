#include "net/api/url.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>

#include "base/bytes.h"

namespace notifyd {
namespace {

constexpr size_t kMaxUrlBytes = 8192;
constexpr size_t kMaxLaneBytes = 255;

Status Bad(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsNameChar(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
}

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  char lower = LowerAscii(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The last label is a number: clients take such a host for an IPv4 address in one of its many spellings, or refuse it.
bool LooksNumeric(std::string_view host) {
  std::string_view last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
  if (last.empty()) return false;
  if (last.size() > 2 && last[0] == '0' && last[1] == 'x') return last.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
  return last.find_first_not_of("0123456789") == std::string_view::npos;
}

/// `host` in lower case; `counted`: as it counts for the cap.
Status CheckName(std::string_view host, std::string* counted) {
  if (host.empty()) return Bad("the URL has no host");
  if (host.size() > 254) return Bad("the URL's host is too long");
  for (char c : host)
    if (!IsNameChar(c)) return Bad("the URL's host has a character that does not belong there");
  if (host.back() == '.') host.remove_suffix(1);
  size_t from = 0;
  while (true) {
    size_t dot = std::min(host.find('.', from), host.size());
    if (dot == from) return Bad("the URL's host has an empty label");
    if (dot - from > 63) return Bad("a label of the URL's host is longer than 63 bytes");
    if (dot == host.size()) break;
    from = dot + 1;
  }
  *counted = host;
  if (!LooksNumeric(host)) return Status::Ok();
  in_addr address;
  if (inet_aton(counted->c_str(), &address) == 0) return Bad("the URL's host is neither a name nor an IPv4 address");
  char text[INET_ADDRSTRLEN];
  *counted = inet_ntop(AF_INET, &address, text, sizeof text);
  return Status::Ok();
}

Status CheckV6(std::string_view literal, std::string* counted) {
  in6_addr address;
  std::string text(literal);
  if (text.find('\0') != std::string::npos || inet_pton(AF_INET6, text.c_str(), &address) != 1)
    return Bad("what stands in brackets in the URL is not an IPv6 address");
  char printed[INET6_ADDRSTRLEN];
  *counted = "[" + std::string(inet_ntop(AF_INET6, &address, printed, sizeof printed)) + "]";
  return Status::Ok();
}

}  // namespace

char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerAscii(c);
  return lower;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (LowerAscii(a[i]) != LowerAscii(b[i])) return false;
  return true;
}

Result<CheckedUrl> CheckUrl(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return Bad("the URL is longer than 8,192 bytes");
  for (char c : url) {
    if (static_cast<unsigned char>(c) >= 0x80) return Bad("the URL must be ASCII; percent-encode the rest");
    if (c <= ' ' || c == 0x7f) return Bad("the URL has a space or control character");
    if (c == '\\') return Bad("the URL has a backslash");
  }
  size_t colon = url.find("://");
  if (colon == std::string_view::npos) return Bad("the URL must be absolute: http://... or https://...");
  std::string scheme = LowerAscii(url.substr(0, colon));
  if (scheme != "http" && scheme != "https") return Bad("the URL's scheme must be http or https");

  std::string_view rest = url.substr(colon + 3);
  size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, authority_end);
  rest.remove_prefix(authority_end);
  if (authority.find('@') != std::string_view::npos) return Bad("user info in a URL is refused; use a header");

  bool v6 = !authority.empty() && authority[0] == '[';
  size_t host_end = v6 ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (host_end == std::string_view::npos) return Bad("the URL's bracket is not closed");
  if (v6) ++host_end;
  std::string host = LowerAscii(authority.substr(0, host_end));
  std::string_view port_text = authority.substr(host_end);

  uint32_t default_port = scheme == "https" ? 443 : 80;
  uint32_t port = default_port;
  if (!port_text.empty()) {
    if (port_text[0] != ':') return Bad("the URL's host is followed by something that is not a port");
    port_text.remove_prefix(1);
    auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    bool digits = port_text.size() <= 5 && error == std::errc() && end == port_text.data() + port_text.size();
    if (!digits || port < 1 || port > 65535) return Bad("the URL's port must be 1 to 65535");
  }

  CheckedUrl checked;
  Status status = v6 ? CheckV6(std::string_view(host).substr(1, host.size() - 2), &checked.host) : CheckName(host, &checked.host);
  if (!status.ok()) return status;
  checked.host += ":" + std::to_string(port);

  checked.base.reserve(scheme.size() + 3 + host.size() + 6 + rest.size());
  checked.base.append(scheme).append("://").append(host);
  if (port != default_port) checked.base.append(":").append(std::to_string(port));
  std::string_view path = rest.substr(0, rest.find_first_of("?#"));
  checked.base.append(path.empty() ? std::string_view("/") : path);
  return checked;
}

std::string DefaultLane(std::string_view base, std::string_view group) {
  std::string lane(base);
  if (!group.empty()) lane.append("#").append(group);
  if (lane.size() <= kMaxLaneBytes) return lane;
  char hash[18];
  std::snprintf(hash, sizeof hash, "~%016llx", static_cast<unsigned long long>(FingerprintOf(lane).low));
  size_t keep = kMaxLaneBytes - 17;
  while ((static_cast<unsigned char>(lane[keep]) & 0xC0) == 0x80) --keep;  // not inside of a code point
  lane.resize(keep);
  return lane.append(hash);
}

bool PercentDecode(std::string_view text, bool plus, std::string* out) {
  out->clear();
  out->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3) return false;
      int high = HexValue(text[i + 1]), low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return false;
      out->push_back(static_cast<char>(high << 4 | low));
      i += 2;
    } else {
      out->push_back(plus && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return true;
}

Result<QueryParameters> ParseQuery(std::string_view query) {
  QueryParameters parameters;
  while (!query.empty()) {
    size_t end = std::min(query.find('&'), query.size());
    std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    size_t equals = std::min(part.find('='), part.size());
    std::string name, value;
    if (!PercentDecode(part.substr(0, equals), true, &name) || !PercentDecode(part.substr(std::min(equals + 1, part.size())), true, &value))
      return Status(Code::kMalformed, "the query string has a % that two hex digits do not follow");
    parameters.emplace_back(std::move(name), std::move(value));
  }
  return parameters;
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace notifyd
