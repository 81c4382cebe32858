#include "broker/schema.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

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
  std::string many = "[0", values = "[[]";
  for (int i = 1; i < 200'000; ++i) many += ",0";
  for (int i = 1; i < 10'000; ++i) values += ",[]";
  CHECK(Judged("{\"enum\":" + values + "]}", many + "]").detail().find("too long") != std::string::npos);
  CHECK(WrongAt(R"({"items":{"type":"integer","maximum":5}})", many + "]") == "ok");
}
