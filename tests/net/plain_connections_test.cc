// The plain client's connections between calls: which are used again, which are not, and how a loss is told.
#include "support/identity.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

using Over = StartAttempt::Over;

/// Closes each connection just behind its answer, and says nothing of it.
void ClosesBehind(TinyReceiver::Peer& peer) {
  if (peer.ReadRequest()) peer.Answer(200, "ok");
}

/// Both schemes, one after the other; null: http.
SSL_CTX* EitherScheme() {
  return GENERATE(false, true) ? Identity::Get().server() : nullptr;
}

SenderOptions Trusting() {
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  return options;
}

}  // namespace

TEST_CASE("connections: a host that closes behind each answer loses one call at most, and is pooled again once it stops") {
  SSL_CTX* tls = EitherScheme();
  std::atomic<bool> closes{true};
  TinyReceiver receiver(
      [&](TinyReceiver::Peer& peer) {
        while (peer.ReadRequest() && peer.Answer(200, "ok") && !closes) continue;
      },
      INADDR_LOOPBACK, 0, tls);
  SenderFixture sender(Trusting());
  int lost = 0;
  for (int i = 0; i < 150; ++i) {
    const AttemptResult result = sender.Send(PostOf(receiver.Url("/"), "x"));
    lost += result.verdict != Verdict::kSuccess;
    if (result.verdict != Verdict::kSuccess) CHECK(result.lost_reused);
  }
  CHECK(lost <= 1);
  closes = false;
  // One connection is watched; once it has lived for a while it serves all that follow.
  int connections = 0;
  for (int same = 0; same < 20;) {
    REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x")).verdict == Verdict::kSuccess);
    same = receiver.connections() == connections ? same + 1 : 0;
    connections = receiver.connections();
    if (same == 0) std::this_thread::yield();
  }
}

TEST_CASE("connections: the repeat of a lost call goes over a new one, and a last attempt over one that has just answered") {
  SSL_CTX* tls = EitherScheme();
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, tls);
  SenderFixture sender(Trusting());
  const NotifySpec spec = PostOf(receiver.Url("/"), "x");
  REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  REQUIRE(sender.Send(spec, {}, Over::kSure).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 1);
  REQUIRE(sender.Send(spec, {}, Over::kNew).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 2);
}

TEST_CASE("connections: none serves beyond its greatest age") {
  SSL_CTX* tls = EitherScheme();
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, tls);
  SenderOptions options = Trusting();
  options.max_connection_age_ms = 0;
  SenderFixture sender(options);
  for (int i = 0; i < 5; ++i) REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x")).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 5);
  receiver.WaitForOpen(0);
}

TEST_CASE("connections: none is kept where none may be") {
  SSL_CTX* tls = EitherScheme();
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, tls);
  SenderOptions options = Trusting();
  options.max_idle_connections = 0;
  SenderFixture sender(options);
  for (int i = 0; i < 3; ++i) REQUIRE(sender.Send(PostOf(receiver.Url("/"), "x")).verdict == Verdict::kSuccess);
  receiver.WaitForOpen(0);
}

TEST_CASE("connections: a loss with a used connection is told apart from one with a new one, and from one within an answer") {
  SSL_CTX* tls = EitherScheme();
  // The second request of a connection gets what its path says.
  TinyReceiver receiver(
      [](TinyReceiver::Peer& peer) {
        std::string request;
        if (!peer.ReadRequest(&request)) return;
        if (request.starts_with("POST /now")) return peer.Reset();
        peer.Answer(200, "ok");
        if (!peer.ReadRequest(&request)) return;
        if (request.starts_with("POST /half")) peer.Send("HTTP/1.1 20");
        peer.Reset();
      },
      INADDR_LOOPBACK, 0, tls);
  Envelope none;
  none.reply_none = true;
  for (const char* path : {"/lost", "/half"}) {
    SenderFixture sender(Trusting());
    REQUIRE(sender.Send(PostOf(receiver.Url("/first"), "x")).verdict == Verdict::kSuccess);
    const AttemptResult result = sender.Send(PostOf(receiver.Url(path), "x"));
    CHECK(result.record.error == "connection_lost");
    CHECK(result.lost_reused == (std::string(path) == "/lost"));
  }
  SenderFixture sender(Trusting());
  const AttemptResult fresh = sender.Send(PostOf(receiver.Url("/now"), "x"));
  CHECK(fresh.record.error == "connection_lost");
  CHECK_FALSE(fresh.lost_reused);
}

TEST_CASE("connections: what brings nothing forward does not delay other calls") {
  SSL_CTX* tls = EitherScheme();
  // As fast as it can, an extension of a chunk that never ends.
  std::list<TinyReceiver> floods;
  for (int i = 0; i < 4; ++i) {
    floods.emplace_back(
        [](TinyReceiver::Peer& peer) {
          if (!peer.ReadRequest()) return;
          peer.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;");
          while (peer.Send(std::string(50'000, 'a'))) continue;
        },
        INADDR_LOOPBACK, 0, tls);
  }
  TinyReceiver good(200, "ok", "127.0.0.1", 0, tls);
  SenderFixture sender(Trusting());
  std::vector<NotifyId> ids;
  for (TinyReceiver& flood : floods) {
    NotifySpec spec = PostOf(flood.Url("/"), "x");
    spec.expect.contains = "needle";
    ids.push_back(sender.Start(spec));
  }
  for (int i = 0; i < 20; ++i) CHECK(sender.Send(PostOf(good.Url("/"), "x")).verdict == Verdict::kSuccess);
  for (NotifyId id : ids) CHECK(sender.Wait(id).record.error == "unexpected_answer");
}

TEST_CASE("connections: a first reused call that a closing host swallowed does not take its neighbours along") {
  SSL_CTX* tls = EitherScheme();
  TinyReceiver closing(ClosesBehind, INADDR_LOOPBACK, 0, tls), good(200, "ok", "127.0.0.1", 0, tls);
  SenderFixture sender(Trusting());
  for (int i = 0; i < 10; ++i) {
    sender.Send(PostOf(closing.Url("/"), "x"));
    CHECK(sender.Send(PostOf(good.Url("/"), "x")).verdict == Verdict::kSuccess);
  }
  CHECK(good.connections() == 1);
}
