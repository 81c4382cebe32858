// JsonField: a document as a table, a row each field, which says how the field is read and how it is shown; so that what is parsed, what is answered
// and what docs/openapi.yaml says stand once. For documents whose fields mean nothing to each other: a namespace's settings, a token. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/json_reader.h"
#include "base/status.h"
#include "net/api/fields.h"

namespace notifyd {

template <class T>
struct JsonField {
  std::string_view pointer;  // "/max_pending"
  /// Reads a value that is not null. Errors: kUnacceptable with a field.
  Status (*read)(std::string_view pointer, const JsonValue& value, T* out);
  /// Writes the value, null where none is set.
  void (*show)(const T& from, JsonWriter* json);

  std::string_view name() const { return pointer.substr(pointer.rfind('/') + 1); }
};

/// Reads the object at `parent` ("" for the document) into `out`; what is left out or null stays as it is there. Errors: kUnacceptable with a field.
template <class T>
Status ReadFields(std::span<const JsonField<T>> fields, std::string_view parent, const JsonValue& object, T* out) {
  if (object.kind != JsonValue::Kind::kObject) return Status(Code::kUnacceptable, "it must be an object", std::string(parent));
  for (const JsonValue& value : object) {
    const JsonField<T>* found = nullptr;
    for (const JsonField<T>& field : fields)
      if (field.name() == value.key) found = &field;
    if (!found) return UnknownField(parent, value.key);
    if (IsGiven(&value)) NOTIFYD_TRY(found->read(found->pointer, value, out));
  }
  return Status::Ok();
}

/// The members, without the braces.
template <class T>
void ShowFields(std::span<const JsonField<T>> fields, const T& from, JsonWriter* json) {
  for (const JsonField<T>& field : fields) {
    json->Key(field.name());
    field.show(from, json);
  }
}

/// A list of strings. Errors: kUnacceptable, with the index.
Status ReadTexts(const JsonValue& value, std::string_view pointer, size_t most_bytes, std::vector<std::string>* out);
void ShowTexts(const std::vector<std::string>& texts, JsonWriter* json);
/// true or false.
Status ReadBool(const JsonValue& value, std::string_view pointer, bool* out);

}  // namespace notifyd
