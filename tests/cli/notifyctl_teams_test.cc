// notifyctl as a process: tokens, namespaces and their keys, hosts and callers, the audit.
#include <ctime>

#include "base/json_tree.h"
#include "base/time.h"
#include "cli/client/team_fields.h"
#include "cli/ctl.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

struct Asked {
  std::string request, body;
  bool operator==(const Asked&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Asked& asked) {
  return out << asked.request << " " << asked.body;
}

const char kTeamToken[] =
    R"({"id":"t1","token":"ntf_t1_secret","name":"shop","namespaces":["billing"],"scopes":["submit","read"],"caller":null,"expires_at":null})";

}  // namespace

TEST_CASE("notifyctl token, namespace, host, caller: each command is one request") {
  using Arguments = std::vector<std::string>;
  auto [arguments, request, body] = GENERATE(table<Arguments, std::string, std::string>({
      {{"token",     "create", "--scopes",        "submit,read", "--namespaces", "a,b",
        "--name",    "shop",   "--caller",        "shop",        "--cidrs",      "10.0.0.0/8",
        "--lanes",   "x-, y",  "--submits-per-s", "2.5",         "--expires-at", "2030-01-01T00:00:00Z",
        "--signing", "true"},
       "POST /v1/tokens",
       R"({"name":"shop","namespaces":["a","b"],"scopes":["submit","read"],"caller":"shop","cidrs":["10.0.0.0/8"],"lanes":["x-","y"],)"
       R"("submits_per_s":2.5,"expires_at":"2030-01-01T00:00:00Z","signing":true})"},
      {{"token", "create", "--scopes", "admin", "--namespaces", "*"}, "POST /v1/tokens", R"({"namespaces":"*","scopes":["admin"]})"},
      {{"token", "show", "t/1"}, "GET /v1/tokens/t%2F1", ""},
      {{"token", "update", "t1", "--scopes", "read", "--reset", "caller", "--disabled", "true"},
       "PATCH /v1/tokens/t1",
       R"({"scopes":["read"],"disabled":true,"caller":null})"},
      {{"token", "rotate", "t1", "--grace-ms", "60000"}, "POST /v1/tokens/t1/rotate", R"({"grace_ms":60000})"},
      {{"token", "rotate", "t1"}, "POST /v1/tokens/t1/rotate", "{}"},
      {{"token", "delete", "t1"}, "DELETE /v1/tokens/t1", ""},
      {{"namespace", "create", "a"}, "PUT /v1/namespaces/a", "{}"},
      {{"namespace", "create", "a", "--max-pending", "10", "--allow", "10.0.0.0/8", "--ports", "443,8443", "--https-only", "true"},
       "PUT /v1/namespaces/a",
       R"({"max_pending":10,"destinations":{"allow":["10.0.0.0/8"],"https_only":true,"ports":[443,8443]}})"},
      {{"namespace", "update", "a", "--burst", "3", "--deny", "private", "--reset", "destinations.allow", "--reset", "max_pending"},
       "PATCH /v1/namespaces/a",
       R"({"burst":3,"destinations":{"allow":null,"deny":["private"]},"max_pending":null})"},
      {{"namespace", "show", "a"}, "GET /v1/namespaces/a", ""},
      {{"namespace", "delete", "a"}, "DELETE /v1/namespaces/a", ""},
      {{"namespace", "delete", "a", "--discard-pending"}, "DELETE /v1/namespaces/a?discard_pending=true", ""},
      {{"namespace", "key", "create", "a", "--name", "k", "--kind", "ed25519", "--overlap-ms", "5"},
       "POST /v1/namespaces/a/keys",
       R"({"name":"k","kind":"ed25519","overlap_ms":5})"},
      {{"namespace", "key", "delete", "a", "k"}, "DELETE /v1/namespaces/a/keys/k", ""},
      {{"host", "show", "x.org:443"}, "GET /v1/hosts/x.org%3A443", ""},
      {{"host", "pause", "x.org:443"}, "PATCH /v1/hosts/x.org%3A443", R"({"paused":true})"},
      {{"host", "resume", "x.org:443"}, "PATCH /v1/hosts/x.org%3A443", R"({"paused":false})"},
      {{"host", "probe", "x.org:443"}, "POST /v1/hosts/x.org%3A443/probe", ""},
      {{"host", "set", "x.org:443", "--concurrency", "2", "--rate", "0.5"}, "PATCH /v1/hosts/x.org%3A443", R"({"concurrency":2,"rate_per_s":0.5})"},
      {{"host", "set", "x.org:443", "--reset", "concurrency"}, "PATCH /v1/hosts/x.org%3A443", R"({"concurrency":null})"},
      {{"caller", "pause", "shop"}, "PATCH /v1/callers/shop", R"({"paused":true})"},
      {{"caller", "resume", "shop"}, "PATCH /v1/callers/shop", R"({"paused":false})"},
      {{"caller", "set", "shop", "--submits-per-s", "7"}, "PATCH /v1/callers/shop", R"({"submits_per_s":7})"},
  }));
  ScriptedServer broker(Always(200, kTeamToken));
  CHECK(CtlAt(broker, arguments).code == 0);
  REQUIRE(broker.seen().size() == 1);
  const SeenRequest seen = broker.seen().front();
  CHECK(Asked{seen.method + " " + seen.target, seen.body} == Asked{request, body});
  if (seen.method == "PATCH") CHECK(seen.Header("Content-Type") == "application/merge-patch+json");
}

TEST_CASE("notifyctl namespace create: makes one, and changes none that is there") {
  ScriptedServer broker(Always(201, R"({"name":"a"})"));
  CHECK(CtlAt(broker, {"namespace", "create", "a"}).code == 0);
  CHECK(broker.seen().at(0).Header("If-None-Match") == "*");
}

TEST_CASE("notifyctl update: --if-match goes along, with the quotes that a shell took away") {
  ScriptedServer broker(Always(200, "{}"));
  CHECK(CtlAt(broker, {"token", "update", "t1", "--name", "x", "--if-match", "v3"}).code == 0);
  CHECK(CtlAt(broker, {"namespace", "update", "a", "--burst", "1", "--if-match", "\"v4\""}).code == 0);
  CHECK(broker.seen().at(0).Header("If-Match") == "\"v3\"");
  CHECK(broker.seen().at(1).Header("If-Match") == "\"v4\"");
}

TEST_CASE("notifyctl token create: the secret alone on standard output, so that a script can keep it") {
  ScriptedServer broker(Always(201, kTeamToken));
  CtlRun run = CtlAt(broker, {"token", "create", "--namespaces", "billing", "--scopes", "submit"});
  CHECK(run.code == 0);
  CHECK(run.output == "ntf_t1_secret\n");
  CHECK_THAT(run.error, Catch::StartsWith("t1: ") && !Catch::Contains("secret\n"));
  CHECK(CtlAt(broker, {"--json", "--namespace", "billing", "token", "create", "--scopes", "submit"}).output == std::string(kTeamToken) + "\n");
}

TEST_CASE("notifyctl namespace key create: prints what receivers verify by, of an Ed25519 key never what signs") {
  const std::string both = R"({"name":"k","kind":"ed25519","secret":"whsk_seed","public_key":"whpk_open","created_at":"2026-07-23T00:00:00Z"})";
  ScriptedServer broker(Always(201, both));
  CtlRun run = CtlAt(broker, {"namespace", "key", "create", "billing", "--kind", "ed25519"});
  CHECK(run.code == 0);
  CHECK(run.output == "whpk_open\n");
  CHECK_THAT(run.error, Catch::StartsWith("k: receivers verify by it") && !Catch::Contains("whsk_"));
  CHECK(CtlAt(broker, {"--json", "namespace", "key", "create", "billing", "--kind", "ed25519"}).output == both + "\n");
  ScriptedServer shared(Always(201, R"({"name":"k","kind":"hmac","secret":"whsec_key","public_key":null,"created_at":"2026-07-23T00:00:00Z"})"));
  run = CtlAt(shared, {"namespace", "key", "create", "billing"});
  CHECK(run.output == "whsec_key\n");
  CHECK_THAT(run.error, Catch::Contains("the broker keeps it"));
}

TEST_CASE("notifyctl namespace delete: a refusal names the flag, not the API's parameter") {
  ScriptedServer broker(Always(409, R"({"status":409,"detail":"there are 3 pending notifies in it: discard_pending=true cancels them"})"));
  CtlRun run = CtlAt(broker, {"namespace", "delete", "billing"});
  CHECK(run.code == 1);
  CHECK(run.error == "notifyctl: there are 3 pending notifies in it: --discard-pending cancels them\n");
}

TEST_CASE("notifyctl token create: says where the token counts, by --namespaces or by the namespace that is named") {
  ScriptedServer broker(Always(201, kTeamToken));
  CHECK(CtlAt(broker, {"token", "create", "--scopes", "submit"}).code == 2);
  CHECK(broker.seen().empty());
  CHECK(CtlAt(broker, {"--namespace", "shop", "token", "create", "--scopes", "submit"}).code == 0);
  CHECK_THAT(broker.seen().at(0).body, Catch::Contains(R"("namespaces":["shop"])"));
}

TEST_CASE("notifyctl token create --expires-in: becomes a moment from now on") {
  ScriptedServer broker(Always(201, kTeamToken));
  CHECK(CtlAt(broker, {"token", "create", "--namespaces", "billing", "--scopes", "submit", "--expires-in", "90d"}).code == 0);
  Result<JsonTree> body = JsonTree::Parse(broker.seen().at(0).body);
  REQUIRE(body.ok());
  Result<WallTime> at = ParseRfc3339(body->root().At("/expires_at")->text());
  REQUIRE(at.ok());
  int64_t days = (at->ms - static_cast<int64_t>(time(nullptr)) * 1000) / 86'400'000;
  CHECK((days == 89 || days == 90));
}

TEST_CASE("duration: a whole number with its unit, and nothing else") {
  CHECK(*ReadDuration("30s") == 30'000);
  CHECK(*ReadDuration("15m") == 900'000);
  CHECK(*ReadDuration("12h") == 43'200'000);
  CHECK(*ReadDuration("90d") == 7'776'000'000);
  CHECK(*ReadDuration("4w") == 2'419'200'000);
  for (const char* text : {"", "90", "d", "0d", "-1d", "1.5h", "90 d", "90days", "9223372036854775807d", "99999999999999999999s", "36526d"})
    CHECK(!ReadDuration(text).ok());
}

TEST_CASE("notifyctl teams: wrong usage exits with 2 and asks nobody") {
  std::vector<std::string> arguments = GENERATE(values<std::vector<std::string>>({
      {"token"},
      {"token", "bogus"},
      {"token", "create"},
      {"token", "create", "--scopes", "submit", "--disabled", "true"},
      {"token", "create", "--scopes", "submit", "--lanes", ""},
      {"token", "create", "--scopes", "submit", "--lanes", "a,,b"},
      {"token", "create", "--scopes", "submit", "--expires-in", "90"},
      {"token", "create", "--scopes", "submit", "--expires-in", "1d", "--expires-at", "2030-01-01T00:00:00Z"},
      {"token", "create", "--scopes", "submit", "--signing", "yes"},
      {"token", "update", "t1"},
      {"token", "update", "t1", "--signing", "true"},
      {"token", "update", "t1", "--reset", "signing"},
      {"token", "update", "t1", "--name", "x", "--if-match", ""},
      {"token", "update", "t1", "--caller", "c", "--reset", "caller"},
      {"token", "delete"},
      {"token", "delete", ""},
      {"namespace", "update", "a"},
      {"namespace", "update", "a", "--allow", "x", "--reset", "destinations.allow"},
      {"namespace", "key"},
      {"namespace", "key", "delete", "a"},
      {"host", "set", "x:80"},
      {"caller", "set", "c", "--concurrency", "1"},
  }));
  INFO(arguments.back());
  ScriptedServer broker(Always(200, "{}"));
  CtlRun run = CtlAt(broker, arguments);
  CHECK(run.code == 2);
  CHECK_THAT(run.error, Catch::StartsWith("notifyctl: "));
  CHECK(broker.seen().empty());
}

TEST_CASE("notifyctl: a group without a command, or with one that it has not, says which it has") {
  CHECK_THAT(Ctl({"token"}).error, Catch::Contains("token needs a command of its own: create, list, show, update, rotate, delete"));
  CHECK_THAT(Ctl({"namespace", "key", "mint"}).error, Catch::Contains("no command or flag \"mint\" of key, which has create, delete"));
}

TEST_CASE("notifyctl token list: a table, paged; what a list holds with commas") {
  ScriptedServer broker(Always(200, std::string(R"({"items":[)") + kTeamToken + R"(],"next":null})"));
  CtlRun run = CtlAt(broker, {"token", "list", "--limit", "5"});
  CHECK(run.code == 0);
  CHECK(run.output ==
        "ID  NAME  NAMESPACES  SCOPES        CALLER  DISABLED  EXPIRES  LAST USED\n"
        "t1  shop  billing     submit, read  -       -         -        -\n");
  CHECK(broker.seen().at(0).target == "/v1/tokens?limit=5");
}

TEST_CASE("notifyctl namespace list: cells and moves between them are shown where a store has them, and nothing of it elsewhere") {
  const std::string plain = R"({"name":"default","state":"active","awake":true,"pending":1,"in_flight":0,"settings":{"cell":null}})";
  ScriptedServer alone(Always(200, R"({"items":[)" + plain + R"(],"next":null})"));
  const std::string heads = CtlAt(alone, {"namespace", "list"}).output;
  for (const char* head : {"CELL", "MOV", "COPIED"}) CHECK(heads.find(head) == std::string::npos);
  ScriptedServer broker(Always(200, R"({"items":[)" + plain +
                                        R"(,{"name":"billing","state":"active","awake":true,"pending":7,"in_flight":2,"settings":{"cell":"east"},)"
                                        R"("moving":{"to":"west","state":"copying","copied_keys":4000,"waits_for":null}}],"next":null})"));
  const std::string shown = CtlAt(broker, {"namespace", "list"}).output;
  const std::string first = shown.substr(0, shown.find('\n'));
  for (const char* head : {"CELL", "MOVING TO", "MOVE", "COPIED"}) CHECK_THAT(first, Catch::Contains(head));
  CHECK_THAT(shown, Catch::Contains("east") && Catch::Contains("west") && Catch::Contains("copying") && Catch::Contains("4000"));
}

TEST_CASE("notifyctl show: what is within an object stands with its name before it, and the ETag at the end") {
  ScriptedServer broker([](const SeenRequest&) {
    return ScriptedAnswer{200, R"({"name":"a","max_pending":null,"destinations":{"allow":["10.0.0.0/8"],"https_only":true}})", "application/json",
                          "ETag: \"v7\"\r\n"};
  });
  CtlRun run = CtlAt(broker, {"namespace", "show", "a"});
  CHECK(run.output ==
        "name                     a\n"
        "destinations.allow       10.0.0.0/8\n"
        "destinations.https_only  true\n"
        "etag                     \"v7\"\n");
}

TEST_CASE("notifyctl caller list: --sort and --since-ms are passed on") {
  ScriptedServer broker(Always(200, R"({"items":[],"next":null})"));
  CHECK(CtlAt(broker, {"caller", "list", "--sort", "failed", "--since-ms", "60000"}).code == 0);
  CHECK(broker.seen().at(0).target == "/v1/callers?limit=100&since_ms=60000&sort=failed");
  CHECK(CtlAt(broker, {"host", "list"}).code == 0);
  CHECK(CtlAt(broker, {"audit", "--limit", "3"}).code == 0);
  CHECK(broker.seen().at(2).target == "/v1/audit?limit=3");
}

TEST_CASE("notifyctl host list: it shows what holds, whoever says it") {
  ScriptedServer broker(Always(200, R"({"items":[{"host":"a:80","paused":false,"concurrency":null,"rate_per_s":2.5,"in_flight":1,"queued":0,)"
                                    R"("at_cap":false,"breaker":{"state":"closed"},"effective":{"concurrency":16,"rate_per_s":2.5}}],"next":null})"));
  CHECK(CtlAt(broker, {"host", "list"}).output ==
        "HOST  PAUSED  IN FLIGHT  QUEUED  AT CAP  BREAKER  CONCURRENCY  RATE\n"
        "a:80  false   1          0       false   closed   16           2.5\n");
}

TEST_CASE("notifyctl delete: an answer without a body is done") {
  ScriptedServer broker(Always(204, ""));
  CtlRun run = CtlAt(broker, {"token", "delete", "t1"});
  CHECK(run.code == 0);
  CHECK(run.output.empty());
  CHECK(run.error.empty());
}
