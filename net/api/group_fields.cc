#include "net/api/group_fields.h"

#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "net/api/field_print.h"
#include "net/api/fields.h"
#include "net/api/json_fields.h"
#include "net/api/json_shape.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

/// So much the document may have beside its notifies.
constexpr size_t kMostBesideMembersBytes = 64 << 10;
constexpr std::string_view kNotifies = "notifies";

Status ReadGroupCallback(std::string_view pointer, const JsonValue& value, GroupPost* out) {
  if (value.kind != JsonValue::Kind::kString) return Bad("/callback_url", "callback_url must be a string");
  Result<CheckedUrl> url = CheckUrl(value.text);
  if (!url.ok()) return Status(Code::kUnacceptable, url.status().detail(), std::string(pointer));
  out->callback = Callback{std::string(value.text), DefaultLane(url->base, {}), std::move(url->host), ""};
  return Status::Ok();
}

Status ReadOnFailure(std::string_view pointer, const JsonValue& value, GroupPost* out) {
  const bool is_word = value.kind == JsonValue::Kind::kString && (value.text == "continue" || value.text == "cancel_rest");
  if (!is_word) return Status(Code::kUnacceptable, "on_failure must be one of continue, cancel_rest", std::string(pointer));
  out->cancel_rest = value.text == "cancel_rest";
  return Status::Ok();
}

void ShowNothing(const GroupPost&, JsonWriter*) {}

constexpr JsonField<GroupPost> kFields[] = {
    {"/idempotency_key",
     [](std::string_view pointer, const JsonValue& value, GroupPost* out) {
       return ReadText(value, pointer, 1, kMaxNameBytes, &out->idempotency_key);
     },
     ShowNothing},
    {"/callback_url", ReadGroupCallback, ShowNothing},
    {"/labels",
     [](std::string_view pointer, const JsonValue& value, GroupPost* out) { return ReadLabels(value, std::string(pointer), &out->labels); },
     ShowNothing},
    {"/on_failure", ReadOnFailure, ShowNothing},
    {"/sequential", [](std::string_view pointer, const JsonValue& value, GroupPost* out) { return ReadBool(value, pointer, &out->sequential); },
     ShowNothing},
};

/// The document with an empty array in place of `array`, which is a part of it.
std::string WithoutItems(const std::string& document, std::string_view array) {
  const size_t at = static_cast<size_t>(array.data() - document.data());
  return document.substr(0, at) + "[]" + document.substr(at + array.size());
}

/// All but the notifies, of which `found` says whether they are there. A print of what was read goes to `prints`.
Status ReadRest(const std::string& rest, bool found, JsonReader* json, GroupPost* out, Encoder* prints) {
  bool is_array = false;
  return json->Read(rest, 0, &is_array, [&](const JsonValue& root) -> Status {
    bool named = false;
    for (const JsonValue& value : root) {
      const JsonField<GroupPost>* field = nullptr;
      for (const JsonField<GroupPost>& each : kFields)
        if (each.name() == value.key) field = &each;
      if (value.key == kNotifies) {
        named = true;
        if (!found && IsGiven(&value)) return Bad("/notifies", "notifies must be an array");
      } else if (!field) {
        return UnknownField({}, value.key);
      } else if (IsGiven(&value)) {
        NOTIFYD_TRY(field->read(field->pointer, value, out));
      }
    }
    if (!named || !found) return Bad("/notifies", "notifies is missing");
    const Fingerprint print = json->PrintOf(root, "idempotency_key");
    prints->Big64(print.high);
    prints->Big64(print.low);
    return Status::Ok();
  });
}

Status ReadKeyOf(const std::string* header, GroupPost* post) {
  if (!header) return Status::Ok();
  if (header->empty() || header->size() > kMaxNameBytes) return Status(Code::kUnacceptable, "the header Idempotency-Key must have 1 to 255 bytes");
  if (!post->idempotency_key.empty() && post->idempotency_key != *header)
    return Bad("/idempotency_key", "idempotency_key and the header Idempotency-Key differ");
  post->idempotency_key = *header;
  return Status::Ok();
}

/// What a notify may have, and one of a group may not.
Status CheckMembers(const std::vector<SubmitItem>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string at = "/notifies/" + std::to_string(i);
    if (!items[i].envelope->fkey.empty()) return Status(Code::kUnacceptable, "a notify of a group has no fkey", at + "/fkey");
    if (!items[i].idempotency_key.empty())
      return Status(Code::kUnacceptable, "a notify of a group has no idempotency_key of its own: the group has one", at + "/idempotency_key");
  }
  return Status::Ok();
}

}  // namespace

std::string_view FindMember(std::string_view document, std::string_view name) {
  int level = 0;
  bool in_value = false;
  std::string_view key;
  size_t value_at = 0;
  auto ended = [&](size_t at) { return level == 1 && in_value && IsKey(key, name) ? document.substr(value_at, at - value_at) : std::string_view(); };
  auto trim = [](std::string_view text) {
    const size_t from = text.find_first_not_of(" \t\r\n");
    if (from == text.npos) return std::string_view();
    return text.substr(from, text.find_last_not_of(" \t\r\n") + 1 - from);
  };
  for (size_t at = document.find_first_of("\"{}[]:,"); at < document.size(); at = document.find_first_of("\"{}[]:,", at + 1)) {
    switch (document[at]) {
      case '"': {
        const size_t from = at + 1;
        for (++at; at < document.size() && document[at] != '"'; ++at)
          if (document[at] == '\\') ++at;
        if (at >= document.size()) return {};
        if (level == 1 && !in_value) key = document.substr(from, at - from);
        break;
      }
      case '{':
      case '[':
        if (level == 0 && document[at] == '[') return {};
        ++level;
        break;
      case '}':
      case ']':
        if (std::string_view value = trim(ended(at)); !value.empty()) return value;
        if (--level <= 0) return {};
        break;
      case ':':
        if (level == 1 && !in_value) {
          in_value = true;
          value_at = at + 1;
        }
        break;
      default:
        if (level != 1) break;
        if (std::string_view value = trim(ended(at)); !value.empty()) return value;
        in_value = false;
    }
  }
  return {};
}

Result<GroupPost> ReadGroup(const std::string& body, const std::string* header_key, const TraceContext& trace, const Asker& asker,
                            SubmitParser* parser, JsonReader* json) {
  // The notifies are read one by one, as those of a batch, so that what is read at once is never larger than one of them.
  GroupPost post;
  const std::string_view value = FindMember(body, kNotifies);
  const bool found = value.starts_with('[');
  const std::string notifies(found ? value : std::string_view());
  if (body.size() - notifies.size() > kMostBesideMembersBytes)
    return Status(Code::kTooLarge, "beside its notifies the document has at most " + std::to_string(kMostBesideMembersBytes) + " bytes");
  std::string prints;
  Encoder encoder(&prints);
  Status status = ReadRest(found ? WithoutItems(body, value) : body, found, json, &post, &encoder);
  // What is malformed goes first, wherever it stands.
  if (status.code() == Code::kMalformed || !found) return status;
  if (status.ok()) status = ReadKeyOf(header_key, &post);
  const bool keyed = !post.idempotency_key.empty();
  Result<ParsedSubmit> parsed = parser->ParseMembers(notifies, kMostGroupMembers, trace, asker, keyed ? &prints : nullptr);
  if (!parsed.ok() && parsed.status().code() == Code::kMalformed) return std::move(parsed).status();
  NOTIFYD_TRY(status);
  if (!parsed.ok()) return std::move(parsed).status().Within("/notifies");
  NOTIFYD_TRY(CheckMembers(parsed->items));
  if (post.callback) NOTIFYD_TRY(parser->CheckCallback(*post.callback, asker));
  post.submit.items = std::move(parsed->items);
  post.submit.batch = true;
  post.caller = post.submit.items.front().envelope->caller;
  post.fields = PrintOfGroupFields(post);
  post.fields_1 = FingerprintOf(prints);
  post.via = trace.via;
  post.trace_parent = post.submit.items.front().envelope->trace_parent;
  return post;
}

}  // namespace notifyd
