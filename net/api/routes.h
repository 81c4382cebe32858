// Routes: one row for each method of each path. An endpoint is added here: its row says what reads its requests, what may stand behind the question
// mark, and what its answers take in memory. docs/openapi.yaml is held to the same rows by a test. Contract section 3, "HTTP API".
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <variant>

#include "base/status.h"
#include "broker/events.h"
#include "broker/registry_events.h"
#include "net/access/admission.h"
#include "net/api/asker.h"
#include "net/api/router.h"
#include "net/http.h"

namespace notifyd {

class Steps;
struct ApiOptions;
struct RequestTools;

/// A request that is to be read.
struct Asking {
  RequestId id;
  const Route& route;
  const QueryParameters& query;
  const HttpRequest* request;  // it may be kept, to be passed on as it came
  const std::shared_ptr<RequestTools>& tools;
  const Asker& asker;
  bool aside = false;  // on another thread, and `tools` are this request's own
};

/// Asks somebody else, who answers on the loop, later, by what it is given; the client may have gone by then.
using AskElsewhere = std::function<void(std::function<void(HttpResponse)>)>;

/// He listens to what is sent from now on, in place of an answer.
struct Listening {
  Asker asker;
};

/// What a request comes to: an event whose reply is its answer, several of them, an answer that somebody else has, one that is there, or none that
/// ends.
using Asked = std::variant<Event, std::unique_ptr<Steps>, AskElsewhere, HttpResponse, Listening>;

/// Takes a request apart, and validates it. Decides nothing. Errors: what it is refused for.
using Reader = Result<Asked> (*)(const Asking& asking);

/// What a request's answer may take, told before anything is done for it. Pure. `body_bytes`: of the request.
using Foreteller = HttpDemand (*)(const Route& route, size_t body_bytes, const ApiOptions& options);

enum class Parameters : uint8_t {
  kNone,     // any is refused
  kRead,     // the reader reads them, and refuses what it does not know
  kIgnored,  // probes and scrapers may put anything behind the question mark
};

struct RouteRow {
  std::string_view path;  // "/v1/notifies/{id}": what stands in braces is an argument
  Verb verb;
  Parameters parameters;
  Reader read;
  ScopeSet scopes;              // one of these is needed; none: it is for everybody
  Foreteller demand = nullptr;  // null: its answers are small
  const char* audit = nullptr;  // a change that the audit has under this word; null: it is none, or the registry tells
  Need::Sphere sphere = Need::Sphere::kNamespace;
  bool lines = false;        // a body of NDJSON is taken in pieces, as a bulk submit (ndjson.h), instead of by `read`
  bool sums = false;         // ?namespaces=all goes over all of them
  bool first_alone = false;  // of whoever may but register, the audit has it where it made something (201) alone

  bool open() const { return scopes.empty(); }
  bool changes() const { return verb != Verb::kGet; }
  /// It changes all notifies that a filter finds.
  bool bulk() const { return verb == Verb::kPost && (path == "/v1/notifies/retry" || path == "/v1/notifies/cancel" || path == "/v1/notifies/purge"); }
  bool triggers() const { return path.ends_with("/trigger"); }
  /// A change after which there is less than before: it goes on where there is no room for what others would add.
  bool makes_room() const { return verb == Verb::kDelete || path == "/v1/notifies/cancel" || path == "/v1/notifies/purge"; }
  /// It makes something once under an idempotency key: asked again with the same key it makes nothing more. All else reads none.
  bool takes_key() const {
    constexpr std::string_view kItsPaths[] = {"/v1/notifies",
                                              "/v1/groups",
                                              "/v1/publish",
                                              "/v1/topics/{topic}/publish",
                                              "/v1/events/{id}/replay",
                                              "/v1/subscriptions/{name}/replay",
                                              "/v1/schedules/{name}/run"};
    return verb == Verb::kPost && std::find(std::begin(kItsPaths), std::end(kItsPaths), path) != std::end(kItsPaths);
  }
  /// A change that its path and query say whole: a body has no field that it knows. All other changes read theirs.
  bool bodiless() const {
    constexpr std::string_view kItsPaths[] = {"/v1/notifies/{id}/retry", "/v1/schedules/{name}/run",         "/v1/hosts/{host}/probe",
                                              "/v1/alerts/{name}/test",  "/v1/cluster/members/{name}/drain", "/v1/rekey"};
    return verb == Verb::kDelete || (verb == Verb::kPost && std::find(std::begin(kItsPaths), std::end(kItsPaths), path) != std::end(kItsPaths));
  }
  /// It is the registry's: who is let in, to what, what was changed by whom, and which members are to serve nothing.
  bool of_registry() const {
    constexpr std::string_view kItsPaths[] = {"/v1/namespaces", "/v1/tokens", "/v1/audit", "/v1/cluster/members/"};
    return std::any_of(std::begin(kItsPaths), std::end(kItsPaths), [this](std::string_view each) { return path.starts_with(each); });
  }
  bool of_namespaces() const { return path.starts_with("/v1/namespaces/"); }
  bool of_console() const { return path.starts_with("/console"); }
  bool names_group() const { return path == "/v1/groups/{id}"; }
  bool names_event() const { return path.starts_with("/v1/events/{id}"); }
  bool names_notify() const { return path.starts_with("/v1/notifies/{id}"); }
};

/// What the row asks of whoever asks. `route`: not found, or without a row, is unknown.
Need NeedOf(const Result<Route>& route);
/// Does a listener that serves these serve the row?
bool Serves(const ServedParts& parts, const RouteRow& row);

/// Does a query of /metrics say "members=all": is every member of the cluster to be asked?
bool AsksMembers(std::string_view query);

/// All of them. Those of one path stand together, in the order that the header Allow names them in; a literal path before one with an argument in the
/// same place.
std::span<const RouteRow> AllRoutes();

}  // namespace notifyd
