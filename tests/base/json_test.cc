#include "base/json.h"

#include <catch2/catch.hpp>
#include <charconv>
#include <limits>

using namespace notifyd;

namespace {

template <class Write>
std::string Written(Write write) {
  std::string out;
  JsonWriter json(&out);
  write(json);
  return out;
}

}  // namespace

TEST_CASE("json writer: commas stand between values and nowhere else") {
  std::string out = Written([](JsonWriter& json) {
    json.BeginObject();
    json.Key("none");
    json.BeginArray();
    json.EndArray();
    json.Key("some");
    json.BeginArray();
    json.Int(1);
    json.BeginObject();
    json.EndObject();
    json.BeginArray();
    json.Null();
    json.EndArray();
    json.Bool(true);
    json.EndArray();
    json.Key("inner");
    json.BeginObject();
    json.Key("a");
    json.Raw("{\"x\": 1.50}");
    json.Key("b");
    json.Bool(false);
    json.EndObject();
    json.EndObject();
  });
  CHECK(out == R"({"none":[],"some":[1,{},[null],true],"inner":{"a":{"x": 1.50},"b":false}})");
}

TEST_CASE("json writer: it appends to what stands there") {
  std::string out = "before ";
  JsonWriter json(&out);
  json.Int(1);
  CHECK(out == "before 1");
}

TEST_CASE("json writer: strings are escaped as JSON demands") {
  CHECK(Written([](JsonWriter& json) { json.String("a\"b\\c/d"); }) == R"("a\"b\\c/d")");
  CHECK(Written([](JsonWriter& json) { json.String("\b\f\n\r\t"); }) == R"("\b\f\n\r\t")");
  CHECK(Written([](JsonWriter& json) { json.String(std::string_view("\0\x1f\x7f", 3)); }) == "\"\\u0000\\u001f\x7f\"");
  CHECK(Written([](JsonWriter& json) { json.String("é€😀"); }) == "\"é€😀\"");
  CHECK(Written([](JsonWriter& json) { json.String(""); }) == "\"\"");
}

TEST_CASE("json writer: keys are escaped and repaired like strings") {
  std::string out = Written([](JsonWriter& json) {
    json.BeginObject();
    json.Key("a\"\xFF");
    json.Null();
    json.EndObject();
  });
  CHECK(out == "{\"a\\\"\xEF\xBF\xBD\":null}");
}

TEST_CASE("json writer: what is not UTF-8 becomes U+FFFD") {
  CHECK(Written([](JsonWriter& json) { json.String("a\xFFz"); }) == "\"a\xEF\xBF\xBDz\"");
  CHECK(Written([](JsonWriter& json) { json.String("\xED\xA0\x80"); }) == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST_CASE("json writer: integers keep every digit") {
  CHECK(Written([](JsonWriter& json) { json.Int(std::numeric_limits<int64_t>::min()); }) == "-9223372036854775808");
  CHECK(Written([](JsonWriter& json) { json.Uint(std::numeric_limits<uint64_t>::max()); }) == "18446744073709551615");
}

TEST_CASE("json writer: doubles are the shortest text that reads back the same") {
  for (double value : {0.1, 1.0 / 3, 2.0, -0.5, 1e300, 5e-324, 123456789.125, 0.30000000000000004}) {
    std::string out = Written([&](JsonWriter& json) { json.Double(value); });
    INFO(out);
    double back = 0;
    CHECK(std::from_chars(out.data(), out.data() + out.size(), back).ptr == out.data() + out.size());
    CHECK(back == value);
  }
  CHECK(Written([](JsonWriter& json) { json.Double(0.1); }) == "0.1");
  CHECK(Written([](JsonWriter& json) { json.Double(2); }) == "2");
}

TEST_CASE("json writer: NaN and infinities are null, JSON has no word for them") {
  CHECK(Written([](JsonWriter& json) { json.Double(std::numeric_limits<double>::quiet_NaN()); }) == "null");
  CHECK(Written([](JsonWriter& json) { json.Double(-std::numeric_limits<double>::infinity()); }) == "null");
}
