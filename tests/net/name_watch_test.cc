// Names whose addresses are a service's instances, against a name server of the test's own.
#include "net/sender/name_watch.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>

#include "net/fake_dns.h"
#include "net/sender/srv_reply.h"
#include "net/sender_fixture.h"
#include "support/slowness.h"

using namespace notifyd;

namespace {

/// A watch on a loop of its own.
class Watched : public LoopThread {
 public:
  explicit Watched(const FakeDns& dns) {
    ResolverOptions options;
    options.servers = dns.server();
    options.query_timeout_ms = 200;
    options.min_ttl_ms = 5;
    OnLoop([&] {
      watch_ = std::make_unique<NameWatch>(loop().raw(), options, [this](const NameWatch::News& news) {
        std::lock_guard lock(mutex_);
        heard_.push_back(news);
        more_.notify_all();
      });
    });
  }
  ~Watched() {
    OnLoop([this] { watch_.reset(); });
  }
  void Watch(std::vector<std::string> names) {
    OnLoop([&] { watch_->Watch(names); });
  }
  /// The ids that the name leads to, each with its weight where that is not 1.
  std::vector<std::string> Ids(const std::string& name) {
    std::vector<FoundInstance> found;
    OnLoop([&] { found = watch_->Of(name); });
    std::vector<std::string> ids;
    for (const FoundInstance& each : found) ids.push_back(each.id + (each.weight == 1 ? "" : " " + std::to_string(each.weight)));
    return ids;
  }
  FoundInstance First(const std::string& name) {
    FoundInstance first;
    OnLoop([&] { first = watch_->Of(name).at(0); });
    return first;
  }
  std::vector<NameWatch::Figures> figures() { return watch_->figures(); }
  /// Waits for the next lookup that ended and that `wanted` takes; those before it are forgotten.
  template <class Wanted>
  NameWatch::News Await(Wanted wanted) {
    std::unique_lock lock(mutex_);
    for (;;) {
      while (!heard_.empty()) {
        NameWatch::News news = heard_.front();
        heard_.erase(heard_.begin());
        if (wanted(news)) return news;
      }
      if (more_.wait_for(lock, test::AtMostSeconds(60)) == std::cv_status::timeout) throw std::runtime_error("nothing was heard for a minute");
    }
  }
  NameWatch::News Changed() {
    return Await([](const NameWatch::News& news) { return news.changed; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<NameWatch::News> heard_;  // guarded by mutex_
  std::unique_ptr<NameWatch> watch_;
};

using Texts = std::vector<std::string>;

std::string Bytes(std::initializer_list<int> bytes) {
  std::string out;
  for (int byte : bytes) out.push_back(static_cast<char>(byte));
  return out;
}

}  // namespace

TEST_CASE("name watch: the addresses of a name, of both families, and again when its TTL is over") {
  FakeDns dns;
  dns.Set("a.test", {{"127.0.0.2", "127.0.0.1", "::1"}, 0});
  Watched watched(dns);
  watched.Watch({"a.test:80"});
  CHECK(watched.Changed().came == Texts{"127.0.0.1:80", "127.0.0.2:80", "::1:80"});
  CHECK(watched.Ids("a.test:80") == Texts{"127.0.0.1:80", "127.0.0.2:80", "::1:80"});
  CHECK(watched.First("a.test:80").host == "127.0.0.1");
  dns.Set("a.test", {{"127.0.0.2", "127.0.0.9"}, 3600});
  const NameWatch::News news = watched.Changed();
  CHECK(news.came == Texts{"127.0.0.9:80"});
  CHECK(news.left == Texts{"127.0.0.1:80", "::1:80"});
  // That holds for an hour: whoever would ask before has none that asks.
  const int asked = dns.asked("a.test");
  dns.Set("b.test", {{"::1"}, 0});
  watched.Watch({"a.test:80", "b.test:8080"});
  CHECK(watched.Changed().name == "b.test:8080");
  CHECK(watched.First("b.test:8080").host == "[::1]");
  for (int i = 0; i < 3; ++i) watched.Await([](const NameWatch::News& each) { return each.name == "b.test:8080"; });
  CHECK(dns.asked("a.test") == asked);
  CHECK(watched.Ids("a.test:80") == Texts{"127.0.0.2:80", "127.0.0.9:80"});
}

TEST_CASE("name watch: a lookup that fails changes nothing; a name that is not there has nothing") {
  FakeDns dns;
  dns.Set("a.test", {{"127.0.0.1"}, 0});
  Watched watched(dns);
  watched.Watch({"a.test:80"});
  watched.Changed();
  const auto failed = [](const NameWatch::News& news) { return !news.error.empty(); };
  dns.Set("a.test", {{}, 0, false, true});
  CHECK_FALSE(watched.Await(failed).changed);
  CHECK(watched.Ids("a.test:80") == Texts{"127.0.0.1:80"});
  const NameWatch::Figures figures = watched.figures().at(0);
  CHECK(figures.instances == 1);
  CHECK(figures.found >= 1);
  CHECK(figures.failed >= 1);

  dns.Set("mute.test", {{}, 0, true});
  dns.Set("b.test", {{"127.0.0.3"}, 0});
  watched.Watch({"b.test:80", "mute.test:80"});
  CHECK(watched.Await(failed).name == "mute.test:80");
  CHECK(watched.Ids("mute.test:80").empty());
  CHECK(watched.Ids("a.test:80").empty());  // nobody watches it any more
  CHECK(watched.figures().size() == 2);
  REQUIRE(watched.Ids("b.test:80").size() == 1);
  dns.Set("b.test", {});
  CHECK(watched.Changed().left == Texts{"127.0.0.3:80"});
  CHECK(watched.Ids("b.test:80").empty());
}

TEST_CASE("name watch: one family that cannot be looked up keeps what it had, and the other moves on") {
  FakeDns dns;
  dns.Set("a.test", {{"127.0.0.1", "::1"}, 0});
  Watched watched(dns);
  watched.Watch({"a.test:80"});
  watched.Changed();
  FakeDns::Zone zone{{"127.0.0.2", "::2"}};
  zone.fails_v6 = true;
  dns.Set("a.test", zone);
  const NameWatch::News news = watched.Changed();
  CHECK(news.came == Texts{"127.0.0.2:80"});
  CHECK(news.left == Texts{"127.0.0.1:80"});
  CHECK_FALSE(news.error.empty());
  CHECK(watched.Ids("a.test:80") == Texts{"127.0.0.2:80", "::1:80"});
}

TEST_CASE("name watch: SRV records of the least priority, with ports and weights; a target of nothing is none") {
  FakeDns dns;
  FakeDns::Zone zone;
  zone.services = {{10, 0, 8080, "A.test"}, {10, 7, 8081, "b.test"}, {10, 7, 8081, "b.test"}, {20, 1, 8082, "later.test"}};
  dns.Set("_http._tcp.a.test", zone);
  Watched watched(dns);
  watched.Watch({"_http._tcp.a.test"});
  watched.Changed();
  CHECK(watched.Ids("_http._tcp.a.test") == Texts{"a.test:8080", "b.test:8081 7"});
  CHECK(watched.First("_http._tcp.a.test").host == "a.test");
  zone.services = {{0, 0, 0, ""}};
  dns.Set("_http._tcp.a.test", zone);
  CHECK(watched.Changed().left.size() == 2);
  CHECK(watched.Ids("_http._tcp.a.test").empty());
}

TEST_CASE("name watch: a target that is longer than an id has one all the same, a name of other characters none") {
  FakeDns dns;
  FakeDns::Zone zone;
  const std::string label(50, 'a');
  zone.services = {{1, 1, 80, label + "." + label + ".b"}, {1, 1, 80, label + "." + label + ".c"}, {1, 1, 80, "a/b.test"}, {1, 1, 80, "a@b.test"}};
  dns.Set("_x._tcp.a.test", zone);
  Watched watched(dns);
  watched.Watch({"_x._tcp.a.test"});
  watched.Changed();
  const Texts ids = watched.Ids("_x._tcp.a.test");
  REQUIRE(ids.size() == 2);
  for (const std::string& id : ids) CHECK(id.size() == 100);
}

TEST_CASE("name watch: what may be watched") {
  CHECK(ParseWatchedName("Billing.Internal.:8080")->name == "billing.internal");
  CHECK(ParseWatchedName("billing:1")->port == 1);
  CHECK(ParseWatchedName("_http._tcp.a.test.")->port == 0);
  for (const char* text : {"",         "billing",    "billing:", "billing:0", "billing:65536",       "billing:80x",
                           ":80",      ".:80",       "a..b:80",  ".a:80",     "10.0.0.1:80",         "::1:80",
                           "[::1]:80", "a b:80",     "a/b:80",   "a..:80",    "_http._tcp.a.test..", "_http._tcp.a.test:80",
                           "_a/b",     "http://a:80"}) {
    INFO(text);
    CHECK(ParseWatchedName(text).status().code() == Code::kUnacceptable);
  }
}

TEST_CASE("SRV replies: what is cut off, points in circles or lies about its length is no reply") {
  const std::string head = Bytes({0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0});
  const std::string question = Bytes({1, 'q', 0, 0, 33, 0, 1});
  const auto record = [](int bytes, const std::string& target, int ttl_high = 0) {
    return Bytes({0xC0, 12, 0, 33, 0, 1, ttl_high, 0, 0, 60, 0, bytes, 0, 3, 0, 5, 0, 80}) + target;
  };
  const std::string target = Bytes({1, 'T', 0xC0, 12});
  const std::string whole = head + question + record(10, target);
  const std::optional<SrvReply> read = ReadSrvReply(whole);
  REQUIRE(read);
  REQUIRE(read->records.size() == 1);
  CHECK(read->records[0].target == "t.q");
  CHECK(read->records[0].priority == 3);
  CHECK(read->records[0].weight == 5);
  CHECK(read->records[0].port == 80);
  CHECK(read->ttl_ms == 60'000);
  CHECK(ReadSrvReply(head + question + record(10, target, 0x80))->ttl_ms == 0);
  for (size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(ReadSrvReply(whole.substr(0, size)));
  CHECK_FALSE(ReadSrvReply(head + question + record(9, target)));
  CHECK_FALSE(ReadSrvReply(head + question + record(11, target)));
  CHECK_FALSE(ReadSrvReply(head + question + record(8, Bytes({0xC0, static_cast<int>(head.size() + question.size() + 18)}))));
}
