// PATCH of a notify, as a conversation with the core: read, patch, change, and from the start where somebody else was faster.
// What a patch may say is change_test's affair.
#include "api_fixture.h"
#include "broker/figures_events.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

constexpr const char* kPath = "/v1/notifies/n000000000000001f";

/// A notify that waits for its fkey, with data.
std::shared_ptr<const NotifyRecord> Holding(ApiFixture& f, const std::string& data = "1") {
  f.Submit(R"({"url":"http://h/","fkey":"f","data":)" + data + "}");
  return std::make_shared<const NotifyRecord>(f.RecordOf(f.Item()));
}

Viewed ViewOf(const std::shared_ptr<const NotifyRecord>& record) {
  return Viewed{{record, State::kHeld}};
}

std::string ETagOfView(ApiFixture& f, const std::shared_ptr<const NotifyRecord>& record) {
  f.Shown(*record, State::kHeld);
  return f.Header("ETag");
}

TEST_CASE("change: reads, then changes what it read, under the same request") {
  ApiFixture f;
  auto base = Holding(f);
  f.Ask("PATCH", kPath, R"({"data":{"n":1.50}})", {{"Content-Type", "application/merge-patch+json"}});
  CHECK(f.Posted<ChangeReadRequest>().request == RequestId{3, f.last_token});
  CHECK(f.Posted<ChangeReadRequest>().id == NotifyId{0x1f});
  f.Reply(ViewOf(base));
  const ChangeRequest& change = f.Posted<ChangeRequest>();
  CHECK(change.request == RequestId{3, f.last_token});
  CHECK(change.id == NotifyId{0x1f});
  CHECK(change.base == base);
  CHECK(DecodeSpec(*change.spec)->payload == R"({"n":1.50})");
  CHECK_FALSE(change.when);
  CHECK_FALSE(change.ttl);
  NotifyRecord changed = *base;
  changed.spec = change.spec;
  f.Reply(Viewed{{std::make_shared<const NotifyRecord>(changed), State::kHeld}});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body.find(R"("data":{"n":1.50})") != std::string::npos);
  std::string tag = f.Header("ETag");
  CHECK(tag != ETagOfView(f, base));
}

TEST_CASE("change: an empty patch answers 200 with the notify, and changes nothing") {
  ApiFixture f;
  auto base = Holding(f);
  f.Ask("PATCH", kPath, "{}");
  size_t events = f.sink.events.size();
  f.Reply(ViewOf(base));
  CHECK(f.Answer().status == 200);
  CHECK(f.sink.events.size() == events);
  std::string tag = f.Header("ETag");
  CHECK(tag == ETagOfView(f, base));
}

TEST_CASE("change: begins again from the read where the notify was changed in between") {
  ApiFixture f;
  auto first = Holding(f, "1"), second = Holding(f, "2");
  f.Ask("PATCH", kPath, R"({"headers":{"X-A":"b"}})");
  f.Reply(ViewOf(first));
  f.Reply(Stale{});
  f.Posted<ChangeReadRequest>();
  f.Reply(ViewOf(second));
  const ChangeRequest& change = f.Posted<ChangeRequest>();
  CHECK(change.base == second);
  CHECK(DecodeSpec(*change.spec)->payload == "2");
}

TEST_CASE("change: gives up with 409 after so many tries") {
  ApiFixture f;
  auto base = Holding(f);
  f.Ask("PATCH", kPath, R"({"data":5})");
  for (int i = 0; i < kMaxChangeTries; ++i) {
    REQUIRE_FALSE(f.answered());
    f.Posted<ChangeReadRequest>();
    f.Reply(ViewOf(base));
    f.Posted<ChangeRequest>();
    f.Reply(Stale{});
  }
  CHECK(f.Outcome() == "409");
}

TEST_CASE("change: fifty at once all get through") {
  ApiFixture f;
  auto record = Holding(f, "{}");
  f.sink.events.clear();
  for (int i = 0; i < 50; ++i) f.Ask("PATCH", kPath, "{\"data\":{\"k" + std::to_string(i) + "\":1}}");
  // The core: one notify, and what changes it must have read what it is.
  for (size_t at = 0; at < f.sink.events.size(); ++at) {
    Event event = f.sink.events[at];
    if (auto* read = std::get_if<ChangeReadRequest>(&event)) {
      f.api.OnReply({read->request, ViewOf(record)});
      continue;
    }
    auto& change = std::get<ChangeRequest>(event);
    if (change.base != record) {
      f.api.OnReply({change.request, Stale{}});
      continue;
    }
    NotifyRecord changed = *record;
    changed.spec = change.spec;
    record = std::make_shared<const NotifyRecord>(changed);
    f.api.OnReply({change.request, ViewOf(record)});
  }
  REQUIRE(f.answers.size() == 50);
  for (const auto& [token, answer] : f.answers) CHECK(answer.status == 200);
  Json data(DecodeSpec(*record->spec)->payload);
  for (int i = 0; i < 50; ++i) CHECK(data.Has("/k" + std::to_string(i)));
}

TEST_CASE("change: refusals of either step are the answer") {
  ApiFixture f;
  auto base = Holding(f);
  f.Ask("PATCH", kPath, R"({"data":5})");
  f.Reply(Refused{Status(Code::kNotFound, "none"), {}});
  CHECK(f.Outcome() == "404");
  f.Ask("PATCH", kPath, R"({"data":5})");
  f.Reply(ViewOf(base));
  f.Reply(Refused{Status(Code::kConflict, "in flight"), {}});
  CHECK(f.Outcome() == "409");
}

TEST_CASE("change: If-Match holds, or 412 and nothing is changed") {
  ApiFixture f;
  auto base = Holding(f), other = Holding(f, "2");
  std::string tag = ETagOfView(f, base), other_tag = ETagOfView(f, other);
  REQUIRE(tag != other_tag);
  struct Row {
    Headers headers;
    const char* outcome;
  };
  for (const Row& row : std::vector<Row>{{{{"If-Match", tag}}, "posted"},
                                         {{{"if-match", "*"}}, "posted"},
                                         {{{"If-Match", "\"x\", " + tag}}, "posted"},
                                         {{{"If-Match", "\"x\""}, {"If-Match", tag}}, "posted"},
                                         {{{"If-Match", other_tag}}, "412"},
                                         {{{"If-Match", "W/" + tag}}, "412"}}) {
    CAPTURE(row.headers[0].second);
    f.Ask("PATCH", kPath, R"({"data":5})", row.headers);
    f.Posted<ChangeReadRequest>();
    f.Reply(ViewOf(base));
    CHECK(f.Outcome() == row.outcome);
  }
}

TEST_CASE("change: an If-Match that is none is 400 before anything is read") {
  ApiFixture f;
  std::string tag = ETagOfView(f, Holding(f)), bare = tag.substr(1, tag.size() - 2);
  for (const Headers& headers : std::vector<Headers>{{{"If-Match", bare}}, {{"If-Match", ""}}, {{"If-Match", tag}, {"If-Match", bare}}}) {
    CAPTURE(headers[0].second);
    size_t posted = f.sink.events.size();
    f.Ask("PATCH", kPath, R"({"data":5})", headers);
    CHECK(f.Outcome() == "400");
    CHECK(f.sink.events.size() == posted);
  }
}

TEST_CASE("change: If-Match is looked at again where the notify was changed in between") {
  ApiFixture f;
  auto base = Holding(f), other = Holding(f, "2");
  std::string tag = ETagOfView(f, base);
  f.Ask("PATCH", kPath, R"({"data":5})", {{"If-Match", tag}});
  f.Reply(ViewOf(base));
  f.Reply(Stale{});
  f.Reply(ViewOf(other));
  CHECK(f.Outcome() == "412");
}

TEST_CASE("change: a cancel and a retry under If-Match are of what was read alone, or 412 and nothing is done") {
  struct Row {
    const char *method, *path;
  };
  auto row = GENERATE(values<Row>({{"DELETE", ""}, {"POST", "/retry"}, {"POST", "/retry?paused=true"}}));
  CAPTURE(row.method, row.path);
  const std::string path = std::string(kPath) + row.path;
  ApiFixture f;
  auto base = Holding(f), other = Holding(f, "2");
  const std::string tag = ETagOfView(f, base);
  auto posted = [&] {
    const Event& event = f.sink.events.back();
    if (const auto* cancel = std::get_if<CancelRequest>(&event)) return cancel->base;
    if (const auto* retry = std::get_if<RetryRequest>(&event)) return retry->base;
    const auto* figures = std::get_if<FiguresRequest>(&event);
    return figures ? std::get<SendPausedAsk>(figures->ask->what).base : nullptr;
  };
  f.Ask(row.method, path, "");
  CHECK_FALSE(posted());
  f.Ask(row.method, path, "", {{"If-Match", tag}});
  CHECK(f.Posted<ChangeReadRequest>().id == NotifyId{0x1f});
  CHECK(f.Posted<ChangeReadRequest>().in_any_state);
  f.Reply(ViewOf(base));
  CHECK(posted() == base);
  // It was changed in between: looked at again.
  f.Reply(Stale{});
  f.Reply(ViewOf(other));
  CHECK(f.Outcome() == "412");
  f.Ask(row.method, path, "", {{"If-Match", tag}});
  f.Reply(Refused{Status(Code::kNotFound, "none"), {}});
  CHECK(f.Outcome() == "404");
  f.Ask(row.method, path, "", {{"If-Match", "bare"}});
  CHECK(f.Outcome() == "400");
}

TEST_CASE("change: what the patch alone is refused for, before anything is read") {
  struct Row {
    const char *body, *type, *outcome;
  };
  auto row = GENERATE(values<Row>({{"", "", "400"},
                                   {"{", "", "400"},
                                   {"[]", "", "422"},
                                   {"null", "", "422"},
                                   {R"({"url":"http://x/"})", "", "422 /url"},
                                   {R"({"nope":1})", "", "422 /nope"},
                                   {R"({"data":1,"data":2})", "", "422 /data"},
                                   {R"({"data":1,"body":"x"})", "", "422 /body"},
                                   {R"({"delay_ms":1,"due_at":2})", "", "422 /due_at"},
                                   {"{}", "application/json-patch+json", "415"},
                                   {"{}", "application/x-ndjson", "415"}}));
  CAPTURE(row.body, row.type);
  ApiFixture f;
  f.Ask("PATCH", kPath, row.body, {{"Content-Type", row.type}});
  CHECK(f.Outcome() == row.outcome);
  CHECK(f.sink.events.empty());
}

TEST_CASE("change: another media type is answered with those that a patch may have") {
  auto target = GENERATE(values<std::string>({kPath, "/v1/lanes/fifo/l"}));
  CAPTURE(target);
  ApiFixture f;
  f.Ask("PATCH", target, "{}", {{"Content-Type", "text/plain"}});
  CHECK(f.Outcome() == "415");
  CHECK(f.Header("Accept-Patch") == "application/merge-patch+json, application/json");
  f.Ask("PATCH", target, "[]");
  CHECK(f.Outcome() == "422");
  CHECK(f.Header("Accept-Patch") == "(none)");
}

TEST_CASE("change: what its result is refused for, after the read") {
  ApiFixture f;
  auto base = Holding(f);
  f.Ask("PATCH", kPath, R"({"retry":{"factor":0}})");
  size_t events = f.sink.events.size();
  f.Reply(ViewOf(base));
  CHECK(f.Outcome() == "422 /retry/factor");
  CHECK(f.sink.events.size() == events);
}

TEST_CASE("change: a client that goes away at any step leaves nothing behind") {
  int steps = GENERATE(1, 2, 3);
  ApiFixture f;
  auto base = Holding(f);
  uint64_t token = f.Ask("PATCH", kPath, R"({"data":5})");
  if (steps > 1) f.Reply(ViewOf(base));
  if (steps > 2) f.Reply(Stale{});
  f.api.OnClose(token);
  CHECK(f.Posted<Disconnected>().request == RequestId{3, token});
  size_t events = f.sink.events.size();
  f.Reply(ViewOf(base));
  CHECK_FALSE(f.answered());
  CHECK(f.sink.events.size() == events);
  f.api.OnClose(token);
  CHECK(f.sink.events.size() == events);
}

// ---- triggers with data

/// The spec of a notify that waits for its fkey, with data.
std::shared_ptr<const std::string> SpecWith(ApiFixture& f, const std::string& data) {
  return Holding(f, data)->spec;
}

TEST_CASE("trigger: its data is merged into what is held, and it is asked again with that") {
  ApiFixture f;
  auto spec = SpecWith(f, R"({"a":1.50})");
  f.Ask("POST", "/v1/fkeys/f/trigger?remember_ms=5", R"({"data":{"b":2},"delay_ms":7})");
  RequestId request = f.Posted<TriggerRequest>().request;
  CHECK_FALSE(f.Posted<TriggerRequest>().merge);
  f.Reply(Unmerged{spec});
  REQUIRE_FALSE(f.answered());
  const TriggerRequest& again = f.Posted<TriggerRequest>();
  CHECK(again.request == request);
  CHECK(again.when.ms == 7);
  CHECK(again.remember_ms == 5);
  REQUIRE(again.merge);
  CHECK(again.merge->of == spec);
  CHECK(DecodeSpec(*again.merge->merged)->payload == R"({"a":1.50,"b":2})");
  f.Reply(Triggered{NotifyId{0x1f}, State::kReady, true});
  CHECK(f.Answer().status == 202);
}

TEST_CASE("trigger: what cannot be merged, or is too large then, is refused with the data's field") {
  ApiFixture f;
  auto array = SpecWith(f, "[1]"), object = SpecWith(f, R"({"a":1})");
  f.Ask("POST", "/v1/fkeys/f/trigger", R"({"data":{"b":2}})");
  f.Reply(Unmerged{array});
  CHECK(f.Outcome() == "422 /data");
  std::string most = "{\"b\":\"" + std::string(992, 'x') + "\"}";
  f.Ask("POST", "/v1/fkeys/f/trigger", "{\"data\":" + most + "}");
  f.Reply(Unmerged{object});
  CHECK(f.Outcome() == "413 /data");
}

TEST_CASE("trigger: merged anew where the notify was changed in between, and given up with 503 after so many tries") {
  ApiFixture f;
  auto first = SpecWith(f, R"({"a":1})"), second = SpecWith(f, R"({"a":2})");
  f.Ask("POST", "/v1/fkeys/f/trigger", R"({"data":{"b":2}})");
  f.Reply(Unmerged{first});
  f.Reply(Unmerged{second});
  CHECK(DecodeSpec(*f.Posted<TriggerRequest>().merge->merged)->payload == R"({"a":2,"b":2})");
  for (int i = 2; i <= kMaxChangeTries; ++i) {
    REQUIRE_FALSE(f.answered());
    f.Reply(Unmerged{first});
  }
  f.Reply(Unmerged{first});
  CHECK(f.Outcome() == "503");
}

}  // namespace
}  // namespace notifyd
