#include "base/base64.h"

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace notifyd;

TEST_CASE("base64: the examples of RFC 4648 section 10, both ways") {
  const std::pair<std::string, std::string> examples[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    CHECK(EncodeBase64(bytes) == text);
    CHECK(*DecodeBase64(text) == bytes);
  }
}

TEST_CASE("base64: all bytes survive, at every length") {
  Random random(3);
  for (size_t size = 0; size < 300; ++size) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(random.Next()));
    std::string text = EncodeBase64(bytes);
    REQUIRE(text.size() == (size + 2) / 3 * 4);
    REQUIRE(*DecodeBase64(text) == bytes);
  }
}

TEST_CASE("base64: what is not strictly RFC 4648 is refused") {
  for (std::string_view text : {"Z",        "Zg",     "Zg=",      "Zm9",  "Zg===", "=",    "==",   "===",  "====", "Z===",
                                "Zg==Zg==", "Zm9v\n", "Zm9v Zm9", "Zm 9", "Zm-_",  "Zm9*", "Z=9v", "Zh==", "Zm9=", "Zm\xC3\xA9"}) {
    Result<std::string> bytes = DecodeBase64(text);
    INFO(text);
    REQUIRE_FALSE(bytes.ok());
    CHECK(bytes.status().code() == Code::kUnacceptable);
  }
}

TEST_CASE("base64: what decodes at all has no other text") {
  Random random(5);
  constexpr std::string_view kCharacters = "AQgwZz09+/=";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (uint64_t k = random.Below(9); k > 0; --k) text.push_back(kCharacters[random.Below(kCharacters.size())]);
    Result<std::string> bytes = DecodeBase64(text);
    if (bytes.ok()) REQUIRE(EncodeBase64(*bytes) == text);
  }
}
