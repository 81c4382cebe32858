#include "net/api/demand.h"

#include <algorithm>

#include "net/api/list_query.h"
#include "net/api/router.h"

namespace notifyd {
namespace {

/// Names and defaults of one notify, and what its attempts usually say.
constexpr size_t kShownBesideBytes = 128 << 10;
/// The shortest notify of a batch, and what its answer takes beside the lane's name, which is the submitter's or made of the URL.
constexpr size_t kLeastItemBytes = 18, kItemAnswerBytes = 200;
/// Of a row in a list: a long URL with headers, and names and defaults.
constexpr size_t kRowMostBytes = 32 << 10, kRowBesideBytes = 1 << 10;
/// Bodies below it have no answer that is worth reserving for.
constexpr size_t kSmallBodyBytes = 16 << 10;

bool Waits(std::string_view query) {
  return query.find("wait_ms=") != std::string_view::npos;
}

size_t ListAnswerBytes(std::string_view query) {
  size_t limit = ListQuery().limit;
  if (Result<QueryParameters> parameters = ParseQuery(query); parameters.ok()) {
    if (Result<ListQuery> list = ParseListQuery(*parameters); list.ok()) limit = list->limit;
  }
  // Escapes take some more. The page's last row may go beyond; few rows cannot take that much.
  return std::min(kListBytes * 5 / 4, limit * kRowMostBytes) + limit * kRowBesideBytes;
}

}  // namespace

HttpDemand DemandOf(const HttpRequest& request, const ApiOptions& options) {
  HttpDemand demand;
  Result<Route> route = FindRoute(request.method, request.target);
  if (!route.ok() || !route->offered) return demand;
  auto shows = [&](size_t bytes) {
    demand.answer_bytes = bytes;
    demand.waits = true;
  };
  switch (route->endpoint) {
    case Endpoint::kHealthz:
    case Endpoint::kReadyz:
    case Endpoint::kMetrics:
      demand.probe = true;
      break;
    case Endpoint::kNotifies:
      if (route->verb == Verb::kGet) {
        shows(ListAnswerBytes(route->query));
      } else if (request.body.size() > kSmallBodyBytes) {
        size_t items = std::min(options.max_batch_items, request.body.size() / kLeastItemBytes);
        demand.answer_bytes = items * kItemAnswerBytes + std::min(request.body.size(), items * 256);
      }
      break;
    case Endpoint::kNotify:
      // What waits for the end of a notify holds nothing meanwhile: there is room to be found once it has come.
      if (!Waits(route->query)) shows(2 * options.max_body_bytes + kShownBesideBytes);
      break;
    case Endpoint::kFkey:
      shows(2 * options.max_body_bytes + kShownBesideBytes);
      break;
    case Endpoint::kLanes:
      shows(2 * kListBytes);
      break;
    default:
      break;
  }
  return demand;
}

size_t BytesToShow(const NotifyView& view) {
  size_t bytes = kShownBesideBytes + 2 * view.record->spec->size();
  for (const AttemptRecord& attempt : view.record->attempts) bytes += 2 * (attempt.response_body.size() + attempt.detail.size());
  return bytes;
}

}  // namespace notifyd
