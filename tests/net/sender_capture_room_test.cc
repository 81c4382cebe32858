// Room for what is captured of answers: who gets how much of it, and that nobody waits for it before he is called.
#include "support/identity.h"
#include "net/receivers/frames.h"
#include "net/sender/capture_room.h"
#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

constexpr size_t kMost = 1 << 20;

CaptureRoom RoomOf(const std::shared_ptr<CaptureLedger>& ledger, NamespaceNumber number, const std::string& host, size_t most = kMost) {
  return {ledger, number, host, most};
}

/// What a receiver's scripts wait at, and count themselves at.
class Gate {
 public:
  /// Opens it, in time for the receiver that is made before this to end.
  struct Opener {
    Gate* gate;
    ~Opener() { gate->Open(); }
  };
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// A script's: one more is here, and waits.
  void Pass() {
    std::unique_lock lock(mutex_);
    ++here_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void WaitFor(int here) {
    std::unique_lock lock(mutex_);
    Must(changed_.wait_for(lock, test::AtMostSeconds(60), [&] { return here_ >= here; }), "calls that were not made");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int here_ = 0;
  bool open_ = false;
};

/// Sends the beginning of an answer, and the rest behind the gate.
TinyReceiver::Script InTwo(const std::string& body, size_t first, Gate* gate) {
  return [=](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      if (!peer.Send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, first))) return;
      gate->Pass();
      if (!peer.Send(std::string_view(body).substr(first))) return;
    }
  };
}

/// Namespaces that may call this machine.
constexpr NamespaceNumber kEvil = 7, kGood = 8, kLate = 9;

std::vector<NamespaceRow> Rows() {
  std::vector<NamespaceRow> rows;
  for (const NamespaceNumber number : {kEvil, kGood, kLate}) {
    NamespaceRow row;
    row.name = "team" + std::to_string(number);
    row.number = number;
    row.settings.destinations.allow = {{"127.0.0.0/8"}};
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Until it is so.
template <class Condition>
void WaitUntil(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(60);
  while (!condition()) {
    Must(std::chrono::steady_clock::now() < until, "what was waited for has not come about within a minute");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

TEST_CASE("captured room: a namespace, and a host in it, leaves others as much as it has") {
  const auto ledger = std::make_shared<CaptureLedger>();
  std::vector<CaptureRoom> rooms;
  // Somebody is there, so that nobody is alone.
  rooms.push_back(RoomOf(ledger, 9, "x"));
  REQUIRE(rooms.back().Extend(1, 1, 1));
  // Answers that bring 1 KiB each, and some that bring very much, as many as find room.
  const auto of_host = [&](NamespaceNumber number, const std::string& host) {
    size_t sum = 0;
    for (const size_t claim : {size_t{1} << 10, kMost}) {
      for (bool found = true; found;) {
        rooms.push_back(RoomOf(ledger, number, host));
        found = rooms.back().Extend(1 << 10, 1 << 10, claim);
        sum += rooms.back().bytes();
      }
    }
    return sum;
  };
  const size_t first = of_host(1, "a");
  CHECK(first > kMost / 5);
  CHECK(first <= kMost / 4);
  // The next host of it, and however many more.
  CHECK(of_host(1, "b") > kMost / 16);
  for (int i = 0; i < 50; ++i) of_host(1, "c" + std::to_string(i));
  CHECK(ledger->used() <= kMost / 2 + 1);
  // Another namespace has room however much the first one wants, and each one after it.
  CHECK(of_host(2, "a") > kMost / 10);
  CHECK(of_host(3, "a") > kMost / 32);
  CHECK(ledger->used() <= kMost);
  const uint64_t before = ledger->returned();
  rooms.clear();
  CHECK(ledger->used() == 0);
  CHECK(ledger->returned() != before);
}

TEST_CASE("captured room: the first of a host has all that it may need, the next one once that has ended; one alone has whatever it wants") {
  const auto ledger = std::make_shared<CaptureLedger>();
  auto response = std::make_shared<Response>();
  response->body = "kept";
  CaptureRoom alone = RoomOf(ledger, 1, "a");
  REQUIRE(alone.Extend(1, 2 * kMost, 2 * kMost));
  alone = {};
  CaptureRoom first = RoomOf(ledger, 1, "a"), second = RoomOf(ledger, 1, "a");
  REQUIRE(first.Extend(10, 20, 100'000));
  CHECK(first.bytes() == 100'000);
  REQUIRE(second.Extend(10, 20, 100'000));
  CHECK(second.bytes() == 20);
  // What it brought so far, with what may follow.
  first.Shrink(50'000, 80'000);
  CHECK(first.bytes() == 80'000);
  const uint64_t before = ledger->returned();
  const std::shared_ptr<Response> held = CaptureRoom::Held(response, std::move(first));
  CHECK(held->body == "kept");
  CHECK(ledger->used() == 24);
  CHECK(ledger->returned() != before);
  REQUIRE(second.Extend(10, 20, 100'000));
  CHECK(second.bytes() == 100'000);
  second.Shrink(30, 30);
  CHECK(ledger->used() == 34);
  CHECK_FALSE(second.Extend(kMost, kMost, kMost));
  CHECK(second.bytes() == 30);
}

TEST_CASE("captured room: calls whose receivers do not answer hold none, and hold up nobody") {
  SenderOptions options;
  options.max_captured_bytes = kMost;
  Gate gate;
  TinyReceiver hangs([&](TinyReceiver::Peer& peer) {
    while (peer.ReadRequest()) {
      gate.Pass();
      peer.Answer(200, "late");
    }
  });
  const std::string body(100'000, 'x');
  TinyReceiver answers(200, body);
  SenderFixture sender(options);
  sender.SetTable(Rows());
  Gate::Opener opener{&gate};
  sender.capture_bytes = kMost;
  std::vector<NotifyId> hung;
  for (int i = 0; i < 40; ++i) hung.push_back(sender.Start(SpecFor(hangs.Url("/"))));
  gate.WaitFor(40);
  CHECK(options.captured->used() == 0);
  for (const NamespaceNumber number : {kDefaultNumber, kGood}) {
    sender.in_namespace = number;
    const AttemptResult result = sender.Send(SpecFor(answers.Url("/")));
    REQUIRE(result.response);
    CHECK(result.response->body == body);
  }
  CHECK(sender.in_flight() == 40);
  gate.Open();
  for (NotifyId id : hung) CHECK(sender.Wait(id).response->body == "late");
}

TEST_CASE("captured room: receivers of one namespace that never end an answer take no room from another's, nor from another host's") {
  SenderOptions options;
  options.max_captured_bytes = 4 * kMost;
  Gate gate;
  TinyReceiver evil(InTwo(std::string(kMost, 'e'), 60'000, &gate));
  const std::string body(60'000, 'x');
  TinyReceiver good(200, body);
  SenderFixture sender(options);
  sender.SetTable(Rows());
  Gate::Opener opener{&gate};
  sender.capture_bytes = kMost;
  sender.in_namespace = kEvil;
  for (int i = 0; i < 60; ++i) {
    Envelope envelope;
    envelope.host = "evil";
    sender.Start(SpecFor(evil.Url("/")), std::move(envelope));
  }
  gate.WaitFor(60);
  // All of them have sent something, and want far more than there is.
  WaitUntil([&] { return options.captured->used() > options.max_captured_bytes / 5; });
  for (int i = 0; i < 5; ++i) {
    for (const NamespaceNumber number : {kEvil, kGood}) {
      sender.in_namespace = number;
      Envelope envelope;
      envelope.host = "good";
      const AttemptResult result = sender.Send(SpecFor(good.Url("/")), std::move(envelope));
      CHECK(result.record.detail == "");
      CHECK(result.verdict == Verdict::kSuccess);
      REQUIRE(result.response);
      CHECK(result.response->body == body);
      CHECK(options.captured->used() <= options.max_captured_bytes);
    }
  }
  CHECK(sender.in_flight() > 0);
  sender.Abort();
  // Those that waited for room are gone with the rest.
  sender.in_namespace = kLate;
  CHECK(sender.Send(SpecFor(good.Url("/"))).response->body == body);
}

TEST_CASE("captured room: an answer that finds none is called at once, read on once there is some, and comes whole") {
  SSL_CTX* tls = GENERATE(static_cast<SSL_CTX*>(nullptr), Identity::Get().server());
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  options.max_captured_bytes = 8 * kMost;
  CaptureRoom other = RoomOf(options.captured, 100, "other", 8 * kMost);
  REQUIRE(other.Extend(8 * kMost, 8 * kMost, 8 * kMost));
  Gate gate;
  const std::string body(700'000, 'x');
  TinyReceiver receiver(InTwo(body, 0, &gate), INADDR_LOOPBACK, 0, tls);
  SenderFixture sender(options);
  sender.SetTable(Rows());
  Gate::Opener opener{&gate};
  sender.capture_bytes = kMost;
  std::vector<NotifyId> ids;
  for (const char* host : {"a", "b", "c"}) {
    Envelope envelope;
    envelope.host = host;
    ids.push_back(sender.Start(SpecFor(receiver.Url("/")), std::move(envelope)));
  }
  gate.WaitFor(3);
  gate.Open();
  CHECK(sender.ended() == 0);
  CHECK(options.captured->used() == 8 * kMost);
  other = {};
  for (NotifyId id : ids) {
    const AttemptResult result = sender.Wait(id);
    CHECK(result.verdict == Verdict::kSuccess);
    REQUIRE(result.response);
    CHECK(result.response->body == body);
    CHECK_FALSE(result.response->truncated);
  }
  CHECK(options.captured->used() == 3 * body.size());
}

TEST_CASE("captured room: an answer for which none comes back is cut, and fails by no timeout") {
  SenderOptions options;
  options.max_captured_bytes = kMost;
  CaptureRoom other = RoomOf(options.captured, 100, "other");
  REQUIRE(other.Extend(kMost, kMost, kMost));
  TinyReceiver receiver(200, std::string(700'000, 'x'), "127.0.0.1");
  SenderFixture sender(options);
  sender.SetTable(Rows());
  sender.capture_bytes = kMost;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.timeout_ms = 2'000;
  const AttemptResult result = sender.Send(spec);
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.status == 200);
  CHECK(result.record.response_body == std::string(256, 'x'));
  REQUIRE(result.response);
  CHECK(result.response->body.empty());
  CHECK(result.response->truncated);
  CHECK(options.captured->used() == kMost);
  CHECK(options.captured->cut() == 1);
  // One that is dropped while it waits is not fed later.
  sender.Start(SpecFor(receiver.Url("/")));
  sender.in_namespace = kGood;
  sender.Start(SpecFor(receiver.Url("/")));
  sender.Abort();
  other = {};
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).response->body.size() == 700'000);
}

TEST_CASE("captured room: over HTTP/2 the receiver of an answer that finds none waits, and those beside it do not") {
  using namespace h2;
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  options.max_captured_bytes = kMost;
  // An eighth of the rest is for pieces of one host: more than comes at first, and less than the next window.
  CaptureRoom other = RoomOf(options.captured, 100, "other");
  REQUIRE(other.Extend(kMost, kMost - 400'000, kMost - 400'000));
  Gate gate, beside;
  const std::string half(36'000, 'x');
  const auto pieces = [](uint32_t stream, const std::string& bytes, bool last) {
    std::string frames;
    for (size_t at = 0; at < bytes.size(); at += 12'000) frames += Data(stream, bytes.substr(at, 12'000), last && at + 12'000 >= bytes.size());
    return frames;
  };
  TinyReceiver receiver(
      [&](TinyReceiver::Peer& peer) {
        // The preface, and something behind it.
        if (!peer.Send(Settings()) || !peer.ReadBytes(60)) return;
        peer.Send(Head(1, "200") + pieces(1, half, false));
        beside.Pass();
        peer.Send(Head(3, "200") + Data(3, "beside", true));
        gate.Pass();
        // What its window would not allow ends the call.
        peer.Send(pieces(1, half, true));
        peer.WaitForClose();
      },
      INADDR_LOOPBACK, 0, Identity::Get().http2());
  SenderFixture sender(options);
  sender.SetTable(Rows());
  Gate::Opener opener{&gate}, opener_beside{&beside};
  sender.capture_bytes = 150'000;
  const NotifyId id = sender.Start(SpecFor(receiver.Url("/")));
  beside.WaitFor(1);
  WaitUntil([&] { return options.captured->used() == kMost - 400'000 + half.size(); });
  // One that captures nothing, over the same connection.
  sender.capture_bytes = 0;
  const NotifyId neighbour = sender.Start(SpecFor(receiver.Url("/")));
  beside.Open();
  CHECK(sender.Wait(neighbour).record.response_body == "beside");
  CHECK(receiver.connections() == 1);
  CHECK(sender.ended() == 1);
  other = {};
  WaitUntil([&] { return options.captured->used() == 150'000; });
  sender.in_flight();  // the loop's turn is over
  gate.Open();
  const AttemptResult result = sender.Wait(id);
  CHECK(result.record.detail == "");
  REQUIRE(result.response);
  CHECK(result.response->body == half + half);
  CHECK_FALSE(result.response->truncated);
}
