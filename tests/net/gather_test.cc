// What several members of a cluster know together: brokers over real sockets, of which some do not answer.
#include <catch2/catch.hpp>

#include "net/api/joins.h"
#include "net/api/openapi_document.h"
#include "net/members_stage.h"
#include "support/threaded_server.h"

namespace notifyd {
namespace {

RawResponse Get(uint16_t port, const std::string& target, const std::string& method = "GET") {
  return Ask(port, RequestOf(method, target));
}

/// A port at which nobody listens.
uint16_t Nobody() {
  ThreadedServer gone([](Stream&, int) {});
  return gone.port();
}

/// That of the JSON text, and "(none)".
std::string At(const std::string& json, const std::string& pointer) {
  const Result<JsonTree> tree = JsonTree::Parse(json);
  INFO(json);
  REQUIRE(tree.ok());
  const std::optional<JsonTree::Value> value = tree->root().At(pointer);
  if (!value) return "(none)";
  return std::string(value->kind() == JsonTree::Kind::kString ? value->text() : value->raw());
}

/// Is the answer what the API's document says of this GET?
void CheckHeld(const std::string& path, const RawResponse& answer) {
  static const OpenApiDocument document;
  INFO(path << ": " << answer.status << " " << answer.body);
  REQUIRE(answer.status == 200);
  const YAML::Node schema = document.Response(path, "get", "200")["content"]["application/json"]["schema"];
  CHECK(document.Violations(schema, answer.body) == std::vector<std::string>());
}

/// `a` is asked: `b` leads and has `default`, `a` has `system`, and there are two more who do not answer.
struct Four {
  Four() {
    const Place at_b{Place::Kind::kThere, "b", "127.0.0.1:" + std::to_string(b.members_port)};
    a.places.SetOf(kDefaultNumber, at_b);
    b.places.SetOf(kSystemNumber, Place{Place::Kind::kThere, "a", "127.0.0.1:" + std::to_string(a.members_port)});
    a.board.of_each.totals.accepted = a.board.of_each.in_flight = 3;
    b.board.of_each.totals.accepted = b.board.of_each.in_flight = 5;
    a.board.of_each.states.scheduled = 2;
    b.board.of_each.states.scheduled = 4;
    const uint16_t nobody = Nobody();
    Member leader = NamedMember("b", b.members_port);
    leader.leading = true;
    a.places.SetMembers(
        {leader, NamedMember("gone", nobody), NamedMember("dead", nobody, false, /*alive=*/false), NamedMember("a", a.members_port, /*self=*/true)});
  }
  StagedBroker b{kHere, {.name = "b"}};
  StagedBroker a{kHere, {.name = "a"}};
};

TEST_CASE("gather: what goes over all namespaces is asked of each, and who does not answer is named") {
  Four four;
  const RawResponse list = Get(four.a.port, "/v1/notifies?namespaces=all");
  CheckHeld("/v1/notifies", list);
  CHECK(list.body == R"({"items":[],"next":null,"missing":["gone","dead"]})");
  CHECK(four.a.Came("list") == 1);  // system
  CHECK(four.b.Came("list") == 1);  // default
  const RawResponse stats = Get(four.a.port, "/v1/stats?namespaces=all");
  CHECK(At(stats.body, "/missing") == R"(["gone","dead"])");
  CHECK(At(stats.body, "/totals/accepted") == "8");
  CHECK(At(stats.body, "/states/scheduled") == "6");
  CHECK(At(stats.body, "/member") == "a");
  CHECK(Get(four.a.port, "/v1/notifies?namespaces=all&limit=x").status == 422);
  CHECK(Get(four.a.port, "/v1/stats?namespaces=all", "HEAD").status == 200);
  // Each shows figures of its own, though another one has `default`.
  const RawResponse metrics = Get(four.a.port, "/metrics");
  CHECK(metrics.status == 200);
  CHECK(metrics.body.find("notifyd_accepted_total 0") != std::string::npos);
}

TEST_CASE("gather: a namespace's figures are those of whoever serves it, its settings the leader's") {
  Four four;
  const RawResponse list = Get(four.a.port, "/v1/namespaces");
  CheckHeld("/v1/namespaces", list);
  CHECK(At(list.body, "/items/0/name") == "default");
  CHECK(At(list.body, "/items/0/member") == "b");
  CHECK(At(list.body, "/items/0/in_flight") == "5");
  CHECK(At(list.body, "/items/1/name") == "system");
  CHECK(At(list.body, "/items/1/member") == "a");
  CHECK(At(list.body, "/items/1/in_flight") == "3");
  CHECK(At(list.body, "/missing") == R"(["gone","dead"])");
  const RawResponse one = Get(four.a.port, "/v1/namespaces/default");
  CheckHeld("/v1/namespaces/{ns}", one);
  CHECK(At(one.body, "/in_flight") == "5");
  CHECK(At(one.body, "/missing") == "(none)");
  CHECK_FALSE(one.Header("ETag").empty());
  CHECK(Get(four.a.port, "/v1/namespaces?limit=0").status == 422);
  CHECK(Get(four.a.port, "/v1/namespaces/nobody").status == 404);
}

TEST_CASE("gather: of a namespace whose member does not answer there are no figures, and that member is named") {
  Four four;
  four.a.places.SetOf(kDefaultNumber, Place{Place::Kind::kThere, "gone", "127.0.0.1:1"});
  four.b.places.SetOf(kDefaultNumber, Place{Place::Kind::kThere, "gone", "127.0.0.1:1"});
  const RawResponse list = Get(four.a.port, "/v1/namespaces");
  CheckHeld("/v1/namespaces", list);
  CHECK(At(list.body, "/items/0/member") == "gone");
  CHECK(At(list.body, "/items/0/pending") == "null");
  CHECK(At(list.body, "/items/0/awake") == "null");
  CHECK(At(list.body, "/items/0/state") == "active");
  const RawResponse one = Get(four.a.port, "/v1/namespaces/default");
  CheckHeld("/v1/namespaces/{ns}", one);
  CHECK(At(one.body, "/pending") == "null");
  CHECK(At(one.body, "/missing") == R"(["gone"])");
  // While nobody has it, nobody is named.
  four.a.places.SetOf(kDefaultNumber, kMoving);
  four.b.places.SetOf(kDefaultNumber, kMoving);
  CHECK(At(Get(four.a.port, "/v1/namespaces/default").body, "/member") == "null");
}

TEST_CASE("gather: where the leader does not answer, namespaces are shown as this one knows them, and the leader is named") {
  Four four;
  Member leader = NamedMember("b", Nobody());
  leader.leading = true;
  four.a.places.SetMembers({leader, NamedMember("a", four.a.members_port, /*self=*/true)});
  const RawResponse list = Get(four.a.port, "/v1/namespaces");
  CheckHeld("/v1/namespaces", list);
  CHECK(At(list.body, "/items/1/in_flight") == "3");
  CHECK(At(list.body, "/items/0/pending") == "null");
  CHECK(At(list.body, "/missing") == R"(["b"])");
  const RawResponse cluster = Get(four.a.port, "/v1/cluster");
  CheckHeld("/v1/cluster", cluster);
  CHECK(At(cluster.body, "/moves") == "null");
  CHECK(At(cluster.body, "/missing") == R"(["b"])");
}

TEST_CASE("gather: the cluster is shown as the one that is asked sees it, with the leader's moves") {
  Four four;
  ClusterReport of_leader, own;
  of_leader.moves = {{WallTime{5}, kDefaultNumber, "a", "b"}};
  own.moves = {{WallTime{4}, kSystemNumber, "", "a"}};  // from when it led
  own.members = four.a.places.Members();
  four.b.SetReport(of_leader);
  four.a.SetReport(own);
  const RawResponse cluster = Get(four.a.port, "/v1/cluster");
  CheckHeld("/v1/cluster", cluster);
  CHECK(At(cluster.body, "/members/3/name") == "a");
  CHECK(At(cluster.body, "/moves/0/to") == "b");
  CHECK(At(cluster.body, "/moves/1") == "(none)");
  CHECK(At(cluster.body, "/missing") == "(none)");
  // Nobody leads: what was decided last is not known.
  four.a.places.SetMembers({NamedMember("a", four.a.members_port, /*self=*/true)});
  CHECK(At(Get(four.a.port, "/v1/cluster").body, "/moves") == "null");
  CHECK(Get(four.a.port, "/v1/cluster?x=1").status == 422);
}

TEST_CASE("gather: before a broker has seen who the members are what is asked of all of them waits, and is refused where that does not come") {
  StagedBroker a(kMoving, {.name = "a"});
  const std::string path = GENERATE(as<std::string>(), "/v1/cluster", "/v1/stats?namespaces=all", "/v1/notifies?namespaces=all");
  INFO(path);
  SECTION("it has seen them") {
    std::thread seen([&] {
      if (!a.places.WaitForWaiting()) return;
      Member self = NamedMember("a", a.members_port, /*self=*/true);
      self.leading = true;
      ClusterReport report;
      report.members = {self};
      a.SetReport(report);
      a.places.SetMembers({self});
      a.places.Set(kHere);
    });
    const RawResponse answer = Get(a.port, path);
    seen.join();
    CHECK(answer.status == 200);
    CHECK(At(answer.body, "/missing") == "(none)");
  }
  SECTION("the time is over") {
    std::thread over([&] {
      if (a.places.WaitForWaiting()) a.places.Set(kMoving);
    });
    CHECK(Get(a.port, path).status == 503);
    over.join();
  }
  SECTION("it ends before") {
    RawClient client(a.port, 0, 40);
    REQUIRE(client.Send(RequestOf("GET", path)));
    REQUIRE(a.places.WaitForWaiting());
    bool had = false;
    a.OnLoop([&](Api& api) { had = api.CutPassed(); });
    CHECK(had);
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 503);
    CHECK(answer.body.find("urn:notifyd:problem:stopping") != std::string::npos);
  }
}

TEST_CASE("gather: whoever has not answered by the end of the broker that is asked is named, instead of waited for") {
  std::atomic<int> asked{0};
  ThreadedServer silent([&](Stream& stream, int) {
    std::string head;
    if (!stream.ReadTo("\r\n\r\n", &head)) return;
    ++asked;
    stream.Drain();
  });
  StagedBroker a(kHere, {.name = "a"});
  a.places.SetMembers({NamedMember("silent", silent.port()), NamedMember("a", a.members_port, /*self=*/true)});
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(RequestOf("GET", "/v1/stats?namespaces=all")));
  REQUIRE(Until([&] { return asked > 0; }));
  bool had = false, has = true;
  a.OnLoop([&](Api& api) {
    had = api.CutPassed();
    has = api.CutPassed();
  });
  CHECK(had);
  CHECK_FALSE(has);
  const RawResponse stats = client.ReadResponse();
  CHECK(stats.status == 200);
  CHECK(At(stats.body, "/missing") == R"(["silent"])");
}

TEST_CASE("gather: /metrics?members=all has each member's, by a label, and who did not answer") {
  Four four;
  const RawResponse metrics = Get(four.a.port, "/metrics?members=all");
  CHECK(metrics.status == 200);
  CHECK(metrics.Header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"notifyd_cluster_member_answered{member=\"a\"} 1\n", "notifyd_cluster_member_answered{member=\"b\"} 1\n",
        "notifyd_cluster_member_answered{member=\"gone\"} 0\n", "notifyd_cluster_member_answered{member=\"dead\"} 0\n",
        "notifyd_accepted_total{member=\"a\"} ", "notifyd_accepted_total{member=\"b\"} ", "notifyd_build_info{member=\"b\",version=\""}) {
    INFO(line << "in\n" << metrics.body);
    CHECK(metrics.body.find(line) != std::string::npos);
  }
  // One head a family.
  CHECK(metrics.body.find("# TYPE notifyd_accepted_total counter") == metrics.body.rfind("# TYPE notifyd_accepted_total counter"));
  CHECK(Get(four.a.port, "/metrics?members=some").body.find("member=") == std::string::npos);
}

TEST_CASE("gather: the history of the process is asked of the leader, apart from others") {
  StagedBroker b{kHere, {.name = "b"}};
  StagedBroker a{kHere, {.name = "a"}};
  a.places.SetOf(kSystemNumber, Place{Place::Kind::kThere, "b", "127.0.0.1:" + std::to_string(b.members_port)});
  CHECK(Get(a.port, "/v1/history?series=rss_bytes,cpu").status == 200);
  CHECK(a.Came("figures") == 0);
  CHECK(b.Came("figures") == 1);
  CHECK(Get(a.port, "/v1/history?series=accepted").status == 200);
  CHECK(a.Came("figures") == 1);
  const RawResponse both = Get(a.port, "/v1/history?series=accepted,cpu");
  CHECK(both.status == 422);
  CHECK(At(both.body, "/field") == "/series");
  CHECK(a.Came("figures") == 1);
}

TEST_CASE("gather: whoever asks is told which member he asked") {
  StagedBroker a{kHere, {.name = "a"}};
  const RawResponse who = Get(a.port, "/v1/whoami");
  CheckHeld("/v1/whoami", who);
  CHECK(At(who.body, "/member") == "a");
}

Gathered Of(const std::vector<std::string>& bodies, std::vector<std::string> missing = {}) {
  Gathered gathered;
  for (size_t i = 0; i < bodies.size(); ++i) gathered.answers.push_back({std::string(1, static_cast<char>('a' + i)), bodies[i]});
  gathered.missing = std::move(missing);
  return gathered;
}

TEST_CASE("gather: sums and pages are put together") {
  const std::string one = R"({"pid":1,"pending":3,"totals":{"accepted":5,"failed":0},"loaded":{"notifies":1},"store":{"x":1}})";
  const std::string two = R"({"pid":2,"pending":4,"totals":{"accepted":6,"failed":1},"loaded":{"notifies":2},"store":{"x":7}})";
  CHECK(JoinStats(Of({one, two})) == R"({"pid":1,"pending":7,"totals":{"accepted":11,"failed":1},"loaded":{"notifies":3},"store":{"x":1}})");
  CHECK(JoinStats(Of({one}, {"c"})) == one.substr(0, one.size() - 1) + R"(,"missing":["c"]})");
  CHECK_FALSE(JoinStats(Of({one, R"({"pid":2})"})));
  const std::string held = R"({"pid":1,"states":{"held":1}})";
  CHECK(JoinStats(Of({held, R"({"pid":2,"states":{"held":2}})"})) == R"({"pid":1,"states":{"held":3}})");
  CHECK(JoinStats(Of({held, R"({"pid":2})"})) == R"({"pid":1})");
  CHECK_FALSE(JoinStats(Of({one, "nonsense"})));
  CHECK_FALSE(JoinStats(Of({})));
  const auto item = [](const std::string& id, const std::string& at) { return R"({"id":")" + id + R"(","created_at":")" + at + R"("})"; };
  const std::string late = item("n2", "2026-01-01T00:00:02.000Z"), early = item("n1", "2026-01-01T00:00:01.000Z"),
                    same = item("n3", "2026-01-01T00:00:01.000Z");
  const std::string x = R"({"items":[)" + late + "," + early + R"(],"next":null})", y = R"({"items":[)" + same + R"(],"next":null})";
  CHECK(JoinLists(Of({x, y}), 10) == R"({"items":[)" + late + "," + same + "," + early + R"(],"next":null})");
  CHECK(JoinLists(Of({x, y}), 2) == R"({"items":[)" + late + "," + same + R"(],"next":"1767225601000-n3"})");
  CHECK(JoinLists(Of({x, R"({"items":[],"next":"1-n1"})"}), 2) == R"({"items":[)" + late + "," + early + R"(],"next":"1-n1"})");
  // A page that ends early: what the others have behind its end comes with what it has there.
  CHECK(JoinLists(Of({x, R"({"items":[)" + item("n9", "2026-01-01T00:00:03.000Z") + R"(],"next":"1767225603000-n9"})"}), 10) ==
        R"({"items":[)" + item("n9", "2026-01-01T00:00:03.000Z") + R"(],"next":"1767225603000-n9"})");
  CHECK(JoinLists(Of({x, R"({"items":[)" + same + R"(],"next":"1767225601000-n3"})"}), 10) ==
        R"({"items":[)" + late + "," + same + R"(],"next":"1767225601000-n3"})");
  CHECK_FALSE(JoinLists(Of({x, R"({"items":[],"next":"nonsense"})"}), 2));
  CHECK_FALSE(JoinLists(Of({x, "{}"}), 2));
  CHECK_FALSE(JoinLists(Of({R"({"items":[{}],"next":null})"}), 2));
}

TEST_CASE("gather: answers that are none of their kind make none") {
  for (const char* bad : {"nonsense", "[]", R"({"items":7})"}) {
    INFO(bad);
    CHECK_FALSE(JoinNamespaces(Of({R"({"items":[],"next":null})", bad})));
  }
  CHECK_FALSE(JoinNamespace(Of({"[]"})));
  CHECK_FALSE(JoinCluster(Of({R"({"moves":[]})", "7"}), "b"));
  CHECK_FALSE(JoinMetrics(Of({"no_head 1\n"})));
}

TEST_CASE("gather: metrics are labelled in front of other labels, whatever a member is called") {
  Gathered gathered =
      Of({"# HELP x Of x.\n# TYPE x counter\nx 1\n# HELP y Of y.\n# TYPE y gauge\ny{l=\"}\"} 2\n", "# HELP x Of x.\n# TYPE x counter\nx 3"});
  gathered.answers[0].member = "a\"\\";
  CHECK(JoinMetrics(gathered) ==
        "# HELP notifyd_cluster_member_answered Whether a member of the cluster gave its metrics: 1 or 0.\n"
        "# TYPE notifyd_cluster_member_answered gauge\n"
        "notifyd_cluster_member_answered{member=\"a\\\"\\\\\"} 1\nnotifyd_cluster_member_answered{member=\"b\"} 1\n"
        "# HELP x Of x.\n# TYPE x counter\nx{member=\"a\\\"\\\\\"} 1\nx{member=\"b\"} 3\n"
        "# HELP y Of y.\n# TYPE y gauge\ny{member=\"a\\\"\\\\\",l=\"}\"} 2\n");
}

}  // namespace
}  // namespace notifyd
