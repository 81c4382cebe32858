// The sender against a receiver of raw sockets: what goes over the wire, and what is made of the answer.
#include "broker/response.h"
#include "net/gzip.h"
#include "net/request_text.h"
#include "net/sender_fixture.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

Envelope ReplyNone() {
  Envelope envelope;
  envelope.reply_none = true;
  return envelope;
}

Envelope FatalOn(AnswerPattern pattern) {
  Envelope envelope;
  RetryPolicy policy;
  policy.fatal_on = std::move(pattern);
  envelope.retry = std::make_shared<const RetryPolicy>(policy);
  return envelope;
}

Envelope LaterOn(AnswerPattern pattern) {
  Envelope envelope;
  RetryPolicy policy;
  policy.later_on = std::move(pattern);
  envelope.retry = std::make_shared<const RetryPolicy>(policy);
  return envelope;
}

}  // namespace

TEST_CASE("sender: a success carries number, times, status and the body's beginning") {
  TinyReceiver receiver(200, "all well");
  SenderFixture sender;
  const AttemptResult result = sender.Send(PostOf(receiver.Url("/hook"), "{}"));
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.number == 3);
  CHECK(result.record.started_at == WallTime{1'700'000'000'000});
  CHECK(result.record.duration_ms >= 0);
  CHECK(result.record.status == 200);
  CHECK(result.record.error.empty());
  CHECK(result.record.response_body == "all well");
  CHECK(result.retry_after_ms == -1);
}

TEST_CASE("sender: a whole request, byte for byte") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  NotifySpec spec = PostOf(receiver.Url("/hook?a=1"), "{\"a\":1}");
  spec.headers = {{"X-One", "1"}, {"x-empty", ""}};
  REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  CHECK(receiver.requests().at(0) == "POST /hook?a=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(receiver.port()) +
                                         "\r\nUser-Agent: notifyd/test\r\nAccept: */*\r\nX-One: 1\r\nx-empty:\r\nContent-Type: application/json\r\n"
                                         "Notify-Id: n0000000000000001\r\nNotify-Attempt: 3\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST_CASE("sender: path and query go out as they were submitted") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  for (const char* target :
       {"/a/../b/./c?x=%7e%7E&y=~", "/%2e%2e/x", "//two//slashes", "/p?", "/p?a=b?c=d/../e", "/[x]{y}|z^`\"<>\\", "/%zz%", "/p?a&&b==&"}) {
    REQUIRE(sender.Send(SpecFor(receiver.Url(target) + "#fragment?no")).verdict == Verdict::kSuccess);
    CHECK(RequestLine(receiver.requests().back()) == "POST " + std::string(target) + " HTTP/1.1");
  }
  REQUIRE(sender.Send(SpecFor(receiver.Url("?q=1"))).verdict == Verdict::kSuccess);
  CHECK(RequestLine(receiver.requests().back()) == "POST /?q=1 HTTP/1.1");
}

TEST_CASE("sender: every method, with and without a body, on reused handles and connections") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);) {
      // A HEAD is answered with a length and no body.
      peer.Send(request.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    }
  });
  SenderFixture sender;
  for (int round = 0; round < 2; ++round) {
    for (Method method : {Method::kPost, Method::kGet, Method::kPut, Method::kPatch, Method::kDelete, Method::kHead}) {
      for (bool body : {true, false}) {
        CAPTURE(ToString(method), body);
        NotifySpec spec = body ? PostOf(receiver.Url("/m"), "text") : SpecFor(receiver.Url("/m"));
        spec.method = method;
        const AttemptResult result = sender.Send(spec);
        CHECK(result.verdict == Verdict::kSuccess);
        CHECK(result.record.response_body == (method == Method::kHead ? "" : "hello"));
        const std::string request = receiver.requests().back();
        CHECK(RequestLine(request) == std::string(ToString(method)) + " /m HTTP/1.1");
        CHECK(Body(request) == (body ? "text" : ""));
        const bool takes_body = method == Method::kPost || method == Method::kPut || method == Method::kPatch;
        if (body) CHECK(HasLine(request, "Content-Length: 4"));
        else if (takes_body) CHECK(HasLine(request, "Content-Length: 0"));
        else CHECK(request.find("Content-Length") == std::string::npos);
      }
    }
  }
}

TEST_CASE("sender: headers of the submitter stand for the default ones") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  NotifySpec spec = PostOf(receiver.Url("/"), "a=1");
  spec.headers = {{"content-type", "text/x"}, {"user-agent", "mine"}, {"ACCEPT", "text/y"}, {"Authorization", "Bearer t"}, {"Cookie", "a=b"}};
  REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  const std::string request = receiver.requests().at(0);
  for (const char* line : {"content-type: text/x", "user-agent: mine", "ACCEPT: text/y", "Authorization: Bearer t", "Cookie: a=b"})
    CHECK(HasLine(request, line));
  CHECK(request.find("Content-Type") == std::string::npos);
  CHECK(request.find("User-Agent") == std::string::npos);
  CHECK(request.find("Accept:") == std::string::npos);
}

TEST_CASE("sender: a large body goes without waiting for leave") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  const std::string body(3 << 20, 'x');
  REQUIRE(sender.Send(PostOf(receiver.Url("/"), body)).verdict == Verdict::kSuccess);
  const std::string request = receiver.requests().at(0);
  CHECK(request.find("Expect") == std::string::npos);
  CHECK(Body(request) == body);
}

TEST_CASE("sender: many attempts use one connection, a POST after a large body too") {
  TinyReceiver receiver(200, "ok");
  SenderFixture sender;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(sender.Send(PostOf(receiver.Url("/" + std::to_string(i)), std::string(i == 20 ? 2 << 20 : 10, 'x'))).verdict == Verdict::kSuccess);
  }
  CHECK(receiver.requests().size() == 50);
  CHECK(receiver.connections() == 1);
}

TEST_CASE("sender: a hundred at once all come through, and their connections are used again") {
  TinyReceiver receiver(200, "ok");
  SenderFixture sender;
  std::vector<NotifyId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(sender.Start(PostOf(receiver.Url("/"), std::to_string(i))));
  for (NotifyId id : ids) CHECK(sender.Wait(id).verdict == Verdict::kSuccess);
  CHECK(sender.in_flight() == 0);
  std::vector<std::string> requests = receiver.requests();
  REQUIRE(requests.size() == 100);
  std::sort(requests.begin(), requests.end());
  CHECK(std::unique(requests.begin(), requests.end()) == requests.end());
  CHECK(receiver.connections() <= 100);
  const int before = receiver.connections();
  REQUIRE(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == before);
}

TEST_CASE("sender: an unexpected status fails and keeps more of the body than a success") {
  TinyReceiver bad(500, std::string(5000, 'b')), good(200, std::string(5000, 'g'));
  SenderFixture sender;
  const AttemptResult failed = sender.Send(SpecFor(bad.Url("/")));
  CHECK(failed.verdict == Verdict::kFailure);
  CHECK(failed.record.error == "unexpected_answer");
  CHECK(failed.record.status == 500);
  CHECK(failed.record.response_body == std::string(4096, 'b'));
  CHECK(sender.Send(SpecFor(good.Url("/"))).record.response_body == std::string(256, 'g'));
}

TEST_CASE("sender: fatal_on fails at once") {
  TinyReceiver receiver(400, "");
  SenderFixture sender;
  CHECK(sender.Send(SpecFor(receiver.Url("/")), FatalOn({{4}, std::nullopt, {}})).verdict == Verdict::kFatal);
}

TEST_CASE("sender: what later_on matches is not ready yet, and its wish for a wait is heard") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(503, "state: pending", "Retry-After: 3\r\n");
  });
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")), LaterOn({{}, "pending", {}}));
  CHECK(result.verdict == Verdict::kLater);
  CHECK(result.record.error == "not_ready");
  CHECK(result.record.response_body == "state: pending");
  CHECK(result.retry_after_ms == 3000);
  CHECK(sender.Send(SpecFor(receiver.Url("/")), LaterOn({{}, "ready", {}})).record.error == "unexpected_answer");
}

TEST_CASE("sender: later_on has the body read, where expect looks at the status alone") {
  TinyReceiver receiver(200, std::string(50'000, ' ') + "{\"state\":\"pending\"}");
  SenderFixture sender;
  CHECK(sender.Send(SpecFor(receiver.Url("/")), LaterOn({{}, std::nullopt, {{"/state", "\"pending\""}}})).verdict == Verdict::kLater);
  CHECK(sender.Send(SpecFor(receiver.Url("/")), LaterOn({{}, std::nullopt, {{"/state", "\"new\""}}})).verdict == Verdict::kSuccess);
}

TEST_CASE("sender: no more of the body is read for a pattern that the status has settled than is recorded") {
  // Were it read, the attempt would wait for what is missing of the body.
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    if (peer.ReadRequest()) peer.Send("HTTP/1.1 500 X\r\nContent-Length: 100000\r\n\r\n" + std::string(90'000, 'x'));
    peer.WaitForClose();
  });
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.timeout_ms = 3'600'000;
  spec.expect.contains = "y";
  CHECK(sender.Send(spec, LaterOn({{202}, "z", {}})).record.error == "unexpected_answer");
}

TEST_CASE("sender: patterns see the whole body, chunked or not") {
  TinyReceiver plain(200, std::string(100'000, ' ') + "{\"ok\":true}");
  TinyReceiver chunked([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      peer.Send(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n6;ext=1\r\n{\"ok\":\r\n5\r\ntrue}\r\n0\r\nRetry-After: 9\r\n\r\n");
    }
  });
  SenderFixture sender;
  for (const TinyReceiver* receiver : {&plain, &chunked, &chunked}) {
    NotifySpec spec = SpecFor(receiver->Url("/"));
    spec.expect.json = {{"/ok", "true"}};
    CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
    spec.expect.json = {{"/ok", "false"}};
    CHECK(sender.Send(spec).record.error == "unexpected_answer");
    spec.expect.json.clear();
    spec.expect.contains = "OK\":TRUE";
    CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  }
  CHECK(chunked.connections() == 1);
}

TEST_CASE("sender: a pattern that needs more than the limit is response_too_large, one that found its text is not") {
  TinyReceiver receiver(200, "needle " + std::string(4000, 'x') + " thread");
  SenderOptions options;
  options.max_response_bytes = 1000;
  SenderFixture sender(options);
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.expect.contains = "thread";
  const AttemptResult open = sender.Send(spec);
  CHECK(open.verdict == Verdict::kFailure);
  CHECK(open.record.error == "response_too_large");
  CHECK(open.record.status == 200);
  CHECK(open.record.response_body.size() == 1000);
  spec.expect.contains = "needle";
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  spec.expect.contains.reset();
  spec.expect.json = {{"/a", "1"}};
  CHECK(sender.Send(spec).verdict == Verdict::kFailure);
}

TEST_CASE("sender: an endless body is left, and the status decides") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    std::string request;
    if (!peer.ReadRequest(&request)) return;
    peer.Send("HTTP/1.1 " + std::string(request.starts_with("GET") ? "200" : "500") + " X\r\n\r\n");
    while (peer.Send(std::string(10'000, 'x'))) continue;
  });
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  CHECK(sender.Send(spec).record.error == "unexpected_answer");
  spec.method = Method::kGet;
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  spec.expect.contains = "y";
  CHECK(sender.Send(spec).record.error == "response_too_large");
}

TEST_CASE("sender: the rest of a short body is read, so that the connection is used again; of a long one it is not") {
  TinyReceiver quick(200, std::string(40'000, 'x')), slow(200, std::string(10 << 20, 'x'));
  SenderFixture sender;
  for (const TinyReceiver* receiver : {&quick, &slow}) {
    for (int i = 0; i < 3; ++i) CHECK(sender.Send(SpecFor(receiver->Url("/"))).verdict == Verdict::kSuccess);
  }
  CHECK(quick.connections() == 1);
  CHECK(slow.connections() == 3);
}

TEST_CASE("sender: the recorded body is valid UTF-8, cut at a code point") {
  SenderOptions options;
  options.recorded_success_bytes = 10;
  SenderFixture sender(options);
  const auto recorded = [&](std::string body) {
    TinyReceiver receiver(200, std::move(body));
    return sender.Send(SpecFor(receiver.Url("/"))).record.response_body;
  };
  CHECK(recorded("a\xFF"
                 "b") ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(recorded("12345678\xE2\x82\xAC"
                 "9") == "12345678");
  CHECK(recorded("1234567\xE2\x82\xAC"
                 "9") == "1234567\xE2\x82\xAC");
  CHECK(recorded("\xE2\x82") == "\xEF\xBF\xBD");
}

TEST_CASE("sender: the cut of a failure's body falls between code points too") {
  TinyReceiver receiver(500, std::string(4095, 'x') + "\xE2\x82\xAC and more");
  SenderFixture sender;
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).record.response_body == std::string(4095, 'x'));
}

TEST_CASE("sender: Retry-After counts on 429 and 503 alone") {
  SenderFixture sender;
  const auto wish = [&](int status, const std::string& value) {
    TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
      if (peer.ReadRequest()) peer.Answer(status, "", "retry-after: " + value + "\r\n");
    });
    return sender.Send(SpecFor(receiver.Url("/"))).retry_after_ms;
  };
  CHECK(wish(429, "7") == 7000);
  CHECK(wish(503, "0") == 0);
  CHECK(wish(503, "Sun, 06 Nov 1994 08:49:37 GMT") == 0);
  CHECK(wish(503, "Fri, 31 Dec 9999 23:59:59 GMT") > 1'000'000);
  CHECK(wish(429, "-5") == -1);
  CHECK(wish(500, "7") == -1);
  CHECK(wish(200, "7") == -1);
}

TEST_CASE("sender: provisional responses are passed over") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      peer.Send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\n\r\n");
      peer.Answer(503, "x");
    }
  });
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(result.record.status == 503);
  CHECK(result.record.response_body == "x");
  CHECK(result.retry_after_ms == -1);
}

TEST_CASE("sender: a coded body is kept as it came") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(200, "not gzip at all", "Content-Encoding: gzip\r\n");
  });
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.response_body == "not gzip at all");
  CHECK(receiver.requests().at(0).find("Accept-Encoding") == std::string::npos);
}

TEST_CASE("sender: what a coded body holds behind where it breaks off was not there, whatever its length says") {
  std::string packed = Gzip("{\"ok\":true,\"log\":\"" + std::string(40'000, 'x') + " permanent failure\"}");
  packed.resize(packed.size() - 30);
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(200, packed, "Content-Encoding: gzip\r\n");
  });
  SenderFixture sender;
  sender.capture_bytes = 1 << 20;
  const AttemptResult open = sender.Send(SpecFor(receiver.Url("/")), FatalOn({{2}, "permanent", {}}));
  CHECK(open.verdict == Verdict::kFailure);
  CHECK(open.record.error == "connection_lost");
  CHECK_THAT(open.record.detail, Catch::Matchers::Contains("coding"));
  CHECK_THAT(open.record.response_body, Catch::Matchers::StartsWith("{\"ok\":true,"));
  CHECK_FALSE(open.lost_reused);
  // What does not hang on it is decided, and says that something is missing.
  const AttemptResult decided = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(decided.verdict == Verdict::kSuccess);
  CHECK(decided.record.truncated);
  REQUIRE(decided.response);
  CHECK(decided.response->truncated);
  CHECK(receiver.connections() == 2);
  // What was read as far as anybody wants it is not.
  sender.capture_bytes = 0;
  CHECK_FALSE(sender.Send(SpecFor(receiver.Url("/"))).record.truncated);
}

TEST_CASE("sender: cookies are neither kept nor sent") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(200, "", "Set-Cookie: a=b; Path=/\r\n");
  });
  SenderFixture sender;
  for (int i = 0; i < 2; ++i) REQUIRE(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(receiver.requests().at(1).find("Cookie") == std::string::npos);
}

TEST_CASE("sender: proxy variables are ignored") {
  DeafPort proxy;
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  setenv("http_proxy", url.c_str(), 1);
  setenv("all_proxy", url.c_str(), 1);
  TinyReceiver receiver(200, "");
  {
    SenderFixture sender;
    CHECK(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  }
  unsetenv("http_proxy");
  unsetenv("all_proxy");
}

// ---- reply: none

TEST_CASE("reply none: any answer is a success and is recorded") {
  TinyReceiver receiver(500, "no");
  SenderFixture sender;
  for (int i = 0; i < 3; ++i) {
    const AttemptResult result = sender.Send(PostOf(receiver.Url("/"), "x"), ReplyNone());
    CHECK(result.verdict == Verdict::kSuccess);
    CHECK(result.record.error.empty());
    CHECK(result.record.status == 500);
  }
  CHECK(receiver.connections() == 1);
}

TEST_CASE("reply none: a mute receiver is a success long before the timeout, and is not hung up on") {
  std::promise<void> may_answer;
  std::promise<bool> answered;
  std::atomic<bool> first{true};
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    if (!peer.ReadRequest()) return;
    if (!first.exchange(false)) {
      peer.Answer(200, "");
      return;
    }
    may_answer.get_future().wait();
    answered.set_value(peer.Answer(200, ""));
    peer.ReadRequest();
  });
  SenderFixture sender;
  NotifySpec spec = PostOf(receiver.Url("/"), "x");
  spec.timeout_ms = 3'600'000;
  const AttemptResult result = sender.Send(spec, ReplyNone());
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.status == 0);
  CHECK(sender.in_flight() == 0);
  may_answer.set_value();
  CHECK(answered.get_future().get());
  // Its connection comes back for others once the answer is there, or a new one is made: neither harms.
  CHECK(sender.Send(PostOf(receiver.Url("/"), "x"), ReplyNone()).verdict == Verdict::kSuccess);
}

TEST_CASE("reply none: a receiver that closes without an answer has the request all the same") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) { peer.ReadRequest(); });
  SenderFixture sender;
  const std::string body(300'000, 'x');
  CHECK(sender.Send(PostOf(receiver.Url("/"), body), ReplyNone()).verdict == Verdict::kSuccess);
  CHECK(Body(receiver.requests().at(0)) == body);
}

TEST_CASE("reply none: what cannot be written whole fails") {
  DeafPort deaf;
  std::promise<void> over;
  const std::shared_future<void> end = over.get_future().share();
  // It reads no more than that, so that the rest cannot be written.
  TinyReceiver early([end](TinyReceiver::Peer& peer) {
    if (peer.ReadBytes(1000)) peer.Answer(413, "");
    end.wait();
  });
  TinyReceiver stuck([end](TinyReceiver::Peer& peer) {
    peer.ReadBytes(1);
    end.wait();
  });
  SenderFixture sender;
  const AttemptResult refused = sender.Send(PostOf("http://127.0.0.1:" + std::to_string(deaf.port()) + "/", "x"), ReplyNone());
  CHECK(refused.verdict == Verdict::kFailure);
  CHECK(refused.record.error == "connect_failed");
  const AttemptResult unread = sender.Send(PostOf(early.Url("/"), std::string(64 << 20, 'x')), ReplyNone());
  CHECK(unread.verdict == Verdict::kFailure);
  CHECK(unread.record.status == 413);
  NotifySpec spec = PostOf(stuck.Url("/"), std::string(64 << 20, 'x'));
  spec.timeout_ms = 300;
  const AttemptResult timed_out = sender.Send(spec, ReplyNone());
  CHECK(timed_out.verdict == Verdict::kFailure);
  CHECK(timed_out.record.error == "timeout");
  over.set_value();
}

TEST_CASE("reply none: a GET, which has no body to count, is noticed as written") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    peer.WaitForClose();
  });
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.method = Method::kGet;
  CHECK(sender.Send(spec, ReplyNone()).verdict == Verdict::kSuccess);
}
