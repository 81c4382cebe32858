// Requests by which people look into the process.
#include "api_fixture.h"

namespace notifyd {
namespace {

TEST_CASE("debug: a profile takes 1 to 60 seconds, 10 where nobody says, and is handed on as it is") {
  ApiFixture f;
  f.Ask("GET", "/v1/debug/profile");
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().content_type == "application/octet-stream");
  CHECK(f.Answer().body == "a profile");
  CHECK(f.profiled_seconds == 10);
  f.Ask("GET", "/v1/debug/profile?seconds=60");
  CHECK(f.Answer().status == 200);
  CHECK(f.profiled_seconds == 60);
  for (const char* bad : {"seconds=0", "seconds=61", "seconds=1.5", "seconds=", "seconds=1&seconds=2", "second=1"}) {
    INFO(bad);
    f.Ask("GET", std::string("/v1/debug/profile?") + bad);
    CHECK(f.Answer().status == 422);
  }
  CHECK(f.profiled_seconds == 60);
}

TEST_CASE("debug: a HEAD of the profile looks at nothing") {
  ApiFixture f;
  f.Ask("HEAD", "/v1/debug/profile?seconds=60");
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().content_type == "application/octet-stream");
  CHECK(f.profiled_seconds == 0);
  f.Ask("HEAD", "/v1/debug/profile?seconds=61");
  CHECK(f.Answer().status == 422);
}

TEST_CASE("debug: while a profile is being taken another one is a conflict") {
  ApiFixture f;
  f.profile = Status(Code::kConflict, "a profile is being taken");
  f.Ask("GET", "/v1/debug/profile?seconds=1");
  CHECK(f.Answer().status == 409);
  CHECK_THAT(f.Answer().body, Catch::Contains("a profile is being taken"));
}

TEST_CASE("debug: what cores hold is summed up by shard, and shown of the namespaces that take most") {
  ApiFixture f;
  f.held_by_cores = {
      {0, "default", {{"notifies", 2, 900}, {"lanes", 1, 100}}}, {0, "", {{"slots", 2, 0}}}, {0, "one", {{"notifies", 3, 5000}}}, {1, "two", {}}};
  f.Ask("GET", "/v1/debug/state");
  REQUIRE(f.Answer().status == 200);
  CHECK(f.Answer().body ==
        R"({"shards":[{"shard":0,"namespaces_awake":2,"held":{"notifies":{"count":5,"bytes":5900},"lanes":{"count":1,"bytes":100},)"
        R"("slots":{"count":2,"bytes":0}}},{"shard":1,"namespaces_awake":1,"held":{}}],)"
        R"("namespaces":[{"namespace":"one","shard":0,"held":{"notifies":{"count":3,"bytes":5000}}},)"
        R"({"namespace":"default","shard":0,"held":{"notifies":{"count":2,"bytes":900},"lanes":{"count":1,"bytes":100}}},)"
        R"({"namespace":"two","shard":1,"held":{}}],"more":false})");
  for (int i = 0; i < 100; ++i) f.held_by_cores.push_back({1, "n" + std::to_string(i), {}});
  f.Ask("GET", "/v1/debug/state");
  CHECK_THAT(f.Answer().body, Catch::EndsWith(R"("more":true})"));
}

}  // namespace
}  // namespace notifyd
