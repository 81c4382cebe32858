// The forms in which texts and bytes are written for people, for URLs and in JSON.
#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/joined.h"
#include "base/json_or_null.h"
#include "base/media_type.h"
#include "base/percent_encoding.h"
#include "base/system_error.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

TEST_CASE("hex: two lower-case digits a byte, 16 a number") {
  CHECK(HexOf("") == "");
  CHECK(HexOf(std::string_view("\x00\x7f\x80\xff", 4)) == "007f80ff");
  CHECK(HexOf(uint64_t{0}) == "0000000000000000");
  CHECK(HexOf(uint64_t{0x0123456789abcdef}) == "0123456789abcdef");
}

TEST_CASE("percent encoding: all but RFC 3986's unreserved characters, with capital digits") {
  CHECK(PercentEncoded("AZaz09-._~") == "AZaz09-._~");
  CHECK(PercentEncoded(" /?#%+\xc3\xbc") == "%20%2F%3F%23%25%2B%C3%BC");
}

TEST_CASE("joined: what stands between stands between each two, empty ones too") {
  CHECK(Joined(std::vector<std::string>{}, ", ") == "");
  CHECK(Joined(std::set<std::string>{"b", "a"}, ", ") == "a, b");
  CHECK(Joined(std::vector<std::string>{"", "a", ""}, ",") == ",a,");
}

TEST_CASE("media type: its parameters and its case do not count") {
  CHECK(IsMediaType("Application/JSON ; charset=utf-8", "application/json"));
  CHECK_FALSE(IsMediaType("application/json5", "application/json"));
  CHECK_FALSE(IsMediaType("", "application/json"));
}

TEST_CASE("system error: says what failed, and why") {
  const Status status = SystemError("cannot open x", ENOENT);
  CHECK(status.code() == Code::kIo);
  CHECK(status.detail() == "cannot open x: No such file or directory");
}

TEST_CASE("json: a text that is empty is null, as is a time that is not there or never comes") {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  TextOrNull("said", "so", &json);
  TextOrNull("unsaid", "", &json);
  TimeOrNull("at", WallTime{0}, &json);
  TimeOrNull("never", kWallNever, &json);
  TimeOrNull("none", std::optional<WallTime>(), &json);
  json.EndObject();
  CHECK(text == R"({"said":"so","unsaid":null,"at":"1970-01-01T00:00:00.000Z","never":null,"none":null})");
}

}  // namespace
}  // namespace notifyd
