// What one member of a cluster knows of namespaces, of tokens, and of whether the others can be reached: brokers over real sockets.
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>

#include "net/access/content_digest.h"
#include "net/access/signed_head.h"
#include "net/access/token.h"
#include "net/cluster/member_prober.h"
#include "net/members_stage.h"
#include "net/tls/tls_files.h"
#include "net/tls_client.h"

namespace notifyd {
namespace {

/// Namespaces and tokens as one broker knows them.
struct Known {
  Known() {
    for (const auto& [name, number] : {std::pair("default", kDefaultNumber), std::pair("system", kSystemNumber)}) Put(name, number);
  }
  void Put(const std::string& name, NamespaceNumber number) {
    auto row = std::make_shared<NamespaceRow>();
    row->name = name;
    row->number = number;
    table.PutNamespace(name, std::move(row));
  }
  NewToken Make(bool signing) {
    NewToken made = MakeToken();
    TokenRow row;
    row.id = made.id;
    row.name = "a token";
    row.grant = Grant::Everything();
    row.secret = KeepSecret(made.secret, signing);
    row.signing = signing;
    table.PutToken(made.id, std::make_shared<const TokenRow>(std::move(row)));
    return made;
  }
  /// The header that shows it.
  std::string Give() { return "Authorization: Bearer " + Make(/*signing=*/false).Text() + "\r\n"; }
  void Tell(Api& api) const { api.SetTable(std::make_shared<const AccessTable>(table)); }
  AccessTable table;
};

TEST_CASE("members: what a token or a namespace is that is not known here is looked at anew before it is refused, in each broker on the way") {
  auto auth = std::make_shared<AuthSettings>();
  auth->tokens = true;
  StagedBroker b(kHere, {.first_id = 1000, .auth = auth});
  StagedBroker a(There(b.members_port), {.auth = auth});
  // A third one leads.
  for (StagedBroker* each : {&a, &b}) each->places.SetRegistry(There(1));
  Known known;
  const std::string token = known.Give();
  known.Put("fresh", 5);
  Api* of_a = nullptr;
  Api* of_b = nullptr;
  a.OnLoop([&](Api& api) { of_a = &api; });
  b.OnLoop([&](Api& api) { of_b = &api; });
  // On the loop of whoever asks, as this is.
  a.places.OnLookAnew([&] { known.Tell(*of_a); });
  b.places.OnLookAnew([&] { known.Tell(*of_b); });
  const std::string bulk = "Content-Type: application/x-ndjson\r\n" + token;
  SECTION("a submit") {
    CHECK(Ask(a.port, RequestOf("POST", "/v1/namespaces/fresh/notifies", kNotify, token)).status == 201);
    CHECK(b.Came("submit") == 1);
    CHECK(a.places.looks == 1);
    CHECK(b.places.looks == 1);
    CHECK(Ask(a.port, RequestOf("POST", "/v1/namespaces/fresh/notifies", kNotify, token)).status == 201);
    CHECK(a.places.looks + b.places.looks == 2);
  }
  SECTION("a large one, and a list") {
    std::string batch = "[";
    for (int i = 0; i < 3; ++i) batch += (i ? "," : "") + ("{\"url\":\"http://h.example/\",\"body\":\"" + std::string(200'000, 'x') + "\"}");
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", batch + "]", token)).status == 201);
    CHECK(b.Came("submit") == 1);
    CHECK(Ask(b.port, RequestOf("GET", "/v1/notifies", "", token)).status == 200);
  }
  SECTION("a bulk submit") {
    const RawResponse answer = Ask(a.port, RequestOf("POST", "/v1/notifies", kLine + kLine, bulk));
    CHECK(answer.status == 200);
    CHECK(std::count(answer.body.begin(), answer.body.end(), '\n') == 2);
  }
  SECTION("who listens") {
    RawClient client(a.port, 0, 40);
    REQUIRE(client.Send(RequestOf("GET", "/v1/live", "", token)));
    CHECK(client.ReadResponse(/*no_body=*/true).status == 200);
    CHECK(b.WaitFor("figures", 1));
  }
  SECTION("what is not there even then is refused, after one look") {
    const std::string strange = Known().Give();
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify, strange)).status == 401);
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", std::string(100'000, ' '), strange)).status == 401);
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kLine, "Content-Type: application/x-ndjson\r\n" + strange)).status == 401);
    CHECK(a.places.looks == 3);
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify)).status == 401);
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify, "Authorization: Bearer nonsense\r\n")).status == 401);
    CHECK(a.places.looks == 3);
    CHECK(Ask(a.port, RequestOf("GET", "/v1/namespaces/none/notifies", "", token)).status == 404);
    CHECK(b.Came("submit") == 0);
  }
  SECTION("whoever leads knows all there is") {
    a.places.SetRegistry(kHere);
    CHECK(Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify, token)).status == 401);
    CHECK(a.places.looks == 0);
  }
}

TEST_CASE("members: a signed change is taken once, though what it is about moves to another member: what was signed before is to be signed anew") {
  auto auth = std::make_shared<AuthSettings>();
  auth->tokens = true;
  StagedBroker b(kMoving, {.first_id = 1000, .auth = auth});
  StagedBroker a(kHere, {.auth = auth});
  b.places.Set(There(a.members_port));
  Known known;
  const NewToken token = known.Make(/*signing=*/true);
  for (StagedBroker* each : {&a, &b}) each->OnLoop([&](Api& api) { known.Tell(api); });
  const auto signed_request = [&](const char* method, const char* path, const std::string& body, int64_t ts) {
    HttpRequest head;
    head.method = method;
    head.target = path;
    head.headers = {{"Host", "localhost"}};
    if (!body.empty()) head.headers.insert(head.headers.end(), {{"Content-Type", "application/json"}, {"Content-Digest", ContentDigestOf(body)}});
    std::string text =
        std::string(method) + " " + path + " HTTP/1.1\r\nAuthorization: " + SignHead(head, token.id, token.secret, ts, "nonce-0001") + "\r\n";
    for (const auto& [name, value] : head.headers) text += name + ": " + value + "\r\n";
    return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  constexpr int64_t kBefore = 1'700'000'000, kAfter = kBefore + 1;
  const auto move = [&] {
    a.places.Set(There(b.members_port));
    Place here;
    here.since = WallTime{kAfter * 1000};
    b.places.Set(here);
  };
  SECTION("a notify") {
    const auto asked = [&](int64_t ts) { return signed_request("POST", "/v1/notifies", kNotify, ts); };
    CHECK(Ask(b.port, asked(kBefore)).status == 201);
    CHECK(Ask(a.port, asked(kBefore)).status == 401);
    CHECK(Ask(b.port, asked(kBefore)).status == 401);
    move();
    for (StagedBroker* each : {&a, &b}) {
      const RawResponse refused = Ask(each->port, asked(kBefore));
      CHECK(refused.status == 503);
      CHECK(refused.Header("Retry-After") == "1");
      CHECK_THAT(refused.body, Catch::Contains("sign it anew"));
    }
    CHECK(b.Came("submit") == 0);
    CHECK(Ask(a.port, asked(kAfter)).status == 201);
    CHECK(Ask(b.port, asked(kAfter)).status == 401);
    CHECK(b.Came("submit") == 1);
  }
  SECTION("what is the leader's, which members are drained, too") {
    const bool drains = GENERATE(true, false);
    const auto asked = [&](int64_t ts) {
      return drains ? signed_request("POST", "/v1/cluster/members/b/drain", "", ts)
                    : signed_request("PUT", "/v1/namespaces/fresh", R"({"nonsense":1})", ts);
    };
    // The one is not there in these brokers, the other is none: what counts is who was asked. Nothing of it is begun: it may come again.
    CHECK(Ask(b.port, asked(kBefore)).status == (drains ? 501 : 422));
    CHECK(b.Counted(PassingFigures::kAnswered) == 1);
    CHECK(Ask(a.port, asked(kBefore)).status == (drains ? 501 : 422));
    move();
    CHECK(Ask(b.port, asked(kBefore)).status == 503);
    CHECK(Ask(b.port, asked(kAfter)).status == (drains ? 501 : 422));
  }
}

TEST_CASE("members: each probes the others, and tells whom it does not reach") {
  CertificateAuthority cluster, others;
  const Pair shown = cluster.Issue("IP:127.0.0.1"), strange = others.Issue("IP:127.0.0.1");
  const test::TempDir dir;
  TlsFiles files({dir.Write("cert", shown.certificate), dir.Write("key", shown.key), dir.Write("ca", cluster.certificate())});
  TlsFiles wrong({dir.Write("cert2", strange.certificate), dir.Write("key2", strange.key), dir.Write("ca2", others.certificate())});
  REQUIRE(files.Load().ok());
  REQUIRE(wrong.Load().ok());
  const auto self_of = [](const char* name) { return OwnMember{.now = {"store", name}}; };
  StagedBroker good(kHere, {.tls = &files, .addresses = "192.0.2.1:80", .self = self_of("good")});
  StagedBroker bad(kHere, {.tls = &wrong, .self = self_of("bad")}), mended(kHere, {.tls = &files, .self = self_of("bad")});
  LoopThread loop;
  std::unique_ptr<MemberClient> client;
  std::unique_ptr<MemberProber> prober;
  std::mutex mutex;
  std::vector<std::set<std::string>> told;
  std::vector<std::string> listening;
  const auto times = [&] {
    std::lock_guard lock(mutex);
    return told.size();
  };
  Member a = NamedMember("good", good.members_port), b = NamedMember("bad", bad.members_port), self = NamedMember("self", 1, /*self=*/true);
  loop.OnLoop([&] {
    client = std::make_unique<MemberClient>(&loop.loop(), [&] {
      return TlsContext::ForClient({cluster.certificate(), shown.certificate, shown.key});
    });
    prober = std::make_unique<MemberProber>(
        MemberProber::Setup{client.get(), [] { return std::string("store"); },
                            [&](int64_t delay_ms, std::function<void()> task) { loop.loop().SetTimer(1, delay_ms, std::move(task)); },
                            [&](std::set<std::string> unreached) {
                              std::lock_guard lock(mutex);
                              told.push_back(std::move(unreached));
                            },
                            [&](const std::string& member, const std::string& listeners) {
                              std::lock_guard lock(mutex);
                              listening.push_back(member + " " + listeners);
                            }});
    prober->SetMembers({a, b, self});
  });
  CHECK(Until([&] { return times() == 1; }));
  CHECK(told.at(0) == std::set<std::string>{"bad"});
  // Where it listens for clients it says to members alone, who hear it once.
  CHECK(listening == std::vector<std::string>{"good 192.0.2.1:80"});
  CHECK(Ask(good.port, RequestOf("GET", "/healthz", "", std::string(kListenersHeader) + ": ?\r\n")).Header(std::string(kListenersHeader)).empty());
  // At another address it answers.
  b.address = NamedMember("", mended.members_port).address;
  loop.OnLoop([&] { prober->SetMembers({a, b, self}); });
  CHECK(Until([&] {
    std::lock_guard lock(mutex);
    return told.back().empty();
  }));
  // One that goes is asked for once more before it is said: what restarts is back by then.
  const size_t before = times();
  a.address = "127.0.0.1:1";
  loop.OnLoop([&] { prober->SetMembers({a, b, self}); });
  CHECK(Until([&] { return times() > before; }));
  CHECK(told.back() == std::set<std::string>{"good"});
  // None is kept.
  CHECK(Until([&] { return good.for_members() == 0; }));
  loop.Stop();
  prober.reset();
  client.reset();
}

}  // namespace
/// What a call of a member came to.
struct Heard : MemberCall {
  std::atomic<int> kept{0}, closed{0}, lost{0};
  void OnContinue() override {}
  void OnAnswerHead(HttpResponse, std::optional<uint64_t>) override {}
  void OnAnswerBody(std::string_view) override {}
  void OnAnswerEnd(bool keeps) override { ++(keeps ? kept : closed); }
  void OnLost(const MemberLoss&) override { ++lost; }
  void OnSent() override {}
};

TEST_CASE("members: a kept connection whose other end is gone, of which nothing has been heard yet, is not asked over") {
  auto peer = std::make_unique<StagedBroker>(kHere);
  const std::string address = "127.0.0.1:" + std::to_string(peer->members_port);
  Heard first, second;
  LoopThread loop;
  std::unique_ptr<MemberClient> client;
  const auto ask = [&](Heard* heard) {
    MemberRequest request;
    request.head = "GET /healthz HTTP/1.1\r\nHost: there\r\n\r\n";
    client->Begin(address, std::move(request), heard);
  };
  loop.OnLoop([&] {
    client = std::make_unique<MemberClient>(&loop.loop(), MemberClient::Tls{});
    ask(&first);
  });
  REQUIRE(Until([&] { return first.kept + first.closed + first.lost == 1; }));
  REQUIRE(first.kept == 1);
  loop.OnLoop([&] {
    // While this runs the loop hears nothing of the end.
    peer.reset();
    ask(&second);
  });
  CHECK(Until([&] { return second.lost == 1; }));
  loop.OnLoop([&] { client.reset(); });
}

TEST_CASE("members: one that has not said yet which cells it has is waited for, not taken for one that does not have them") {
  StagedBroker a(kHere, {.name = "a", .cells = {"east"}});
  Member self = NamedMember("a", a.members_port, /*self=*/true), b = NamedMember("b", 1);
  self.cells = {"east"};
  const std::string put = RequestOf("PUT", "/v1/namespaces/far", R"({"cell":"east"})", "Content-Type: application/json\r\n");
  const auto detail_of = [&](int status) {
    a.places.SetMembers({self, b});
    const RawResponse answer = Ask(a.port, put);
    INFO(answer.body);
    CHECK(answer.status == status);
    CHECK(answer.Header("Retry-After").empty() == (status != 503));
    return answer.body;
  };
  CHECK(detail_of(503).find("the member b has not said yet which cells its settings name") != std::string::npos);
  b.cells.emplace();
  CHECK(detail_of(409).find("the settings of the member b do not name the cell east") != std::string::npos);
  // One of another release may never say it.
  b.cells.reset();
  b.version = "0.9";
  CHECK(detail_of(409).find("the member b, of version 0.9, does not say which cells its settings name") != std::string::npos);
}

}  // namespace notifyd
