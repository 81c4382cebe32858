#include "broker/schema.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "broker/schema_cache.h"

using namespace notifyd;

namespace {

std::shared_ptr<const Schema> Compiled(const std::string& text) {
  Result<std::shared_ptr<const Schema>> schema = Schema::Compile(text);
  INFO(text << ": " << (schema.ok() ? "" : schema.status().detail() + " at " + schema.status().field()));
  REQUIRE(schema.ok());
  return *schema;
}

std::string RefusedAt(const std::string& text) {
  Result<std::shared_ptr<const Schema>> schema = Schema::Compile(text);
  INFO(text);
  REQUIRE_FALSE(schema.ok());
  CHECK(schema.status().code() == Code::kUnacceptable);
  CHECK(schema.status().detail() != "");
  return schema.status().field();
}

Status Judged(const std::string& schema, const std::string& data) {
  Result<JsonTree> tree = JsonTree::Parse(data);
  REQUIRE(tree.ok());
  return Compiled(schema)->Validate(tree->root());
}

/// Where the data is wrong; "ok" where it is not.
std::string WrongAt(const std::string& schema, const std::string& data) {
  Status status = Judged(schema, data);
  INFO(schema << " of " << data << ": " << status.detail());
  if (status.ok()) return "ok";
  CHECK(status.code() == Code::kUnacceptable);
  CHECK(status.detail() != "");
  return status.field();
}

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

/// "x,x,x" in what is given around it.
std::string ListOf(const std::string& before, const std::string& text, int times, const std::string& behind) {
  return before + Repeated(text + ",", times - 1) + text + behind;
}

std::string ObjectOf(int count) {
  std::string all = "{\"a0\":0";
  for (int i = 1; i < count; ++i) all += ",\"a" + std::to_string(i) + "\":0";
  return all + "}";
}

bool IsTooDear(const std::string& schema, const std::string& data) {
  return Judged(schema, data).detail().find("too long") != std::string::npos;
}

uint64_t StepsToJudge(const std::string& schema, const std::string& data) {
  Result<JsonTree> tree = JsonTree::Parse(data);
  REQUIRE(tree.ok());
  uint64_t steps = 0;
  CHECK(Compiled(schema)->Validate(tree->root(), &steps).ok());
  return steps;
}

}  // namespace

TEST_CASE("schema: the official test suite of draft 7, where it is there") {
  const std::filesystem::path folder = "/usr/share/json-schema-test-suite/tests/draft7";
  if (!std::filesystem::exists(folder)) {
    WARN("the package json-schema-test-suite is not installed");
    return;
  }
  // What refers to other documents is refused when it is compiled.
  const std::set<std::string> refused = {"http://json-schema.org/draft-07/schema#",
                                         "http://localhost:1234/integer.json",
                                         "http://localhost:1234/subSchemas.json#/integer",
                                         "http://localhost:1234/subSchemas.json#/refToInteger",
                                         "folderInteger.json",
                                         "name.json#/definitions/orNull"};
  size_t judged = 0, left_out = 0;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  files.push_back(folder / "optional/bignum.json");
  files.push_back(folder / "optional/zeroTerminatedFloats.json");
  for (const std::filesystem::path& file : files) {
    std::ifstream stream(file);
    Result<JsonTree> suite = JsonTree::Parse(std::string(std::istreambuf_iterator<char>(stream), {}));
    REQUIRE(suite.ok());
    suite->root().ForEach([&](JsonTree::Value, JsonTree::Value group) {
      const std::string schema(group.At("/schema")->raw());
      INFO(file.filename() << ": " << group.At("/description")->text() << ": " << schema);
      Result<std::shared_ptr<const Schema>> compiled = Schema::Compile(schema);
      if (!compiled.ok() && compiled.status().field().ends_with("/$ref")) {
        const std::optional<JsonTree::Value> reference = group.At("/schema" + compiled.status().field());
        REQUIRE(reference.has_value());
        CHECK(refused.contains(std::string(reference->text())));
        ++left_out;
        return;
      }
      REQUIRE(compiled.ok());
      group.At("/tests")->ForEach([&](JsonTree::Value, JsonTree::Value test) {
        Status status = (*compiled)->Validate(*test.At("/data"));
        INFO(test.At("/description")->text() << ": " << test.At("/data")->raw() << ": " << status.detail());
        CHECK(status.ok() == (test.At("/valid")->kind() == JsonTree::Kind::kTrue));
        ++judged;
      });
    });
  }
  CHECK(judged > 400);
  CHECK(left_out <= 10);
}

TEST_CASE("schema: says where in the data it is wrong") {
  const std::string schema = R"({"type":"object","required":["id"],"additionalProperties":false,"properties":{
    "id":{"type":"integer","minimum":1},"a/b":{"type":"array","items":{"type":"string","maxLength":2}},
    "both":{"dependencies":{"x":["y"]}},"any":{"anyOf":[{"type":"null"},{"properties":{"z":false}}]}}})";
  CHECK(WrongAt(schema, R"({"id":5,"a/b":["xx"]})") == "ok");
  CHECK(WrongAt(schema, "[]") == "");
  CHECK(WrongAt(schema, "{}") == "/id");
  CHECK(WrongAt(schema, R"({"id":1.5})") == "/id");
  CHECK(WrongAt(schema, R"({"id":0})") == "/id");
  CHECK(WrongAt(schema, R"({"id":1,"a/b":["x","xyz"]})") == "/a~1b/1");
  CHECK(WrongAt(schema, R"({"id":1,"more":1})") == "/more");
  CHECK(WrongAt(schema, R"({"id":1,"both":{"x":1}})") == "/both/y");
  CHECK(WrongAt(schema, R"({"id":1,"any":{"z":1}})") == "/any");
}

TEST_CASE("schema: numbers are judged as they are written") {
  CHECK(WrongAt(R"({"maximum":9007199254740992})", "9007199254740993") == "");
  CHECK(WrongAt(R"({"maximum":9007199254740993})", "9007199254740993") == "ok");
  CHECK(WrongAt(R"({"exclusiveMinimum":0.1})", "0.10000000000000000000000000000000001") == "ok");
  CHECK(WrongAt(R"({"multipleOf":0.01})", "4.35") == "ok");
  CHECK(WrongAt(R"({"multipleOf":0.01})", "123456789012345678901234567890.355") == "");
  CHECK(WrongAt(R"({"multipleOf":0.01})", "1e999999999999999999999") == "ok");
  CHECK(WrongAt(R"({"type":"integer"})", "1e400") == "ok");
  CHECK(WrongAt(R"({"type":"integer"})", "1.0") == "ok");
  CHECK(WrongAt(R"({"type":"integer"})", "1e-1") == "");
  CHECK(WrongAt(R"({"const":1e400})", "10e399") == "ok");
  CHECK(WrongAt(R"({"const":1e400})", "1e401") == "");
  CHECK(WrongAt(R"({"enum":[18446744073709551617]})", "18446744073709551616") == "");
  CHECK(WrongAt(R"({"uniqueItems":true})", "[18446744073709551616,18446744073709551617,1e400,1e401]") == "ok");
  CHECK(WrongAt(R"({"uniqueItems":true})", "[1e400,5,10e399]") == "");
  CHECK(WrongAt(R"({"uniqueItems":true})", R"([{"a":1,"b":[2.0]},{"b":[2],"a":1e0}])") == "");
  CHECK(WrongAt(R"({"maxLength":2.0})", R"("\ud83d\ude00x")") == "ok");
  CHECK(WrongAt(R"({"maxLength":1e30})", R"("x")") == "ok");
}

TEST_CASE("schema: what is refused, and where") {
  CHECK(RefusedAt("5") == "");
  CHECK(RefusedAt("{") == "");
  CHECK(RefusedAt(R"({"$schema":"http://json-schema.org/draft-04/schema#"})") == "/$schema");
  CHECK(RefusedAt(R"({"type":"int"})") == "/type");
  CHECK(RefusedAt(R"({"type":[]})") == "/type");
  CHECK(RefusedAt(R"({"properties":{"a/b":{"minLength":-1}}})") == "/properties/a~1b/minLength");
  CHECK(RefusedAt(R"({"items":[{},{"maxItems":1.5}]})") == "/items/1/maxItems");
  CHECK(RefusedAt(R"({"multipleOf":0})") == "/multipleOf");
  CHECK(RefusedAt(R"({"minimum":"5"})") == "/minimum");
  CHECK(RefusedAt(R"({"exclusiveMinimum":true})") == "/exclusiveMinimum");
  CHECK(RefusedAt(R"({"pattern":"("})") == "/pattern");
  CHECK(RefusedAt(R"x({"pattern":"(?=x)"})x") == "/pattern");
  CHECK(RefusedAt(R"({"pattern":"(a)\\1"})") == "/pattern");
  CHECK(RefusedAt(R"({"pattern":"^\\S(|(.|\\n)*\\S)\\Z"})") == "/pattern");
  CHECK(RefusedAt(R"({"patternProperties":{"[":{}}})") == "/patternProperties/[");
  CHECK(RefusedAt(R"({"allOf":[]})") == "/allOf");
  CHECK(RefusedAt(R"({"anyOf":{}})") == "/anyOf");
  CHECK(RefusedAt(R"({"required":"a"})") == "/required");
  CHECK(RefusedAt(R"({"required":[1]})") == "/required");
  CHECK(RefusedAt(R"({"dependencies":{"a":5}})") == "/dependencies/a");
  CHECK(RefusedAt(R"({"uniqueItems":1})") == "/uniqueItems");
  CHECK(RefusedAt(R"({"enum":5})") == "/enum");
  CHECK(RefusedAt(R"({"$ref":5})") == "/$ref");
  CHECK(RefusedAt(R"({"items":{"$ref":"http://example.com/x.json"}})") == "/items/$ref");
  CHECK(RefusedAt(R"({"$ref":"file:///etc/passwd"})") == "/$ref");
  CHECK(RefusedAt(R"({"$ref":"#/definitions/none"})") == "/$ref");
  CHECK(RefusedAt(R"({"$ref":"#none"})") == "/$ref");
  CHECK(RefusedAt("{\"description\":\"" + std::string(70'000, 'x') + "\"}") == "");
  std::string patterns;
  for (int i = 0; i < 65; ++i) patterns += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":{}";
  CHECK(RefusedAt("{\"patternProperties\":{" + patterns + "}}") == "/patternProperties/64");
}

TEST_CASE("schema: what would refer to itself for ever is refused; what goes into the value is not") {
  CHECK(RefusedAt(R"({"$ref":"#"})") == "");
  CHECK(RefusedAt(R"({"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"allOf":[{"$ref":"#/definitions/a"}]}}})").starts_with("/definitions/"));
  CHECK(RefusedAt(R"({"not":{"if":{"$ref":"#"}}})") != "/nowhere");
  const std::string list = R"({"properties":{"next":{"$ref":"#"},"value":{"type":"string"}},"additionalProperties":false})";
  CHECK(WrongAt(list, R"({"next":{"next":{"value":"x"}}})") == "ok");
  CHECK(WrongAt(list, R"({"next":{"next":{"value":5}}})") == "/next/next/value");
}

TEST_CASE("schema: refers into itself by pointer, name and path") {
  const std::string schema =
      R"({"$id":"http://h/root.json","definitions":{"n":{"$id":"#number","type":"number"},"t":{"$id":"text.json","type":"string",
    "definitions":{"short":{"maxLength":1}}}},"properties":{"a":{"$ref":"#number"},"b":{"$ref":"text.json"},"c":{"$ref":"text.json#/definitions/short"},
    "d":{"$ref":"http://h/root.json#/definitions/n"},"e":{"$ref":"#/x-other/y%25z"}},"x-other":{"y%z":{"type":"null"}}})";
  CHECK(WrongAt(schema, R"({"a":1,"b":"x","c":"x","d":1,"e":null})") == "ok");
  CHECK(WrongAt(schema, R"({"a":"1"})") == "/a");
  CHECK(WrongAt(schema, R"({"b":1})") == "/b");
  CHECK(WrongAt(schema, R"({"c":"xy"})") == "/c");
  CHECK(WrongAt(schema, R"({"d":"1"})") == "/d");
  CHECK(WrongAt(schema, R"({"e":1})") == "/e");
}

TEST_CASE("schema: patterns mean what ECMA has them mean") {
  const auto matches = [](const std::string& pattern, const std::string& text) {
    return WrongAt("{\"pattern\":\"" + pattern + "\"}", "\"" + text + "\"") == "ok";
  };
  CHECK(matches("b", "abc"));
  CHECK_FALSE(matches("^b$", "abc"));
  CHECK_FALSE(matches("^a$", "a\\n"));
  CHECK(matches("^\\\\u0061\\\\cJ$", "a\\n"));
  CHECK(matches("^\\\\ud83d\\\\ude00.$", "\\ud83d\\ude00\\ud83d\\ude00"));
  CHECK(matches("^\\\\s\\\\S$", "\\ufeffx"));
  CHECK(matches("^[\\\\s][\\\\S]$", "\\u00a0x"));
  CHECK_FALSE(matches("^.$", "\\u2028"));
  CHECK_FALSE(matches("^\\\\d$", "\\u0661"));
  CHECK(matches("^[^]$", "\\n"));
  CHECK_FALSE(matches("[]", "]"));
  CHECK(matches("^[[:a]+$", "[:a"));
  CHECK(matches("^(?<year>[0-9]{4})$", "2026"));
  CHECK(matches("^\\\\p{L}+\\\\/$", "\\u00e4\\u00df/"));
  CHECK(matches("^[\\\\b\\\\0]{2}$", "\\b\\u0000"));
}

TEST_CASE("schema: neither patterns nor references made for it stop it") {
  // By backtracking, and by trying each way, these would not end.
  CHECK(WrongAt(R"({"pattern":"^(a+)+$"})", "\"" + std::string(100'000, 'a') + "b\"") == "");
  std::string twice = R"("definitions":{"d0":{"type":"string"})";
  for (int i = 1; i <= 60; ++i) {
    const std::string below = "{\"$ref\":\"#/definitions/d" + std::to_string(i - 1) + "\"}";
    twice += ",\"d" + std::to_string(i) + "\":{\"anyOf\":[" + below + "," + below + "]}";
  }
  twice += "}";
  CHECK(Judged("{\"$ref\":\"#/definitions/d60\"," + twice + "}", "\"x\"").ok());
  CHECK(Judged("{\"$ref\":\"#/definitions/d60\"," + twice + "}", "5").detail().find("too long") != std::string::npos);
  // "not" around what could not be told says no more than that.
  CHECK(Judged("{\"not\":{\"$ref\":\"#/definitions/d60\"}," + twice + "}", "5").detail().find("too long") != std::string::npos);
  const std::string deep =
      R"({"items":{"$ref":"#/definitions/a"},"definitions":{"a":{"allOf":[{"allOf":[{"allOf":[{"allOf":[{"allOf":[{"$ref":"#"}]}]}]}]}]}}})";
  CHECK(Judged(deep, Repeated("[", 100) + Repeated("]", 100)).ok());
  CHECK(Judged(deep, Repeated("[", 250) + Repeated("]", 250)).detail().find("too long") != std::string::npos);
  const std::string many = ListOf("[", "0", 200'000, "]");
  CHECK(WrongAt(R"({"items":{"type":"integer","maximum":5}})", many) == "ok");
  CHECK(WrongAt(ListOf("{\"enum\":[", "[]", 10'000, "]}"), many) == "");
  CHECK(IsTooDear(ListOf("{\"contains\":{\"enum\":[", "[1]", 1'000, "]}}"), ListOf("[", "[2]", 1'000, "]")));
}

TEST_CASE("schema: all that is gone through, compared or searched is counted, at each visit") {
  struct Visits {
    std::string schema;
    std::string data;
    uint64_t least;
  };
  const auto all_of = [](const std::string& schema, int times) { return ListOf("{\"allOf\":[", schema, times, "]}"); };
  const std::string same = R"({"definitions":{"n":{"minimum":1}},"allOf":[)";
  const std::vector<Visits> visits = {
      {all_of(R"({"required":["a0"]})", 10), ObjectOf(1'000), 10 * 1'000},
      {all_of(R"({"maxProperties":2000})", 10), ObjectOf(1'000), 10 * 1'000},
      {all_of(R"({"properties":{"b":{}}})", 10), ObjectOf(1'000), 10 * 1'000},
      {R"({"required":[")" + Repeated("a0\",\"", 10'000) + R"(a0"]})", ObjectOf(1), 2},
      {ListOf(R"({"items":{"dependencies":{"a0":[)", "\"a0\"", 10'000, "]}}}"), ListOf("[", ObjectOf(1), 10, "]"), 10 * 10'000 / 32},
      {all_of(R"({"minItems":4000})", 10), ListOf("[", "0", 4'000, "]"), 10 * 4'000 / 8},
      {all_of(R"({"uniqueItems":true})", 10), "[\"" + std::string(32'000, 'x') + "\"]", 10 * 1'000},
      {all_of(R"({"minLength":20000})", 10), "\"" + std::string(32'000, 'x') + "\"", 10 * 1'000},
      {all_of(R"({"const":")" + std::string(3'200, 'x') + "\"}", 10), "\"" + std::string(3'200, 'x') + "\"", 10 * 100},
      {ListOf(same, R"({"$ref":"#/definitions/n"})", 10, "]}"), std::string(16'000, '1'), 10 * 1'000},
      {"{\"items\":{\"maximum\":" + std::string(16'000, '1') + "}}", ListOf("[", "0", 10, "]"), 10 * 1'000},
      {all_of(R"({"type":"integer"})", 10), std::string(16'000, '1') + ".0", 10 * 1'000},
      {all_of(R"({"multipleOf":7})", 1), std::string(16'000, '7'), 4'000},
      {R"({"pattern":"^(ab|cd)*$"})", "\"" + Repeated("ab", 5'000) + "\"", 10'000 / 2},
  };
  for (const Visits& each : visits) {
    INFO(each.schema.substr(0, 100));
    CHECK(StepsToJudge(each.schema, each.data) >= each.least);
  }
  CHECK(StepsToJudge(visits[3].schema, visits[3].data) < 10);  // of a name that is there once
  // Each of these took seconds.
  const std::string text(1'000'000, 'a');
  CHECK(IsTooDear(all_of(R"({"required":["a0"]})", 300), ObjectOf(90'000)));
  CHECK(IsTooDear(R"({"pattern":"([ab]{0,30}a){0,30}[ab]{900}c$"})", "\"" + text + "c\""));
  CHECK(IsTooDear(ListOf(same, R"({"$ref":"#/definitions/n"})", 2'000, "]}"), std::string(1'000'000, '1')));
  CHECK(IsTooDear(all_of(R"({"minLength":500000})", 2'500), "\"" + text + "\""));
  CHECK(IsTooDear(all_of(R"({"minItems":520000})", 1'000), ListOf("[", "0", 520'000, "]")));
}

TEST_CASE("schema: a pattern counts by the places that a text may be at in it, which are few in most") {
  std::string wild;
  for (uint32_t i = 0, x = 1; i < 1'000; ++i, x = x * 1'103'515'245 + 12'345) wild += (x >> 16 & 1) != 0 ? 'a' : 'b';
  const std::string texts = R"({"items":{"pattern":")", uuid = "\"123e4567-e89b-12d3-a456-426614174000\"";
  CHECK(IsTooDear(R"({"contains":{"pattern":"[ab]*a[ab]{300}c"}})", ListOf("[", "\"" + wild + "\"", 100, "]")));
  CHECK(WrongAt(texts + "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$\"}}", ListOf("[", uuid, 2'000, "]")) == "ok");
  CHECK(WrongAt(texts + "^.{1,255}$\"}}", ListOf("[", "\"" + std::string(200, 'x') + "\"", 200, "]")) == "ok");
  // Not those that may begin anywhere, or be in any of several places at once.
  const auto steps = [&](const std::string& pattern) { return StepsToJudge("{\"pattern\":\"" + pattern + "\"}", "\"" + wild + "\""); };
  CHECK(steps("^[ab]{300}") < 1'000);
  for (const char* pattern : {"[ab]{300}", "^[ab]*[ab]{300}", "^(a|b){300}", "x|^[ab]{300}", "^a?[ab]{1,300}"}) {
    INFO(pattern);
    CHECK(steps(pattern) > 10'000);
  }
}

TEST_CASE("schema: patterns are refused that are too large, one or together") {
  CHECK(RefusedAt(R"({"pattern":"^.{1,1000}$"})") == "/pattern");
  CHECK(RefusedAt(R"({"patternProperties":{"^.{1,255}$":{},"^.{1,254}$":{},"^.{1,253}$":{},"^.{1,252}$":{}}})") == "/patternProperties/^.{1,252}$");
  // What is left out of its program is compiled all the same: this took seconds.
  CHECK(RefusedAt("{\"pattern\":\"" + Repeated("\\\\p{L}{0}", 6'000) + "\"}") == "/pattern");
  CHECK(Compiled("{\"pattern\":\"" + Repeated("\\\\p{L}{0}", 50) + "\"}")->compiled_bytes() > 50'000);
  const std::string letters = R"({"pattern":"^[\\p{L}\\p{N}]{3}$"})";
  CHECK(Compiled(letters)->compiled_bytes() > 500 * letters.size());
}

TEST_CASE("schema: what is compiled does not take hundreds of times the memory of its text") {
  for (const char* schema : {"{}", "{\"not\":false}", "true", "{\"$ref\":\"#/allOf/0\"}", "{\"required\":[\"a\"]}"}) {
    const std::string text = ListOf("{\"allOf\":[{},", schema, 2'500, "]}");
    INFO(schema);
    CHECK(Compiled(text)->bytes() < 100 * text.size());
    CHECK(Compiled(text)->bytes() > text.size());
  }
  std::string patterns = "{\"patternProperties\":{";
  for (int i = 0; i < 64; ++i) patterns += (i > 0 ? ",\"^x" : "\"^x") + std::to_string(i) + "$\":{}";
  CHECK(Compiled(patterns + "}}")->bytes() < 64 * 64 * 1024);
}

TEST_CASE("schema cache: keeps those that were asked for last, in so many bytes") {
  SchemaCache cache;
  CHECK(cache.Find("t0") == nullptr);
  CHECK_FALSE(cache.Compile("t0", "5").ok());
  const std::string text = ListOf("{\"allOf\":[", "{}", 13'000, "]}");
  const size_t each = Compiled(text)->bytes();
  const size_t room = SchemaCache::kMaxBytes / each;
  for (size_t i = 0; i <= room; ++i) {
    REQUIRE(cache.Compile("t" + std::to_string(i), text).ok());
    CHECK(cache.Find("t0") != nullptr);
    CHECK(cache.bytes() <= SchemaCache::kMaxBytes);
  }
  CHECK(cache.bytes() == room * each);
  CHECK(cache.Find("t1") == nullptr);
  CHECK(cache.Find("t2") != nullptr);
  REQUIRE(cache.Compile("t2", "{}").ok());
  CHECK(cache.bytes() < room * each);
  cache.Forget("t2");
  CHECK(cache.Find("t2") == nullptr);
  CHECK(cache.bytes() == (room - 1) * each);
}
