// Submit and sender read a URL's host alike: what was accepted can be called, at the host that it was counted for.
#include "base/authority.h"
#include "base/random.h"
#include "net/api/url.h"
#include "net/sender/target.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

/// Pieces that make hosts which are good, bad, or read differently by different clients.
std::string RandomUrl(Random* random) {
  static const char* kPieces[] = {"127", "0x7f", "0177", "1",   "0", "2130706433", ".", ".",   ".", ":",     "80", "8080", "[",  "]",  "::",
                                  "::1", "fe80", "%25",  "%2e", "h", "H",          "@", "a-b", "_", "xn--a", "\\", "0x",   "08", "256"};
  std::string url = random->Chance(0.5) ? "http://" : "HTTPS://";
  for (uint64_t i = 1 + random->Below(7); i > 0; --i) url += kPieces[random->Below(std::size(kPieces))];
  static const char* kRests[] = {"", "/", "/x?y#z", "?q", "#f"};
  return url + kRests[random->Below(std::size(kRests))];
}

void CheckAgreement(const std::string& url) {
  Result<CheckedUrl> checked = CheckUrl(url);
  if (!checked.ok()) return;
  CAPTURE(url);
  Result<SplitUrl> split = SplitTarget(url);
  REQUIRE(split.ok());
  CAPTURE(split->origin);
  // The host that is connected to and stands in the Host header is the one that the limits count by, and that the lane is named after.
  Result<CheckedUrl> again = CheckUrl(split->origin);
  REQUIRE(again.ok());
  CHECK(again->host == checked->host);
  CHECK(again->base == split->origin);
  CHECK(checked->base.starts_with(split->origin));
  // The sender's library reads it so, too.
  CHECK(SameOrigin(split->origin, split->origin));
  size_t begin = split->origin.find("://") + 3;
  std::string authority = split->origin.substr(begin, split->origin.size() - begin - 1);
  uint16_t port = split->origin.starts_with("https") ? 443 : 80;
  CHECK(ParseAuthority(authority, port)->host == authority.substr(0, ParseAuthority(authority, port)->host.size()));
}

TEST_CASE("urls: what is accepted is what is connected to, however it was written") {
  for (const char* url : {"http://h:/", "https://h:/x", "http://127.0.0.1./", "http://0x7f.1/", "http://2130706433/", "http://0177.1:/",
                          "http://[::1]:/", "http://[::ffff:1.2.3.4]/", "http://H.:80/", "http://1.0x/"}) {
    CAPTURE(url);
    REQUIRE(CheckUrl(url).ok());
    CheckAgreement(url);
  }
  CHECK(SplitTarget("http://0x7f.1:/x")->origin == "http://127.0.0.1/");
  CHECK(SplitTarget("http://127.0.0.1.:81/x")->origin == "http://127.0.0.1:81/");
  Random random(11);
  size_t accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string url = RandomUrl(&random);
    accepted += CheckUrl(url).ok();
    CheckAgreement(url);
  }
  CHECK(accepted > 10'000);
}

}  // namespace
}  // namespace notifyd
