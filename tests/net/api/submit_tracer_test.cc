// What the API tells of submits that are traced.
#include "net/api/submit_tracer.h"

#include "api_fixture.h"

namespace notifyd {
namespace {

constexpr const char* kSampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr const char* kNot = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

struct FakeTracer : SubmitTracer {
  std::string Begin() override {
    ++begun;
    return begins;
  }
  void Submitted(const SampledTraces& traces, const ReplyBody& answer, int64_t took_us) override {
    said.push_back(traces);
    refused += std::holds_alternative<Refused>(answer);
    took = took_us;
  }
  std::string begins;
  int begun = 0, refused = 0;
  int64_t took = 0;
  std::vector<SampledTraces> said;
};

struct TracedFixture : ApiFixture {
  TracedFixture() : traced(WithTracer(), &sink) { traced.SetResponder(&responder); }
  ApiOptions WithTracer() {
    ApiOptions options = Options();
    options.tracer = &tracer;
    return options;
  }
  uint64_t Post(const std::string& body, const std::string& traceparent = "", const std::string& target = "/v1/notifies") {
    HttpRequest request;
    request.method = "POST";
    request.target = target;
    request.headers = {{"Content-Type", "application/json"}};
    if (!traceparent.empty()) request.headers.emplace_back("traceparent", traceparent);
    request.body = body;
    traced.OnRequest(++last_token, std::move(request));
    return last_token;
  }
  void Reply(uint64_t token, ReplyBody body) {
    now_us += 1500;
    traced.OnReply({{3, token}, std::move(body)});
  }
  FakeTracer tracer;
  Api traced;
};

Submitted Taken(size_t count) {
  Submitted submitted;
  submitted.batch = count > 1;
  for (size_t i = 0; i < count; ++i) submitted.items.push_back({NotifyId{i + 1}, State::kReady, WallTime{1}, LaneKey{Mode::kConcurrent, "l"}});
  return submitted;
}

}  // namespace

TEST_CASE("submit tracer: a request that is sampled is told of once it is answered, with how long it took") {
  TracedFixture f;
  const uint64_t token = f.Post(R"({"url":"http://h/"})", kSampled);
  CHECK(f.tracer.said.empty());
  f.Reply(token, Taken(1));
  REQUIRE(f.tracer.said.size() == 1);
  CHECK(f.tracer.said[0] == SampledTraces{{0, kSampled}});
  CHECK(f.tracer.took == 1500);
  CHECK(f.tracer.begun == 0);
  const uint64_t second = f.Post(R"({"url":"http://h/"})", kSampled);
  f.Reply(second, Refused{Status(Code::kTooMany, "full")});
  CHECK(f.tracer.refused == 1);
}

TEST_CASE("submit tracer: a request that cannot be read is told of as refused") {
  TracedFixture f;
  f.now_us += 5;
  for (const auto& [body, target] : {std::pair("{", "/v1/notifies"),
                                     {R"({"url":"ftp://h/"})", "/v1/notifies"},
                                     {R"({"notifies":[]})", "/v1/groups"},
                                     {R"({"data":{},"x":1})", "/v1/topics/t/publish"}}) {
    INFO(body);
    f.tracer.said.clear();
    f.tracer.refused = 0;
    f.Post(body, kSampled, target);
    CHECK(f.tracer.said == std::vector<SampledTraces>{{{0, kSampled}}});
    CHECK(f.tracer.refused == 1);
  }
  f.tracer.said.clear();
  f.Post("{", kNot);
  f.Post("{", kSampled, "/v1/notifies/cancel");
  CHECK(f.tracer.said.empty());
}

TEST_CASE("submit tracer: of a batch those count that are sampled, each in its place") {
  TracedFixture f;
  const std::string own = R"({"url":"http://h/","headers":{"traceparent":")";
  const uint64_t token = f.Post("[" + own + kNot + R"("}},)" + own + kSampled + R"("}}])", kNot);
  f.Reply(token, Taken(2));
  REQUIRE(f.tracer.said.size() == 1);
  CHECK(f.tracer.said[0] == SampledTraces{{1, kSampled}});
  const uint64_t none = f.Post(R"({"url":"http://h/"})", kNot);
  f.Reply(none, Taken(1));
  CHECK(f.tracer.said.size() == 1);
}

TEST_CASE("submit tracer: a request without a traceparent may begin a trace, which its notifies have") {
  TracedFixture f;
  f.tracer.begins = kSampled;
  const uint64_t token = f.Post(R"({"url":"http://h/"})");
  CHECK(f.tracer.begun == 1);
  const auto& submit = std::get<SubmitRequest>(f.sink.events.back());
  CHECK(submit.items.at(0).envelope->trace_parent == kSampled);
  f.Reply(token, Taken(1));
  CHECK(f.tracer.said.size() == 1);
  f.tracer.begins = "";
  const uint64_t other = f.Post(R"({"url":"http://h/"})");
  CHECK(std::get<SubmitRequest>(f.sink.events.back()).items.at(0).envelope->trace_parent.empty());
  f.Reply(other, Taken(1));
  CHECK(f.tracer.said.size() == 1);
}

TEST_CASE("submit tracer: a request whose traceparent cannot be read counts as one without, and begins a trace in its place") {
  TracedFixture f;
  f.tracer.begins = kSampled;
  const uint64_t token = f.Post(R"({"url":"http://h/"})", "00-none-of-this-01");
  CHECK(f.tracer.begun == 1);
  CHECK(std::get<SubmitRequest>(f.sink.events.back()).items.at(0).envelope->trace_parent == kSampled);
  f.Reply(token, Taken(1));
  CHECK(f.tracer.said.size() == 1);
}

TEST_CASE("submit tracer: events that are published and members of a group count, too") {
  TracedFixture f;
  f.Post(R"({"topic":"t","data":1})", kSampled, "/v1/publish");
  CHECK(SampledOf(f.sink.events.back()) == SampledTraces{{0, kSampled}});
  f.Post(R"({"notifies":[{"url":"http://h/"},{"url":"http://h/"}]})", kSampled, "/v1/groups");
  CHECK(SampledOf(f.sink.events.back()) == SampledTraces{{0, kSampled}, {1, kSampled}});
}

}  // namespace notifyd
