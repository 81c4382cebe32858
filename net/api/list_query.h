// The query parameters of the API's requests, and the filters that lists and bulk operations share. Pure. Contract section 3.
// Failures are kUnacceptable and name the parameter as their field ("/limit").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "broker/events.h"
#include "broker/figures.h"
#include "broker/group_events.h"
#include "broker/resource.h"
#include "net/api/url.h"

namespace notifyd {

/// Is it the name of a filter of lists (contract section 3, GET /v1/notifies): state, lane, mode, fkey, ...
bool IsFilter(std::string_view name);
/// One whose value is a time.
bool IsTimeFilter(std::string_view name);
/// Sets the filter `name` (one for which IsFilter is true) as `value` says, in the form that a query parameter has. Failures carry `pointer`.
Status ApplyFilter(std::string_view name, const std::string& value, const std::string& pointer, ListQuery* query);

/// Filters, limit and cursor of a list.
Result<ListQuery> ParseListQuery(const QueryParameters& parameters);

/// A page of a list that has nothing else to be asked for: limit, and a cursor of the list's own kind (empty: from the beginning).
struct PageQuery {
  size_t limit = 100;
  std::string cursor;
};
Result<PageQuery> ParsePageQuery(const QueryParameters& parameters);
/// limit, after and prefix of a list of resources by name (broker/resource.h).
Result<ResourcesQuery> ParseResourcesQuery(const QueryParameters& parameters);
/// What a query parameter is refused with that nobody knows.
Status UnknownParameter(std::string_view name);
/// "namespaces=all": may stand beside what else is asked for. Error: it is given, and says something else.
Status CheckAllNamespaces(const QueryParameters& parameters);

/// limit and cursor of the list of groups.
Result<GroupList> ParseGroupsQuery(const QueryParameters& parameters);

/// limit, cursor and prefix of the list of lanes of that namespace.
Result<LanesQuery> ParseLanesQuery(const QueryParameters& parameters, NamespaceNumber number);
/// Of /v1/callers: sort, since_ms, limit. Of /v1/hosts: prefix, limit, cursor.
Result<CallersQuery> ParseCallersQuery(const QueryParameters& parameters);
Result<HostsQuery> ParseHostsQuery(const QueryParameters& parameters);
/// A host as Envelope::host has it: "name:port". Without a port it is that of http, or `with_port` refused. Error: kUnacceptable.
Result<std::string> ParseHost(const std::string& text, const std::string& pointer, bool with_port = false);
/// What `next` of a list of lanes of that namespace says: goes on behind `lane`. Needs no percent-encoding.
std::string LaneCursor(NamespaceNumber number, const LaneKey& lane);
/// A cursor that is another namespace's would go through this one from its one end or its other: kUnacceptable, /cursor.
Status ForeignCursor();

/// raw alone: true or false.
Result<bool> ParseRaw(const QueryParameters& parameters);
/// wait_ms alone, 0 to 60,000.
Result<int64_t> ParseWait(const QueryParameters& parameters);
/// `seconds`, 1 to 60, of a profile; 10 where it is not given. Error: as above.
Result<int64_t> ParseSeconds(const QueryParameters& parameters);

/// The parameter `name` alone, one of `words`; where it is not given the first of them.
Result<std::string> ParseWord(const QueryParameters& parameters, std::string_view name, const std::vector<std::string_view>& words);

/// What may stand behind the question mark of a submit.
struct SubmitQuery {
  std::optional<int64_t> wait_ms;     // 0 to 60,000; nothing: it is not given
  int64_t idempotency_window_ms = 0;  // of the keys of all that is submitted, 1 ms to 30 days; 0: it is not given
  bool steps_aside = false;           // on_retry=skip: as SubmitItem has it, of all that is submitted
};
Result<SubmitQuery> ParseSubmitQuery(const QueryParameters& parameters);

/// remember_ms alone, 1 ms to 30 days; 0 where it is not given.
Result<int64_t> ParseRemember(const QueryParameters& parameters);

/// series, step, from, to and host of /v1/history.
struct HistoryQuery {
  std::vector<std::string> series;  // names as they were given; empty: all
  HistoryStep step = HistoryStep::kMinute;
  std::optional<WallTime> from, to;
  std::optional<std::string> host;
};
Result<HistoryQuery> ParseHistoryQuery(const QueryParameters& parameters);
/// step_ms alone, of /v1/due: whole minutes, two days at most.
Result<int64_t> ParseDueStep(const QueryParameters& parameters);

/// None at all. Error: with the first one's name.
Status RefuseParameters(const QueryParameters& parameters);

}  // namespace notifyd
