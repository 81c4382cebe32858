// Namespaces, signing keys, tokens and the audit over HTTP: what is asked of the registry, and what its answers look like.
#include "teams_fixture.h"
#include "net/api/space_fields.h"
#include "net/api/token_fields.h"
#include "net/signing/webhook.h"

namespace notifyd {
namespace {

constexpr NamespaceNumber kOne = TeamsFixture::kOne;

class AdminFixture : public TeamsFixture {
 public:
  AdminFixture() : token(Give({"*"}, ScopeSet::All())) {}
  std::string Admin(const std::string& method, const std::string& target, const std::string& body = "", Headers headers = {}) {
    return As(token, method, target, body, std::move(headers));
  }
  /// A row as the registry would make it.
  std::shared_ptr<const NamespaceRow> Made(const std::string& name, NamespaceSettings settings) {
    auto row = std::make_shared<NamespaceRow>();
    row->name = name;
    row->number = 9;
    row->version = 77;
    row->settings = std::move(settings);
    return row;
  }
  std::string token;
};

/// Every field set.
constexpr const char* kFull = R"({"max_pending":5,"max_stored_bytes":6,"submits_per_s":7.5,"burst":8,"max_in_flight":9,
  "retention_succeeded_ms":10,"retention_settled_ms":11,
  "destinations":{"allow":["10.0.0.0/8"],"deny":["10.1.0.0/16","private"],"https_only":true,"ports":[443,8443]},
  "retry":{"max_attempts":3,"schedule_ms":[1,2]},"timeout_ms":12,
  "lane_rules":[{"match":"a*","mode":"fifo","on_retry":"skip","on_failure":"pause","order_by":"/id","partitions":4,"order_by_missing":"spread"},{"match":"*","concurrency":3,"rate_per_s":0.5,"burst":2}],"cell":"east"})";

TEST_CASE("namespaces: a PUT says all of the settings, and is answered with what they are") {
  AdminFixture f;
  CHECK(f.Admin("PUT", "/v1/namespaces/three", kFull) == "posted");
  const PutNamespace& put = f.Registered<PutNamespace>();
  CHECK(put.name == "three");
  CHECK(put.actor.name.starts_with("token "));
  CHECK(put.settings.max_pending == 5u);
  CHECK(put.settings.destinations.ports == std::vector<uint16_t>{443, 8443});
  REQUIRE(put.settings.lane_rules.size() == 2);
  CHECK(put.settings.lane_rules[1].settings.rate_per_s == 0.5);
  CHECK(put.settings.retry->max_attempts == 3);
  CHECK(put.settings.cell == "east");
  const NamespaceSettings settings = put.settings;
  f.RegistrySays({.created = true, .space = f.Made("three", settings)});
  CHECK(f.Answer().status == 201);
  CHECK(f.Header("Location") == "/v1/namespaces/three");
  CHECK(f.Header("ETag") == "\"77\"");
  // What is shown reads back as what it was.
  JsonReader reader;
  std::string document = SpaceSettingsDocument(settings);
  Result<NamespaceSettings> again = ReadSpaceSettings(&reader, document);
  REQUIRE(again.ok());
  CHECK(*again == settings);
  Json shown(f.Answer().body);
  CHECK(shown.At("/state") == "active");
  CHECK(shown.At("/settings/destinations/deny/1") == "private");
  CHECK(shown.At("/settings/submits_per_s") == "7.5");
  CHECK(shown.At("/settings/lane_rules/0/on_retry") == "skip");
  CHECK(shown.At("/settings/lane_rules/0/order_by") == "/id");
  CHECK(shown.At("/settings/lane_rules/0/order_by_missing") == "spread");
}

TEST_CASE("namespaces: fields are refused by name, and out of their ranges") {
  AdminFixture f;
  for (auto [body, outcome] : std::vector<std::pair<const char*, const char*>>{
           {R"({"nope":1})", "422 /nope"},
           {R"({"destinations":{"nope":1}})", "422 /destinations/nope"},
           {R"({"destinations":{"allow":["nope"]}})", "422 /destinations/allow/0"},
           {R"({"destinations":{"ports":[0]}})", "422 /destinations/ports/0"},
           {R"({"max_pending":-1})", "422 /max_pending"},
           {R"({"max_pending":"5"})", "422 /max_pending"},
           {R"({"burst":5})", "422 /burst"},
           {R"({"timeout_ms":0})", "422 /timeout_ms"},
           {R"({"retry":{"max_attempts":0}})", "422 /retry/max_attempts"},
           {R"({"retry":{"later_on":{"status":[202]}}})", "422 /retry/later_on"},
           {R"({"lane_rules":[{"mode":"fifo"}]})", "422 /lane_rules/0/match"},
           {R"({"lane_rules":[{"match":"a","mode":"fifo","concurrency":2}]})", "422 /lane_rules/0/concurrency"},
           {R"({"lane_rules":[{"match":"a","x":2}]})", "422 /lane_rules/0/x"},
           {R"({"lane_rules":[{"match":"a","order_by":"id"}]})", "422 /lane_rules/0/order_by"},
           {R"({"lane_rules":[{"match":"a","partitions":2}]})", "422 /lane_rules/0/partitions"},
           {R"({"lane_rules":[{"match":"a","order_by":"/id","partitions":1025}]})", "422 /lane_rules/0/partitions"},
           {R"({"lane_rules":[{"match":"a","order_by_missing":"spread"}]})", "422 /lane_rules/0/order_by_missing"},
           {R"({"lane_rules":[{"match":"a","order_by":"/id","order_by_missing":"keep"}]})", "422 /lane_rules/0/order_by_missing"},
           {R"({"cell":"south"})", "422 /cell"},
           {R"({"cell":7})", "422 /cell"},
           {"[]", "422"},
           {"{", "400"},
           {"", "400"}}) {
    CAPTURE(body);
    const std::string said = f.Admin("PUT", "/v1/namespaces/three", body);
    CHECK((said == outcome || (std::string(outcome) == "422" && said == "400")));
  }
  CHECK(f.sink.registry.size() <= 1);  // of the token's use
}

TEST_CASE("namespaces: a PATCH changes what it names; null goes back to the broker's; a condition is held") {
  AdminFixture f;
  NamespaceSettings settings;
  settings.max_pending = 5;
  settings.destinations.https_only = true;
  settings.destinations.ports = std::vector<uint16_t>{443};
  f.PutSpace("one", kOne, settings);
  f.Publish();
  const uint64_t row = f.version;
  CHECK(f.Admin("PATCH", "/v1/namespaces/one", R"({"max_in_flight":3,"destinations":{"ports":null}})") == "posted");
  const PutNamespace& put = f.Registered<PutNamespace>();
  CHECK(put.settings.max_pending == 5u);
  CHECK(put.settings.max_in_flight == 3u);
  CHECK(put.settings.destinations.https_only == true);
  CHECK_FALSE(put.settings.destinations.ports);
  CHECK(put.precondition.version == row);
  f.RegistrySays({.status = Status(Code::kConflict, "stale"), .stale = true});
  CHECK(f.Outcome() == "409");
  CHECK(f.Admin("PATCH", "/v1/namespaces/one", "{}", {{"If-Match", "\"999\""}}) == "412");
  CHECK(f.Admin("PATCH", "/v1/namespaces/one", "{}", {{"If-Match", "\"" + std::to_string(row) + "\""}}) == "posted");
  f.RegistrySays({.status = Status(Code::kConflict, "stale"), .stale = true});
  CHECK(f.Outcome() == "412");
  CHECK(f.Admin("PATCH", "/v1/namespaces/one", R"({"nope":null})") == "422 /nope");
  CHECK(f.Admin("PUT", "/v1/namespaces/one", "{}", {{"If-None-Match", "*"}}) == "posted");
  CHECK(f.Registered<PutNamespace>().precondition.absent);
  f.RegistrySays({.status = Status(Code::kConflict, "it is there already"), .stale = true});
  CHECK(f.Outcome() == "412");
  CHECK(Json(f.Answer().body).At("/detail") == "it is there already");
}

TEST_CASE("namespaces: of a policy's waits a PATCH puts what it names in the place of the others") {
  AdminFixture f;
  auto patched = [&](const RetryPolicy& retry, const std::string& patch) {
    NamespaceSettings settings;
    settings.retry = retry;
    f.PutSpace("one", kOne, settings);
    f.Publish();
    REQUIRE(f.Admin("PATCH", "/v1/namespaces/one", "{\"retry\":" + patch + "}") == "posted");
    return f.Registered<PutNamespace>().settings.retry.value();
  };
  RetryPolicy tries;
  tries.max_attempts = 3;
  RetryPolicy steps = tries, listed = tries;
  steps.initial_ms = 7;
  steps.factor = 3;
  listed.schedule_ms = {1, 2};
  for (const RetryPolicy& before : {tries, steps, listed}) {
    const RetryPolicy after = patched(before, R"({"schedule_ms":[10,20]})");
    CHECK(after.max_attempts == 3);
    CHECK(after.schedule_ms == std::vector<int64_t>{10, 20});
  }
  const RetryPolicy back = patched(listed, R"({"initial_ms":5})");
  CHECK(back.schedule_ms.empty());
  CHECK(back.initial_ms == 5);
  CHECK(back.max_attempts == 3);
  CHECK(patched(steps, R"({"initial_ms":5})").factor == 3);
  CHECK(patched(listed, R"({"max_attempts":4,"factor":null})").schedule_ms.size() == 2);
  CHECK(f.Admin("PATCH", "/v1/namespaces/one", R"({"retry":{"schedule_ms":[4],"factor":2}})") == "422 /retry/factor");
}

TEST_CASE("namespaces: one is removed, with what is pending where that is said") {
  AdminFixture f;
  CHECK(f.Admin("DELETE", "/v1/namespaces/one") == "posted");
  CHECK_FALSE(f.Registered<RemoveNamespace>().discard_pending);
  f.RegistrySays({.status = Status(Code::kConflict, "there are 3 pending notifies in it")});
  CHECK(f.Outcome() == "409");
  CHECK(f.Admin("DELETE", "/v1/namespaces/one?discard_pending=true") == "posted");
  CHECK(f.Registered<RemoveNamespace>().discard_pending);
  auto row = std::make_shared<NamespaceRow>(*f.Made("one", {}));
  row->deleting = true;
  f.RegistrySays({.space = row});
  CHECK(f.Answer().status == 202);
  CHECK(Json(f.Answer().body).At("/state") == "deleting");
  CHECK(f.Admin("DELETE", "/v1/namespaces/one?discard_pending=1") == "422 /discard_pending");
  CHECK(f.Admin("DELETE", "/v1/namespaces/one?x=1") == "422 /x");
}

TEST_CASE("namespaces: a token lists and sees its own") {
  AdminFixture f;
  CHECK(f.As(f.Give({"one", "two"}, {Scope::kRead}), "GET", "/v1/namespaces?limit=1") == "200");
  Json first(f.Answer().body);
  CHECK(first.At("/items/0/name") == "one");
  CHECK_FALSE(first.Has("/items/1"));
  CHECK(first.At("/next") == "one");
  CHECK(f.As(f.Give({"one", "two"}, {Scope::kRead}), "GET", "/v1/namespaces?cursor=one") == "200");
  Json second(f.Answer().body);
  CHECK(second.At("/items/0/name") == "two");
  CHECK(second.At("/next") == "null");
  CHECK(f.As(f.Give({"one"}, {Scope::kAdmin}), "PUT", "/v1/namespaces/two", "{}") == "403");
  const std::string there = f.Answer().body;
  CHECK(f.As(f.Give({"one"}, {Scope::kAdmin}), "PUT", "/v1/namespaces/none", "{}") == "403");
  CHECK(f.Answer().body == there);
}

TEST_CASE("keys: one is made and shown once, and its public part to everybody") {
  AdminFixture f;
  CHECK(f.Admin("POST", "/v1/namespaces/one/keys", R"({"kind":"ed25519","overlap_ms":1000})") == "posted");
  const PutSigningKey put = f.Registered<PutSigningKey>();
  CHECK(put.space == "one");
  CHECK(put.key.name == "default");
  CHECK(put.overlap_ms == 1000);
  auto row = std::make_shared<NamespaceRow>(*f.table.FindNamespace("one"));
  row->keys.push_back(put.key);
  f.RegistrySays({.created = true, .space = row});
  CHECK(f.Answer().status == 201);
  Json made(f.Answer().body);
  Result<KeyText> secret = ParseKeyText(made.At("/secret"));
  REQUIRE(secret.ok());
  CHECK(secret->secret == put.key.secret);
  CHECK(secret->kind == SigningKind::kEd25519);
  f.table.PutNamespace("one", row);
  f.Publish();
  f.Admin("GET", "/v1/namespaces/one");
  Json shown(f.Answer().body);
  CHECK(shown.At("/signing/keys/0/public_key") == made.At("/public_key"));
  CHECK(f.Answer().body.find(made.At("/secret")) == std::string::npos);
  f.Ask("GET", "/.well-known/jwks.json");
  CHECK(f.Answer().status == 200);
  CHECK(Json(f.Answer().body).At("/keys/0/kty") == "OKP");
  CHECK(f.Admin("DELETE", "/v1/namespaces/one/keys/default") == "posted");
  CHECK(f.Registered<RemoveSigningKey>().name == "default");
  CHECK(f.Admin("POST", "/v1/namespaces/one/keys", R"({"kind":"rsa"})") == "422 /kind");
}

TEST_CASE("tokens: one is made, and its text is in that answer alone") {
  AdminFixture f;
  const std::string body = R"({"name":"shop","namespaces":["one"],"scopes":["submit","read"],"caller":"shop","cidrs":["10.0.0.0/8"],"lanes":["a"],
      "fkeys":["b"],"services":["c"],"submits_per_s":5,"expires_at":"2030-01-01T00:00:00Z","signing":true})";
  CHECK(f.Admin("POST", "/v1/tokens", body) == "posted");
  const MakeTokenRequest make = f.Registered<MakeTokenRequest>();
  CHECK(make.grant.scopes == ScopeSet{Scope::kSubmit, Scope::kRead});
  CHECK(make.grant.caller == "shop");
  CHECK(make.signing);
  CHECK(make.secret.signing_key);
  auto row = std::make_shared<TokenRow>();
  row->id = make.id;
  row->name = make.name;
  row->grant = make.grant;
  row->signing = true;
  row->secret = make.secret;
  row->version = 5;
  f.RegistrySays({.created = true, .token = row});
  CHECK(f.Answer().status == 201);
  CHECK(f.Header("Location") == "/v1/tokens/" + make.id);
  Json made(f.Answer().body);
  const std::string text = made.At("/token");
  CHECK(ParseToken(text)->id == make.id);
  CHECK(FindSecret(row.get(), ParseToken(text)->secret, WallTime{0}) != nullptr);
  CHECK(made.At("/scopes/1") == "read");
  CHECK(made.At("/cidrs/0") == "10.0.0.0/8");
  CHECK(made.At("/expires_at") == "2030-01-01T00:00:00.000Z");
  // What is shown reads back as what it was.
  JsonReader reader;
  std::string document = TokenDocument(TokenSettings::Of(*row));
  TokenSettings again;
  REQUIRE(ReadTokenSettings(&reader, document, &again).ok());
  CHECK(again.grant == row->grant);
  CHECK(again.name == row->name);
  f.table.PutToken(row->id, row);
  f.Publish();
  CHECK(f.Admin("GET", "/v1/tokens/" + make.id) == "posted");
  CHECK(f.Registered<ListTokens>().only == make.id);
  f.RegistrySays({.tokens = {{row, WallTime{1'700'000'000'000}}}});
  CHECK(f.Answer().body.find("\"token\":") == std::string::npos);
  CHECK(Json(f.Answer().body).At("/last_used_at") == "2023-11-14T22:13:20.000Z");
  CHECK(f.Admin("PATCH", "/v1/tokens/" + make.id, R"({"caller":null,"disabled":true})") == "posted");
  CHECK_FALSE(f.Registered<ChangeToken>().grant.caller);
  CHECK(f.Registered<ChangeToken>().disabled);
  CHECK(f.Registered<ChangeToken>().grant.lanes == std::vector<std::string>{"a"});
  CHECK(f.Admin("PATCH", "/v1/tokens/" + make.id, R"({"signing":false})") == "422 /signing");
  CHECK(f.Admin("POST", "/v1/tokens/" + make.id + "/rotate", R"({"grace_ms":1000})") == "posted");
  CHECK(f.Registered<RotateToken>().grace_ms == 1000);
  CHECK(f.Registered<RotateToken>().secret.signing_key);
  f.RegistrySays({.token = row});
  CHECK(Json(f.Answer().body).At("/token").starts_with("ntf_" + make.id + "_"));
  CHECK(f.Admin("DELETE", "/v1/tokens/" + make.id, "", {{"If-Match", "\"4\""}}) == "posted");
  f.RegistrySays({.status = Status(Code::kConflict, "stale"), .stale = true});
  CHECK(f.Outcome() == "412");
  CHECK(f.Admin("DELETE", "/v1/tokens/" + make.id) == "posted");
  CHECK_FALSE(f.Registered<RemoveToken>().precondition.version);
}

TEST_CASE("tokens: one of another namespace is as one that is not there, whatever is asked of it") {
  AdminFixture f;
  f.Give({"two"}, {Scope::kSubmit});
  const std::string foreign = f.last.id;
  const std::string admin = f.Give({"one"}, ScopeSet::All());
  // The registry says 404; nothing that the row has is judged before.
  for (const std::string& id : {foreign, std::string("unknown12345")}) {
    CHECK(f.As(admin, "PATCH", "/v1/tokens/" + id, R"({"signing":true})") == "posted");
    CHECK(f.Registered<ListTokens>().only == id);
    CHECK(f.As(admin, "PATCH", "/v1/tokens/" + id, R"({"disabled":true})", {{"If-Match", "\"7\""}}) == "posted");
    CHECK(f.Registered<ListTokens>().only == id);
    CHECK(f.As(admin, "POST", "/v1/tokens/" + id + "/rotate") == "posted");
    CHECK(f.Registered<ListTokens>().only == id);
  }
}

TEST_CASE("tokens: where nothing is said of namespaces they are the maker's own") {
  AdminFixture f;
  f.As(f.Give({"one", "two"}, ScopeSet::All()), "POST", "/v1/tokens", R"({"scopes":["submit"]})");
  CHECK(f.Registered<MakeTokenRequest>().grant.namespaces == NamespaceSet::Of({"one", "two"}));
  CHECK(f.Admin("POST", "/v1/tokens", R"({"scopes":["nope"]})") == "422 /scopes/0");
  CHECK(f.Admin("POST", "/v1/tokens", R"({"cidrs":["nope"]})") == "422 /cidrs/0");
  CHECK(f.Admin("POST", "/v1/tokens", R"({"secret":"x"})") == "422 /secret");
}

TEST_CASE("tokens: a list goes on where it ended; what the registry refuses is told as it says") {
  AdminFixture f;
  CHECK(f.Admin("GET", "/v1/tokens?limit=1&cursor=abc") == "posted");
  CHECK(f.Registered<ListTokens>().after == "abc");
  CHECK(f.Registered<ListTokens>().limit == 1);
  f.RegistrySays({.tokens = {{f.table.FindToken(f.last.id), std::nullopt}}, .more = true});
  CHECK(Json(f.Answer().body).At("/next") == f.last.id);
  CHECK(f.Admin("PATCH", "/v1/tokens/unknown12345", "{}") == "posted");
  f.RegistrySays({.status = Status(Code::kNotFound, "there is no such token")});
  CHECK(f.Outcome() == "404");
  CHECK(f.Admin("DELETE", "/v1/tokens/unknown12345") == "posted");
  f.RegistrySays({.status = Status(Code::kForbidden, "beyond your own", "/scopes")});
  CHECK(f.Outcome() == "403 /scopes");
}

/// With an audit and a board.
class BoardFixture : public TeamsFixture, public NamespaceBoard {
 public:
  BoardFixture() {
    ApiOptions options = Options();
    options.board = this;
    options.metrics_of_namespaces = true;
    options.list_audit = [this](AuditQuery query, std::function<void(AuditPage)> then) {
      asked = query;
      AuditEntry entry{WallTime{1'700'000'000'000}, "token x", "notify_cancelled", "n1", "10.0.0.1", "one", 1};
      then({.items = {{{}, entry}}, .next = AuditPlace{WallTime{5}, 6}});
    };
    whole = std::make_unique<Api>(options, &sink);
    whole->SetResponder(&responder);
    whole->SetTable(std::make_shared<const AccessTable>(table));
  }
  NamespaceFigures Figures(NamespaceNumber number) const override {
    NamespaceFigures figures;
    figures.totals.accepted = number == kDefaultNumber || number == kOne || number == kTwo ? 10 : 0;
    figures.in_flight = 4;
    return figures;
  }
  NamespaceFigures Sum() const override {
    NamespaceFigures figures;
    figures.totals.accepted = 30;
    figures.states = {.held = 1, .scheduled = 2, .ready = 3, .sending = 4, .retrying = 5};
    figures.in_flight = 7;
    return figures;
  }
  void Whole(const std::string& target) {
    HttpRequest request;
    request.method = "GET";
    request.target = target;
    whole->OnRequest(++last_token, std::move(request));
  }
  void Says(decltype(Reply::body) body) { whole->OnReply({{3, last_token}, std::move(body)}); }

  std::unique_ptr<Api> whole;
  AuditQuery asked;
};

TEST_CASE("audit: newest first, page by page, of one's own namespaces") {
  BoardFixture f;
  f.Whole("/v1/audit?limit=7&cursor=5-6");
  CHECK(f.asked.limit == 7);
  CHECK(f.asked.below == AuditPlace{WallTime{5}, 6});
  CHECK(f.asked.spaces.all);
  Json page(f.Answer().body);
  CHECK(page.At("/items/0/who") == "token x");
  CHECK(page.At("/items/0/namespace") == "one");
  CHECK(page.At("/next") == "5-6");
  f.Whole("/v1/audit?cursor=x");
  CHECK(f.Outcome() == "422 /cursor");
}

TEST_CASE("metrics: of each namespace where that is wanted, beside sums without the label") {
  BoardFixture f;
  f.Whole("/metrics");
  f.Says(StatsView());
  f.Says(LanesListed());
  const std::string text = f.Answer().body;
  for (const char* line :
       {"\nnotifyd_accepted_total 20\n", "# TYPE notifyd_namespace_accepted_total counter\nnotifyd_namespace_accepted_total{namespace=\"",
        "\nnotifyd_namespace_accepted_total{namespace=\"one\"} 10\n", "\nnotifyd_namespace_accepted_total{namespace=\"system\"} 0\n",
        "\nnotifyd_namespace_calls_in_flight{namespace=\"two\"} 4\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("all namespaces: sums of figures, and a list merged by time of creation") {
  BoardFixture f;
  f.Whole("/v1/stats?namespaces=all");
  Json sums(f.Answer().body);
  CHECK(sums.At("/totals/accepted") == "30");
  CHECK(sums.At("/namespaces") == "4");
  CHECK(sums.At("/states") == R"({"held":1,"scheduled":2,"ready":3,"sending":4,"retrying":5})");
  CHECK(sums.At("/loaded/in_flight") == "7");
  f.Whole("/v1/stats?namespaces=one");
  CHECK(f.Outcome() == "422 /namespaces");

  auto view = [&](NamespaceNumber number, uint64_t sequence, int64_t created_ms) {
    NotifyRecord record = *f.ViewOf(NotifyId::Of(number, sequence), "c").view.record;
    record.created_at = WallTime{created_ms};
    return NotifyView{std::make_shared<const NotifyRecord>(std::move(record)), State::kReady};
  };
  f.Whole("/v1/notifies?namespaces=all&limit=3&state=ready");
  CHECK(f.sink.numbers.back() == kDefaultNumber);
  CHECK(f.Posted<ListRequest>().query.limit == 3);
  f.Says(Listed{{view(0, 9, 90), view(0, 8, 60), view(0, 7, 10)}, NotifyId{7}});
  // It may have newer ones behind what is kept: not yet three of others.
  CHECK(f.sink.numbers.back() == kDefaultNumber);
  CHECK(f.Posted<ListRequest>().query.below == NotifyId{7});
  f.Says(Listed{});
  CHECK(f.sink.numbers.back() == kOne);  // `system` sleeps and has nothing
  f.Says(Listed{{view(kOne, 9, 95), view(kOne, 8, 60)}, {}});
  CHECK(f.sink.numbers.back() == TeamsFixture::kTwo);
  f.Says(Refused{Status(Code::kNotFound, "it is being removed"), {}});
  Json page(f.Answer().body);
  CHECK(page.At("/items/0/id") == NotifyId::Of(kOne, 9).ToString());
  CHECK(page.At("/items/0/namespace") == "one");
  CHECK(page.At("/items/1/id") == NotifyId::Of(0, 9).ToString());
  CHECK(page.At("/items/2/id") == NotifyId::Of(kOne, 8).ToString());  // of one time, the greater id first
  CHECK_FALSE(page.Has("/items/3"));
  const std::string next = page.At("/next");
  f.Whole("/v1/notifies?namespaces=all&limit=3&cursor=" + next);
  CHECK(f.Posted<ListRequest>().query.created_before == WallTime{61});
  f.Says(Listed{{view(0, 8, 60), view(0, 7, 10)}, {}});
  f.Says(Listed{{view(kOne, 8, 60)}, {}});
  f.Says(Listed{});
  Json rest(f.Answer().body);
  CHECK(rest.At("/items/0/id") == NotifyId::Of(0, 8).ToString());
  CHECK(rest.At("/items/1/id") == NotifyId::Of(0, 7).ToString());
  CHECK_FALSE(rest.Has("/items/2"));
  CHECK(rest.At("/next") == "null");
}

TEST_CASE("stats: the store's and the memory's figures, which are of all namespaces, are shown to an admin of all alone") {
  TeamsFixture f;
  f.As(f.Give({"one"}, {Scope::kRead}), "GET", "/v1/stats");
  f.Reply(StatsView());
  CHECK_FALSE(Json(f.Answer().body).Has("/store"));
  CHECK_FALSE(Json(f.Answer().body).Has("/memory"));
  CHECK(Json(f.Answer().body).Has("/totals"));
  f.As(f.Give({"*"}, ScopeSet::All()), "GET", "/v1/namespaces/one/stats");
  f.Reply(StatsView());
  CHECK(Json(f.Answer().body).Has("/store/disk_bytes"));
}

}  // namespace
}  // namespace notifyd
