// The real broker on a disk that fails one of its calls (support/failing_disk.h): nothing that failed is acknowledged, it ends by itself and says why
// or goes on, it never hangs, and on a disk that is well again all that was acknowledged is there. The store by itself, at each of its calls:
// tests/storage/failing_disk_test.cc.
#include "support/failing_disk.h"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "base/random.h"
#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "support/certificates.h"
#include "support/tiny_receiver.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

uint64_t Seed() {
  static const uint64_t seed = [] {
    const char* given = std::getenv("NOTIFYD_TEST_SEED");
    return given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  }();
  return seed;
}

/// A broker whose disk is to fail.
class FailingBroker {
 public:
  FailingBroker(const TempDir& dir, const DiskFault& fault, const std::string& settings = "")
      : report_(dir.Write("report", "")),
        process_(NOTIFYD_BINARY, {{"--listen", "127.0.0.1:0", "--data-dir", dir.path() + "/data", "--config", dir.Write("n.toml", settings)},
                                  {"LD_PRELOAD=" FAILING_DISK_LIBRARY, "ASAN_OPTIONS=verify_asan_link_order=0",
                                   FailingDiskVariable(fault, dir.path() + "/data", report_)}}) {
    const std::string said = "listening on ";
    if (!process_.WaitForError(said)) return;
    std::string log;
    size_t from, end;
    do {
      log = process_.error();
      from = log.find(said) + said.size();
      end = log.find_first_of("\"\n", from);
    } while (end == std::string::npos);
    url_ = "http://" + log.substr(from, end - from);
  }
  Process& process() { return process_; }
  /// Empty: it never listened.
  const std::string& url() const { return url_; }
  bool fired() const { return ReadDiskReport(report_).fired; }
  /// Of a disk that is "held": from now on, or not any more.
  void Hold(bool held) const {
    if (held) std::ofstream(report_ + kHeldSuffix).put('\n');
    else std::filesystem::remove(report_ + kHeldSuffix);
  }

 private:
  std::string report_;
  Process process_;
  std::string url_;
};

std::string Held(size_t number) {
  return R"({"url":"http://127.0.0.1:9/","fkey":"k)" + std::to_string(number) + R"(","body":")" + std::string(500, 'x') + "\"}";
}

/// Submits until one is not taken, or some more were since the fault was met. The ids that were acknowledged.
std::vector<std::string> SubmitThrough(FailingBroker* broker, bool* refused) {
  std::vector<std::string> ids;
  HttpClient client(broker->url());
  for (size_t since = 0; since < 5 && ids.size() < 400; since += broker->fired()) {
    const std::string notify = Held(ids.size());
    Result<HttpAnswer> answer = client.Call("POST", "/v1/notifies", &notify);
    *refused = !answer.ok() || answer->status != 201;
    if (*refused) return ids;
    ids.push_back(JsonAt(answer->body, "/id"));
  }
  return ids;
}

/// One life with this fault, and the next one without.
void Attack(const DiskFault& fault) {
  INFO("the " << fault.nth << "th " << fault.call << ", " << fault.how << (fault.for_good ? " for good" : "") << ", NOTIFYD_TEST_SEED=" << Seed());
  TempDir dir;
  std::vector<std::string> ids;
  {
    FailingBroker broker(dir, fault);
    bool refused = false;
    if (!broker.url().empty()) {
      ids = SubmitThrough(&broker, &refused);
      if (!refused) broker.process().Signal(SIGTERM);
    }
    const int code = broker.process().Wait();
    INFO(broker.process().error());
    // Else this was a life without any fault, which proves nothing.
    CHECK(broker.fired());
    // No sync fails unnoticed; what else does may be made up for.
    CHECK((code == 1 || (code == 0 && fault.call != "sync" && !refused && !broker.url().empty())));
    // The last is what RocksDB says of any fault where it looks, by opening a file, whether there is direct I/O.
    if (code == 1)
      CHECK_THAT(broker.process().error(), Catch::Contains("Input/output error") || Catch::Contains("Read-only file system") ||
                                               Catch::Contains("Direct I/O is not supported"));
  }
  Broker well(dir.path());
  for (const std::string& id : ids) CHECK(JsonAt(well.Call("GET", "/v1/notifies/" + id).body, "/state") == "held");
  // One whose answer was lost may be there.
  CHECK(well.Stat("/states/held") >= ids.size());
  CHECK(well.Stat("/states/held") <= ids.size() + 1);
  CHECK(well.BooksBalance());
}

}  // namespace

TEST_CASE("failing disk: a sync, write, rename, open or removal that fails is never acknowledged; the broker ends and says why, or goes on") {
  Random random(Seed());
  Attack({.call = "sync", .nth = 1 + random.Below(12)});   // while it starts
  Attack({.call = "sync", .nth = 20 + random.Below(20)});  // while it takes submits
  Attack({.call = "write", .nth = 1 + random.Below(70)});
  Attack({.call = "write", .nth = 150 + random.Below(60)});
  Attack({.call = "rename", .nth = 1 + random.Below(4)});
  Attack({.call = "open", .nth = 1 + random.Below(30)});
  Attack({.call = "unlink", .nth = 1 + random.Below(3)});
}

TEST_CASE("failing disk: one that becomes read-only under the broker ends it, and all that was acknowledged is there") {
  Attack({.call = "any", .nth = 200 + Random(Seed()).Below(60), .how = "EROFS", .for_good = true});
}

TEST_CASE("failing disk: while a sync takes two seconds the broker answers all that does not wait for it, and then that too") {
  TempDir dir;
  FailingBroker broker(dir, {.call = "sync", .nth = 40, .how = "slow"});
  REQUIRE_FALSE(broker.url().empty());
  HttpClient probe(broker.url());
  std::vector<std::string> ids;
  std::atomic<bool> answered = false;
  bool taken = true;
  std::thread submitter([&] {
    bool refused = false;
    ids = SubmitThrough(&broker, &refused);
    taken = !refused;
    answered = true;
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  while (!broker.fired() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // The sync is under way, and whoever waits for it has no answer yet.
  int answers = 0;
  while (!answered) {
    Result<HttpAnswer> health = probe.Call("GET", "/healthz");
    Result<HttpAnswer> list = probe.Call("GET", "/v1/notifies?limit=1");
    answers += health.ok() && health->status == 200 && list.ok() && list->status == 200 && !answered;
  }
  submitter.join();
  CHECK(broker.fired());
  CHECK(taken);
  CHECK(answers > 0);
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
  Broker well(dir.path());
  for (const std::string& id : ids) CHECK(JsonAt(well.Call("GET", "/v1/notifies/" + id).body, "/state") == "held");
}

TEST_CASE("failing disk: an alert that it does not take reaches its robot by the rules of any call, and then again as the same message") {
  TempDir dir;
  const CertificateAuthority authority;
  const PeerContext context = NewPeerContext(true, "", authority.Issue("IP:127.0.0.1"));
  TinyReceiver robot(200, "{}", "127.0.0.1", 0, context.get());
  const std::string settings = "[destinations]\nca_file = \"" + dir.Write("ca.pem", authority.certificate()) + "\"\n[[destination]]\nmatch = \"" +
                               robot.Url("/hook") +
                               "\"\nnamespaces = [\"system\"]\nheaders = { X-Rule = \"here\" }\n"
                               "[[alert]]\nname = \"late\"\nwhen = \"pending\"\nthreshold = 0\nfor = \"5s\"\ngroup = 0\nnamespace = \"default\"\n"
                               "to = \"webhook:" +
                               robot.Url("/hook") + "\"\n";
  FailingBroker broker(dir, {.call = "sync", .how = "held", .for_good = true}, settings);
  INFO(broker.process().error());
  REQUIRE_FALSE(broker.url().empty());
  const std::string notify = R"({"url":"http://127.0.0.1:1/","delay_ms":3600000})";
  Result<HttpAnswer> taken = HttpClient(broker.url()).Call("POST", "/v1/notifies", &notify);
  REQUIRE((taken.ok() && taken->status == 201));
  broker.Hold(true);
  REQUIRE(broker.process().WaitForError("alert sent from memory"));
  const std::vector<std::string> told = robot.requests();
  broker.Hold(false);
  REQUIRE(told.size() == 1);
  REQUIRE(Await([&] { return robot.requests().size() >= 2; }));
  const std::vector<std::string> both = robot.requests();
  const auto line = [](const std::string& request, const std::string& name) {
    const size_t from = std::min(request.find("\r\n" + name), request.size());
    return request.substr(from, std::min(request.find('\r', from + 2), request.size()) - from);
  };
  CHECK(line(both[0], "X-Rule: ") == "\r\nX-Rule: here");
  CHECK(line(both[0], "Notify-Attempt: ") == "\r\nNotify-Attempt: 0");
  CHECK(line(both[1], "Notify-Attempt: ") == "\r\nNotify-Attempt: 1");
  CHECK(line(both[0], "Notify-Id: ").size() > std::string("\r\nNotify-Id: ").size());
  for (const char* name : {"Notify-Id: ", "X-Rule: ", "Content-Type: "}) CHECK(line(both[0], name) == line(both[1], name));
  CHECK(both[0].substr(both[0].find("\r\n\r\n")) == both[1].substr(both[1].find("\r\n\r\n")));
  broker.process().Signal(SIGTERM);
  CHECK(broker.process().Wait() == 0);
}
