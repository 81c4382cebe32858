// JsonReader: what is JSON, what is not, and prints of items.
#include "base/json_reader.h"

#include <catch2/catch.hpp>

#include "base/random.h"
#include "base/json_tree.h"

namespace notifyd {
namespace {

struct Outcome {
  Code code = Code::kOk;
  std::string field;
  std::vector<std::string> items;  // raw
  bool is_array = false;
};

Outcome Read(std::string body, size_t max_items = 10) {
  JsonReader reader;
  Outcome outcome;
  Status status = reader.Read(body, max_items, &outcome.is_array, [&](const JsonValue& item) {
    outcome.items.emplace_back(item.raw);
    return Status::Ok();
  });
  outcome.code = status.code();
  outcome.field = status.field();
  return outcome;
}

Fingerprint PrintOf(std::string body) {
  JsonReader reader;
  bool is_array = false;
  Fingerprint print;
  Status status = reader.Read(body, 0, &is_array, [&](const JsonValue& item) {
    print = reader.PrintOf(item, "key");
    return Status::Ok();
  });
  CHECK(status.ok());
  return print;
}

TEST_CASE("JSON reader: what is not JSON is malformed") {
  auto body = GENERATE(as<std::string>(), "", "  ", "{", "}", "[", "]", "{]", "[}", "{}}", "{} {}", "{}x", "nullx", "12 13", "\"a\" x", "{,}",
                       "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{1:2}", "{a:1}", "{'a':1}", "[1,]", "[,1]", "[1 2]",
                       "[[1]", "[1]]", "{\"a\":{\"b\":1}", "[{\"a\":1]", "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":+1}", "{\"a\":-}",
                       "{\"a\":1e}", "{\"a\":0x1}", "{\"a\":NaN}", "{\"a\":tru}", "{\"a\":truex}", "{\"a\":nul}", "{\"a\":\"x}", "{\"a\":\"x\"y}",
                       "{\"a\":\"\\q\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}",
                       "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\ud800\"}", "{\"\\ud800\":1}", "\xef\xbb{}", "\xef\xbb\xbf",
                       "\xef\xbb\xbf\xef\xbb\xbf{}", "{}\xef\xbb\xbf", "// x\n{}");
  CAPTURE(body);
  CHECK(Read(body).code == Code::kMalformed);
}

TEST_CASE("JSON reader: a byte order mark in front is skipped") {
  Outcome outcome = Read("\xef\xbb\xbf {\"a\":\"\xef\xbb\xbf\"}");
  CHECK(outcome.code == Code::kOk);
  CHECK(PrintOf("\xef\xbb\xbf{\"a\":[1]}") == PrintOf("{\"a\":[1]}"));
}

TEST_CASE("JSON reader: an object is handed out as it was submitted, without whitespace around it") {
  Outcome outcome = Read(" \r\n {\"a\": [1, 2.50, 1e400, 123456789012345678901234567890 ] } \n");
  CHECK(outcome.code == Code::kOk);
  CHECK_FALSE(outcome.is_array);
  CHECK(outcome.items == std::vector<std::string>{"{\"a\": [1, 2.50, 1e400, 123456789012345678901234567890 ] }"});
}

TEST_CASE("JSON reader: an array is handed out item by item") {
  Outcome outcome = Read("[ {\"a\":1} , 2,\"x\" , [3] ]");
  CHECK(outcome.is_array);
  CHECK(outcome.items == std::vector<std::string>{"{\"a\":1}", "2", "\"x\"", "[3]"});
}

TEST_CASE("JSON reader: members of members are seen with decoded keys and texts") {
  JsonReader reader;
  std::string body = R"({"a\u0062":{"x":"\u00e9\u0000!","y":[true,null]},"data":{"z":1},"n": -1.50 })";
  bool is_array = false;
  Status status = reader.Read(body, 0, &is_array, [&](const JsonValue& item) {
    std::vector<const JsonValue*> members;
    for (const JsonValue& member : item) members.push_back(&member);
    REQUIRE(members.size() == 3);
    CHECK(members[0]->key == "ab");
    const JsonValue& x = *members[0]->begin();
    CHECK(x.key == "x");
    CHECK(x.text == std::string_view("\xc3\xa9\0!", 4));
    CHECK(x.raw == R"("\u00e9\u0000!")");
    CHECK(members[0]->span == 5);
    CHECK(members[1]->raw == R"({"z":1})");
    CHECK(members[1]->span == 1);
    CHECK(members[2]->text == "-1.50");
    return Status::Ok();
  });
  CHECK(status.ok());
}

TEST_CASE("JSON reader: 64 levels are taken, 65 are malformed") {
  auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(Read(nested(64)).code == Code::kOk);
  CHECK(Read(nested(65)).code == Code::kMalformed);
  CHECK(Read(nested(1'000'000)).code == Code::kMalformed);
  CHECK(Read("{\"data\":" + nested(63) + "}").code == Code::kOk);
  CHECK(Read("{\"data\":" + nested(64) + "}").code == Code::kMalformed);
}

TEST_CASE("JSON reader: a key that occurs twice is refused at any depth, with its pointer") {
  CHECK(Read(R"({"a":1,"b":2,"a":3})").field == "/a");
  CHECK(Read(R"({"a":1,"\u0061":3})").field == "/a");
  CHECK(Read(R"({"data":{"x":[0,{"c/d":1,"c/d":2}]}})").field == "/data/x/1/c~1d");
  CHECK(Read(R"([{"a":1},{"a":{"b":1,"b":1}}])").field == "/1/a/b");
  CHECK(Read(R"({"a":{"b":1},"c":{"b":1}})").code == Code::kOk);
  CHECK(Read(R"({"":1,"":2})").code == Code::kUnacceptable);
}

TEST_CASE("JSON reader: a repeated key is found among many") {
  std::string body = "{";
  for (int i = 0; i < 20'000; ++i) body += "\"k" + std::to_string(i) + "\":0,";
  CHECK(Read(body + "\"x\":0}").code != Code::kMalformed);
  CHECK(Read("{\"data\":" + body + "\"x\":0}}").code == Code::kOk);
  Outcome twice = Read("{\"data\":" + body + "\"k777\":0}}");
  CHECK(twice.code == Code::kUnacceptable);
  CHECK(twice.field == "/data/k777");
}

TEST_CASE("JSON reader: malformed wins over unacceptable wherever it stands") {
  CHECK(Read(R"({"a":1,"a":2})").code == Code::kUnacceptable);
  CHECK(Read(R"({"a":1,"a":2},)").code == Code::kMalformed);
  CHECK(Read(R"([{"a":1,"a":2},{])").code == Code::kMalformed);
  CHECK(Read("[1,2,3,4", 2).code == Code::kMalformed);
}

TEST_CASE("JSON reader: the number of items is bounded on both sides") {
  CHECK(Read("[1,2]", 2).code == Code::kOk);
  CHECK(Read("[1,2,3]", 2).code == Code::kTooLarge);
  CHECK(Read("[]", 2).code == Code::kUnacceptable);
  CHECK(Read("[{}]", 0).code == Code::kUnacceptable);
  CHECK(Read("7").code == Code::kUnacceptable);
  CHECK(Read("\"x\"").code == Code::kUnacceptable);
  CHECK(Read("null").code == Code::kUnacceptable);
}

TEST_CASE("JSON reader: a failure in an item carries its index") {
  JsonReader reader;
  std::string body = "[{},{}]";
  bool is_array = false;
  int calls = 0;
  Status status =
      reader.Read(body, 5, &is_array, [&](const JsonValue&) { return ++calls == 2 ? Status(Code::kUnacceptable, "no", "/url") : Status::Ok(); });
  CHECK(status.field() == "/1/url");
}

TEST_CASE("JSON reader: a print does not move with order, whitespace or escapes") {
  Fingerprint print = PrintOf(R"({"a":{"x":1,"y":[1,2]},"b":"é"})");
  CHECK(print == PrintOf(R"(  {"b" : "\u00e9", "a": {"y":[ 1,2 ],"x":1}})"));
  CHECK(print == PrintOf(R"({"b":"é","a":{"y":[1,2],"x":1},"key":"left out"})"));
  CHECK(print == PrintOf(R"({"b":"é","a":{"y":[1,2],"x":1,"z":null},"c":null})"));
}

TEST_CASE("JSON reader: a print moves with content") {
  Fingerprint print = PrintOf(R"({"a":{"x":1,"y":[1,2]},"b":"é"})");
  auto other = GENERATE(as<std::string>(), R"({"a":{"x":1,"y":[2,1]},"b":"é"})", R"({"a":{"x":1.0,"y":[1,2]},"b":"é"})",
                        R"({"a":{"x":1,"y":[1,2]},"b":"e"})", R"({"a":{"x":"1","y":[1,2]},"b":"é"})", R"({"a":{"x":1},"y":[1,2],"b":"é"})",
                        R"({"a":{"x":1,"y":[1,[2]]},"b":"é"})", R"({"a":{"x":1,"y":[1,2],"key":1},"b":"é"})");
  CAPTURE(other);
  CHECK_FALSE(print == PrintOf(other));
  CHECK_FALSE(PrintOf(R"({"data":{"x":null}})") == PrintOf(R"({"data":{}})"));
}

TEST_CASE("JSON reader: a text with nothing to spare behind it is read all the same, and stays where it is") {
  const std::string members = R"("a":"b\u0041","c":[1,{"d":null}])";
  std::string tight = "{" + members + "}";
  tight.shrink_to_fit();
  REQUIRE(tight.capacity() < tight.size() + JsonReader::kPaddingBytes);
  const char* const at = tight.data();
  CHECK(PrintOf(tight) == PrintOf("{ " + members + " }" + std::string(JsonReader::kPaddingBytes, ' ')));
  JsonReader reader;
  bool is_array = false;
  const auto read = [&](std::string_view text, size_t readable) {
    std::string raw;
    CHECK(reader.Read(text, readable, 0, &is_array, [&](const JsonValue& item) { return raw = item.raw, Status::Ok(); }).ok());
    return raw;
  };
  CHECK(reader.Read(tight, 0, &is_array, [](const JsonValue&) { return Status::Ok(); }).ok());
  CHECK(tight.data() == at);
  // The second is no longer than the first, whose end must not be taken for its own.
  CHECK(read(tight, tight.size()) == tight);
  CHECK(read("{}", 2) == "{}");
}

TEST_CASE("JSON reader: agrees with an independent parser on mutated documents") {
  const std::string seeds[] = {R"({"a":[1,-2.5e+3,"x\u00e9\\\"",true,false,null,{"b":{}}],"c":"ü😀","data":{"d":[[],[{}]]}})",
                               R"([{"a":1},{"b":[0,1]},"\ud83d\ude00"])"};
  constexpr std::string_view kAlphabet = "{}[],:\"\\u0d8e1-+. \ntfn\x80\xc3\x00";
  Random random(7);
  JsonReader reader;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seeds[round % 2];
    for (uint64_t edits = 1 + random.Below(3); edits > 0; --edits) {
      size_t at = random.Below(text.size());
      char c = kAlphabet[random.Below(kAlphabet.size())];
      switch (random.Below(3)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1 + random.Below(3));
          break;
      }
    }
    bool is_array = false;
    std::string body = text;
    Status status = reader.Read(body, 1000, &is_array, [](const JsonValue&) { return Status::Ok(); });
    INFO(text);
    REQUIRE(body == text);
    REQUIRE((status.code() != Code::kMalformed) == JsonTree::Parse(text).ok());
  }
}

}  // namespace
}  // namespace notifyd
