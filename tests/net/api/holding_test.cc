// What goes on under a credential that is changed meanwhile: it ends where something of it was taken that it needs, and goes on where nothing was.
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "broker/figures_events.h"
#include "teams_fixture.h"

namespace notifyd {
namespace {

constexpr NamespaceNumber kOne = TeamsFixture::kOne;
constexpr const char* kLine = "{\"url\":\"http://h/\"}\n";

class HoldingFixture : public TeamsFixture {
 public:
  /// Changes a token's row, in a table that holds from now on.
  void Change(const std::string& id, const std::function<void(TokenRow*)>& how) {
    TokenRow row = *table.FindToken(id);
    how(&row);
    row.version = ++version;
    table.PutToken(id, std::make_shared<const TokenRow>(std::move(row)));
    Publish();
  }
  /// Replaces its secret. Returns the new token's text.
  std::string Rotate(const std::string& id, int64_t grace_ms) {
    const std::string secret = MakeTokenSecret();
    Change(id, [&](TokenRow* row) {
      row->old_secret = std::exchange(row->secret, KeepSecret(secret, false));
      row->old_until = WallTime{wall_ms + grace_ms};
    });
    return "ntf_" + id + "_" + secret;
  }
  /// Begins a bulk submit in namespace one. Returns its token.
  uint64_t Stream(const std::string& token) {
    REQUIRE(Open({{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + token}}, "/v1/namespaces/one/notifies"));
    return last_token;
  }
  uint64_t Wait(const std::string& token) {
    As(token, "GET", "/v1/notifies/" + NotifyId::Of(kOne, 5).ToString() + "?wait_ms=60000");
    return last_token;
  }
  uint64_t SubmitAndWait(const std::string& token) {
    As(token, "POST", "/v1/namespaces/one/notifies?wait_ms=60000", R"({"url":"http://h/"})");
    return last_token;
  }
  /// Is a line of it taken?
  bool Takes(uint64_t stream) {
    const size_t before = sink.events.size();
    api.OnBody(stream, kLine);
    if (sink.events.size() == before) return false;
    Submitted submitted;
    submitted.items.resize(1);
    submitted.items[0].id = NotifyId::Of(kOne, 5);
    api.OnReply({{3, stream}, submitted});
    return true;
  }
  /// The timer for credentials goes off.
  void Tick() { std::exchange(hold_tick, nullptr)(); }
};

TEST_CASE("holding: what began with a secret that was replaced goes on until its time is over, and not longer") {
  HoldingFixture f;
  const std::string old_token = f.Give({"one"}, ScopeSet::All());
  const std::string id = f.last.id;
  const bool within = GENERATE(false, true);  // it began after the secret was replaced
  const std::string new_token = within ? f.Rotate(id, 3'000) : std::string();
  const uint64_t stream = f.Stream(old_token), idle = f.Stream(old_token);
  f.As(old_token, "GET", "/v1/live");
  const uint64_t live = f.last_token;
  if (!within) f.Rotate(id, 3'000);
  CHECK(f.Takes(stream));
  f.wall_ms += 2'999;
  CHECK(f.Takes(stream));
  f.Tick();
  std::exchange(f.live_tick, nullptr)();
  CHECK_FALSE(f.responder.streams.at(live).ended);
  f.wall_ms += 1;
  CHECK_FALSE(f.Takes(stream));
  CHECK(f.responder.streams.at(stream).text.ends_with("\"next_index\":2}\n"));
  REQUIRE(f.hold_tick);
  f.Tick();
  CHECK(f.answers.at(idle).status == 401);
  CHECK(f.responder.streams.at(live).ended);
  // Nothing is left that would have an end.
  CHECK_FALSE(f.hold_tick);
  if (within) CHECK(f.Takes(f.Stream(new_token)));
}

TEST_CASE("holding: what began with the secret that replaced another one has no end") {
  HoldingFixture f;
  f.Give({"one"}, ScopeSet::All());
  const std::string token = f.Rotate(f.last.id, 3'000);
  const uint64_t stream = f.Stream(token);
  f.Wait(token);
  CHECK(f.Posted<GetRequest>().wait_ms == 60'000);
  CHECK_FALSE(f.hold_tick);
  f.wall_ms += 10'000;
  f.Publish();
  CHECK(f.Takes(stream));
  CHECK_FALSE(f.answered());
}

TEST_CASE("holding: a wait is cut where its secret is replaced, or its token given an end, meanwhile") {
  HoldingFixture f;
  const std::string token = f.Give({"one"}, ScopeSet::All());
  const std::string id = f.last.id;
  const uint64_t looks = f.Wait(token), submits = f.SubmitAndWait(token);
  const bool rotated = GENERATE(false, true);
  if (rotated) f.Rotate(id, 3'000);
  else f.Change(id, [&](TokenRow* row) { row->grant.expires_at = WallTime{f.wall_ms + 3'000}; });
  f.wall_ms += 2'999;
  f.Tick();
  CHECK(f.answers.empty());
  f.sink.events.clear();
  f.wall_ms += 1;
  f.Tick();
  // As if they had asked for that long: neither is refused, and no outcome is unknown.
  CHECK(f.answers.empty());
  std::multiset<uint64_t> cut;
  for (const Event& event : f.sink.events) {
    const auto* figures = std::get_if<FiguresRequest>(&event);
    const auto* end = figures ? std::get_if<EndWaitAsk>(&figures->ask->what) : nullptr;
    if (end) cut.insert(end->of.token);
  }
  CHECK(cut == std::multiset{looks, submits});
  CHECK_FALSE(f.hold_tick);
}

TEST_CASE("holding: a change of its token that takes nothing from it ends nothing") {
  HoldingFixture f;
  Grant grant = TeamsFixture::Of({"one", "two"}, {Scope::kSubmit, Scope::kRead});
  grant.lanes = {"http://h/", "b/"};
  grant.fkeys = {"k"};
  grant.caller = "shop";
  grant.submits_per_s = 5;
  const std::string token = f.Give(grant);
  const std::string id = f.last.id;
  const uint64_t stream = f.Stream(token);
  CHECK(f.Takes(stream));
  f.Wait(token), f.SubmitAndWait(token);
  f.As(token, "GET", "/v1/namespaces/one/live");
  const uint64_t live = f.last_token;
  const size_t events = f.sink.events.size();
  f.Change(id, [](TokenRow* row) { row->grant.namespaces = NamespaceSet::Of({"one"}); });
  f.Change(id, [](TokenRow* row) { row->grant.scopes.Add(Scope::kReadBodies); });
  f.Change(id, [](TokenRow* row) { row->grant.lanes.emplace_back("c/"); });
  f.Change(id, [](TokenRow* row) { row->grant.lanes.clear(); });
  f.Change(id, [](TokenRow* row) { row->grant.fkeys.clear(); });
  f.Change(id, [](TokenRow* row) { row->grant.caller.reset(); });
  f.Change(id, [](TokenRow* row) { row->grant.submits_per_s = 6; });
  f.Change(id, [](TokenRow* row) { row->name = "another name"; });
  f.Change(id, [](TokenRow* row) { row->grant.namespaces = NamespaceSet::All(); });
  CHECK(f.answers.empty());
  CHECK(f.sink.events.size() == events);
  CHECK_FALSE(f.responder.streams.at(live).ended);
  CHECK(f.Takes(stream));
}

TEST_CASE("holding: a change of its token that takes what it needs ends it") {
  struct Row {
    const char* what;
    std::function<void(Grant*)> change;
    bool lines, wait;  // which ends
  };
  const Row row = GENERATE(Row{"the namespace", [](Grant* grant) { grant->namespaces = NamespaceSet::Of({"two"}); }, true, true},
                           Row{"submit",
                               [](Grant* grant) {
                                 grant->scopes = {Scope::kRead, Scope::kReadBodies, Scope::kOperate};
                               },
                               true, true},
                           Row{"what shows bodies",
                               [](Grant* grant) {
                                 grant->scopes = {Scope::kSubmit, Scope::kRead, Scope::kOperate};
                               },
                               false, true},
                           Row{"what replaces another's",
                               [](Grant* grant) {
                                 grant->scopes = {Scope::kSubmit, Scope::kRead, Scope::kReadBodies};
                               },
                               true, false},
                           Row{"another caller", [](Grant* grant) { grant->caller = "web"; }, true, true},
                           Row{"lanes", [](Grant* grant) { grant->lanes = {"a/"}; }, true, true},
                           Row{"fkeys", [](Grant* grant) { grant->fkeys = {"k"}; }, true, true},
                           Row{"where from", [](Grant* grant) { grant->cidrs = {*Cidr::Parse("10.0.0.0/8")}; }, true, true});
  INFO(row.what);
  HoldingFixture f;
  const std::string token = f.Give({"one", "two"}, {Scope::kSubmit, Scope::kRead, Scope::kReadBodies, Scope::kOperate});
  const uint64_t stream = f.Stream(token), wait = f.Wait(token);
  f.Change(f.last.id, [&](TokenRow* changed) { row.change(&changed->grant); });
  CHECK(f.answers.contains(stream) == row.lines);
  CHECK(f.answers.contains(wait) == row.wait);
  if (row.lines) CHECK(f.answers.at(stream).status == 401);
  CHECK(f.Takes(stream) != row.lines);
}

TEST_CASE("holding: further lines of a bulk submit are judged by what is known then") {
  HoldingFixture f;
  const std::string token = f.Give({"one"}, {Scope::kSubmit});
  const std::string id = f.last.id;
  const uint64_t stream = f.Stream(token);
  auto taken = [&](const std::string& line) {
    const size_t before = f.sink.events.size();
    f.api.OnBody(stream, line + "\n");
    if (f.sink.events.size() == before) return false;
    Submitted submitted;
    submitted.items.resize(1);
    f.api.OnReply({{3, stream}, submitted});
    return true;
  };
  const std::string as_billing = R"({"url":"http://h/","caller":"billing"})";
  CHECK(taken(as_billing));
  Grant bound = TeamsFixture::Of({"one"}, {Scope::kSubmit});
  bound.caller = "billing";
  f.Give(bound);
  CHECK_FALSE(taken(as_billing));
  CHECK(taken(R"({"url":"http://h/"})"));
  // So is how many there may be.
  f.Change(id, [](TokenRow* row) { row->grant.submits_per_s = 1; });
  CHECK(taken(R"({"url":"http://h/"})"));
  CHECK_FALSE(taken(R"({"url":"http://h/"})"));
}

TEST_CASE("holding: what the file gives to a peer ends nothing either, where it gives more") {
  HoldingFixture f;
  auto set = [&](const Grant& grant) {
    auto settings = std::make_shared<AuthSettings>();
    settings->tokens = true;
    settings->peers[1000] = std::make_shared<const NamedGrant>(NamedGrant{"peer 1000", grant});
    f.api.SetAuth(settings);
  };
  set(TeamsFixture::Of({"one", "two"}, {Scope::kRead}));
  HttpRequest request;
  request.method = "GET";
  request.target = "/v1/notifies/" + NotifyId::Of(kOne, 5).ToString() + "?wait_ms=60000";
  Peer peer;
  peer.uid = 1000;
  request.peer = std::make_shared<const Peer>(std::move(peer));
  f.api.OnRequest(++f.last_token, std::move(request));
  set(TeamsFixture::Of({"one"}, {Scope::kRead, Scope::kReadBodies}));
  CHECK_FALSE(f.answered());
  set(TeamsFixture::Of({"two"}, {Scope::kRead, Scope::kReadBodies}));
  CHECK(f.Outcome() == "401");
}

}  // namespace
}  // namespace notifyd
