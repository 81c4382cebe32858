#include "base/json_tree.h"

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace notifyd;
using namespace std::string_view_literals;
using Kind = JsonTree::Kind;

namespace {

bool IsJson(std::string_view text) {
  Result<JsonTree> tree = JsonTree::Parse(text);
  if (!tree.ok()) CHECK(tree.status().code() == Code::kMalformed);
  return tree.ok();
}

bool Equal(std::string_view a, std::string_view b) {
  Result<JsonTree> left = JsonTree::Parse(a), right = JsonTree::Parse(b);
  INFO(a << " and " << b);
  REQUIRE(left.ok());
  REQUIRE(right.ok());
  bool equal = JsonEqual(left->root(), right->root());
  CHECK(JsonEqual(right->root(), left->root()) == equal);
  return equal;
}

std::string RawAt(std::string_view json, std::string_view pointer) {
  Result<JsonTree> tree = JsonTree::Parse(json);
  REQUIRE(tree.ok());
  std::optional<JsonTree::Value> found = tree->root().At(pointer);
  return found ? std::string(found->raw()) : "nothing";
}

}  // namespace

TEST_CASE("json tree: every kind of value, at the top too") {
  const std::pair<std::string_view, Kind> values[] = {{"null", Kind::kNull},      {"false", Kind::kFalse},           {"true", Kind::kTrue},
                                                      {"-0.5e+3", Kind::kNumber}, {"\"a\"", Kind::kString},          {"[]", Kind::kArray},
                                                      {"{}", Kind::kObject},      {" \t\r\n1 \t\r\n", Kind::kNumber}};
  for (const auto& [text, kind] : values) {
    Result<JsonTree> tree = JsonTree::Parse(text);
    INFO(text);
    REQUIRE(tree.ok());
    CHECK(tree->root().kind() == kind);
  }
}

TEST_CASE("json tree: each value keeps its spelling") {
  constexpr std::string_view kText = R"( { "a" : [ 1.50 , { } , "x\ny" ] , "b\u0063" : -0 , "d" : { "e" : [ ] } } )";
  CHECK(RawAt(kText, "") == R"({ "a" : [ 1.50 , { } , "x\ny" ] , "b\u0063" : -0 , "d" : { "e" : [ ] } })");
  CHECK(RawAt(kText, "/a") == R"([ 1.50 , { } , "x\ny" ])");
  CHECK(RawAt(kText, "/a/0") == "1.50");
  CHECK(RawAt(kText, "/a/1") == "{ }");
  CHECK(RawAt(kText, "/a/2") == R"("x\ny")");
  CHECK(RawAt(kText, "/bc") == "-0");
  CHECK(RawAt(kText, "/d/e") == "[ ]");
}

TEST_CASE("json tree: numbers of any length are numbers") {
  std::string digits(5000, '7');
  CHECK(RawAt("[" + digits + "]", "/0") == digits);
  CHECK(RawAt("[1e99999]", "/0") == "1e99999");
  CHECK(RawAt("[0.1234567890123456789012345678901234567890]", "/0") == "0.1234567890123456789012345678901234567890");
}

TEST_CASE("json tree: what is not JSON is refused") {
  for (std::string_view text : {""sv,
                                " "sv,
                                "nul"sv,
                                "nulll"sv,
                                "True"sv,
                                "NaN"sv,
                                "Infinity"sv,
                                "01"sv,
                                "-"sv,
                                "+1"sv,
                                "1."sv,
                                ".5"sv,
                                "1e"sv,
                                "1e+"sv,
                                "0x10"sv,
                                "1 2"sv,
                                "1,2"sv,
                                "1],[2"sv,
                                "]"sv,
                                "["sv,
                                "[1"sv,
                                "[1,]"sv,
                                "[,1]"sv,
                                "[1,,2]"sv,
                                "[1 2]"sv,
                                "[1:2]"sv,
                                "[1}"sv,
                                "{"sv,
                                "{\"a\"}"sv,
                                "{\"a\":}"sv,
                                "{\"a\":1,}"sv,
                                "{,}"sv,
                                "{a:1}"sv,
                                "{1:1}"sv,
                                "{'a':1}"sv,
                                "{\"a\" 1}"sv,
                                "{\"a\"::1}"sv,
                                "{\"a\":1 \"b\":2}"sv,
                                "{\"a\":1}}"sv,
                                "{}{}"sv,
                                "\""sv,
                                "\"a"sv,
                                "\"\\x\""sv,
                                "\"\\u12\""sv,
                                "\"\\u12G4\""sv,
                                "\"a\nb\""sv,
                                "\"a\tb\""sv,
                                "\"\0\""sv,
                                "[1]x"sv,
                                "x[1]"sv,
                                "/**/1"sv,
                                "1//"sv,
                                "[1\0]"sv,
                                "\"a\"\"b\""sv,
                                "true false"sv,
                                "tru e"sv,
                                "\"\xFF\""sv,
                                "\xEF\xBB\xBF[]"sv,
                                "[truefalse]"sv,
                                "[\"a\"b]"sv,
                                "[1\"a\"]"sv,
                                "{\"a\":1]"sv,
                                "[{]}"sv,
                                "{\"a\":{}"sv,
                                "[[]"sv,
                                "[]]"sv,
                                ","sv,
                                ":"sv,
                                "}"sv,
                                "{]"sv}) {
    INFO(text);
    CHECK_FALSE(IsJson(text));
  }
}

TEST_CASE("json tree: lone surrogates are refused, pairs are one character") {
  CHECK_FALSE(IsJson(R"("\ud83d")"));
  CHECK_FALSE(IsJson(R"("\ude00")"));
  CHECK_FALSE(IsJson(R"("\ude00\ud83d")"));
  CHECK_FALSE(IsJson(R"("\ud83dx")"));
  CHECK_FALSE(IsJson(R"("\ud83d\u0041")"));
  CHECK_FALSE(IsJson(R"({"\ude00":1})"));
  CHECK(JsonTree::Parse(R"("\ud83d\ude00")")->root().text() == "😀");
}

TEST_CASE("json tree: strings lose their escapes") {
  CHECK(JsonTree::Parse(R"("\"\\\/\b\f\n\r\t\u0000\u00e9")")->root().text() == "\"\\/\b\f\n\r\t\0é"sv);
}

TEST_CASE("json tree: as deep as it says and no deeper") {
  auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(IsJson(nested(JsonTree::kMaxDepth)));
  CHECK_FALSE(IsJson(nested(JsonTree::kMaxDepth + 1)));
  CHECK_FALSE(IsJson(nested(1'000'000)));
  std::string objects;
  for (size_t i = 0; i < JsonTree::kMaxDepth + 1; ++i) objects += "{\"a\":";
  CHECK_FALSE(IsJson(objects + "1" + std::string(JsonTree::kMaxDepth + 1, '}')));
}

TEST_CASE("json tree: cut anywhere, no text of an object is one") {
  constexpr std::string_view kText = R"({"a":[1,2.5,{"b":"\u00e9\\"}],"c":null,"d":{"e":[true,[],{}]}})";
  REQUIRE(IsJson(kText));
  for (size_t size = 0; size < kText.size(); ++size) CHECK_FALSE(IsJson(std::string(kText.substr(0, size))));
}

TEST_CASE("json pointer: the examples of RFC 6901 section 5") {
  constexpr std::string_view kText = R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8})";
  const std::pair<std::string_view, std::string_view> examples[] = {{"", kText},           {"/foo", R"(["bar","baz"])"},
                                                                    {"/foo/0", "\"bar\""}, {"/", "0"},
                                                                    {"/a~1b", "1"},        {"/c%d", "2"},
                                                                    {"/e^f", "3"},         {"/g|h", "4"},
                                                                    {"/i\\j", "5"},        {"/k\"l", "6"},
                                                                    {"/ ", "7"},           {"/m~0n", "8"}};
  for (const auto& [pointer, raw] : examples) CHECK(RawAt(kText, pointer) == raw);
}

TEST_CASE("json pointer: where it leads nowhere there is nothing") {
  constexpr std::string_view kText = R"({"a":[1,2],"b":"x","~":1})";
  for (std::string_view pointer :
       {"/c", "/a/2", "/a/-", "/a/01", "/a/+1", "/a/ 1", "/a/", "/a/1x", "/a/99999999999999999999999", "/b/0", "/a/0/0", "a", "/~", "/~2", "/a~"})
    CHECK(RawAt(kText, pointer) == "nothing");
}

TEST_CASE("json pointer: ~01 is ~1, not a slash") {
  CHECK(RawAt(R"({"~1":1,"/":2})", "/~01") == "1");
}

TEST_CASE("json pointer: of a repeated key the last counts") {
  CHECK(RawAt(R"({"a":1,"a":2})", "/a") == "2");
}

TEST_CASE("json pointer: its form") {
  for (std::string_view text : {"", "/", "/a", "/a/b", "//", "/~0", "/~1a", "/é"}) CHECK(IsJsonPointer(text));
  for (std::string_view text : {"a", "#/a", "/~", "/~2", "/a~", "/~~0"}) CHECK_FALSE(IsJsonPointer(text));
}

TEST_CASE("json equality: numbers by value, exactly") {
  for (std::string_view same :
       {"1.0", "1e0", "1E+0", "10e-1", "0.1e1", "1.000000000000000000000000000", "0.00001e5", "100000e-5", "1e00000000000000000000000"})
    CHECK(Equal("1", same));
  CHECK(Equal("0", "-0"));
  CHECK(Equal("0.0", "0e999999999999999999999999999999"));
  CHECK(Equal("1e400", "10e399"));
  CHECK(Equal("123456789012345678901234567890", "123456789012345678901234567890.0"));
  CHECK(Equal("1.5e3", "1500"));
  CHECK(Equal("1e99999999999999999999", "1e99999999999999999999"));
  for (std::string_view other : {"-1", "1.0000000000000000000000001", "2", "10", "0.1", "true", "\"1\"", "[1]", "null"})
    CHECK_FALSE(Equal("1", other));
  CHECK_FALSE(Equal("9007199254740993", "9007199254740992"));
  CHECK_FALSE(Equal("123456789012345678901234567890", "123456789012345678901234567891"));
  CHECK_FALSE(Equal("1e400", "1e401"));
  CHECK_FALSE(Equal("0.1", "0.10000000000000000555"));
  CHECK_FALSE(Equal("0", "1e-99999999999999999999"));
}

TEST_CASE("json equality: strings after unescaping") {
  CHECK(Equal(R"("a/é")", R"("\u0061\/\u00e9")"));
  CHECK_FALSE(Equal(R"("a")", R"("A")"));
  CHECK_FALSE(Equal(R"("é")", R"("e\u0301")"));
}

TEST_CASE("json equality: arrays in order, objects in any") {
  CHECK(Equal("[1,[2]]", "[ 1.0 , [ 2e0 ] ]"));
  CHECK_FALSE(Equal("[1,2]", "[2,1]"));
  CHECK_FALSE(Equal("[1,2]", "[1,2,3]"));
  CHECK(Equal(R"({"a":1,"b":{"c":[],"d":null}})", R"({"b":{"d":null,"c":[]},"a":1.0})"));
  CHECK_FALSE(Equal(R"({"a":1})", R"({"a":1,"b":null})"));
  CHECK_FALSE(Equal(R"({"a":1})", R"({"b":1})"));
  CHECK_FALSE(Equal("{}", "[]"));
  CHECK(Equal(R"({"a":1,"a":2})", R"({"a":2})"));
  CHECK_FALSE(Equal(R"({"a":1,"a":2})", R"({"a":1})"));
}

TEST_CASE("json equality: what is shuffled and spelled anew is equal, what is changed is not") {
  Random random(9);
  for (int i = 0; i < 500; ++i) {
    std::vector<std::string> members, respelled;
    for (uint64_t k = 0, count = 1 + random.Below(6); k < count; ++k) {
      uint64_t number = random.Below(1'000'000);
      std::string key = "\"k" + std::to_string(k) + "\"";
      members.push_back(key + ":" + std::to_string(number));
      respelled.push_back(" \"\\u006b" + std::to_string(k) + "\" : " + std::to_string(number) + "00.0e-2 ");
    }
    auto join = [](const std::vector<std::string>& parts) {
      std::string text;
      for (const std::string& part : parts) text += (text.empty() ? "{" : ",") + part;
      return text + "}";
    };
    std::string original = join(members);
    for (size_t k = respelled.size(); k > 1; --k) std::swap(respelled[k - 1], respelled[random.Below(k)]);
    REQUIRE(Equal(original, join(respelled)));
    respelled[0] += "1";
    if (IsJson(join(respelled))) REQUIRE_FALSE(Equal(original, join(respelled)));
    members.pop_back();
    REQUIRE_FALSE(Equal(original, members.empty() ? "{}" : join(members)));
  }
}
