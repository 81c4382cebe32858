// If-Match: which ETags it names, and what is none.
#include "net/api/change.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

TEST_CASE("If-Match: any, one, or one of a list, by strong comparison") {
  struct Case {
    const char* value;
    bool matches;
  };
  auto c = GENERATE(values<Case>({
      {"*", true},
      {" * ", true},
      {"\"a\"", true},
      {" \"a\"\t", true},
      {"\"A\"", false},
      {"\"b\"", false},
      {"\"b\", \"a\"", true},
      {"\"b\",\"a\",\"c\"", true},
      {",, \"b\" ,,\"a\",", true},
      {"\"b,c\",\"a\"", true},
      {"W/\"a\"", false},
      {"W/\"a\", \"a\"", true},
  }));
  CAPTURE(c.value);
  Result<IfMatch> parsed = IfMatch::Parse(c.value);
  REQUIRE(parsed.ok());
  CHECK(parsed->Matches("\"a\"") == c.matches);
}

TEST_CASE("If-Match: what is neither * nor a list of entity tags is malformed, and says which header") {
  const char* value =
      GENERATE("**", "*, \"a\"", "a", "\"a", "a\"", "'a'", "\"b,\"a\"", "\"b\" \"a\"", "\"a\" x", "\"b\", a", "w/\"a\"", "W/a", "", ",");
  CAPTURE(value);
  Result<IfMatch> parsed = IfMatch::Parse(value);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.status().code() == Code::kMalformed);
  CHECK_THAT(parsed.status().detail(), Catch::Contains("the header If-Match must be * or a list of ETags"));
}

}  // namespace
}  // namespace notifyd
