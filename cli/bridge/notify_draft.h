// NotifyDraft: a notify on its way to JSON, field by field; what is set later takes the place of what was. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/json.h"

namespace notifyd {

class NotifyDraft {
 public:
  /// `json`: a value.
  void SetRaw(std::string_view name, std::string json) {
    for (auto& [known, value] : fields_)
      if (known == name) {
        value = std::move(json);
        return;
      }
    fields_.emplace_back(name, std::move(json));
  }
  void SetText(std::string_view name, std::string_view text) {
    std::string json;
    JsonWriter(&json).String(text);
    SetRaw(name, std::move(json));
  }
  void SetNumber(std::string_view name, int64_t number) { SetRaw(name, std::to_string(number)); }
  bool Has(std::string_view name) const {
    return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) { return field.first == name; });
  }
  void Remove(std::string_view name) {
    std::erase_if(fields_, [&](const auto& field) { return field.first == name; });
  }
  /// The JSON of a field; empty where it is not set.
  std::string_view Raw(std::string_view name) const {
    for (const auto& [known, value] : fields_)
      if (known == name) return value;
    return {};
  }
  /// A header of HTTP; names that differ in case alone are one.
  void SetHeader(std::string_view name, std::string_view value) {
    for (auto& [known, text] : headers_)
      if (EqualsIgnoringCase(known, name)) {
        text = value;
        return;
      }
    headers_.emplace_back(name, value);
  }
  /// Takes it away; its value, or an empty text.
  std::string TakeHeader(std::string_view name) {
    for (auto at = headers_.begin(); at != headers_.end(); ++at) {
      if (!EqualsIgnoringCase(at->first, name)) continue;
      std::string value = std::move(at->second);
      headers_.erase(at);
      return value;
    }
    return {};
  }
  /// False: there are as many as a notify has, or it has this one.
  bool AddLabel(std::string_view name, std::string_view value) {
    const bool known = std::any_of(labels_.begin(), labels_.end(), [&](const auto& label) { return label.first == name; });
    if (known || labels_.size() >= kMostLabels) return false;
    labels_.emplace_back(name, value);
    return true;
  }

  std::string Json() const {
    std::string out;
    JsonWriter json(&out);
    json.BeginObject();
    for (const auto& [name, value] : fields_) {
      json.Key(name);
      json.Raw(value);
    }
    for (const auto& [name, pairs] : {std::pair("headers", &headers_), std::pair("labels", &labels_)}) {
      if (pairs->empty()) continue;
      json.Key(name);
      json.BeginObject();
      for (const auto& [key, value] : *pairs) {
        json.Key(key);
        json.String(value);
      }
      json.EndObject();
    }
    json.EndObject();
    return out;
  }

  static constexpr size_t kMostLabels = 16;  // contract section 13

 private:
  std::vector<std::pair<std::string, std::string>> fields_, headers_, labels_;
};

}  // namespace notifyd
