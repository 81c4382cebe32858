// Where redirects lead, and what goes along.
#include "net/request_text.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// Answers "/<status>" with that redirect to "/end", and all else with 200.
void Redirect(TinyReceiver::Peer& peer, const std::string& location = "end?x=%7e") {
  for (std::string request; peer.ReadRequest(&request);) {
    const int status = std::atoi(request.c_str() + request.find('/') + 1);
    if (status == 0) peer.Answer(200, "end");
    else peer.Answer(status, "over there", "Location: " + location + "\r\n");
  }
}

SenderOptions Following() {
  SenderOptions options;
  options.follow_redirects = true;
  return options;
}

}  // namespace

TEST_CASE("redirects: not followed unless the settings say so") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(302, "", "Location: /next\r\n");
  });
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(result.record.status == 302);
  CHECK(result.record.error == "unexpected_answer");
  CHECK(receiver.requests().size() == 1);
}

TEST_CASE("redirects: method and body are kept on 307 and 308, a POST becomes a GET on 301, 302 and 303") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) { Redirect(peer); });
  SenderFixture sender(Following());
  for (int status : {301, 302, 303, 307, 308}) {
    CAPTURE(status);
    const AttemptResult result = sender.Send(PostOf(receiver.Url("/" + std::to_string(status)), "text"));
    CHECK(result.verdict == Verdict::kSuccess);
    CHECK(result.record.response_body == "end");
    const std::string request = receiver.requests().back();
    const bool kept = status >= 307;
    CHECK(RequestLine(request) == (kept ? "POST" : "GET") + std::string(" /end?x=%7e HTTP/1.1"));
    CHECK(Body(request) == (kept ? "text" : ""));
    CHECK(HasLine(request, "Content-Type: application/json") == kept);
    CHECK(HasLine(request, "Notify-Attempt: 3"));
  }
  CHECK(receiver.connections() == 1);
}

TEST_CASE("redirects: to another origin go only headers that are harmless anywhere") {
  TinyReceiver other(200, "other");
  TinyReceiver first([&](TinyReceiver::Peer& peer) { Redirect(peer, other.Url("/end")); });
  TinyReceiver same([](TinyReceiver::Peer& peer) { Redirect(peer); });
  SenderFixture sender(Following());
  for (TinyReceiver* receiver : {&first, &same}) {
    NotifySpec spec = PostOf(receiver->Url("/307"), "text");
    spec.headers = {{"Authorization", "s"}, {"Cookie", "s"}, {"x-api-key", "s"}, {"X-Session", "s"}, {"accept", "a/b"}, {"User-Agent", "me"}};
    REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  }
  const std::string elsewhere = other.requests().at(0), home = same.requests().at(1);
  for (const char* line : {"accept: a/b", "User-Agent: me", "Content-Type: application/json", "Notify-Attempt: 3"}) {
    CHECK(HasLine(elsewhere, line));
    CHECK(HasLine(home, line));
  }
  for (const char* line : {"Authorization: s", "Cookie: s", "x-api-key: s", "X-Session: s"}) {
    CHECK_FALSE(HasLine(elsewhere, line));
    CHECK(HasLine(home, line));
  }
}

TEST_CASE("redirects: one that comes before the whole request was written takes all of it along") {
  TinyReceiver other(200, "end");
  TinyReceiver early([&](TinyReceiver::Peer& peer) {
    if (peer.ReadBytes(1000)) peer.Answer(307, "", "Location: " + other.Url("/end") + "\r\n");
    peer.WaitForClose();
  });
  SenderFixture sender(Following());
  const std::string body(16 << 20, 'x');
  CHECK(sender.Send(PostOf(early.Url("/"), body)).record.response_body == "end");
  CHECK(Body(other.requests().at(0)) == body);
}

TEST_CASE("redirects: five are followed, no more") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) { Redirect(peer, "/308"); });
  SenderFixture sender(Following());
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/308")));
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(result.record.error == "too_many_redirects");
  CHECK(result.record.status == 308);
  CHECK(receiver.requests().size() == 6);
}

TEST_CASE("redirects: a failure behind one says where it led, a success and a failure without one do not") {
  DeafPort deaf;
  const std::string nobody = "http://127.0.0.1:" + std::to_string(deaf.port()) + "/x?y";
  TinyReceiver plain([](TinyReceiver::Peer& peer) {
    peer.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.WaitForClose();
  });
  TinyReceiver mute([](TinyReceiver::Peer&peer) { peer.ReadRequest(); }), failing(500, "no"), wordy(200, "other"), good(200, "end");
  const std::string unencrypted = "https" + plain.Url("/t").substr(4);
  struct Row {
    std::string to;
    const char* error;
  };
  SenderFixture sender(Following());
  for (const Row& row : std::vector<Row>{{nobody, "connect_failed"},
                                         {unencrypted, "tls"},
                                         {"http://169.254.169.254/latest", "destination_refused"},
                                         {mute.Url("/m"), "connection_lost"},
                                         {failing.Url("/f"), "unexpected_answer"},
                                         {wordy.Url("/w"), "unexpected_answer"}}) {
    CAPTURE(row.to);
    TinyReceiver first([&](TinyReceiver::Peer& peer) { Redirect(peer, row.to); });
    NotifySpec spec = SpecFor(first.Url("/302"));
    spec.expect.contains = "end";
    const AttemptResult result = sender.Send(spec);
    CHECK(result.record.error == row.error);
    CHECK_THAT(result.record.detail, Catch::Matchers::EndsWith("; after a redirect to " + row.to));
  }
  TinyReceiver first([&](TinyReceiver::Peer& peer) { Redirect(peer, good.Url("/end")); });
  CHECK(sender.Send(SpecFor(first.Url("/302"))).record.detail.empty());
  CHECK_THAT(sender.Send(SpecFor(nobody)).record.detail, !Catch::Matchers::Contains("redirect"));
}

TEST_CASE("redirects: every hop's address is checked, and only http and https are followed") {
  TinyReceiver metadata([](TinyReceiver::Peer& peer) { Redirect(peer, "http://169.254.169.254/latest"); });
  TinyReceiver file([](TinyReceiver::Peer& peer) { Redirect(peer, "file:///etc/passwd"); });
  SenderFixture sender(Following());
  const AttemptResult refused = sender.Send(SpecFor(metadata.Url("/302")));
  CHECK(refused.verdict == Verdict::kFatal);
  CHECK(refused.record.error == "destination_refused");
  const AttemptResult bad = sender.Send(SpecFor(file.Url("/302")));
  CHECK(bad.verdict == Verdict::kFailure);
  CHECK(bad.record.error == "unexpected_answer");
}

TEST_CASE("redirects: a relative one leads to where RFC 3986 says") {
  struct Row {
    std::string location, target;
  };
  const std::string base = "/d/e/base?q=1";
  for (const Row& row : std::vector<Row>{{"#x", base}, {"", base}, {"?r#x", "/d/e/base?r"}, {"../../../x/./y", "/x/y"}, {"./a/../b", "/d/e/b"}}) {
    CAPTURE(row.location);
    int asked = 0;
    TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
      while (peer.ReadRequest()) asked++ == 0 ? peer.Answer(307, "", "Location: " + row.location + "\r\n") : peer.Answer(200, "end");
    });
    SenderFixture sender(Following());
    CHECK(sender.Send(PostOf(receiver.Url(base), "text")).record.response_body == "end");
    CHECK(RequestLine(receiver.requests().back()) == "POST " + row.target + " HTTP/1.1");
    CHECK(Body(receiver.requests().back()) == "text");
  }
}

TEST_CASE("redirects: the same URL again counts as one") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) { Redirect(peer, "#there"); });
  SenderFixture sender(Following());
  CHECK(sender.Send(SpecFor(receiver.Url("/308"))).record.error == "too_many_redirects");
  CHECK(receiver.requests().size() == 6);
}
