// Every route, by every scope, for own, foreign and unknown namespaces: 401, 403, 404, and what may pass. What is expected is worked out from the
// contract's words (section 8), not from the code that decides.
#include "teams_fixture.h"
#include "net/api/routes.h"

namespace notifyd {
namespace {

/// The contract's table of scopes, by path.
ScopeSet ScopesOf(const std::string& path, Verb verb) {
  using enum Scope;
  const bool looks = verb == Verb::kGet;
  auto begins = [&](const char* text) { return path.starts_with(text); };
  if (path == "/healthz" || path == "/readyz" || begins("/.well-known/") || begins("/console")) return {};
  if (path == "/v1/whoami") return ScopeSet::All();
  if (path == "/metrics") return {kMetrics};
  if (begins("/v1/tokens") || path == "/v1/audit" || path == "/v1/rekey" || begins("/v1/backups") || begins("/v1/cluster") || begins("/v1/debug/"))
    return {kAdmin};
  if (begins("/v1/namespaces")) return looks ? ScopeSet{kRead, kAdmin} : ScopeSet{kAdmin};
  if ((path == "/v1/notifies" || path == "/v1/groups") && verb == Verb::kPost) return {kSubmit};
  if (path.ends_with("/trigger") || path.ends_with("/publish")) return {kSubmit};
  // What a service is for everybody is not for one instance of it to say.
  if (begins("/v1/services/{name}/instances") && !looks) return {kRegister, kOperate};
  if (!looks) return {kOperate};
  if (path.ends_with("/response")) return {kSubmit, kReadBodies};
  // Who submits sees his own: one at a time.
  if (begins("/v1/notifies/") || begins("/v1/groups/") || begins("/v1/fkeys/") || begins("/v1/events/")) return {kSubmit, kRead};
  return {kRead};
}

bool IsOfNoNamespace(const std::string& path) {
  return path.starts_with("/v1/tokens") || path.starts_with("/v1/backups") || path.starts_with("/v1/debug/") || path.starts_with("/v1/alerts") ||
         path.starts_with("/v1/cluster") || path == "/v1/audit" || path == "/v1/namespaces" || path == "/v1/rekey" || path == "/v1/whoami" ||
         path == "/metrics";
}

std::string MethodOf(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return "GET";
    case Verb::kPost:
      return "POST";
    case Verb::kPut:
      return "PUT";
    case Verb::kPatch:
      return "PATCH";
    case Verb::kDelete:
      break;
  }
  return "DELETE";
}

std::string BodyOf(const std::string& path, Verb verb) {
  if (verb == Verb::kGet || verb == Verb::kDelete) return "";
  if (path == "/v1/notifies") return R"({"url":"http://h/"})";
  if (path == "/v1/groups") return R"({"notifies":[{"url":"http://h/"}]})";
  if (path == "/v1/tokens") return R"({"scopes":["submit"]})";
  if (path == "/v1/publish") return R"({"topic":"t"})";
  if (path == "/v1/subscriptions/{name}") return R"({"topic":"t","url":"http://h/"})";
  if (path.ends_with("/trigger") || path.ends_with("/rotate") || path.ends_with("/run") || path == "/v1/notifies/{id}/retry") return "";
  if (path.ends_with("/instances/{id}")) return R"({"url":"http://h/"})";
  if (path == "/v1/schedules/{name}") return verb == Verb::kPut ? R"({"every_ms":1000,"notify":{"url":"http://h/"}})" : R"({"paused":true})";
  return path.starts_with("/v1/notifies/") && verb == Verb::kPost ? R"({"filter":{"state":"failed"}})" : "{}";
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  if (size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

/// Where a request is aimed.
struct Aim {
  std::string target;
  std::optional<std::string> named;        // the namespace that the path names
  std::optional<NamespaceNumber> id_of{};  // whose the id in it is
};

std::vector<Aim> AimsOf(const RouteRow& row) {
  std::string path = Replaced(std::string(row.path), "{fkey}", "f");
  path = Replaced(Replaced(Replaced(path, "{mode}", "concurrent"), "{name}", "l"), "{file}", "console.js");
  path = Replaced(Replaced(Replaced(path, "{caller}", "c"), "{host}", "h:1"), "{topic}", "t");
  std::vector<Aim> aims;
  if (path.find("{ns}") != std::string::npos) {
    for (const char* name : {"one", "two", "none"}) aims.push_back({Replaced(path, "{ns}", name), name});
    return aims;
  }
  const bool of_namespace = path.starts_with("/v1/") && !IsOfNoNamespace(path);
  std::vector<std::pair<std::string, std::optional<NamespaceNumber>>> targets = {{path, std::nullopt}};
  if (path.starts_with("/v1/notifies/{id}") || path.starts_with("/v1/events/{id}") || path == "/v1/groups/{id}") {
    targets.clear();
    for (NamespaceNumber number : {TeamsFixture::kOne, TeamsFixture::kTwo, NamespaceNumber{9}})
      targets.emplace_back(Replaced(path, "{id}", NotifyId::Of(number, 7).ToString()), number);
  }
  for (const auto& [target, number] : targets) {
    const std::string plain = Replaced(target, "{id}", "TokenTokenTo");
    aims.push_back({plain, std::nullopt, number});
    if (!of_namespace) continue;
    for (const char* name : {"one", "two", "none"}) aims.push_back({"/v1/namespaces/" + std::string(name) + plain.substr(3), name, number});
  }
  return aims;
}

struct Expected {
  int status = 0;                         // 0: it passes
  std::optional<NamespaceNumber> number;  // to whose core it goes, where it passes
};

NamespaceNumber NumberOf(const std::string& name) {
  return name == "one" ? TeamsFixture::kOne : name == "two" ? TeamsFixture::kTwo : kDefaultNumber;
}

Expected Work(const RouteRow& row, ScopeSet scopes, const std::vector<std::string>& held, const Aim& aim) {
  const std::string path(row.path);
  const ScopeSet needed = ScopesOf(path, row.verb);
  const bool all = held.front() == "*";
  auto holds = [&](const std::string& name) { return all || std::find(held.begin(), held.end(), name) != held.end(); };
  if (needed.empty()) return {};
  if (!scopes.HasAny(needed)) return {403, {}};
  if (path == "/metrics" || path == "/v1/rekey" || path.starts_with("/v1/backups") || path.starts_with("/v1/cluster") ||
      path.starts_with("/v1/debug/"))
    return {all ? 0 : 403, kDefaultNumber};
  if (path.starts_with("/v1/alerts")) return {all ? 0 : 403, kSystemNumber};
  if (IsOfNoNamespace(path)) return {};
  if (aim.named) {
    if (!holds(*aim.named)) return {403, {}};
    if (path == "/v1/namespaces/{ns}" && row.verb == Verb::kPut) return {};
    if (*aim.named == "none") return {404, {}};
    if (aim.id_of && *aim.id_of != NumberOf(*aim.named)) return {404, {}};
    return {0, NumberOf(*aim.named)};
  }
  if (aim.id_of) {
    const std::string name = *aim.id_of == TeamsFixture::kOne ? "one" : *aim.id_of == TeamsFixture::kTwo ? "two" : "";
    return name.empty() || !holds(name) ? Expected{404, {}} : Expected{0, aim.id_of};
  }
  return {0, !all && held.size() == 1 ? NumberOf(held.front()) : kDefaultNumber};
}

TEST_CASE("access: every route has the scopes that the contract gives it") {
  for (const RouteRow& row : AllRoutes()) {
    CAPTURE(std::string(row.path), MethodOf(row.verb));
    CHECK(row.scopes == ScopesOf(std::string(row.path), row.verb));
    // What changes something in a namespace is in its audit, but for what a submitter does.
    const bool by_registry = row.path.starts_with("/v1/namespaces") || row.path.starts_with("/v1/tokens");
    CHECK((row.audit != nullptr) == (row.changes() && !row.scopes.Has(Scope::kSubmit) && !by_registry));
  }
}

TEST_CASE("access: every route, by every scope, in own, foreign and unknown namespaces") {
  TeamsFixture f;
  std::vector<ScopeSet> scope_sets = {ScopeSet::All()};
  for (Scope scope : kAllScopes) scope_sets.push_back({scope});
  size_t cases = 0, passed = 0;
  for (const std::vector<std::string>& held : std::vector<std::vector<std::string>>{{"one"}, {"default", "one"}, {"*"}}) {
    for (ScopeSet scopes : scope_sets) {
      const std::string token = f.Give(held, scopes);
      for (const RouteRow& row : AllRoutes()) {
        for (const Aim& aim : AimsOf(row)) {
          const std::string method = MethodOf(row.verb), body = BodyOf(std::string(row.path), row.verb);
          CAPTURE(held.front(), held.size(), scopes.ToString(), method, aim.target);
          const Expected expected = Work(row, scopes, held, aim);
          f.sink.numbers.clear();
          f.sink.events.clear();
          const std::string outcome = f.As(token, method, aim.target, body);
          ++cases;
          const int status = f.answered() ? f.Answer().status : 0;
          if (expected.status == 0) {
            ++passed;
            // What is not there by the registry's words, or the reader's, may still be refused; never by who asks.
            CHECK(status != 401);
            CHECK(status != 403);
            if (expected.number && !f.sink.numbers.empty()) CHECK(f.sink.numbers.back() == *expected.number);
            if (!f.answered()) f.api.OnClose(f.last_token);
          } else {
            CHECK(outcome == std::to_string(expected.status));
            CHECK(f.sink.events.empty());
            if (!scopes.HasAny(row.scopes)) CHECK(f.Detail().find("scope " + row.scopes.ToString()) != std::string::npos);
          }
          f.answers.clear();
        }
      }
    }
  }
  CHECK(cases > 3'000);
  CHECK(passed > 500);
}

TEST_CASE("access: without a credential, or with a wrong one, every route but the open ones is answered 401, whatever it names") {
  TeamsFixture f;
  f.Give({"*"}, ScopeSet::All());
  const std::string known = "ntf_" + f.last.id + "_" + std::string(36, 'x'), unknown = MakeToken().Text();
  for (const RouteRow& row : AllRoutes()) {
    for (const Aim& aim : AimsOf(row)) {
      for (const std::string& credential :
           {std::string(), std::string("Bearer ") + known, std::string("Bearer ") + unknown, std::string("Basic abc")}) {
        CAPTURE(aim.target, credential);
        f.Ask(MethodOf(row.verb), aim.target, BodyOf(std::string(row.path), row.verb),
              credential.empty() ? Headers{} : Headers{{"Authorization", credential}});
        REQUIRE(f.answered());
        if (row.open()) {
          CHECK(f.Answer().status < 400);
        } else {
          CHECK(f.Outcome() == "401");
          CHECK(f.Header("WWW-Authenticate").starts_with("Bearer realm"));
        }
        f.answers.clear();
      }
    }
  }
  // Of paths and methods that are not there, too.
  for (const char* target : {"/nope", "/v1/nope", "/v1/namespaces/one/nope", "/v1/notifies?%zz"}) {
    f.Ask("GET", target);
    CHECK(f.Outcome() == "401");
  }
  f.Ask("PUT", "/v1/notifies");
  CHECK(f.Outcome() == "401");
  CHECK(f.sink.events.empty());
  CHECK(f.sink.registry.empty());
}

TEST_CASE("access: what a listener does not serve is not there, for whoever may ask") {
  TeamsFixture f;
  const std::string token = f.Give({"*"}, ScopeSet::All());
  auto status = [&](const ServedParts& parts, const std::string& method, const std::string& target, const std::string& body = "") {
    auto peer = std::make_shared<Peer>();
    peer->serves = parts;
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    request.headers = {{"Authorization", "Bearer " + token}};
    request.peer = peer;
    f.api.OnRequest(++f.last_token, std::move(request));
    return f.Outcome();
  };
  const ServedParts probes{.health = true, .metrics = true, .admin = true, .rest = false};
  CHECK(status(probes, "GET", "/healthz") == "200");
  CHECK(status(probes, "GET", "/metrics") == "posted");
  CHECK(status(probes, "GET", "/v1/notifies") == "posted");
  CHECK(status(probes, "GET", "/v1/tokens") == "posted");
  CHECK(status(probes, "POST", "/v1/notifies", R"({"url":"http://h/"})") == "404");
  const ServedParts submits{.health = false, .metrics = false, .admin = false, .rest = true};
  CHECK(status(submits, "POST", "/v1/notifies", R"({"url":"http://h/"})") == "posted");
  CHECK(status(submits, "GET", "/healthz") == "404");
  CHECK(status(submits, "GET", "/metrics") == "404");
  CHECK(status(submits, "GET", "/v1/tokens") == "404");
  CHECK(status(probes, "GET", "/console/") == "200");
  CHECK(status({.console = false}, "GET", "/console/") == "404");
  CHECK(status({.console = false}, "GET", "/console") == "404");
  CHECK(status({.console = false}, "GET", "/console/console.js") == "404");
  CHECK(status(ServedParts::ControlSocket(), "GET", "/console/") == "404");
  CHECK(status(ServedParts::ControlSocket(), "GET", "/v1/tokens") == "posted");
  CHECK(status(ServedParts::ControlSocket(), "GET", "/v1/notifies") == "404");
  CHECK(status(ServedParts::ControlSocket(), "GET", "/healthz") == "404");
}

}  // namespace
}  // namespace notifyd
