// The API's objects. Made from docs/openapi.yaml by clients/make-types; not to be edited by hand.
//
// What is null or left out is an empty text, list or map, or an optional without a value; what is empty so is not sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace notifyd {

using Json = nlohmann::json;

/// A time in a request: a text of RFC 3339 with an offset, or a point of the system's clock.
class TimeGiven {
 public:
  TimeGiven() = default;
  TimeGiven(const char* text) : json_(text) {}
  TimeGiven(std::string text) : json_(std::move(text)) {}
  template <class Duration>
  TimeGiven(std::chrono::time_point<std::chrono::system_clock, Duration> at)
      : json_(static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count())) {}
  friend void to_json(Json& to, const TimeGiven& from) { to = from.json_; }
  friend void from_json(const Json& from, TimeGiven& to) { to.json_ = from; }

 private:
  Json json_;
};

namespace detail {

template <class T>
void Put(Json& to, const char* name, const T& value) {
  to[name] = value;
}
template <class T>
void Put(Json& to, const char* name, const std::optional<T>& value) {
  if (value) to[name] = *value;
}
template <class T>
void Put(Json& to, const char* name, const std::vector<T>& value) {
  if (!value.empty()) to[name] = value;
}
template <class T>
void Put(Json& to, const char* name, const std::map<std::string, T>& value) {
  if (!value.empty()) to[name] = value;
}
inline void Put(Json& to, const char* name, const std::string& value) {
  if (!value.empty()) to[name] = value;
}
inline void Put(Json& to, const char* name, const Json& value) {
  if (!value.is_null()) to[name] = value;
}

template <class T>
void Take(const Json& from, const char* name, T& to) {
  auto found = from.find(name);
  if (found != from.end() && !found->is_null()) to = found->template get<T>();
}
template <class T>
void Take(const Json& from, const char* name, std::optional<T>& to) {
  auto found = from.find(name);
  if (found != from.end() && !found->is_null()) to = found->template get<T>();
}

}  // namespace detail

/// A fifo lane sends one at a time in order, a concurrent one several at once. A fifo and a concurrent lane of one name are two lanes. One of:
/// concurrent, fifo; or one of a later broker.
using Mode = std::string;

/// One of: held, scheduled, ready, sending, retrying, succeeded, failed, cancelled, expired; or one of a later broker.
using State = std::string;

/// Of another caller's notify that was kept, to whoever may act for his own alone, the id and `kept` alone.
struct Accepted {
  std::string id;
  std::string state;
  /// Null: held without a due time. Missing where `state` is `removed`.
  std::string due_at;
  std::string lane;
  Mode mode;
  /// The idempotency key was seen before.
  bool duplicate = false;
  /// `on_held` keep: this one is held already.
  bool kept = false;
};
inline void to_json(Json& to, const Accepted& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "lane", from.lane);
  detail::Put(to, "mode", from.mode);
  detail::Put(to, "duplicate", from.duplicate);
  detail::Put(to, "kept", from.kept);
}
inline void from_json(const Json& from, Accepted& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "lane", to.lane);
  detail::Take(from, "mode", to.mode);
  detail::Take(from, "duplicate", to.duplicate);
  detail::Take(from, "kept", to.kept);
}

struct AcceptedBatch {
  std::vector<Accepted> items;
};
inline void to_json(Json& to, const AcceptedBatch& from) {
  to = Json::object();
  detail::Put(to, "items", from.items);
}
inline void from_json(const Json& from, AcceptedBatch& to) {
  detail::Take(from, "items", to.items);
}

/// All that are given must hold. A `fatal_on`, `later_on` or `only_on` must give one at least.
struct AnswerPattern {
  /// Numbers, or classes. An `expect` without it keeps `["2xx"]`.
  std::vector<Json> status;
  /// A substring of the trimmed body, whatever the case.
  std::string contains;
  /// JSON Pointer to the value that must be there.
  std::map<std::string, Json> json;
};
inline void to_json(Json& to, const AnswerPattern& from) {
  to = Json::object();
  detail::Put(to, "status", from.status);
  detail::Put(to, "contains", from.contains);
  detail::Put(to, "json", from.json);
}
inline void from_json(const Json& from, AnswerPattern& to) {
  detail::Take(from, "status", to.status);
  detail::Take(from, "contains", to.contains);
  detail::Take(from, "json", to.json);
}

struct AnswerPatternView {
  /// Numbers, or classes. An `expect` without it keeps `["2xx"]`.
  std::vector<Json> status;
  /// A substring of the trimmed body, whatever the case.
  std::string contains;
  /// JSON Pointer to the value that must be there.
  std::map<std::string, Json> json;
};
inline void to_json(Json& to, const AnswerPatternView& from) {
  to = Json::object();
  detail::Put(to, "status", from.status);
  detail::Put(to, "contains", from.contains);
  detail::Put(to, "json", from.json);
}
inline void from_json(const Json& from, AnswerPatternView& to) {
  detail::Take(from, "status", to.status);
  detail::Take(from, "contains", to.contains);
  detail::Take(from, "json", to.json);
}

struct Attempt {
  std::int64_t number = 0;
  std::string started_at;
  std::int64_t duration_ms = 0;
  /// 0 where no answer came.
  std::int64_t status = 0;
  /// Absent on success, else a stable word.
  std::string error;
  /// For people. Where a redirect was followed, it ends with `after a redirect to` and the URL.
  std::string detail;
  /// Its beginning. Missing without the scope read_bodies.
  std::string response_body;
  /// Of a service, which it went to.
  std::string instance;
  /// The answer decided the outcome, but what was to be recorded of its body broke off or stayed away.
  bool truncated = false;
};
inline void to_json(Json& to, const Attempt& from) {
  to = Json::object();
  detail::Put(to, "number", from.number);
  detail::Put(to, "started_at", from.started_at);
  detail::Put(to, "duration_ms", from.duration_ms);
  detail::Put(to, "status", from.status);
  detail::Put(to, "error", from.error);
  detail::Put(to, "detail", from.detail);
  detail::Put(to, "response_body", from.response_body);
  detail::Put(to, "instance", from.instance);
  detail::Put(to, "truncated", from.truncated);
}
inline void from_json(const Json& from, Attempt& to) {
  detail::Take(from, "number", to.number);
  detail::Take(from, "started_at", to.started_at);
  detail::Take(from, "duration_ms", to.duration_ms);
  detail::Take(from, "status", to.status);
  detail::Take(from, "error", to.error);
  detail::Take(from, "detail", to.detail);
  detail::Take(from, "response_body", to.response_body);
  detail::Take(from, "instance", to.instance);
  detail::Take(from, "truncated", to.truncated);
}

/// As the list's query parameters.
struct Filter {
  /// One or several; as a string with commas.
  std::vector<State> state;
  std::string lane;
  std::string mode;
  std::string fkey;
  std::string fkey_prefix;
  std::string caller;
  std::string url_prefix;
  std::string host;
  std::string error;
  std::string service;
  std::string topic;
  std::string subscription;
  std::string schedule;
  std::string event;
  std::string group_id;
  /// `key:value`; several as a list, all of them.
  std::vector<std::string> label;
  /// Inclusive.
  std::optional<TimeGiven> created_after;
  /// Exclusive.
  std::optional<TimeGiven> created_before;
  /// Inclusive; of settled ones alone.
  std::optional<TimeGiven> settled_after;
  /// Exclusive; of settled ones alone.
  std::optional<TimeGiven> settled_before;
  /// Only this one, where the other filters take it.
  std::string id;
};
inline void to_json(Json& to, const Filter& from) {
  to = Json::object();
  detail::Put(to, "state", from.state);
  detail::Put(to, "lane", from.lane);
  detail::Put(to, "mode", from.mode);
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "fkey_prefix", from.fkey_prefix);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "url_prefix", from.url_prefix);
  detail::Put(to, "host", from.host);
  detail::Put(to, "error", from.error);
  detail::Put(to, "service", from.service);
  detail::Put(to, "topic", from.topic);
  detail::Put(to, "subscription", from.subscription);
  detail::Put(to, "schedule", from.schedule);
  detail::Put(to, "event", from.event);
  detail::Put(to, "group_id", from.group_id);
  detail::Put(to, "label", from.label);
  detail::Put(to, "created_after", from.created_after);
  detail::Put(to, "created_before", from.created_before);
  detail::Put(to, "settled_after", from.settled_after);
  detail::Put(to, "settled_before", from.settled_before);
  detail::Put(to, "id", from.id);
}
inline void from_json(const Json& from, Filter& to) {
  detail::Take(from, "state", to.state);
  detail::Take(from, "lane", to.lane);
  detail::Take(from, "mode", to.mode);
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "fkey_prefix", to.fkey_prefix);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "url_prefix", to.url_prefix);
  detail::Take(from, "host", to.host);
  detail::Take(from, "error", to.error);
  detail::Take(from, "service", to.service);
  detail::Take(from, "topic", to.topic);
  detail::Take(from, "subscription", to.subscription);
  detail::Take(from, "schedule", to.schedule);
  detail::Take(from, "event", to.event);
  detail::Take(from, "group_id", to.group_id);
  detail::Take(from, "label", to.label);
  detail::Take(from, "created_after", to.created_after);
  detail::Take(from, "created_before", to.created_before);
  detail::Take(from, "settled_after", to.settled_after);
  detail::Take(from, "settled_before", to.settled_before);
  detail::Take(from, "id", to.id);
}

struct Bulk {
  /// A token that is bound to lanes must name one of these in `lane`, one that is bound to fkeys one of these, or some, in `fkey` or
  /// `fkey_prefix`: else 403.
  Filter filter;
  /// What the call before gave as `next`.
  std::string cursor;
  /// Counts only.
  std::optional<bool> dry_run;
  std::optional<std::int64_t> limit;
};
inline void to_json(Json& to, const Bulk& from) {
  to = Json::object();
  detail::Put(to, "filter", from.filter);
  detail::Put(to, "cursor", from.cursor);
  detail::Put(to, "dry_run", from.dry_run);
  detail::Put(to, "limit", from.limit);
}
inline void from_json(const Json& from, Bulk& to) {
  detail::Take(from, "filter", to.filter);
  detail::Take(from, "cursor", to.cursor);
  detail::Take(from, "dry_run", to.dry_run);
  detail::Take(from, "limit", to.limit);
}

struct BulkDone {
  std::int64_t count = 0;
  /// The cursor of the next call; null: all were looked at.
  std::string next;
};
inline void to_json(Json& to, const BulkDone& from) {
  to = Json::object();
  detail::Put(to, "count", from.count);
  detail::Put(to, "next", from.next);
}
inline void from_json(const Json& from, BulkDone& to) {
  detail::Take(from, "count", to.count);
  detail::Take(from, "next", to.next);
}

/// RFC 9457.
struct Problem {
  std::string type;
  std::string title;
  std::int64_t status = 0;
  /// For people.
  std::string detail;
  /// A JSON Pointer to the field at fault, or / and the name of a query parameter.
  std::string field;
  /// With 409: the notify in the way.
  std::string id;
};
inline void to_json(Json& to, const Problem& from) {
  to = Json::object();
  detail::Put(to, "type", from.type);
  detail::Put(to, "title", from.title);
  detail::Put(to, "status", from.status);
  detail::Put(to, "detail", from.detail);
  detail::Put(to, "field", from.field);
  detail::Put(to, "id", from.id);
}
inline void from_json(const Json& from, Problem& to) {
  detail::Take(from, "type", to.type);
  detail::Take(from, "title", to.title);
  detail::Take(from, "status", to.status);
  detail::Take(from, "detail", to.detail);
  detail::Take(from, "field", to.field);
  detail::Take(from, "id", to.id);
}

/// The answer to one line of NDJSON. `index` counts the lines that are not blank, from 0.
struct BulkLine {
  std::optional<std::int64_t> index;
  std::string id;
  bool duplicate = false;
  bool kept = false;
  /// With `duplicate`: the notify that the key stands for is not there any more.
  std::string state;
  std::optional<Problem> error;
  std::string type;
  std::string title;
  std::optional<std::int64_t> status;
  /// For people.
  std::string detail;
  /// The first line of the request that was not taken. Missing with `outcome-unknown`.
  std::optional<std::int64_t> next_index;
};
inline void to_json(Json& to, const BulkLine& from) {
  to = Json::object();
  detail::Put(to, "index", from.index);
  detail::Put(to, "id", from.id);
  detail::Put(to, "duplicate", from.duplicate);
  detail::Put(to, "kept", from.kept);
  detail::Put(to, "state", from.state);
  detail::Put(to, "error", from.error);
  detail::Put(to, "type", from.type);
  detail::Put(to, "title", from.title);
  detail::Put(to, "status", from.status);
  detail::Put(to, "detail", from.detail);
  detail::Put(to, "next_index", from.next_index);
}
inline void from_json(const Json& from, BulkLine& to) {
  detail::Take(from, "index", to.index);
  detail::Take(from, "id", to.id);
  detail::Take(from, "duplicate", to.duplicate);
  detail::Take(from, "kept", to.kept);
  detail::Take(from, "state", to.state);
  detail::Take(from, "error", to.error);
  detail::Take(from, "type", to.type);
  detail::Take(from, "title", to.title);
  detail::Take(from, "status", to.status);
  detail::Take(from, "detail", to.detail);
  detail::Take(from, "next_index", to.next_index);
}

/// The body of a notify to a `callback_url`: a POST of application/json. What is not set is null.
struct Callback {
  std::string id;
  std::string state;
  std::string reason;
  std::string url;
  std::string lane;
  Mode mode;
  std::string fkey;
  std::string caller;
  std::map<std::string, std::string> labels;
  /// The name of the service that it goes to; missing where it goes to none. So with the next six.
  std::string service;
  std::string event;
  std::string topic;
  std::string subscription;
  std::string schedule;
  std::string scheduled_at;
  std::string group_id;
  std::string settled_at;
  std::int64_t attempts_made = 0;
  std::optional<Attempt> last_attempt;
};
inline void to_json(Json& to, const Callback& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "reason", from.reason);
  detail::Put(to, "url", from.url);
  detail::Put(to, "lane", from.lane);
  detail::Put(to, "mode", from.mode);
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "service", from.service);
  detail::Put(to, "event", from.event);
  detail::Put(to, "topic", from.topic);
  detail::Put(to, "subscription", from.subscription);
  detail::Put(to, "schedule", from.schedule);
  detail::Put(to, "scheduled_at", from.scheduled_at);
  detail::Put(to, "group_id", from.group_id);
  detail::Put(to, "settled_at", from.settled_at);
  detail::Put(to, "attempts_made", from.attempts_made);
  detail::Put(to, "last_attempt", from.last_attempt);
}
inline void from_json(const Json& from, Callback& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "reason", to.reason);
  detail::Take(from, "url", to.url);
  detail::Take(from, "lane", to.lane);
  detail::Take(from, "mode", to.mode);
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "service", to.service);
  detail::Take(from, "event", to.event);
  detail::Take(from, "topic", to.topic);
  detail::Take(from, "subscription", to.subscription);
  detail::Take(from, "schedule", to.schedule);
  detail::Take(from, "scheduled_at", to.scheduled_at);
  detail::Take(from, "group_id", to.group_id);
  detail::Take(from, "settled_at", to.settled_at);
  detail::Take(from, "attempts_made", to.attempts_made);
  detail::Take(from, "last_attempt", to.last_attempt);
}

struct ExplainedReasons {
  /// `no_instance`: its service has no instance that begins anything new: none was ever registered, all have gone, or all drain. `breaker_open`:
  /// its host, or all instances that there are, cannot be reached. `subscription_paused`, and beside it `lane_paused`: its lane is paused by
  /// somebody, or by itself, too, and does not go on with the subscription. `expires`: its time is over before it could be sent.
  std::string code;
  /// For people.
  std::string detail;
};
inline void to_json(Json& to, const ExplainedReasons& from) {
  to = Json::object();
  detail::Put(to, "code", from.code);
  detail::Put(to, "detail", from.detail);
}
inline void from_json(const Json& from, ExplainedReasons& to) {
  detail::Take(from, "code", to.code);
  detail::Take(from, "detail", to.detail);
}

struct Explained {
  std::string id;
  State state;
  std::vector<ExplainedReasons> reasons;
  /// The earliest time at which it can be sent; null where that depends on others, as of one that is `behind` or at a cap, where it expires
  /// before, or it is settled.
  std::string expected_at;
};
inline void to_json(Json& to, const Explained& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "reasons", from.reasons);
  detail::Put(to, "expected_at", from.expected_at);
}
inline void from_json(const Json& from, Explained& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "reasons", to.reasons);
  detail::Take(from, "expected_at", to.expected_at);
}

struct GroupCounts {
  std::optional<std::int64_t> held;
  std::optional<std::int64_t> scheduled;
  std::optional<std::int64_t> ready;
  std::optional<std::int64_t> sending;
  std::optional<std::int64_t> retrying;
  std::optional<std::int64_t> succeeded;
  std::optional<std::int64_t> failed;
  std::optional<std::int64_t> cancelled;
  std::optional<std::int64_t> expired;
};
inline void to_json(Json& to, const GroupCounts& from) {
  to = Json::object();
  detail::Put(to, "held", from.held);
  detail::Put(to, "scheduled", from.scheduled);
  detail::Put(to, "ready", from.ready);
  detail::Put(to, "sending", from.sending);
  detail::Put(to, "retrying", from.retrying);
  detail::Put(to, "succeeded", from.succeeded);
  detail::Put(to, "failed", from.failed);
  detail::Put(to, "cancelled", from.cancelled);
  detail::Put(to, "expired", from.expired);
}
inline void from_json(const Json& from, GroupCounts& to) {
  detail::Take(from, "held", to.held);
  detail::Take(from, "scheduled", to.scheduled);
  detail::Take(from, "ready", to.ready);
  detail::Take(from, "sending", to.sending);
  detail::Take(from, "retrying", to.retrying);
  detail::Take(from, "succeeded", to.succeeded);
  detail::Take(from, "failed", to.failed);
  detail::Take(from, "cancelled", to.cancelled);
  detail::Take(from, "expired", to.expired);
}

/// What a receiver answered. `body` where that is text, else `body_base64`. A content coding is undone.
struct KeptResponse {
  std::int64_t status = 0;
  /// Content-Type, Content-Language, ETag, Last-Modified, Location, Retry-After, and those that `results.headers` names.
  std::map<std::string, std::string> headers;
  std::string body;
  std::string body_base64;
  /// There was more of the body.
  bool truncated = false;
  std::string received_at;
};
inline void to_json(Json& to, const KeptResponse& from) {
  to = Json::object();
  detail::Put(to, "status", from.status);
  detail::Put(to, "headers", from.headers);
  detail::Put(to, "body", from.body);
  detail::Put(to, "body_base64", from.body_base64);
  detail::Put(to, "truncated", from.truncated);
  detail::Put(to, "received_at", from.received_at);
}
inline void from_json(const Json& from, KeptResponse& to) {
  detail::Take(from, "status", to.status);
  detail::Take(from, "headers", to.headers);
  detail::Take(from, "body", to.body);
  detail::Take(from, "body_base64", to.body_base64);
  detail::Take(from, "truncated", to.truncated);
  detail::Take(from, "received_at", to.received_at);
}

struct GroupMember {
  std::string id;
  State state;
  /// Why cancelled or failed; `group_failed`: `on_failure` cancelled it.
  std::string reason;
  /// Of the answer that settled it; null where it was cancelled or expired between two attempts, or without any.
  std::optional<std::int64_t> status;
  std::int64_t attempts_made = 0;
  std::string settled_at;
  /// The answer that is kept for it (`keep_response_bytes`), with the scope read_bodies or for who submitted the group. Of all together 1 MiB of
  /// bodies is shown; others are at their notifies.
  std::optional<KeptResponse> response;
};
inline void to_json(Json& to, const GroupMember& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "reason", from.reason);
  detail::Put(to, "status", from.status);
  detail::Put(to, "attempts_made", from.attempts_made);
  detail::Put(to, "settled_at", from.settled_at);
  detail::Put(to, "response", from.response);
}
inline void from_json(const Json& from, GroupMember& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "reason", to.reason);
  detail::Take(from, "status", to.status);
  detail::Take(from, "attempts_made", to.attempts_made);
  detail::Take(from, "settled_at", to.settled_at);
  detail::Take(from, "response", to.response);
}

struct Group {
  std::string id;
  /// `removed`: a duplicate of a group that is not kept any more.
  std::string state;
  /// The idempotency key was seen before.
  bool duplicate = false;
  std::string created_at;
  /// When all were settled for the first time.
  std::string settled_at;
  /// Of its first notify.
  std::string caller;
  std::map<std::string, std::string> labels;
  std::string on_failure;
  bool sequential = false;
  /// What waits is cancelled, by request or by `on_failure`.
  bool stopped = false;
  std::string callback_url;
  /// The notify that tells that all are settled.
  std::string callback_id;
  std::optional<std::int64_t> count;
  std::optional<GroupCounts> counts;
  /// In the order in which they were given.
  std::vector<GroupMember> notifies;
};
inline void to_json(Json& to, const Group& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "duplicate", from.duplicate);
  detail::Put(to, "created_at", from.created_at);
  detail::Put(to, "settled_at", from.settled_at);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "on_failure", from.on_failure);
  detail::Put(to, "sequential", from.sequential);
  detail::Put(to, "stopped", from.stopped);
  detail::Put(to, "callback_url", from.callback_url);
  detail::Put(to, "callback_id", from.callback_id);
  detail::Put(to, "count", from.count);
  detail::Put(to, "counts", from.counts);
  detail::Put(to, "notifies", from.notifies);
}
inline void from_json(const Json& from, Group& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "duplicate", to.duplicate);
  detail::Take(from, "created_at", to.created_at);
  detail::Take(from, "settled_at", to.settled_at);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "on_failure", to.on_failure);
  detail::Take(from, "sequential", to.sequential);
  detail::Take(from, "stopped", to.stopped);
  detail::Take(from, "callback_url", to.callback_url);
  detail::Take(from, "callback_id", to.callback_id);
  detail::Take(from, "count", to.count);
  detail::Take(from, "counts", to.counts);
  detail::Take(from, "notifies", to.notifies);
}

struct GroupCallbackCounts {
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;
  std::int64_t expired = 0;
};
inline void to_json(Json& to, const GroupCallbackCounts& from) {
  to = Json::object();
  detail::Put(to, "succeeded", from.succeeded);
  detail::Put(to, "failed", from.failed);
  detail::Put(to, "cancelled", from.cancelled);
  detail::Put(to, "expired", from.expired);
}
inline void from_json(const Json& from, GroupCallbackCounts& to) {
  detail::Take(from, "succeeded", to.succeeded);
  detail::Take(from, "failed", to.failed);
  detail::Take(from, "cancelled", to.cancelled);
  detail::Take(from, "expired", to.expired);
}

struct GroupCallback {
  std::string id;
  std::string state;
  std::int64_t count = 0;
  GroupCallbackCounts counts;
  std::string caller;
  std::map<std::string, std::string> labels;
  std::string created_at;
  std::string settled_at;
};
inline void to_json(Json& to, const GroupCallback& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "count", from.count);
  detail::Put(to, "counts", from.counts);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "created_at", from.created_at);
  detail::Put(to, "settled_at", from.settled_at);
}
inline void from_json(const Json& from, GroupCallback& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "count", to.count);
  detail::Take(from, "counts", to.counts);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "created_at", to.created_at);
  detail::Take(from, "settled_at", to.settled_at);
}

struct GroupRowCounts {
  std::int64_t pending = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;
  std::int64_t expired = 0;
};
inline void to_json(Json& to, const GroupRowCounts& from) {
  to = Json::object();
  detail::Put(to, "pending", from.pending);
  detail::Put(to, "succeeded", from.succeeded);
  detail::Put(to, "failed", from.failed);
  detail::Put(to, "cancelled", from.cancelled);
  detail::Put(to, "expired", from.expired);
}
inline void from_json(const Json& from, GroupRowCounts& to) {
  detail::Take(from, "pending", to.pending);
  detail::Take(from, "succeeded", to.succeeded);
  detail::Take(from, "failed", to.failed);
  detail::Take(from, "cancelled", to.cancelled);
  detail::Take(from, "expired", to.expired);
}

struct GroupRow {
  std::string id;
  std::string state;
  std::string created_at;
  std::string settled_at;
  std::string caller;
  std::map<std::string, std::string> labels;
  std::string on_failure;
  bool sequential = false;
  bool stopped = false;
  std::string callback_url;
  std::string callback_id;
  std::int64_t count = 0;
  GroupRowCounts counts;
};
inline void to_json(Json& to, const GroupRow& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "created_at", from.created_at);
  detail::Put(to, "settled_at", from.settled_at);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "on_failure", from.on_failure);
  detail::Put(to, "sequential", from.sequential);
  detail::Put(to, "stopped", from.stopped);
  detail::Put(to, "callback_url", from.callback_url);
  detail::Put(to, "callback_id", from.callback_id);
  detail::Put(to, "count", from.count);
  detail::Put(to, "counts", from.counts);
}
inline void from_json(const Json& from, GroupRow& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "created_at", to.created_at);
  detail::Take(from, "settled_at", to.settled_at);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "on_failure", to.on_failure);
  detail::Take(from, "sequential", to.sequential);
  detail::Take(from, "stopped", to.stopped);
  detail::Take(from, "callback_url", to.callback_url);
  detail::Take(from, "callback_id", to.callback_id);
  detail::Take(from, "count", to.count);
  detail::Take(from, "counts", to.counts);
}

struct GroupPage {
  std::vector<GroupRow> items;
  /// What goes into `cursor` to go on.
  std::string next;
};
inline void to_json(Json& to, const GroupPage& from) {
  to = Json::object();
  detail::Put(to, "items", from.items);
  detail::Put(to, "next", from.next);
}
inline void from_json(const Json& from, GroupPage& to) {
  detail::Take(from, "items", to.items);
  detail::Take(from, "next", to.next);
}

struct IdAndState {
  std::string id;
  State state;
};
inline void to_json(Json& to, const IdAndState& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
}
inline void from_json(const Json& from, IdAndState& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
}

/// Notifies that are not settled, by state.
struct States {
  std::int64_t held = 0;
  std::int64_t scheduled = 0;
  std::int64_t ready = 0;
  std::int64_t sending = 0;
  std::int64_t retrying = 0;
};
inline void to_json(Json& to, const States& from) {
  to = Json::object();
  detail::Put(to, "held", from.held);
  detail::Put(to, "scheduled", from.scheduled);
  detail::Put(to, "ready", from.ready);
  detail::Put(to, "sending", from.sending);
  detail::Put(to, "retrying", from.retrying);
}
inline void from_json(const Json& from, States& to) {
  detail::Take(from, "held", to.held);
  detail::Take(from, "scheduled", to.scheduled);
  detail::Take(from, "ready", to.ready);
  detail::Take(from, "sending", to.sending);
  detail::Take(from, "retrying", to.retrying);
}

/// What holds: what was set for this lane, else the first rule of the configuration that matches, else the defaults.
struct LaneSettings {
  bool paused = false;
  /// 1 in a fifo lane.
  std::int64_t concurrency = 0;
  /// Null: no limit.
  std::optional<double> rate_per_s;
  /// Null where there is no rate.
  std::optional<std::int64_t> burst;
  /// Null in a concurrent lane.
  std::string on_retry;
  /// Null in a concurrent lane.
  std::string on_failure;
};
inline void to_json(Json& to, const LaneSettings& from) {
  to = Json::object();
  detail::Put(to, "paused", from.paused);
  detail::Put(to, "concurrency", from.concurrency);
  detail::Put(to, "rate_per_s", from.rate_per_s);
  detail::Put(to, "burst", from.burst);
  detail::Put(to, "on_retry", from.on_retry);
  detail::Put(to, "on_failure", from.on_failure);
}
inline void from_json(const Json& from, LaneSettings& to) {
  detail::Take(from, "paused", to.paused);
  detail::Take(from, "concurrency", to.concurrency);
  detail::Take(from, "rate_per_s", to.rate_per_s);
  detail::Take(from, "burst", to.burst);
  detail::Take(from, "on_retry", to.on_retry);
  detail::Take(from, "on_failure", to.on_failure);
}

/// What was set for this lane alone, by PATCH or by itself.
struct LaneOwn {
  bool paused = false;
  /// failure: `on_failure` is pause, and the head failed or expired.
  std::string paused_by;
  std::string paused_until;
  /// Of the pause that holds.
  std::string paused_since;
  /// Who paused it, as the audit names them: `token ID`. Left out where nobody is asked who they are, and where it paused itself.
  std::string paused_who;
  /// Why, as they put it.
  std::string paused_reason;
  /// With `paused_by` failure: the notify that failed or expired.
  std::string paused_notify;
  std::optional<std::int64_t> concurrency;
  std::optional<double> rate_per_s;
  std::optional<std::int64_t> burst;
  std::string on_retry;
  std::string on_failure;
};
inline void to_json(Json& to, const LaneOwn& from) {
  to = Json::object();
  detail::Put(to, "paused", from.paused);
  detail::Put(to, "paused_by", from.paused_by);
  detail::Put(to, "paused_until", from.paused_until);
  detail::Put(to, "paused_since", from.paused_since);
  detail::Put(to, "paused_who", from.paused_who);
  detail::Put(to, "paused_reason", from.paused_reason);
  detail::Put(to, "paused_notify", from.paused_notify);
  detail::Put(to, "concurrency", from.concurrency);
  detail::Put(to, "rate_per_s", from.rate_per_s);
  detail::Put(to, "burst", from.burst);
  detail::Put(to, "on_retry", from.on_retry);
  detail::Put(to, "on_failure", from.on_failure);
}
inline void from_json(const Json& from, LaneOwn& to) {
  detail::Take(from, "paused", to.paused);
  detail::Take(from, "paused_by", to.paused_by);
  detail::Take(from, "paused_until", to.paused_until);
  detail::Take(from, "paused_since", to.paused_since);
  detail::Take(from, "paused_who", to.paused_who);
  detail::Take(from, "paused_reason", to.paused_reason);
  detail::Take(from, "paused_notify", to.paused_notify);
  detail::Take(from, "concurrency", to.concurrency);
  detail::Take(from, "rate_per_s", to.rate_per_s);
  detail::Take(from, "burst", to.burst);
  detail::Take(from, "on_retry", to.on_retry);
  detail::Take(from, "on_failure", to.on_failure);
}

struct Lane {
  std::string name;
  Mode mode;
  bool paused = false;
  States states;
  /// Cancelled ones whose attempt has not ended included.
  std::int64_t in_flight = 0;
  /// Of the head; null where none is ready.
  std::string oldest_due_at;
  /// How long ago that was.
  std::optional<std::int64_t> head_age_ms;
  LaneSettings settings;
  LaneOwn own;
};
inline void to_json(Json& to, const Lane& from) {
  to = Json::object();
  detail::Put(to, "name", from.name);
  detail::Put(to, "mode", from.mode);
  detail::Put(to, "paused", from.paused);
  detail::Put(to, "states", from.states);
  detail::Put(to, "in_flight", from.in_flight);
  detail::Put(to, "oldest_due_at", from.oldest_due_at);
  detail::Put(to, "head_age_ms", from.head_age_ms);
  detail::Put(to, "settings", from.settings);
  detail::Put(to, "own", from.own);
}
inline void from_json(const Json& from, Lane& to) {
  detail::Take(from, "name", to.name);
  detail::Take(from, "mode", to.mode);
  detail::Take(from, "paused", to.paused);
  detail::Take(from, "states", to.states);
  detail::Take(from, "in_flight", to.in_flight);
  detail::Take(from, "oldest_due_at", to.oldest_due_at);
  detail::Take(from, "head_age_ms", to.head_age_ms);
  detail::Take(from, "settings", to.settings);
  detail::Take(from, "own", to.own);
}

struct LaneList {
  std::vector<Lane> items;
  /// The cursor of the next page.
  std::string next;
};
inline void to_json(Json& to, const LaneList& from) {
  to = Json::object();
  detail::Put(to, "items", from.items);
  detail::Put(to, "next", from.next);
}
inline void from_json(const Json& from, LaneList& to) {
  detail::Take(from, "items", to.items);
  detail::Take(from, "next", to.next);
}

struct LanePatch {
  /// True without `paused_until`: until somebody resumes it.
  std::optional<bool> paused;
  /// Paused, and resumed by itself at this time; one that is over resumes at once. Refused beside `paused` false. Null: a lane that is paused
  /// stays so until somebody resumes it. So it does where its head fails meanwhile and `on_failure` is pause. At most 1,000 lanes of a namespace
  /// at a time (409).
  std::optional<TimeGiven> paused_until;
  /// Why it is paused, at most 600 bytes: shown with the lane, by explain and by alerts until it is resumed. Goes with `paused` true or
  /// `paused_until`; of a lane that is paused already it puts another reason, and its author, in place; a time alone leaves both. A lane that is
  /// paused with a subscription is then paused by hand: it does not go on with that.
  std::optional<std::string> reason;
  /// Attempts in flight at once. Concurrent lanes only.
  std::optional<std::int64_t> concurrency;
  /// Attempts started in a second.
  std::optional<double> rate_per_s;
  /// What may be sent at once after a rest. Refused where no rate holds; goes with its rate where that is taken back.
  std::optional<std::int64_t> burst;
  /// skip: while one waits for its next attempt, those behind it are sent; it does so to its next attempt, also where this becomes block
  /// meanwhile. Fifo lanes only.
  std::optional<std::string> on_retry;
  /// pause: the lane pauses itself where its head fails, or expires after an attempt. Fifo lanes only.
  std::optional<std::string> on_failure;
  /// Names of fields that go back to their default.
  std::vector<std::string> null;
};
inline void to_json(Json& to, const LanePatch& from) {
  to = Json::object();
  detail::Put(to, "paused", from.paused);
  detail::Put(to, "paused_until", from.paused_until);
  detail::Put(to, "reason", from.reason);
  detail::Put(to, "concurrency", from.concurrency);
  detail::Put(to, "rate_per_s", from.rate_per_s);
  detail::Put(to, "burst", from.burst);
  detail::Put(to, "on_retry", from.on_retry);
  detail::Put(to, "on_failure", from.on_failure);
  for (const std::string& name : from.null) to[name] = nullptr;
}
inline void from_json(const Json& from, LanePatch& to) {
  detail::Take(from, "paused", to.paused);
  detail::Take(from, "paused_until", to.paused_until);
  detail::Take(from, "reason", to.reason);
  detail::Take(from, "concurrency", to.concurrency);
  detail::Take(from, "rate_per_s", to.rate_per_s);
  detail::Take(from, "burst", to.burst);
  detail::Take(from, "on_retry", to.on_retry);
  detail::Take(from, "on_failure", to.on_failure);
}

/// `initial_ms` and `factor` are null where there is a schedule, `max_attempts` where it is tried for as long as it lives, as messages of
/// alerts are.
struct RetryView {
  std::optional<std::int64_t> max_attempts;
  /// The first wait.
  std::optional<std::int64_t> initial_ms;
  /// Each wait is so many times the one before.
  std::optional<double> factor;
  /// The longest wait.
  std::optional<std::int64_t> max_ms;
  /// A wait is taken times 1 ± jitter, which makes none longer than max_ms.
  std::optional<double> jitter;
  /// The waits one by one, the last repeated.
  std::vector<std::int64_t> schedule_ms;
  /// Answers that fail it at once; looked at first.
  std::optional<AnswerPattern> fatal_on;
  /// Answers that mean "not ready yet": asked again after the wait, the budget untouched. Needs `ttl_ms` or `expires_at`.
  std::optional<AnswerPattern> later_on;
  /// The unexpected answers that are tried again; any other fails it at once. What is no answer (refused connections, timeouts) is tried again as
  /// ever.
  std::optional<AnswerPattern> only_on;
};
inline void to_json(Json& to, const RetryView& from) {
  to = Json::object();
  detail::Put(to, "max_attempts", from.max_attempts);
  detail::Put(to, "initial_ms", from.initial_ms);
  detail::Put(to, "factor", from.factor);
  detail::Put(to, "max_ms", from.max_ms);
  detail::Put(to, "jitter", from.jitter);
  detail::Put(to, "schedule_ms", from.schedule_ms);
  detail::Put(to, "fatal_on", from.fatal_on);
  detail::Put(to, "later_on", from.later_on);
  detail::Put(to, "only_on", from.only_on);
}
inline void from_json(const Json& from, RetryView& to) {
  detail::Take(from, "max_attempts", to.max_attempts);
  detail::Take(from, "initial_ms", to.initial_ms);
  detail::Take(from, "factor", to.factor);
  detail::Take(from, "max_ms", to.max_ms);
  detail::Take(from, "jitter", to.jitter);
  detail::Take(from, "schedule_ms", to.schedule_ms);
  detail::Take(from, "fatal_on", to.fatal_on);
  detail::Take(from, "later_on", to.later_on);
  detail::Take(from, "only_on", to.only_on);
}

/// A notify with its defaults filled in; null where an optional field is not set.
struct ListedNotify {
  /// Its namespace, in a list of all of them.
  std::string namespace_;
  std::string id;
  State state;
  /// Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
  std::string reason;
  std::string created_at;
  std::string settled_at;
  std::string next_attempt_at;
  std::string due_at;
  /// As submitted.
  std::optional<std::int64_t> delay_ms;
  std::string expires_at;
  /// As submitted.
  std::optional<std::int64_t> ttl_ms;
  std::string url;
  std::string pool;
  std::string pool_fallback;
  std::string instance;
  std::string method;
  /// Values of secret ones are ***.
  std::map<std::string, std::string> headers;
  std::string content_type;
  std::string lane;
  std::string group;
  Mode mode;
  /// Null in a fifo lane.
  std::optional<std::int64_t> priority;
  std::string reply;
  AnswerPatternView expect;
  RetryView retry;
  std::int64_t timeout_ms = 0;
  std::int64_t connect_timeout_ms = 0;
  std::string fkey;
  /// Null without an fkey.
  std::string on_held;
  std::string idempotency_key;
  std::string caller;
  std::string order_by;
  std::optional<std::int64_t> partitions;
  std::string order_by_missing;
  std::map<std::string, std::string> labels;
  std::string compress;
  std::optional<bool> follow_redirects;
  std::int64_t keep_response_bytes = 0;
  std::string callback_url;
  /// The name of the service that it goes to; missing where it goes to none. So with the next six.
  std::string service;
  std::string event;
  std::string topic;
  std::string subscription;
  std::string schedule;
  std::string scheduled_at;
  std::string group_id;
  /// The number of the newest attempt that ended.
  std::int64_t attempts_made = 0;
};
inline void to_json(Json& to, const ListedNotify& from) {
  to = Json::object();
  detail::Put(to, "namespace", from.namespace_);
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "reason", from.reason);
  detail::Put(to, "created_at", from.created_at);
  detail::Put(to, "settled_at", from.settled_at);
  detail::Put(to, "next_attempt_at", from.next_attempt_at);
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "delay_ms", from.delay_ms);
  detail::Put(to, "expires_at", from.expires_at);
  detail::Put(to, "ttl_ms", from.ttl_ms);
  detail::Put(to, "url", from.url);
  detail::Put(to, "pool", from.pool);
  detail::Put(to, "pool_fallback", from.pool_fallback);
  detail::Put(to, "instance", from.instance);
  detail::Put(to, "method", from.method);
  detail::Put(to, "headers", from.headers);
  detail::Put(to, "content_type", from.content_type);
  detail::Put(to, "lane", from.lane);
  detail::Put(to, "group", from.group);
  detail::Put(to, "mode", from.mode);
  detail::Put(to, "priority", from.priority);
  detail::Put(to, "reply", from.reply);
  detail::Put(to, "expect", from.expect);
  detail::Put(to, "retry", from.retry);
  detail::Put(to, "timeout_ms", from.timeout_ms);
  detail::Put(to, "connect_timeout_ms", from.connect_timeout_ms);
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "on_held", from.on_held);
  detail::Put(to, "idempotency_key", from.idempotency_key);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "order_by", from.order_by);
  detail::Put(to, "partitions", from.partitions);
  detail::Put(to, "order_by_missing", from.order_by_missing);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "compress", from.compress);
  detail::Put(to, "follow_redirects", from.follow_redirects);
  detail::Put(to, "keep_response_bytes", from.keep_response_bytes);
  detail::Put(to, "callback_url", from.callback_url);
  detail::Put(to, "service", from.service);
  detail::Put(to, "event", from.event);
  detail::Put(to, "topic", from.topic);
  detail::Put(to, "subscription", from.subscription);
  detail::Put(to, "schedule", from.schedule);
  detail::Put(to, "scheduled_at", from.scheduled_at);
  detail::Put(to, "group_id", from.group_id);
  detail::Put(to, "attempts_made", from.attempts_made);
}
inline void from_json(const Json& from, ListedNotify& to) {
  detail::Take(from, "namespace", to.namespace_);
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "reason", to.reason);
  detail::Take(from, "created_at", to.created_at);
  detail::Take(from, "settled_at", to.settled_at);
  detail::Take(from, "next_attempt_at", to.next_attempt_at);
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "delay_ms", to.delay_ms);
  detail::Take(from, "expires_at", to.expires_at);
  detail::Take(from, "ttl_ms", to.ttl_ms);
  detail::Take(from, "url", to.url);
  detail::Take(from, "pool", to.pool);
  detail::Take(from, "pool_fallback", to.pool_fallback);
  detail::Take(from, "instance", to.instance);
  detail::Take(from, "method", to.method);
  detail::Take(from, "headers", to.headers);
  detail::Take(from, "content_type", to.content_type);
  detail::Take(from, "lane", to.lane);
  detail::Take(from, "group", to.group);
  detail::Take(from, "mode", to.mode);
  detail::Take(from, "priority", to.priority);
  detail::Take(from, "reply", to.reply);
  detail::Take(from, "expect", to.expect);
  detail::Take(from, "retry", to.retry);
  detail::Take(from, "timeout_ms", to.timeout_ms);
  detail::Take(from, "connect_timeout_ms", to.connect_timeout_ms);
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "on_held", to.on_held);
  detail::Take(from, "idempotency_key", to.idempotency_key);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "order_by", to.order_by);
  detail::Take(from, "partitions", to.partitions);
  detail::Take(from, "order_by_missing", to.order_by_missing);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "compress", to.compress);
  detail::Take(from, "follow_redirects", to.follow_redirects);
  detail::Take(from, "keep_response_bytes", to.keep_response_bytes);
  detail::Take(from, "callback_url", to.callback_url);
  detail::Take(from, "service", to.service);
  detail::Take(from, "event", to.event);
  detail::Take(from, "topic", to.topic);
  detail::Take(from, "subscription", to.subscription);
  detail::Take(from, "schedule", to.schedule);
  detail::Take(from, "scheduled_at", to.scheduled_at);
  detail::Take(from, "group_id", to.group_id);
  detail::Take(from, "attempts_made", to.attempts_made);
}

/// `content_type` goes with a raw body. `idempotency_key` counts a topic. With `fkey` it is held, and fanned out once that is triggered.
struct NewEvent {
  /// What it is about. A subscription with `order_by` `key` keeps the order of the events of one key.
  std::string key;
  /// Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
  /// string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
  /// Excludes `body` and `body_base64`.
  Json data;
  /// The raw body.
  std::string body;
  /// The raw body.
  std::string body_base64;
  /// application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
  /// without a Content-Type.
  std::string content_type;
  /// What lists are filtered by, and callbacks and logs have. A key holds no `:`.
  std::map<std::string, std::string> labels;
  /// From now. Excludes `due_at`.
  std::optional<std::int64_t> delay_ms;
  /// At most ten years ahead; one in the past is due now.
  std::optional<TimeGiven> due_at;
  /// Hold until it is triggered. Unique among held notifies.
  std::string fkey;
  /// What is done where the fkey is held already. Goes with an fkey only.
  std::string on_held;
  /// Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
  /// first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data` by
  /// its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse what is
  /// new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole request that
  /// is too large.
  std::string idempotency_key;
  /// Who submits, for filters and logs. Without control characters.
  std::string caller;
};
inline void to_json(Json& to, const NewEvent& from) {
  to = Json::object();
  detail::Put(to, "key", from.key);
  detail::Put(to, "data", from.data);
  detail::Put(to, "body", from.body);
  detail::Put(to, "body_base64", from.body_base64);
  detail::Put(to, "content_type", from.content_type);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "delay_ms", from.delay_ms);
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "on_held", from.on_held);
  detail::Put(to, "idempotency_key", from.idempotency_key);
  detail::Put(to, "caller", from.caller);
}
inline void from_json(const Json& from, NewEvent& to) {
  detail::Take(from, "key", to.key);
  detail::Take(from, "data", to.data);
  detail::Take(from, "body", to.body);
  detail::Take(from, "body_base64", to.body_base64);
  detail::Take(from, "content_type", to.content_type);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "delay_ms", to.delay_ms);
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "on_held", to.on_held);
  detail::Take(from, "idempotency_key", to.idempotency_key);
  detail::Take(from, "caller", to.caller);
}

/// `schedule_ms` excludes `initial_ms` and `factor`.
struct Retry {
  std::optional<std::int64_t> max_attempts;
  /// The first wait.
  std::optional<std::int64_t> initial_ms;
  /// Each wait is so many times the one before.
  std::optional<double> factor;
  /// The longest wait.
  std::optional<std::int64_t> max_ms;
  /// A wait is taken times 1 ± jitter, which makes none longer than max_ms.
  std::optional<double> jitter;
  /// The waits one by one, the last repeated.
  std::vector<std::int64_t> schedule_ms;
  /// Answers that fail it at once; looked at first.
  std::optional<AnswerPattern> fatal_on;
  /// Answers that mean "not ready yet": asked again after the wait, the budget untouched. Needs `ttl_ms` or `expires_at`.
  std::optional<AnswerPattern> later_on;
  /// The unexpected answers that are tried again; any other fails it at once. What is no answer (refused connections, timeouts) is tried again as
  /// ever.
  std::optional<AnswerPattern> only_on;
};
inline void to_json(Json& to, const Retry& from) {
  to = Json::object();
  detail::Put(to, "max_attempts", from.max_attempts);
  detail::Put(to, "initial_ms", from.initial_ms);
  detail::Put(to, "factor", from.factor);
  detail::Put(to, "max_ms", from.max_ms);
  detail::Put(to, "jitter", from.jitter);
  detail::Put(to, "schedule_ms", from.schedule_ms);
  detail::Put(to, "fatal_on", from.fatal_on);
  detail::Put(to, "later_on", from.later_on);
  detail::Put(to, "only_on", from.only_on);
}
inline void from_json(const Json& from, Retry& to) {
  detail::Take(from, "max_attempts", to.max_attempts);
  detail::Take(from, "initial_ms", to.initial_ms);
  detail::Take(from, "factor", to.factor);
  detail::Take(from, "max_ms", to.max_ms);
  detail::Take(from, "jitter", to.jitter);
  detail::Take(from, "schedule_ms", to.schedule_ms);
  detail::Take(from, "fatal_on", to.fatal_on);
  detail::Take(from, "later_on", to.later_on);
  detail::Take(from, "only_on", to.only_on);
}

struct Notify {
  /// Absolute http or https URL, ASCII, without user info. Path and query are sent byte for byte, the fragment is not. Or `command:NAME`, a
  /// program that the broker's file lets this namespace and caller run.
  std::string url;
  std::string method;
  /// Sent as they are; shown as *** where they carry credentials. Host, Content-Length, Transfer-Encoding, Connection, TE, Trailer, Upgrade,
  /// Expect and Notify-* are refused, Content-Type too beside `content_type`. Blanks at the ends of a value are no part of it (RFC 9110, section
  /// 5.5): receivers do not get them. A value of *** is refused: it is how a hidden one is shown. A valid `traceparent` is taken as the notify's
  /// trace context.
  std::map<std::string, std::string> headers;
  /// Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
  /// string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
  /// Excludes `body` and `body_base64`.
  Json data;
  /// The raw body.
  std::string body;
  /// The raw body.
  std::string body_base64;
  /// application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
  /// without a Content-Type.
  std::string content_type;
  /// From now. Excludes `due_at`.
  std::optional<std::int64_t> delay_ms;
  /// At most ten years ahead; one in the past is due now.
  std::optional<TimeGiven> due_at;
  /// Hold until it is triggered. Unique among held notifies.
  std::string fkey;
  /// What is done where the fkey is held already. Goes with an fkey only.
  std::string on_held;
  /// Default is the URL without query and fragment, plus
  std::string lane;
  /// Splits a URL's default lane. Beside `lane` it is shown and has no effect.
  std::string group;
  std::string mode;
  /// 9 first. Refused in a fifo lane.
  std::optional<std::int64_t> priority;
  /// none: one attempt, which succeeded once the whole request was written.
  std::string reply;
  /// What answer counts as success.
  std::optional<AnswerPattern> expect;
  std::optional<Retry> retry;
  /// One whole attempt. At most what the setting `limits.timeout_ms` says (default: 3600000).
  std::optional<std::int64_t> timeout_ms;
  /// An attempt's connecting.
  std::optional<std::int64_t> connect_timeout_ms;
  /// After that no attempt starts. Excludes `expires_at`.
  std::optional<std::int64_t> ttl_ms;
  /// As `ttl_ms`, as a time that has not passed.
  std::optional<TimeGiven> expires_at;
  /// Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
  /// first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data` by
  /// its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse what is
  /// new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole request that
  /// is too large.
  std::string idempotency_key;
  /// Who submits, for filters and logs. Without control characters.
  std::string caller;
  /// Of a service: an instance of this pool takes it.
  std::string pool;
  /// Of a service: one of this where that has none to take it.
  std::string pool_fallback;
  /// Of a service: this one takes it, and no other.
  std::string instance;
  /// A JSON Pointer into `data`. Those with the same value there keep their order: the lane is the one it would be, with `~n` behind it and fifo,
  /// where n is the xxHash64 (seed 0) of the value's canonical JSON (RFC 8785; integers of 64 bits whole, keys by code point), modulo
  /// `partitions`. Decided at submit.
  std::string order_by;
  /// Goes with `order_by`; 16 without it. After a change of it order holds once the lanes of before are empty.
  std::optional<std::int64_t> partitions;
  /// Goes with `order_by`: what becomes of one without such a value; refused by default.
  std::string order_by_missing;
  /// What lists are filtered by, and callbacks and logs have. A key holds no `:`.
  std::map<std::string, std::string> labels;
  /// The body is sent so, with a Content-Encoding; signatures are over what is sent. `headers` must not name one.
  std::string compress;
  /// Whether up to 5 redirects of its receiver are followed; null: as the settings say (`redirects.follow`). A `[[destination]]` rule about them
  /// comes before both.
  std::optional<bool> follow_redirects;
  /// So much of the answer that ends it is kept as long as it is itself (`GET /v1/notifies/{id}/response`); `results.keep_bytes` bounds it.
  std::optional<std::int64_t> keep_response_bytes;
  /// Once this one is settled, it gets a POST of what became of it (`Callback`), as a notify of its own. As `url`.
  std::string callback_url;
};
inline void to_json(Json& to, const Notify& from) {
  to = Json::object();
  detail::Put(to, "url", from.url);
  detail::Put(to, "method", from.method);
  detail::Put(to, "headers", from.headers);
  detail::Put(to, "data", from.data);
  detail::Put(to, "body", from.body);
  detail::Put(to, "body_base64", from.body_base64);
  detail::Put(to, "content_type", from.content_type);
  detail::Put(to, "delay_ms", from.delay_ms);
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "on_held", from.on_held);
  detail::Put(to, "lane", from.lane);
  detail::Put(to, "group", from.group);
  detail::Put(to, "mode", from.mode);
  detail::Put(to, "priority", from.priority);
  detail::Put(to, "reply", from.reply);
  detail::Put(to, "expect", from.expect);
  detail::Put(to, "retry", from.retry);
  detail::Put(to, "timeout_ms", from.timeout_ms);
  detail::Put(to, "connect_timeout_ms", from.connect_timeout_ms);
  detail::Put(to, "ttl_ms", from.ttl_ms);
  detail::Put(to, "expires_at", from.expires_at);
  detail::Put(to, "idempotency_key", from.idempotency_key);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "pool", from.pool);
  detail::Put(to, "pool_fallback", from.pool_fallback);
  detail::Put(to, "instance", from.instance);
  detail::Put(to, "order_by", from.order_by);
  detail::Put(to, "partitions", from.partitions);
  detail::Put(to, "order_by_missing", from.order_by_missing);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "compress", from.compress);
  detail::Put(to, "follow_redirects", from.follow_redirects);
  detail::Put(to, "keep_response_bytes", from.keep_response_bytes);
  detail::Put(to, "callback_url", from.callback_url);
}
inline void from_json(const Json& from, Notify& to) {
  detail::Take(from, "url", to.url);
  detail::Take(from, "method", to.method);
  detail::Take(from, "headers", to.headers);
  detail::Take(from, "data", to.data);
  detail::Take(from, "body", to.body);
  detail::Take(from, "body_base64", to.body_base64);
  detail::Take(from, "content_type", to.content_type);
  detail::Take(from, "delay_ms", to.delay_ms);
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "on_held", to.on_held);
  detail::Take(from, "lane", to.lane);
  detail::Take(from, "group", to.group);
  detail::Take(from, "mode", to.mode);
  detail::Take(from, "priority", to.priority);
  detail::Take(from, "reply", to.reply);
  detail::Take(from, "expect", to.expect);
  detail::Take(from, "retry", to.retry);
  detail::Take(from, "timeout_ms", to.timeout_ms);
  detail::Take(from, "connect_timeout_ms", to.connect_timeout_ms);
  detail::Take(from, "ttl_ms", to.ttl_ms);
  detail::Take(from, "expires_at", to.expires_at);
  detail::Take(from, "idempotency_key", to.idempotency_key);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "pool", to.pool);
  detail::Take(from, "pool_fallback", to.pool_fallback);
  detail::Take(from, "instance", to.instance);
  detail::Take(from, "order_by", to.order_by);
  detail::Take(from, "partitions", to.partitions);
  detail::Take(from, "order_by_missing", to.order_by_missing);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "compress", to.compress);
  detail::Take(from, "follow_redirects", to.follow_redirects);
  detail::Take(from, "keep_response_bytes", to.keep_response_bytes);
  detail::Take(from, "callback_url", to.callback_url);
}

struct NewGroup {
  /// Without `fkey` and `idempotency_key`.
  std::vector<Notify> notifies;
  /// Of the group, in place of any of its notifies. The header Idempotency-Key says the same.
  std::string idempotency_key;
  /// Told once all are settled.
  std::string callback_url;
  /// Of the group, 16 at most: for its callback.
  std::map<std::string, std::string> labels;
  /// What becomes of those that wait when one has failed or expired.
  std::string on_failure;
  /// Each waits, held, until the one before succeeded, or with `continue` is settled at all. Its delay and ttl count from then, and its retries
  /// are part of its turn.
  std::optional<bool> sequential;
};
inline void to_json(Json& to, const NewGroup& from) {
  to = Json::object();
  detail::Put(to, "notifies", from.notifies);
  detail::Put(to, "idempotency_key", from.idempotency_key);
  detail::Put(to, "callback_url", from.callback_url);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "on_failure", from.on_failure);
  detail::Put(to, "sequential", from.sequential);
}
inline void from_json(const Json& from, NewGroup& to) {
  detail::Take(from, "notifies", to.notifies);
  detail::Take(from, "idempotency_key", to.idempotency_key);
  detail::Take(from, "callback_url", to.callback_url);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "on_failure", to.on_failure);
  detail::Take(from, "sequential", to.sequential);
}

struct NewTopicEvent {
  std::string topic;
  /// What it is about. A subscription with `order_by` `key` keeps the order of the events of one key.
  std::string key;
  /// Encoded by `content_type`: as JSON, digit for digit, or as a form. With GET, HEAD and DELETE it must be an object and goes into the query
  /// string. As JSON, escapes and white space included, it may have twice `limits.body_bytes` and 64 KiB, though it be shorter as a form (413).
  /// Excludes `body` and `body_base64`.
  Json data;
  /// The raw body.
  std::string body;
  /// The raw body.
  std::string body_base64;
  /// application/json and application/x-www-form-urlencoded encode `data`; any media type goes with a raw body. A notify without a body is sent
  /// without a Content-Type.
  std::string content_type;
  /// What lists are filtered by, and callbacks and logs have. A key holds no `:`.
  std::map<std::string, std::string> labels;
  /// From now. Excludes `due_at`.
  std::optional<std::int64_t> delay_ms;
  /// At most ten years ahead; one in the past is due now.
  std::optional<TimeGiven> due_at;
  /// Hold until it is triggered. Unique among held notifies.
  std::string fkey;
  /// What is done where the fkey is held already. Goes with an fkey only.
  std::string on_held;
  /// Counted a caller. Within the window (24 h by default, or `idempotency_window_ms`) the same key with the same fields answers 200 and the
  /// first one's id; with other fields 422. A field at its default is the same as one left out, numbers and times count by their value, `data` by
  /// its content, number for number as it is written. Settings that were lowered since (`limits.timeout_ms`, `limits.body_bytes`) refuse what is
  /// new alone; but a notify far longer than 1 MiB and the lowered limit is refused (413) before its key is looked at, as is a whole request that
  /// is too large.
  std::string idempotency_key;
  /// Who submits, for filters and logs. Without control characters.
  std::string caller;
};
inline void to_json(Json& to, const NewTopicEvent& from) {
  to = Json::object();
  detail::Put(to, "topic", from.topic);
  detail::Put(to, "key", from.key);
  detail::Put(to, "data", from.data);
  detail::Put(to, "body", from.body);
  detail::Put(to, "body_base64", from.body_base64);
  detail::Put(to, "content_type", from.content_type);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "delay_ms", from.delay_ms);
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "on_held", from.on_held);
  detail::Put(to, "idempotency_key", from.idempotency_key);
  detail::Put(to, "caller", from.caller);
}
inline void from_json(const Json& from, NewTopicEvent& to) {
  detail::Take(from, "topic", to.topic);
  detail::Take(from, "key", to.key);
  detail::Take(from, "data", to.data);
  detail::Take(from, "body", to.body);
  detail::Take(from, "body_base64", to.body_base64);
  detail::Take(from, "content_type", to.content_type);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "delay_ms", to.delay_ms);
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "on_held", to.on_held);
  detail::Take(from, "idempotency_key", to.idempotency_key);
  detail::Take(from, "caller", to.caller);
}

struct NotifyList {
  std::vector<ListedNotify> items;
  /// The cursor of the next page; null: the list is complete.
  std::string next;
  /// With `namespaces=all`, of a cluster: the members that did not answer, and whose namespaces are not in it.
  std::vector<std::string> missing;
};
inline void to_json(Json& to, const NotifyList& from) {
  to = Json::object();
  detail::Put(to, "items", from.items);
  detail::Put(to, "next", from.next);
  detail::Put(to, "missing", from.missing);
}
inline void from_json(const Json& from, NotifyList& to) {
  detail::Take(from, "items", to.items);
  detail::Take(from, "next", to.next);
  detail::Take(from, "missing", to.missing);
}

/// What is not named stays as it is. Other fields of a notify are refused.
struct NotifyPatch {
  std::optional<TimeGiven> due_at;
  /// From now.
  std::optional<std::int64_t> delay_ms;
  /// As in `Notify`; merged over what is there where both are objects.
  Json data;
  std::optional<std::string> body;
  std::optional<std::string> body_base64;
  std::map<std::string, Json> headers;
  std::optional<std::int64_t> priority;
  std::optional<Retry> retry;
  std::optional<AnswerPattern> expect;
  /// From now.
  std::optional<std::int64_t> ttl_ms;
  std::optional<TimeGiven> expires_at;
  /// Names of fields that go back to their default.
  std::vector<std::string> null;
};
inline void to_json(Json& to, const NotifyPatch& from) {
  to = Json::object();
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "delay_ms", from.delay_ms);
  detail::Put(to, "data", from.data);
  detail::Put(to, "body", from.body);
  detail::Put(to, "body_base64", from.body_base64);
  detail::Put(to, "headers", from.headers);
  detail::Put(to, "priority", from.priority);
  detail::Put(to, "retry", from.retry);
  detail::Put(to, "expect", from.expect);
  detail::Put(to, "ttl_ms", from.ttl_ms);
  detail::Put(to, "expires_at", from.expires_at);
  for (const std::string& name : from.null) to[name] = nullptr;
}
inline void from_json(const Json& from, NotifyPatch& to) {
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "delay_ms", to.delay_ms);
  detail::Take(from, "data", to.data);
  detail::Take(from, "body", to.body);
  detail::Take(from, "body_base64", to.body_base64);
  detail::Take(from, "headers", to.headers);
  detail::Take(from, "priority", to.priority);
  detail::Take(from, "retry", to.retry);
  detail::Take(from, "expect", to.expect);
  detail::Take(from, "ttl_ms", to.ttl_ms);
  detail::Take(from, "expires_at", to.expires_at);
}

/// A `ListedNotify` with what it sends and what was tried.
struct NotifyView {
  std::string id;
  State state;
  /// Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
  std::string reason;
  std::string created_at;
  std::string settled_at;
  std::string next_attempt_at;
  std::string due_at;
  /// As submitted.
  std::optional<std::int64_t> delay_ms;
  std::string expires_at;
  /// As submitted.
  std::optional<std::int64_t> ttl_ms;
  std::string url;
  std::string pool;
  std::string pool_fallback;
  std::string instance;
  std::string method;
  /// Values of secret ones are ***.
  std::map<std::string, std::string> headers;
  std::string content_type;
  std::string lane;
  std::string group;
  Mode mode;
  /// Null in a fifo lane.
  std::optional<std::int64_t> priority;
  std::string reply;
  AnswerPatternView expect;
  RetryView retry;
  std::int64_t timeout_ms = 0;
  std::int64_t connect_timeout_ms = 0;
  std::string fkey;
  /// Null without an fkey.
  std::string on_held;
  std::string idempotency_key;
  std::string caller;
  std::string order_by;
  std::optional<std::int64_t> partitions;
  std::string order_by_missing;
  std::map<std::string, std::string> labels;
  std::string compress;
  std::optional<bool> follow_redirects;
  std::int64_t keep_response_bytes = 0;
  std::string callback_url;
  /// The name of the service that it goes to; missing where it goes to none. So with the next six.
  std::string service;
  std::string event;
  std::string topic;
  std::string subscription;
  std::string schedule;
  std::string scheduled_at;
  std::string group_id;
  /// The number of the newest attempt that ended.
  std::int64_t attempts_made = 0;
  /// As submitted, digit for digit; null where there is none. Missing without the scope read_bodies, as the next two.
  Json data;
  std::string body;
  std::string body_base64;
  /// Oldest first, the newest 20.
  std::vector<Attempt> attempts;
};
inline void to_json(Json& to, const NotifyView& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "reason", from.reason);
  detail::Put(to, "created_at", from.created_at);
  detail::Put(to, "settled_at", from.settled_at);
  detail::Put(to, "next_attempt_at", from.next_attempt_at);
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "delay_ms", from.delay_ms);
  detail::Put(to, "expires_at", from.expires_at);
  detail::Put(to, "ttl_ms", from.ttl_ms);
  detail::Put(to, "url", from.url);
  detail::Put(to, "pool", from.pool);
  detail::Put(to, "pool_fallback", from.pool_fallback);
  detail::Put(to, "instance", from.instance);
  detail::Put(to, "method", from.method);
  detail::Put(to, "headers", from.headers);
  detail::Put(to, "content_type", from.content_type);
  detail::Put(to, "lane", from.lane);
  detail::Put(to, "group", from.group);
  detail::Put(to, "mode", from.mode);
  detail::Put(to, "priority", from.priority);
  detail::Put(to, "reply", from.reply);
  detail::Put(to, "expect", from.expect);
  detail::Put(to, "retry", from.retry);
  detail::Put(to, "timeout_ms", from.timeout_ms);
  detail::Put(to, "connect_timeout_ms", from.connect_timeout_ms);
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "on_held", from.on_held);
  detail::Put(to, "idempotency_key", from.idempotency_key);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "order_by", from.order_by);
  detail::Put(to, "partitions", from.partitions);
  detail::Put(to, "order_by_missing", from.order_by_missing);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "compress", from.compress);
  detail::Put(to, "follow_redirects", from.follow_redirects);
  detail::Put(to, "keep_response_bytes", from.keep_response_bytes);
  detail::Put(to, "callback_url", from.callback_url);
  detail::Put(to, "service", from.service);
  detail::Put(to, "event", from.event);
  detail::Put(to, "topic", from.topic);
  detail::Put(to, "subscription", from.subscription);
  detail::Put(to, "schedule", from.schedule);
  detail::Put(to, "scheduled_at", from.scheduled_at);
  detail::Put(to, "group_id", from.group_id);
  detail::Put(to, "attempts_made", from.attempts_made);
  detail::Put(to, "data", from.data);
  detail::Put(to, "body", from.body);
  detail::Put(to, "body_base64", from.body_base64);
  detail::Put(to, "attempts", from.attempts);
}
inline void from_json(const Json& from, NotifyView& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "reason", to.reason);
  detail::Take(from, "created_at", to.created_at);
  detail::Take(from, "settled_at", to.settled_at);
  detail::Take(from, "next_attempt_at", to.next_attempt_at);
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "delay_ms", to.delay_ms);
  detail::Take(from, "expires_at", to.expires_at);
  detail::Take(from, "ttl_ms", to.ttl_ms);
  detail::Take(from, "url", to.url);
  detail::Take(from, "pool", to.pool);
  detail::Take(from, "pool_fallback", to.pool_fallback);
  detail::Take(from, "instance", to.instance);
  detail::Take(from, "method", to.method);
  detail::Take(from, "headers", to.headers);
  detail::Take(from, "content_type", to.content_type);
  detail::Take(from, "lane", to.lane);
  detail::Take(from, "group", to.group);
  detail::Take(from, "mode", to.mode);
  detail::Take(from, "priority", to.priority);
  detail::Take(from, "reply", to.reply);
  detail::Take(from, "expect", to.expect);
  detail::Take(from, "retry", to.retry);
  detail::Take(from, "timeout_ms", to.timeout_ms);
  detail::Take(from, "connect_timeout_ms", to.connect_timeout_ms);
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "on_held", to.on_held);
  detail::Take(from, "idempotency_key", to.idempotency_key);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "order_by", to.order_by);
  detail::Take(from, "partitions", to.partitions);
  detail::Take(from, "order_by_missing", to.order_by_missing);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "compress", to.compress);
  detail::Take(from, "follow_redirects", to.follow_redirects);
  detail::Take(from, "keep_response_bytes", to.keep_response_bytes);
  detail::Take(from, "callback_url", to.callback_url);
  detail::Take(from, "service", to.service);
  detail::Take(from, "event", to.event);
  detail::Take(from, "topic", to.topic);
  detail::Take(from, "subscription", to.subscription);
  detail::Take(from, "schedule", to.schedule);
  detail::Take(from, "scheduled_at", to.scheduled_at);
  detail::Take(from, "group_id", to.group_id);
  detail::Take(from, "attempts_made", to.attempts_made);
  detail::Take(from, "data", to.data);
  detail::Take(from, "body", to.body);
  detail::Take(from, "body_base64", to.body_base64);
  detail::Take(from, "attempts", to.attempts);
}

struct PublishLine {
  /// Which line it is about
  std::int64_t index = 0;
  std::string id;
  std::optional<std::int64_t> matched;
  bool duplicate = false;
  bool kept = false;
  std::optional<Problem> error;
};
inline void to_json(Json& to, const PublishLine& from) {
  to = Json::object();
  detail::Put(to, "index", from.index);
  detail::Put(to, "id", from.id);
  detail::Put(to, "matched", from.matched);
  detail::Put(to, "duplicate", from.duplicate);
  detail::Put(to, "kept", from.kept);
  detail::Put(to, "error", from.error);
}
inline void from_json(const Json& from, PublishLine& to) {
  detail::Take(from, "index", to.index);
  detail::Take(from, "id", to.id);
  detail::Take(from, "matched", to.matched);
  detail::Take(from, "duplicate", to.duplicate);
  detail::Take(from, "kept", to.kept);
  detail::Take(from, "error", to.error);
}

struct PublishedEvent {
  std::string id;
  /// How many notifies it becomes; null: that is found later.
  std::optional<std::int64_t> matched;
  /// Where the idempotency key was seen before.
  bool duplicate = false;
  /// `on_held` says keep: nothing was published, and `id` is what the fkey holds, an event or a notify.
  bool kept = false;
};
inline void to_json(Json& to, const PublishedEvent& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "matched", from.matched);
  detail::Put(to, "duplicate", from.duplicate);
  detail::Put(to, "kept", from.kept);
}
inline void from_json(const Json& from, PublishedEvent& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "matched", to.matched);
  detail::Take(from, "duplicate", to.duplicate);
  detail::Take(from, "kept", to.kept);
}

struct PublishedBatch {
  std::vector<PublishedEvent> items;
};
inline void to_json(Json& to, const PublishedBatch& from) {
  to = Json::object();
  detail::Put(to, "items", from.items);
}
inline void from_json(const Json& from, PublishedBatch& to) {
  detail::Take(from, "items", to.items);
}

struct Remembered {
  bool remembered = false;
};
inline void to_json(Json& to, const Remembered& from) {
  to = Json::object();
  detail::Put(to, "remembered", from.remembered);
}
inline void from_json(const Json& from, Remembered& to) {
  detail::Take(from, "remembered", to.remembered);
}

/// A trigger that waits for the next submit with its fkey.
struct RememberedTrigger {
  std::string fkey;
  bool remembered = false;
  /// It waits no longer than this.
  std::string expires_at;
  /// When that notify will be due; null: at once.
  std::string due_at;
  /// What will be merged over its data; null where there is none. Missing without the scope read_bodies.
  Json data;
};
inline void to_json(Json& to, const RememberedTrigger& from) {
  to = Json::object();
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "remembered", from.remembered);
  detail::Put(to, "expires_at", from.expires_at);
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "data", from.data);
}
inline void from_json(const Json& from, RememberedTrigger& to) {
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "remembered", to.remembered);
  detail::Take(from, "expires_at", to.expires_at);
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "data", to.data);
}

struct Trigger {
  /// Merged over the held data, key by key at the top level; a held notify without data or body takes it whole.
  std::map<std::string, Json> data;
  /// Postpones it. Excludes `due_at`.
  std::optional<std::int64_t> delay_ms;
  std::optional<TimeGiven> due_at;
};
inline void to_json(Json& to, const Trigger& from) {
  to = Json::object();
  detail::Put(to, "data", from.data);
  detail::Put(to, "delay_ms", from.delay_ms);
  detail::Put(to, "due_at", from.due_at);
}
inline void from_json(const Json& from, Trigger& to) {
  detail::Take(from, "data", to.data);
  detail::Take(from, "delay_ms", to.delay_ms);
  detail::Take(from, "due_at", to.due_at);
}

/// A settled notify with up to 64 KiB of what its receiver answered.
struct WaitedView {
  std::string id;
  State state;
  /// Why it was cancelled or failed, a stable word such as attempts_exhausted or replaced.
  std::string reason;
  std::string created_at;
  std::string settled_at;
  std::string next_attempt_at;
  std::string due_at;
  /// As submitted.
  std::optional<std::int64_t> delay_ms;
  std::string expires_at;
  /// As submitted.
  std::optional<std::int64_t> ttl_ms;
  std::string url;
  std::string pool;
  std::string pool_fallback;
  std::string instance;
  std::string method;
  /// Values of secret ones are ***.
  std::map<std::string, std::string> headers;
  std::string content_type;
  std::string lane;
  std::string group;
  Mode mode;
  /// Null in a fifo lane.
  std::optional<std::int64_t> priority;
  std::string reply;
  AnswerPatternView expect;
  RetryView retry;
  std::int64_t timeout_ms = 0;
  std::int64_t connect_timeout_ms = 0;
  std::string fkey;
  /// Null without an fkey.
  std::string on_held;
  std::string idempotency_key;
  std::string caller;
  std::string order_by;
  std::optional<std::int64_t> partitions;
  std::string order_by_missing;
  std::map<std::string, std::string> labels;
  std::string compress;
  std::optional<bool> follow_redirects;
  std::int64_t keep_response_bytes = 0;
  std::string callback_url;
  /// The name of the service that it goes to; missing where it goes to none. So with the next six.
  std::string service;
  std::string event;
  std::string topic;
  std::string subscription;
  std::string schedule;
  std::string scheduled_at;
  std::string group_id;
  /// The number of the newest attempt that ended.
  std::int64_t attempts_made = 0;
  /// As submitted, digit for digit; null where there is none. Missing without the scope read_bodies, as the next two.
  Json data;
  std::string body;
  std::string body_base64;
  /// Oldest first, the newest 20.
  std::vector<Attempt> attempts;
  /// Its idempotency key was seen before.
  bool duplicate = false;
  /// `on_held` says keep, and this one was held.
  bool kept = false;
  /// Null where no answer came, or where none is kept and it settled before this request came, or its last attempt had begun before anybody
  /// waited; and where it is another caller's (`on_held` says keep), without the scope read_bodies.
  std::optional<KeptResponse> response;
};
inline void to_json(Json& to, const WaitedView& from) {
  to = Json::object();
  detail::Put(to, "id", from.id);
  detail::Put(to, "state", from.state);
  detail::Put(to, "reason", from.reason);
  detail::Put(to, "created_at", from.created_at);
  detail::Put(to, "settled_at", from.settled_at);
  detail::Put(to, "next_attempt_at", from.next_attempt_at);
  detail::Put(to, "due_at", from.due_at);
  detail::Put(to, "delay_ms", from.delay_ms);
  detail::Put(to, "expires_at", from.expires_at);
  detail::Put(to, "ttl_ms", from.ttl_ms);
  detail::Put(to, "url", from.url);
  detail::Put(to, "pool", from.pool);
  detail::Put(to, "pool_fallback", from.pool_fallback);
  detail::Put(to, "instance", from.instance);
  detail::Put(to, "method", from.method);
  detail::Put(to, "headers", from.headers);
  detail::Put(to, "content_type", from.content_type);
  detail::Put(to, "lane", from.lane);
  detail::Put(to, "group", from.group);
  detail::Put(to, "mode", from.mode);
  detail::Put(to, "priority", from.priority);
  detail::Put(to, "reply", from.reply);
  detail::Put(to, "expect", from.expect);
  detail::Put(to, "retry", from.retry);
  detail::Put(to, "timeout_ms", from.timeout_ms);
  detail::Put(to, "connect_timeout_ms", from.connect_timeout_ms);
  detail::Put(to, "fkey", from.fkey);
  detail::Put(to, "on_held", from.on_held);
  detail::Put(to, "idempotency_key", from.idempotency_key);
  detail::Put(to, "caller", from.caller);
  detail::Put(to, "order_by", from.order_by);
  detail::Put(to, "partitions", from.partitions);
  detail::Put(to, "order_by_missing", from.order_by_missing);
  detail::Put(to, "labels", from.labels);
  detail::Put(to, "compress", from.compress);
  detail::Put(to, "follow_redirects", from.follow_redirects);
  detail::Put(to, "keep_response_bytes", from.keep_response_bytes);
  detail::Put(to, "callback_url", from.callback_url);
  detail::Put(to, "service", from.service);
  detail::Put(to, "event", from.event);
  detail::Put(to, "topic", from.topic);
  detail::Put(to, "subscription", from.subscription);
  detail::Put(to, "schedule", from.schedule);
  detail::Put(to, "scheduled_at", from.scheduled_at);
  detail::Put(to, "group_id", from.group_id);
  detail::Put(to, "attempts_made", from.attempts_made);
  detail::Put(to, "data", from.data);
  detail::Put(to, "body", from.body);
  detail::Put(to, "body_base64", from.body_base64);
  detail::Put(to, "attempts", from.attempts);
  detail::Put(to, "duplicate", from.duplicate);
  detail::Put(to, "kept", from.kept);
  detail::Put(to, "response", from.response);
}
inline void from_json(const Json& from, WaitedView& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "reason", to.reason);
  detail::Take(from, "created_at", to.created_at);
  detail::Take(from, "settled_at", to.settled_at);
  detail::Take(from, "next_attempt_at", to.next_attempt_at);
  detail::Take(from, "due_at", to.due_at);
  detail::Take(from, "delay_ms", to.delay_ms);
  detail::Take(from, "expires_at", to.expires_at);
  detail::Take(from, "ttl_ms", to.ttl_ms);
  detail::Take(from, "url", to.url);
  detail::Take(from, "pool", to.pool);
  detail::Take(from, "pool_fallback", to.pool_fallback);
  detail::Take(from, "instance", to.instance);
  detail::Take(from, "method", to.method);
  detail::Take(from, "headers", to.headers);
  detail::Take(from, "content_type", to.content_type);
  detail::Take(from, "lane", to.lane);
  detail::Take(from, "group", to.group);
  detail::Take(from, "mode", to.mode);
  detail::Take(from, "priority", to.priority);
  detail::Take(from, "reply", to.reply);
  detail::Take(from, "expect", to.expect);
  detail::Take(from, "retry", to.retry);
  detail::Take(from, "timeout_ms", to.timeout_ms);
  detail::Take(from, "connect_timeout_ms", to.connect_timeout_ms);
  detail::Take(from, "fkey", to.fkey);
  detail::Take(from, "on_held", to.on_held);
  detail::Take(from, "idempotency_key", to.idempotency_key);
  detail::Take(from, "caller", to.caller);
  detail::Take(from, "order_by", to.order_by);
  detail::Take(from, "partitions", to.partitions);
  detail::Take(from, "order_by_missing", to.order_by_missing);
  detail::Take(from, "labels", to.labels);
  detail::Take(from, "compress", to.compress);
  detail::Take(from, "follow_redirects", to.follow_redirects);
  detail::Take(from, "keep_response_bytes", to.keep_response_bytes);
  detail::Take(from, "callback_url", to.callback_url);
  detail::Take(from, "service", to.service);
  detail::Take(from, "event", to.event);
  detail::Take(from, "topic", to.topic);
  detail::Take(from, "subscription", to.subscription);
  detail::Take(from, "schedule", to.schedule);
  detail::Take(from, "scheduled_at", to.scheduled_at);
  detail::Take(from, "group_id", to.group_id);
  detail::Take(from, "attempts_made", to.attempts_made);
  detail::Take(from, "data", to.data);
  detail::Take(from, "body", to.body);
  detail::Take(from, "body_base64", to.body_base64);
  detail::Take(from, "attempts", to.attempts);
  detail::Take(from, "duplicate", to.duplicate);
  detail::Take(from, "kept", to.kept);
  detail::Take(from, "response", to.response);
}

struct Withdrawn {
  bool remembered = false;
};
inline void to_json(Json& to, const Withdrawn& from) {
  to = Json::object();
  detail::Put(to, "remembered", from.remembered);
}
inline void from_json(const Json& from, Withdrawn& to) {
  detail::Take(from, "remembered", to.remembered);
}

}  // namespace notifyd
