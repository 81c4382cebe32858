// A connection that is being opened, and the calls that wait for it: for how long, and how many more are opened meanwhile.
#include "net/sender/http2_session.h"
#include "net/sender/plain_pool.h"
#include "net/receivers/frames.h"
#include "net/sender_fixture.h"
#include "support/identity.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

/// A receiver over TLS that leaves some connections without a handshake, and serves the others well.
class StallingReceiver {
 public:
  explicit StallingReceiver(SSL_CTX* tls) : tls_(tls), server_([this](Stream& stream, int) { Serve(stream); }) {}
  std::string Url() const { return "https://127.0.0.1:" + std::to_string(server_.port()) + "/"; }
  int connections() const { return server_.accepted(); }
  /// The next so many connections stand still.
  void StallNext(int count) { to_stall_ = count; }
  /// Waits until so many of them stand still.
  void WaitForStalled(int count) {
    std::unique_lock lock(mutex_);
    Must(changed_.wait_for(lock, test::AtMostSeconds(30), [&] { return stalled_ >= count; }), "a connection that stands still");
  }

 private:
  void Serve(Stream& stream) {
    if (to_stall_-- > 0) {
      {
        std::lock_guard lock(mutex_);
        ++stalled_;
      }
      changed_.notify_all();
      return stream.Drain();
    }
    std::string head;
    if (!stream.Accept(tls_)) return;
    while (stream.ReadHead(&head) && stream.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")) continue;
  }

  SSL_CTX* const tls_;
  std::atomic<int> to_stall_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  int stalled_ = 0;
  ThreadedServer server_;
};

NotifySpec GetOf(const std::string& url) {
  NotifySpec spec = SpecFor(url);
  spec.method = Method::kGet;
  return spec;
}

/// Its handshake may take as long as the test.
NotifySpec PatientOf(const std::string& url) {
  NotifySpec spec = GetOf(url);
  spec.timeout_ms = spec.connect_timeout_ms = 3'600'000;
  return spec;
}

SenderOptions TrustingOpenings() {
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  return options;
}

/// The first opening stands still; whoever waits has it done all the same.
void CheckOthersGoOn(SenderFixture& sender, StallingReceiver& receiver, int stalled) {
  std::vector<NotifyId> stuck, ids;
  for (int i = 0; i < stalled; ++i) {
    stuck.push_back(sender.Start(PatientOf(receiver.Url()), {}, StartAttempt::Over::kNew));
    receiver.WaitForStalled(i + 1);
  }
  for (int i = 0; i < 8; ++i) ids.push_back(sender.Start(GetOf(receiver.Url())));
  for (NotifyId id : ids) {
    const AttemptResult result = sender.Wait(id);
    CAPTURE(result.record.error, result.record.detail);
    CHECK(result.record.response_body == "good");
  }
  CHECK(sender.in_flight() == stuck.size());
}

/// A pool on its own, which is told the time.
struct Pool {
  DeadlineWheel wheel{5, 0};
  PlainConnection::Shared shared{nullptr, nullptr, 0};
  PlainPool pool{&shared, &wheel, 8, 300'000};
  PlainHost* host = pool.Enter("a.test", 443, true, {});
  ~Pool() { pool.Leave(host); }

  struct Waiter : PlainWaiter {
    void OnRoom(bool alone) override { told.push_back(alone); }
    std::vector<bool> told;
  };
};

constexpr int64_t kFor = PlainPool::kOpeningMs;

}  // namespace

TEST_CASE("openings: a handshake that stands still holds up no other call for long") {
  StallingReceiver receiver(Identity::Get().server());
  SenderFixture sender(TrustingOpenings());
  receiver.StallNext(1);
  CheckOthersGoOn(sender, receiver, 1);
}

TEST_CASE("openings: nor do several of them, or one at a host that chose HTTP/1.1 before other rules were read") {
  StallingReceiver receiver(Identity::Get().server());
  SenderFixture sender(TrustingOpenings());
  REQUIRE(sender.Send(GetOf(receiver.Url())).record.response_body == "good");
  DestinationRule other;
  other.match = *UrlPattern::Parse("https://other.test");
  SenderOptions ruled = TrustingOpenings();
  ruled.rules = std::make_shared<const DestinationRules>(std::vector{other}, Fingerprint{1, 0});
  REQUIRE(sender.Reload(ruled).ok());
  receiver.StallNext(3);
  CheckOthersGoOn(sender, receiver, 3);
}

TEST_CASE("openings: a host that was found to speak HTTP/1.1 is not waited for again under other rules") {
  Pool it;
  Pool::Waiter waiter;
  it.pool.NoteOpening(it.host, 0);
  CHECK(it.pool.Wait(it.host, &waiter, 0) == kFor);
  it.pool.NoteOpened(it.host, 0, true);
  CHECK(waiter.told == std::vector{true});
  it.pool.Renew(kDefaultNumber, 7);
  it.pool.NoteOpening(it.host, 1000);
  CHECK(it.pool.Wait(it.host, &waiter, 1000) == 0);
  // Unless it may be offered HTTP/2 from now on.
  for (bool http2 : {false, true}) {
    it.pool.Enter("a.test", 443, true, {.era = 7, .http2 = http2});
    it.pool.Leave(it.host);
  }
  CHECK(it.pool.Wait(it.host, &waiter, 1000) == 1000 + kFor);
  it.pool.StopWaiting(it.host, &waiter);
  it.pool.NoteOpened(it.host, 1000, false);
}

TEST_CASE("openings: one that stands still is waited for no longer than that, and one more is opened each time, not one a call") {
  Pool it;
  std::vector<Pool::Waiter> waiters(5);
  const auto wait = [&](size_t i, int64_t now_ms) { return it.pool.Wait(it.host, &waiters[i], now_ms); };
  CHECK(wait(0, 0) == 0);
  it.pool.NoteOpening(it.host, 0);
  for (size_t i = 0; i < 3; ++i) CHECK(wait(i, 10) == kFor);
  // The first of them looks again, and opens one; the others wait for that.
  it.pool.StopWaiting(it.host, &waiters[0]);
  CHECK(wait(0, kFor) == 0);
  it.pool.NoteOpening(it.host, kFor);
  for (size_t i = 1; i < 3; ++i) {
    it.pool.StopWaiting(it.host, &waiters[i]);
    CHECK(wait(i, kFor) == 2 * kFor);
  }
  CHECK(wait(3, kFor + 1) == 2 * kFor);
  // The first is given up: nobody need open one because of that, where there is another that may come.
  const int64_t now_ms = MonotonicMs();
  it.pool.NoteOpening(it.host, now_ms + 60'000);
  it.pool.NoteOpened(it.host, 0, false);
  for (size_t i = 1; i < 4; ++i) CHECK(waiters[i].told == std::vector{false});
  it.pool.NoteOpened(it.host, now_ms + 60'000, false);
  CHECK(wait(4, kFor + 1) == 2 * kFor);
  it.pool.NoteOpened(it.host, kFor, false);
  CHECK(waiters[4].told == std::vector{true});
}
