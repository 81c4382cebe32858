// The sender against what goes wrong: dead and hung connections, refused destinations, senseless answers, specs that cannot be sent.
#include "net/sender_fixture.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <thread>

using namespace notifyd;

TEST_CASE("sender faults: nobody listens") {
  DeafPort deaf;
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor("http://127.0.0.1:" + std::to_string(deaf.port()) + "/"));
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(result.record.error == "connect_failed");
  CHECK_FALSE(result.record.detail.empty());
  CHECK(result.record.status == 0);
}

TEST_CASE("sender faults: whether a connection came about") {
  DeafPort deaf;
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  const std::string nobody = "http://127.0.0.1:" + std::to_string(deaf.port()) + "/";
  CHECK(sender.Send(SpecFor(nobody)).unsent);
  CHECK(sender.Send(SpecFor("http://no-such-host.invalid/")).unsent);
  TinyReceiver handshake([](TinyReceiver::Peer& peer) { peer.WaitForClose(); });
  NotifySpec hangs = SpecFor("https" + handshake.Url("/").substr(4));
  hangs.connect_timeout_ms = 200;
  CHECK(sender.Send(hangs).unsent);
  // What was sent, whatever came of it.
  TinyReceiver failing(500, "no"), lost([](TinyReceiver::Peer&peer) { peer.ReadRequest(); });
  TinyReceiver silent([](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    peer.WaitForClose();
  });
  TinyReceiver leads([&](TinyReceiver::Peer& peer) {
    if (peer.ReadRequest()) peer.Answer(302, "", "Location: " + nobody + "\r\n");
  });
  NotifySpec late = SpecFor(silent.Url("/"));
  late.timeout_ms = 200;
  CHECK_FALSE(sender.Send(late).unsent);
  for (const std::string& url : {failing.Url("/"), lost.Url("/"), leads.Url("/")}) {
    CAPTURE(url);
    const AttemptResult result = sender.Send(SpecFor(url));
    CHECK(result.verdict == Verdict::kFailure);
    CHECK_FALSE(result.unsent);
  }
}

TEST_CASE("sender faults: that a connection came about is told before the answer, where anybody asks, and of none that did not") {
  DeafPort deaf;
  std::atomic<int> asked = 0;
  TinyReceiver slow([&](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    ++asked;
    peer.WaitForClose();
  });
  TinyReceiver handshake([](TinyReceiver::Peer& peer) { peer.WaitForClose(); });
  TinyReceiver quick(200, "ok");
  SenderFixture sender;
  const NotifyId untold = sender.Start(SpecFor(slow.Url("/")));
  sender.tell_reached = true;
  const NotifyId told = sender.Start(SpecFor(slow.Url("/")));
  sender.WaitReached(told);
  CHECK(sender.ended() == 0);
  CHECK_FALSE(sender.Reached(untold));
  NotifySpec hangs = SpecFor("https" + handshake.Url("/").substr(4));
  hangs.connect_timeout_ms = 200;
  for (const NotifySpec& spec : {SpecFor("http://127.0.0.1:" + std::to_string(deaf.port()) + "/"), hangs}) {
    const NotifyId id = sender.Start(spec);
    CHECK(sender.Wait(id).unsent);
    CHECK_FALSE(sender.Reached(id));
  }
  // Over one that is there, from inside Start.
  for (int i = 0; i < 2; ++i) {
    const NotifyId id = sender.Start(SpecFor(quick.Url("/")));
    CHECK(sender.Wait(id).verdict == Verdict::kSuccess);
    CHECK(sender.Reached(id));
  }
  CHECK(quick.connections() == 1);
  sender.Abort();
}

TEST_CASE("sender faults: a name that does not exist") {
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor("http://no-such-host.invalid/"));
  CHECK(result.verdict == Verdict::kFailure);
  // Without any name server the look-up may also run out of time.
  CHECK((result.record.error == "dns" || result.record.error == "timeout"));
}

TEST_CASE("sender faults: not TLS where https is spoken") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    peer.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.WaitForClose();
  });
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor("https" + receiver.Url("/").substr(4)));
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(result.record.error == "tls");
}

TEST_CASE("sender faults: no answer within the timeout, whatever did come") {
  SenderFixture sender;
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    CAPTURE(bytes);
    TinyReceiver receiver([bytes](TinyReceiver::Peer& peer) {
      if (peer.ReadRequest()) peer.Send(bytes);
      peer.WaitForClose();
    });
    NotifySpec spec = SpecFor(receiver.Url("/"));
    spec.timeout_ms = 300;
    const AttemptResult result = sender.Send(spec);
    CHECK(result.verdict == Verdict::kFailure);
    CHECK(result.record.error == "timeout");
    CHECK(result.record.duration_ms >= 290);
    CHECK(result.record.status == 0);
    CHECK(receiver.requests().size() == 1);
  }
}

TEST_CASE("sender faults: an answer that came while the loop stood still counts, though its time is over once that goes on") {
  std::atomic<bool> asked = false, stands = false, answered = false;
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    if (!peer.ReadRequest()) return;
    asked = true;
    while (!stands) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    peer.Answer(200, "ok");
    answered = true;
    peer.WaitForClose();
  });
  SenderFixture sender;
  NotifySpec spec = SpecFor(receiver.Url("/"));
  spec.timeout_ms = 2'000;
  const NotifyId id = sender.Start(spec);
  while (!asked) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  sender.OnLoop([&] {
    stands = true;
    while (!answered) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(2'300));
  });
  CHECK(sender.Wait(id).verdict == Verdict::kSuccess);
}

TEST_CASE("sender faults: a TLS handshake that hangs is cut by the timeout of connecting") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) { peer.WaitForClose(); });
  TinyReceiver good(200, "");
  SenderFixture sender;
  NotifySpec spec = SpecFor("https" + receiver.Url("/").substr(4));
  spec.connect_timeout_ms = 200;
  for (int i = 0; i < 3; ++i) {
    CHECK(sender.Send(spec).record.error == "timeout");
    CHECK(sender.Send(SpecFor(good.Url("/"))).verdict == Verdict::kSuccess);
  }
}

TEST_CASE("sender faults: where one address of a name does not answer, the next one is tried") {
  // It listens on 127.0.0.1 alone; localhost is ::1 first.
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  CHECK(sender.Send(SpecFor("http://localhost:" + std::to_string(receiver.port()) + "/")).verdict == Verdict::kSuccess);
  SenderOptions options;
  options.deny = {"::1"};
  SenderFixture denying(options);
  CHECK(denying.Send(SpecFor("http://localhost:" + std::to_string(receiver.port()) + "/")).verdict == Verdict::kSuccess);
}

TEST_CASE("sender faults: connecting has a timeout of its own") {
  SilentPort silent;
  SenderFixture sender;
  NotifySpec spec = SpecFor("http://127.0.0.1:" + std::to_string(silent.port()) + "/");
  spec.connect_timeout_ms = 200;
  const AttemptResult result = sender.Send(spec);
  CHECK(result.record.error == "timeout");
  CHECK(result.record.duration_ms < 15'000);
}

TEST_CASE("sender faults: the connection ends before or within the answer") {
  SenderFixture sender;
  for (bool reset : {false, true}) {
    for (const char* bytes :
         {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
      CAPTURE(reset, bytes);
      const bool decided = std::string(bytes).ends_with("ab") || std::string(bytes).ends_with("abc");
      TinyReceiver receiver([=](TinyReceiver::Peer& peer) {
        if (peer.ReadRequest()) peer.Send(bytes);
        if (reset) peer.Reset();
      });
      const AttemptResult result = sender.Send(PostOf(receiver.Url("/"), "x"));
      // Once the head is there, what becomes of the body changes nothing.
      CHECK(result.verdict == (decided ? Verdict::kSuccess : Verdict::kFailure));
      CHECK(result.record.error == (decided ? "" : "connection_lost"));
      CHECK(result.record.truncated == decided);
      CHECK(receiver.requests().size() == 1);
    }
  }
}

TEST_CASE("sender faults: a status that is not expected says so though its body broke off") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    if (peer.ReadRequest()) peer.Send("HTTP/1.1 503 X\r\nRetry-After: 4\r\nContent-Length: 100\r\n\r\nabc");
  });
  SenderFixture sender;
  const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
  CHECK(result.record.error == "unexpected_answer");
  CHECK(result.record.response_body == "abc");
  CHECK(result.retry_after_ms == 4000);
}

TEST_CASE("sender faults: a request that a reused connection swallowed is not sent again in secret") {
  // Each connection answers once and dies with the second request.
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    if (!peer.ReadRequest()) return;
    peer.Answer(200, "first");
    if (peer.ReadRequest()) peer.Reset();
  });
  SenderFixture sender;
  for (size_t i = 0; i < 12; ++i) {
    const AttemptResult result = sender.Send(PostOf(receiver.Url("/"), std::to_string(i)));
    // The first one to go over a used connection is lost, and said to be so. From then on a new one is made for each call there.
    CHECK(result.verdict == (i == 1 ? Verdict::kFailure : Verdict::kSuccess));
    CHECK(result.record.error == (i == 1 ? "connection_lost" : ""));
    CHECK(result.lost_reused == (i == 1));
    CHECK(receiver.requests().size() == i + 1);
  }
}

TEST_CASE("sender faults: nor is it when another idle connection lies ready") {
  // Two connections are opened side by side, then each dies with its second request.
  std::mutex mutex;
  std::condition_variable both;
  int waiting = 0;
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    if (!peer.ReadRequest()) return;
    {
      std::unique_lock lock(mutex);
      ++waiting;
      both.notify_all();
      both.wait(lock, [&] { return waiting >= 2; });
    }
    peer.Answer(200, "first");
    peer.ReadRequest();
  });
  SenderFixture sender;
  const NotifyId one = sender.Start(PostOf(receiver.Url("/"), "1")), two = sender.Start(PostOf(receiver.Url("/"), "2"));
  REQUIRE(sender.Wait(one).verdict == Verdict::kSuccess);
  REQUIRE(sender.Wait(two).verdict == Verdict::kSuccess);
  CHECK(sender.Send(PostOf(receiver.Url("/"), "3")).record.error == "connection_lost");
  CHECK(receiver.requests().size() == 3);
}

TEST_CASE("sender faults: an idle connection that the receiver closed, or wrote into, is not used") {
  // Each connection is closed after its answer; every other one gets a farewell first, which is no answer to anything.
  std::mutex mutex;
  std::condition_variable changed;
  int answered = 0, closed = 0;
  const auto count = [&](int* what) {
    std::lock_guard lock(mutex);
    ++*what;
    changed.notify_all();
  };
  const auto wait_for = [&](const int& what, int least) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return what >= least; });
  };
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    if (!peer.ReadRequest()) return;
    peer.Answer(200, "mine");
    wait_for(answered, peer.number() + 1);
    if (peer.number() % 2 == 1) peer.Answer(408, "bye");
    peer.ShutDown();
    count(&closed);
    peer.WaitForClose();
  });
  SenderFixture sender;
  for (int i = 0; i < 6; ++i) {
    CHECK(sender.Send(PostOf(receiver.Url("/"), "x")).verdict == Verdict::kSuccess);
    count(&answered);
    wait_for(closed, i + 1);
    // What the receiver did lies in the socket by now: the turn that runs this sees it.
    sender.OnLoop([] {});
    CHECK(receiver.connections() == i + 1);
    CHECK(receiver.requests().size() == static_cast<size_t>(i + 1));
  }
}

TEST_CASE("sender faults: a refused destination fails at once, naming the address and the range") {
  TinyReceiver receiver(200, "");
  SenderOptions options;
  options.deny = {"127.0.0.0/8", "::1"};
  SenderFixture sender(options);
  for (const std::string& host :
       {std::string("127.0.0.1"), std::string("localhost"), std::string("[::ffff:127.0.0.1]"), std::string("2130706433"), std::string("0x7f.1")}) {
    CAPTURE(host);
    const AttemptResult result = sender.Send(SpecFor("http://" + host + ":" + std::to_string(receiver.port()) + "/"));
    CHECK(result.verdict == Verdict::kFatal);
    CHECK(result.record.error == "destination_refused");
    CHECK((result.record.detail.find("127.0.0.0/8") != std::string::npos || result.record.detail.find("::1") != std::string::npos));
  }
  CHECK(receiver.connections() == 0);
}

TEST_CASE("sender faults: the built-in denials hold, and destinations.allow lifts them") {
  SenderFixture sender;
  for (const char* url : {"http://169.254.169.254/latest", "http://[fe80::1]/", "http://0.0.0.0/", "http://224.0.0.1/", "http://[::]/",
                          "http://255.255.255.255/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/"}) {
    CAPTURE(url);
    CHECK(sender.Send(SpecFor(url)).record.error == "destination_refused");
  }
  TinyReceiver receiver(200, "");
  SenderOptions options;
  options.allow = {"127.0.0.1"};
  options.deny = {"127.0.0.0/8"};
  SenderFixture allowing(options);
  CHECK(allowing.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
}

TEST_CASE("sender faults: a range that does not parse is refused by its place in the settings") {
  Loop loop;
  struct : EventSink {
    void Post(Event) override {}
  } sink;
  SenderOptions options;
  options.allow = {"10.0.0.0/8", "nonsense"};
  Result<std::unique_ptr<PlainSender>> sender = PlainSender::Create(&loop, &sink, options);
  REQUIRE_FALSE(sender.ok());
  CHECK(sender.status().field() == "/destinations/allow/1");
}

TEST_CASE("sender faults: a head without end is left") {
  SenderFixture sender;
  for (const std::string& line :
       {std::string("X-Header: ") + std::string(500, 'h') + "\r\n", std::string(1000, 'h'), std::string("\r\n\r\nHTTP/1.1 103 X\r\nX: ")}) {
    TinyReceiver receiver([line](TinyReceiver::Peer& peer) {
      if (!peer.ReadRequest()) return;
      peer.Send("HTTP/1.1 103 X\r\nX: ");
      while (peer.Send(line)) continue;
    });
    const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
    CHECK(result.verdict == Verdict::kFailure);
    CAPTURE(line.size(), result.record.detail);
    CHECK(result.record.error == "unexpected_answer");
    CHECK(result.record.detail.find("head") != std::string::npos);
  }
}

TEST_CASE("sender faults: an answer that is no HTTP") {
  SenderFixture sender;
  for (const char* bytes : {"SSH-2.0-OpenSSH_9.2\r\n", "{\"ok\":true}", "HTTP/9 what\r\n\r\n"}) {
    CAPTURE(bytes);
    TinyReceiver receiver([bytes](TinyReceiver::Peer& peer) {
      if (peer.ReadRequest()) peer.Send(bytes);
    });
    const AttemptResult result = sender.Send(SpecFor(receiver.Url("/")));
    CHECK(result.verdict == Verdict::kFailure);
    CHECK((result.record.error == "unexpected_answer" || result.record.error == "connection_lost"));
  }
}

TEST_CASE("sender faults: an answer before the whole body was sent counts") {
  SenderFixture sender;
  for (int status : {413, 200}) {
    TinyReceiver receiver([status](TinyReceiver::Peer& peer) {
      if (!peer.ReadBytes(100)) return;
      peer.Answer(status, "enough", "Connection: close\r\n");
      peer.WaitForClose();
    });
    const AttemptResult result = sender.Send(PostOf(receiver.Url("/"), std::string(8 << 20, 'x')));
    CHECK(result.record.status == status);
    CHECK(result.verdict == (status == 200 ? Verdict::kSuccess : Verdict::kFailure));
    CHECK(result.record.response_body == "enough");
  }
}

TEST_CASE("sender faults: a spec that cannot be sent ends as a failed attempt") {
  SenderFixture sender;
  const AttemptResult garbage = sender.Wait(sender.StartEncoded("no spec"));
  CHECK(garbage.verdict == Verdict::kFatal);
  CHECK(garbage.record.error == "invalid_request");
  CHECK(garbage.record.number == 3);
  NotifySpec form = SpecFor("http://127.0.0.1/");
  form.payload_kind = PayloadKind::kData;
  form.payload = "5";
  form.content_type = "application/x-www-form-urlencoded";
  CHECK(sender.Send(form).record.error == "invalid_request");
  for (const char* url : {"", "nonsense", "ftp://h/", "http://user:password@127.0.0.1/", "http://h/a b", "http://127.0.0.1:99999/"}) {
    CAPTURE(url);
    CHECK(sender.Send(SpecFor(url)).record.error == "invalid_request");
  }
  NotifySpec header = SpecFor("http://127.0.0.1/");
  header.headers = {{"X", "a\r\nY: b"}};
  CHECK(sender.Send(header).record.error == "invalid_request");
  CHECK(sender.in_flight() == 0);
}

TEST_CASE("sender faults: after Abort nothing is posted, and the sender goes on") {
  std::promise<void> got;
  TinyReceiver hung([&](TinyReceiver::Peer& peer) {
    if (peer.ReadRequest()) got.set_value();
    peer.WaitForClose();
  });
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  sender.Start(PostOf(hung.Url("/"), "x"));
  got.get_future().wait();
  sender.OnLoop([] {});
  CHECK(sender.in_flight() == 1);
  sender.Abort();
  CHECK(sender.in_flight() == 0);
  CHECK(sender.Send(SpecFor(receiver.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(sender.ended() == 1);
}

TEST_CASE("sender faults: ended with the loop while attempts are under way") {
  TinyReceiver hung([](TinyReceiver::Peer& peer) {
    peer.ReadRequest();
    peer.WaitForClose();
  });
  SenderFixture sender;
  for (int i = 0; i < 10; ++i) sender.Start(PostOf(hung.Url("/"), "x"));
  CHECK(sender.in_flight() == 10);
}
