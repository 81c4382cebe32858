// URLs for the sender. The request's own target never goes through a URL parser: what was submitted is what is sent.
#include "net/sender/target.h"

#include <curl/curl.h>

#include <memory>

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

bool StartsWithNoCase(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

std::string OriginKey(const std::string& url) {
  UrlHandle handle(curl_url());
  if (handle == nullptr || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  std::string key = Part(handle.get(), CURLUPART_SCHEME) + "://" + Part(handle.get(), CURLUPART_HOST) + ":" +
                    Part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return key;
}

}  // namespace

Result<SplitUrl> SplitTarget(std::string_view url) {
  for (char c : url) {
    if (static_cast<uint8_t>(c) <= 0x20 || static_cast<uint8_t>(c) >= 0x7F)
      return Status(Code::kUnacceptable, "the URL holds a byte that it must not");
  }
  if (!StartsWithNoCase(url, "http://") && !StartsWithNoCase(url, "https://")) return Status(Code::kUnacceptable, "the URL is not http or https");
  url = url.substr(0, url.find('#'));
  const size_t host = url.find("://") + 3;
  const size_t end = url.find_first_of("/?", host);
  const std::string_view authority = url.substr(host, end == std::string_view::npos ? end : end - host);
  // curl gets a host that every parser reads in one way: it has spellings of its own for addresses, and leaves a backslash or an empty port to
  // others.
  const bool https = StartsWithNoCase(url, "https://");
  const uint16_t default_port = https ? 443 : 80;
  Result<Authority> read = ParseAuthority(authority, default_port);
  if (!read.ok()) return std::move(read).status();
  SplitUrl out;
  out.origin = std::string(https ? "https://" : "http://") + read->host;
  if (read->port != default_port) out.origin += ":" + std::to_string(read->port);
  out.origin += "/";
  const std::string_view rest = end == std::string_view::npos ? std::string_view() : url.substr(end);
  if (rest.empty() || rest[0] == '?') out.target = "/";
  out.target += rest;
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
