#include "net/api/bulk_query.h"

#include "net/api/fields.h"
#include "net/api/list_query.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

constexpr const char* kNeedsState = "filter must say which states it means";

Status ReadSeveral(std::string_view name, const JsonValue& list, ListQuery* query) {
  size_t index = 0;
  for (const JsonValue& entry : list) {
    std::string pointer = "/filter/" + std::string(name) + "/" + std::to_string(index++);
    // With a comma it would be several states: that form is for a string alone.
    if (entry.kind != Kind::kString || (name == "state" && entry.text.find(',') != std::string_view::npos))
      return Bad(pointer, "a " + std::string(name) + " must be a string");
    NOTIFYD_TRY(ApplyFilter(name, std::string(entry.text), pointer, query));
  }
  return Status::Ok();
}

Status ReadFilter(const JsonValue& filter, ListQuery* query) {
  if (filter.kind != Kind::kObject) return Bad("/filter", "filter must be an object");
  for (const JsonValue& value : filter) {
    if (!IsFilter(value.key)) return UnknownField("/filter", value.key);
    if (!IsGiven(&value)) continue;
    std::string pointer = "/filter/" + std::string(value.key);
    const bool time = IsTimeFilter(value.key);
    if ((value.key == "state" || value.key == "label") && value.kind == Kind::kArray) {
      NOTIFYD_TRY(ReadSeveral(value.key, value, query));
    } else if (value.kind == Kind::kString || (time && value.kind == Kind::kNumber)) {
      NOTIFYD_TRY(ApplyFilter(value.key, std::string(value.text), pointer, query));
    } else {
      return Bad(pointer,
                 std::string(value.key) + (time ? " must be an RFC 3339 string or integer milliseconds since the epoch" : " must be a string"));
    }
  }
  return query->states.empty() ? Bad("/filter/state", kNeedsState) : Status::Ok();
}

Status ReadMember(const JsonValue& value, ParsedBulk* out) {
  if (value.key == "filter") return IsGiven(&value) ? ReadFilter(value, &out->query) : Status::Ok();
  if (value.key == "cursor") {
    if (!IsGiven(&value)) return Status::Ok();
    std::optional<NotifyId> id;
    if (value.kind == Kind::kString) id = NotifyId::Parse(value.text);
    if (!id) return Bad("/cursor", "cursor must be what such a call gave as next");
    out->query.above = *id;
    return Status::Ok();
  }
  if (value.key == "dry_run") {
    if (!IsGiven(&value)) return Status::Ok();
    if (value.kind != Kind::kBool) return Bad("/dry_run", "dry_run must be true or false");
    out->dry_run = value.raw == "true";
    return Status::Ok();
  }
  if (value.key != "limit") return UnknownField({}, value.key);
  if (!IsGiven(&value)) return Status::Ok();
  int64_t limit = 0;
  NOTIFYD_TRY(ReadInt(value, "/limit", 1, kMaxBulkItems, &limit));
  out->query.limit = static_cast<size_t>(limit);
  return Status::Ok();
}

}  // namespace

Result<ParsedBulk> ParseBulk(JsonReader* reader, const std::string& body) {
  ParsedBulk parsed;
  parsed.query.oldest_first = true;
  parsed.query.limit = kMaxBulkItems;
  bool is_array = false;
  Status status = reader->Read(body, 0, &is_array, [&](const JsonValue& root) -> Status {
    for (const JsonValue& value : root) NOTIFYD_TRY(ReadMember(value, &parsed));
    return parsed.query.states.empty() ? Bad("/filter", kNeedsState) : Status::Ok();
  });
  if (!status.ok()) return status;
  return parsed;
}

}  // namespace notifyd
