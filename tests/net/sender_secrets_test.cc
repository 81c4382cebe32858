// Receivers that repeat what they were sent: no secret of the request stands in what is recorded.
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

constexpr const char* kToken = "t0ken/with=\"all\"+of%it";

NotifySpec WithToken(std::string url) {
  NotifySpec spec = SpecFor(std::move(url));
  spec.headers = {{"Authorization", std::string("Bearer ") + kToken}, {"X-Plain", "plain-value"}};
  return spec;
}

}  // namespace

TEST_CASE("secrets: a receiver that echoes its request leaves no credential in the record") {
  const int status = GENERATE(200, 400);
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);) peer.Answer(status, request);
  });
  SenderFixture sender;
  const AttemptResult result = sender.Send(WithToken(receiver.Url("/")));
  CHECK(receiver.requests().at(0).find(kToken) != std::string::npos);  // it was sent
  CHECK(result.record.response_body.find(kToken) == std::string::npos);
  CHECK(result.record.response_body.find("Authorization: Bearer ***\r\n") != std::string::npos);
  CHECK(result.record.response_body.find("plain-value") != std::string::npos);
}

TEST_CASE("secrets: patterns look at what came, not at what is recorded of it") {
  TinyReceiver receiver(200, std::string("you are ") + kToken);
  SenderFixture sender;
  NotifySpec spec = WithToken(receiver.Url("/"));
  spec.expect.contains = kToken;
  const AttemptResult result = sender.Send(spec);
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.response_body == "you are ***");
}

TEST_CASE("secrets: the end of the record leaves no beginning of one") {
  SenderOptions options;
  options.recorded_failure_bytes = 64;
  SenderFixture sender(options);
  const std::string token = kToken;
  for (size_t before = 64 - token.size() - 4; before < 60; ++before) {
    CAPTURE(before);
    TinyReceiver receiver(500, std::string(before, '.') + token + token);
    const std::string body = sender.Send(WithToken(receiver.Url("/"))).record.response_body;
    CHECK(body.starts_with(std::string(before, '.') + "***"));
    CHECK(body.find(token.substr(0, 4)) == std::string::npos);
  }
}

TEST_CASE("secrets: a redirect that repeats one leaves none in the detail") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) peer.Answer(307, "", "Location: /again?k=t0ken%2Fwith%3D%22all%22%2Bof%25it\r\n");
  });
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  const AttemptResult result = sender.Send(WithToken(receiver.Url("/")));
  CHECK(result.record.error == "too_many_redirects");
  CHECK(result.record.detail.ends_with("/again?k=***"));
}

TEST_CASE("secrets: a redirect that was followed leaves none in the detail of what failed behind it") {
  DeafPort deaf;
  const std::string to = "http://127.0.0.1:" + std::to_string(deaf.port()) + "/again?k=";
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    if (peer.ReadRequest()) peer.Answer(307, "", "Location: " + to + "t0ken%2Fwith%3D%22all%22%2Bof%25it\r\n");
  });
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  const AttemptResult result = sender.Send(WithToken(receiver.Url("/")));
  CHECK(result.record.error == "connect_failed");
  CHECK(result.record.detail.ends_with("; after a redirect to " + to + "***"));
}
