// Real brokers on two real PostgreSQLs, one of which is a cell of the store: a namespace is made in it, served, taken over, and answers 503 while its
// cell is away, which nobody else notices.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/crash_point.h"
#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"
#include "support/postgres_server.h"
#include "support/slowness.h"
#include "support/sockets.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

constexpr const char* kInEast = R"({"cell":"east","destinations":{"allow":["127.0.0.0/8"]}})";
constexpr const char* kAtHome = R"({"destinations":{"allow":["127.0.0.0/8"]}})";

/// Brokers on one store with the cell "east".
class Store {
 public:
  Store() { NameCell(true); }
  /// Brokers that begin from now on have it in their file, or not.
  void NameCell(bool named) {
    std::ofstream to(file());
    if (named) to << "[store.postgres.cells]\neast = \"" << east_.dsn() << "\"\n";
  }
  std::unique_ptr<Broker> Begin(const std::string& directory, const std::string& member = "", const std::string& crash_at = "",
                                const std::string& schema = "") {
    std::vector<std::string> settings = {
        "--config", file(), "--store-engine", "postgres", "--store-postgres-dsn", home_.dsn(), "--store-postgres-connections", "1"};
    if (!schema.empty()) settings.insert(settings.end(), {"--store-postgres-schema", schema});
    if (!member.empty()) {
      const std::string address = "127.0.0.1:" + std::to_string(ClosedPort());
      settings.insert(settings.end(), {"--cluster-advertise", address, "--cluster-insecure", "true", "--cluster-name", member});
    }
    std::vector<std::string> environment;
    if (!crash_at.empty()) environment.push_back(std::string(kCrashVariable) + "=" + crash_at);
    return std::make_unique<Broker>(directory, settings, NOTIFYD_BINARY, environment);
  }
  PostgresServer& east() { return east_; }

 private:
  std::string file() const { return directory_.path() + "/notifyd.toml"; }
  TempDir directory_;
  PostgresServer home_, east_;
};

HttpAnswer Ask(Broker& broker, const std::string& method, const std::string& path, const std::string& body = "") {
  HttpClient client(broker.url());
  Result<HttpAnswer> answer = client.Call(method, path, body.empty() ? nullptr : &body);
  return answer.ok() ? *std::move(answer) : HttpAnswer();
}

bool Becomes(int status, Broker& broker, const std::string& method, const std::string& path, const std::string& body = "") {
  return Await([&] { return Ask(broker, method, path, body).status == status; });
}

bool AllArrive(CountingReceiver& receiver, const std::set<std::string>& ids) {
  return Await([&] {
    std::set<std::string> arrived;
    for (const Delivery& delivery : receiver.deliveries()) arrived.insert(delivery.id);
    return arrived == ids;
  });
}

}  // namespace

TEST_CASE("postgres cells: one broker makes a namespace in a cell, keeps it over a kill, and answers 503 for it alone while the cell is away") {
  Store store;
  TempDir place;
  CountingReceiver receiver;
  const std::string notify = R"({"url":")" + receiver.url() + R"("})";
  std::unique_ptr<Broker> broker = store.Begin(place.path());
  // It listens before it has its store.
  REQUIRE(Becomes(200, *broker, "GET", "/readyz"));
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/far", kInEast).status == 201);
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/near", kAtHome).status == 201);
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/none", R"({"cell":"south"})").status == 422);
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/default", R"({"cell":"east"})").status == 409);
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/far", kAtHome).status == 200);  // says nothing of it
  CHECK(JsonAt(Ask(*broker, "GET", "/v1/namespaces/far").body, "/settings/cell") == "east");
  CHECK(JsonAt(Ask(*broker, "GET", "/v1/namespaces/near").body, "/settings/cell") == "null");
  std::set<std::string> ids;
  const auto submit = [&](const std::string& space) {
    const HttpAnswer answer = Ask(*broker, "POST", "/v1/namespaces/" + space + "/notifies", notify);
    REQUIRE(answer.status == 201);
    ids.insert(JsonAt(answer.body, "/id"));
  };
  receiver.Withhold();
  submit("far");
  submit("near");
  REQUIRE(receiver.WaitForWithheld(2));
  broker->process().Signal(SIGKILL);
  broker->process().Wait();
  receiver.Release();
  broker = store.Begin(place.path());
  // It waits until the lease of the one before is over.
  REQUIRE(Becomes(200, *broker, "GET", "/v1/namespaces/far"));
  CHECK(AllArrive(receiver, ids));
  submit("far");
  submit("near");
  CHECK(AllArrive(receiver, ids));

  store.east().Kill();
  CHECK(Await([&] {
    const HttpAnswer answer = Ask(*broker, "POST", "/v1/namespaces/far/notifies", notify);
    return answer.status == 503 && JsonAt(answer.body, "/detail") == "the cell of the namespace is not reached";
  }));
  submit("near");
  store.east().Start();
  // Which of those that were refused are written after all is not known here.
  CHECK(Becomes(201, *broker, "POST", "/v1/namespaces/far/notifies", notify));
  CHECK(Ask(*broker, "DELETE", "/v1/namespaces/far?discard_pending=true").status == 202);
  CHECK(Becomes(404, *broker, "GET", "/v1/namespaces/far"));
}

TEST_CASE("postgres cells: a namespace that is to go with what is pending in it does not wait for a cell that is away") {
  Store store;
  TempDir place;
  std::unique_ptr<Broker> broker = store.Begin(place.path());
  REQUIRE(Becomes(200, *broker, "GET", "/readyz"));
  CHECK(Ask(*broker, "PUT", "/v1/namespaces/far", kInEast).status == 201);
  store.east().Kill();
  CHECK(Becomes(503, *broker, "POST", "/v1/namespaces/far/notifies", R"({"url":"http://127.0.0.1:9/"})"));
  CHECK(Ask(*broker, "DELETE", "/v1/namespaces/far?discard_pending=true").status == 202);
  CHECK(Ask(*broker, "POST", "/v1/namespaces/far/notifies", R"({"url":"http://127.0.0.1:9/"})").status / 100 == 4);
  store.east().Start();
  CHECK(Becomes(404, *broker, "GET", "/v1/namespaces/far"));
}

TEST_CASE("postgres cells: one whose server stands still and ends no connection is not reached, for whoever writes or reads") {
  Store store;
  TempDir places[2];
  const std::string later = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";
  std::unique_ptr<Broker> writes = store.Begin(places[0].path(), "", "", "w"), reads = store.Begin(places[1].path(), "", "", "r");
  for (Broker* each : {writes.get(), reads.get()}) {
    REQUIRE(Becomes(200, *each, "GET", "/readyz"));
    CHECK(Ask(*each, "PUT", "/v1/namespaces/far", kInEast).status == 201);
    CHECK(Ask(*each, "PUT", "/v1/namespaces/near", kAtHome).status == 201);
    CHECK(Ask(*each, "POST", "/v1/namespaces/far/notifies", later).status == 201);
  }
  const auto is_not_reached = [](const HttpAnswer& answer) {
    return answer.status == 503 && JsonAt(answer.body, "/detail") == "the cell of the namespace is not reached";
  };
  store.east().Signal(SIGSTOP);
  CHECK(Await([&] { return is_not_reached(Ask(*writes, "POST", "/v1/namespaces/far/notifies", later)); }));
  CHECK(is_not_reached(Ask(*writes, "GET", "/v1/namespaces/far/notifies")));
  // A read that waits goes on waiting; those that come behind it are told.
  std::thread first([&] { Ask(*reads, "GET", "/v1/namespaces/far/notifies"); });
  CHECK(Await([&] { return Ask(*reads, "GET", "/metrics").body.find("notifyd_store_cells_lost 1\n") != std::string::npos; }));
  CHECK(is_not_reached(Ask(*reads, "GET", "/v1/namespaces/far/notifies")));
  for (Broker* each : {writes.get(), reads.get()}) CHECK(Ask(*each, "POST", "/v1/namespaces/near/notifies", later).status == 201);
  store.east().Signal(SIGCONT);
  first.join();
  for (Broker* each : {writes.get(), reads.get()}) CHECK(Becomes(201, *each, "POST", "/v1/namespaces/far/notifies", later));
}

TEST_CASE("postgres cells: a stop answers whoever waits for a cell that stands still, and does not wait for it itself") {
  const bool members = GENERATE(false, true);
  Store store;
  TempDir places[2];
  const std::string path = "/v1/namespaces/far/notifies", later = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";
  std::unique_ptr<Broker> broker = store.Begin(places[0].path(), members ? "a" : ""), other;
  REQUIRE(Await([&] { return Ask(*broker, "PUT", "/v1/namespaces/far", kInEast).status / 100 == 2; }));
  HttpAnswer kept;
  REQUIRE(Await([&] { return (kept = Ask(*broker, "POST", path, later)).status == 201; }));
  // What is made before there is another one is the first one's.
  if (members) other = store.Begin(places[1].path(), "b");
  if (members) REQUIRE(Await([&] { return JsonAt(Ask(*broker, "GET", "/v1/cluster").body, "/members/1/alive") == "true"; }));
  store.east().Signal(SIGSTOP);
  const std::string one = path + "/" + JsonAt(kept.body, "/id");
  const std::string keyed = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000,"idempotency_key":"k"})";
  HttpAnswer answers[3];
  std::vector<std::thread> clients;
  clients.emplace_back([&] { answers[0] = Ask(*broker, "GET", one); });
  clients.emplace_back([&] { answers[1] = Ask(*broker, "GET", path); });
  clients.emplace_back([&] { answers[2] = Ask(*broker, "POST", path, keyed); });
  CHECK(Await([&] { return JsonAt(Ask(*broker, "POST", path, later).body, "/detail") == "the cell of the namespace is not reached"; }));
  const auto begun = std::chrono::steady_clock::now();
  broker->process().Signal(SIGTERM);
  for (std::thread& client : clients) client.join();
  CHECK(std::chrono::steady_clock::now() - begun < AtMostSeconds(10));
  // None was closed without an answer, which would be a status of 0.
  for (int i : {0, 1}) CHECK(answers[i].status == 503);
  CHECK((answers[2].status == 503 || answers[2].status == 504));
  broker->process().Wait();
  // Its grace is 30 s.
  CHECK(std::chrono::steady_clock::now() - begun < AtMostSeconds(25));
  store.east().Signal(SIGCONT);
}

TEST_CASE("postgres cells: a namespace in a cell is taken over from a member that is killed, with all that was acknowledged") {
  Store store;
  TempDir places[2];
  CountingReceiver receiver;
  const std::string notify = R"({"url":")" + receiver.url() + R"("})";
  std::unique_ptr<Broker> a = store.Begin(places[0].path(), "a"), b = store.Begin(places[1].path(), "b");
  REQUIRE(Await([&] { return Ask(*a, "PUT", "/v1/namespaces/far", kInEast).status / 100 == 2; }));
  std::set<std::string> ids;
  const auto submit = [&](Broker& at) {
    HttpAnswer answer;
    REQUIRE(Await([&] { return (answer = Ask(at, "POST", "/v1/namespaces/far/notifies", notify)).status == 201; }));
    ids.insert(JsonAt(answer.body, "/id"));
  };
  submit(*a);
  submit(*b);
  REQUIRE(receiver.WaitFor(2));
  const std::string report = Ask(*a, "GET", "/v1/cluster").body;
  std::string owner;
  for (int i = 0; owner.empty(); ++i) {
    const std::string at = "/namespaces/" + std::to_string(i);
    REQUIRE(!JsonAt(report, at + "/name").empty());
    if (JsonAt(report, at + "/name") != "far") continue;
    owner = JsonAt(report, at + "/owner");
    CHECK(JsonAt(report, at + "/cell") == "east");
  }
  receiver.Withhold();
  submit(*a);
  REQUIRE(receiver.WaitForWithheld(1));
  std::unique_ptr<Broker>&victim = owner == "a" ? a : b, &other = owner == "a" ? b : a;
  victim->process().Signal(SIGKILL);
  victim->process().Wait();
  receiver.Release();
  submit(*other);
  CHECK(AllArrive(receiver, ids));
}

TEST_CASE("postgres cells: one that is away when its broker begins takes what is made in it once it is there") {
  Store store;
  TempDir place;
  store.east().Kill();
  std::unique_ptr<Broker> broker = store.Begin(place.path());
  REQUIRE(Becomes(200, *broker, "GET", "/readyz"));
  store.east().Start();
  REQUIRE(Ask(*broker, "PUT", "/v1/namespaces/far", kInEast).status == 201);
  CHECK(Becomes(201, *broker, "POST", "/v1/namespaces/far/notifies", R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})"));
}

TEST_CASE("postgres cells: what is drained off a member while its cell is away is refused in words, and goes once the cell is back") {
  Store store;
  TempDir places[2];
  CountingReceiver receiver;
  const std::string notify = R"({"url":")" + receiver.url() + R"("})", path = "/v1/namespaces/far/notifies";
  std::unique_ptr<Broker> a = store.Begin(places[0].path(), "a"), b = store.Begin(places[1].path(), "b");
  REQUIRE(Await([&] { return Ask(*a, "PUT", "/v1/namespaces/far", kInEast).status / 100 == 2; }));
  receiver.Withhold();
  REQUIRE(Becomes(201, *a, "POST", path, notify));
  REQUIRE(receiver.WaitForWithheld(1));
  std::string owner, placed;
  const auto look = [&] {
    const std::string report = Ask(*a, "GET", "/v1/cluster").body;
    for (int i = 0; i < 8; ++i) {
      const std::string at = "/namespaces/" + std::to_string(i);
      if (JsonAt(report, at + "/name") != "far") continue;
      owner = JsonAt(report, at + "/owner");
      placed = JsonAt(report, at + "/placed");
    }
  };
  REQUIRE(Await([&] {
    look();
    return !owner.empty() && owner == placed;
  }));
  const std::string had = owner, other = had == "a" ? "b" : "a";
  Broker& asked = other == "a" ? *a : *b;
  const auto said = [&] {
    const HttpAnswer answer = Ask(asked, "POST", path, notify);
    CHECK(answer.status == 503);
    return JsonAt(answer.body, "/detail");
  };
  store.east().Kill();
  // Before it is known one that was taken may have no answer.
  REQUIRE(Await([&] { return JsonAt(Ask(asked, "POST", path, notify).body, "/detail") == "the cell of the namespace is not reached"; }));
  REQUIRE(Becomes(204, asked, "POST", "/v1/cluster/members/" + had + "/drain", "{}"));
  REQUIRE(Await([&] {
    look();
    return placed == other;
  }));
  for (int i = 0; i < 20; ++i) {
    CHECK(said() == "the cell of the namespace is not reached");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  receiver.Release();
  store.east().Start();
  CHECK(Await([&] {
    look();
    return owner == other;
  }));
  CHECK(Becomes(201, asked, "POST", path, notify));
}

TEST_CASE("postgres cells: a cell to which a namespace is to move must stay, and where it is not set all the same the log says so") {
  Store store;
  TempDir place;
  std::unique_ptr<Broker> broker = store.Begin(place.path());
  REQUIRE(Becomes(200, *broker, "GET", "/readyz"));
  REQUIRE(Ask(*broker, "PUT", "/v1/namespaces/near", kAtHome).status == 201);
  store.east().Kill();
  REQUIRE(Becomes(200, *broker, "PATCH", "/v1/namespaces/near", R"({"cell":"east"})"));
  store.NameCell(false);
  broker->process().Signal(SIGHUP);
  CHECK(broker->process().WaitForError("settings not reloaded, all stay as they were"));
  CHECK(broker->process().error().find("in the cell east, which must stay, or are to move there") != std::string::npos);
  broker->process().Signal(SIGTERM);
  broker->process().Wait();
  broker = store.Begin(place.path());
  CHECK(broker->process().WaitForError("a namespace is to move to a cell that is not set"));
  CHECK(Becomes(200, *broker, "GET", "/v1/namespaces/near/lanes"));
}

TEST_CASE("postgres cells: a broker that has the store alone does not start where a namespace lies in a cell that its file does not name") {
  Store store;
  TempDir place;
  std::unique_ptr<Broker> broker = store.Begin(place.path());
  REQUIRE(Becomes(200, *broker, "GET", "/readyz"));
  REQUIRE(Ask(*broker, "PUT", "/v1/namespaces/far", kInEast).status == 201);
  const std::string later = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";
  const std::string id = JsonAt(Ask(*broker, "POST", "/v1/namespaces/far/notifies", later).body, "/id");
  REQUIRE(!id.empty());
  store.NameCell(false);
  // Nor is it replaced by one that would not start.
  broker->process().Signal(SIGUSR1);
  CHECK(broker->process().WaitForError("no restart, going on as before"));
  CHECK(broker->process().error().find("namespaces lie in the cell east, which must stay") != std::string::npos);
  broker->process().Signal(SIGTERM);
  REQUIRE(broker->process().Wait() == 0);
  std::string said;
  try {
    broker = store.Begin(place.path());
    CHECK(broker->process().Wait() == 2);
    said = broker->process().error();
  } catch (const std::runtime_error& does_not_listen) {
    said = does_not_listen.what();
  }
  INFO(said);
  CHECK(said.find("the namespace far lies in the cell east, which store.postgres.cells does not name") != std::string::npos);
  store.NameCell(true);
  broker = store.Begin(place.path());
  CHECK(Becomes(200, *broker, "GET", "/v1/namespaces/far/notifies/" + id));
  CHECK(JsonAt(Ask(*broker, "POST", "/v1/namespaces/far/notifies", later).body, "/id") != id);
}

TEST_CASE(
    "postgres cells: what lies in a cell is not given to a member whose file does not name it, and has nothing of it but 503 where there is none "
    "else") {
  Store store;
  TempDir places[2];
  // Whoever begins first leads, and knows the cell.
  std::unique_ptr<Broker> a = store.Begin(places[0].path(), "a");
  REQUIRE(Becomes(200, *a, "GET", "/readyz"));
  store.NameCell(false);
  std::unique_ptr<Broker> b = store.Begin(places[1].path(), "b");
  const auto members = [&](const std::string& count) {
    return Await([&] { return Ask(*a, "GET", "/metrics").body.find("notifyd_cluster_members " + count + "\n") != std::string::npos; });
  };
  REQUIRE(members("2"));
  // As long as that one lives nothing comes to lie there.
  CHECK(Becomes(409, *a, "PUT", "/v1/namespaces/far0", kInEast));
  CHECK(Ask(*a, "PUT", "/v1/namespaces/near", kAtHome).status == 201);
  CHECK(Becomes(409, *a, "PATCH", "/v1/namespaces/near", R"({"cell":"east"})"));
  const auto stop = [](Broker& broker) {
    broker.process().Signal(SIGTERM);
    REQUIRE(broker.process().Wait() == 0);
  };
  stop(*b);
  const std::string later = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";
  std::map<std::string, std::set<std::string>> taken;
  const auto path_of = [](int i) { return "/v1/namespaces/far" + std::to_string(i) + "/notifies"; };
  const auto submit = [&](Broker& broker, int i) {
    HttpAnswer answer;
    REQUIRE(Await([&] { return (answer = Ask(broker, "POST", path_of(i), later)).status == 201; }));
    CHECK(taken[path_of(i)].insert(JsonAt(answer.body, "/id")).second);
  };
  for (int i = 0; i < 4; ++i) {
    REQUIRE(Await([&] { return Ask(*a, "PUT", "/v1/namespaces/far" + std::to_string(i), kInEast).status / 100 == 2; }));
    submit(*a, i);
  }
  b = store.Begin(places[1].path(), "b");
  REQUIRE(members("2"));
  for (int i = 0; i < 4; ++i) submit(*b, i);

  stop(*a);
  for (int i = 0; i < 4; ++i) {
    CHECK(Await([&] {
      const HttpAnswer answer = Ask(*b, "POST", path_of(i), later);
      REQUIRE(answer.status != 201);
      return JsonAt(answer.body, "/detail") == "the namespace lies in the cell east, which the settings of the broker that serves it do not name";
    }));
  }
  CHECK(Becomes(201, *b, "POST", "/v1/namespaces/near/notifies", later));
  store.NameCell(true);
  a = store.Begin(places[0].path(), "a");
  for (int i = 0; i < 4; ++i) {
    submit(*b, i);
    for (const std::string& id : taken[path_of(i)]) CHECK(Becomes(200, *a, "GET", path_of(i) + "/" + id));
  }
}

/// A namespace under load that goes to another cell, while the broker may die at any time.
class Moving {
 public:
  Moving(Store* store, const std::string& crash_at, size_t pending, const std::string& schema = "")
      : store_(*store), schema_(schema), broker_(store_.Begin(place_.path(), "", crash_at, schema_)) {
    settings_ = R"("destinations":{"allow":["127.0.0.0/8"]})";
    REQUIRE(Ask(*broker_, "PUT", "/v1/namespaces/team", "{" + settings_ + "}").status == 201);
    for (size_t i = 0; i < pending; ++i) Submit(false);
    for (int i = 0; i < 5; ++i) Submit(true);
  }
  /// In a fifo lane, each body larger than the one before; `now`: not only in an hour.
  void Submit(bool now) {
    const std::string notify =
        now ? R"({"url":")" + receiver_.url() + R"(","mode":"fifo","lane":"l","idempotency_key":"k)" + std::to_string(next_) + R"(","data":)" +
                  std::to_string(next_) + "}"
            : R"({"url":")" + receiver_.url() + R"(","delay_ms":3600000,"idempotency_key":"k)" + std::to_string(next_) + R"("})";
    HttpAnswer answer;
    for (bool first = true; answer.status != 201 && answer.status != 200; first = false) {
      if (!first) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      BeginAgain();
      answer = Ask(*broker_, "POST", "/v1/namespaces/team/notifies", notify);
    }
    ++next_;
    if (now) lane_.push_back(JsonAt(answer.body, "/id"));
    else later_.push_back(JsonAt(answer.body, "/id"));
  }
  /// Where it died.
  void BeginAgain() {
    if (!broker_->process().running()) broker_ = store_.Begin(place_.path(), "", "", schema_);
  }
  bool MoveTo(const std::string& cell) {
    return Await([&] { return Ask(*broker_, "PATCH", "/v1/namespaces/team", R"({"cell":")" + cell + R"("})").status == 200; });
  }
  /// Submitting on; begins the broker again where it died.
  bool ArrivesIn(const std::string& cell) {
    return Await([&] {
      Submit(true);
      const HttpAnswer answer = Ask(*broker_, "GET", "/v1/namespaces/team");
      const std::string in = JsonAt(answer.body, "/settings/cell");
      return answer.status == 200 && JsonAt(answer.body, "/moving/to").empty() && (in == "null" ? "home" : in) == cell;
    });
  }
  /// Each that was acknowledged came in the order of its lane, or is still there.
  void Check() {
    for (int i = 0; i < 3; ++i) Submit(true);
    CHECK(Await([&] {
      std::set<std::string> arrived;
      for (const Delivery& delivery : receiver_.deliveries()) arrived.insert(delivery.id);
      return std::all_of(lane_.begin(), lane_.end(), [&](const std::string& id) { return arrived.contains(id); });
    }));
    std::vector<std::string> order;
    for (const Delivery& delivery : receiver_.deliveries())
      if (std::find(order.begin(), order.end(), delivery.id) == order.end()) order.push_back(delivery.id);
    CHECK(order == lane_);
    for (const std::string& id : later_) {
      const HttpAnswer answer = Ask(*broker_, "GET", "/v1/namespaces/team/notifies/" + id);
      CHECK(JsonAt(answer.body, "/state") == "scheduled");
    }
    const HttpAnswer stats = Ask(*broker_, "GET", "/v1/namespaces/team/stats");
    INFO(stats.body);
    CHECK(JsonAt(stats.body, "/totals/accepted") == std::to_string(lane_.size() + later_.size()));
    CHECK(Await([&] { return JsonAt(Ask(*broker_, "GET", "/v1/namespaces/team/stats").body, "/pending") == std::to_string(later_.size()); }));
  }
  Broker& broker() { return *broker_; }
  size_t deliveries() { return receiver_.count(); }
  size_t sent() const { return lane_.size(); }

 private:
  Store& store_;
  const std::string schema_;
  TempDir place_;
  CountingReceiver receiver_;
  std::unique_ptr<Broker> broker_;
  std::string settings_;
  std::vector<std::string> lane_, later_;
  int next_ = 0;
};

TEST_CASE("postgres cells: a namespace goes to another cell and back under load, and loses and repeats nothing") {
  Store store;
  Moving moving(&store, "", 200);
  REQUIRE(moving.MoveTo("east"));
  REQUIRE(moving.ArrivesIn("east"));
  moving.Check();
  CHECK(moving.deliveries() == moving.sent());
  REQUIRE(moving.MoveTo("home"));
  REQUIRE(moving.ArrivesIn("home"));
  moving.Check();
  CHECK(moving.deliveries() == moving.sent());
}

TEST_CASE("postgres cells: a broker that dies at any step of a move goes on, or begins anew, with all that was acknowledged") {
  Store store;
  std::map<std::string, std::unique_ptr<Moving>> all;
  for (const char* point : kCrashPointNames)
    if (std::string_view(point).starts_with("cell.")) all[point] = std::make_unique<Moving>(&store, point, 20, "s" + std::to_string(all.size()));
  for (const auto& [point, moving] : all) REQUIRE(moving->MoveTo("east"));
  // Their leases run out at once.
  for (const auto& [point, moving] : all) {
    INFO(point);
    REQUIRE(Await([&] { return !moving->broker().process().running(); }));
    moving->BeginAgain();
  }
  for (const auto& [point, moving] : all) {
    INFO(point);
    REQUIRE(moving->ArrivesIn("east"));
    moving->Check();
  }
}

TEST_CASE("postgres cells: a move waits for a cell that is away, is called off meanwhile, and a namespace is removed while it moves") {
  Store store;
  Moving moving(&store, "", 5);
  store.east().Kill();
  REQUIRE(moving.MoveTo("east"));
  CHECK(Await(
      [&] { return JsonAt(Ask(moving.broker(), "GET", "/v1/namespaces/team").body, "/moving/waits_for").find("not reached") != std::string::npos; }));
  moving.Submit(true);
  REQUIRE(moving.MoveTo("home"));
  CHECK(JsonAt(Ask(moving.broker(), "GET", "/v1/namespaces/team").body, "/moving/to").empty());
  moving.Check();
  REQUIRE(moving.MoveTo("east"));
  CHECK(Ask(moving.broker(), "DELETE", "/v1/namespaces/team?discard_pending=true").status == 202);
  CHECK(Becomes(404, moving.broker(), "GET", "/v1/namespaces/team"));
}

TEST_CASE("postgres cells: of several members the leader moves it, and another one goes on where that is killed") {
  Store store;
  TempDir places[2];
  CountingReceiver receiver;
  const std::string notify = R"({"url":")" + receiver.url() + R"("})";
  std::unique_ptr<Broker> a = store.Begin(places[0].path(), "a", "cell.departed");
  REQUIRE(Await([&] { return Ask(*a, "PUT", "/v1/namespaces/team", kAtHome).status / 100 == 2; }));
  std::unique_ptr<Broker> b = store.Begin(places[1].path(), "b");
  std::set<std::string> ids;
  const auto submit = [&](Broker& at) {
    HttpAnswer answer;
    REQUIRE(Await([&] { return (answer = Ask(at, "POST", "/v1/namespaces/team/notifies", notify)).status == 201; }));
    ids.insert(JsonAt(answer.body, "/id"));
  };
  submit(*a);
  submit(*b);
  REQUIRE(Await([&] { return Ask(*b, "PATCH", "/v1/namespaces/team", R"({"cell":"east"})").status == 200; }));
  REQUIRE(Await([&] { return !a->process().running(); }));
  submit(*b);
  CHECK(Await([&] { return JsonAt(Ask(*b, "GET", "/v1/namespaces/team").body, "/settings/cell") == "east"; }));
  submit(*b);
  CHECK(AllArrive(receiver, ids));
}

}  // namespace notifyd::test
