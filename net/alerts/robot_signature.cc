#include "net/alerts/robot_signature.h"

#include "base/base64.h"
#include "base/check.h"
#include "base/crypto.h"

namespace notifyd {
namespace {

/// Of base64: what means something else in a query.
std::string QueryEscaped(std::string_view base64) {
  std::string out;
  for (char c : base64) {
    if (c == '+') out += "%2B";
    else if (c == '/') out += "%2F";
    else if (c == '=') out += "%3D";
    else out.push_back(c);
  }
  return out;
}

std::string Signed(std::string_view key, std::string_view text) {
  const Digest256 digest = HmacSha256(key, text);
  return EncodeBase64(BytesOf(digest));
}

}  // namespace

std::string SignDingtalk(std::string_view url, std::string_view secret, WallTime now) {
  const std::string timestamp = std::to_string(now.ms);
  const std::string sign = Signed(secret, timestamp + "\n" + std::string(secret));
  std::string out(url.substr(0, url.find('#')));
  out += out.find('?') == std::string::npos ? '?' : '&';
  return out + "timestamp=" + timestamp + "&sign=" + QueryEscaped(sign);
}

std::string SignFeishu(std::string_view body, std::string_view secret, WallTime now) {
  CHECK(body.size() > 2 && body[0] == '{');
  const std::string timestamp = std::to_string(now.ms / 1000);
  const std::string sign = Signed(timestamp + "\n" + std::string(secret), "");
  return R"({"timestamp":")" + timestamp + R"(","sign":")" + sign + R"(",)" + std::string(body.substr(1));
}

}  // namespace notifyd
