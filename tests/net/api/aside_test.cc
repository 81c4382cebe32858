// What takes long is done on another thread, whether it is the request that is large or what it is about.
#include "api_fixture.h"

#include <catch2/catch.hpp>

#include "broker/response_records.h"
#include "net/api/json_shape.h"

namespace notifyd {
namespace {

constexpr const char* kLargeNotify = "/v1/notifies/n000000000000001f";

/// An Api whose other thread is the test.
class AsideApi {
 public:
  AsideApi() : api_(Options(), &f.sink) { api_.SetResponder(&f.responder); }

  void Ask(const std::string& method, const std::string& target, const std::string& body = "", Headers headers = {}) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = std::move(headers);
    request.body = body;
    api_.OnRequest(++token, std::move(request));
  }
  void Reply(ReplyBody body) { api_.OnReply({{3, token}, std::move(body)}); }
  void Close() { api_.OnClose(token); }
  bool waits() const { return work_ != nullptr; }
  bool answered() const { return f.answers.contains(token); }
  const HttpResponse& Answer() const { return f.answers.at(token); }
  void Run() {
    REQUIRE(work_);
    std::exchange(work_, nullptr)();
    std::exchange(then_, nullptr)();
  }
  /// A notify whose data is so large.
  Viewed Sized(size_t bytes, std::string data = "") {
    f.Submit(R"({"url":"http://h/","fkey":"f"})");
    NotifyRecord record = f.RecordOf(f.Item());
    NotifySpec spec = *DecodeSpec(*record.spec);
    spec.payload_kind = PayloadKind::kData;
    spec.payload = data.empty() ? "{\"x\":\"" + std::string(bytes, 'x') + "\"}" : std::move(data);
    record.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    return Viewed{{std::make_shared<const NotifyRecord>(record), State::kHeld}};
  }
  Viewed Large() { return Sized(2 * kLargeJsonBytes); }

  ApiFixture f;
  uint64_t token = 1000;

 private:
  ApiOptions Options() {
    ApiOptions options = f.Options();
    options.max_body_bytes = 1 << 20;
    options.aside = [this](std::function<void()> work, std::function<void()> then) {
      REQUIRE_FALSE(work_);
      work_ = std::move(work);
      then_ = std::move(then);
    };
    return options;
  }

  std::function<void()> work_, then_;
  Api api_;
};

TEST_CASE("aside: a small patch of a large notify is made on another thread, each time that it is tried") {
  AsideApi a;
  const Viewed large = a.Large();
  a.Ask("PATCH", kLargeNotify, R"({"priority":9})");
  CHECK_FALSE(a.waits());
  a.f.Posted<ChangeReadRequest>();
  for (int i = 0; i < 2; ++i) {
    a.Reply(large);
    a.f.Posted<ChangeReadRequest>();  // nothing further yet
    a.Run();
    CHECK(a.f.Posted<ChangeRequest>().base == large.view.record);
    if (i > 0) break;
    a.Reply(Stale{});
    a.Run();
  }
  a.Reply(large);
  CHECK_FALSE(a.answered());
  a.Run();
  CHECK(a.Answer().status == 200);
  // One that changes nothing, too.
  a.Ask("PATCH", kLargeNotify, "{}");
  a.Reply(large);
  CHECK_FALSE(a.answered());
  a.Run();
  CHECK(a.Answer().status == 200);
  // And one of a small notify is made at once.
  a.Ask("PATCH", kLargeNotify, "{}");
  a.Reply(a.Sized(100));
  CHECK(a.Answer().status == 200);
}

TEST_CASE("aside: a little data is merged into much on another thread, and is what it would be here") {
  AsideApi a;
  const Viewed large = a.Large(), small = a.Sized(0, R"({"a":1})");
  a.Ask("POST", "/v1/fkeys/f/trigger", R"({"data":{"paid":true}})");
  a.f.Posted<TriggerRequest>();
  a.Reply(Unmerged{large.view.record->spec});
  CHECK_FALSE(a.f.Posted<TriggerRequest>().merge);
  a.Run();
  REQUIRE(a.f.Posted<TriggerRequest>().merge);
  CHECK(DecodeSpec(*a.f.Posted<TriggerRequest>().merge->merged)->payload.ends_with(R"(,"paid":true})"));
  a.Reply(Triggered{NotifyId{0x1f}, State::kReady, true});
  if (a.waits()) a.Run();
  CHECK(a.Answer().status == 202);
  a.Ask("POST", "/v1/fkeys/f/trigger", R"({"data":{"paid":true}})");
  a.Reply(Unmerged{small.view.record->spec});
  CHECK_FALSE(a.waits());
  CHECK(DecodeSpec(*a.f.Posted<TriggerRequest>().merge->merged)->payload == R"({"a":1,"paid":true})");
}

TEST_CASE("aside: what is large is shown from another thread, and what is small at once") {
  AsideApi a;
  auto answer = std::make_shared<Response>();
  answer->status = 200;
  answer->body = std::string(2 * kLargeJsonBytes, 'x');
  struct Row {
    const char *method, *path;
    Headers headers;
    ReplyBody large, small;
  };
  const Viewed large = a.Large(), small = a.Sized(10);
  const ResponseViewed whole{NotifyId{0x1f}, answer}, empty{NotifyId{0x1f}, std::make_shared<const Response>()};
  const std::string notify = kLargeNotify, response = notify + "/response", raw = response + "?raw=true";
  for (const Row& row : std::vector<Row>{{"GET", kLargeNotify, {}, large, small},
                                         {"DELETE", kLargeNotify, {}, large, small},
                                         {"DELETE", kLargeNotify, {{"If-Match", "\"x\""}}, large, small},
                                         {"GET", "/v1/fkeys/f", {}, large, small},
                                         {"GET", "/v1/notifies", {}, Listed{{large.view}, {}}, Listed{{small.view}, {}}},
                                         {"GET", response.c_str(), {}, whole, empty},
                                         {"GET", raw.c_str(), {}, whole, empty}}) {
    CAPTURE(row.method, row.path);
    for (bool is_large : {false, true}) {
      a.Ask(row.method, row.path, "", row.headers);
      REQUIRE_FALSE(a.answered());
      a.Reply(is_large ? row.large : row.small);
      CHECK(a.waits() == is_large);
      CHECK(a.answered() != is_large);
      if (a.waits()) a.Run();
      CHECK(a.Answer().status == (row.headers.empty() ? 200 : 412));
    }
  }
}

TEST_CASE("aside: whoever goes away meanwhile leaves nothing behind, and is not answered") {
  AsideApi a;
  const Viewed large = a.Large();
  for (const char* method : {"GET", "PATCH"}) {
    a.Ask(method, kLargeNotify, method == std::string("PATCH") ? R"({"priority":9})" : "");
    a.Reply(large);
    const size_t events = a.f.sink.events.size();
    a.Close();
    a.Run();
    CHECK_FALSE(a.answered());
    CHECK(a.f.sink.events.size() == events);
  }
}

}  // namespace
}  // namespace notifyd
