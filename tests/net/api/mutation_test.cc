// Mutated submits and requests, from a fixed seed: always one answer or one event, and what is accepted can be shown.
#include "api_fixture.h"
#include "base/random.h"

namespace notifyd {
namespace {

constexpr const char* kBodies[] = {
    R"({"url":"https://h:8443/x?y#z","method":"PUT","headers":{"X-A":" b\t","Cookie":"c"},"data":{"n":1.10,"big":123456789012345678901234567890,"l":[1,{}]},)"
    R"("content_type":"application/x-www-form-urlencoded","delay_ms":5000,"fkey":"f","on_held":"keep","group":"g","priority":9,"reply":"none"})",
    R"([{"url":"http://[::1]:80/","body":"x","expect":{"status":[200,"3xx"],"contains":"OK","json":{"/a":1.0,"":{"b":[1]}}},"mode":"fifo"},)"
    R"({"url":"http://h","retry":{"max_attempts":3,"schedule_ms":[1,2],"fatal_on":{"status":["4xx"]}},"ttl_ms":60000,"idempotency_key":"k","caller":"c"}])",
    R"({"url":"http://127.1/","method":"GET","data":{"a":{"b":[true,null,"\u00e9"]}},"due_at":"2030-01-02T03:04:05.678+01:00","expires_at":1893553445678})"};
constexpr const char* kTokens[] = {"null", "{}",       "[]",        "\"\"", "-1",   "1e999", "\"\\u0000\"", "\"\\ud800\"",
                                   ",",    "\"url\":", "\"data\":", "\xff", "true", "0.5",   "[[[["};

std::string Mutate(std::string text, Random& random) {
  for (uint64_t edits = 1 + random.Below(2); edits > 0 && !text.empty(); --edits) {
    size_t at = random.Below(text.size());
    switch (random.Below(5)) {
      case 0:
        text[at] = static_cast<char>(random.Next());
        break;
      case 1:
        text.erase(at, 1 + random.Below(8));
        break;
      case 2:
        text.insert(at, kTokens[random.Below(std::size(kTokens))]);
        break;
      case 3:
        text.insert(at, text.substr(random.Below(text.size()), random.Below(20)));
        break;
      default:
        text[at] = static_cast<char>('0' + random.Below(75));
        break;
    }
  }
  return text;
}

TEST_CASE("mutations: a submit is posted whole or answered with a problem, and what was posted can be shown") {
  Random random(20'231'114);
  ApiFixture f;
  size_t posted = 0;
  for (int round = 0; round < 15'000; ++round) {
    std::string body = Mutate(kBodies[round % std::size(kBodies)], random);
    INFO(body);
    size_t before = f.sink.events.size();
    std::string outcome = f.SubmitOutcome(body);
    if (outcome != "posted") {
      REQUIRE(f.sink.events.size() == before);
      int status = f.Answer().status;
      REQUIRE((status == 400 || status == 413 || status == 422));
      continue;
    }
    ++posted;
    REQUIRE(f.sink.events.size() == before + 1);
    SubmitRequest submit = f.Posted<SubmitRequest>();
    for (const SubmitItem& item : submit.items) {
      f.Shown(f.RecordOf(item), State::kReady);
      REQUIRE(f.Answer().status == 200);
    }
    f.answers.clear();
    f.sink.events.clear();
  }
  CHECK(posted > 300);
}

TEST_CASE("mutations: any target gets one answer or one event") {
  constexpr const char* kTargets[] = {"/v1/notifies?state=held,failed&limit=5&cursor=n000000000000001f&created_after=2023-11-14T22%3A13%3A20Z",
                                      "/v1/notifies/n000000000000001f?wait_ms=5",
                                      "/v1/fkeys/a%2Fb%C3%A9/trigger?remember_ms=1",
                                      "http://h:1/v1/stats",
                                      "/v1/notifies/n000000000000001f/retry",
                                      "/v1/lanes?prefix=http%3A%2F%2F&cursor=ZmxhbmU&limit=9",
                                      "/v1/lanes/fifo/http%3A%2F%2Fh%2F",
                                      "/v1/notifies?fkey_prefix=a&url_prefix=http&fkey=f&created_before=1700000000005",
                                      "/v1/notifies/n000000000000001f/explain"};
  constexpr const char* kMethods[] = {"GET", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", ""};
  Random random(4);
  ApiFixture f;
  for (int round = 0; round < 15'000; ++round) {
    std::string target = Mutate(kTargets[round % std::size(kTargets)], random);
    INFO(target);
    f.sink.events.clear();
    f.Ask(kMethods[random.Below(std::size(kMethods))], target, random.Chance(0.5) ? "{}" : "",
          {{"Host", target}, {"Origin", random.Chance(0.5) ? target : "http://h"}});
    REQUIRE(f.sink.events.size() == (f.answered() ? 0 : 1));
    f.Ask(kMethods[random.Below(std::size(kMethods))], target, random.Chance(0.5) ? "{}" : "");
    REQUIRE(f.sink.events.size() == (f.answers.contains(f.last_token - 1) ? 0u : 1u) + (f.answered() ? 0u : 1u));
    f.answers.clear();
  }
}

TEST_CASE("mutations: any body of a change, a bulk operation, a lane's change gets one answer or one event") {
  struct Row {
    const char *method, *target, *body;
  };
  constexpr Row kRows[] = {
      {"PATCH", "/v1/notifies/n000000000000001f",
       R"({"due_at":"2030-01-02T03:04:05Z","data":{"a":null,"n":1.10},"headers":{"X-A":null},"priority":9,"retry":{"factor":2},"ttl_ms":null})"},
      {"POST", "/v1/notifies/purge",
       R"({"filter":{"state":["failed","expired"],"lane":"l","mode":"fifo","created_after":1700000000005,"url_prefix":"http"},"cursor":"n000000000000001f","limit":5})"},
      {"PATCH", "/v1/lanes/fifo/l", R"({"paused":true,"rate_per_s":0.5,"burst":5,"on_retry":"skip","on_failure":null})"},
      {"POST", "/v1/fkeys/f/trigger?remember_ms=5", R"({"data":{"a":[1,{}]},"delay_ms":5})"},
  };
  Random random(7);
  ApiFixture f;
  size_t posted = 0;
  for (int round = 0; round < 15'000; ++round) {
    const Row& row = kRows[round % std::size(kRows)];
    std::string body = Mutate(row.body, random);
    INFO(body);
    f.sink.events.clear();
    f.Ask(row.method, row.target, body);
    REQUIRE(f.sink.events.size() == (f.answered() ? 0 : 1));
    if (f.answered()) {
      int status = f.Answer().status;
      REQUIRE((status == 400 || status == 422));
    } else {
      ++posted;
      // Nothing is left behind once the client is gone.
      f.api.OnClose(f.last_token);
      REQUIRE(f.sink.events.size() == 2);
    }
    f.answers.clear();
  }
  CHECK(posted > 300);
}

}  // namespace
}  // namespace notifyd
