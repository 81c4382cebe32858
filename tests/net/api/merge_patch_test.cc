// JSON Merge Patch: the RFC's examples, the spelling of what stays, and a comparison with the RFC's own pseudo-code on random documents.
#include "base/random.h"
#include "base/json_tree.h"
#include "net/api/merge_patch.h"
#include <catch2/catch.hpp>

#include <map>
#include <optional>

namespace notifyd {
namespace {

std::string Merged(const std::string& target, const std::string& patch) {
  Result<std::string> merged = MergePatch(target, patch);
  return merged.ok() ? *merged : "error " + std::to_string(static_cast<int>(merged.status().code()));
}
const std::string kMalformed = "error " + std::to_string(static_cast<int>(Code::kMalformed));

TEST_CASE("merge patch: the examples of RFC 7396 appendix A") {
  struct Row {
    const char *target, *patch, *merged;
  };
  auto row = GENERATE(values<Row>({
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  }));
  CAPTURE(row.target, row.patch);
  CHECK(Merged(row.target, row.patch) == row.merged);
}

TEST_CASE("merge patch: the example of RFC 7396 section 3") {
  CHECK(Merged(
            R"({"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},"tags":["example","sample"],"content":"This will be unchanged"})",
            R"({"title":"Hello!","phoneNumber":"+01-123-456-7890","author":{"familyName":null},"tags":["example"]})") ==
        R"({"title":"Hello!","author":{"givenName":"John"},"tags":["example"],"content":"This will be unchanged","phoneNumber":"+01-123-456-7890"})");
}

TEST_CASE("merge patch: numbers keep their digits, members their place and spelling") {
  CHECK(Merged(R"({"big":123456789012345678901234567890,"a":1.10,"\u0061b":"\u00e9","z":[ 1,  2 ]})", R"({"n":-0.0e+5,"a":1.50,"c":1E400})") ==
        R"({"big":123456789012345678901234567890,"a":1.50,"\u0061b":"\u00e9","z":[ 1,  2 ],"n":-0.0e+5,"c":1E400})");
}

TEST_CASE("merge patch: keys are the same however they are escaped") {
  CHECK(Merged(R"({"\u0061/":1})", R"({"a\/":2})") == R"({"\u0061/":2})");
}

TEST_CASE("merge patch: an empty patch leaves every byte") {
  CHECK(Merged(R"({ "a" : [1 , 2], "a":3 })", "{ }") == R"({ "a" : [1 , 2], "a":3 })");
}

TEST_CASE("merge patch: of a key that occurs twice the last counts") {
  CHECK(Merged(R"({"a":1,"b":2,"a":3})", R"({"c":5,"b":7,"c":6,"b":8})") == R"({"a":3,"b":8,"c":6})");
  CHECK(Merged(R"({"a":1})", R"({"a":2,"a":null})") == "{}");
}

TEST_CASE("merge patch: nulls inside arrays stay") {
  CHECK(Merged("{}", R"({"a":[null,{"b":null}]})") == R"({"a":[null,{"b":null}]})");
}

TEST_CASE("merge patch: what is not JSON is malformed") {
  CHECK(Merged("{", "{}") == kMalformed);
  CHECK(Merged("{}", "{\"a\":}") == kMalformed);
  CHECK(Merged("", "{}") == kMalformed);
}

TEST_CASE("merge patch: 64 levels are allowed, more are not") {
  auto nested = [](int levels) {
    std::string text;
    for (int i = 0; i < levels; ++i) text += "{\"a\":";
    text += "1";
    return text + std::string(static_cast<size_t>(levels), '}');
  };
  auto arrays = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(Merged("{}", nested(64)) == nested(64));
  CHECK(Merged("{}", nested(65)) == kMalformed);
  CHECK(Merged(nested(64), "{\"b\":1}") != kMalformed);
  CHECK(Merged(nested(65), "{\"b\":1}") == kMalformed);
  CHECK(Merged("{}", "{\"a\":" + arrays(63) + "}") != kMalformed);
  CHECK(Merged("{}", "{\"a\":" + arrays(64) + "}") == kMalformed);
  CHECK(Merged("1", arrays(65)) == kMalformed);
}

// ---- the RFC's pseudo-code, over maps

struct Plain {
  std::optional<std::map<std::string, Plain>> object;
  std::string other;  // JSON text, where it is no object
};

Plain PlainOf(JsonTree::Value value) {
  Plain plain;
  if (value.kind() != JsonTree::Kind::kObject) return plain.other = value.raw(), plain;
  plain.object.emplace();
  value.ForEach([&](JsonTree::Value key, JsonTree::Value member) { (*plain.object)[std::string(key.text())] = PlainOf(member); });
  return plain;
}

Plain MergePlain(Plain target, const Plain& patch) {
  if (!patch.object) return patch;
  if (!target.object) target.object.emplace();
  for (const auto& [name, value] : *patch.object) {
    if (value.other == "null") target.object->erase(name);
    else (*target.object)[name] = MergePlain((*target.object)[name], value);
  }
  return target;
}

std::string TextOf(const Plain& plain) {
  if (!plain.object) return plain.other;
  std::string text;
  for (const auto& [name, value] : *plain.object) text += (text.empty() ? "\"" : ",\"") + name + "\":" + TextOf(value);
  return "{" + text + "}";
}

std::string RandomJson(Random* random, int depth) {
  static constexpr const char* kScalars[] = {"null", "1", "1.0", "-2e3", "true", "\"x\"", "[]", "[null,{\"a\":null}]"};
  if (depth == 0 || random->Chance(0.4)) return kScalars[random->Below(std::size(kScalars))];
  std::string text;
  for (uint64_t i = random->Below(5); i > 0; --i) {
    text += text.empty() ? "\"" : ",\"";
    text += std::string(1, static_cast<char>('a' + random->Below(6))) + "\":" + RandomJson(random, depth - 1);
  }
  return "{" + text + "}";
}

TEST_CASE("merge patch: random documents come out as the RFC's pseudo-code makes them") {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    std::string target = RandomJson(&random, 4), patch = RandomJson(&random, 4);
    CAPTURE(seed, target, patch);
    Result<JsonTree> merged = JsonTree::Parse(Merged(target, patch));
    REQUIRE(merged.ok());
    Result<JsonTree> target_tree = JsonTree::Parse(target), patch_tree = JsonTree::Parse(patch);
    REQUIRE(TextOf(PlainOf(merged->root())) == TextOf(MergePlain(PlainOf(target_tree->root()), PlainOf(patch_tree->root()))));
  }
}

}  // namespace
}  // namespace notifyd
