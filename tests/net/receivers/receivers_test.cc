// The sender against every behaviour of the tables, over TCP, TLS and HTTP/2.
#include "net/receivers/frames.h"
#include "net/receivers/table.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// What is wrong with how the row was taken; empty: nothing.
std::string Wrong(const Behaviour& row, SSL_CTX* tls) {
  SSL_CTX* first = row.dress == Dress::kBoth    ? tls
                   : row.dress == Dress::kClear ? nullptr
                                                : Identity::Get().asking(row.dress == Dress::kAsking12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  Stage stage(row.steps, tls, first);
  if (tls == Identity::Get().http2()) stage.SetGreeting(h2::Settings());
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  SenderFixture sender(options);
  NotifySpec spec = row.call.method == Method::kHead ? SpecFor(stage.Url("/")) : PostOf(stage.Url("/"), std::string(row.call.body_bytes, 'b'));
  spec.method = row.call.method;
  spec.expect = row.call.expect;
  spec.timeout_ms = row.call.timeout_ms;
  const AttemptResult result = sender.Send(spec);
  std::string wrong;
  const auto check = [&](bool holds, const std::string& what) {
    if (!holds) wrong += (wrong.empty() ? "" : ", ") + what;
  };
  check(stage.connections() == 1, std::to_string(stage.connections()) + " connections");
  stage.NoteEnded();
  check(stage.WaitPlayed(), "the connection stays open");
  // What the steps did lies in the socket by now: the turns that run these see it.
  for (int i = 0; i < 2; ++i) sender.OnLoop([] {});
  check(stage.requests().size() <= 1, "the request was sent again");
  const AttemptRecord& record = result.record;
  check(result.verdict == row.want.verdict, "verdict " + std::to_string(static_cast<int>(result.verdict)));
  check(record.status == row.want.status, "status " + std::to_string(record.status));
  check(record.error == row.want.error, "error \"" + record.error + "\" (" + record.detail + ")");
  check(record.truncated == row.want.truncated, record.truncated ? "truncated" : "not truncated");
  check(record.error.empty() == record.detail.empty(), "detail \"" + record.detail + "\"");
  check(!result.lost_reused, "lost with a used connection");
  const AttemptResult next = sender.Send(PostOf(stage.Url("/next"), "n"));
  check(next.verdict == Verdict::kSuccess && next.record.response_body == "good",
        "the next call got status " + std::to_string(next.record.status) + " \"" + next.record.response_body + "\" " + next.record.error);
  const bool reused = stage.connections() == 1;
  check(reused == row.want.reused, reused ? "the connection was used again" : "the connection was not used again");
  return wrong;
}

void RunAll(const std::vector<Behaviour>& rows, SSL_CTX* tls) {
  for (const Behaviour& row : rows) {
    if (tls == nullptr && row.dress != Dress::kBoth) continue;
    const std::string wrong = Wrong(row, tls);
    INFO(row.name << ": " << wrong);
    CHECK(wrong.empty());
  }
}

}  // namespace

TEST_CASE("receivers: over TCP") {
  RunAll(Behaviours(), nullptr);
}

TEST_CASE("receivers: over TLS") {
  RunAll(Behaviours(), Identity::Get().server());
}

TEST_CASE("receivers: over HTTP/2") {
  RunAll(Http2Behaviours(), Identity::Get().http2());
}
