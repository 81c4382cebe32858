// Which endpoint a method and target mean, and whose requests are refused.
#include "net/api/routes.h"
#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace notifyd {
namespace {

TEST_CASE("router: paths lead to endpoints with their decoded arguments") {
  struct Row {
    const char *target, *path;
    const char *argument, *argument2 = "";
  };
  auto row = GENERATE(values<Row>({
      {"/v1/notifies", "/v1/notifies", ""},
      {"/v1/notifies?x=1", "/v1/notifies", ""},
      {"/v1/%6eotifies", "/v1/notifies", ""},
      {"http://h:1/v1/notifies", "/v1/notifies", ""},
      {"/v1/notifies/n1", "/v1/notifies/{id}", "n1"},
      {"/v1/notifies/n1/explain", "/v1/notifies/{id}/explain", "n1"},
      {"/v1/notifies/n1/retry", "/v1/notifies/{id}/retry", "n1"},
      {"/v1/notifies/retry", "/v1/notifies/retry", ""},
      {"/v1/notifies/cancel", "/v1/notifies/cancel", ""},
      {"/v1/notifies/purge", "/v1/notifies/purge", ""},
      {"/v1/fkeys/a%2Fb%20+", "/v1/fkeys/{fkey}", "a/b +"},
      {"/v1/fkeys/trigger/trigger", "/v1/fkeys/{fkey}/trigger", "trigger"},
      // A segment of dots is a name like any other, as it stands or encoded: nothing is resolved.
      {"/v1/fkeys/.", "/v1/fkeys/{fkey}", "."},
      {"/v1/fkeys/../trigger", "/v1/fkeys/{fkey}/trigger", ".."},
      {"/v1/fkeys/%2e%2E/trigger", "/v1/fkeys/{fkey}/trigger", ".."},
      {"/v1/lanes/fifo/%2E", "/v1/lanes/{mode}/{name}", "fifo", "."},
      {"/v1/lanes", "/v1/lanes", ""},
      {"/v1/lanes/fifo/http%3A%2F%2Fh%2Fx%23g", "/v1/lanes/{mode}/{name}", "fifo", "http://h/x#g"},
      {"/v1/lanes/nope/x", "/v1/lanes/{mode}/{name}", "nope", "x"},
      {"/v1/stats", "/v1/stats", ""},
      {"/v1/namespaces/one", "/v1/namespaces/{ns}", "one"},
      {"/v1/namespaces/one/notifies", "/v1/notifies", ""},
      {"/v1/namespaces/one/notifies/n1/explain", "/v1/notifies/{id}/explain", "n1"},
      {"/v1/namespaces/one/lanes/fifo/a%2Fb", "/v1/lanes/{mode}/{name}", "fifo", "a/b"},
      {"/metrics", "/metrics", ""},
      {"/healthz?probe=1", "/healthz", ""},
      {"/readyz", "/readyz", ""},
  }));
  CAPTURE(row.target);
  Result<Route> route = FindRoute("GET", row.target);
  REQUIRE(route.ok());
  if (!route->row) route = FindRoute("POST", row.target);
  REQUIRE(route->row);
  CHECK(route->row->path == row.path);
  CHECK(route->argument == row.argument);
  CHECK(route->argument2 == row.argument2);
}

TEST_CASE("router: what stands behind a namespace's name is of that namespace") {
  for (const char* target : {"/v1/namespaces/o%6Ee", "/v1/namespaces/one/notifies", "http://h:1/v1/namespaces/one/stats?x=1"})
    CHECK(FindRoute("GET", target)->space == "one");
  CHECK_FALSE(FindRoute("GET", "/v1/notifies")->space);
}

TEST_CASE("router: other paths are not found") {
  auto target = GENERATE(as<std::string>(), "", "*", "x", "/", "/v1", "/v1/", "/v2/notifies", "/v1/notifies/", "/v1/notifies//retry",
                         "/v1/notifies/x/y", "/v1/fkeys", "/v1/fkeys/", "/v1/fkeys//trigger", "/v1/fkeys/a/b", "/v1/stats/x", "/v1/lanes/x",
                         "/v1/lanes//x", "/v1/lanes/fifo/", "/v1/lanes/fifo/a/b", "/v1/./notifies", "/v1/namespaces/", "/v1/namespaces//notifies",
                         "/v1/namespaces/one/", "/v1/namespaces/one/tokens", "/v1/namespaces/one/metrics", "/v1/namespaces/one/namespaces/two/stats",
                         "/v1/namespaces/one/healthz", "/v1/notifies/../stats", "/healthz/", "//v1/notifies", "/v1/notifies/a/b/c/d/e/f/g");
  CAPTURE(target);
  CHECK(FindRoute("GET", target).status().code() == Code::kNotFound);
}

TEST_CASE("router: OPTIONS * is of all paths: it names each method that a row has, and OPTIONS") {
  Result<Route> all = FindRoute("OPTIONS", "*");
  REQUIRE(all.ok());
  CHECK(all->row == nullptr);
  for (const RouteRow& row : AllRoutes()) {
    std::string target(row.path);
    for (size_t brace; (brace = target.find('{')) != std::string::npos;) target.replace(brace, target.find('}') - brace + 1, "x");
    Result<Route> one = FindRoute("OPTIONS", target);
    REQUIRE(one.ok());
    for (std::string_view rest = one->allow; !rest.empty();) {
      std::string_view method = rest.substr(0, rest.find(", "));
      CHECK((", " + all->allow + ",").find(", " + std::string(method) + ",") != std::string::npos);
      rest.remove_prefix(std::min(rest.size(), method.size() + 2));
    }
  }
  CHECK(all->allow.ends_with(", OPTIONS"));
}

TEST_CASE("router: every row is found by its path and method; any other method of the path is answered with those that there are") {
  std::map<std::string, std::map<std::string, const RouteRow*>> rows;
  const std::map<Verb, std::vector<std::string>> methods = {
      {Verb::kGet, {"GET", "HEAD"}}, {Verb::kPost, {"POST"}}, {Verb::kPut, {"PUT"}}, {Verb::kPatch, {"PATCH"}}, {Verb::kDelete, {"DELETE"}}};
  for (const RouteRow& row : AllRoutes())
    for (const std::string& method : methods.at(row.verb)) REQUIRE(rows[std::string(row.path)].emplace(method, &row).second);
  for (const auto& [path, by_method] : rows) {
    std::string target = path;
    for (size_t brace; (brace = target.find('{')) != std::string::npos;) target.replace(brace, target.find('}') - brace + 1, "x");
    CAPTURE(target);
    for (std::string method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", ""}) {
      CAPTURE(method);
      Result<Route> route = FindRoute(method, target);
      REQUIRE(route.ok());
      auto found = by_method.find(method);
      CHECK(route->row == (found == by_method.end() ? nullptr : found->second));
      if (route->row) continue;
      size_t named = static_cast<size_t>(std::count(route->allow.begin(), route->allow.end(), ',')) + 1;
      CHECK(named == by_method.size());
      for (const auto& [other, row] : by_method) CHECK((", " + route->allow + ",").find(", " + other + ",") != std::string::npos);
    }
  }
}

TEST_CASE("origin: the same host and port is not foreign") {
  std::string host = "Example.com:7300", plain = "example.com", v6 = "[::1]:7300";
  CHECK_FALSE(IsForeignOrigin("http://example.COM:7300", &host));
  CHECK_FALSE(IsForeignOrigin("http://example.com", &plain));
  CHECK_FALSE(IsForeignOrigin("http://example.com:80", &plain));
  CHECK_FALSE(IsForeignOrigin("https://example.com", &plain));
  CHECK_FALSE(IsForeignOrigin("http://[::1]:7300", &v6));
}

TEST_CASE("origin: any other is foreign") {
  std::string host = "127.0.0.1:7300";
  auto origin = GENERATE(as<std::string>(), "null", "", "http://", "127.0.0.1:7300", "http://127.0.0.1", "http://127.0.0.1:7301",
                         "http://localhost:7300", "http://127.0.0.1:7300/", "http://127.0.0.1:7300.evil.com", "http://evil.com",
                         "file://127.0.0.1:7300", "chrome-extension://127.0.0.1:7300");
  CAPTURE(origin);
  CHECK(IsForeignOrigin(origin, &host));
  CHECK(IsForeignOrigin("http://127.0.0.1:7300", nullptr));
}

}  // namespace
TEST_CASE("router: what is submitted to a namespace goes where its path leads, however it is written") {
  for (const char* target : {"/v1/namespaces/one/notifies", "/v1/namespaces/%6Fne/notifies", "/v1/namespaces/one/notifie%73",
                             "http://broker.example/v1/namespaces/one/notifies?x=/v1/namespaces/two/notifies#/notifies"}) {
    CAPTURE(target);
    Result<Route> route = FindRoute("POST", target);
    REQUIRE(route.ok());
    CHECK(route->space == "one");
    CHECK(route->row == FindRoute("POST", "/v1/notifies")->row);
    CHECK(route->argument.empty());
  }
  CHECK(FindRoute("DELETE", "/v1/namespaces/one/notifies")->allow == FindRoute("DELETE", "/v1/notifies")->allow);
  CHECK(FindRoute("DELETE", "/v1/namespaces/one/notifies")->space == "one");
  for (const char* target : {"/v1/namespaces//notifies", "/v1/namespaces/notifies", "/v1/namespaces/one/two/notifies", "/v1/namespaces/one/notifies/"})
    if (Result<Route> route = FindRoute("POST", target); route.ok()) CHECK(route->row != FindRoute("POST", "/v1/notifies")->row);
  // A % that is none is no name.
  CHECK(FindRoute("POST", "/v1/namespaces/o%zz/notifies").status().code() == Code::kMalformed);
}

}  // namespace notifyd
