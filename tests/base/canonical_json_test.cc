#include "base/canonical_json.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

std::string Canonical(std::string_view json) {
  Result<JsonTree> tree = JsonTree::Parse(json);
  REQUIRE(tree.ok());
  return CanonicalJson(tree->root());
}

TEST_CASE("canonical json: the example of RFC 8785 section 3.2.2") {
  CHECK(Canonical(R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],)"
                  R"("string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]})") ==
        R"({"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],)"
        "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST_CASE("canonical json: numbers as ECMAScript writes them, integers of 64 bits whole") {
  // RFC 8785 appendix B, and what V8 prints.
  for (auto [given, written] : {std::pair("0", "0"),
                                {"-0", "0"},
                                {"-0.0", "0"},
                                {"5e-324", "5e-324"},
                                {"1.7976931348623157e308", "1.7976931348623157e+308"},
                                {"9007199254740992", "9007199254740992"},
                                {"295147905179352830000.0", "295147905179352830000"},
                                {"9.999999999999997e22", "9.999999999999997e+22"},
                                {"1e23", "1e+23"},
                                {"999999999999999900000.0", "999999999999999900000"},
                                {"1e21", "1e+21"},
                                {"0.000001", "0.000001"},
                                {"9.999999999999997e-7", "9.999999999999997e-7"},
                                {"333333333.3333332", "333333333.3333332"},
                                {"-0.0000033333333333333333", "-0.0000033333333333333333"},
                                {"42.0", "42"},
                                {"4.2e1", "42"},
                                {"9223372036854775807", "9223372036854775807"},
                                {"18446744073709551615", "18446744073709551615"},
                                {"-9223372036854775808", "-9223372036854775808"}}) {
    CAPTURE(given);
    CHECK(CanonicalNumber(given) == written);
  }
}

TEST_CASE("canonical json: white space, order and spelling make no difference, types do") {
  CHECK(Canonical(R"( { "b" : [ ] , "a" : { } } )") == R"({"a":{},"b":[]})");
  CHECK(Canonical(R"({"a":1,"a":2})") == R"({"a":2})");
  CHECK(Canonical("\"\\u0041\\ud83d\\ude00\"") == "\"A\U0001F600\"");
  CHECK(Canonical("\"1\"") != Canonical("1"));
}

}  // namespace
}  // namespace notifyd
