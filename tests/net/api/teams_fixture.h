// TeamsFixture: an Api that asks who is there, with the namespaces default, system, one and two, and tokens made for a case.
#pragma once

#include "api_fixture.h"
#include "net/api/submit_parser.h"
#include "net/access/content_digest.h"
#include "net/access/signed_head.h"
#include "net/access/token.h"
#include "net/api/steps.h"
#include "net/peer.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace notifyd {

class TeamsFixture : public ApiFixture {
 public:
  static constexpr NamespaceNumber kOne = 2, kTwo = 3;

  explicit TeamsFixture(bool tokens = true) {
    PutSpace("default", kDefaultNumber);
    PutSpace("system", kSystemNumber);
    PutSpace("one", kOne);
    PutSpace("two", kTwo);
    auto settings = std::make_shared<AuthSettings>();
    settings->tokens = tokens;
    api.SetAuth(settings);
    Publish();
  }

  void PutSpace(const std::string& name, NamespaceNumber number, NamespaceSettings settings = {}) {
    auto row = std::make_shared<NamespaceRow>();
    row->name = name;
    row->number = number;
    row->version = ++version;
    row->settings = std::move(settings);
    table.PutNamespace(name, std::move(row));
  }
  void Publish() { api.SetTable(std::make_shared<const AccessTable>(table)); }

  static Grant Of(std::vector<std::string> namespaces, ScopeSet scopes) {
    Grant grant;
    grant.namespaces = namespaces == std::vector<std::string>{"*"} ? NamespaceSet::All() : NamespaceSet::Of(std::move(namespaces));
    grant.scopes = scopes;
    return grant;
  }
  /// Makes a token and returns its text; `last` is it.
  std::string Give(Grant grant, bool signing = false) {
    last = MakeToken();
    TokenRow row;
    row.id = last.id;
    row.version = ++version;
    row.name = "a token";
    row.grant = std::move(grant);
    row.signing = signing;
    row.secret = KeepSecret(last.secret, signing);
    const std::string id = row.id;
    table.PutToken(id, std::make_shared<const TokenRow>(std::move(row)));
    Publish();
    return last.Text();
  }
  std::string Give(std::vector<std::string> namespaces, ScopeSet scopes) { return Give(Of(std::move(namespaces), scopes)); }

  /// Asks with a token; returns the outcome.
  std::string As(const std::string& token, const std::string& method, const std::string& target, const std::string& body = "", Headers headers = {}) {
    headers.emplace_back("Authorization", "Bearer " + token);
    Ask(method, target, body, std::move(headers));
    return Outcome();
  }
  std::string Detail() { return Json(Answer().body).At("/detail"); }
  /// The registry's answer to the newest request.
  void RegistrySays(RegistryReply reply) {
    reply.request = RegistryRequestOf({3, last_token});
    api.OnRegistryReply(std::move(reply));
  }
  template <class E>
  const E& Registered() {
    REQUIRE_FALSE(sink.registry.empty());
    REQUIRE(std::holds_alternative<E>(sink.registry.back()));
    return std::get<E>(sink.registry.back());
  }

  /// A notify of a caller, as the core shows it.
  Viewed ViewOf(NotifyId id, const std::string& caller, const std::string& lane = "l", const std::string& fkey = "") {
    SubmitParser parser(1000, 1);
    std::string document = R"({"url":"http://h/x","data":{"secret":1},"headers":{"X-A":"b"},"lane":")" + lane + R"(","caller":")" + caller + "\"" +
                           (fkey.empty() ? "}" : R"(,"fkey":")" + fkey + "\"}");
    SubmitItem item = parser.Parse(document, nullptr)->items[0];
    auto record = std::make_shared<NotifyRecord>();
    record->id = id;
    record->envelope = item.envelope;
    record->spec = item.spec;
    record->state.due = WallTime{1'700'000'001'000};
    record->attempts = {{1, WallTime{1'700'000'000'000}, 3, 200, "", "", "an answer"}};
    return Viewed{{std::move(record), State::kReady}};
  }

  AccessTable table;
  NewToken last;
  uint64_t version = 0;
};

}  // namespace notifyd
