// Which endpoint a method and target mean, and whose requests are refused.
#include "net/api/router.h"
// Behind base/check.h, whose CHECK it replaces.
#include <catch2/catch.hpp>

#include <string>

namespace notifyd {
namespace {

TEST_CASE("router: paths lead to endpoints with their decoded arguments") {
  struct Row {
    const char* target;
    Endpoint endpoint;
    const char *argument, *argument2 = "";
  };
  auto row = GENERATE(values<Row>({
      {"/v1/notifies", Endpoint::kNotifies, ""},
      {"/v1/notifies?x=1", Endpoint::kNotifies, ""},
      {"/v1/%6eotifies", Endpoint::kNotifies, ""},
      {"http://h:1/v1/notifies", Endpoint::kNotifies, ""},
      {"/v1/notifies/n1", Endpoint::kNotify, "n1"},
      {"/v1/notifies/n1/explain", Endpoint::kExplain, "n1"},
      {"/v1/notifies/n1/retry", Endpoint::kNotifyRetry, "n1"},
      {"/v1/notifies/retry", Endpoint::kBulkRetry, ""},
      {"/v1/notifies/cancel", Endpoint::kBulkCancel, ""},
      {"/v1/notifies/purge", Endpoint::kBulkPurge, ""},
      {"/v1/fkeys/a%2Fb%20+", Endpoint::kFkey, "a/b +"},
      {"/v1/fkeys/trigger/trigger", Endpoint::kFkeyTrigger, "trigger"},
      // A segment of dots is a name like any other, as it stands or encoded: nothing is resolved.
      {"/v1/fkeys/.", Endpoint::kFkey, "."},
      {"/v1/fkeys/../trigger", Endpoint::kFkeyTrigger, ".."},
      {"/v1/fkeys/%2e%2E/trigger", Endpoint::kFkeyTrigger, ".."},
      {"/v1/lanes/fifo/%2E", Endpoint::kLane, "fifo", "."},
      {"/v1/lanes", Endpoint::kLanes, ""},
      {"/v1/lanes/fifo/http%3A%2F%2Fh%2Fx%23g", Endpoint::kLane, "fifo", "http://h/x#g"},
      {"/v1/lanes/nope/x", Endpoint::kLane, "nope", "x"},
      {"/v1/stats", Endpoint::kStats, ""},
      {"/metrics", Endpoint::kMetrics, ""},
      {"/healthz?probe=1", Endpoint::kHealthz, ""},
      {"/readyz", Endpoint::kReadyz, ""},
  }));
  CAPTURE(row.target);
  Result<Route> route = FindRoute("GET", row.target);
  REQUIRE(route.ok());
  CHECK(route->endpoint == row.endpoint);
  CHECK(route->argument == row.argument);
  CHECK(route->argument2 == row.argument2);
}

TEST_CASE("router: other paths are not found") {
  auto target =
      GENERATE(as<std::string>(), "", "*", "x", "/", "/v1", "/v1/", "/v2/notifies", "/v1/notifies/", "/v1/notifies//retry", "/v1/notifies/x/y",
               "/v1/fkeys", "/v1/fkeys/", "/v1/fkeys//trigger", "/v1/fkeys/a/b", "/v1/stats/x", "/v1/lanes/x", "/v1/lanes//x", "/v1/lanes/fifo/",
               "/v1/lanes/fifo/a/b", "/v1/./notifies", "/v1/notifies/../stats", "/healthz/", "//v1/notifies", "/v1/notifies/a/b/c/d/e/f/g");
  CAPTURE(target);
  CHECK(FindRoute("GET", target).status().code() == Code::kNotFound);
}

TEST_CASE("router: every row is found by its path, and takes exactly the methods that it names") {
  for (const RouteRow& row : AllRoutes()) {
    std::string target(row.path);
    for (size_t brace; (brace = target.find('{')) != std::string::npos;) target.replace(brace, target.find('}') - brace + 1, "x");
    CAPTURE(target);
    for (std::string method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", ""}) {
      CAPTURE(method);
      Result<Route> route = FindRoute(method, target);
      REQUIRE(route.ok());
      CHECK(route->endpoint == row.endpoint);
      CHECK(route->allow == row.allow);
      bool named = !method.empty() && (", " + std::string(row.allow) + ",").find(", " + method + ",") != std::string::npos;
      CHECK(route->offered == named);
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
}  // namespace notifyd
