#include "net/api/list_query.h"

#include <charconv>
#include <string>

#include "base/utf8.h"
#include "net/api/fields.h"
#include "net/api/json_reader.h"

namespace notifyd {
namespace {

Status Bad(std::string_view name, std::string detail) {
  std::string field;
  AppendPointer(name, &field);
  return Status(Code::kUnacceptable, std::move(detail), std::move(field));
}

Status Unknown(std::string_view name) {
  return Bad(name, "unknown query parameter " + Quoted(name));
}

Status Integer(std::string_view name, std::string_view text, int64_t least, int64_t most, int64_t* out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  if (error == std::errc() && end == text.data() + text.size() && *out >= least && *out <= most) return Status::Ok();
  return Bad(name, std::string(name) + " must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
}

Status Once(const QueryParameters& parameters) {
  for (size_t i = 0; i < parameters.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (parameters[i].first == parameters[j].first)
        return Bad(parameters[i].first, "the query parameter " + Quoted(parameters[i].first) + " is given twice");
  return Status::Ok();
}

Status States(std::string_view text, std::vector<State>* out) {
  while (true) {
    size_t comma = std::min(text.find(','), text.size());
    std::optional<State> state = ParseState(text.substr(0, comma));
    if (!state)
      return Bad("state", Quoted(text.substr(0, comma)) +
                              " is no state; there are held, scheduled, ready, sending, retrying, succeeded, failed, cancelled, expired");
    bool known = false;
    for (State other : *out) known = known || other == *state;
    if (!known) out->push_back(*state);
    if (comma == text.size()) return Status::Ok();
    text.remove_prefix(comma + 1);
  }
}

Status Text(std::string_view name, const std::string& value, size_t most, std::optional<std::string>* out) {
  if (value.empty() || value.size() > most || !IsValidUtf8(value))
    return Bad(name, std::string(name) + " must have 1 to " + std::to_string(most) + " bytes of UTF-8");
  *out = value;
  return Status::Ok();
}

/// RFC 3339, or integer milliseconds since the epoch.
Status Time(std::string_view name, const std::string& value, std::optional<WallTime>* out) {
  int64_t ms = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
  if (!value.empty() && error == std::errc() && end == value.data() + value.size()) {
    *out = WallTime{ms};
    return Status::Ok();
  }
  return ReadTimeText(value, "/" + std::string(name), &out->emplace());
}

Status Apply(const std::string& name, const std::string& value, ListQuery* query) {
  if (name == "state") return States(value, &query->states);
  if (name == "lane") return Text(name, value, 255, &query->lane);
  if (name == "caller") return Text(name, value, 100, &query->caller);
  if (name == "created_after") return Time(name, value, &query->created_after);
  if (name == "created_before") return Time(name, value, &query->created_before);
  if (name == "mode") {
    query->mode = ParseMode(value);
    return query->mode ? Status::Ok() : Bad(name, "mode must be one of concurrent, fifo");
  }
  if (name == "limit") {
    int64_t limit = 0;
    NOTIFYD_TRY(Integer(name, value, 1, 1000, &limit));
    query->limit = static_cast<size_t>(limit);
    return Status::Ok();
  }
  if (name == "cursor") {
    std::optional<NotifyId> id = NotifyId::Parse(value);
    if (!id) return Bad(name, "cursor must be what a list gave as next");
    query->below = *id;
    return Status::Ok();
  }
  if (name == "fkey" || name == "fkey_prefix" || name == "url_prefix")
    return Status(Code::kNotBuilt, "the filter " + name + " is not built yet", "/" + name);
  return Unknown(name);
}

}  // namespace

Result<ListQuery> ParseListQuery(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  ListQuery query;
  for (const auto& [name, value] : parameters) NOTIFYD_TRY(Apply(name, value, &query));
  return query;
}

Result<int64_t> ParseWait(const QueryParameters& parameters) {
  NOTIFYD_TRY(Once(parameters));
  int64_t wait_ms = 0;
  for (const auto& [name, value] : parameters) {
    if (name != "wait_ms") return Unknown(name);
    NOTIFYD_TRY(Integer(name, value, 0, 60'000, &wait_ms));
  }
  return wait_ms;
}

Status RefuseParameters(const QueryParameters& parameters) {
  return parameters.empty() ? Status::Ok() : Unknown(parameters[0].first);
}

}  // namespace notifyd
