#include "net/api/resource.h"

#include <charconv>
#include <cstdint>

#include "base/ascii.h"
#include "base/hex.h"
#include "base/percent_encoding.h"
#include "net/api/change.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

constexpr size_t kHexDigits = 16;  // of one half

bool ReadHex(std::string_view text, uint64_t* out) {
  // In capitals it would be another tag (RFC 9110 section 8.8.3: they are compared character by character).
  if (text.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
  return std::from_chars(text.data(), text.data() + text.size(), *out, 16).ec == std::errc();
}

/// Nothing: it is a tag that no resource has.
std::optional<Fingerprint> PrintOfETag(std::string_view etag) {
  if (etag.size() != 2 * kHexDigits + 2) return std::nullopt;
  Fingerprint print;
  if (!ReadHex(etag.substr(1, kHexDigits), &print.high) || !ReadHex(etag.substr(1 + kHexDigits, kHexDigits), &print.low)) return std::nullopt;
  return print;
}

}  // namespace

std::string ETagOfPrint(const Fingerprint& print) {
  return "\"" + HexOf(print.high) + HexOf(print.low) + "\"";
}

std::string ETagOfBytes(std::string_view bytes) {
  return ETagOfPrint(FingerprintOf(bytes));
}

Result<ResourceCondition> ConditionOf(const HttpRequest& request) {
  ResourceCondition condition;
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoringCase(name, "If-None-Match")) continue;
    if (value != "*") return Status(Code::kUnacceptable, "the header If-None-Match may say * alone");
    condition.absent = true;
  }
  Result<std::optional<IfMatch>> if_match = IfMatchOf(request);
  if (!if_match.ok()) return std::move(if_match).status();
  if (!*if_match) return condition;
  if ((*if_match)->any()) {
    condition.present = true;
    return condition;
  }
  condition.prints.emplace();
  for (const std::string& etag : (*if_match)->strong())
    if (std::optional<Fingerprint> print = PrintOfETag(etag)) condition.prints->push_back(*print);
  return condition;
}

std::string LocationOf(std::string_view collection, std::string_view name) {
  return std::string(collection) + PercentEncoded(name);
}

HttpResponse ResourceResponse(int status, std::string body, std::string_view bytes, std::string location) {
  HttpResponse response = JsonResponse(status, std::move(body));
  response.headers.emplace_back("ETag", ETagOfBytes(bytes));
  if (!location.empty()) response.headers.emplace_back("Location", std::move(location));
  return response;
}

}  // namespace notifyd
