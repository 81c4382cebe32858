// I1: what a patch does not name comes out as it was: the document holds it in a spelling that the parser reads back to the same value, and what a
//     patch cannot name is taken from the base outright.
#include "net/api/change.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "base/json.h"
#include "base/json_tree.h"
#include "base/secrets.h"
#include "broker/flow.h"
#include "net/api/fields.h"
#include "net/api/notify_fields.h"
#include "net/api/retry_json.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

template <class T>
bool SameTarget(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  return a == b || (a && b && *a == *b);
}

bool SameEnvelope(const Envelope& a, const Envelope& b) {
  return a.lane == b.lane && a.host == b.host && a.priority == b.priority && a.reply_none == b.reply_none && a.fkey == b.fkey &&
         a.caller == b.caller && SameTarget(a.retry, b.retry) && SameTarget(a.callback, b.callback) && a.trace_parent == b.trace_parent &&
         SameTarget(a.labels, b.labels) && SameTarget(a.flow, b.flow);
}

}  // namespace

Result<IfMatch> IfMatch::Parse(std::string_view value) {
  auto malformed = [] {
    return Status(Code::kMalformed, "the header If-Match must be * or a list of ETags, each in its quotes, as in If-Match: \"a1b2\"");
  };
  auto skip = [&](std::string_view characters) { value.remove_prefix(std::min(value.find_first_not_of(characters), value.size())); };
  IfMatch parsed;
  skip(" \t");
  if (value.starts_with('*')) {
    if (value.find_first_not_of(" \t", 1) != std::string_view::npos) return malformed();
    parsed.any_ = true;
    return parsed;
  }
  bool some = false;
  for (skip(" \t,"); !value.empty(); skip(" \t,")) {  // empty elements are allowed (RFC 9110 section 5.6.1)
    bool weak = value.starts_with("W/");
    if (weak) value.remove_prefix(2);
    size_t end = value.starts_with('"') ? value.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return malformed();
    if (!weak) parsed.strong_.emplace_back(value.substr(0, end + 1));
    some = true;
    value.remove_prefix(end + 1);
    skip(" \t");
    if (!value.empty() && value[0] != ',') return malformed();
  }
  if (!some) return malformed();
  return parsed;
}

bool IfMatch::Matches(std::string_view etag) const {
  return any_ || std::find(strong_.begin(), strong_.end(), etag) != strong_.end();
}

std::string SubmitDocument(const NotifySpec& spec, const Envelope& envelope, WallTime expires_at, const PatchNames& names) {
  std::string document;
  document.reserve(1024 + spec.url.size() + spec.payload.size() * 4 / 3);
  JsonWriter json(&document);
  const NotifyShowing showing{.spec = spec, .envelope = envelope, .expires_at = expires_at};
  json.BeginObject();
  for (const NotifyField& field : NotifyFields()) {
    if (!field.restated || names.Replaces(field)) continue;
    json.Key(field.name());
    field.show(showing, &json);
  }
  // It waits for its turn in a group, and its time begins with that.
  if (!names.Chose(Choice::kTtl) && expires_at == kWallNever && spec.ttl_ms) {
    json.Key("ttl_ms");
    json.Int(*spec.ttl_ms);
  }
  json.EndObject();
  return document;
}

bool PatchNames::Replaces(const NotifyField& field) const {
  return Chose(field.choice) && std::find(fields.begin(), fields.end(), &field) == fields.end();
}

bool PatchNames::Chose(Choice choice) const {
  return choice != Choice::kNone && std::any_of(fields.begin(), fields.end(), [choice](const NotifyField* field) { return field->choice == choice; });
}

namespace {

/// The patch without the secret headers that stay as they are. `spec`: of the base.
Result<std::string> WithoutHidden(std::string_view patch, const NotifySpec& spec, const SecretNames& secrets) {
  Result<JsonTree> tree = JsonTree::Parse(patch);
  if (!tree.ok()) return std::move(tree).status();
  Status status;
  std::string text;
  JsonWriter json(&text);
  auto has_header = [&](std::string_view name) {
    return std::any_of(spec.headers.begin(), spec.headers.end(), [&](const auto& header) { return EqualsIgnoringCase(header.first, name); });
  };
  auto write_headers = [&](JsonTree::Value headers) {
    json.BeginObject();
    headers.ForEach([&](JsonTree::Value key, JsonTree::Value value) {
      if (value.kind() == JsonTree::Kind::kString && TrimBlanks(value.text()) == kHiddenValue) {
        const bool hidden = secrets.Contains(key.text());
        if (hidden && has_header(key.text())) return;
        std::string pointer = "/headers";
        AppendPointer(key.text(), &pointer);
        const char* why = hidden ? "*** keeps a header as it is, and there is none of this name"
                                 : "*** is how a hidden value is shown, and this one is not: the value itself must be said";
        status = Status(Code::kUnacceptable, why, std::move(pointer));
      }
      json.Key(key.text());
      json.Raw(value.raw());
    });
    json.EndObject();
  };
  json.BeginObject();
  tree->root().ForEach([&](JsonTree::Value key, JsonTree::Value value) {
    json.Key(key.text());
    if (key.text() == "headers" && value.kind() == JsonTree::Kind::kObject) write_headers(value);
    else json.Raw(value.raw());
  });
  json.EndObject();
  if (!status.ok()) return status;
  return text;
}

/// Due and expiry times as the core refuses them at submit.
Status CheckTimes(const std::optional<When>& when, const std::optional<When>& ttl, WallTime now) {
  if (when && when->kind == When::Kind::kAt && when->ms > now.ms + kMaxDelayMs)
    return Status(Code::kUnacceptable, "due_at is more than ten years ahead", "/due_at");
  if (ttl && ttl->kind == When::Kind::kAt && ttl->ms <= now.ms) return Status(Code::kUnacceptable, "expires_at has passed", "/expires_at");
  return Status::Ok();
}

}  // namespace

Status ChangeParser::ReadNames(const std::string& patch, PatchNames* names) {
  bool is_array = false;
  return reader_.Read(patch, 0, &is_array, [&](const JsonValue& root) -> Status {
    std::array<std::string_view, 4> given{};  // by Choice
    for (const JsonValue& value : root) {
      const NotifyField* field = FindNotifyField(value.key);
      if (!field) return UnknownField({}, value.key);
      auto bad = [&](const std::string& detail) { return Status(Code::kUnacceptable, detail, std::string(field->pointer)); };
      if (!field->changeable) return bad(std::string(value.key) + " cannot be changed");
      names->fields.push_back(field);
      if (field->choice != Choice::kNone && IsGiven(&value)) {
        std::string_view& first = given[static_cast<size_t>(field->choice)];
        if (!first.empty()) return bad(std::string(first) + " and " + std::string(value.key) + " exclude each other");
        first = field->name();
      }
    }
    return Status::Ok();
  });
}

Status ChangeParser::Check(const std::string& patch) {
  PatchNames names;
  NOTIFYD_TRY(parser_->CheckShape(patch));
  return ReadNames(patch, &names);
}

Result<ChangeRequest> ChangeParser::Parse(const std::string& patch, std::shared_ptr<const NotifyRecord> base, WallTime now, const Asker* asker) {
  PatchNames names;
  NOTIFYD_TRY(ReadNames(patch, &names));
  Result<NotifySpec> old = DecodeSpec(*base->spec);
  if (!old.ok()) return std::move(old).status();
  Result<std::string> shown = WithoutHidden(patch, *old, !asker || SightOf(*asker).bodies ? *secrets_ : SecretNames::Every());
  if (!shown.ok()) return std::move(shown).status();
  Result<std::string> document = MergePatchOfRetry(SubmitDocument(*old, *base->envelope, base->state.expires_at, names), *shown);
  if (!document.ok()) return std::move(document).status();
  // A body that is not touched stays, even where the settings would not take it any more.
  Result<ParsedNotify> parsed =
      parser_->ParseDocument(*document, {base->envelope->trace_parent, old->trace_state, old->via}, names.Chose(Choice::kPayload));
  if (!parsed.ok()) return std::move(parsed).status();
  // The document restates what is not touched.
  if (asker) parser_->ApplyDefaults(*asker, &*parsed);

  ChangeRequest change;
  change.id = base->id;
  const bool when = names.Chose(Choice::kWhen), ttl = names.Chose(Choice::kTtl);
  if (when) change.when = parsed->when;
  if (ttl) change.ttl = parsed->ttl;
  NOTIFYD_TRY(CheckTimes(change.when, change.ttl, now));

  NotifySpec& spec = parsed->spec;
  spec.on_held = old->on_held;
  spec.order_by = old->order_by;
  spec.partitions = old->partitions;
  spec.order_by_spread = old->order_by_spread;
  spec.idempotency_key = old->idempotency_key;
  if (!when) spec.delay_ms = old->delay_ms;
  if (!ttl) spec.ttl_ms = old->ttl_ms;
  Envelope& envelope = parsed->envelope;
  envelope.lane = base->envelope->lane;
  envelope.host = base->envelope->host;
  envelope.flow = base->envelope->flow;
  envelope.fkey = base->envelope->fkey;
  envelope.caller = base->envelope->caller;
  envelope.callback = base->envelope->callback;
  envelope.flow = base->envelope->flow;
  // The same objects where nothing changed, so that nothing looks changed that was written by an older version either.
  change.spec = spec == *old ? base->spec : std::make_shared<const std::string>(EncodeSpec(spec));
  change.envelope = SameEnvelope(envelope, *base->envelope) ? base->envelope : std::make_shared<const Envelope>(std::move(envelope));
  change.base = std::move(base);
  return change;
}

}  // namespace notifyd
