#include "net/api/json_fields.h"

namespace notifyd {
namespace {

constexpr size_t kMostTexts = 10'000;

}  // namespace

Status ReadTexts(const JsonValue& value, std::string_view pointer, size_t most_bytes, std::vector<std::string>* out) {
  if (value.kind != JsonValue::Kind::kArray) return Status(Code::kUnacceptable, "it must be a list of strings", std::string(pointer));
  for (const JsonValue& entry : value) {
    if (out->size() == kMostTexts) return Status(Code::kUnacceptable, "the list is too long", std::string(pointer));
    const std::string at = std::string(pointer) + "/" + std::to_string(out->size());
    NOTIFYD_TRY(ReadText(entry, at, 1, most_bytes, &out->emplace_back()));
  }
  return Status::Ok();
}

void ShowTexts(const std::vector<std::string>& texts, JsonWriter* json) {
  json->BeginArray();
  for (const std::string& text : texts) json->String(text);
  json->EndArray();
}

Status ReadBool(const JsonValue& value, std::string_view pointer, bool* out) {
  if (value.kind != JsonValue::Kind::kBool) return Status(Code::kUnacceptable, "it must be true or false", std::string(pointer));
  *out = value.raw == "true";
  return Status::Ok();
}

}  // namespace notifyd
