// URLs for the sender. The request's own target never goes through a URL parser: what was submitted is what is sent.
#include "net/sender/target.h"

#include <curl/curl.h>

#include <memory>

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
  UrlHandle handle(curl_url());
  constexpr unsigned kFlags = CURLU_PATH_AS_IS | CURLU_URLENCODE | CURLU_ALLOW_SPACE | CURLU_DISALLOW_USER;
  if (handle == nullptr || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS) != CURLUE_OK ||
      curl_url_set(handle.get(), CURLUPART_URL, location.c_str(), kFlags) != CURLUE_OK) {
    return Status(Code::kUnacceptable, "redirected to something that is not a URL");
  }
  std::string out = Part(handle.get(), CURLUPART_URL);
  Result<SplitUrl> split = SplitTarget(out);
  if (!split.ok()) return Status(Code::kUnacceptable, "redirected to a URL that may not be called: " + split.status().detail());
  return out;
}

bool SameOrigin(const std::string& url, const std::string& other) {
  const std::string key = OriginKey(url);
  return !key.empty() && key == OriginKey(other);
}

}  // namespace notifyd
