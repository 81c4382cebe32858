#include "net/api/url.h"

#include <cstdio>

#include "base/ascii.h"
#include "base/authority.h"
#include "base/bytes.h"
#include "broker/flow.h"
#include "broker/services.h"

namespace notifyd {
namespace {

constexpr size_t kMaxDefaultLaneBytes = 255;

Status BadUrl(std::string detail) {
  return Status(Code::kUnacceptable, std::move(detail));
}

Status CheckBytes(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return BadUrl("the URL is longer than 8,192 bytes");
  for (char c : url) {
    if (static_cast<unsigned char>(c) >= 0x80) return BadUrl("the URL must be ASCII; percent-encode the rest");
    if (c <= ' ' || c == 0x7f) return BadUrl("the URL has a space or control character");
    if (c == '\\') return BadUrl("the URL has a backslash");
  }
  return Status::Ok();
}

}  // namespace

Result<CheckedUrl> CheckDestination(std::string_view url) {
  constexpr std::string_view kService = "service://";
  if (!url.starts_with(kService)) return CheckUrl(url);
  NOTIFYD_TRY(CheckBytes(url));
  const std::string_view name = ServiceOf(url);
  if (!IsServiceName(name)) return BadUrl("a service's name has 1 to 100 of the characters a-z, 0-9, '.' and '-', and begins with a letter or digit");
  const std::string base = std::string(kService).append(name);
  return CheckedUrl{base, base};
}

Result<CheckedUrl> CheckUrl(std::string_view url) {
  NOTIFYD_TRY(CheckBytes(url));
  std::optional<UrlParts> parts = PartsOfUrl(url);
  if (!parts && url.find("://") == std::string_view::npos) return BadUrl("the URL must be absolute: http://... or https://...");
  if (!parts) return BadUrl("the URL's scheme must be http or https");
  Result<Authority> read = ParseAuthority(parts->authority, parts->default_port());
  if (!read.ok()) return std::move(read).status();
  const std::string& host = read->host;

  CheckedUrl checked;
  checked.host = read->Key();
  checked.base.reserve(8 + host.size() + 6 + parts->rest.size());
  checked.base.append(parts->scheme()).append("://").append(host);
  if (read->port != parts->default_port()) checked.base.append(":").append(std::to_string(read->port));
  std::string_view path = parts->rest.substr(0, parts->rest.find_first_of("?#"));
  checked.base.append(path.empty() ? std::string_view("/") : path);
  return checked;
}

std::string DefaultLane(std::string_view base, std::string_view group) {
  std::string lane(base);
  if (!group.empty()) lane.append("#").append(group);
  if (lane.size() <= kMaxDefaultLaneBytes) return lane;
  char hash[18];
  std::snprintf(hash, sizeof hash, "~%016llx", static_cast<unsigned long long>(FingerprintOf(lane).low));
  size_t keep = kMaxDefaultLaneBytes - 17;
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
      int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
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

}  // namespace notifyd
