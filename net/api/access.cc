#include "net/api/access.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/json_reader.h"
#include "broker/via.h"
#include "net/api/problem.h"
#include "net/api/routes.h"
#include "net/api/trace_context.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

std::string NameOf(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  return LowerAscii(text);
}

bool IsAddress(int family, std::string_view text) {
  unsigned char bytes[sizeof(in6_addr)];
  return text.find('\0') == std::string_view::npos && inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

/// Without its port, whatever that is: it takes no part in who is meant.
std::string_view HostOf(std::string_view authority) {
  size_t from = authority.starts_with('[') ? authority.find(']') : 0;
  if (from == std::string_view::npos) return {};
  size_t colon = authority.find(':', from);
  if (colon == std::string_view::npos) return authority;
  std::string_view port = authority.substr(colon + 1);
  return port.find_first_not_of("0123456789") == std::string_view::npos ? authority.substr(0, colon) : std::string_view();
}

HttpResponse Forbidden(std::string_view detail) {
  return ProblemResponse(Status(Code::kForbidden, std::string(detail)));
}

/// Before the registry has told: what always exists.
std::shared_ptr<const AccessTable> FirstTable() {
  auto table = std::make_shared<AccessTable>();
  for (const auto& [name, number] : {std::pair(kDefaultNamespace, kDefaultNumber), std::pair(kSystemNamespace, kSystemNumber)}) {
    auto row = std::make_shared<NamespaceRow>();
    row->name = name;
    row->number = number;
    table->PutNamespace(name, std::move(row));
  }
  return table;
}

Refusal RefusalOf(NotAdmitted refused) {
  Refusal out{ProblemResponse(refused.status, refused.detail), refused.reason, std::move(refused.token_id), refused.may_be_new};
  if (!refused.authenticate.empty()) out.response.headers.emplace_back("WWW-Authenticate", std::move(refused.authenticate));
  return out;
}

/// Somebody followed a link: the browser shows what is answered as a page of its own.
bool IsVisit(const HttpRequest& head) {
  const std::string* mode = head.Header("Sec-Fetch-Mode");
  const std::string* target = head.Header("Sec-Fetch-Dest");
  return head.method == "GET" && mode && target && *mode == "navigate" && *target == "document";
}

const Peer& PeerOf(const HttpRequest& head) {
  static const Peer kNobody{};
  return head.peer ? *head.peer : kNobody;
}

}  // namespace

Status CheckHostName(const std::string& name) {
  std::string_view text = name;
  if (text.ends_with('.')) text.remove_suffix(1);
  bool good = !text.empty() && text.size() <= 253;
  for (char c : text) good = good && (std::string_view("-_.").find(c) != std::string_view::npos || isalnum(static_cast<unsigned char>(c)));
  return good ? Status::Ok() : Status(Code::kUnacceptable, "\"" + name + "\" is not the name of a host, without scheme and port");
}

Access::Access(const std::vector<std::string>& hosts, NonceMemory* nonces, WallTime started)
    : settings_(std::make_shared<const AuthSettings>()), table_(FirstTable()), admission_(settings_, table_, nonces, started) {
  SetHosts(hosts);
}

void Access::SetTable(std::shared_ptr<const AccessTable> table) {
  table_ = std::move(table);
  admission_.SetTable(table_);
}

void Access::SetAuth(std::shared_ptr<const AuthSettings> settings) {
  settings_ = std::move(settings);
  admission_.SetSettings(settings_);
}

void Access::SetHosts(const std::vector<std::string>& hosts) {
  hosts_.clear();
  for (const std::string& host : hosts) hosts_.push_back(NameOf(host));
}

bool Access::Knows(std::string_view authority) const {
  std::string_view host = HostOf(authority);
  if (host.starts_with('[') && host.ends_with(']')) return IsAddress(AF_INET6, host.substr(1, host.size() - 2));
  if (IsAddress(AF_INET, host)) return true;
  std::string name = NameOf(host);
  return name == "localhost" || std::find(hosts_.begin(), hosts_.end(), name) != hosts_.end();
}

std::variant<Granted, Refusal> Access::Admit(const HttpRequest& head, const Result<Route>& route, WallTime now, WallTime served_since) {
  return Judge(head, route, /*only_looks=*/false, now, served_since);
}

std::variant<Granted, Refusal> Access::Look(const HttpRequest& head, const Result<Route>& route, WallTime now) {
  return Judge(head, route, /*only_looks=*/true, now, {});
}

std::variant<Granted, Refusal> Access::Judge(const HttpRequest& head, const Result<Route>& route, bool only_looks, WallTime now,
                                             WallTime served_since) {
  std::optional<Peer> passed;
  PassedProgress progress;
  if (std::optional<HttpResponse> refusal = ReadPassedOn(head, &passed, &progress)) return Refusal{*std::move(refusal)};
  const bool page = route.ok() && route->row && route->row->of_console();
  if (std::optional<HttpResponse> refusal = RefuseForeign(head, page)) return Refusal{*std::move(refusal)};
  const Peer& peer = passed ? *passed : PeerOf(head);
  const bool served = !route.ok() || !route->row || Serves(peer.serves, *route->row);
  Need need = served ? NeedOf(route) : Need{.known = false};
  if (only_looks) need.changes = false;
  need.served_since = served_since;
  std::variant<Admitted, NotAdmitted> judged = admission_.Admit(peer, head, need, now);
  if (NotAdmitted* refused = std::get_if<NotAdmitted>(&judged)) return RefusalOf(std::move(*refused));
  Admitted& admitted = std::get<Admitted>(judged);
  if (std::optional<HttpResponse> refusal = RefuseAdmitted(head, route, served, admitted)) {
    if (admitted.nonce) admission_.GiveBack(*admitted.nonce);
    return Refusal{*std::move(refusal)};
  }
  Granted granted;
  granted.asker.principal = std::move(admitted.principal);
  granted.asker.space = std::move(admitted.space);
  granted.content_digest = std::move(admitted.content_digest);
  granted.first_use = admitted.first_use;
  granted.nonce = admitted.nonce;
  granted.passed_on = passed.has_value();
  granted.progress = progress;
  granted.asker.table = table_;
  if (!granted.asker.anybody()) granted.asker.from = peer.Name();
  return granted;
}

/// What a member says of a request that it passes on; or, where this is not who is to hear that, why not.
std::optional<HttpResponse> Access::ReadPassedOn(const HttpRequest& head, std::optional<Peer>* passed, PassedProgress* progress) const {
  const std::string* from = head.Header(kPassedOnHeader);
  const bool waits_on = !from && (from = head.Header(kWaitsOnHeader));
  if (!PeerOf(head).serves.members) {
    if (!from) return std::nullopt;
    // Taken for a client's it might be passed on from here, and come back the same way, over and over.
    HttpResponse response = ProblemResponse(
        421, "members of a cluster pass requests on to each other's cluster.advertise, and this listener, to which one leads, is for clients");
    response.headers.emplace_back(kNotHereHeader, kForClients);
    return response;
  }
  MeantMember meant;
  if (from) *passed = DecodePeer(*from, progress, &meant);
  if (!*passed || progress->carried_out.has_value() != waits_on)
    return Forbidden("requests are answered here that another member of the cluster passes on, and no others");
  if (self_.IsMeant(meant)) return std::nullopt;
  HttpResponse response = ProblemResponse(421, "another broker passed this request on, and means another one than this");
  MarkForAnother(self_, &response);
  return response;
}

/// What is not to do with who asks.
std::optional<HttpResponse> Access::RefuseAdmitted(const HttpRequest& head, const Result<Route>& route, bool served, const Admitted& admitted) const {
  if (Status status = CheckVia(head); !status.ok()) return ProblemResponse(status);
  if (std::optional<HttpResponse> refusal = RefuseRoute(head, route, served)) return refusal;
  if (admitted.space && admitted.space->deleting && !route->row->of_namespaces()) return ProblemResponse(Status(Code::kConflict, kNamespaceGoes));
  return std::nullopt;
}

/// What the path and the method have to say.
std::optional<HttpResponse> Access::RefuseRoute(const HttpRequest& head, const Result<Route>& route, bool served) const {
  if (!served) return ProblemResponse(Status(Code::kNotFound, "there is nothing at this path"));
  if (!route.ok()) return ProblemResponse(route.status());
  if (route->row) return std::nullopt;
  HttpResponse response;
  // RFC 9110 section 9.3.7: OPTIONS * asks what all paths together take, and is no refusal.
  if (head.target == "*") response.status = 204;
  else response = ProblemResponse(405, "this path takes " + route->allow);
  response.headers.emplace_back("Allow", route->allow);
  return response;
}

/// `page`: what people come to by links from elsewhere, and which says the same to all.
std::optional<HttpResponse> Access::RefuseForeign(const HttpRequest& head, bool page) const {
  const std::string* host = head.Header("Host");
  if (host && !Knows(*host)) {
    return ProblemResponse(
        421, "requests to " + Quoted(*host) + " are not answered here: http.hosts names the hosts that are, beside localhost and addresses");
  }
  const std::string* origin = nullptr;
  for (const auto& [name, value] : head.headers) {
    if (EqualsIgnoringCase(name, "Sec-Fetch-Site") && EqualsIgnoringCase(value, "cross-site") && !(page && IsVisit(head))) {
      return Forbidden("requests from another site are refused");
    }
    if (!EqualsIgnoringCase(name, "Origin")) continue;
    if (origin) return Forbidden("requests with several Origins are refused");
    origin = &value;
  }
  if (origin && IsForeignOrigin(*origin, host)) return Forbidden("requests from another origin are refused");
  return std::nullopt;
}

/// Contract section 5: a request that this broker has made itself, by way of others, would go round for ever.
Status Access::CheckVia(const HttpRequest& head) const {
  std::string chain = ViaOf(head.headers);
  if (chain.empty()) return Status::Ok();
  if (!self_.now.store.empty() && ViaNames(chain, self_.now.store))
    return Status(Code::kLoop, "this broker has made the request itself, by way of others: Notify-Via names it");
  if (chain.size() > kMaxViaBytes) return Status(Code::kLoop, "the request has gone through too many brokers: Notify-Via is too long");
  return Status::Ok();
}

}  // namespace notifyd
