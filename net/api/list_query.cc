#include "net/api/list_query.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/authority.h"
#include "base/base64.h"
#include "base/json_reader.h"
#include "base/utf8.h"
#include "broker/flow.h"
#include "net/api/fields.h"

namespace notifyd {
namespace {

constexpr size_t kMaxErrorBytes = 64;
constexpr int64_t kMaxRememberMs = 30LL * 24 * 3600 * 1000, kMaxWaitMs = 60'000;

constexpr std::string_view kFilters[] = {"state",    "lane",  "mode",          "fkey",           "fkey_prefix",   "caller",         "url_prefix",
                                         "host",     "error", "service",       "topic",          "subscription",  "schedule",       "event",
                                         "group_id", "label", "created_after", "created_before", "settled_after", "settled_before", "id"};

constexpr std::string_view kAllOfThem = "namespaces";

std::string Pointer(std::string_view name) {
  std::string pointer;
  AppendPointer(name, &pointer);
  return pointer;
}

Status Unknown(std::string_view name) {
  return Bad(Pointer(name), "unknown query parameter " + Quoted(name));
}

Status Integer(std::string_view name, std::string_view text, int64_t least, int64_t most, int64_t* out) {
  std::optional<int64_t> number = ParseInteger(text);
  if (number && *number >= least && *number <= most) {
    *out = *number;
    return Status::Ok();
  }
  return Bad(Pointer(name), std::string(name) + " must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
}

Status Limit(std::string_view text, size_t* out) {
  int64_t limit = 0;
  NOTIFYD_TRY(Integer("limit", text, 1, 1000, &limit));
  *out = static_cast<size_t>(limit);
  return Status::Ok();
}

Status Once(const QueryParameters& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (parameters[i].first == parameters[j].first && parameters[i].first != "label")
        return Bad(Pointer(parameters[i].first), "the query parameter " + Quoted(parameters[i].first) + " is given twice");
  return Status::Ok();
}

Status States(std::string_view text, const std::string& pointer, std::vector<State>* out) {
  while (true) {
    size_t comma = std::min(text.find(','), text.size());
    std::optional<State> state = ParseState(text.substr(0, comma));
    if (!state)
      return Bad(pointer, Quoted(text.substr(0, comma)) +
                              " is no state; there are held, scheduled, ready, sending, retrying, succeeded, failed, cancelled, expired");
    if (std::find(out->begin(), out->end(), *state) == out->end()) out->push_back(*state);
    if (comma == text.size()) return Status::Ok();
    text.remove_prefix(comma + 1);
  }
}

template <class Text>
Status ReadFilterText(std::string_view name, const std::string& value, const std::string& pointer, size_t most, Text* out) {
  // An empty one is more likely a slip than a wish, and with a purge a costly one.
  if (value.empty() || value.size() > most || !IsValidUtf8(value))
    return Bad(pointer, std::string(name) + " must have 1 to " + std::to_string(most) + " bytes of UTF-8");
  *out = value;
  return Status::Ok();
}

Status ReadFilterId(std::string_view name, const std::string& value, const std::string& pointer, NotifyId* out) {
  std::optional<NotifyId> id = ReadId(value);
  if (!id) return Bad(pointer, std::string(name) + " must be an id: \"n\" and 16 hex digits, or its number in decimal");
  *out = *id;
  return Status::Ok();
}

/// RFC 3339, or integer milliseconds since the epoch that do not look like seconds: with those taken for milliseconds a purge would mean everything.
Status Time(const std::string& value, const std::string& pointer, std::optional<WallTime>* out) {
  bool beyond = false;
  if (std::optional<int64_t> ms = ParseInteger(value, &beyond)) {
    *out = WallTime{*ms};
    return CheckTimeNumber(*ms, pointer);
  }
  return ReadTimeText(value, pointer, &out->emplace());
}

/// Is it a time whose offset's + was read as a space, as a query string has it.
bool LostPlus(std::string value) {
  constexpr size_t kOffsetBytes = 6;
  if (value.size() < kOffsetBytes || value[value.size() - kOffsetBytes] != ' ') return false;
  value[value.size() - kOffsetBytes] = '+';
  return ParseRfc3339(value).ok();
}

Status CheckPlus(const std::string& name, const std::string& value) {
  if (!LostPlus(value)) return Status::Ok();
  return Bad(Pointer(name), name + " has a space where the sign of its offset stands: a + means a space in a query string and is written %2B");
}

Status CheckAll(const std::string& value) {
  return value == "all" ? Status::Ok() : Bad(Pointer(kAllOfThem), "namespaces can be all, or be left out");
}

/// A due time in milliseconds and an id, "1700000000000-n0000000000000001".
Status ReadDueCursor(std::string_view text, std::optional<DueKey>* out) {
  const size_t dash = text.find('-', 1);
  const std::optional<int64_t> ms = dash == std::string_view::npos ? std::nullopt : ParseInteger(text.substr(0, dash));
  const std::optional<NotifyId> id = ms ? NotifyId::Parse(text.substr(dash + 1)) : std::nullopt;
  if (!id) return Bad("/cursor", "cursor must be what a list gave as next");
  *out = DueKey{*ms, *id};
  return Status::Ok();
}

/// Of a list by due times: that it is of those that are scheduled alone, and that the cursor is of such a list.
Status CheckOrder(ListQuery* query) {
  if (query->by_due != query->due_after.has_value() && (!query->by_due || query->below.value != 0))
    return Bad("/cursor", "cursor must be what a list of the same order gave as next");
  if (!query->by_due) return Status::Ok();
  if (query->states.empty()) query->states = {State::kScheduled};
  if (query->states != std::vector<State>{State::kScheduled})
    return Bad("/order", "by due times those that are scheduled are listed alone: state=scheduled");
  return Status::Ok();
}

Status ApplyListParameter(const std::string& name, const std::string& value, ListQuery* query) {
  if (IsTimeFilter(name)) NOTIFYD_TRY(CheckPlus(name, value));
  if (IsFilter(name)) return ApplyFilter(name, value, Pointer(name), query);
  if (name == "limit") return Limit(value, &query->limit);
  if (name == kAllOfThem) return CheckAll(value);
  if (name == "order") {
    query->oldest_first = value == "oldest";
    query->by_due = value == "due";
    return query->oldest_first || query->by_due || value == "newest" ? Status::Ok() : Bad("/order", "order must be newest, oldest or due");
  }
  if (name != "cursor") return Unknown(name);
  // A list by due times gave this, which one of another order never gives.
  if (value.find('-') != std::string::npos) return ReadDueCursor(value, &query->due_after);
  std::optional<NotifyId> id = NotifyId::Parse(value);
  if (!id) return Bad("/cursor", "cursor must be what a list gave as next");
  query->below = *id;
  return Status::Ok();
}

bool HasPort(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  return colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos && colon + 1 < authority.size();
}

// Base64 in the alphabet that needs no percent-encoding in a query string (RFC 4648 section 5), without padding.
std::optional<std::pair<NamespaceNumber, LaneKey>> ParseLaneCursor(std::string text) {
  for (char& c : text) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  text.resize((text.size() + 3) / 4 * 4, '=');
  Result<std::string> bytes = DecodeBase64(text);
  if (!bytes.ok() || !IsValidUtf8(*bytes)) return std::nullopt;
  const size_t at = bytes->find_first_of("cf");
  const std::optional<int64_t> number = at == 0 ? 0 : ParseInteger(std::string_view(*bytes).substr(0, at));
  if (at == std::string::npos || !number || *number < 0 || *number > UINT16_MAX) return std::nullopt;
  const LaneKey lane{(*bytes)[at] == 'f' ? Mode::kFifo : Mode::kConcurrent, bytes->substr(at + 1)};
  if (lane.name.empty() || lane.name.size() > kMaxLaneBytes) return std::nullopt;
  return std::pair(static_cast<NamespaceNumber>(*number), lane);
}

}  // namespace

bool IsTimeFilter(std::string_view name) {
  return name.ends_with("_after") || name.ends_with("_before");
}

bool IsFilter(std::string_view name) {
  return std::find(std::begin(kFilters), std::end(kFilters), name) != std::end(kFilters);
}

Status ApplyFilter(std::string_view name, const std::string& value, const std::string& pointer, ListQuery* query) {
  if (name == "state") return States(value, pointer, &query->states);
  if (name == "lane") return ReadFilterText(name, value, pointer, kMaxLaneBytes, &query->lane);
  if (name == "fkey") return ReadFilterText(name, value, pointer, kMaxNameBytes, &query->fkey);
  if (name == "fkey_prefix") return ReadFilterText(name, value, pointer, kMaxNameBytes, &query->fkey_prefix);
  if (name == "caller") return ReadFilterText(name, value, pointer, kMaxCallerBytes, &query->caller);
  if (name == "url_prefix") return ReadFilterText(name, value, pointer, kMaxUrlBytes, &query->url_prefix);
  if (name == "host") {
    Result<std::string> host = ParseHost(value, pointer);
    if (!host.ok()) return std::move(host).status();
    query->host = *std::move(host);
    return Status::Ok();
  }
  if (name == "error") return ReadFilterText(name, value, pointer, kMaxErrorBytes, &query->error);
  if (name == "service") return ReadFilterText(name, value, pointer, kMaxNameBytes, &query->service);
  if (name == "topic") return ReadFilterText(name, value, pointer, kMaxNameBytes, &query->topic);
  if (name == "subscription") return ReadFilterText(name, value, pointer, kMaxNameBytes, &query->subscription);
  if (name == "schedule") return ReadFilterText(name, value, pointer, kMaxNameBytes, &query->schedule);
  if (name == "id") return ReadFilterId(name, value, pointer, &query->only);
  if (name == "event") return ReadFilterId(name, value, pointer, &query->event);
  if (name == "group_id") return ReadFilterId(name, value, pointer, &query->group);
  if (name == "label") return ReadLabelFilter(value, pointer, &query->labels);
  if (name == "settled_after") return Time(value, pointer, &query->settled_after);
  if (name == "settled_before") return Time(value, pointer, &query->settled_before);
  if (name == "created_after") return Time(value, pointer, &query->created_after);
  if (name == "created_before") return Time(value, pointer, &query->created_before);
  CHECK(name == "mode");
  query->mode = ParseMode(value);
  return query->mode ? Status::Ok() : Bad(pointer, "mode must be one of concurrent, fifo");
}

Result<ListQuery> ParseListQuery(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  ListQuery query;
  for (const auto& [name, value] : parameters) NOTIFYD_TRY(ApplyListParameter(name, value, &query));
  NOTIFYD_TRY(CheckOrder(&query));
  if (query.oldest_first) std::swap(query.above, query.below);
  return query;
}

Result<PageQuery> ParsePageQuery(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  PageQuery page;
  for (const auto& [name, value] : parameters) {
    if (name == "limit") {
      NOTIFYD_TRY(Limit(value, &page.limit));
    } else if (name == "cursor") {
      NOTIFYD_TRY(ReadFilterText(name, value, "/cursor", kMaxNameBytes, &page.cursor));
    } else {
      return Unknown(name);
    }
  }
  return page;
}

Result<ResourcesQuery> ParseResourcesQuery(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  ResourcesQuery query;
  for (const auto& [name, value] : parameters) {
    if (name == "limit") {
      NOTIFYD_TRY(Limit(value, &query.limit));
    } else if (name == "cursor" || name == "after") {
      if (!query.after.empty()) return Bad("/after", "cursor and after are the same parameter: one of them is to be given");
      NOTIFYD_TRY(ReadFilterText(name, value, Pointer(name), kMaxNameBytes, &query.after));
    } else if (name == "prefix") {
      NOTIFYD_TRY(ReadFilterText(name, value, "/prefix", kMaxNameBytes, &query.prefix));
    } else {
      return Unknown(name);
    }
  }
  return query;
}

Result<GroupList> ParseGroupsQuery(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  GroupList list;
  for (const auto& [name, value] : parameters) {
    if (name == "limit") {
      NOTIFYD_TRY(Limit(value, &list.limit));
    } else if (name == "cursor") {
      NOTIFYD_TRY(ReadFilterId(name, value, "/cursor", &list.below));
    } else {
      return Unknown(name);
    }
  }
  return list;
}

Status ForeignCursor() {
  return Bad("/cursor", "the cursor is of another namespace");
}

Status UnknownParameter(std::string_view name) {
  return Unknown(name);
}

Status CheckAllNamespaces(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  for (const auto& [name, value] : parameters) NOTIFYD_TRY(name == kAllOfThem ? CheckAll(value) : Unknown(name));
  return Status::Ok();
}

Result<std::string> ParseHost(const std::string& text, const std::string& pointer, bool with_port) {
  // What is no address goes by its own name (Envelope::host).
  if (!CommandOf(text).empty() || !ServiceOf(text).empty()) return text;
  // A name alone would be that of http, and whoever means https would not notice.
  if (with_port && !HasPort(text)) return Bad(pointer, "host must be said with its port, as in api.example.com:443");
  Result<Authority> authority = ParseAuthority(text, 80);
  if (!authority.ok()) return Bad(pointer, "host must be the name or address of a host, with its port where that is not 80");
  return authority->host + ":" + std::to_string(authority->port);
}

Result<CallersQuery> ParseCallersQuery(const QueryParameters& parameters) {
  constexpr std::pair<std::string_view, CallersQuery::Sort> kSorts[] = {{"accepted", CallersQuery::Sort::kAccepted},
                                                                        {"failed", CallersQuery::Sort::kFailed},
                                                                        {"late", CallersQuery::Sort::kLate},
                                                                        {"bytes", CallersQuery::Sort::kBytes}};
  constexpr int64_t kMostSinceMs = 2 * 24 * 3600 * 1000;
  NOTIFYD_TRY(Once(parameters));
  CallersQuery query;
  for (const auto& [name, value] : parameters) {
    if (name == "limit") {
      NOTIFYD_TRY(Limit(value, &query.limit));
    } else if (name == "since_ms") {
      NOTIFYD_TRY(Integer(name, value, 1, kMostSinceMs, &query.since_ms));
    } else if (name == "sort") {
      const auto* found = std::find_if(std::begin(kSorts), std::end(kSorts), [&, &word = value](const auto& sort) { return sort.first == word; });
      if (found == std::end(kSorts)) return Bad("/sort", "sort must be one of accepted, failed, late, bytes");
      query.sort = found->second;
    } else {
      return Unknown(name);
    }
  }
  return query;
}

Result<HostsQuery> ParseHostsQuery(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  HostsQuery query;
  for (const auto& [name, value] : parameters) {
    if (name == "limit") {
      NOTIFYD_TRY(Limit(value, &query.limit));
    } else if (name == "prefix") {
      NOTIFYD_TRY(ReadFilterText(name, value, "/prefix", kMaxLaneBytes, &query.prefix));
    } else if (name == "cursor") {
      NOTIFYD_TRY(ReadFilterText(name, value, "/cursor", kMaxUrlBytes, &query.after.emplace()));
    } else {
      return Unknown(name);
    }
  }
  return query;
}

Result<LanesQuery> ParseLanesQuery(const QueryParameters& parameters, NamespaceNumber number) {
  NOTIFYD_TRY(Once(parameters));
  LanesQuery query;
  for (const auto& [name, value] : parameters) {
    if (name == "limit") {
      NOTIFYD_TRY(Limit(value, &query.limit));
    } else if (name == "prefix") {
      NOTIFYD_TRY(ReadFilterText(name, value, "/prefix", kMaxLaneBytes, &query.prefix));
    } else if (name == "cursor") {
      const auto cursor = ParseLaneCursor(value);
      if (!cursor) return Bad("/cursor", "cursor must be what a list of lanes gave as next");
      if (cursor->first != number) return ForeignCursor();
      query.after = cursor->second;
    } else {
      return Unknown(name);
    }
  }
  return query;
}

std::string LaneCursor(NamespaceNumber number, const LaneKey& lane) {
  std::string text = EncodeBase64((number == kDefaultNumber ? "" : std::to_string(number)) + (lane.mode == Mode::kFifo ? "f" : "c") + lane.name);
  text.resize(std::min(text.find('='), text.size()));
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

Result<HistoryQuery> ParseHistoryQuery(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  HistoryQuery query;
  for (const auto& [name, value] : parameters) {
    const std::string pointer = Pointer(name);
    if (name == "series") {
      for (size_t at = 0; at <= value.size();) {
        const size_t comma = std::min(value.find(',', at), value.size());
        query.series.push_back(value.substr(at, comma - at));
        at = comma + 1;
      }
    } else if (name == "step") {
      const std::optional<int64_t> step = ParseInteger(value);
      if (step == MillisOf(HistoryStep::kQuarter)) query.step = HistoryStep::kQuarter;
      else if (step != MillisOf(HistoryStep::kMinute)) return Bad(pointer, "step must be 60000 or 900000");
    } else if (name == "from" || name == "to") {
      NOTIFYD_TRY(CheckPlus(name, value));
      NOTIFYD_TRY(Time(value, pointer, name == "from" ? &query.from : &query.to));
    } else if (name == "host") {
      // Of a service all of its instances are one.
      Result<std::string> host = ServiceOf(value).empty() ? ParseHost(value, pointer) : Result<std::string>(value);
      if (!host.ok()) return std::move(host).status();
      query.host = *std::move(host);
    } else {
      return Unknown(name);
    }
  }
  return query;
}

Result<int64_t> ParseDueStep(const QueryParameters& parameters) {
  constexpr int64_t kMinuteMs = 60'000, kMostMs = 2 * 24 * 3'600'000;
  NOTIFYD_TRY(Once(parameters));
  int64_t step_ms = kMinuteMs;
  for (const auto& [name, value] : parameters) {
    if (name != "step_ms") return Unknown(name);
    NOTIFYD_TRY(Integer(name, value, kMinuteMs, kMostMs, &step_ms));
    if (step_ms % kMinuteMs != 0) return Bad(Pointer(name), "step_ms must be whole minutes: a multiple of 60000");
  }
  return step_ms;
}

Result<bool> ParseRaw(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  bool raw = false;
  for (const auto& [name, value] : parameters) {
    if (name != "raw") return Unknown(name);
    if (value != "true" && value != "false") return Bad(Pointer(name), "raw must be true or false");
    raw = value == "true";
  }
  return raw;
}

Result<int64_t> ParseWait(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  int64_t wait_ms = 0;
  for (const auto& [name, value] : parameters) {
    if (name != "wait_ms") return Unknown(name);
    NOTIFYD_TRY(Integer(name, value, 0, kMaxWaitMs, &wait_ms));
  }
  return wait_ms;
}

Result<int64_t> ParseSeconds(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  int64_t seconds = 10;
  for (const auto& [name, value] : parameters) {
    if (name != "seconds") return Unknown(name);
    NOTIFYD_TRY(Integer(name, value, 1, 60, &seconds));
  }
  return seconds;
}

Result<std::string> ParseWord(const QueryParameters& parameters, std::string_view name, const std::vector<std::string_view>& words) {
  NOTIFYD_TRY(Once(parameters));
  std::string said(words.front());
  for (const auto& [parameter, value] : parameters) {
    if (parameter != name) return Unknown(parameter);
    said = value;
  }
  if (std::find(words.begin(), words.end(), said) != words.end()) return said;
  std::string all;
  for (std::string_view word : words) all.append(all.empty() ? "" : ", ").append(word);
  return Bad(Pointer(name), std::string(name) + " must be one of " + all);
}

Result<SubmitQuery> ParseSubmitQuery(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  SubmitQuery query;
  for (const auto& [name, value] : parameters) {
    if (name == "idempotency_window_ms") NOTIFYD_TRY(Integer(name, value, 1, kMaxRememberMs, &query.idempotency_window_ms));
    else if (name == "wait_ms") NOTIFYD_TRY(Integer(name, value, 0, kMaxWaitMs, &query.wait_ms.emplace()));
    else if (name == "on_retry" && value == "skip") query.steps_aside = true;
    else if (name == "on_retry") return Bad(Pointer(name), "on_retry must be skip");
    else return Unknown(name);
  }
  return query;
}

Result<int64_t> ParseRemember(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  int64_t remember_ms = 0;
  for (const auto& [name, value] : parameters) {
    if (name != "remember_ms") return Unknown(name);
    NOTIFYD_TRY(Integer(name, value, 1, kMaxRememberMs, &remember_ms));
  }
  return remember_ms;
}

Status RefuseParameters(const QueryParameters& parameters) {
  return parameters.empty() ? Status::Ok() : Unknown(parameters[0].first);
}

}  // namespace notifyd
