#include "net/api/group_json.h"

#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/json_or_null.h"
#include "broker/callback.h"
#include "net/api/render.h"
#include "net/api/replies.h"
#include "net/api/resource.h"
#include "net/api/responses.h"

namespace notifyd {
namespace {

/// Of a group without its members, and of one of those.
constexpr size_t kBesideBytes = 16 << 10, kMemberBytes = 320;

void WriteMember(const GroupView& view, size_t place, const Sight& sight, JsonWriter* json) {
  const GroupMember& member = view.record.members[place];
  json->BeginObject();
  json->Key("id");
  json->String(MemberOf(view.id, place).ToString());
  json->Key("state");
  json->String(ToString(view.states[place]));
  TextOrNull("reason", member.settled() ? member.reason : std::string(), json);
  json->Key("status");
  member.settled() && member.status != 0 ? json->Uint(member.status) : json->Null();
  json->Key("attempts_made");
  json->Uint(member.attempts_made);
  TimeOrNull("settled_at", member.settled() ? member.settled_at : kWallNever, json);
  const Response* response = sight.bodies && place < view.responses.size() ? view.responses[place].get() : nullptr;
  if (response) {
    json->Key("response");
    WriteResponse(*response, json);
  }
  json->EndObject();
}

/// A group; `listed`: without its notifies, of which those that are not settled are one count.
void WriteGroup(const GroupView& view, bool listed, const Sight& sight, JsonWriter* json) {
  const GroupRecord& group = view.record;
  // Of a list without its members.
  const size_t pending = listed ? view.counts[static_cast<size_t>(State::kReady)] : group.pending();
  json->BeginObject();
  json->Key("id");
  json->String(view.id.ToString());
  json->Key("state");
  json->String(view.gone ? kRemoved : pending == 0 ? "settled" : "pending");
  if (view.as == GroupAs::kDuplicate) {
    json->Key("duplicate");
    json->Bool(true);
  }
  if (view.gone || view.brief) return json->EndObject();
  json->Key("created_at");
  json->String(FormatRfc3339(group.created_at));
  TimeOrNull("settled_at", group.was_settled() ? group.settled_at : kWallNever, json);
  json->Key("caller");
  json->String(group.caller);
  json->Key("labels");
  WriteLabels(group.labels.get(), json);
  json->Key("on_failure");
  json->String(group.cancel_rest ? "cancel_rest" : "continue");
  json->Key("sequential");
  json->Bool(group.sequential);
  json->Key("stopped");
  json->Bool(group.stopped);
  TextOrNull("callback_url", group.callback ? group.callback->url : std::string(), json);
  TextOrNull("callback_id", group.callback_id.value != 0 ? group.callback_id.ToString() : std::string(), json);
  json->Key("count");
  json->Uint(listed ? std::accumulate(view.counts.begin(), view.counts.end(), uint64_t{0}) : group.members.size());
  json->Key("counts");
  json->BeginObject();
  if (listed) {
    json->Key("pending");
    json->Uint(pending);
  }
  for (size_t number = 0; number < view.counts.size(); ++number) {
    const State state = static_cast<State>(number);
    if (listed && !IsSettled(state)) continue;
    json->Key(ToString(state));
    json->Uint(view.counts[number]);
  }
  json->EndObject();
  if (!listed) {
    json->Key("notifies");
    json->BeginArray();
    for (size_t place = 0; place < group.members.size(); ++place) WriteMember(view, place, sight, json);
    json->EndArray();
  }
  json->EndObject();
}

HttpResponse Of(const GroupView& view, const Sight& sight) {
  std::string body;
  body.reserve(view.states.size() * kMemberBytes);
  JsonWriter json(&body);
  WriteGroup(view, /*listed=*/false, sight, &json);
  int status = 200;
  if (view.as != GroupAs::kSeen && view.waited && !view.gone) status = view.settled() && !view.brief ? 200 : 202;
  else if (view.as == GroupAs::kMade) status = 201;
  HttpResponse response = JsonResponse(status, std::move(body));
  if (view.as != GroupAs::kSeen) response.headers.emplace_back("Location", "/v1/groups/" + view.id.ToString());
  return response;
}

HttpResponse Of(const GroupsListed& listed, const Sight& sight) {
  std::optional<std::string> next;
  if (listed.next.value != 0) next = listed.next.ToString();
  return ResourcesResponse(
      listed.groups, std::move(next), [&](const GroupView& view, JsonWriter* json) { WriteGroup(view, /*listed=*/true, sight, json); },
      [](const GroupView& view) { return view.id.ToString(); });
}

}  // namespace

HttpResponse GroupResponse(const GroupAnswer& answer, const Sight& sight) {
  return std::visit([&](const auto& what) { return Of(what, sight); }, answer.what);
}

size_t BytesToShow(const GroupAnswer& answer) {
  const GroupView* view = std::get_if<GroupView>(&answer.what);
  size_t bytes = kBesideBytes + (view ? view->states.size() * kMemberBytes : size_t{0});
  if (view)
    for (const auto& response : view->responses)
      if (response) bytes += BytesToShow(*response);
  return bytes;
}

}  // namespace notifyd
