#include "net/cluster/report_word.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/json_tree.h"

namespace notifyd {
namespace {

using Value = JsonTree::Value;

/// Of a member's name; those that settings take are shorter.
constexpr size_t kMostMemberBytes = 1'024;
/// The texts of a reading, and how they are called.
constexpr std::pair<const char*, std::string AlertCause::*> kCauseParts[] = {{"namespace", &AlertCause::space},
                                                                        {"lane", &AlertCause::lane},
                                                                        {"host", &AlertCause::host},
                                                                        {"caller", &AlertCause::caller},
                                                                        {"name", &AlertCause::object}};

void Write(const AlertReading& reading, JsonWriter* json) {
  json->BeginObject();
  for (const auto& [key, part] : kCauseParts) {
    if ((reading.cause.*part).empty()) continue;
    json->Key(key);
    json->String(reading.cause.*part);
  }
  json->Key("value");
  json->Double(reading.value);
  if (!reading.detail.empty()) {
    json->Key("detail");
    json->String(reading.detail);
  }
  json->EndObject();
}

void Write(const AlertRuleReport& rule, JsonWriter* json) {
  json->BeginObject();
  json->Key("alert");
  json->String(rule.rule);
  json->Key("print");
  json->Uint(rule.print);
  json->Key("known");
  json->Bool(rule.known);
  json->Key("unkept");
  json->Uint(rule.unkept);
  json->Key("unknown");
  json->BeginArray();
  for (const std::string& name : rule.unknown) json->String(name);
  json->EndArray();
  json->Key("readings");
  json->BeginArray();
  for (const AlertReading& reading : rule.readings) Write(reading, json);
  json->EndArray();
  json->EndObject();
}

/// Reads a document, and notes where it is not one.
class Reader {
 public:
  bool good() const { return good_; }

  void Read(const Value& root, AlertReport* report, MeantMember* to) {
    Each(root, kObject, [&](const Value& key, const Value& value) {
      if (key.text() == "member") Text(value, &report->member);
      else if (key.text() == "spaces") Each(value, kArray, [&](const Value&, const Value& group) { Spaces(group, report); });
      else if (key.text() == "rules") Each(value, kArray, [&](const Value&, const Value& rule) { Rule(rule, &report->rules.emplace_back()); });
      else if (key.text() == kToKey) good_ = good_ && ReadMember(value, to);
    });
    std::sort(report->spaces.begin(), report->spaces.end());
  }

 private:
  template <class Visit>
  void Each(const Value& value, JsonTree::Kind kind, Visit visit) {
    if (value.kind() == kind) value.ForEach(visit);
    else good_ = false;
  }
  void Text(const Value& value, std::string* text) {
    good_ = good_ && value.kind() == JsonTree::Kind::kString;
    if (good_) *text = value.text();
  }
  template <class Number>
  void Read(const Value& value, Number* number) {
    const std::string_view text = value.raw();
    const auto read = std::from_chars(text.data(), text.data() + text.size(), *number);
    good_ = good_ && value.kind() == JsonTree::Kind::kNumber && read.ec == std::errc() && read.ptr == text.data() + text.size();
  }

  /// [for how many ms, [numbers]].
  void Spaces(const Value& group, AlertReport* report) {
    const std::optional<Value> age = group.At("/0"), numbers = group.At("/1");
    if (!age || !numbers) return void(good_ = false);
    int64_t age_ms = 0;
    Read(*age, &age_ms);
    Each(*numbers, kArray, [&](const Value&, const Value& each) {
      NamespaceNumber number = 0;
      Read(each, &number);
      report->spaces.emplace_back(number, age_ms);
    });
  }
  void Rule(const Value& value, AlertRuleReport* rule) {
    Each(value, kObject, [&](const Value& key, const Value& each) {
      if (key.text() == "alert") Text(each, &rule->rule);
      else if (key.text() == "print") Read(each, &rule->print);
      else if (key.text() == "known") rule->known = each.raw() == "true";
      else if (key.text() == "unkept") Read(each, &rule->unkept);
      else if (key.text() == "unknown") Each(each, kArray, [&](const Value&, const Value& name) { Text(name, &rule->unknown.emplace_back()); });
      else if (key.text() == "readings")
        Each(each, kArray, [&](const Value&, const Value& reading) { Reading(reading, &rule->readings.emplace_back()); });
    });
    std::sort(rule->unknown.begin(), rule->unknown.end());
  }
  void Reading(const Value& value, AlertReading* reading) {
    Each(value, kObject, [&](const Value& key, const Value& each) {
      if (key.text() == "value") return Read(each, &reading->value);
      if (key.text() == "detail") return Text(each, &reading->detail);
      for (const auto& [name, part] : kCauseParts)
        if (key.text() == name) Text(each, &(reading->cause.*part));
    });
  }

  static constexpr JsonTree::Kind kArray = JsonTree::Kind::kArray, kObject = JsonTree::Kind::kObject;
  bool good_ = true;
};

}  // namespace

std::string EncodeAlertReport(const AlertReport& report, const MeantMember& to) {
  std::map<int64_t, std::vector<NamespaceNumber>> by_age;
  for (const auto& [number, age_ms] : report.spaces) by_age[age_ms].push_back(number);
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  json.Key("member");
  json.String(report.member);
  json.Key("spaces");
  json.BeginArray();
  for (const auto& [age_ms, numbers] : by_age) {
    json.BeginArray();
    json.Int(age_ms);
    json.BeginArray();
    for (NamespaceNumber number : numbers) json.Uint(number);
    json.EndArray();
    json.EndArray();
  }
  json.EndArray();
  json.Key("rules");
  json.BeginArray();
  for (const AlertRuleReport& rule : report.rules) Write(rule, &json);
  json.EndArray();
  WriteTo(to, &json);
  json.EndObject();
  return text;
}

std::optional<AlertReport> DecodeAlertReport(std::string_view text, MeantMember* to) {
  const Result<JsonTree> tree = JsonTree::Parse(text);
  if (!tree.ok()) return std::nullopt;
  AlertReport report;
  MeantMember meant;
  Reader reader;
  reader.Read(tree->root(), &report, &meant);
  if (!reader.good() || report.member.empty() || report.member.size() > kMostMemberBytes) return std::nullopt;
  if (to) *to = std::move(meant);
  return report;
}

}  // namespace notifyd
