// Names: the resolver against a name server of the test's own, and what follows for the calls.
#include "net/fake_dns.h"
#include "support/identity.h"
#include "net/sender/timed.h"
#include "net/sender_fixture.h"

#include <dirent.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <future>

using namespace notifyd;

namespace {

/// A resolver on a loop of its own.
class Names : public LoopThread {
 public:
  explicit Names(ResolverOptions options) {
    OnLoop([&] { resolver_ = std::make_unique<Resolver>(loop().raw(), options); });
  }
  ~Names() {
    OnLoop([this] { resolver_.reset(); });
  }
  Resolver& resolver() { return *resolver_; }

  struct Waiting : Resolver::Waiter {
    std::promise<Resolver::Answer> told;
    void OnResolved(const Resolver::Answer& answer) override { told.set_value(answer); }
  };
  /// `now_ms`: behind the clock.
  Resolver::Answer Look(const std::string& name, int64_t later_ms = 0) {
    Waiting waiter;
    std::optional<Resolver::Answer> known;
    OnLoop([&] {
      if (const Resolver::Answer* answer = resolver_->Look(name, &waiter, MonotonicMs() + later_ms)) known = *answer;
    });
    return known ? *known : waiter.told.get_future().get();
  }

 private:
  std::unique_ptr<Resolver> resolver_;
};

ResolverOptions DnsAt(const FakeDns& dns) {
  ResolverOptions options;
  options.servers = dns.server();
  options.query_timeout_ms = 200;
  return options;
}

std::vector<std::string> Texts(const Resolver::Answer& answer) {
  std::vector<std::string> texts;
  if (answer.addresses == nullptr) return texts;
  for (const IpAddress& address : *answer.addresses) texts.push_back(address.ToString());
  return texts;
}

size_t Threads() {
  DIR* tasks = opendir("/proc/self/task");
  size_t count = 0;
  while (readdir(tasks) != nullptr) ++count;
  closedir(tasks);
  return count - 2;
}

SenderOptions Resolving(const FakeDns& dns) {
  SenderOptions options;
  options.ca_file = Identity::Get().file();
  options.resolver = DnsAt(dns);
  options.resolver.min_ttl_ms = 0;
  return options;
}

/// Both schemes, one after the other; null: http.
SSL_CTX* EitherScheme() {
  return GENERATE(false, true) ? Identity::Get().server() : nullptr;
}

std::string UrlOf(const std::string& name, uint16_t port, SSL_CTX* tls) {
  return (tls != nullptr ? "https://" : "http://") + name + ":" + std::to_string(port) + "/";
}

}  // namespace

TEST_CASE("resolver: addresses in the order in which they are to be tried, families in turn") {
  FakeDns dns;
  dns.Set("many.test", {{"127.0.0.3", "127.0.0.1", "127.0.0.2", "::1"}, 60});
  Names names(DnsAt(dns));
  CHECK(Texts(names.Look("many.test")) == std::vector<std::string>{"::1", "127.0.0.3", "127.0.0.1", "127.0.0.2"});
}

TEST_CASE("resolver: what is known holds for its TTL, and is asked for again then") {
  FakeDns dns;
  dns.Set("a.test", {{"127.0.0.1"}, 60});
  Names names(DnsAt(dns));
  const Resolver::Answer first = names.Look("a.test");
  for (int i = 0; i < 5; ++i) CHECK(names.Look("a.test", 59'000).version == first.version);
  CHECK(dns.asked("a.test") == 1);
  CHECK(names.Look("a.test", 60'100).version == first.version);
  CHECK(dns.asked("a.test") == 2);
  dns.Set("a.test", {{"127.0.0.2"}, 60});
  const Resolver::Answer moved = names.Look("a.test", 130'000);
  CHECK(Texts(moved) == std::vector<std::string>{"127.0.0.2"});
  CHECK(moved.version != first.version);
}

TEST_CASE("resolver: a TTL of nothing counts as the least one") {
  FakeDns dns;
  dns.Set("a.test", {{"127.0.0.1"}, 0});
  Names names(DnsAt(dns));
  names.Look("a.test");
  names.Look("a.test", 900);
  CHECK(dns.asked("a.test") == 1);
  names.Look("a.test", 1100);
  CHECK(dns.asked("a.test") == 2);
}

TEST_CASE("resolver: that a name does not exist, and that nobody can tell, holds for a second") {
  FakeDns dns;
  dns.Set("broken.test", {{}, 0, false, true});
  Names names(DnsAt(dns));
  for (const char* name : {"none.test", "broken.test"}) {
    CAPTURE(name);
    const Resolver::Answer answer = names.Look(name);
    CHECK(answer.addresses == nullptr);
    CHECK_FALSE(answer.error.empty());
    CHECK(answer.gone == (std::string(name) == "none.test"));
    const int asked = dns.asked(name);
    names.Look(name, 900);
    CHECK(dns.asked(name) == asked);
    names.Look(name, 1100);
    CHECK(dns.asked(name) > asked);
  }
}

TEST_CASE("resolver: what was said to be wrong is asked for again") {
  FakeDns dns;
  dns.Set("a.test", {{"127.0.0.1"}, 60});
  Names names(DnsAt(dns));
  names.Look("a.test");
  names.OnLoop([&] { names.resolver().Forget("a.test"); });
  names.Look("a.test");
  CHECK(dns.asked("a.test") == 2);
}

TEST_CASE("resolver: however many wait, a name is asked for once; who gave up is not told") {
  FakeDns dns;
  dns.Set("a.test", {{"127.0.0.1"}, 60});
  Names names(DnsAt(dns));
  std::vector<Names::Waiting> waiting(50);
  Names::Waiting gone;
  names.OnLoop([&] {
    for (Names::Waiting& waiter : waiting) CHECK(names.resolver().Look("a.test", &waiter, MonotonicMs()) == nullptr);
    CHECK(names.resolver().Look("a.test", &gone, MonotonicMs()) == nullptr);
    CHECK(names.resolver().asking() == 1);
    names.resolver().Cancel(&gone);
    names.resolver().Cancel(&gone);
  });
  for (Names::Waiting& waiter : waiting) CHECK(waiter.told.get_future().get().addresses != nullptr);
  CHECK(dns.asked("a.test") == 1);
}

TEST_CASE("resolver: search domains, and names of /etc/hosts, are honoured") {
  FakeDns dns;
  dns.Set("short.corp.test", {{"127.0.0.9"}, 60});
  ResolverOptions options = DnsAt(dns);
  options.domains = {"corp.test"};
  Names names(options);
  CHECK(Texts(names.Look("short")) == std::vector<std::string>{"127.0.0.9"});
  const std::vector<std::string> local = Texts(names.Look("localhost"));
  CHECK(std::find(local.begin(), local.end(), "127.0.0.1") != local.end());
  CHECK(dns.asked("localhost") == 0);
}

TEST_CASE("resolver: names are bounded, those that are being asked for too") {
  FakeDns dns;
  for (int i = 0; i < 20; ++i) dns.Set("m" + std::to_string(i) + ".test", {{}, 0, true});
  dns.Set("a.test", {{"127.0.0.1"}, 60});
  ResolverOptions options = DnsAt(dns);
  options.max_names = 8;
  Names names(options);
  for (int i = 0; i < 20; ++i) dns.Set("k" + std::to_string(i) + ".test", {{"127.0.0.1"}, 60});
  for (int i = 0; i < 20; ++i) CHECK(names.Look("k" + std::to_string(i) + ".test").addresses != nullptr);
  std::vector<Names::Waiting> waiting(20);
  names.OnLoop([&] {
    for (int i = 0; i < 20; ++i) {
      const Resolver::Answer* answer = names.resolver().Look("m" + std::to_string(i) + ".test", &waiting[static_cast<size_t>(i)], MonotonicMs());
      CHECK((answer == nullptr) == (i < 8));
      if (answer != nullptr) CHECK(answer->error.find("too many") != std::string::npos);
    }
  });
  // Once nobody answered in time there is room again.
  for (size_t i = 0; i < 8; ++i) CHECK(waiting[i].told.get_future().get().addresses == nullptr);
  CHECK(names.Look("a.test", 5000).addresses != nullptr);
}

// ---- calls

TEST_CASE("names: mute name servers cost no thread, and each call its own timeout") {
  SSL_CTX* tls = EitherScheme();
  FakeDns dns;
  for (int i = 0; i < 200; ++i) dns.Set("m" + std::to_string(i) + ".test", {{}, 0, true});
  dns.Set("good.test", {{"127.0.0.1"}, 60});
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, tls);
  SenderFixture sender(Resolving(dns));
  REQUIRE(sender.Send(SpecFor(UrlOf("good.test", receiver.port(), tls))).verdict == Verdict::kSuccess);
  const size_t before = Threads();
  std::vector<NotifyId> ids;
  for (int i = 0; i < 200; ++i) {
    NotifySpec spec = SpecFor(UrlOf("m" + std::to_string(i) + ".test", receiver.port(), tls));
    spec.timeout_ms = 1 + i % 50;
    ids.push_back(sender.Start(spec));
  }
  CHECK(sender.Send(SpecFor(UrlOf("good.test", receiver.port(), tls))).verdict == Verdict::kSuccess);
  for (NotifyId id : ids) CHECK(sender.Wait(id).record.error == "timeout");
  CHECK(Threads() <= before);
}

TEST_CASE("names: where the first address is silent, the next one is called") {
  SSL_CTX* tls = EitherScheme();
  FakeDns dns;
  // The port is chosen where others of this machine have theirs, so that it is free at both addresses.
  SilentPort silent;
  TinyReceiver receiver(200, "ok", "127.0.0.2", silent.port(), tls);
  dns.Set("two.test", {{"127.0.0.1", "127.0.0.2"}, 60});
  {
    SenderFixture sender(Resolving(dns));
    const AttemptResult result = sender.Send(SpecFor(UrlOf("two.test", receiver.port(), tls)));
    CHECK(result.verdict == Verdict::kSuccess);
    CHECK(result.record.duration_ms >= 240);
  }
}

TEST_CASE("names: one that moved is followed, though its old host lives") {
  SSL_CTX* tls = EitherScheme();
  FakeDns dns;
  TinyReceiver before(200, "before", "127.0.0.1", 0, tls);
  TinyReceiver after(200, "after", "127.0.0.2", before.port(), tls);
  dns.Set("moves.test", {{"127.0.0.1"}, 0});
  SenderFixture sender(Resolving(dns));
  for (int i = 0; i < 3; ++i) CHECK(sender.Send(SpecFor(UrlOf("moves.test", before.port(), tls))).record.response_body == "before");
  CHECK(before.connections() == 1);
  dns.Set("moves.test", {{"127.0.0.2"}, 0});
  for (int i = 0; i < 3; ++i) CHECK(sender.Send(SpecFor(UrlOf("moves.test", before.port(), tls))).record.response_body == "after");
  before.WaitForOpen(0);
}

TEST_CASE("names: one whose host refuses is looked up again at once, whatever its TTL") {
  SSL_CTX* tls = EitherScheme();
  FakeDns dns;
  TinyReceiver receiver(200, "ok", "127.0.0.2", 0, tls);
  dns.Set("moves.test", {{"127.0.0.1"}, 3600});
  SenderFixture sender(Resolving(dns));
  CHECK(sender.Send(SpecFor(UrlOf("moves.test", receiver.port(), tls))).record.error == "connect_failed");
  dns.Set("moves.test", {{"127.0.0.2"}, 3600});
  CHECK(sender.Send(SpecFor(UrlOf("moves.test", receiver.port(), tls))).verdict == Verdict::kSuccess);
}

TEST_CASE("names: while nobody can tell, a connection that is there serves on; a name that is gone is not called") {
  SSL_CTX* tls = EitherScheme();
  FakeDns dns;
  TinyReceiver receiver(200, "ok", "127.0.0.1", 0, tls);
  dns.Set("a.test", {{"127.0.0.1"}, 0});
  SenderOptions options = Resolving(dns);
  options.resolver.failure_ms = 0;
  SenderFixture sender(options);
  const NotifySpec spec = SpecFor(UrlOf("a.test", receiver.port(), tls));
  REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  dns.Set("a.test", {{}, 0, false, true});
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  CHECK(receiver.connections() == 1);
  dns.Set("a.test", {});
  CHECK(sender.Send(spec).record.error == "dns");
  receiver.WaitForOpen(0);
  dns.Set("a.test", {{}, 0, false, true});
  CHECK(sender.Send(spec).record.error == "dns");
}

TEST_CASE("names: each address is judged by itself") {
  SSL_CTX* tls = EitherScheme();
  FakeDns dns;
  TinyReceiver receiver(200, "ok", "127.0.0.2", 0, tls);
  SenderOptions options = Resolving(dns);
  options.deny = {"127.0.0.1", "127.0.0.3"};
  SenderFixture sender(options);
  dns.Set("mixed.test", {{"127.0.0.1", "127.0.0.2", "127.0.0.3"}, 60});
  dns.Set("bad.test", {{"127.0.0.1", "127.0.0.3"}, 60});
  dns.Set("meta.test", {{"169.254.169.254"}, 60});
  CHECK(sender.Send(SpecFor(UrlOf("mixed.test", receiver.port(), tls))).verdict == Verdict::kSuccess);
  for (const char* name : {"bad.test", "meta.test"}) {
    const AttemptResult refused = sender.Send(SpecFor(UrlOf(name, receiver.port(), tls)));
    CHECK(refused.verdict == Verdict::kFatal);
    CHECK(refused.record.error == "destination_refused");
  }
}
