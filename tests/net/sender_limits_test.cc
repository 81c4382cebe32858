// The sender's bounds against many hosts, and against receivers that send too much, too little or the wrong thing.
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// Sends `head` once and then `piece` for as long as the client takes it.
TinyReceiver::Script Endless(std::string head, std::string piece) {
  return [=](TinyReceiver::Peer& peer) {
    if (!peer.ReadRequest() || !peer.Send(head)) return;
    while (peer.Send(piece)) continue;
  };
}

/// Answers each request of a connection with the next of `answers`, the last for all that follow.
TinyReceiver::Script Answers(std::vector<std::string> answers) {
  return [=](TinyReceiver::Peer& peer) {
    for (size_t i = 0; peer.ReadRequest(); ++i) {
      if (!peer.Send(answers[std::min(i, answers.size() - 1)])) return;
    }
  };
}

constexpr const char* kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("sender limits: a dozen hung hosts do not hold up another") {
  std::list<TinyReceiver> hung;
  for (int i = 0; i < 12; ++i) {
    hung.emplace_back([](TinyReceiver::Peer& peer) {
      peer.ReadRequest();
      peer.WaitForClose();
    });
  }
  TinyReceiver good(200, "ok");
  SenderFixture sender;
  for (TinyReceiver& receiver : hung) {
    for (int i = 0; i < 10; ++i) sender.Start(PostOf(receiver.Url("/"), "x"));
  }
  for (int i = 0; i < 50; ++i) CHECK(sender.Send(PostOf(good.Url("/"), "x")).verdict == Verdict::kSuccess);
  CHECK(sender.in_flight() == 120);
  CHECK(good.connections() == 1);
}

TEST_CASE("sender limits: over thousands of hosts no more connections stay open than the settings say, and a slow call goes on") {
  std::promise<void> may_answer;
  TinyReceiver receiver(
      [&, may = may_answer.get_future().share()](TinyReceiver::Peer& peer) {
        for (std::string request; peer.ReadRequest(&request);) {
          if (request.starts_with("POST /slow")) may.wait();
          if (!peer.Answer(200, "ok")) return;
        }
      },
      INADDR_ANY);
  SenderOptions options;
  options.max_idle_connections = 16;
  SenderFixture sender(options);
  const NotifyId slow = sender.Start(PostOf(receiver.Url("/slow"), "x"));
  // Above what one pool of connections serves.
  for (int i = 0; i < 2000; ++i) {
    const std::string host = "127.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
    REQUIRE(sender.Send(PostOf("http://" + host + ":" + std::to_string(receiver.port()) + "/", "x")).verdict == Verdict::kSuccess);
  }
  CHECK(sender.in_flight() == 1);
  may_answer.set_value();
  CHECK(sender.Wait(slow).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 2001);
  receiver.WaitForOpen(17);
}

TEST_CASE("sender limits: a storm of provisional responses is left") {
  TinyReceiver receiver(Endless("", "HTTP/1.1 100 Continue\r\n\r\n"));
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(result.record.error == "unexpected_answer");
  CHECK(result.record.status == 0);
  CHECK(result.record.detail.find("head") != std::string::npos);
}

TEST_CASE("sender limits: some provisional responses are no storm") {
  std::string some;
  for (int i = 0; i < 100; ++i) some += "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n";
  TinyReceiver receiver(Answers({some + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}));
  SenderFixture sender;
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).record.response_body == "ok");
}

TEST_CASE("sender limits: 101 ends the answer at once") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    if (peer.ReadRequest()) peer.Send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    peer.WaitForClose();
  });
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.timeout_ms = 3'600'000;
  const AttemptResult result = sender.Send(spec);
  CHECK(result.record.status == 101);
  CHECK(result.record.error == "unexpected_answer");
  spec.expect.status = {101};
  spec.expect.contains = "x";
  CHECK(sender.Send(spec).record.error == "unexpected_answer");
}

TEST_CASE("sender limits: an endless body counts as soon as it holds the text that is looked for") {
  TinyReceiver early(Endless("HTTP/1.1 200 OK\r\n\r\nthe Needle", std::string(1000, 'x')));
  TinyReceiver late(Endless("HTTP/1.1 200 OK\r\n\r\n" + std::string(600'000, 'x') + "needle", std::string(1000, 'x')));
  TinyReceiver never(Endless("HTTP/1.1 200 OK\r\n\r\n", std::string(1000, 'x')));
  SenderFixture sender;
  const auto send = [&](const TinyReceiver& receiver) {
    NotifySpec spec = SpecFor(receiver.Url("/"));
    spec.expect.contains = "needle";
    spec.timeout_ms = 3'600'000;
    return sender.Send(spec);
  };
  CHECK(send(early).verdict == Verdict::kSuccess);
  CHECK(send(late).verdict == Verdict::kSuccess);
  const AttemptResult open = send(never);
  CHECK(open.record.error == "response_too_large");
  CHECK(open.record.detail.find("1048576") != std::string::npos);
}

TEST_CASE("sender limits: a text that came settles it though the rest never does") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    if (peer.ReadRequest()) peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nneedle" + std::string(10'000, 'x'));
    peer.WaitForClose();
  });
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.timeout_ms = 3'600'000;
  spec.expect.contains = "needle";
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
}

TEST_CASE("sender limits: the connection of a settled pattern is kept where little is left to read") {
  TinyReceiver receiver(200, "needle" + std::string(40'000, 'x'));
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.expect.contains = "needle";
  for (int i = 0; i < 3; ++i) CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 1);
}

TEST_CASE("sender limits: trailers are passed over, and the connection is used again") {
  TinyReceiver receiver(Answers({std::string(kChunkedHead) + "2\r\nok\r\n0\r\nRetry-After: 9\r\nX: y\r\n\r\n"}));
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.expect.contains = "ok";
  for (int i = 0; i < 3; ++i) CHECK(sender.Send(spec).record.response_body == "ok");
  CHECK(receiver.connections() == 1);
}

TEST_CASE("sender limits: trailers without end are left, and the body before them counts as whole") {
  TinyReceiver receiver(Endless(std::string(kChunkedHead) + "b\r\n{\"ok\":true}\r\n0\r\n", "X-Trailer: " + std::string(500, 't') + "\r\n"));
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.timeout_ms = 3'600'000;
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  spec.expect.json = {{"/ok", "true"}};
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  spec.expect.json = {{"/ok", "false"}};
  CHECK(sender.Send(spec).record.error == "unexpected_answer");
}

TEST_CASE("sender limits: one trailer line without end is left") {
  TinyReceiver receiver(Endless(std::string(kChunkedHead) + "2\r\nok\r\n0\r\nX: ", std::string(500, 't')));
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.timeout_ms = 3'600'000;
  const AttemptResult result = sender.Send(spec);
  CAPTURE(result.record.error, result.record.detail);
  CHECK(result.record.status == 200);
}

TEST_CASE("sender limits: an answer without a head (HTTP/0.9) is none") {
  SenderFixture sender;
  for (const char* bytes : {"o", "ok", "ok\n", "<html>hello</html>", "\r\n\r\n", "\r\n"}) {
    CAPTURE(bytes);
    TinyReceiver receiver([bytes](TinyReceiver::Peer& peer) {
      if (peer.ReadRequest()) peer.Send(bytes);
    });
    const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
    CHECK(result.verdict == Verdict::kFailure);
    CHECK(result.record.error == "unexpected_answer");
    CHECK(result.record.status == 0);
  }
}

TEST_CASE("sender limits: a header line without a colon makes the answer none") {
  TinyReceiver receiver(Answers({"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n"}));
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(result.record.error == "unexpected_answer");
}

TEST_CASE("sender limits: what follows an answer to HEAD is not taken for the next answer") {
  for (bool body : {false, true}) {
    CAPTURE(body);
    // Not allowed to, it sends the body that its length speaks of.
    TinyReceiver receiver(Answers({"HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nbad"}));
    TinyReceiver good(Answers({"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"}));
    SenderFixture sender;
    for (int i = 0; i < 3; ++i) {
      NotifySpec spec = body ? PostOf(receiver.Url("/"), "x") : SpecFor(receiver.Url("/"));
      spec.method = Method::kHead;
      const AttemptResult result = sender.Send(spec);
      CHECK(result.record.status == 200);
      CHECK(result.record.response_body.empty());
      CHECK(result.verdict == Verdict::kSuccess);
      // It has no body, and that is the whole of it.
      spec.url = good.Url("/");
      spec.expect.contains = "x";
      CHECK(sender.Send(spec).record.error == "unexpected_answer");
    }
  }
}

TEST_CASE("sender limits: answers that have no body have none, whatever length they say") {
  for (int status : {204, 304}) {
    CAPTURE(status);
    TinyReceiver receiver(Answers({"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 10\r\n\r\n"}));
    SenderFixture sender;
    NotifySpec spec = SpecFor(receiver.Url("/"));
    spec.timeout_ms = 3'600'000;
    spec.expect.status = {static_cast<uint16_t>(status)};
    for (int i = 0; i < 2; ++i) CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  }
}

TEST_CASE("sender limits: Retry-After in each form of a date, and the last of several") {
  SenderFixture sender;
  const auto wish = [&](const std::string& lines) {
    TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
      if (peer.ReadRequest()) peer.Answer(503, "", lines);
    });
    return sender.Send(SpecFor(receiver.Url("/"))).retry_after_ms;
  };
  constexpr int64_t kHundredYears = 100LL * 365 * 86'400'000;
  for (const char* date : {"Fri, 31 Dec 2100 23:59:59 GMT", "Fri Dec 31 23:59:59 2100"}) {
    CAPTURE(date);
    CHECK(wish("Retry-After: " + std::string(date) + "\r\n") > 0);
    CHECK(wish("Retry-After: " + std::string(date) + "\r\n") < kHundredYears);
  }
  CHECK(wish("Retry-After: Sunday, 06-Nov-94 08:49:37 GMT\r\n") == 0);
  CHECK(wish("Retry-After:\t 8 \t\r\n") == 8000);
  CHECK(wish("Retry-After:\r\n") == -1);
  CHECK(wish("Retry-After: 1.5\r\n") == -1);
  CHECK(wish("Retry-After: 8\r\nRetry-After: 9\r\n") == 9000);
}
