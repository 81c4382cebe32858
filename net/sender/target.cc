// URLs for the sender. The request's own target never goes through a URL parser: what was submitted is what is sent.
#include "net/sender/target.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/ascii.h"
#include "base/authority.h"

namespace notifyd {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlDeleter>;

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

std::string OriginKey(const std::string& url) {
  UrlHandle handle(curl_url());
  if (handle == nullptr || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  std::string key = Part(handle.get(), CURLUPART_SCHEME) + "://" + Part(handle.get(), CURLUPART_HOST) + ":" +
                    Part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  return LowerAscii(key);
}

/// RFC 3986 section 5.2.4, of a path that begins with a slash.
std::string WithoutDotSegments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    if (segment == "..") out.resize(out.empty() ? 0 : out.rfind('/'));
    if (segment != "." && segment != "..") out.append("/").append(segment);
    else if (path.empty()) out.push_back('/');
  }
  return out;
}

Status MayNotBeCalled(const std::string& why) {
  return Status(Code::kUnacceptable, "redirected to a URL that may not be called: " + why);
}

/// RFC 3986 section 5.2.2, without fragments. What has a scheme is not touched; empty: `url` is not http or https.
std::string Resolve(std::string_view url, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  if (const size_t end = reference.find_first_of(":/?"); end != reference.npos && reference[end] == ':') return std::string(reference);
  std::optional<UrlParts> base = PartsOfUrl(url.substr(0, url.find('#')), "/?");
  if (!base) return {};
  if (reference.starts_with("//")) {
    const size_t end = std::min(reference.find_first_of("/?", 2), reference.size());
    base->authority = reference.substr(2, end - 2);
    base->rest = {};
    reference.remove_prefix(end);
  }
  std::string out = std::string(base->scheme()) + "://" + std::string(base->authority);
  if (reference.empty()) return out.append(base->rest);
  const std::string_view base_path = base->rest.substr(0, base->rest.find('?'));
  const size_t query = std::min(reference.find('?'), reference.size());
  std::string path(reference.substr(0, query));
  if (path.empty()) return out.append(base_path).append(reference);
  if (path[0] != '/') path.insert(0, std::string(base_path.substr(0, base_path.rfind('/'))) + "/");
  return out.append(WithoutDotSegments(path)).append(reference.substr(query));
}

}  // namespace

Result<SplitUrl> SplitTarget(std::string_view url) {
  for (char c : url) {
    if (static_cast<uint8_t>(c) <= 0x20 || static_cast<uint8_t>(c) >= 0x7F)
      return Status(Code::kUnacceptable, "the URL holds a byte that it must not");
  }
  std::optional<UrlParts> parts = PartsOfUrl(url.substr(0, url.find('#')), "/?");
  if (!parts) return Status(Code::kUnacceptable, "the URL is not http or https");
  // curl gets a host that every parser reads in one way: it has spellings of its own for addresses, and leaves a backslash or an empty port to
  // others.
  Result<Authority> read = ParseAuthority(parts->authority, parts->default_port());
  if (!read.ok()) return std::move(read).status();
  SplitUrl out;
  out.origin = std::string(parts->scheme()) + "://" + read->host;
  if (read->port != parts->default_port()) out.origin += ":" + std::to_string(read->port);
  out.origin += "/";
  if (parts->rest.empty() || parts->rest[0] == '?') out.target = "/";
  out.target += parts->rest;
  return out;
}

Result<std::string> ResolveRedirect(const std::string& url, const std::string& location) {
  // The same again, byte for byte.
  if (location.empty() || location[0] == '#') return url.substr(0, url.find('#'));
  // Behind it libcurl would see no more.
  if (location.find('\0') != location.npos) return Status(Code::kUnacceptable, "redirected to something that is not a URL");
  UrlHandle handle(curl_url());
  constexpr unsigned kFlags = CURLU_PATH_AS_IS | CURLU_URLENCODE | CURLU_ALLOW_SPACE | CURLU_DISALLOW_USER;
  const CURLUcode read = handle == nullptr ? CURLUE_OUT_OF_MEMORY : curl_url_set(handle.get(), CURLUPART_URL, Resolve(url, location).c_str(), kFlags);
  if (read == CURLUE_USER_NOT_ALLOWED) return MayNotBeCalled("it has user info");
  if (read == CURLUE_BAD_PORT_NUMBER) return MayNotBeCalled("its port must be 1 to 65535");
  if (read != CURLUE_OK) return Status(Code::kUnacceptable, "redirected to something that is not a URL");
  std::string out = Part(handle.get(), CURLUPART_URL);
  Result<SplitUrl> split = SplitTarget(out);
  if (!split.ok()) return MayNotBeCalled(split.status().detail());
  return out;
}

bool SameOrigin(const std::string& url, const std::string& other) {
  const std::string key = OriginKey(url);
  return !key.empty() && key == OriginKey(other);
}

}  // namespace notifyd
