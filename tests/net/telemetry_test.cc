// Spans on their way to a collector: both encodings read by others' means, and what becomes of them where it says no.
#include <unistd.h>

#include <atomic>

#include "net/telemetry/otlp_encoding.h"
#include "net/telemetry/span_exporter.h"
#include "support/process.h"
#include "support/seen_spans.h"
#include "support/sockets.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr int64_t kLongMs = kDeadlineSeconds * 1000;

Span ASpan() {
  Span span;
  span.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  span.id = 0x00f067aa0ba902b7;
  span.parent_id = 0xfedcba9876543210;
  span.name = "attempt";
  span.kind = Span::Kind::kClient;
  span.begin_ns = 1'764'275'696'789'000'000;
  span.end_ns = 1'764'275'696'989'000'000;
  span.attributes = {{"url.full", "http://h/\"ä\n"}, {"http.response.status_code", int64_t{503}}, {"negative", int64_t{-1}}};
  span.failed = true;
  span.message = "unexpected_status";
  return span;
}

SpanExporterOptions To(const std::string& endpoint, OtlpEncoding encoding = OtlpEncoding::kProtobuf) {
  SpanExporterOptions options;
  options.endpoint = endpoint;
  options.encoding = encoding;
  options.headers = {"x-key: k"};
  options.version = "1.2.3";
  return options;
}

}  // namespace

TEST_CASE("otlp: a span comes to the same in both encodings, as others read them") {
  for (OtlpEncoding encoding : {OtlpEncoding::kProtobuf, OtlpEncoding::kJson}) {
    Collector collector;
    SpanExporter exporter(To(collector.url(), encoding));
    exporter.SetResource({{"service.name", "notifyd"}});
    Span first = ASpan();
    first.parent_id = 0;
    first.failed = false;
    exporter.Add(ASpan());
    exporter.Add(first);
    REQUIRE(exporter.Finish(kLongMs));
    for (const SeenRequest& request : collector.requests()) {
      CHECK(request.method == "POST");
      CHECK(request.target == "/v1/traces");
      CHECK(request.Header("x-key") == "k");
    }
    std::vector<SeenSpan> spans = collector.spans();
    REQUIRE(spans.size() == 2);
    const SeenSpan& span = spans[0];
    CHECK(span.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736");
    CHECK(span.id == "00f067aa0ba902b7");
    CHECK(span.parent_id == "fedcba9876543210");
    CHECK(span.name == "attempt");
    CHECK(span.kind == 3);
    CHECK(span.begin_ns == 1'764'275'696'789'000'000);
    CHECK(span.end_ns == 1'764'275'696'989'000'000);
    CHECK(span.attributes ==
          std::map<std::string, std::string>{{"url.full", "http://h/\"ä\n"}, {"http.response.status_code", "503"}, {"negative", "-1"}});
    CHECK(span.status == 2);
    CHECK(span.message == "unexpected_status");
    CHECK(span.resource == std::map<std::string, std::string>{{"service.name", "notifyd"}, {"service.version", "1.2.3"}});
    CHECK(span.scope_version == "1.2.3");
    CHECK(spans[1].parent_id == "");
    CHECK(spans[1].status == 0);
    CHECK(exporter.made() == 2);
    CHECK(exporter.dropped() == 0);
  }
}

TEST_CASE("otlp: what a collector says that it did not take is counted") {
  CHECK(RejectedSpans(OtlpEncoding::kJson, R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}})") == 3);
  CHECK(RejectedSpans(OtlpEncoding::kJson, R"({"partialSuccess":{"rejectedSpans":3}})") == 3);
  // partial_success = 1 { rejected_spans = 1: 300, error_message = 2: "x" }
  const std::string partial("\x0a\x06\x08\xac\x02\x12\x01x", 8);
  CHECK(RejectedSpans(OtlpEncoding::kProtobuf, partial) == 300);
  for (size_t cut = 0; cut < partial.size(); ++cut) CHECK(RejectedSpans(OtlpEncoding::kProtobuf, partial.substr(0, cut)) == 0);
  for (const char* other : {"", "{}", "no JSON", "[]"}) {
    CHECK(RejectedSpans(OtlpEncoding::kJson, other) == 0);
    CHECK(RejectedSpans(OtlpEncoding::kProtobuf, other) == 0);
  }
  ScriptedServer collector([](const SeenRequest&) { return ScriptedAnswer{200, R"({"partialSuccess":{"rejectedSpans":"1"}})"}; });
  SpanExporter exporter(To(collector.url() + "/v1/traces", OtlpEncoding::kJson));
  exporter.Add(ASpan());
  REQUIRE(exporter.Finish(kLongMs));
  CHECK(collector.seen()[0].target == "/v1/traces");
  CHECK(exporter.dropped() == 1);
}

TEST_CASE("otlp: a collector that is busy is asked again; what it refuses for good is lost, and counted") {
  std::atomic<int> round{0};
  ScriptedServer collector([&](const SeenRequest&) { return ScriptedAnswer{round++ == 0 ? 503 : 200, ""}; });
  SpanExporter exporter(To(collector.url()));
  exporter.Add(ASpan());
  REQUIRE(exporter.Finish(kLongMs));
  CHECK(round == 2);
  CHECK(exporter.dropped() == 0);
  CHECK(collector.seen()[0].body == collector.seen()[1].body);
  ScriptedServer refusing([](const SeenRequest&) { return ScriptedAnswer{400, ""}; });
  SpanExporter other(To(refusing.url()));
  other.Add(ASpan());
  REQUIRE(other.Finish(kLongMs));
  CHECK(refusing.seen().size() == 1);
  CHECK(other.dropped() == 1);
}

TEST_CASE("otlp: a refusal counts by its head, be its body longer than anybody reads, or broken off") {
  const std::string long_body(5 << 20, 'x');
  for (bool whole : {true, false}) {
    INFO(whole);
    std::atomic<int> asked{0};
    ScriptedServer collector([&](StreamedRequest* request) {
      for (std::string piece; request->Read(&piece);) continue;
      if (asked++ > 0) return void(request->Send("HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n"));
      const std::string head = "HTTP/1.1 400 X\r\nContent-Length: " + std::to_string(long_body.size()) + "\r\n\r\n";
      request->Send(head + (whole ? long_body : "x"));
    });
    SpanExporter exporter(To(collector.url()));
    exporter.Add(ASpan());
    REQUIRE(exporter.Finish(kLongMs));
    CHECK(exporter.dropped() == 1);
    CHECK(asked == 1);
  }
}

TEST_CASE("otlp: who takes spans with an answer that breaks off has taken them") {
  std::atomic<int> asked{0};
  ScriptedServer collector([&](StreamedRequest* request) {
    for (std::string piece; request->Read(&piece);) continue;
    ++asked;
    request->Send("HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nx");
  });
  SpanExporter exporter(To(collector.url()));
  exporter.Add(ASpan());
  REQUIRE(exporter.Finish(kLongMs));
  CHECK(asked == 1);
  CHECK(exporter.dropped() == 0);
}

TEST_CASE("otlp: a collector that is busy is not stormed by a broker that ends: a few tries, and none before Retry-After") {
  for (bool says_when : {false, true}) {
    INFO(says_when);
    std::atomic<int> asked{0};
    ScriptedServer collector([&](StreamedRequest* request) {
      for (std::string piece; request->Read(&piece);) continue;
      ++asked;
      request->Send(std::string("HTTP/1.1 429 X\r\nContent-Length: 0\r\n") + (says_when ? "Retry-After: 30\r\n\r\n" : "\r\n"));
    });
    SpanExporter exporter(To(collector.url()));
    exporter.Add(ASpan());
    exporter.Add(ASpan());
    for (int round = 0; asked == 0 && round < kDeadlineSeconds * 100; ++round) usleep(10'000);
    CHECK_FALSE(exporter.Finish(1000));
    if (says_when) CHECK(asked == 1);
    else CHECK(asked <= 6);
    CHECK(exporter.left() == 2);
  }
}

TEST_CASE("otlp: who takes spans with an answer longer than anybody reads has taken them") {
  ScriptedServer collector([](const SeenRequest&) { return ScriptedAnswer{200, std::string(5 << 20, ' ')}; });
  SpanExporter exporter(To(collector.url()));
  exporter.Add(ASpan());
  REQUIRE(exporter.Finish(kLongMs));
  CHECK(collector.seen().size() == 1);
  CHECK(exporter.dropped() == 0);
}

TEST_CASE("otlp: the query of an endpoint stays behind its path") {
  Collector collector;
  for (const char* written : {"/?key=k", "/v1/traces?key=k", "/v1/traces/?key=k#part", "?key=k"}) {
    SpanExporter exporter(To(collector.url() + written));
    exporter.Add(ASpan());
    REQUIRE(exporter.Finish(kLongMs));
  }
  const std::vector<SeenRequest> seen = collector.requests();
  REQUIRE(seen.size() == 4);
  for (const SeenRequest& request : seen) CHECK(request.target == "/v1/traces?key=k");
}

TEST_CASE("otlp: a collector that is away holds nobody up; beyond what may wait spans are dropped and counted") {
  SpanExporter exporter(To("http://127.0.0.1:" + std::to_string(ClosedPort())));
  Span large = ASpan();
  large.attributes.emplace_back("x", std::string(1 << 20, 'x'));
  for (int i = 0; i < 10; ++i) exporter.Add(large);
  CHECK(exporter.made() == 10);
  CHECK(exporter.dropped() == 7);
}
