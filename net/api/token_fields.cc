#include "net/api/token_fields.h"

#include <utility>

#include "base/json_or_null.h"
#include "net/api/fields.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

constexpr size_t kMostNameBytes = 100, kMostCidrBytes = 64, kMostPrefixBytes = 255;
constexpr std::string_view kAll = "*";

Status ReadNamespaces(std::string_view pointer, const JsonValue& value, TokenSettings* out) {
  std::vector<std::string> names;
  if (value.kind == Kind::kString && value.text == kAll) {
    out->grant.namespaces = NamespaceSet::All();
    return Status::Ok();
  }
  NOTIFYD_TRY(ReadTexts(value, pointer, kMostPrefixBytes, &names));
  out->grant.namespaces = names.size() == 1 && names[0] == kAll ? NamespaceSet::All() : NamespaceSet::Of(std::move(names));
  return Status::Ok();
}

void ShowNamespaces(const TokenSettings& from, JsonWriter* json) {
  from.grant.namespaces.all ? json->String(kAll) : ShowTexts(from.grant.namespaces.names, json);
}

Status ReadScopes(std::string_view pointer, const JsonValue& value, TokenSettings* out) {
  std::vector<std::string> words;
  NOTIFYD_TRY(ReadTexts(value, pointer, kMostPrefixBytes, &words));
  out->grant.scopes = {};
  for (size_t i = 0; i < words.size(); ++i) {
    std::optional<Scope> scope = ParseScope(words[i]);
    if (!scope) return Bad(std::string(pointer) + "/" + std::to_string(i), "there are the scopes " + ScopeSet::All().ToString(", "));
    out->grant.scopes.Add(*scope);
  }
  return Status::Ok();
}

void ShowScopes(const TokenSettings& from, JsonWriter* json) {
  json->BeginArray();
  for (Scope scope : kAllScopes)
    if (from.grant.scopes.Has(scope)) json->String(ToString(scope));
  json->EndArray();
}

Status ReadCidrs(std::string_view pointer, const JsonValue& value, TokenSettings* out) {
  std::vector<std::string> texts;
  NOTIFYD_TRY(ReadTexts(value, pointer, kMostCidrBytes, &texts));
  out->grant.cidrs.clear();
  for (size_t i = 0; i < texts.size(); ++i) {
    Result<Cidr> range = Cidr::Parse(texts[i]);
    if (!range.ok()) return Bad(std::string(pointer) + "/" + std::to_string(i), range.status().detail());
    out->grant.cidrs.push_back(*range);
  }
  return Status::Ok();
}

void ShowCidrs(const TokenSettings& from, JsonWriter* json) {
  json->BeginArray();
  for (const Cidr& range : from.grant.cidrs) json->String(range.ToString());
  json->EndArray();
}

template <auto member>
Status ReadPrefixes(std::string_view pointer, const JsonValue& value, TokenSettings* out) {
  (out->grant.*member).clear();
  return ReadTexts(value, pointer, kMostPrefixBytes, &(out->grant.*member));
}
template <auto member>
void ShowPrefixes(const TokenSettings& from, JsonWriter* json) {
  ShowTexts(from.grant.*member, json);
}

constexpr TokenField kFields[] = {
    {"/name",
     [](std::string_view pointer, const JsonValue& value, TokenSettings* out) { return ReadText(value, pointer, 1, kMostNameBytes, &out->name); },
     [](const TokenSettings& from, JsonWriter* json) { json->String(from.name); }},
    {"/namespaces", ReadNamespaces, ShowNamespaces},
    {"/scopes", ReadScopes, ShowScopes},
    {"/caller",
     [](std::string_view pointer, const JsonValue& value, TokenSettings* out) {
       return ReadText(value, pointer, 1, kMostNameBytes, &out->grant.caller.emplace());
     },
     [](const TokenSettings& from, JsonWriter* json) { from.grant.caller ? json->String(*from.grant.caller) : json->Null(); }},
    {"/cidrs", ReadCidrs, ShowCidrs},
    {"/lanes", ReadPrefixes<&Grant::lanes>, ShowPrefixes<&Grant::lanes>},
    {"/fkeys", ReadPrefixes<&Grant::fkeys>, ShowPrefixes<&Grant::fkeys>},
    {"/services", ReadPrefixes<&Grant::services>, ShowPrefixes<&Grant::services>},
    {"/submits_per_s",
     [](std::string_view pointer, const JsonValue& value, TokenSettings* out) {
       return ReadDouble(value, pointer, 0, 1'000'000, &out->grant.submits_per_s.emplace());
     },
     [](const TokenSettings& from, JsonWriter* json) { from.grant.submits_per_s ? json->Double(*from.grant.submits_per_s) : json->Null(); }},
    {"/expires_at",
     [](std::string_view pointer, const JsonValue& value, TokenSettings* out) {
       return ReadTime(value, pointer, "lies beyond the year 9999", &out->grant.expires_at.emplace());
     },
     [](const TokenSettings& from, JsonWriter* json) { TimeOrNull(from.grant.expires_at, json); }},
    {"/signing", [](std::string_view pointer, const JsonValue& value, TokenSettings* out) { return ReadBool(value, pointer, &out->signing); },
     [](const TokenSettings& from, JsonWriter* json) { json->Bool(from.signing); }},
    {"/disabled", [](std::string_view pointer, const JsonValue& value, TokenSettings* out) { return ReadBool(value, pointer, &out->disabled); },
     [](const TokenSettings& from, JsonWriter* json) { json->Bool(from.disabled); }},
};

}  // namespace

std::span<const TokenField> TokenFields() {
  return kFields;
}

Status ReadTokenSettings(JsonReader* reader, const std::string& body, TokenSettings* out) {
  bool is_array = false;
  return reader->Read(body, 0, &is_array, [&](const JsonValue& root) { return ReadFields<TokenSettings>(kFields, "", root, out); });
}

std::string TokenDocument(const TokenSettings& settings) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  ShowFields<TokenSettings>(kFields, settings, &json);
  json.EndObject();
  return text;
}

void WriteToken(const TokenRow& row, const std::optional<WallTime>& used_at, const std::string* text, JsonWriter* json) {
  auto time = [&](const char* key, const std::optional<WallTime>& at) {
    json->Key(key);
    TimeOrNull(at, json);
  };
  json->BeginObject();
  json->Key("id");
  json->String(row.id);
  if (text) {
    json->Key("token");
    json->String(*text);
  }
  ShowFields<TokenSettings>(kFields, TokenSettings::Of(row), json);
  json->Key("created_by");
  json->String(row.created_by);
  time("created_at", row.created_at);
  time("last_used_at", used_at);
  time("old_secret_until", row.old_secret ? std::optional(row.old_until) : std::nullopt);
  json->EndObject();
}

}  // namespace notifyd
