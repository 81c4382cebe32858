// A table with the namespaces default, one and two, and tokens made for a case.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "net/access/admission.h"
#include "net/access/signed_head.h"
#include "net/access/token.h"

namespace notifyd {

inline constexpr WallTime kStart{1'800'000'000'000};
inline constexpr WallTime kLater{kStart.ms + 600'000};

struct AccessStage {
  AccessStage() {
    settings.tokens = true;
    NamespaceNumber number = 0;
    for (const char* name : {"default", "one", "two"}) table.PutNamespace(name, Row(name, number++));
  }

  static std::shared_ptr<const NamespaceRow> Row(const std::string& name, NamespaceNumber number) {
    NamespaceRow row;
    row.name = name;
    row.number = number;
    return std::make_shared<const NamespaceRow>(row);
  }
  static Grant Of(std::vector<std::string> namespaces, ScopeSet scopes) {
    Grant grant;
    grant.namespaces = namespaces == std::vector<std::string>{"*"} ? NamespaceSet::All() : NamespaceSet::Of(std::move(namespaces));
    grant.scopes = scopes;
    return grant;
  }
  TokenRow NewRow(Grant grant, bool signing = false) {
    last = MakeToken();
    TokenRow row;
    row.id = last.id;
    row.grant = std::move(grant);
    row.signing = signing;
    row.secret = KeepSecret(last.secret, signing);
    return row;
  }
  void Put(TokenRow row) {
    const std::string id = row.id;
    table.PutToken(id, std::make_shared<const TokenRow>(std::move(row)));
  }
  /// Makes it and returns its text.
  std::string Give(Grant grant) {
    Put(NewRow(std::move(grant)));
    return last.Text();
  }
  Admission Make() { return Admission(std::make_shared<const AuthSettings>(settings), std::make_shared<const AccessTable>(table), &nonces, started); }
  static HttpRequest Request(const std::string& authorization = {}) {
    HttpRequest head;
    head.method = "POST";
    head.target = "/v1/notifies";
    head.headers = {{"Host", "broker.example"}};
    if (!authorization.empty()) head.headers.emplace_back("Authorization", authorization);
    return head;
  }
  static Peer From(const char* address) { return Peer{IpAddress::Parse(address), std::nullopt, {}}; }
  /// One request, judged by a fresh Admission.
  std::variant<Admitted, NotAdmitted> Ask(const HttpRequest& head, const Need& need, const Peer& peer = From("10.0.0.1"), WallTime now = kLater) {
    return Make().Admit(peer, head, need, now);
  }

  AccessTable table;
  AuthSettings settings;
  NonceMemory nonces;
  WallTime started = kStart;
  NewToken last;
};

/// 200, or the refusal's status.
inline int StatusOf(const std::variant<Admitted, NotAdmitted>& answer) {
  const NotAdmitted* refused = std::get_if<NotAdmitted>(&answer);
  return refused == nullptr ? 200 : refused->status;
}
inline std::string ReasonOf(const std::variant<Admitted, NotAdmitted>& answer) {
  const NotAdmitted* refused = std::get_if<NotAdmitted>(&answer);
  return refused == nullptr ? "" : refused->reason;
}

}  // namespace notifyd
