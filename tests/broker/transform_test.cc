#include "broker/transform.h"

#include <catch2/catch.hpp>
#include <string>

using namespace notifyd;

namespace {

Transform Compiled(const std::string& text) {
  Result<Transform> transform = Transform::Compile(text);
  INFO(text);
  REQUIRE(transform.ok());
  return *transform;
}

std::string Made(const std::string& transform, const std::string& data) {
  Result<JsonTree> tree = JsonTree::Parse(data);
  REQUIRE(tree.ok());
  Result<std::string> made = Compiled(transform).Apply(tree->root(), 1000);
  REQUIRE(made.ok());
  CHECK(JsonTree::Parse(*made).ok());
  // The size that is told before is the size that it has.
  CHECK(Compiled(transform).Apply(tree->root(), made->size()).ok());
  Result<std::string> refused = Compiled(transform).Apply(tree->root(), made->size() - 1);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().code() == Code::kTooLarge);
  return *made;
}

std::string ErrorAt(const std::string& text) {
  Result<Transform> transform = Transform::Compile(text);
  INFO(text);
  REQUIRE_FALSE(transform.ok());
  CHECK(transform.status().code() == Code::kUnacceptable);
  return transform.status().field();
}

}  // namespace

TEST_CASE("transform: picks values as they stand, in its own order") {
  const std::string data = R"({"order":{"id":12345678901234567890.50,"items":[{"sku":"a\u0062"},{"sku":"c"}]},"a/b":{"~":null}})";
  CHECK(Made(R"({"id":"/order/id"})", data) == R"({"id":12345678901234567890.50})");
  CHECK(Made(R"({"z":"/order/items/1/sku","a":"/order/items/0"})", data) == R"({"z":"c","a":{"sku":"a\u0062"}})");
  CHECK(Made(R"({"x\"y":"/a~1b/~0"})", data) == R"({"x\"y":null})");
  CHECK(Made(R"({"all":""})", "[1, 2]") == R"({"all":[1, 2]})");
  CHECK(Made(R"({"all":""})", "5") == R"({"all":5})");
}

TEST_CASE("transform: a pointer to nothing leaves its member out") {
  CHECK(Made(R"({"a":"/none","b":"/b","c":"/b/x","d":"/l/2","e":"/l/01"})", R"({"b":1,"l":[1,2]})") == R"({"b":1})");
  CHECK(Made(R"({"a":"/none"})", "{}") == "{}");
}

TEST_CASE("transform: what is refused, and where") {
  for (const char* text : {"[]", "\"/a\"", "{}", "{", "5"}) CHECK(ErrorAt(text) == "");
  CHECK(ErrorAt(R"({"a":"/x","b":"x"})") == "/b");
  CHECK(ErrorAt(R"({"a":"/~2"})") == "/a");
  CHECK(ErrorAt(R"({"a/b":5})") == "/a~1b");
  CHECK(ErrorAt(R"({"a":{"b":"/x"}})") == "/a");
  std::string many = "{";
  for (int i = 0; i < 64; ++i) many += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"/a\"";
  Compiled(many + "}");
  CHECK(ErrorAt(many + ",\"more\":\"/a\"}") == "/more");
}
