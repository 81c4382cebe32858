#include "net/sender/authorities.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/files.h"

namespace notifyd {
namespace {

// RFC 7468, and what OpenSSL takes beside it.
constexpr std::string_view kLabels[] = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"};

Status Unacceptable(const std::string& file, const std::string& why) {
  return Status(Code::kUnacceptable, file + " " + why);
}

/// One DER value (X.690): a SEQUENCE whose length is all that there is; behind a trusted certificate stands more.
bool IsSequence(std::string_view der, bool more) {
  if (der.size() < 2 || static_cast<uint8_t>(der[0]) != 0x30) return false;
  size_t length = static_cast<uint8_t>(der[1]), head = 2;
  if (length > 0x80) {
    size_t bytes = length - 0x80;
    if (bytes > 4 || der.size() < 2 + bytes) return false;
    length = 0;
    for (size_t i = 0; i < bytes; ++i) length = length << 8 | static_cast<uint8_t>(der[2 + i]);
    head += bytes;
  } else if (length == 0x80) {
    return false;
  }
  return more ? der.size() >= head + length : der.size() == head + length;
}

/// What stands between "-----BEGIN label-----" and its end is a certificate.
bool IsCertificate(std::string_view text, bool trusted) {
  std::string base64;
  std::copy_if(text.begin(), text.end(), std::back_inserter(base64), [](char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; });
  Result<std::string> der = DecodeBase64(base64);
  return der.ok() && IsSequence(*der, trusted);
}

/// The label of the first block from `at` on; moves `at` behind its line. Nothing where there is none.
std::optional<std::string_view> NextBlock(std::string_view text, size_t* at) {
  static constexpr std::string_view kBegin = "-----BEGIN ", kDashes = "-----";
  for (size_t begin; (begin = text.find(kBegin, *at)) != std::string_view::npos; *at = begin + kBegin.size()) {
    if (begin > 0 && text[begin - 1] != '\n') continue;
    size_t from = begin + kBegin.size(), line_end = std::min(text.find('\n', from), text.size()), end = text.find(kDashes, from);
    if (end == std::string_view::npos || end > line_end) continue;
    *at = line_end;
    return text.substr(from, end - from);
  }
  return std::nullopt;
}

}  // namespace

Status CheckAuthorities(const std::string& file) {
  Result<std::string> read = ReadFile(file, kMostAuthorityBytes);
  if (!read.ok()) return Unacceptable(file, read.status().detail());
  const std::string& text = *read;
  size_t at = 0, certificates = 0;
  while (std::optional<std::string_view> label = NextBlock(text, &at)) {
    if (std::find(std::begin(kLabels), std::end(kLabels), *label) == std::end(kLabels)) continue;
    size_t end = text.find("-----END " + std::string(*label) + "-----", at);
    bool good = end != std::string::npos && IsCertificate(std::string_view(text).substr(at, end - at), *label == kLabels[2]);
    if (!good) return Unacceptable(file, "is damaged: its certificate " + std::to_string(certificates + 1) + " does not read");
    at = end;
    ++certificates;
  }
  return certificates > 0 ? Status::Ok() : Unacceptable(file, "holds no certificate in PEM form");
}

}  // namespace notifyd
