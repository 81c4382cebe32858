// Several real brokers on one real PostgreSQL: namespaces spread over them, one that is killed, one that is drained.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/await.h"
#include "cli/cluster_stage.h"
#include "cli/e2e_broker.h"
#include "net/access/content_digest.h"
#include "net/access/signed_head.h"
#include "net/access/token.h"
#include "support/beanstalkd_client.h"
#include "support/certificates.h"
#include "support/counting_receiver.h"
#include "support/postgres_server.h"
#include "support/raw_client.h"
#include "support/sockets.h"

#include <catch2/catch.hpp>

namespace notifyd::test {

TEST_CASE(
    "postgres cluster: namespaces are spread, any member answers, and those of one that is killed go on at others with all that was acknowledged") {
  Cluster cluster({"a", "b", "c"});
  CountingReceiver receiver;
  REQUIRE(Await([&] { return !cluster.Of("c", "name").empty(); }));
  const std::vector<std::string> spaces = {"s1", "s2", "s3", "s4", "s5", "s6"};
  for (const std::string& space : spaces) cluster.Make(space);
  std::set<std::string> used;
  for (const std::string& space : spaces) {
    std::string owner;
    REQUIRE(Await([&] { return (owner = cluster.OwnerOf(space)) != "null"; }));
    used.insert(owner);
  }
  CHECK(used.size() == 3);

  const std::string notify = R"({"url":")" + receiver.url() + R"("})";
  std::set<std::string> acknowledged;
  for (int i = 0; i < 3; ++i)
    for (const std::string& space : spaces) acknowledged.insert(cluster.Submit(space, notify));
  // Whoever leads is killed, with calls in flight.
  receiver.Withhold();
  for (const std::string& space : spaces) acknowledged.insert(cluster.Submit(space, notify));
  REQUIRE(receiver.WaitForWithheld(1));
  const std::string victim = cluster.Leader();
  cluster.Kill(victim);
  receiver.Release();
  for (const std::string& space : spaces) acknowledged.insert(cluster.Submit(space, notify));
  CHECK(Await([&] {
    std::set<std::string> arrived;
    for (const Delivery& delivery : receiver.deliveries()) arrived.insert(delivery.id);
    return arrived == acknowledged;
  }));
  CHECK(cluster.Leader() != victim);
  for (const std::string& space : spaces) CHECK(cluster.OwnerOf(space) != victim);
}

TEST_CASE("postgres cluster: a member that is drained hands its namespaces over: a fifo lane goes on in order, each once") {
  Cluster cluster({"a", "b"});
  CountingReceiver receiver;
  REQUIRE(Await([&] { return !cluster.Of("b", "name").empty(); }));
  const std::string leader = cluster.Leader(), other = leader == "a" ? "b" : "a";
  cluster.Make("s1");
  cluster.Make("s2");
  REQUIRE(Await([&] { return cluster.Of(other, "namespaces") != "0"; }));
  CHECK(cluster.Ask("a", "POST", "/v1/cluster/members/nobody/drain").status == 404);
  CHECK(cluster.Ask("a", "POST", "/v1/cluster/members/" + other + "/drain").status == 204);
  std::vector<std::string> ids;
  int after = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  while (after < 20 && std::chrono::steady_clock::now() < deadline) {
    for (const char* space : {"s1", "s2"}) ids.push_back(cluster.Submit(space, R"({"url":")" + receiver.url() + R"(","mode":"fifo"})"));
    if (cluster.Of(other, "namespaces") == "0") ++after;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(cluster.Of(other, "namespaces") == "0");
  CHECK(cluster.Of(other, "draining") == "true");
  REQUIRE(receiver.WaitFor(ids.size()));
  std::map<std::string, std::vector<std::string>> submitted, arrived;  // by namespace, of which an id's first part is the same
  std::vector<std::string> all;
  for (const Delivery& delivery : receiver.deliveries()) all.push_back(delivery.id);
  CHECK(all.size() == ids.size());
  for (size_t i = 0; i < ids.size(); ++i) submitted[i % 2 == 0 ? "s1" : "s2"].push_back(ids[i]);
  for (const std::string& id : all) {
    const bool first = std::find(submitted["s1"].begin(), submitted["s1"].end(), id) != submitted["s1"].end();
    arrived[first ? "s1" : "s2"].push_back(id);
  }
  CHECK(arrived == submitted);
  CHECK(cluster.Ask("a", "DELETE", "/v1/cluster/members/" + other + "/drain").status == 204);
}

TEST_CASE("postgres cluster: who waits for the end of what he submitted gets it, whichever member he asked, though the namespace moves meanwhile") {
  Cluster cluster({"a", "b"});
  CountingReceiver receiver;
  REQUIRE(Await([&] { return !cluster.Of("b", "name").empty(); }));
  cluster.Make("s1");
  REQUIRE(Await([&] { return cluster.OwnerOf("s1") != "null"; }));
  const std::string owner = cluster.OwnerOf("s1"), notify = R"({"url":")" + receiver.url() + R"(","delay_ms":4000})";
  struct Waits {
    std::string member, path, body, state;
    Answer answer = {};
  };
  std::vector<Waits> all;
  for (const char* member : {"a", "b"}) {
    all.push_back({member, "/v1/namespaces/s1/notifies?wait_ms=60000", notify, "succeeded"});
    all.push_back({member, "/v1/namespaces/s1/groups?wait_ms=60000", "{\"notifies\":[" + notify + "]}", "settled"});
  }
  std::vector<std::thread> clients;
  for (Waits& each : all) clients.emplace_back([&] { each.answer = cluster.Ask(each.member, "POST", each.path, each.body); });
  const bool accepted = Await([&] { return JsonAt(cluster.Ask("a", "GET", "/v1/namespaces/s1/stats").body, "/totals/accepted") == "4"; });
  const int drained = cluster.Ask("a", "POST", "/v1/cluster/members/" + owner + "/drain").status;
  const bool moved = Await([&] { return cluster.OwnerOf("s1") == (owner == "a" ? "b" : "a"); });
  for (std::thread& client : clients) client.join();
  CHECK(accepted);
  CHECK(drained == 204);
  CHECK(moved);
  for (const Waits& each : all) {
    INFO(each.member << " " << each.path << ": " << each.answer.body);
    CHECK(each.answer.status == 200);
    CHECK(JsonAt(each.answer.body, "/state") == each.state);
  }
  CHECK(receiver.deliveries().size() == all.size());
}

TEST_CASE("postgres cluster: once it is answered that a namespace goes, with what is pending in it, no member takes anything for it any more") {
  Cluster cluster({"a", "b", "c"});
  REQUIRE(Await([&] { return !cluster.Of("c", "name").empty(); }));
  const std::string leader = cluster.Leader(), notify = R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})";
  for (const char* space : {"s1", "s2", "s3", "s4", "s5", "s6"}) cluster.Make(space);
  std::vector<std::string> elsewhere;
  for (const char* space : {"s1", "s2", "s3", "s4", "s5", "s6"}) {
    std::string owner;
    REQUIRE(Await([&] { return (owner = cluster.OwnerOf(space)) != "null"; }));
    if (owner != leader) elsewhere.push_back(space);
  }
  REQUIRE_FALSE(elsewhere.empty());
  for (const std::string& space : elsewhere) {
    cluster.Submit(space, notify);
    std::atomic<bool> removed{false}, ends{false};
    std::atomic<int> late{0}, taken{0};
    std::vector<std::thread> clients;
    for (const char* member : {"a", "b", "c"})
      clients.emplace_back([&, member] {
        while (!ends) {
          const bool after = removed;
          if (cluster.Ask(member, "POST", "/v1/namespaces/" + space + "/notifies", notify).status == 201) ++(after ? late : taken);
        }
      });
    const bool under_way = Await([&] { return taken > 0; });
    const int status = cluster.Ask("a", "DELETE", "/v1/namespaces/" + space + "?discard_pending=true").status;
    removed = true;
    const bool gone = Await([&] { return cluster.Ask("a", "GET", "/v1/namespaces/" + space).status == 404; });
    ends = true;
    for (std::thread& client : clients) client.join();
    CHECK(under_way);
    CHECK(status == 202);
    CHECK(gone);
    CHECK(late == 0);
  }
}

TEST_CASE("postgres cluster: /readyz of each member says so while the store does not answer, not of the one alone that serves `default`") {
  Cluster cluster({"a", "b"});
  for (const char* name : {"a", "b"}) REQUIRE(Await([&] { return cluster.Ask(name, "GET", "/readyz").status == 200; }));
  cluster.server().Kill();
  // Once its lease is over each is a standby, which says 503, too.
  std::set<std::string> told;
  CHECK(Await([&] {
    for (const char* name : {"a", "b"})
      if (const Answer answer = cluster.Ask(name, "GET", "/readyz"); answer.status == 503 && answer.body.find("standby") == answer.body.npos)
        told.insert(name);
    return told.size() == 2;
  }));
  cluster.server().Start();
  for (const char* name : {"a", "b"}) CHECK(Await([&] { return cluster.Ask(name, "GET", "/readyz").status == 200; }));
}

TEST_CASE("postgres cluster: a notify to where any member listens is the cluster's own") {
  Cluster cluster({"a", "b"});
  REQUIRE(Await([&] { return !cluster.Of("b", "name").empty(); }));
  cluster.Make("s1");
  for (const char* member : {"a", "b"}) {
    const std::string notify = R"({"url":")" + cluster.At(member).url() + R"(/healthz","method":"GET","retry":{"max_attempts":1}})";
    // Members ask each other now and then: at first each knows its own alone.
    CHECK(Await([&] {
      const Answer answer = cluster.Ask("a", "POST", "/v1/namespaces/s1/notifies?wait_ms=20000", notify);
      return JsonAt(answer.body, "/attempts/0/error") == "destination_refused";
    }));
  }
}

TEST_CASE("postgres cluster: a member that the others do not reach is given nothing, by whoever leads, and all is answered everywhere else") {
  const CertificateAuthority cluster_authority, other_authority;
  Cluster cluster;
  for (const char* name : {"a", "b"}) cluster.Add(name, {}, &cluster_authority);
  cluster.Leader();
  cluster.Add("c", {}, &other_authority);
  REQUIRE(Await([&] { return cluster.Of("c", "cut_off") == "true"; }));
  CHECK(cluster.Of("c", "unreached_by") == R"(["a","b"])");
  CHECK(cluster.Of("a", "cut_off") == "false");
  const std::vector<std::string> spaces = {"s1", "s2", "s3", "s4", "s5", "s6"};
  for (const std::string& space : spaces) cluster.Make(space);
  for (const std::string& space : spaces) {
    std::string owner;
    REQUIRE(Await([&] { return (owner = cluster.OwnerOf(space)) != "null"; }));
    CHECK(owner != "c");
    for (const char* member : {"a", "b"}) CHECK(cluster.Ask(member, "GET", "/v1/namespaces/" + space + "/notifies").status == 200);
  }
  CHECK(cluster.At("c").process().WaitForError("a member does not answer"));
}

TEST_CASE(
    "postgres cluster: a member whose address leads to another store, or to a listener for clients, is not reached, and nothing of it lies there") {
  Cluster cluster({"a"});
  REQUIRE(cluster.Leader() == "a");
  cluster.Add("zz", {"--store-postgres-schema", "other"});
  std::string foreign;
  REQUIRE(Await([&] { return !(foreign = JsonAt(cluster.Ask("zz", "GET", "/v1/cluster").body, "/members/0/address")).empty(); }));
  const bool to_clients = GENERATE(false, true);
  const std::string address = to_clients ? "127.0.0.1:" + std::to_string(PortOfUrl(cluster.At("a").url())) : foreign;
  cluster.Add("b", {"--cluster-advertise", address, "--cluster-listen", "127.0.0.1:" + std::to_string(ClosedPort())});
  REQUIRE(Await([&] { return !cluster.Of("b", "name").empty(); }));
  const std::vector<std::string> spaces = {"s1", "s2", "s3", "s4"};
  for (const std::string& space : spaces) {
    cluster.Make(space);
    CHECK(cluster.Ask("zz", "PUT", "/v1/namespaces/" + space, R"({"destinations":{"allow":["127.0.0.0/8"]}})").status / 100 == 2);
  }
  const std::string notify = R"({"url":"http://127.0.0.1:1/","delay_ms":600000})";
  // By now or a little later: what is acknowledged is in the own store.
  for (const std::string& space : spaces) {
    const std::string id = JsonAt(cluster.AskUntil(201, "POST", "/v1/namespaces/" + space + "/notifies", notify).body, "/id");
    CHECK(cluster.AskUntil(200, "GET", "/v1/namespaces/" + space + "/notifies/" + id).status == 200);
    CHECK(JsonAt(cluster.Ask("zz", "GET", "/v1/namespaces/" + space + "/notifies").body, "/items/0/id").empty());
  }
  CHECK(Await([&] { return cluster.Of("b", "unreached_by") == R"(["a"])"; }));
  CHECK(Await([&] { return cluster.Of("b", "cut_off") == "true"; }));
  CHECK(cluster.At("a").process().WaitForError(to_clients ? "is a listener for clients, not for members" : "is member zz of another store"));
}

TEST_CASE("postgres cluster: a leader that the others do not reach gives the leading up, and all goes on at the others") {
  const CertificateAuthority cluster_authority, other_authority;
  Cluster cluster;
  cluster.Add("c", {}, &other_authority);
  REQUIRE(cluster.Leader() == "c");
  cluster.Make("before");
  for (const char* name : {"a", "b"}) cluster.Add(name, {}, &cluster_authority);
  REQUIRE(cluster.At("c").process().WaitForError("\"this member leads no more\""));
  std::string leader;
  REQUIRE(Await([&] { return (leader = cluster.Leader()) != "c"; }));
  CHECK(cluster.At(leader).process().WaitForError("\"this member leads\""));
  // `system` comes after it, and what is the leader's is answered where clients reach each other.
  CHECK(Await([&] { return cluster.OwnerOf("system") == leader; }));
  for (const char* member : {"a", "b"}) {
    const std::string path = "/v1/namespaces/after-" + std::string(member);
    CHECK(Await([&] { return cluster.Ask(member, "PUT", path, "{}").status / 100 == 2; }));
    CHECK(cluster.Ask(member, "GET", "/v1/namespaces/before").status == 200);
  }
  CHECK(cluster.At("c").process().running());
  CHECK(LinesOf(cluster.At("c").process().error(), "this member leads").size() == 1);
}

TEST_CASE("postgres cluster: a leader that is drained hands over what is the leader's, too, and goes on as a member") {
  Cluster cluster({"a", "b"});
  const std::string leader = cluster.Leader(), other = leader == "a" ? "b" : "a";
  REQUIRE(Await([&] { return !cluster.Of(other, "name").empty(); }));
  REQUIRE(cluster.Ask("a", "POST", "/v1/cluster/members/" + leader + "/drain").status == 204);
  CHECK(Await([&] { return cluster.Leader() == other; }));
  CHECK(Await([&] { return cluster.Of(leader, "namespaces") == "0"; }));
  CHECK(Await([&] { return cluster.OwnerOf("system") == other; }));
  CHECK(Await([&] { return cluster.Ask(leader, "PUT", "/v1/namespaces/made", "{}").status / 100 == 2; }));
  CHECK(cluster.At(leader).process().running());
}

TEST_CASE("postgres cluster: a signed change is not taken a second time by the member to which its namespace, or the leading, has moved") {
  TempDir dir;
  const std::string first = MakeToken().Text(), file = dir.Write("token", first + "\n");
  chmod(file.c_str(), 0600);
  Cluster cluster;
  cluster.token = first;
  for (const char* name : {"a", "b"}) cluster.Add(name, {"--auth-mode", "token", "--auth-bootstrap-token-file", file});
  REQUIRE(Await([&] { return cluster.Of("a", "name") == "a" && cluster.Of("b", "name") == "b"; }));
  const std::string leader = cluster.Leader(), other = leader == "a" ? "b" : "a";
  const std::string made =
      cluster.AskUntil(201, "POST", "/v1/tokens", R"({"name":"t","namespaces":["*"],"scopes":["admin","submit","read"],"signing":true})").body;
  const std::string text = JsonAt(made, "/token");
  const std::optional<TokenText> parts = ParseToken(text);
  REQUIRE(parts);
  cluster.token = text;
  CountingReceiver receiver;
  const auto signed_request = [&](const char* method, const std::string& path, const std::string& body) {
    static int last = 0;
    HttpRequest head;
    head.method = method;
    head.target = path;
    head.headers = {{"Host", "localhost"}, {"Content-Type", "application/json"}, {"Content-Digest", ContentDigestOf(body)}};
    const std::string nonce = "nonce-" + std::to_string(1000 + ++last);
    std::string bytes =
        std::string(method) + " " + path + " HTTP/1.1\r\nAuthorization: " + SignHead(head, parts->id, parts->secret, time(nullptr), nonce) + "\r\n";
    for (const auto& [name, value] : head.headers) bytes += name + ": " + value + "\r\n";
    return bytes + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const auto send = [&](const std::string& member, const std::string& request) {
    RawClient client(PortOfUrl(cluster.At(member).url()), 0, 40);
    REQUIRE(client.Send(request));
    return client.ReadResponse().status;
  };
  cluster.Make("s1");
  std::string owner;
  REQUIRE(Await([&] { return (owner = cluster.OwnerOf("s1")) != "null"; }));
  // Signed anew until it is taken: a second may have to pass since the namespace came.
  std::string submit, change;
  REQUIRE(Await([&] {
    submit = signed_request("POST", "/v1/namespaces/s1/notifies", R"({"url":")" + receiver.url() + R"("})");
    return send(owner, submit) == 201;
  }));
  REQUIRE(Await([&] {
    change = signed_request("PUT", "/v1/namespaces/s2", "{}");
    return send(other, change) / 100 == 2;
  }));
  for (const std::string& member : {leader, other}) {
    CHECK(send(member, submit) == 401);
    CHECK(send(member, change) == 401);
  }
  REQUIRE(cluster.Ask(owner, "POST", "/v1/cluster/members/" + owner + "/drain").status == 204);
  REQUIRE(Await([&] { return cluster.OwnerOf("s1") != owner && cluster.OwnerOf("s1") != "null"; }));
  if (owner != leader) {
    REQUIRE(cluster.Ask(owner, "DELETE", "/v1/cluster/members/" + owner + "/drain").status == 204);
    REQUIRE(Await([&] { return cluster.Ask(owner, "POST", "/v1/cluster/members/" + leader + "/drain").status == 204; }));
  }
  REQUIRE(Await([&] { return cluster.Leader() == other; }));
  for (const std::string& member : {leader, other}) {
    CHECK(send(member, submit) / 100 != 2);
    CHECK(send(member, change) == 503);
    CHECK(Await([&] { return send(member, signed_request("PUT", "/v1/namespaces/s3", "{}")) / 100 == 2; }));
  }
  REQUIRE(receiver.WaitFor(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(receiver.deliveries().size() == 1);
}

TEST_CASE("postgres cluster: one by the name of a member that lives says in its log, and to who asks for its health, why it waits") {
  Cluster cluster({"a"});
  cluster.Leader();
  cluster.Add("a", {}, nullptr, "second");
  REQUIRE(cluster.At("second").process().WaitForError("another member has this one's name"));
  const Answer health = cluster.Ask("second", "GET", "/healthz");
  CHECK(health.status == 200);
  CHECK(health.body.find("is a member by the name") != std::string::npos);
  CHECK(cluster.Ask("second", "GET", "/v1/stats").status == 503);
}

TEST_CASE("postgres cluster: clients of beanstalkd, and who listens live, are served at a member that does not have the namespace") {
  Cluster cluster;
  CountingReceiver receiver;
  TempDir place;
  std::map<std::string, uint16_t> doors;
  for (const char* name : {"a", "b"}) {
    doors[name] = ClosedPort();
    const std::string config =
        place.Write(name, "[[listener]]\naddress = \"127.0.0.1:" + std::to_string(doors[name]) +
                              "\"\nprotocol = \"beanstalkd\"\nnamespace = \"s1\"\n[[tube]]\nname = \"mails\"\nnamespace = \"s1\"\nurl = \"" +
                              receiver.url() + "\"\n");
    cluster.Add(name, {"--config", config});
  }
  cluster.Make("s1");
  std::string owner;
  REQUIRE(Await([&] { return (owner = cluster.OwnerOf("s1")) == "a" || owner == "b"; }));
  const std::string other = owner == "a" ? "b" : "a";
  BeanstalkdClient client(doors[other]);
  CHECK(client.Do("use mails") == "USING mails\r\n");
  const std::string job = JobIn(client.Put("a body", "0 0 60"));
  REQUIRE_FALSE(job.empty());
  REQUIRE(receiver.WaitFor(1));
  CHECK(Await([&] { return JsonAt(cluster.Ask(owner, "GET", "/v1/namespaces/s1/notifies/" + job).body, "/state") == "succeeded"; }));
  const std::string later = JobIn(client.Put("another", "0 3600 60"));
  REQUIRE_FALSE(later.empty());
  CHECK(client.Do("stats-job " + later).find("state: delayed") != std::string::npos);
  CHECK(client.Do("delete " + later) == "DELETED\r\n");
  CHECK(client.Do("delete " + later) == "NOT_FOUND\r\n");

  RawClient listener(PortOfUrl(cluster.At(other).url()), 0, 60);
  REQUIRE(listener.Send("GET /v1/namespaces/s1/live HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  REQUIRE(listener.ReadResponse(/*no_body=*/true).status == 200);
  std::string seen, piece;
  while (seen.find("event:") == std::string::npos && listener.ReadChunk(&piece) && !piece.empty()) seen += piece;
  CHECK(seen.find("data:") != std::string::npos);
}

TEST_CASE("postgres cluster: whoever is to have a namespace is told when it is there, not left to look") {
  Cluster cluster({"a", "b"});
  REQUIRE(Await([&] { return !cluster.Of("b", "name").empty(); }));
  for (const char* space : {"s1", "s2", "s3", "s4"}) cluster.Make(space);
  const std::string leader = cluster.Leader(), other = leader == "a" ? "b" : "a";
  REQUIRE(Await([&] { return cluster.Of(other, "namespaces") != "0"; }));
  CHECK(cluster.Ask("a", "POST", "/v1/cluster/members/" + other + "/drain").status == 204);
  CHECK(Await([&] { return cluster.Of(other, "namespaces") == "0"; }));
  // Of some of them its periodic look may be the first to see it.
  const auto told = [&] {
    const std::vector<std::string> taken = LinesOf(cluster.At(leader).process().error(), "namespaces taken");
    return std::any_of(taken.begin(), taken.end(), [](const std::string& line) { return line.find("\"told\":true") != std::string::npos; });
  };
  CHECK(Await(told));
  CHECK_FALSE(LinesOf(cluster.At(other).process().error(), "namespace handed over").empty());
  // Words are taken at the members' own listener alone.
  CHECK(cluster.Ask("a", "POST", "/member", R"({"member":"b","look":true})").status == 404);
}

TEST_CASE("postgres cluster: a member that is stopped, the leader too, hands over first: fifo lanes go on in order, each once") {
  Cluster cluster({"a", "b", "c"});
  CountingReceiver receiver;
  REQUIRE(Await([&] { return !cluster.Of("c", "name").empty(); }));
  const std::vector<std::string> spaces = {"s1", "s2", "s3", "s4", "s5", "s6"};
  for (const std::string& space : spaces) cluster.Make(space);
  for (const std::string& space : spaces) REQUIRE(Await([&] { return cluster.OwnerOf(space) != "null"; }));
  std::map<std::string, std::vector<std::string>> submitted;
  const auto submit = [&] {
    for (const std::string& space : spaces) submitted[space].push_back(cluster.Submit(space, R"({"url":")" + receiver.url() + R"(","mode":"fifo"})"));
  };
  submit();
  for (int round = 0; round < 2; ++round) {
    const std::string leader = cluster.Leader();
    std::string victim = leader;
    if (round == 0)
      for (const char* name : {"a", "b", "c"})
        if (name != leader && cluster.Of(name, "namespaces") != "0") victim = name;
    const std::string log = cluster.Stop(victim);
    INFO(log);
    CHECK_FALSE(LinesOf(log, "namespace handed over").empty());
    submit();
  }
  size_t all = 0;
  for (const auto& [space, ids] : submitted) all += ids.size();
  REQUIRE(receiver.WaitFor(all));
  std::map<std::string, std::vector<std::string>> arrived;
  for (const Delivery& delivery : receiver.deliveries())
    for (const auto& [space, ids] : submitted)
      if (std::find(ids.begin(), ids.end(), delivery.id) != ids.end()) arrived[space].push_back(delivery.id);
  CHECK(receiver.count() == all);
  CHECK(arrived == submitted);
}

TEST_CASE("postgres cluster: whoever leads judges alerts: the first leader's fires, and once that one is killed the next one's") {
  Cluster cluster;
  CountingReceiver receiver;
  TempDir place;
  const std::string config =
      place.Write("n.toml", "[[alert]]\nname = \"memory\"\nwhen = \"memory\"\nthreshold = 1\nfor = 0\ngroup = 0\nrepeat = \"1s\"\nto = \"webhook:" +
                                receiver.url() + "\"\n");
  for (const char* name : {"a", "b"}) cluster.Add(name, {"--config", config});
  REQUIRE(Await([&] { return !cluster.Of("b", "name").empty(); }));
  const auto fires = [&] { return JsonAt(cluster.Ask(cluster.any(), "GET", "/v1/alerts").body, "/items/0/state") == "firing"; };
  for (int round = 0; round < 2; ++round) {
    const std::string leader = cluster.Leader();
    INFO(round << ": " << leader << ": " << cluster.Ask(cluster.any(), "GET", "/v1/alerts").body);
    REQUIRE(Await(fires));
    // What the one before had still to say, and then what this one says.
    REQUIRE(receiver.WaitFor(receiver.count() + 3));
    if (round == 0) cluster.Kill(leader);
  }
}

TEST_CASE("postgres cluster: a member whose certificate has ended says so at its start") {
  const CertificateAuthority authority;
  Cluster cluster;
  cluster.Add("a", {}, &authority);
  cluster.certificates_hold_s = -60;
  cluster.Add("b", {}, &authority);
  CHECK(cluster.At("b").process().WaitForError("certificate does not hold now"));
  CHECK(LinesOf(cluster.At("a").process().error(), "certificate does not hold now").empty());
}

TEST_CASE("postgres cluster: alerts are of all members: of what another one than the judge serves, and of its process, until that is gone") {
  Cluster cluster;
  TempDir place;
  const std::string fires = "\nfor = 0\ngroup = 0\nto = \"log:x:y\"\n";
  const std::string config = place.Write("n.toml", "[[alert]]\nname = \"memory\"\nwhen = \"memory\"\nthreshold = 1" + fires +
                                                       "[[alert]]\nname = \"late\"\nwhen = \"pending\"\nthreshold = 0\nnamespace = \"n*\"" + fires);
  for (const char* name : {"a", "b"}) cluster.Add(name, {"--config", config});
  REQUIRE(Await([&] { return !cluster.Of("b", "name").empty(); }));
  const std::string leader = cluster.Leader(), other = leader == "a" ? "b" : "a";
  std::string its;
  for (const char* space : {"n1", "n2", "n3", "n4"}) {
    cluster.Make(space);
    REQUIRE(Await([&] { return cluster.OwnerOf(space) != "null"; }));
    if (cluster.OwnerOf(space) == other) its = space;
  }
  REQUIRE_FALSE(its.empty());
  cluster.Submit(its, R"({"url":"http://127.0.0.1:9/","delay_ms":3600000})");
  const auto alert = [&](const std::string& name) { return cluster.Ask(leader, "GET", "/v1/alerts/" + name).body; };
  CHECK(Await([&] { return JsonAt(alert("late"), "/causes/0/namespace") == its && JsonAt(alert("late"), "/state") == "firing"; }));
  CHECK(Await([&] { return JsonAt(alert("memory"), "/causes_count") == "2"; }));
  INFO(alert("memory"));
  CHECK(JsonAt(alert("memory"), "/causes/0/member") == "a");
  CHECK(JsonAt(alert("memory"), "/causes/1/member") == "b");
  CHECK(JsonAt(cluster.Ask(leader, "GET", "/v1/alerts").body, "/missing").empty());
  CHECK(cluster.Ask(leader, "GET", "/metrics").body.find("notifyd_cluster_words_received_total 0\n") == std::string::npos);
  cluster.Kill(other);
  CHECK(Await([&] { return JsonAt(alert("memory"), "/causes_count") == "1"; }));
  CHECK(JsonAt(alert("memory"), "/causes/0/member") == leader);
  CHECK(JsonAt(alert("late"), "/causes/0/namespace") == its);
  CHECK(JsonAt(alert("late"), "/state") == "firing");
}

}  // namespace notifyd::test
