// What stands in heads and settings about who may do what, and where: tokens, signed requests, digests, base64, addresses, ranges, authorities,
// patterns of URLs, times. Each text reads as one thing, whose own text reads as the same. Input: which of them (1 byte), then the text.
#include <arpa/inet.h>

#include <string>

#include "base/authority.h"
#include "base/base64.h"
#include "base/check.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "base/url_pattern.h"
#include "base/utf8.h"
#include "net/access/content_digest.h"
#include "net/access/signed_head.h"
#include "net/access/token.h"

using namespace notifyd;

namespace {

void CheckHead(uint8_t kind, std::string_view text) {
  switch (kind) {
    case 0:
      if (std::optional<TokenText> token = ParseToken(text)) CHECK("ntf_" + std::string(token->id) + "_" + std::string(token->secret) == text);
      return;
    case 1:
      if (std::optional<SignedHead> head = ParseSignedHead(text)) CHECK(head->signature.size() == 32 && !head->nonce.empty());
      return;
    case 2: {
      const std::string body(text);
      CHECK(CheckContentDigest(ContentDigestOf(body), body).ok());
      const Status status = CheckContentDigest(text, "body");
      CHECK(status.ok() || status.code() == Code::kUnacceptable);
      return;
    }
    default: {
      CHECK(*DecodeBase64(EncodeBase64(text)) == text);
      Result<std::string> bytes = DecodeBase64(text);
      if (bytes.ok()) CHECK(EncodeBase64(*bytes) == text);
    }
  }
}

/// What the C library reads is what is read here, but for what it takes beside: an address in hex or octal is none.
void CheckAddress(const std::string& text) {
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  uint8_t bytes[16];
  const bool four = ::inet_pton(AF_INET, text.c_str(), bytes) == 1, six = !four && ::inet_pton(AF_INET6, text.c_str(), bytes) == 1;
  if (text.find('\0') == std::string::npos) CHECK(address.has_value() == (four || six));
  if (!address) return;
  CHECK(*address == (four ? IpAddress::V4(bytes) : IpAddress::V6(bytes)));
  CHECK(IpAddress::Parse(address->ToString()) == address);
}

void CheckPlace(uint8_t kind, std::string_view text) {
  switch (kind) {
    case 4:
      return CheckAddress(std::string(text));
    case 5: {
      Result<Cidr> range = Cidr::Parse(text);
      if (!range.ok()) return;
      CHECK(range->Contains(range->base));
      Result<Cidr> again = Cidr::Parse(range->ToString());
      CHECK(again.ok() && again->ToString() == range->ToString() && again->bits == range->bits && again->Contains(*range) && range->Contains(*again));
      return;
    }
    case 6: {
      Result<Authority> authority = ParseAuthority(text, 80);
      if (!authority.ok()) return;
      Result<Authority> again = ParseAuthority(authority->host + ":" + std::to_string(authority->port), 443);
      CHECK(again.ok() && again->host == authority->host && again->port == authority->port);
      return;
    }
    case 7: {
      Result<UrlPattern> pattern = UrlPattern::Parse(text);
      if (!pattern.ok()) return;
      const RuleTarget target{true, "api.example.com", 443, "/v1/orders"};
      if (pattern->Covers(target)) CHECK(pattern->CoversOrigin(target) && pattern->CoversHost(target.host, target.port));
      return;
    }
    case 8: {
      Result<WallTime> time = ParseRfc3339(text);
      if (!time.ok()) return;
      Result<WallTime> again = ParseRfc3339(FormatRfc3339(*time));
      CHECK(again.ok() && again->ms == time->ms);
      return;
    }
    default: {
      const std::string repaired = RepairUtf8(text, 100);
      CHECK(IsValidUtf8(repaired) && repaired.size() <= 100 && RepairUtf8(repaired, 100) == repaired);
      if (IsValidUtf8(text) && text.size() <= 100) CHECK(repaired == text);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const uint8_t kind = data[0] % 10;
  kind < 4 ? CheckHead(kind, text) : CheckPlace(kind, text);
  return 0;
}
