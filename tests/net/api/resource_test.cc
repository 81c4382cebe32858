// What requests for resources with a PUT share: ETags, conditions, the query and the form of their lists.
#include "net/api/resource.h"

#include "api_fixture.h"
#include "net/api/list_query.h"

namespace notifyd {
namespace {

HttpRequest With(Headers headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

TEST_CASE("resource: an ETag is of the bytes, in the form that notifies' have") {
  const std::string etag = ETagOfBytes("a");
  CHECK(etag.size() == 34);
  CHECK(etag.front() == '"');
  CHECK(etag.back() == '"');
  CHECK(etag.find_first_not_of("0123456789abcdef\"") == std::string::npos);
  CHECK(etag == ETagOfBytes("a"));
  CHECK(etag != ETagOfBytes("b"));
  CHECK(ETagOfPrint({0x1, 0xab}) == "\"000000000000000100000000000000ab\"");
}

TEST_CASE("resource: a condition holds for what it names, and for nothing else") {
  struct Case {
    Headers headers;
    bool holds_for_a, holds_for_b, holds_for_none;
  };
  const std::string a = ETagOfBytes("a"), b = ETagOfBytes("b");
  std::string capitals = a;
  for (char& c : capitals) c = static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
  REQUIRE(capitals != a);
  const Case cases[] = {
      {{}, true, true, true},
      {{{"if-none-match", "*"}}, false, false, true},
      {{{"If-Match", "*"}}, true, true, false},
      {{{"If-Match", a}}, true, false, false},
      {{{"If-Match", b + ", " + a}}, true, true, false},
      {{{"If-Match", b}, {"if-match", a}}, true, true, false},
      {{{"If-Match", "W/" + a}}, false, false, false},
      {{{"If-Match", "\"7\""}}, false, false, false},
      {{{"If-Match", capitals}}, false, false, false},
      {{{"If-Match", a}, {"If-None-Match", "*"}}, false, false, false},
  };
  for (const Case& c : cases) {
    CAPTURE(&c - cases);
    Result<ResourceCondition> condition = ConditionOf(With(c.headers));
    REQUIRE(condition.ok());
    CHECK(condition->Holds("a") == c.holds_for_a);
    CHECK(condition->Holds("b") == c.holds_for_b);
    CHECK(condition->Holds(std::nullopt) == c.holds_for_none);
    CHECK(condition->IsDefault() == c.headers.empty());
  }
}

TEST_CASE("resource: a condition that is none is refused") {
  CHECK(ConditionOf(With({{"If-None-Match", ETagOfBytes("a")}})).status().code() == Code::kUnacceptable);
  CHECK(ConditionOf(With({{"If-Match", "a"}})).status().code() == Code::kMalformed);
}

TEST_CASE("resource: a list's query, and what it is refused for") {
  Result<ResourcesQuery> query = ParseResourcesQuery({});
  REQUIRE(query.ok());
  CHECK(query->limit == 100);
  CHECK(query->after.empty());
  CHECK(query->prefix.empty());
  query = ParseResourcesQuery({{"limit", "1000"}, {"cursor", "x"}, {"prefix", "p"}});
  REQUIRE(query.ok());
  CHECK(query->limit == 1000);
  CHECK(query->after == "x");
  CHECK(ParseResourcesQuery({{"after", "y"}})->after == "y");
  CHECK(query->prefix == "p");
  const std::pair<QueryParameters, const char*> refused[] = {
      {{{"limit", "0"}}, "/limit"},
      {{{"limit", "1001"}}, "/limit"},
      {{{"limit", ""}}, "/limit"},
      {{{"after", ""}}, "/after"},
      {{{"cursor", ""}}, "/cursor"},
      {{{"prefix", ""}}, "/prefix"},
      {{{"prefix", std::string(256, 'p')}}, "/prefix"},
      {{{"cursor", "x"}, {"after", "x"}}, "/after"},
      {{{"cursor", std::string(256, 'x')}}, "/cursor"},
      {{{"limit", "1"}, {"limit", "2"}}, "/limit"},
  };
  for (const auto& [parameters, field] : refused) {
    CAPTURE(field);
    Result<ResourcesQuery> bad = ParseResourcesQuery(parameters);
    CHECK(bad.status().code() == Code::kUnacceptable);
    CHECK(bad.status().field() == field);
  }
}

TEST_CASE("resource: the answer to one, and to a list of them") {
  HttpResponse one = ResourceResponse(201, R"({"name":"a b"})", "stored", LocationOf("/v1/topics/", "a b/\xc3\xa4~"));
  CHECK(one.status == 201);
  CHECK(one.headers == Headers{{"ETag", ETagOfBytes("stored")}, {"Location", "/v1/topics/a%20b%2F%C3%A4~"}});
  CHECK(ResourceResponse(200, "{}", "stored").headers.size() == 1);
  auto write = [](const std::string& name, JsonWriter* json) { json->String(name); };
  auto cursor = [](const std::string& name) { return name; };
  CHECK(ResourcesResponse(std::vector<std::string>{"a", "b"}, "b", write, cursor).body == R"({"items":["a","b"],"next":"b"})");
  CHECK(ResourcesResponse(std::vector<std::string>{}, std::nullopt, write, cursor).body == R"({"items":[],"next":null})");
}

TEST_CASE("resource: where a condition did not hold, the answer is 412") {
  ApiFixture f;
  f.Ask("GET", "/v1/stats");
  f.Reply(Stale{});
  CHECK(f.Outcome() == "412");
}

}  // namespace
}  // namespace notifyd
