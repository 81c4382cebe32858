#include "net/api/body_coding.h"

#include <algorithm>

#include "base/ascii.h"
#include "net/gzip.h"

namespace notifyd {
namespace {

constexpr const char* kHeader = "Content-Encoding";
constexpr size_t kMostGrowth = 1032;  // https://zlib.net/zlib_tech.html
constexpr const char* kOther = "the body may be sent as it is, or with the Content-Encoding gzip";

}  // namespace

BodyCoding CodingOf(const HttpRequest& head) {
  BodyCoding coding = BodyCoding::kNone;
  for (const auto& [name, value] : head.headers) {
    if (!EqualsIgnoringCase(name, kHeader)) continue;
    const std::string_view said = TrimBlanks(value);
    if (said.empty() || EqualsIgnoringCase(said, "identity")) continue;
    const bool gzip = EqualsIgnoringCase(said, "gzip") || EqualsIgnoringCase(said, "x-gzip");
    // One upon the other is nothing that anybody means.
    coding = gzip && coding == BodyCoding::kNone ? BodyCoding::kGzip : BodyCoding::kOther;
  }
  return coding;
}

Status OtherCoding() {
  return Status(Code::kUnsupportedMedia, kOther);
}

bool IsOtherCoding(const Status& status) {
  return status.code() == Code::kUnsupportedMedia && status.detail() == kOther;
}

size_t UnpackedBytes(const HttpRequest& request, size_t most) {
  if (request.body.empty() || CodingOf(request) != BodyCoding::kGzip) return 0;
  const size_t claimed = ClaimedGzipBytes(request.body);
  return claimed <= most ? claimed : 0;
}

Status UnpackBody(size_t most, const HttpRequest& request, HttpRequest* out) {
  if (CodingOf(request) == BodyCoding::kOther) return OtherCoding();
  // What it says of itself is what room was found for.
  const size_t claimed = ClaimedGzipBytes(request.body);
  // More than deflate can ever make of so few bytes: it is no gzip, or was cut.
  if (claimed > kMostGrowth * request.body.size()) return Status(Code::kMalformed, "the body is not gzip, as its Content-Encoding says");
  if (claimed > most) return Status(Code::kTooLarge, "the request's body unpacks to more than " + std::to_string(most) + " bytes");
  *out = {request.method, request.target, request.headers, "", request.peer};
  out->body.reserve(claimed + 1 + HttpRequest::kPaddingBytes);
  std::erase_if(out->headers, [](const auto& header) { return EqualsIgnoringCase(header.first, kHeader); });
  Status status = GunzipAll(request.body, claimed, &out->body);
  // Several members, of which the last alone says how long it is, or a lie.
  if (status.code() == Code::kTooLarge) return Status(Code::kMalformed, "the body unpacks to more than its gzip says: it must be one gzip member");
  return status;
}

}  // namespace notifyd
