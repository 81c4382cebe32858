// The sender's settings while it runs, the trace that it passes on, and Abort.
#include "net/sender_fixture.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>

using namespace notifyd;

namespace {

constexpr const char* kTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";

Envelope Traced() {
  Envelope envelope;
  envelope.trace_parent = "00-" + std::string(kTraceId) + "-00f067aa0ba902b7-01";
  return envelope;
}

/// The values of all header lines of that name.
std::vector<std::string> Values(const std::string& request, const std::string& name) {
  std::vector<std::string> values;
  const std::string start = "\r\n" + name + ": ";
  for (size_t at = request.find(start); at != std::string::npos; at = request.find(start, at + 1)) {
    const size_t from = at + start.size();
    values.push_back(request.substr(from, request.find("\r\n", from) - from));
  }
  return values;
}

/// A receiver that holds its answer back until it is let go.
class Gate {
 public:
  void Open() { open_.set_value(); }
  void Wait() { opened_.wait(); }

 private:
  std::promise<void> open_;
  std::shared_future<void> opened_ = open_.get_future().share();
};

SenderOptions Denying(std::vector<std::string> deny) {
  SenderOptions options;
  options.deny = std::move(deny);
  return options;
}

}  // namespace

TEST_CASE("trace: each attempt has a parent id of its own in the trace that the notify came with") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  std::set<std::string> parents;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(sender.Send(SpecFor(receiver.Url("/")), Traced()).verdict == Verdict::kSuccess);
    const std::vector<std::string> sent = Values(receiver.requests().back(), "traceparent");
    REQUIRE(sent.size() == 1);
    REQUIRE(sent[0].size() == 55);
    CHECK(sent[0].substr(0, 36) == "00-" + std::string(kTraceId) + "-");
    CHECK(sent[0].substr(52) == "-01");
    const std::string parent = sent[0].substr(36, 16);
    CHECK(parent.find_first_not_of("0123456789abcdef") == std::string::npos);
    parents.insert(parent);
  }
  CHECK(parents.size() == 20);
  CHECK_FALSE(parents.contains("0000000000000000"));
  CHECK_FALSE(parents.contains("00f067aa0ba902b7"));
}

TEST_CASE("trace: tracestate goes with it as it came, and neither goes without a trace") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.trace_state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
  REQUIRE(sender.Send(spec, Traced()).verdict == Verdict::kSuccess);
  CHECK(Values(receiver.requests().back(), "tracestate") == std::vector<std::string>{spec.trace_state});
  REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  CHECK(receiver.requests().back().find("trace") == std::string::npos);
  Envelope cut = Traced();
  cut.trace_parent.pop_back();
  REQUIRE(sender.Send(spec, cut).verdict == Verdict::kSuccess);
  CHECK(receiver.requests().back().find("trace") == std::string::npos);
}

TEST_CASE("trace: a traceparent among the notify's own headers is not sent beside that of the attempt") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.headers = {{"TraceParent", "mine"}, {"tracestate", "mine"}, {"X-Other", "1"}};
  REQUIRE(sender.Send(spec, Traced()).verdict == Verdict::kSuccess);
  const std::string traced = receiver.requests().back();
  CHECK(traced.find("TraceParent") == std::string::npos);
  CHECK(Values(traced, "traceparent").size() == 1);
  CHECK(Values(traced, "tracestate") == std::vector<std::string>{"mine"});  // the notify came with none to take its place
  CHECK(Values(traced, "X-Other").size() == 1);
  REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  CHECK(Values(receiver.requests().back(), "TraceParent") == std::vector<std::string>{"mine"});
}

TEST_CASE("trace: a redirect takes traceparent along, to another origin too") {
  TinyReceiver other(200, "");
  TinyReceiver first([&](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(307, "", "Location: " + other.Url("/end") + "\r\n");
  });
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  NotifySpec spec = SpecFor(first.Url("/"));
  spec.trace_state = "a=b";
  REQUIRE(sender.Send(spec, Traced()).verdict == Verdict::kSuccess);
  const std::string here = first.requests().at(0), there = other.requests().at(0);
  CHECK(Values(here, "traceparent").size() == 1);
  CHECK(Values(here, "traceparent") == Values(there, "traceparent"));
  // Not among what is harmless anywhere: it holds what vendors put there.
  CHECK(Values(here, "tracestate") == std::vector<std::string>{"a=b"});
  CHECK(Values(there, "tracestate").empty());
}

TEST_CASE("reload: destinations hold for the next attempt, though a connection to it lies ready") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  REQUIRE(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  REQUIRE(sender.Reload(Denying({"127.0.0.0/8"})).ok());
  const AttemptResult refused = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(refused.verdict == Verdict::kFatal);
  CHECK(refused.record.error == "destination_refused");
  CHECK(receiver.requests().size() == 1);
  REQUIRE(sender.Reload({}).ok());
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
}

TEST_CASE("reload: a connection that was in use then is not used again under other destinations") {
  Gate gate;
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      if (peer.number() == 0) gate.Wait();
      if (!peer.Answer(200, "")) return;
    }
  });
  SenderFixture sender;
  const NotifyId under_way = sender.Start(SpecFor(receiver.Url("/")));
  while (receiver.requests().empty()) std::this_thread::yield();
  REQUIRE(sender.Reload(Denying({"10.0.0.0/8"})).ok());
  gate.Open();
  CHECK(sender.Wait(under_way).verdict == Verdict::kSuccess);
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 2);
  // From here on nothing changes, so this one is kept.
  REQUIRE(sender.Reload(Denying({"10.0.0.0/8"})).ok());
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 2);
}

TEST_CASE("reload: an attempt under way keeps what it began with, over its redirects too") {
  Gate gate;
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);) {
      if (request.starts_with("POST /end")) {
        peer.Answer(500, std::string(100, 'x'));
        continue;
      }
      gate.Wait();
      peer.Answer(307, "", "Location: /end\r\n");
    }
  });
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  const NotifyId under_way = sender.Start(SpecFor(receiver.Url("/")));
  while (receiver.requests().empty()) std::this_thread::yield();
  SenderOptions other = Denying({"10.0.0.0/8"});
  other.recorded_failure_bytes = 10;
  REQUIRE(sender.Reload(other).ok());
  gate.Open();
  const AttemptResult result = sender.Wait(under_way);
  CHECK(result.record.status == 500);
  CHECK(result.record.response_body.size() == 100);
}

TEST_CASE("reload: what is recorded and read, redirects and credentials follow the new settings") {
  TinyReceiver other(200, "ok");
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);) {
      if (request.starts_with("POST /go")) peer.Answer(307, "", "Location: " + other.Url("/") + "\r\n");
      else peer.Answer(200, std::string(2000, 'x') + "needle");
    }
  });
  SenderFixture sender;
  NotifySpec body = SpecFor(receiver.Url("/")), go = SpecFor(receiver.Url("/go"));
  body.expect.contains = "needle";
  body.headers = {{"X-Pin", "xxxxxxxxxx"}};
  CHECK(sender.Send(body).record.response_body.size() == 256);
  CHECK(sender.Send(go).record.status == 307);
  SenderOptions options;
  options.recorded_success_bytes = 100;
  options.follow_redirects = true;
  REQUIRE(sender.Reload(options).ok());
  CHECK(sender.Send(body).record.response_body.size() == 100);
  CHECK(sender.Send(go).verdict == Verdict::kSuccess);
  CHECK(other.requests().size() == 1);
  options.secret_headers = {"x-pin"};
  REQUIRE(sender.Reload(options).ok());
  CHECK(sender.Send(body).record.response_body == "******************************xxx");  // of 103 bytes
  options.secret_headers.clear();
  options.max_response_bytes = 1000;
  options.recorded_failure_bytes = 50;
  REQUIRE(sender.Reload(options).ok());
  const AttemptResult cut = sender.Send(body);
  CHECK(cut.record.error == "response_too_large");
  CHECK(cut.record.response_body.size() == 50);
}

TEST_CASE("reload: one that fails changes nothing") {
  TinyReceiver receiver(200, std::string(1000, 'x'));
  SenderFixture sender;
  REQUIRE(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  SenderOptions options = Denying({"127.0.0.0/8", "nonsense"});
  options.recorded_success_bytes = 10;
  const Status status = sender.Reload(options);
  CHECK(status.code() == Code::kUnacceptable);
  CHECK(status.field() == "/destinations/deny/1");
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.response_body.size() == 256);
  CHECK(receiver.connections() == 1);
}

TEST_CASE("abort: a second one does nothing, and neither do a reload and the end after it") {
  TinyReceiver hung([](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    peer.WaitForClose();
  });
  SenderFixture sender;
  Envelope none;
  none.reply_none = true;
  for (int i = 0; i < 5; ++i) sender.Start(SpecFor(hung.Url("/")), i % 2 == 0 ? Envelope() : none);
  sender.StartEncoded("no spec");
  sender.OnLoop([&] {});
  sender.Abort();
  const size_t ended = sender.ended();
  sender.Abort();
  REQUIRE(sender.Reload(Denying({"10.0.0.0/8"})).ok());
  sender.Abort();
  CHECK(sender.in_flight() == 0);
  CHECK(sender.ended() == ended);
  TinyReceiver receiver(200, "");
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(sender.ended() == ended + 1);
}

TEST_CASE("sender: one that may not call any more connects at most, and sends nothing") {
  std::atomic<bool> may{true};
  std::promise<std::string> seen;
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    peer.Answer(200, "ok");
    std::string more;
    seen.set_value(peer.ReadRequest(&more) ? more : "nothing");
  });
  SenderOptions options;
  options.may_call = [&] { return may.load(); };
  SenderFixture sender(options);
  CHECK(sender.Send(PostOf(receiver.Url("/"), "x")).verdict == Verdict::kSuccess);
  may = false;
  sender.Start(PostOf(receiver.Url("/"), "x"));
  sender.Abort();
  CHECK(seen.get_future().get() == "nothing");
}
