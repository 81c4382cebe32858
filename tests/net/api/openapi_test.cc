// docs/openapi.yaml and the code say the same: routes, what requests may hold, what they are refused for. Answers are openapi_answers_test's.
#include "api_fixture.h"
#include "net/api/notify_fields.h"
#include "net/api/problem.h"
#include "net/api/routes.h"
#include "net/api/space_fields.h"
#include "net/api/steps.h"
#include "net/api/submit_parser.h"
#include "net/api/token_fields.h"
#include "net/api/topic_fields.h"
#include "openapi_document.h"

#include <functional>

namespace notifyd {
namespace {

constexpr const char* kDocumentId = "n000000000000001f";

/// With a token of the id that paths name.
class DocumentFixture : public ApiFixture {
 public:
  DocumentFixture() {
    AccessTable table;
    for (const auto& [name, number] : {std::pair("default", kDefaultNumber), {"system", kSystemNumber}}) {
      auto row = std::make_shared<NamespaceRow>();
      row->name = name;
      row->number = number;
      table.PutNamespace(name, std::move(row));
    }
    auto token = std::make_shared<TokenRow>();
    token->id = kDocumentId;
    token->name = "a token";
    token->grant = Grant::Everything();
    table.PutToken(kDocumentId, std::move(token));
    api.SetTable(std::make_shared<const AccessTable>(std::move(table)));
  }
  /// Whoever was asked refuses, as that status says.
  void Refuse(Code code, bool stale = false) {
    if (stale && sink.registry.empty()) return Reply(Stale{});
    if (sink.registry.empty()) return Reply(Refused{Status(code, "why"), {}});
    api.OnRegistryReply({.request = RegistryRequestOf({3, last_token}), .status = Status(code, "why"), .stale = stale});
  }
};

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}
std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

/// A path of the document with arguments that name something.
std::string Target(std::string path) {
  for (auto [argument, value] : {std::pair("{id}", kDocumentId),
                                 {"{fkey}", "f"},
                                 {"{caller}", "c"},
                                 {"{host}", "h:1"},
                                 {"{mode}", "concurrent"},
                                 {"{name}", "l"},
                                 {"{topic}", "t"},
                                 {"{file}", "console.js"},
                                 {"{ns}", "default"}})
    if (size_t at = path.find(argument); at != std::string::npos) path.replace(at, std::string_view(argument).size(), value);
  return path;
}

/// A body that the operation takes.
std::string GoodBody(const std::string& path, const std::string& method) {
  if (path == "/v1/subscriptions/{name}" && method == "put") return R"({"topic":"t","url":"http://h/"})";
  if (path == "/v1/publish") return R"({"topic":"t"})";
  if (path.ends_with("/publish")) return "{}";
  if (method == "put" && path.ends_with("/instances/{id}")) return R"({"url":"http://h/"})";
  if (path == "/v1/schedules/{name}" && method == "put") return R"({"every_ms":1000,"notify":{"url":"http://h/"}})";
  if (path == "/v1/schedules/{name}" && method == "patch") return R"({"paused":true})";
  if (path == "/v1/schedules/{name}/run" || path == "/v1/rekey") return "";
  if (method == "patch" || method == "put" || path.ends_with("/keys")) return R"({})";
  if (path == "/v1/tokens") return R"({"scopes":["submit"]})";
  if (path == "/v1/backups") return R"({"name":"n"})";
  if (path == "/v1/notifies") return R"({"url":"http://h/"})";
  if (path == "/v1/groups") return R"({"notifies":[{"url":"http://h/"}]})";
  return path.find("{") == std::string::npos ? R"({"filter":{"state":"failed"}})" : "";
}

bool IsPlain(const std::string& path) {
  return path == "/healthz" || path == "/readyz" || path == "/metrics" || path == "/.well-known/jwks.json" || path.starts_with("/console");
}

TEST_CASE("openapi: its routes and methods are the router's") {
  OpenApiDocument document;
  std::set<std::pair<std::string, std::string>> offered;
  for (const RouteRow& row : AllRoutes())
    for (std::string method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
      if (FindRoute(method, Target(std::string(row.path)))->row == &row) offered.emplace(row.path, Lower(method));
  CHECK(document.Operations() == offered);
  for (const auto& [path, method] : offered)
    if (const RouteRow& row = *FindRoute(Upper(method), Target(path))->row; row.changes())
      CHECK(document.Operation(path, method)["requestBody"].IsDefined() != row.bodiless());
}

TEST_CASE("openapi: each operation names the scopes of which one is needed, and what may show them") {
  OpenApiDocument document;
  for (const RouteRow& row : AllRoutes()) {
    for (std::string method : {"get", "head", "post", "put", "patch", "delete"}) {
      const std::string path(row.path);
      if (FindRoute(Upper(method), Target(path))->row != &row) continue;
      CAPTURE(path, method);
      const YAML::Node security = document.Operation(path, method)["security"];
      REQUIRE(security.IsSequence());
      std::map<std::string, std::set<std::string>> named;
      bool nobody = row.open();
      for (const YAML::Node& requirement : security) {
        if (requirement.size() == 0) nobody = true;
        for (const auto& scheme : requirement)
          for (const YAML::Node& scope : scheme.second) named[scheme.first.as<std::string>()].insert(scope.as<std::string>());
      }
      std::set<std::string> scopes;
      for (Scope scope : kAllScopes)
        if (row.scopes.Has(scope)) scopes.insert(ToString(scope));
      CHECK(nobody);  // where nobody is asked who he is
      CHECK(named["token"] == scopes);
      CHECK(named["signature"] == scopes);
    }
  }
}

TEST_CASE("openapi: every path declares the arguments that it names") {
  OpenApiDocument document;
  for (const auto& [path, method] : document.Operations()) {
    CAPTURE(path, method);
    std::set<std::string> declared, named;
    for (const YAML::Node& parameter : document.Parameters(path, method))
      if (parameter["in"].as<std::string>() == "path") declared.insert(parameter["name"].as<std::string>());
    for (size_t at = 0; (at = path.find('{', at)) != std::string::npos; ++at) named.insert(path.substr(at + 1, path.find('}', at) - at - 1));
    CHECK(declared == named);
  }
}

// ---- what requests may hold

/// Of EveryName, those that `ask` does not answer with "unknown".
std::set<std::string> Known(const std::function<void(DocumentFixture&, const std::string& name)>& ask) {
  static const std::set<std::string> kNames = EveryName();
  DocumentFixture f;
  std::set<std::string> known;
  for (const std::string& name : kNames) {
    ask(f, name);
    bool unknown = f.answered() && f.Answer().body.find("\"detail\":\"unknown ") != std::string::npos;
    if (!unknown) known.insert(name);
    f.answers.clear();
    f.sink.events.clear();
  }
  return known;
}

std::set<std::string> Names(const OpenApiDocument& document, const char* schema) {
  std::set<std::string> names;
  for (const auto& [name, property] : document.Properties(document.Schema(schema))) names.insert(name);
  return names;
}

/// A body of `before`, the field with null, and `after`. A field that is in `before` too is refused as repeated, which is known.
auto AskWith(const std::string& method, const std::string& target, const std::string& before, const std::string& after) {
  return [=](DocumentFixture& f, const std::string& name) { f.Ask(method, target, before + "\"" + name + "\":null" + after); };
}

TEST_CASE("openapi: the fields of a namespace's settings, of a token and of a signing key are those of the tables that drive parser and answers") {
  OpenApiDocument document;
  std::set<std::string> settings, destinations, token;
  for (const SpaceField& field : SpaceFields()) settings.emplace(field.name());
  for (const auto& field : DestinationFields()) destinations.emplace(field.name());
  for (const TokenField& field : TokenFields()) token.emplace(field.name());
  CHECK(Names(document, "NamespaceSettings") == settings);
  CHECK(Names(document, "NamespaceDestinations") == destinations);
  CHECK(Names(document, "TokenSettings") == token);
  CHECK(Names(document, "NamespaceSettings") == Known(AskWith("PUT", "/v1/namespaces/n", "{", "}")));
  CHECK(Names(document, "NamespaceSettings") == Known(AskWith("PATCH", "/v1/namespaces/default", "{", "}")));
  CHECK(Names(document, "NamespaceDestinations") == Known(AskWith("PUT", "/v1/namespaces/n", R"({"destinations":{)", "}}")));
  CHECK(Names(document, "LaneRule") == Known(AskWith("PUT", "/v1/namespaces/n", R"({"lane_rules":[{"match":"a",)", "}]}")));
  CHECK(Names(document, "TokenSettings") == Known(AskWith("POST", "/v1/tokens", "{", "}")));
  CHECK(Names(document, "NewSigningKey") == Known(AskWith("POST", "/v1/namespaces/default/keys", "{", "}")));
  CHECK(Names(document, "Rotation") == Known(AskWith("POST", std::string("/v1/tokens/") + kDocumentId + "/rotate", "{", "}")));
}

TEST_CASE("openapi: the fields of a notify are the parser's") {
  CHECK(Names(OpenApiDocument(), "Notify") == Known(AskWith("POST", "/v1/notifies", R"({"url":"http://h/",)", "}")));
}

TEST_CASE("openapi: the fields of a notify, and those that may be changed, are those of the table that drives parser and answers") {
  OpenApiDocument document;
  std::set<std::string> all, changeable;
  for (const NotifyField& field : NotifyFields()) {
    all.emplace(field.name());
    if (field.changeable) changeable.emplace(field.name());
  }
  CHECK(Names(document, "Notify") == all);
  CHECK(Names(document, "NotifyPatch") == changeable);
}

TEST_CASE("openapi: the fields of a retry policy and of an answer pattern are the parser's") {
  OpenApiDocument document;
  CHECK(Names(document, "Retry") == Known(AskWith("POST", "/v1/notifies", R"({"url":"http://h/","retry":{)", "}}")));
  CHECK(Names(document, "AnswerPattern") == Known(AskWith("POST", "/v1/notifies", R"({"url":"http://h/","expect":{)", "}}")));
  for (const char* pattern : {"fatal_on", "later_on", "only_on"}) {
    std::string before = std::string(R"({"url":"http://h/","ttl_ms":1,"retry":{")") + pattern + R"(":{"contains":"x",)";
    CHECK(Names(document, "AnswerPattern") == Known(AskWith("POST", "/v1/notifies", before, "}}}")));
  }
}

TEST_CASE("openapi: the fields of a change are those that may be changed") {
  std::set<std::string> changeable;
  DocumentFixture f;
  for (const std::string& name : EveryName()) {
    f.Ask("PATCH", std::string("/v1/notifies/") + kDocumentId, "{\"" + name + "\":null}");
    if (!f.answered()) changeable.insert(name);
    f.answers.clear();
  }
  CHECK(Names(OpenApiDocument(), "NotifyPatch") == changeable);
}

TEST_CASE("openapi: the fields of topics, subscriptions and events are the parser's") {
  OpenApiDocument document;
  CHECK(Names(document, "TopicSettings") == Known(AskWith("PUT", "/v1/topics/t", "{", "}")));
  // Beside its own fields it has those of a notify that are no event's.
  std::set<std::string> subscription = Names(document, "SubscriptionSettings");
  for (const NotifyField& field : NotifyFields())
    if (IsOfTemplate(field)) subscription.emplace(field.name());
  CHECK(subscription == Known(AskWith("PUT", "/v1/subscriptions/s", R"({"topic":"t","url":"http://h/",)", "}")));
  CHECK(Names(document, "NewEvent") == Known(AskWith("POST", "/v1/topics/t/publish", "{", "}")));
  CHECK(Names(document, "NewTopicEvent") == Known(AskWith("POST", "/v1/publish", R"({"topic":"t",)", "}")));
  CHECK(Names(document, "EventReplay") == Known(AskWith("POST", std::string("/v1/events/") + kDocumentId + "/replay", "{", "}")));
  CHECK(Names(document, "SubscriptionReplay") == Known(AskWith("POST", "/v1/subscriptions/s/replay", "{", "}")));
  CHECK(Names(document, "SubscriptionApply") == Known(AskWith("POST", "/v1/subscriptions/s/apply", "{", "}")));
}

TEST_CASE("openapi: the fields of a trigger are the parser's") {
  CHECK(Names(OpenApiDocument(), "Trigger") == Known(AskWith("POST", "/v1/fkeys/f/trigger", "{", "}")));
}

TEST_CASE("openapi: the fields of a bulk operation and its filter are the parser's") {
  OpenApiDocument document;
  for (const char* target : {"/v1/notifies/retry", "/v1/notifies/cancel", "/v1/notifies/purge"}) {
    CAPTURE(target);
    CHECK(Names(document, "Bulk") == Known(AskWith("POST", target, R"({"filter":{"state":"failed"},)", "}")));
    CHECK(Names(document, "Filter") == Known(AskWith("POST", target, R"({"filter":{"state":"failed",)", "}}")));
  }
}

TEST_CASE("openapi: the fields of a group are the parser's") {
  CHECK(Names(OpenApiDocument(), "NewGroup") == Known(AskWith("POST", "/v1/groups", R"({"notifies":[{"url":"http://h/"}],)", "}")));
}

TEST_CASE("openapi: the fields of a schedule are the parser's") {
  CHECK(Names(OpenApiDocument(), "ScheduleSettings") == Known(AskWith("PUT", "/v1/schedules/s", "{", "}")));
}

TEST_CASE("openapi: the fields of a lane's change are the parser's") {
  for (const char* mode : {"fifo", "concurrent"})
    CHECK(Names(OpenApiDocument(), "LanePatch") == Known(AskWith("PATCH", std::string("/v1/lanes/") + mode + "/l", "{", "}")));
}

TEST_CASE("openapi: the query parameters of every operation are the code's") {
  OpenApiDocument document;
  for (const auto& [path, method] : document.Operations()) {
    if (method == "head" || IsPlain(path)) continue;
    CAPTURE(path, method);
    std::set<std::string> declared;
    for (const YAML::Node& parameter : document.Parameters(path, method))
      if (parameter["in"].as<std::string>() == "query") declared.insert(parameter["name"].as<std::string>());
    std::string verb = Upper(method), target = Target(path), body = GoodBody(path, method);
    CHECK(declared == Known([&](DocumentFixture& f, const std::string& name) { f.Ask(verb, target + "?" + name + "=", body); }));
  }
}

// ---- ranges

/// What goes with a field so that it means something.
std::string Context(const std::string& schema, const std::string& field) {
  if (schema == "Notify" && field != "url") return std::string(R"("url":"http://h/",)") + (field == "on_held" ? R"("fkey":"f",)" : "");
  if (schema == "LanePatch" && field == "reason") return R"("paused":true,)";
  if (schema == "NamespaceSettings" && field == "burst") return R"("submits_per_s":1,)";
  return schema == "Bulk" ? R"("filter":{"state":"failed"},)" : "";
}

/// "posted", or "422 /field".
std::string OutcomeOf(const std::string& schema, const std::string& field, const std::string& value) {
  DocumentFixture f;
  std::string object = "{" + Context(schema, field) + "\"" + field + "\":" + value + "}";
  bool fifo = field == "on_retry" || field == "on_failure";
  if (schema == "Notify") f.Ask("POST", "/v1/notifies", object);
  if (schema == "Retry") f.Ask("POST", "/v1/notifies", R"({"url":"http://h/","retry":)" + object + "}");
  if (schema == "Trigger") f.Ask("POST", "/v1/fkeys/f/trigger", object);
  if (schema == "Bulk") f.Ask("POST", "/v1/notifies/purge", object);
  if (schema == "Filter") f.Ask("POST", "/v1/notifies/purge", R"({"filter":{"state":"failed",)" + object.substr(1) + "}");
  if (schema == "NamespaceSettings") f.Ask("PUT", "/v1/namespaces/n", object);
  if (schema == "NewSigningKey") f.Ask("POST", "/v1/namespaces/default/keys", object);
  if (schema == "Rotation") f.Ask("POST", std::string("/v1/tokens/") + kDocumentId + "/rotate", object);
  if (schema == "LanePatch") f.Ask("PATCH", std::string("/v1/lanes/") + (fifo ? "fifo" : "concurrent") + "/l", object);
  return f.Outcome();
}

std::string Refusal(const std::string& schema, const std::string& field) {
  return "422 " + std::string(schema == "Retry" ? "/retry" : schema == "Filter" ? "/filter" : "") + "/" + field;
}

/// A string of so many bytes that suits the field.
std::string TextOf(const std::string& field, size_t size) {
  std::string text = field.find("url") != std::string::npos ? "http://h/" : field == "content_type" ? "text/" : "";
  return '"' + text + std::string(size > text.size() ? size - text.size() : 0, 'x') + '"';
}

void CheckRange(const std::string& schema, const std::string& field, const YAML::Node& property) {
  CAPTURE(schema, field);
  if (field == "order_by" || field == "partitions" || field == "order_by_missing") return;  // they go together, with data: submit_test.cc
  if (field == "pool" || field == "pool_fallback" || field == "instance") return;           // of services alone: services_test.cc
  auto outcome = [&](const std::string& value) { return OutcomeOf(schema, field, value); };
  std::string refusal = Refusal(schema, field);
  if (property["minimum"].IsDefined()) {
    bool whole = ToJson(property["type"]).find("integer") != std::string::npos;
    std::string least = property["minimum"].Scalar(), most = property["maximum"].Scalar();
    CHECK(outcome(least) == "posted");
    CHECK(outcome(most) == "posted");
    CHECK(outcome(whole ? std::to_string(std::stoll(least) - 1) : std::to_string(std::stod(least) - 0.0005)) == refusal);
    CHECK(outcome(whole ? std::to_string(std::stoll(most) + 1) : std::to_string(std::stod(most) + 0.5)) == refusal);
    if (whole) CHECK(outcome(least + ".5") == refusal);
    CHECK(outcome("\"" + least + "\"") == refusal);
  }
  if (property["maxLength"].IsDefined()) {
    size_t most = property["maxLength"].as<size_t>();
    CHECK(outcome(TextOf(field, most)) == "posted");
    CHECK(outcome(TextOf(field, most + 1)) == refusal);
    CHECK(property["minLength"].as<int>() == 1);
    CHECK(outcome("\"\"") == refusal);
    CHECK(outcome("5") == refusal);
  }
  if (property["enum"].IsDefined()) {
    for (const auto& word : property["enum"]) CHECK(outcome(ToJson(word)) == "posted");
    CHECK(outcome("\"nope\"") == refusal);
    CHECK(outcome("5") == refusal);
  }
}

TEST_CASE("openapi: ranges, lengths and words of fields are the parser's") {
  OpenApiDocument document;
  size_t checked = 0;
  for (const char* schema : {"Notify", "Retry", "Trigger", "Bulk", "Filter", "LanePatch", "NamespaceSettings", "NewSigningKey", "Rotation"}) {
    for (const auto& [field, property] : document.Properties(document.Schema(schema))) {
      ++checked;
      CheckRange(schema, field, property);
    }
  }
  CHECK(checked > 50);
}

/// Taken, whether somebody must be asked for the answer or not.
bool IsTaken(const std::string& outcome) {
  return outcome == "posted" || outcome == "200";
}

TEST_CASE("openapi: the ranges of query parameters are the code's") {
  OpenApiDocument document;
  for (const auto& [path, method] : document.Operations()) {
    for (const YAML::Node& parameter : document.Parameters(path, method)) {
      YAML::Node schema = document.Resolve(parameter["schema"]);
      if (parameter["in"].as<std::string>() != "query") continue;
      std::string name = parameter["name"].as<std::string>(), target = Target(path) + "?" + name + "=", verb = Upper(method);
      CAPTURE(target);
      auto outcome = [&, path = path, verb = verb](const std::string& value) {
        DocumentFixture f;
        f.Ask(verb, target + value, GoodBody(path, method));
        return f.Outcome();
      };
      if (schema["minimum"].IsDefined()) {
        CHECK(IsTaken(outcome(schema["minimum"].Scalar())));
        CHECK(IsTaken(outcome(schema["maximum"].Scalar())));
        CHECK(outcome(std::to_string(schema["minimum"].as<int64_t>() - 1)) == "422 /" + name);
        CHECK(outcome(std::to_string(schema["maximum"].as<int64_t>() + 1)) == "422 /" + name);
      }
      if (schema["maxLength"].IsDefined()) {
        CHECK(outcome(std::string(schema["maxLength"].as<size_t>(), 'x')) == "posted");
        CHECK(outcome(std::string(schema["maxLength"].as<size_t>() + 1, 'x')) == "422 /" + name);
      }
      YAML::Node words = schema["items"].IsDefined() ? document.Resolve(schema["items"])["enum"] : schema["enum"];
      if (words.IsDefined())
        for (const auto& word : words) CHECK(IsTaken(outcome(word.as<std::string>())));
    }
  }
}

TEST_CASE("openapi: every component is referred to") {
  OpenApiDocument document;
  for (const std::string& reference : document.Components()) {
    CAPTURE(reference);
    CHECK(document.References().contains(reference));
  }
  for (const std::string& reference : document.References()) {
    CAPTURE(reference);
    CHECK(document.Components().contains(reference));
  }
}

// ---- examples

TEST_CASE("openapi: the examples of requests are as their schemas say, and are taken") {
  OpenApiDocument document;
  size_t tried = 0;
  for (const auto& [path, method] : document.Operations()) {
    YAML::Node operation = document.Operation(path, method);
    if (!operation["requestBody"].IsDefined()) continue;
    YAML::Node body = document.Resolve(operation["requestBody"]);
    for (const auto& content : body["content"]) {
      std::string type = content.first.as<std::string>();
      CHECK(content.second["examples"].size() > 0);
      for (const auto& example : content.second["examples"]) {
        CAPTURE(path, method, type, example.first.as<std::string>());
        bool ndjson = type == "application/x-ndjson";
        std::string text = ndjson ? example.second["value"].as<std::string>() : ToJson(example.second["value"]);
        if (!ndjson) CHECK(document.Violations(content.second["schema"], text) == std::vector<std::string>());
        DocumentFixture f;
        f.Ask(Upper(method), Target(path), text, {{"Content-Type", type}});
        // The store, which makes backups, answers at once here.
        CHECK(f.Outcome() == (path == "/v1/backups" ? "202" : "posted"));
        if (ndjson && path == "/v1/notifies") CHECK(f.Posted<SubmitRequest>().items.size() == 2);
        ++tried;
      }
    }
  }
  CHECK(tried >= 12);
}

TEST_CASE("openapi: the example of a bulk's answer says of a line what the code says of one that is no JSON") {
  OpenApiDocument document;
  YAML::Node content = document.Operation("/v1/notifies", "post")["responses"]["200"]["content"]["application/x-ndjson"];
  const std::string lines = content["examples"]["lines"]["value"].as<std::string>();
  SubmitParser parser(1000, 0);
  const Status status = parser.ParseLine("x", 1).status();
  CHECK(lines.ends_with("\n{\"index\":1,\"error\":" + ProblemResponse(status).body + "}\n"));
}

// ---- refusals

/// The core's part in a status.
std::optional<Code> CodeOf(const std::string& status) {
  if (status == "404") return Code::kNotFound;
  if (status == "409") return Code::kConflict;
  if (status == "413") return Code::kTooLarge;
  if (status == "429") return Code::kTooMany;
  if (status == "503") return Code::kUnavailable;
  if (status == "507") return Code::kDiskFull;
  return std::nullopt;
}

/// Asks in a way that the Api itself refuses with that status, as far as it can. Leaves a posted request where only the core can.
void Provoke(DocumentFixture& f, const std::string& path, const std::string& method, const std::string& status) {
  std::string verb = Upper(method), target = Target(path), body = GoodBody(path, method);
  Headers headers;
  f.ready = status != "503";
  if (status == "400") target += "?%zz";
  if (status == "403") headers.emplace_back("Origin", "http://evil.example");
  if (status == "422") target += "?nope=1";
  if (status == "415") {
    headers.emplace_back("Content-Type", "text/plain");
    if (body.empty()) body = R"({"x":1})";  // nothing, which a trigger may say, has no type
  }
  if (status == "412") headers.emplace_back("If-Match", "\"other\"");
  if (status == "404" && path == "/v1/lanes/{mode}/{name}" && method == "patch") target = "/v1/lanes/nope/x";
  if (const size_t at = target.find("/default"); status == "404" && at != std::string::npos) target.replace(at, 8, "/none");
  if (status == "404" && path == "/console/{file}") target = "/console/nope";
  // What is no notify is never long.
  const bool publishes = path.ends_with("/publish"), bodiless = body.empty() && method != "get" && !path.ends_with("/trigger");
  const bool of_registry =
      path.starts_with("/v1/namespaces") || path.starts_with("/v1/tokens") || path == "/v1/backups" || path.starts_with("/v1/services") ||
      (path.starts_with("/v1/schedules") && !path.ends_with("/run")) ||
      (!publishes && (path.starts_with("/v1/topics") || path.starts_with("/v1/subscriptions") || path.starts_with("/v1/events")));
  if (status == "413" && publishes) body = (path == "/v1/publish" ? R"({"topic":"t",)" : "{") + (R"("body":")" + std::string(2000, 'x') + "\"}");
  if (status == "413" && (of_registry || bodiless)) body = "{\"x\":\"" + std::string(70'000, 'x') + "\"}";
  if (status == "413" && path == "/v1/notifies") body = R"({"url":"http://h/","body":")" + std::string(2000, 'x') + "\"}";
  if (status == "413" && path == "/v1/groups") body = R"({"notifies":[{"url":"http://h/","body":")" + std::string(2000, 'x') + "\"}]}";
  if (status == "413" && method == "patch" && !of_registry) body = "{\"body\":\"" + std::string(2000, 'x') + "\"}";
  // What the store says of backups.
  if (path.starts_with("/v1/backups") && (status == "409" || status == "503" || (status == "404" && path != "/v1/backups")))
    f.backups = {Status(*CodeOf(status), "why"), {}};
  if (path.starts_with("/v1/cluster/members") && (status == "404" || status == "503")) f.drained = Status(*CodeOf(status), "why");
  if (status == "409" && path == "/v1/rekey") f.rekey.begun = Status(Code::kConflict, "why");
  if (status == "409" && path == "/v1/debug/profile") f.profile = Status(Code::kConflict, "why");
  if (status == "429" && path == "/v1/live") *f.listeners = ApiFixture::kMaxListeners;
  f.Ask(verb, target, body, headers);
  if (f.answered() || f.sink.events.empty() || (status != "412" && status != "413")) return;
  if (!std::holds_alternative<ChangeReadRequest>(f.sink.events.back())) return;
  uint64_t token = f.last_token;
  ApiFixture other;
  other.Submit(R"({"url":"http://h/"})");
  f.last_token = token;
  f.Reply(Viewed{{std::make_shared<const NotifyRecord>(other.RecordOf(other.Item())), State::kReady}});
}

TEST_CASE("openapi: every refusal that it names for an operation is one that the code answers with, as a problem") {
  OpenApiDocument document;
  for (const auto& [path, method] : document.Operations()) {
    for (const std::string& status : document.Statuses(path, method)) {
      if (status[0] == '2' || status[0] == '3') continue;
      CAPTURE(path, method, status);
      DocumentFixture f;
      Provoke(f, path, method, status);
      if (!f.answered()) {
        const bool of_topic = !f.sink.events.empty() && std::holds_alternative<TopicRequest>(f.sink.events.back());
        const bool stale = status == "412" && (!f.sink.registry.empty() || of_topic);
        const bool stale_in_core = status == "412" && !stale;
        REQUIRE((stale || stale_in_core || CodeOf(status)));
        if (stale_in_core) f.Reply(Stale{});
        else f.Refuse(stale ? Code::kConflict : *CodeOf(status), stale);
      }
      CHECK(f.Outcome().substr(0, 3) == status);
      CHECK(document.Violations(document.Schema("Problem"), f.Answer().body) == std::vector<std::string>());
      YAML::Node response = document.Response(path, method, status);
      CHECK(response["content"]["application/problem+json"].IsDefined());
      std::set<std::string> sent, declared;
      for (const auto& [name, value] : f.Answer().headers) sent.insert(name);
      if (response["headers"].IsDefined())
        for (const auto& header : response["headers"]) declared.insert(header.first.as<std::string>());
      CHECK(declared == sent);
    }
  }
}

TEST_CASE("openapi: what the Api refuses by itself is named for its operation") {
  OpenApiDocument document;
  for (const auto& [path, method] : document.Operations()) {
    if (method == "head") continue;
    for (std::string status : {"400", "403", "404", "412", "413", "415", "422", "503"}) {
      DocumentFixture f;
      Provoke(f, path, method, status);
      if (!f.answered() || f.Answer().status < 400) continue;
      CAPTURE(path, method, f.Answer().body);
      CHECK(document.Statuses(path, method).contains(std::to_string(f.Answer().status)));
    }
    DocumentFixture f;
    f.Ask(Upper(method), Target(path));
    if (!f.answered() || f.Answer().status < 400) continue;
    CAPTURE(path, method, f.Answer().body);
    CHECK(document.Statuses(path, method).contains(std::to_string(f.Answer().status)));
  }
}

TEST_CASE("openapi: what others than the Api refuse is named for its operation") {
  OpenApiDocument document;
  const auto named = [&](const char* status, const std::set<std::string>& operations) {
    for (const std::string& operation : operations) {
      CAPTURE(operation, status);
      const size_t space = operation.find(' ');
      CHECK(document.Statuses(operation.substr(space + 1), operation.substr(0, space)).contains(status));
    }
  };
  named("409", {"post /v1/events/{id}/replay", "patch /v1/lanes/{mode}/{name}", "patch /v1/callers/{caller}", "patch /v1/hosts/{host}"});
  // Whoever is bound to some is answered so where others change it again and again (net/api/bound_steps.cc).
  for (const char* path : {"/v1/subscriptions/{name}", "/v1/schedules/{name}"})
    named("409", {std::string("put ") + path, std::string("delete ") + path});
  named("409", {"post /v1/subscriptions/{name}/replay", "post /v1/subscriptions/{name}/apply", "patch /v1/schedules/{name}"});
  named("413", {"post /v1/schedules/{name}/run"});
  for (const char* status : {"429", "507"})
    named(status, {"put /v1/topics/{topic}", "put /v1/subscriptions/{name}", "put /v1/services/{name}", "put /v1/services/{name}/instances/{id}"});
  named("503", {"put /v1/namespaces/{ns}", "patch /v1/namespaces/{ns}", "get /v1/backups", "post /v1/backups", "delete /v1/backups/{name}"});
  named("507", {"patch /v1/notifies/{id}"});
}

TEST_CASE("openapi: the refusals of any request, and the types of problems, are the code's") {
  OpenApiDocument document;
  std::set<std::string> statuses, types, declared;
  for (const auto& status : document.Component("responses", "Refused")["x-statuses"]) statuses.insert(status.as<std::string>());
  for (const auto& [path, method] : document.Operations())
    for (const std::string& status : document.Statuses(path, method))
      if (status[0] != '2' && status[0] != '3') statuses.insert(status);
  DocumentFixture f;
  for (const std::string& status : statuses) {
    HttpResponse response = f.api.OnRefused(std::stoi(status), "why");
    CAPTURE(response.body);
    CHECK(document.Violations(document.Schema("Problem"), response.body) == std::vector<std::string>());
    types.insert(Json(response.body).At("/type"));
  }
  for (Leaving why : {Leaving::kStopping, Leaving::kRestarting}) {
    HttpResponse response = LeavingResponse(why);
    CHECK(document.Violations(document.Schema("Problem"), response.body) == std::vector<std::string>());
    types.insert(Json(response.body).At("/type"));
  }
  for (const auto& type : document.Schema("Problem")["properties"]["type"]["enum"]) declared.insert(type.as<std::string>());
  CHECK(types == declared);
  for (const auto& [path, method] : document.Operations()) {
    f.Ask("TRACE", Target(path));
    CHECK(f.Outcome() == "405");
    CHECK(f.Header("Allow") != "(none)");
    YAML::Node fallback = document.Operation(path, method)["responses"]["default"];
    CHECK(fallback.IsDefined());
  }
}

}  // namespace
}  // namespace notifyd
