#include "net/api/render.h"

#include "base/json_or_null.h"
#include "broker/callback.h"
#include "broker/flow.h"
#include "net/api/notify_fields.h"
#include "net/api/resource.h"

namespace notifyd {
namespace {

/// What stands in the way of "when will it be sent": nothing while it is sent or settled.
void NextAttempt(const NotifyView& view, JsonWriter* json) {
  const NotifyState& state = view.record->state;
  bool open = !IsSettled(view.state) && view.state != State::kSending;
  bool retrying = state.phase == Phase::kRetrying;
  TimeOrNull("next_attempt_at", !open ? kWallNever : retrying ? state.next_attempt_at : state.due, json);
}

void ItemFields(const SubmittedItem& item, JsonWriter* json) {
  json->Key("state");
  json->String(item.removed ? kRemoved : ToString(item.state));
  if (!item.removed) TimeOrNull("due_at", item.due, json);
  json->Key("lane");
  json->String(item.lane.name);
  json->Key("mode");
  json->String(ToString(item.lane.mode));
}

}  // namespace

Status Renderer::Notify(const NotifyView& view, bool listed, const Sight& sight, JsonWriter* json, std::string_view space) const {
  const NotifyRecord& record = *view.record;
  const NotifyState& state = record.state;
  Result<NotifySpec> spec = DecodeSpec(*record.spec);
  if (!spec.ok()) return std::move(spec).status();
  json->BeginObject();
  json->Key("id");
  json->String(record.id.ToString());
  if (!space.empty()) {
    json->Key("namespace");
    json->String(space);
  }
  json->Key("state");
  json->String(ToString(view.state));
  TextOrNull("reason", state.reason, json);
  json->Key("created_at");
  json->String(FormatRfc3339(record.created_at));
  TimeOrNull("settled_at", IsSettled(view.state) ? state.settled_at : kWallNever, json);
  NextAttempt(view, json);
  const NotifyShowing showing{.spec = *spec,
                              .envelope = *record.envelope,
                              .due = state.due,
                              .expires_at = state.expires_at,
                              .hidden = Hidden(sight),
                              .no_urls = record.id.number() == kSystemNumber};
  for (const NotifyField& field : NotifyFields()) {
    if ((listed || !sight.bodies) && !field.listed) continue;
    json->Key(field.name());
    field.show(showing, json);
  }
  WriteFlow(record.envelope->host, record.envelope->flow.get(), json);
  json->Key("attempts_made");
  json->Uint(state.attempts_made);
  if (!listed) {
    json->Key("attempts");
    json->BeginArray();
    for (const AttemptRecord& attempt : record.attempts) WriteAttempt(attempt, json, sight.bodies);
    json->EndArray();
  }
  json->EndObject();
  return Status::Ok();
}

void Renderer::Item(const SubmittedItem& item, JsonWriter* json) {
  json->BeginObject();
  json->Key("id");
  json->String(item.id.ToString());
  if (!item.id_alone) ItemFields(item, json);
  if (item.duplicate) {
    json->Key("duplicate");
    json->Bool(true);
  }
  if (item.kept) {
    json->Key("kept");
    json->Bool(true);
  }
  json->EndObject();
}

std::string ETagOf(const NotifyRecord& record) {
  return ETagOfPrint(PrintOfChangeable(record));
}

}  // namespace notifyd
