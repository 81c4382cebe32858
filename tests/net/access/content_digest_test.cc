#include "net/access/content_digest.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

TEST_CASE("content digest: the examples of RFC 9530") {
  // Appendix B.1 and D: {"hello": "world"} and a line feed.
  const std::string body = "{\"hello\": \"world\"}\n";
  const std::string sha256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
  const std::string sha512 = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";
  CHECK(CheckContentDigest(sha256, body).ok());
  CHECK(CheckContentDigest(sha512, body).ok());
  CHECK(CheckContentDigest(sha256 + ", " + sha512, body).ok());
  CHECK(CheckContentDigest("md5=:AA==:," + sha512 + ";p=1", body).ok());
  CHECK_FALSE(CheckContentDigest(sha256, body + " ").ok());
  CHECK_FALSE(CheckContentDigest(sha256 + "," + sha512, "other").ok());
  CHECK_FALSE(CheckContentDigest(sha512 + ", sha-256=:" + std::string(43, 'A') + "=:", body).ok());
  CHECK(ContentDigestOf(body) == sha256);
}

TEST_CASE("content digest: what is none") {
  for (const char* text : {"", ",", "sha-256", "sha-256=", "sha-256=:", "sha-256=::", "sha-256=:AA==", "sha-256=:!:", "md5=:AA==:", "SHA-256=:AA==:",
                           "sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=", "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:x"}) {
    CAPTURE(text);
    CHECK_FALSE(CheckContentDigest(text, "{\"hello\": \"world\"}\n").ok());
  }
}

}  // namespace
}  // namespace notifyd
