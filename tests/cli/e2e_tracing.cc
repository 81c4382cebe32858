// Traces from end to end: the submitter's span, the broker's, and what the receiver is told.
#include <signal.h>

#include <algorithm>
#include <map>
#include <set>

#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"
#include "support/scripted_server.h"
#include "support/seen_spans.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736", kParent[] = "00f067aa0ba902b7";

std::string Traced(const std::string& flags) {
  return R"("headers":{"traceparent":"00-)" + std::string(kTrace) + "-" + kParent + "-" + flags + R"("})";
}

std::vector<SeenSpan> Named(const std::vector<SeenSpan>& spans, const std::string& name) {
  std::vector<SeenSpan> found;
  std::copy_if(spans.begin(), spans.end(), std::back_inserter(found), [&](const SeenSpan& span) { return span.name == name; });
  std::sort(found.begin(), found.end(), [](const SeenSpan& a, const SeenSpan& b) { return a.begin_ns < b.begin_ns; });
  return found;
}

/// All spans that a broker makes until its end.
std::vector<SeenSpan> AllOf(Broker* broker, Collector* collector) {
  broker->process().Signal(SIGTERM);
  REQUIRE(broker->process().Wait() == 0);
  return collector->spans();
}

}  // namespace

TEST_CASE("tracing: submit, waits and attempts join the submitter's trace, and the receiver's spans the attempt") {
  for (const char* encoding : {"protobuf", "json"}) {
    INFO(encoding);
    TempDir dir;
    Collector collector;
    ScriptedServer receiver([&](const SeenRequest& request) { return ScriptedAnswer{request.Header("Notify-Attempt") == "1" ? 500 : 200, "{}"}; });
    Broker broker(dir.path(), {"--otlp-endpoint", collector.url(), "--otlp-encoding", encoding, "--otlp-ratio", "0"});
    const std::string id = broker.Submit(R"({"url":")" + receiver.url() + R"(/orders?key=secret","lane":"billing","caller":"shop",)" + Traced("01") +
                                         R"(,"retry":{"max_attempts":3,"schedule_ms":[30]}})");
    broker.Settled(id);
    // One that is not sampled leaves no trace, and is passed on.
    const std::string other = broker.Submit(R"({"url":")" + receiver.url() + R"(/other",)" + Traced("00") + R"(,"retry":{"schedule_ms":[1]}})");
    broker.Settled(other);
    const std::vector<SeenSpan> spans = AllOf(&broker, &collector);
    const std::vector<SeenSpan> submits = Named(spans, "submit"), waits = Named(spans, "wait"), attempts = Named(spans, "attempt");
    REQUIRE(spans.size() == 5);
    REQUIRE(submits.size() == 1);
    REQUIRE(waits.size() == 2);
    REQUIRE(attempts.size() == 2);
    std::set<std::string> ids;
    for (const SeenSpan& span : spans) {
      CHECK(span.trace_id == kTrace);
      CHECK(span.parent_id == kParent);
      CHECK(span.end_ns >= span.begin_ns);
      CHECK(span.resource.at("service.name") == "notifyd");
      CHECK(span.resource.contains("service.version"));
      CHECK(span.resource.contains("service.instance.id"));
      ids.insert(span.id);
    }
    CHECK(ids.size() == spans.size());
    // What the receiver was told names the attempts' spans.
    const std::vector<SeenRequest> calls = receiver.seen();
    REQUIRE(calls.size() == 4);
    for (size_t i = 0; i < 2; ++i) CHECK(calls[i].Header("traceparent") == "00-" + std::string(kTrace) + "-" + attempts[i].id + "-01");
    CHECK_THAT(calls[2].Header("traceparent"), Catch::EndsWith("-00"));
    // Waits and attempts take turns without a gap.
    for (size_t i = 0; i < 2; ++i) CHECK(waits[i].end_ns == attempts[i].begin_ns);
    CHECK(waits[1].begin_ns >= attempts[0].begin_ns);
    CHECK(waits[1].end_ns - waits[1].begin_ns >= 20'000'000);
    CHECK(submits[0].kind == 2);
    CHECK(waits[0].kind == 1);
    std::map<std::string, std::string> first = attempts[0].attributes, second = attempts[1].attributes;
    CHECK(attempts[0].kind == 3);
    CHECK(first["notifyd.id"] == id);
    CHECK(first["notifyd.namespace"] == "default");
    CHECK(first["notifyd.lane"] == "billing");
    CHECK(first["notifyd.caller"] == "shop");
    CHECK(first["http.request.method"] == "POST");
    CHECK(first["url.full"] == receiver.url() + "/orders");
    CHECK(first["server.address"] == "127.0.0.1");
    CHECK(first["server.port"] == std::to_string(receiver.port()));
    CHECK(first["http.response.status_code"] == "500");
    CHECK(first["error.type"] == attempts[0].message);
    CHECK(attempts[0].status == 2);
    CHECK_FALSE(attempts[0].message.empty());
    CHECK_FALSE(first.contains("http.request.resend_count"));
    CHECK(second["http.request.resend_count"] == "1");
    CHECK(second["http.response.status_code"] == "200");
    CHECK(second["notifyd.state"] == "succeeded");
    CHECK(attempts[1].status == 0);
  }
}

TEST_CASE("tracing: a request without a traceparent begins a trace, whose first span is the submit") {
  TempDir dir;
  Collector collector;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  Broker broker(dir.path(), {"--otlp-endpoint", collector.url(), "--otlp-ratio", "1"});
  broker.Settled(broker.Submit(R"({"url":")" + receiver.url() + R"("})"));
  const std::string cancelled = broker.Submit(R"({"url":")" + receiver.url() + R"(","delay_ms":600000})");
  CHECK(broker.Call("DELETE", "/v1/notifies/" + cancelled).status == 200);
  const std::vector<SeenSpan> spans = AllOf(&broker, &collector);
  const std::vector<SeenSpan> submits = Named(spans, "submit"), waits = Named(spans, "wait"), attempts = Named(spans, "attempt");
  REQUIRE(submits.size() == 2);
  REQUIRE(waits.size() == 2);
  REQUIRE(attempts.size() == 1);
  CHECK(submits[0].trace_id != submits[1].trace_id);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(submits[i].parent_id == "");
    CHECK(waits[i].parent_id == submits[i].id);
    CHECK(waits[i].trace_id == submits[i].trace_id);
  }
  CHECK(attempts[0].parent_id == submits[0].id);
  CHECK(receiver.seen().at(0).Header("traceparent") == "00-" + attempts[0].trace_id + "-" + attempts[0].id + "-01");
  CHECK(waits[1].attributes.at("notifyd.state") == "cancelled");
  CHECK(waits[1].attributes.at("notifyd.id") == cancelled);
}

TEST_CASE("tracing: spans that a collector has not taken by the broker's end are lost, and counted in the log") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  ScriptedServer collector([](const SeenRequest&) { return ScriptedAnswer{503, ""}; });
  Broker broker(dir.path(), {"--otlp-endpoint", collector.url(), "--otlp-ratio", "1"});
  REQUIRE(broker.Call("POST", "/v1/notifies", R"({"url":")" + receiver.url() + "\"}").status == 201);
  REQUIRE(receiver.WaitFor(1).size() == 1);
  REQUIRE_FALSE(collector.WaitFor(1).empty());
  broker.process().Signal(SIGTERM);
  REQUIRE(broker.process().Wait() == 0);
  CHECK_THAT(broker.process().error(), Catch::Contains("spans lost at the end"));
}

TEST_CASE("tracing: an attempt whose notify was cancelled meanwhile has its span") {
  TempDir dir;
  Collector collector;
  CountingReceiver receiver;
  receiver.Withhold();
  Broker broker(dir.path(), {"--otlp-endpoint", collector.url(), "--otlp-ratio", "0"});
  const std::string id = broker.Submit(R"({"url":")" + receiver.url() + R"(",)" + Traced("01") + "}");
  REQUIRE(receiver.WaitForWithheld(1));
  CHECK(broker.Call("DELETE", "/v1/notifies/" + id).status == 200);
  receiver.Release();
  const std::vector<SeenSpan> spans = AllOf(&broker, &collector);
  REQUIRE(Named(spans, "attempt").size() == 1);
  CHECK(Named(spans, "attempt")[0].attributes.at("http.response.status_code") == "200");
  CHECK(Named(spans, "wait").size() == 1);
}

TEST_CASE("tracing: a bulk submit is traced, too; a collector that is away costs spans and nothing else") {
  TempDir dir;
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  ScriptedServer collector([](const SeenRequest&) { return ScriptedAnswer{400, ""}; });
  Broker broker(dir.path(), {"--otlp-endpoint", collector.url(), "--otlp-ratio", "1"});
  const std::string line = R"({"url":")" + receiver.url() + "\"}\n";
  const std::string file = dir.Write("bulk.ndjson", line + line);
  Process submit(NOTIFYCTL_BINARY, {{"--server", broker.url(), "submit", "-f", file}, {}});
  REQUIRE(submit.Wait() == 0);
  REQUIRE(receiver.WaitFor(2).size() == 2);
  REQUIRE_FALSE(collector.WaitFor(1).empty());
  const std::vector<SeenSpan> submits = Named(SpansOf(collector.seen()[0]), "submit");
  REQUIRE(submits.size() == 1);
  CHECK(submits[0].attributes.at("notifyd.count") == "2");
  const auto dropped = [&] {
    const std::string page = broker.Call("GET", "/metrics").body, name = "\nnotifyd_spans_dropped_total ";
    return std::stoul(page.substr(page.find(name) + name.size()));
  };
  for (int round = 0; dropped() == 0 && round < kDeadlineSeconds * 100; ++round) usleep(10'000);
  CHECK(dropped() > 0);
}
