// Members whose addresses lead elsewhere: to another member, to one of another store, or to a listener for clients (members_stage.h).
#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/base64.h"
#include "base/json_tree.h"
#include "net/cluster/member_prober.h"
#include "net/cluster/member_word.h"
#include "net/cluster/report_word.h"
#include "net/members_stage.h"
#include "support/threaded_server.h"

namespace notifyd {
namespace {

constexpr Incarnation kBorn{7, UINT64_MAX}, kBornAnew{8, 1};

OwnMember Self(const std::string& store, const std::string& name, Incarnation incarnation = kBorn) {
  return {.now = {store, name, incarnation}};
}
Place OtherAt(uint16_t port) {
  return Place::There({"other", "127.0.0.1:" + std::to_string(port), kBorn});
}

TEST_CASE(
    "members: what is passed on to an address at which another member is, or one of another store, is not taken there, and goes to whom it is for") {
  StagedBroker right(kHere, {.first_id = 2000, .self = Self("ours", "other")});
  const OwnMember strange =
      GENERATE(Self("theirs", "zz"), Self("theirs", "other"), Self("ours", "zz"), Self("ours", "other", kBornAnew), OwnMember());
  StagedBroker stranger(kHere, {.self = strange});
  StagedBroker a(OtherAt(stranger.members_port), {.self = Self("ours", "a")});
  const std::string bulk = "Content-Type: application/x-ndjson\r\n";
  const auto [request, what] = GENERATE_COPY(
      std::pair(RequestOf("POST", "/v1/notifies", kNotify), "submit"), std::pair(RequestOf("POST", "/v1/notifies", kLine, bulk), "submit"),
      std::pair(RequestOf("POST", "/v1/fkeys/f/trigger"), "trigger"), std::pair(RequestOf("GET", "/v1/notifies/n0000000000000001"), "get"));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(request));
  REQUIRE(Until([&] { return a.figures.repeated >= 2; }));
  CHECK(stranger.Came(what) == 0);
  SECTION("that one is there again") {
    a.places.Set(OtherAt(right.members_port));
    CHECK(client.ReadResponse().status < 500);
    CHECK(right.Came(what) == 1);
  }
  SECTION("it is not, in time") {
    a.loop.Pass(Passing::kMostWaitMs + 1);
    const RawResponse answer = client.ReadResponse();
    CHECK(answer.status == 503);
    CHECK(answer.Header(std::string(kMemberHeader)).empty());
    CHECK(right.Came(what) == 0);
  }
  CHECK(stranger.Came(what) == 0);
}

TEST_CASE("members: one takes what is for it: also for the process whose place it took, and from a release that does not say for whom it is") {
  OwnMember self = Self("ours", "other");
  self.before = kBornAnew;
  StagedBroker b(kHere, {.self = self});
  const auto status_of = [&](const MeantMember& to) {
    const std::string passed = std::string(kPassedOnHeader) + ": " + EncodePeer(Peer(), {}, to) + "\r\n";
    return Ask(b.members_port, RequestOf("POST", "/v1/notifies", kNotify, passed)).status;
  };
  CHECK(status_of({}) == 201);
  CHECK(status_of({"ours", "other", kBorn}) == 201);
  CHECK(status_of({"ours", "other", kBornAnew}) == 201);
  CHECK(status_of({"ours", "other", {}}) == 201);
  CHECK(status_of({"ours", "other", {1, 1}}) == 421);
  CHECK(status_of({"ours", "others", kBorn}) == 421);
  CHECK(status_of({"theirs", "other", kBorn}) == 421);
  // Where it is judged by its client's Host, too, whom it is for comes first: it may be asked for elsewhere.
  const std::string passed = "Host: elsewhere.example\r\n" + std::string(kPassedOnHeader) + ": " + EncodePeer(Peer(), {}, {"theirs", "other", kBorn});
  CHECK_FALSE(Ask(b.members_port, "GET /v1/notifies HTTP/1.1\r\n" + passed + "\r\n\r\n").Header(std::string(kNotHereHeader)).empty());
  // One of a release of before gets what this one says: it passes over what it does not know.
  CHECK(DecodePeer(EncodePeer(Peer(), {}, {"ours", "other", kBorn})));
}

TEST_CASE("members: a listener for clients passes nothing on that a member passed on to it") {
  StagedBroker a(kHere, {.first_id = 7, .self = Self("ours", "a")});
  // As by an advertise that leads there: to this one itself, and round and round.
  a.places.Set(Place::There({"other", "127.0.0.1:" + std::to_string(a.port), kBorn}));
  RawClient client(a.port, 0, 40);
  REQUIRE(client.Send(RequestOf("POST", "/v1/notifies", kNotify)));
  SECTION("that is asked again for a while, by the one that has it, and not by more and more of them") {
    REQUIRE(Until([&] { return a.figures.repeated >= 3; }));
    a.loop.Pass(Passing::kMostWaitMs + 1);
    CHECK(client.ReadResponse().status == 503);
    CHECK(a.Counted(PassingFigures::kNoPlace) == 1);
    CHECK(a.Counted(PassingFigures::kAnswered) == 0);
    CHECK(a.Came("submit") == 0);
  }
  SECTION("that is served here by then") {
    REQUIRE(Until([&] { return a.figures.repeated >= 1; }));
    a.places.Set(kHere);
    CHECK(client.ReadResponse().status == 201);
    CHECK(a.Came("submit") == 1);
  }
  // Whoever says it himself is told, and has nothing by it.
  for (const std::string_view name : {kPassedOnHeader, kWaitsOnHeader}) {
    const RawResponse refused = Ask(a.port, RequestOf("POST", "/v1/notifies", kNotify, std::string(name) + ": x\r\n"));
    CHECK(refused.status == 421);
    CHECK_THAT(refused.body, Catch::Contains("urn:notifyd:problem:misdirected"));
  }
}

TEST_CASE("members: a word for another member, or one of another store, is not taken") {
  StagedBroker b(kHere, {.self = Self("ours", "b")});
  const auto status_of = [&](std::string_view target, const std::string& body) {
    return Ask(b.members_port, RequestOf("POST", std::string(target), body)).status;
  };
  AlertReport report;
  report.member = "a";
  const MemberWord word{"a", {1, 2, {3, 4}, false}, false, false};
  for (const auto& [to, taken] : {std::pair(MeantMember(), true), std::pair(MeantMember{"ours", "b", kBorn}, true),
                                  std::pair(MeantMember{"ours", "c", kBorn}, false), std::pair(MeantMember{"theirs", "b", kBorn}, false)}) {
    CHECK(status_of(kMemberWordTarget, EncodeMemberWord(word, to)) == (taken ? 204 : 421));
    CHECK(status_of(kReportWordTarget, EncodeAlertReport(report, to)) == (taken ? 204 : 421));
    MeantMember read;
    CHECK(DecodeMemberWord(EncodeMemberWord(word, to), &read) == word);
    CHECK(read == to);
    read = {};
    CHECK(DecodeAlertReport(EncodeAlertReport(report, to), &read));
    CHECK(read == to);
  }
  CHECK_FALSE(DecodeMemberWord(R"({"member":"a","to":7})"));
  CHECK_FALSE(DecodeMemberWord(R"({"member":"a","to":{"store":7}})"));
}

TEST_CASE("members: who is in another one's place is named, and whoever is not there gives no answer in its name") {
  const MeantMember meant{"ours", "b", kBorn};
  const auto stranger = [&](const MeantMember& there) {
    HttpResponse answer;
    MarkForAnother({.now = there}, &answer);
    CHECK(IsNotHere(answer));
    return StrangerAt("192.0.2.1:7400", answer, meant);
  };
  CHECK(stranger({"theirs", "zz", kBorn}) == "at 192.0.2.1:7400 is member zz of another store");
  CHECK(stranger({"ours", "a", kBorn}) == "at 192.0.2.1:7400 is member a, not b");
  CHECK(stranger({"ours", "b", kBornAnew}) == "at 192.0.2.1:7400 is another member b: one of a copy of the store, or it began anew");
  HttpResponse answer;
  CHECK(StrangerAt("192.0.2.1:7400", answer, meant).empty());
  answer.headers.emplace_back(kNotHereHeader, "1");
  CHECK(StrangerAt("192.0.2.1:7400", answer, meant).empty());
  answer.headers.back().second = kForClients;
  CHECK(StrangerAt("192.0.2.1:7400", answer, meant) == "at 192.0.2.1:7400 is a listener for clients, not for members");
  const std::optional<MeantMember> read = DecodeMember(EncodeMember({"notifyd-1", "b \"\xc3\xa4\"\n", kBorn}));
  REQUIRE(read);
  CHECK(*read == MeantMember{"notifyd-1", "b \"\xc3\xa4\"\n", kBorn});
  for (const char* text : {"", "7", "{}", R"({"store":""})", R"({"store":"a","member":7})", R"({"store":"a","incarnation_low":-1})"})
    CHECK_FALSE(DecodeMember(EncodeBase64(text)));
}

TEST_CASE("gather: a member at whose address is another one is named as missing, as one that does not answer is") {
  StagedBroker zz(kHere, {.self = Self("theirs", "zz")}), a(kHere, {.name = "a", .self = Self("ours", "a")});
  Member b = NamedMember("b", zz.members_port), self = NamedMember("a", a.members_port, /*self=*/true);
  const auto missing = [&] {
    a.places.SetMembers({self, b});
    const RawResponse list = Ask(a.port, RequestOf("GET", "/v1/notifies?namespaces=all"));
    CHECK(list.status == 200);
    const Result<JsonTree> tree = JsonTree::Parse(list.body);
    REQUIRE(tree.ok());
    return std::string(tree->root().At("/missing")->raw());
  };
  CHECK(missing() == R"(["b"])");
  // This one is asked by its address as others are: at that may be another one as well.
  self.address = b.address;
  b.address = NamedMember("", a.members_port).address;
  a.places.SetMembers({self, b});
  const RawResponse none = Ask(a.port, RequestOf("GET", "/v1/notifies?namespaces=all"));
  CHECK(none.status == 503);
  CHECK(none.Header(std::string(kNotHereHeader)).empty());
  CHECK(zz.Came("list") == 0);
}

/// Answers each with what `says` of its head.
std::unique_ptr<ThreadedServer> Earlier(std::string (*says)(const std::string& head)) {
  return std::make_unique<ThreadedServer>([says](Stream& stream, int) {
    std::string head;
    if (stream.ReadTo("\r\n\r\n", &head)) stream.Send("HTTP/1.1 " + says(head) + "Content-Length: 0\r\nConnection: close\r\n\r\n");
  });
}

TEST_CASE("members: one is reached only where it is who answers, or one of a release of before, which does not say that, at its members' listener") {
  StagedBroker good(kHere, {.addresses = "192.0.2.1:80", .self = Self("ours", "good")});
  StagedBroker foreign(kHere, {.addresses = "192.0.2.2:80", .self = Self("theirs", "foreign")});
  StagedBroker copy(kHere, {.self = Self("ours", "copy", kBornAnew)});
  const auto says_where = Earlier([](const std::string& head) {
    return std::string(head.find(kPassedOnHeader) == head.npos ? "403 Forbidden\r\n" : "200 OK\r\nNotify-Listeners: \r\n");
  });
  const auto older =
      Earlier([](const std::string& head) { return std::string(head.find(kPassedOnHeader) == head.npos ? "403 Forbidden\r\n" : "200 OK\r\n"); });
  const auto for_clients = Earlier([](const std::string&) { return std::string("200 OK\r\n"); });
  std::vector<Member> members;
  for (const auto& [name, port] : std::map<std::string, uint16_t>{{"good", good.members_port},
                                                                  {"foreign", foreign.members_port},
                                                                  {"lost", good.members_port},
                                                                  {"copy", copy.members_port},
                                                                  {"clients", good.port},
                                                                  {"says where", says_where->port()},
                                                                  {"older", older->port()},
                                                                  {"older clients", for_clients->port()}}) {
    members.push_back(NamedMember(name, port));
    members.back().incarnation = kBorn;
  }
  LoopThread loop;
  std::unique_ptr<MemberClient> client;
  std::unique_ptr<MemberProber> prober;
  std::mutex mutex;
  std::vector<std::set<std::string>> told;
  std::set<std::string> listening;
  loop.OnLoop([&] {
    client = std::make_unique<MemberClient>(&loop.loop(), MemberClient::Tls{});
    MemberProber::Setup setup;
    setup.client = client.get();
    setup.store = [] { return std::string("ours"); };
    setup.timer = [&](int64_t delay_ms, std::function<void()> task) { loop.loop().SetTimer(1, delay_ms, std::move(task)); };
    setup.changed = [&](std::set<std::string> unreached) {
      std::lock_guard lock(mutex);
      told.push_back(std::move(unreached));
    };
    setup.listens = [&](const std::string& member, const std::string&) {
      std::lock_guard lock(mutex);
      listening.insert(member);
    };
    prober = std::make_unique<MemberProber>(std::move(setup));
    prober->SetMembers(members);
  });
  const auto now = [&] {
    std::lock_guard lock(mutex);
    return told.empty() ? std::nullopt : std::optional(told.back());
  };
  REQUIRE(Until([&] { return now().has_value(); }));
  CHECK(now() == std::set<std::string>{"foreign", "lost", "copy", "clients", "older clients"});
  {
    std::lock_guard lock(mutex);
    CHECK(listening == std::set<std::string>{"good", "says where"});
  }
  // It began anew, as the store says by now: at the same address that one is meant.
  for (Member& each : members)
    if (each.name == "copy") each.incarnation = kBornAnew;
  loop.OnLoop([&] { prober->SetMembers(members); });
  CHECK(Until([&] { return now() == std::set<std::string>{"foreign", "lost", "clients", "older clients"}; }));
  loop.Stop();
  prober.reset();
  client.reset();
}

}  // namespace
}  // namespace notifyd
