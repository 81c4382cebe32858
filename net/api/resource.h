// What requests for resources with a PUT share (services, topics, subscriptions, schedules): their ETag, what If-Match and If-None-Match ask, and the
// form of one's answer and of a list's. Pure. Contract part 3: "Each resource that has a PUT".
//
//   reader:  Result<ResourceCondition> condition = ConditionOf(*asking.request);        -> the ask; the core calls condition.Holds(stored bytes)
//            Result<ResourcesQuery> page = ParseResourcesQuery(asking.query);           (list_query.h)
//   answer:  ResourceResponse(created ? 201 : 200, body, stored bytes, created ? LocationOf("/v1/topics/", name) : "")
//            ResourcesResponse(items, next, [](const Item& item, JsonWriter* json) { ... }, [](const Item& item) { return item.name; })
//            Stale{} of the core becomes 412 by itself.
#pragma once

#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/json.h"
#include "base/status.h"
#include "broker/resource.h"
#include "net/api/replies.h"
#include "net/http.h"

namespace notifyd {

/// "\"0123...\"": a strong validator (RFC 9110 section 8.8.3) of 32 hex digits, as notifies have it.
std::string ETagOfPrint(const Fingerprint& print);
std::string ETagOfBytes(std::string_view bytes);

/// What the request's If-Match and If-None-Match ask. Errors: kMalformed (If-Match), kUnacceptable (If-None-Match is anything but "*").
Result<ResourceCondition> ConditionOf(const HttpRequest& request);

/// `collection` ("/v1/topics/") and the name as a path segment.
std::string LocationOf(std::string_view collection, std::string_view name);

/// One resource with its ETag; `bytes`: what ResourceCondition::Holds is asked with. `location`: empty where nothing was made.
HttpResponse ResourceResponse(int status, std::string body, std::string_view bytes, std::string location = {});

/// What a row of a list takes beside what kListPageBytes counts: names and defaults.
inline constexpr size_t kListRowBytes = 1 << 10;

/// A page of a list: {"items": [...], "next": ...}; `next`: what goes into ?after to go on. It ends before the item that would bring it beyond
/// kListPageBytes and kListRowBytes an item, whatever these hold, and goes on behind the last one that is shown: `cursor_of` says what that item's
/// cursor is. The first one is always shown.
template <class Items, class Write, class CursorOf>
HttpResponse ResourcesResponse(const Items& items, std::optional<std::string> next, Write write, CursorOf cursor_of) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("items");
  json.BeginArray();
  size_t most_bytes = kListPageBytes;
  for (auto item = items.begin(); item != items.end(); ++item) {
    const size_t before = body.size();
    write(*item, &json);
    most_bytes += kListRowBytes;
    if (body.size() <= most_bytes || item == items.begin()) continue;
    body.resize(before);
    next = cursor_of(*std::prev(item));
    break;
  }
  json.EndArray();
  json.Key("next");
  next ? json.String(*next) : json.Null();
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

}  // namespace notifyd
