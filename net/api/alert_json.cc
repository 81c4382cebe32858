#include "net/api/alert_json.h"

#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "base/json_or_null.h"
#include "broker/alert_text.h"
#include "net/api/replies.h"

namespace notifyd {
namespace {

void Texts(std::string_view key, const std::vector<std::string>& texts, JsonWriter* json) {
  json->Key(key);
  json->BeginArray();
  for (const std::string& text : texts) json->String(text);
  json->EndArray();
}

void WriteRule(const AlertRule& rule, JsonWriter* json) {
  json->Key("name");
  json->String(rule.name);
  json->Key("when");
  json->String(KindOf(rule.when).word);
  json->Key("threshold");
  KindOf(rule.when).unit == AlertKind::Unit::kNone ? json->Null() : json->Double(rule.threshold);
  constexpr const char* kUnits[] = {nullptr, "ms", "percent", "bytes", "per_s", "ratio", "count"};  // by AlertKind::Unit
  constexpr const char* kFires[] = {"above", "from", "below"};                                      // by AlertKind::Fires
  const char* unit = kUnits[static_cast<size_t>(KindOf(rule.when).unit)];
  json->Key("unit");
  unit ? json->String(unit) : json->Null();
  json->Key("fires");
  json->String(kFires[static_cast<size_t>(KindOf(rule.when).fires)]);
  json->Key("for_ms");
  json->Int(rule.for_ms);
  json->Key("repeat_ms");
  json->Int(rule.repeat_ms);
  Texts("namespaces", rule.namespaces, json);
  Texts("lanes", rule.lanes, json);
  Texts("hosts", rule.hosts, json);
  Texts("callers", rule.callers, json);
  std::vector<std::string> texts;
  for (const auto& [key, value] : rule.labels) texts.push_back(key + ":" + value);
  Texts("labels", texts, json);
  texts.clear();
  for (const auto& target : rule.to) texts.push_back(target->id);
  Texts("to", texts, json);
}

void WriteAlert(const AlertView& view, JsonWriter* json) {
  constexpr const char* kStates[] = {"ok", "pending", "firing"};  // by AlertView::State
  json->BeginObject();
  WriteRule(view.rule, json);
  json->Key("state");
  json->String(kStates[static_cast<size_t>(view.state)]);
  TimeOrNull("firing_since", view.firing_since, json);
  json->Key("causes_count");
  json->Uint(view.causes_count);
  json->Key("causes");
  json->BeginArray();
  for (const AlertCauseView& cause : view.causes) WriteCause(cause, json);
  json->EndArray();
  TextOrNull("last_message", view.last_message, json);
  TimeOrNull("last_message_at", view.last_message_at, json);
  json->Key("undelivered");
  json->Uint(view.undelivered);
  json->EndObject();
}

struct Shower {
  HttpResponse operator()(const AlertsListed& listed) const {
    std::string body;
    JsonWriter json(&body);
    if (listed.only) {
      WriteAlert(listed.items.front(), &json);
      return JsonResponse(200, std::move(body));
    }
    json.BeginObject();
    json.Key("items");
    json.BeginArray();
    for (const AlertView& view : listed.items) WriteAlert(view, &json);
    json.EndArray();
    json.Key("next");
    json.Null();
    json.Key("firing");
    json.Uint(listed.firing);
    json.Key("undelivered");
    json.Uint(listed.undelivered);
    if (!listed.missing.empty()) Texts("missing", listed.missing, &json);
    json.EndObject();
    return JsonResponse(200, std::move(body));
  }
  HttpResponse operator()(const AlertTested& tested) const {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    json.Key("notifies");
    json.BeginArray();
    for (NotifyId id : tested.notifies) json.String(id.ToString());
    json.EndArray();
    json.EndObject();
    return JsonResponse(202, std::move(body));
  }
  HttpResponse operator()(const AlertsJudged&) const {
    CHECK(false);  // no client asks for it
    return {};
  }
};

}  // namespace

HttpResponse AlertResponse(const AlertAnswer& answer) {
  return std::visit(Shower(), answer.what);
}

}  // namespace notifyd
