// HTTP/2 where a receiver offers it: several calls over one connection, and how what befalls it is told.
#include "support/identity.h"
#include "net/receivers/frames.h"
#include "net/receivers/stage.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::h2;

namespace {

using OverHttp2 = StartAttempt::Over;

SenderOptions TrustingHttp2() {
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  return options;
}

SSL_CTX* Http2() {
  return Identity::Get().http2();
}

NotifySpec Post(const Stage& stage) {
  return PostOf(stage.Url("/"), "x");
}

std::vector<Step> Served(size_t calls, const std::string& settings = Settings()) {
  std::vector<Step> steps{Send(settings)};
  for (uint32_t i = 0; i < calls; ++i) {
    steps.push_back(Read());
    steps.push_back(Send(Head(2 * i + 1, "200") + Data(2 * i + 1, "good", true)));
  }
  return steps;
}

}  // namespace

TEST_CASE("http2: calls that begin together go over one connection") {
  Stage stage({Send(Settings())}, Http2());
  SenderFixture sender(TrustingHttp2());
  for (int round = 0; round < 3; ++round) {
    std::vector<NotifyId> ids;
    for (int i = 0; i < 64; ++i) ids.push_back(sender.Start(Post(stage)));
    for (NotifyId id : ids) CHECK(sender.Wait(id).record.response_body == "good");
  }
  CHECK(stage.connections() == 1);
  CHECK(stage.requests().size() == 3 * 64);
}

TEST_CASE("http2: a connection whose settings come with its first answer rests once, and is found closed") {
  std::vector<Step> steps{ReadSome(), Send(Settings() + Head(1, "200") + Data(1, "good", true)), Ended(), Fin()};
  Stage stage(steps, Http2());
  stage.SetGreeting(Settings());
  SenderFixture sender(TrustingHttp2());
  REQUIRE(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  stage.NoteEnded();
  REQUIRE(stage.WaitPlayed());
  for (int i = 0; i < 3; ++i) CHECK(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  CHECK(stage.connections() >= 2);
}

TEST_CASE("http2: no more calls at a time than a receiver takes; what goes beyond goes over further connections") {
  for (uint32_t most : {1u, 4u}) {
    const std::string settings = Settings({{3, most}});
    Stage stage({Send(settings)}, Http2());
    stage.SetGreeting(settings);
    SenderFixture sender(TrustingHttp2());
    std::vector<NotifyId> ids;
    for (int i = 0; i < 16; ++i) ids.push_back(sender.Start(Post(stage)));
    for (NotifyId id : ids) CHECK(sender.Wait(id).record.response_body == "good");
    CHECK(stage.connections() <= 16);
    CHECK(stage.requests().size() == 16);
  }
}

TEST_CASE("http2: a receiver that has chosen HTTP/1.1 gets it, at once on as many connections as there are calls") {
  Stage stage({}, Identity::Get().server());
  SenderFixture sender(TrustingHttp2());
  std::vector<NotifyId> ids;
  for (int i = 0; i < 16; ++i) ids.push_back(sender.Start(Post(stage)));
  for (NotifyId id : ids) CHECK(sender.Wait(id).record.response_body == "good");
  CHECK(stage.requests().size() == 16);
}

TEST_CASE("http2: where the connection that others wait for does not come about, they fail by themselves") {
  DeafPort deaf;
  SenderFixture sender(TrustingHttp2());
  std::vector<NotifyId> ids;
  for (int i = 0; i < 16; ++i) ids.push_back(sender.Start(PostOf("https://127.0.0.1:" + std::to_string(deaf.port()) + "/", "x")));
  for (NotifyId id : ids) CHECK(sender.Wait(id).record.error == "connect_failed");
}

TEST_CASE("http2: who waits for a connection has his own timeout, and goes on where its opener gives up") {
  // Its handshake does not begin before the first call has given up.
  std::promise<void> gave_up;
  std::shared_future<void> wait = gave_up.get_future().share();
  TinyReceiver front([wait](TinyReceiver::Peer& peer) {
    if (peer.number() == 0) wait.wait();
  });
  SenderFixture sender(TrustingHttp2());
  NotifySpec first = PostOf("https://127.0.0.1:" + std::to_string(front.port()) + "/", "x"), second = first;
  first.timeout_ms = 200;
  second.timeout_ms = 100;
  const NotifyId opener = sender.Start(first), waits = sender.Start(second), goes_on = sender.Start([&] {
    NotifySpec third = first;
    third.timeout_ms = 20'000;
    return third;
  }());
  CHECK(sender.Wait(waits).record.error == "timeout");
  CHECK(sender.Wait(opener).record.error == "timeout");
  CHECK(front.connections() >= 1);
  CHECK(sender.Wait(goes_on).record.error == "tls");
  CHECK(front.connections() == 2);
  gave_up.set_value();
}

TEST_CASE("http2: the end of one call is not that of its neighbours") {
  // Three are read before any is answered.
  Stage stage({Send(Settings()), Read(), Send(Head(1, "200") + Data(1, "good", true)), Read(), Read(), Read(),
               Send(Rst(5, kInternal) + Head(3, "200") + Data(3, "good", true) + Head(7, "200") + Data(7, "good", true))},
              Http2());
  SenderFixture sender(TrustingHttp2());
  REQUIRE(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  std::vector<NotifyId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(sender.Start(Post(stage)));
  int lost = 0;
  for (NotifyId id : ids) {
    const AttemptResult result = sender.Wait(id);
    lost += result.record.error == "connection_lost";
    if (result.record.error.empty()) CHECK(result.record.response_body == "good");
  }
  CHECK(lost == 1);
  CHECK(stage.connections() == 1);
  CHECK(stage.requests().size() == 4);
}

TEST_CASE("http2: one that is refused, or left behind, over a used connection is not sent again but told as lost with it") {
  for (const std::string& end : {Rst(3, kRefused), GoAway(1, kNoError)}) {
    std::vector<Step> steps = Served(1);
    steps.push_back(Read());
    steps.push_back(Send(end));
    Stage stage(steps, Http2());
    SenderFixture sender(TrustingHttp2());
    REQUIRE(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
    const AttemptResult result = sender.Send(Post(stage));
    CHECK(result.record.error == "connection_lost");
    CHECK(result.lost_reused);
    CHECK(stage.requests().size() == 2);
  }
}

TEST_CASE("http2: a receiver that leaves after some calls loses none of them") {
  // It says so along with its fifth answer: a word behind it could cross the sixth call on its way.
  std::vector<Step> steps = Served(5);
  steps.back().bytes += GoAway(9, kNoError);
  steps.push_back(Gone());
  Stage stage(steps, Http2());
  stage.SetGreeting(Settings());
  SenderFixture sender(TrustingHttp2());
  for (int i = 0; i < 10; ++i) CHECK(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  CHECK(stage.connections() == 2);
  CHECK(stage.WaitPlayed());
}

TEST_CASE("http2: a connection that closed between two calls is not called over") {
  std::vector<Step> steps = Served(1);
  steps.push_back(Ended());
  steps.push_back(Fin());
  Stage stage(steps, Http2());
  stage.SetGreeting(Settings());
  SenderFixture sender(TrustingHttp2());
  REQUIRE(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  stage.NoteEnded();
  REQUIRE(stage.WaitPlayed());
  CHECK(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  CHECK(stage.connections() == 2);
}

TEST_CASE("http2: a repeat goes over a new connection, and a last attempt over one that has just answered") {
  Stage stage({Send(Settings())}, Http2());
  stage.SetGreeting(Settings());
  SenderFixture sender(TrustingHttp2());
  REQUIRE(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  REQUIRE(sender.Send(Post(stage), {}, OverHttp2::kSure).verdict == Verdict::kSuccess);
  CHECK(stage.connections() == 1);
  REQUIRE(sender.Send(Post(stage), {}, OverHttp2::kNew).verdict == Verdict::kSuccess);
  CHECK(stage.connections() == 2);
}

TEST_CASE("http2: none serves beyond its greatest age, and none is kept where none may be") {
  Stage stage({Send(Settings())}, Http2());
  stage.SetGreeting(Settings());
  SenderOptions old = TrustingHttp2(), few = TrustingHttp2();
  old.max_connection_age_ms = 0;
  few.max_idle_connections = 0;
  for (const SenderOptions& options : {old, few}) {
    const int before = stage.connections();
    SenderFixture sender(options);
    for (int i = 0; i < 3; ++i) CHECK(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
    CHECK(stage.connections() == before + 3);
  }
}

TEST_CASE("http2: other destinations end what was opened under the old ones") {
  Stage stage({Send(Settings())}, Http2());
  stage.SetGreeting(Settings());
  SenderFixture sender(TrustingHttp2());
  REQUIRE(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  SenderOptions denying = TrustingHttp2();
  denying.deny = {"127.0.0.0/8"};
  REQUIRE(sender.Reload(denying).ok());
  CHECK(sender.Send(Post(stage)).record.error == "destination_refused");
  REQUIRE(sender.Reload(TrustingHttp2()).ok());
  CHECK(sender.Send(Post(stage)).verdict == Verdict::kSuccess);
  CHECK(stage.connections() == 2);
}

TEST_CASE("http2: a receiver that wants HTTP/1.1 for its calls gets it from then on") {
  std::vector<Step> steps{Send(Settings()), Read(), Send(Rst(1, kHttp11))};
  Stage stage(steps, Http2());
  SenderFixture sender(TrustingHttp2());
  const AttemptResult result = sender.Send(Post(stage));
  CHECK(result.record.error == "connection_lost");
  CHECK(result.lost_reused);
  CHECK(sender.Send(Post(stage)).record.response_body == "good");
  CHECK(stage.connections() == 2);
  CHECK(stage.requests().back().starts_with("POST / HTTP/1.1"));
}

TEST_CASE("http2: whether it is offered holds as other rules say it, at hosts that are known, too") {
  for (bool before : {false, true}) {
    CAPTURE(before);
    Stage stage(before ? std::vector{Send(Settings())} : std::vector<Step>{}, Http2());
    if (!before) stage.SetGreeting(Settings());
    DestinationRule rule;
    rule.match = *UrlPattern::Parse(stage.Url("/"));
    rule.http2 = before;
    const auto options = [&](uint8_t print) {
      SenderOptions made = TrustingHttp2();
      made.rules = std::make_shared<const DestinationRules>(std::vector{rule}, Fingerprint{print, 0});
      return made;
    };
    SenderFixture sender(options(1));
    REQUIRE(sender.Send(Post(stage)).record.response_body == "good");
    CHECK(stage.requests().back().starts_with("POST / HTTP/1.1") == !before);
    rule.http2 = !before;
    REQUIRE(sender.Reload(options(2)).ok());
    REQUIRE(sender.Send(Post(stage)).record.response_body == "good");
    CHECK(stage.requests().back().starts_with("POST / HTTP/1.1") == before);
  }
}

TEST_CASE("http2: one without reply succeeds once its request is out") {
  Stage stage({Send(Settings()), Read(), Gone()}, Http2());
  SenderFixture sender(TrustingHttp2());
  Envelope none;
  none.reply_none = true;
  CHECK(sender.Send(Post(stage), none).verdict == Verdict::kSuccess);
  // Its window never opens: all of it was never out.
  Stage shut({Send(Settings({{4, 0}})), ReadSome(), Gone()}, Http2());
  NotifySpec spec = PostOf(shut.Url("/"), std::string(200'000, 'x'));
  spec.timeout_ms = 400;
  CHECK(sender.Send(spec, none).verdict == Verdict::kFailure);
}

TEST_CASE("http2: Abort with calls under way, and others that wait for a connection, tells nobody") {
  Stage stage({Send(Settings()), Read(), Gone()}, Http2());
  TinyReceiver mute([](TinyReceiver::Peer& peer) { peer.WaitForClose(); });
  SenderFixture sender(TrustingHttp2());
  for (int i = 0; i < 8; ++i) sender.Start(Post(stage));
  for (int i = 0; i < 8; ++i) sender.Start(PostOf("https://127.0.0.1:" + std::to_string(mute.port()) + "/", "x"));
  sender.Abort();
  CHECK(sender.in_flight() == 0);
  CHECK(sender.ended() == 0);
}
