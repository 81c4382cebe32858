#include "net/api/waits.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>

#include "base/ascii.h"
#include "broker/group_events.h"
#include "broker/service_events.h"
#include "net/api/fields.h"
#include "net/api/list_query.h"
#include "net/api/routes.h"

namespace notifyd {
namespace {

constexpr int64_t kMostWaitS = 60;

/// wait_ms, whatever stands beside it; nothing where it is not given. Error: kUnacceptable.
Result<std::optional<int64_t>> FindWait(const QueryParameters& query) {
  QueryParameters waits;
  for (const auto& parameter : query)
    if (parameter.first == "wait_ms") waits.push_back(parameter);
  if (waits.empty()) return std::optional<int64_t>();
  const Result<int64_t> wait_ms = ParseWait(waits);
  if (!wait_ms.ok()) return wait_ms.status();
  return std::optional<int64_t>(*wait_ms);
}

/// The seconds of `wait` in a header Prefer; nothing where it has none that says something. The first one counts.
std::optional<int64_t> PreferredWait(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoringCase(name, "Prefer")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      std::string_view item = TrimBlanks(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      item = TrimBlanks(item.substr(0, item.find(';')));
      const size_t equals = item.find('=');
      if (equals == item.npos || !EqualsIgnoringCase(TrimBlanks(item.substr(0, equals)), "wait")) continue;
      std::string_view said = TrimBlanks(item.substr(equals + 1));
      if (said.size() >= 2 && said.front() == '"' && said.back() == '"') said = said.substr(1, said.size() - 2);
      // RFC 7240 section 4.3: digits.
      if (said.empty() || said.find_first_not_of("0123456789") != said.npos) return std::nullopt;
      return std::min(ParseInteger(said).value_or(kMostWaitS), kMostWaitS);
    }
  }
  return std::nullopt;
}

}  // namespace

bool IsSubmit(const RouteRow& row) {
  return row.path == "/v1/notifies" && row.verb == Verb::kPost;
}

Result<AskedWait> AskedWaitOf(const HttpRequest& head, const RouteRow& row, const QueryParameters& query) {
  const Result<std::optional<int64_t>> said = FindWait(query);
  if (!said.ok()) return said.status();
  AskedWait wait{said->value_or(0), std::nullopt};
  if (*said || !IsSubmit(row)) return wait;
  wait.applied = PreferredWait(head);
  wait.ms = 1'000 * wait.applied.value_or(0);
  if (wait.ms == 0) wait.applied.reset();
  return wait;
}

int64_t AskedWaitMs(std::string_view query) {
  if (query.empty()) return 0;
  const Result<QueryParameters> parameters = ParseQuery(query);
  if (!parameters.ok()) return 0;
  const Result<std::optional<int64_t>> wait_ms = FindWait(*parameters);
  return wait_ms.ok() ? wait_ms->value_or(0) : 0;
}

int64_t AskedWaitMs(const HttpRequest& head) {
  if (head.target.find('?') == std::string::npos && !head.Header("Prefer")) return 0;
  const Result<Route> route = FindRoute(head.method, head.target);
  if (!route.ok() || !route->row) return 0;
  const Result<QueryParameters> query = ParseQuery(route->query);
  if (!query.ok()) return 0;
  const Result<AskedWait> wait = AskedWaitOf(head, *route->row, *query);
  return wait.ok() ? wait->ms : 0;
}

int64_t WaitOf(const Event& event) {
  if (const GetRequest* get = std::get_if<GetRequest>(&event)) return get->wait_ms;
  if (const FiguresRequest* figures = std::get_if<FiguresRequest>(&event)) {
    const WaitOnAsk* wait_on = std::get_if<WaitOnAsk>(&figures->ask->what);
    return wait_on ? wait_on->wait_ms : 0;
  }
  if (const ServiceRequest* service = std::get_if<ServiceRequest>(&event)) {
    const ListInstances* list = std::get_if<ListInstances>(&service->ask->what);
    return list ? list->wait_ms : 0;
  }
  if (const SubmitRequest* submit = std::get_if<SubmitRequest>(&event)) return submit->wait_ms;
  const GroupRequest* group = std::get_if<GroupRequest>(&event);
  return group ? group->ask->wait_ms : 0;
}

std::optional<CarriedOut> CarriedOutBy(const ReplyBody& reply) {
  if (const Waited* waited = std::get_if<Waited>(&reply)) {
    const SubmittedItem& item = waited->item;
    if (waited->view || item.removed) return std::nullopt;
    return CarriedOut{item.id, item.duplicate ? TakenAs::kDuplicate : item.kept ? TakenAs::kKept : TakenAs::kMade};
  }
  const GroupAnswered* answered = std::get_if<GroupAnswered>(&reply);
  const GroupView* view = answered ? std::get_if<GroupView>(&answered->answer->what) : nullptr;
  if (!view || view->as == GroupAs::kSeen || !view->waited || view->gone || view->settled()) return std::nullopt;
  return CarriedOut{view->id, view->as == GroupAs::kMade ? TakenAs::kMade : TakenAs::kDuplicate};
}

void SetWait(int64_t wait_ms, Event* event) {
  if (GetRequest* get = std::get_if<GetRequest>(event)) {
    get->wait_ms = wait_ms;
  } else if (FiguresRequest* figures = std::get_if<FiguresRequest>(event)) {
    WaitOnAsk wait_on = std::get<WaitOnAsk>(figures->ask->what);
    wait_on.wait_ms = wait_ms;
    figures->ask = std::make_shared<const FiguresAsk>(FiguresAsk{wait_on});
  } else if (ServiceRequest* service = std::get_if<ServiceRequest>(event)) {
    ListInstances list = std::get<ListInstances>(service->ask->what);
    list.wait_ms = wait_ms;
    service->ask = std::make_shared<const ServiceAsk>(ServiceAsk{std::move(list)});
  } else if (SubmitRequest* submit = std::get_if<SubmitRequest>(event)) {
    submit->wait_ms = wait_ms;
  } else if (GroupRequest* group = std::get_if<GroupRequest>(event); group && group->ask->wait_ms != wait_ms) {
    auto ask = std::make_shared<GroupAsk>(*group->ask);
    ask->wait_ms = wait_ms;
    group->ask = std::move(ask);
  }
}

}  // namespace notifyd
