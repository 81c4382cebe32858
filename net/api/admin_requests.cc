#include "net/api/admin_requests.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/json_or_null.h"
#include "broker/places.h"
#include "net/access/token.h"
#include "net/api/list_query.h"
#include "net/api/merge_patch.h"
#include "net/api/problem.h"
#include "net/api/registry_steps.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/resource.h"
#include "net/api/retry_json.h"
#include "net/api/space_fields.h"
#include "net/api/token_fields.h"
#include "net/signing/jwks.h"
#include "net/signing/webhook.h"

namespace notifyd {
namespace {

using Kind = JsonValue::Kind;

// ---- what they share

uint64_t RequestOf(const Asking& asking) {
  return RegistryRequestOf(asking.id);
}

SpaceSight SpaceSightOf(const ApiOptions& options, NamespaceNumber number) {
  const NamespaceFigures figures = options.board ? options.board->Figures(number) : NamespaceFigures();
  std::optional<CellMoveReport> move = options.cell_move ? options.cell_move(number) : std::nullopt;
  if (!options.places) return {figures, false, {}, std::move(move)};
  const Place place = options.places->Of(number);
  const bool here = place.kind == Place::Kind::kHere;
  return {here ? std::optional(figures) : std::nullopt, /*of_cluster=*/true, here ? options.member : place.member, std::move(move)};
}

HttpResponse SpaceResponse(int status, const NamespaceRow& row, const ApiOptions& options) {
  std::string body;
  JsonWriter json(&body);
  WriteSpace(row, SpaceSightOf(options, row.number), &json);
  HttpResponse response = JsonResponse(status, std::move(body));
  response.headers.emplace_back("ETag", ETagOfVersion(row.version));
  return response;
}

HttpResponse TokenResponse(int status, const TokenRow& row, const std::optional<WallTime>& used_at, const std::string* text = nullptr) {
  std::string body;
  JsonWriter json(&body);
  WriteToken(row, used_at, text, &json);
  HttpResponse response = JsonResponse(status, std::move(body));
  response.headers.emplace_back("ETag", ETagOfVersion(row.version));
  return response;
}

/// The registry's answer shows the namespace. `options` outlives all requests.
std::unique_ptr<Steps> AskForSpace(const Asking& asking, RegistryEvent event, bool conditional, int status) {
  return AskRegistry(std::move(event), conditional, [options = asking.tools->options, status](const RegistryReply& reply) {
    HttpResponse response = SpaceResponse(reply.created ? 201 : status, *reply.space, *options);
    if (reply.created) response.headers.emplace_back("Location", "/v1/namespaces/" + reply.space->name);
    return response;
  });
}

/// Members of another release may not know that a namespace goes from one cell to another.
Status CheckMembers(const ApiOptions& options) {
  if (!options.places) return Status::Ok();
  for (const Member& member : options.places->Members())
    if (member.version != options.version)
      return Status(Code::kConflict,
                    "the member " + member.name + " has version " + member.version + ": a namespace moves to another cell once all have version " +
                        options.version,
                    "/cell");
  return Status::Ok();
}

/// One that does not know the cell would serve nothing that lies there.
Status CheckAllKnow(const ApiOptions& options, const std::string& cell) {
  if (!options.places) return Status::Ok();
  for (const Member& member : options.places->Members()) {
    if (member.cells && member.cells->contains(cell)) continue;
    // One of this version says it as it begins; one of another version may never say it.
    if (!member.cells && member.version == options.version)
      return Status(Code::kUnavailable, "the member " + member.name + " has not said yet which cells its settings name; try again");
    return Status(Code::kConflict,
                  (member.cells ? "the settings of the member " + member.name + " do not name the cell " + cell
                                : "the member " + member.name + ", of version " + member.version + ", does not say which cells its settings name") +
                      ": a namespace may lie in " + cell + " once those of all members name it (store.postgres.cells)",
                  "/cell");
  }
  return Status::Ok();
}

/// One that the settings name, the home cell, or, by `row`, the one in which it lies.
Status CheckCell(const Asking& asking, const NamespaceSettings& settings, const NamespaceRow* row) {
  if (row && settings.cell && *settings.cell != row->settings.cell.value_or(kHomeCell)) NOTIFYD_TRY(CheckMembers(*asking.tools->options));
  if (!settings.cell || *settings.cell == kHomeCell || (row && row->settings.cell == settings.cell)) return Status::Ok();
  const std::vector<std::string>& cells = asking.tools->options->cells;
  if (std::find(cells.begin(), cells.end(), *settings.cell) != cells.end()) return CheckAllKnow(*asking.tools->options, *settings.cell);
  return Status(Code::kUnacceptable, "there is no cell of that name in store.postgres.cells", "/cell");
}

/// What a namespace says already, since the setting was higher then, stands in no other change's way.
Status CheckTimeout(const Asking& asking, const NamespaceSettings& settings, const NamespaceRow* row) {
  if (!settings.timeout_ms || (row && row->settings.timeout_ms == settings.timeout_ms)) return Status::Ok();
  return asking.tools->submit.CheckTimeout(*settings.timeout_ms);
}

bool IsConditional(const Precondition& precondition) {
  return precondition.version || precondition.absent;
}

Status NotOfIt() {
  return Status(Code::kForbidden, "this token is not one of the namespace");
}

/// The members of a short document, by a function that knows them.
Status ReadMembers(const Asking& asking, const std::function<Status(const JsonValue& value)>& read) {
  bool is_array = false;
  return asking.tools->json.Read(asking.request->body, 0, &is_array, [&](const JsonValue& root) -> Status {
    for (const JsonValue& value : root) NOTIFYD_TRY(read(value));
    return Status::Ok();
  });
}

/// The document as a whole.
Status ReadWhole(const Asking& asking, const JsonReader::OnItem& read) {
  bool is_array = false;
  return asking.tools->json.Read(asking.request->body, 0, &is_array, read);
}

constexpr int64_t kMostGraceMs = 30LL * 24 * 3600 * 1000;  // of an overlap of keys, too

}  // namespace

// ---- namespaces

Result<Asked> ReadNamespaces(const Asking& asking) {
  Result<PageQuery> page = ParsePageQuery(asking.query);
  if (!page.ok()) return std::move(page).status();
  const Asker& asker = asking.asker;
  const ApiOptions& options = *asking.tools->options;
  std::vector<std::shared_ptr<const NamespaceRow>> rows;
  for (const auto& row : asker.table->AllNamespaces())
    if (row->name > page->cursor && asker.principal.HasNamespace(row->name)) rows.push_back(row);
  std::optional<std::string> next;
  if (rows.size() > page->limit) {
    rows.resize(page->limit);
    next = rows.back()->name;
  }
  return Asked(ResourcesResponse(
      rows, next, [&](const auto& row, JsonWriter* json) { WriteSpace(*row, SpaceSightOf(options, row->number), json); },
      [](const auto& row) { return row->name; }));
}

Result<Asked> ReadNamespace(const Asking& asking) {
  return Asked(SpaceResponse(200, *asking.asker.space, *asking.tools->options));
}

Result<Asked> ReadNamespacePut(const Asking& asking) {
  const std::string& name = asking.route.argument;
  // By the token alone, whether it exists or not.
  if (!asking.asker.principal.HasNamespace(name)) return NotOfIt();
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  Result<NamespaceSettings> settings = ReadSpaceSettings(&asking.tools->json, asking.request->body);
  if (!settings.ok()) return std::move(settings).status();
  const std::shared_ptr<const NamespaceRow> row = asking.asker.table->FindNamespace(name);
  NOTIFYD_TRY(CheckCell(asking, *settings, row.get()));
  NOTIFYD_TRY(CheckTimeout(asking, *settings, row.get()));
  Result<std::optional<Precondition>> precondition = PreconditionOf(*asking.request, row ? std::optional(row->version) : std::nullopt);
  if (!precondition.ok()) return std::move(precondition).status();
  if (!*precondition) return Asked(NotWhatIfMatchSays());
  const bool conditional = IsConditional(**precondition);
  PutNamespace put{RequestOf(asking), asking.asker.ToActor(), name, *std::move(settings), **std::move(precondition)};
  return Asked(AskForSpace(asking, std::move(put), conditional, 200));
}

Result<Asked> ReadNamespaceChange(const Asking& asking) {
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/true));
  const NamespaceRow& row = *asking.asker.space;
  Result<std::optional<Precondition>> precondition = PreconditionOf(*asking.request, row.version);
  if (!precondition.ok()) return std::move(precondition).status();
  if (!*precondition) return Asked(NotWhatIfMatchSays());
  // What the patch names must be there, also where it takes something back.
  NamespaceSettings named;
  NOTIFYD_TRY(ReadWhole(asking, [&](const JsonValue& root) { return ReadFields(SpaceFields(), "", root, &named); }));
  Result<std::string> document = MergePatchOfRetry(SpaceSettingsDocument(row.settings), asking.request->body);
  if (!document.ok()) return std::move(document).status();
  Result<NamespaceSettings> settings = ReadSpaceSettings(&asking.tools->json, *document);
  if (!settings.ok()) return std::move(settings).status();
  // Of that it says nothing.
  if (!named.cell) settings->cell.reset();
  NOTIFYD_TRY(CheckCell(asking, *settings, &row));
  NOTIFYD_TRY(CheckTimeout(asking, *settings, &row));
  const bool conditional = IsConditional(**precondition);
  PutNamespace put{RequestOf(asking), asking.asker.ToActor(), row.name, *std::move(settings), {.version = row.version}};
  return Asked(AskForSpace(asking, std::move(put), conditional, 200));
}

Result<Asked> ReadNamespaceRemoval(const Asking& asking) {
  RemoveNamespace remove{RequestOf(asking), asking.asker.ToActor(), asking.asker.space->name};
  for (const auto& [name, value] : asking.query) {
    if (name != "discard_pending") return UnknownParameter(name);
    if (value != "true" && value != "false") return Status(Code::kUnacceptable, "discard_pending must be true or false", "/discard_pending");
    remove.discard_pending = value == "true";
  }
  Result<std::optional<Precondition>> precondition = PreconditionOf(*asking.request, asking.asker.space->version);
  if (!precondition.ok()) return std::move(precondition).status();
  if (!*precondition) return Asked(NotWhatIfMatchSays());
  remove.precondition = **precondition;
  const bool conditional = IsConditional(remove.precondition);
  return Asked(AskForSpace(asking, std::move(remove), conditional, 202));
}

// ---- signing keys

Result<Asked> ReadKeyMaking(const Asking& asking) {
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  PutSigningKey put{RequestOf(asking), asking.asker.ToActor(), asking.asker.space->name, {}, 0};
  put.key.name = "default";
  NOTIFYD_TRY(ReadMembers(asking, [&](const JsonValue& value) -> Status {
    if (value.key != "name" && value.key != "kind" && value.key != "overlap_ms") return UnknownField({}, value.key);
    if (!IsGiven(&value)) return Status::Ok();
    if (value.key == "name") return ReadText(value, "/name", 1, 63, &put.key.name);
    if (value.key == "overlap_ms") return ReadInt(value, "/overlap_ms", 0, kMostGraceMs, &put.overlap_ms);
    std::optional<SigningKind> kind = value.kind == Kind::kString ? ParseSigningKind(value.text) : std::nullopt;
    if (!kind) return Status(Code::kUnacceptable, "kind must be one of hmac, ed25519", "/kind");
    put.key.kind = *kind;
    return Status::Ok();
  }));
  put.key.secret = MakeKeySecret();
  auto answer = [key = put.key](const RegistryReply& reply) {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    json.Key("name");
    json.String(key.name);
    json.Key("kind");
    json.String(ToString(key.kind));
    json.Key("secret");
    json.String(FormatKeyText(key.kind, key.secret));
    json.Key("public_key");
    key.kind == SigningKind::kEd25519 ? json.String(FormatPublicKey(key.secret)) : json.Null();
    json.Key("created_at");
    json.String(FormatRfc3339(reply.space->keys.back().created_at));
    json.EndObject();
    return JsonResponse(201, std::move(body));
  };
  return Asked(AskRegistry(std::move(put), /*conditional=*/false, std::move(answer)));
}

Result<Asked> ReadKeyRemoval(const Asking& asking) {
  RemoveSigningKey remove{RequestOf(asking), asking.asker.ToActor(), asking.asker.space->name, asking.route.argument2};
  return Asked(AskForSpace(asking, std::move(remove), /*conditional=*/false, 200));
}

Result<Asked> ReadJwks(const Asking& asking) {
  const ApiOptions& options = *asking.tools->options;
  const std::vector<std::shared_ptr<const NamespaceRow>> rows = asking.asker.table->AllNamespaces();
  const std::string* of = nullptr;
  for (const auto& [name, value] : asking.query) {
    if (name != "namespace") return UnknownParameter(name);
    of = &value;
  }
  std::vector<const SigningKey*> keys;
  for (const auto& row : rows) {
    if (of && row->name != *of) continue;
    for (const SigningKey& key : row->keys) keys.push_back(&key);
  }
  return Asked(JsonResponse(200, Jwks(keys, options.wall ? options.wall() : WallTime{0})));
}

// ---- tokens

Result<Asked> ReadTokens(const Asking& asking) {
  Result<PageQuery> page = ParsePageQuery(asking.query);
  if (!page.ok()) return std::move(page).status();
  ListTokens list{RequestOf(asking), asking.asker.ToActor(), std::nullopt, page->cursor, page->limit};
  return Asked(AskRegistry(std::move(list), /*conditional=*/false, [](const RegistryReply& reply) {
    std::optional<std::string> next = reply.more ? std::optional(reply.tokens.back().row->id) : std::nullopt;
    return ResourcesResponse(
        reply.tokens, next, [](const TokenSeen& seen, JsonWriter* json) { WriteToken(*seen.row, seen.used_at, nullptr, json); },
        [](const TokenSeen& seen) { return seen.row->id; });
  }));
}

Result<Asked> ReadToken(const Asking& asking) {
  ListTokens list{RequestOf(asking), asking.asker.ToActor(), asking.route.argument};
  return Asked(AskRegistry(std::move(list), /*conditional=*/false,
                           [](const RegistryReply& reply) { return TokenResponse(200, *reply.tokens.front().row, reply.tokens.front().used_at); }));
}

Result<Asked> ReadTokenMaking(const Asking& asking) {
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  NewToken made = MakeToken();
  TokenSettings settings;
  settings.name = made.id;
  // Where nothing is said: where the one who makes it may go himself.
  settings.grant.namespaces = asking.asker.principal.grant()->namespaces;
  NOTIFYD_TRY(ReadTokenSettings(&asking.tools->json, asking.request->body, &settings));
  if (settings.disabled) return Status(Code::kUnacceptable, "a new token counts at once", "/disabled");
  const TokenSecret secret = KeepSecret(made.secret, settings.signing);
  MakeTokenRequest make{RequestOf(asking), asking.asker.ToActor(), made.id, settings.name, std::move(settings.grant), settings.signing, secret};
  return Asked(AskRegistry(std::move(make), /*conditional=*/false, [text = made.Text()](const RegistryReply& reply) {
    HttpResponse response = TokenResponse(201, *reply.token, std::nullopt, &text);
    response.headers.emplace_back("Location", "/v1/tokens/" + reply.token->id);
    return response;
  }));
}

namespace {

/// The token as it is published, or null where the asker may not see it: nothing that is said of the request before the registry refuses it tells of
/// one.
std::shared_ptr<const TokenRow> PublishedToken(const Asking& asking) {
  std::shared_ptr<const TokenRow> row = asking.asker.table->FindToken(asking.route.argument);
  if (row && !SeesToken(*asking.asker.principal.grant(), *row)) return nullptr;
  return row;
}

/// Null tokens are asked for, so that they are refused as those that the asker may not see.
Asked AskForNothing(const Asking& asking) {
  ListTokens list{RequestOf(asking), asking.asker.ToActor(), asking.route.argument};
  return AskRegistry(std::move(list), /*conditional=*/false,
                     [](const RegistryReply&) { return ProblemResponse(Status(Code::kConflict, "it was made at this very moment; try again")); });
}

}  // namespace

Result<Asked> ReadTokenChange(const Asking& asking) {
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/true));
  const std::shared_ptr<const TokenRow> row = PublishedToken(asking);
  TokenSettings named;
  NOTIFYD_TRY(ReadWhole(asking, [&](const JsonValue& root) { return ReadFields(TokenFields(), "", root, &named); }));
  if (!row) return AskForNothing(asking);
  Result<std::optional<Precondition>> precondition = PreconditionOf(*asking.request, row->version);
  if (!precondition.ok()) return std::move(precondition).status();
  Result<std::string> document = MergePatch(TokenDocument(TokenSettings::Of(*row)), asking.request->body);
  if (!document.ok()) return std::move(document).status();
  TokenSettings settings;
  NOTIFYD_TRY(ReadTokenSettings(&asking.tools->json, *document, &settings));
  if (settings.signing != row->signing) return Status(Code::kUnacceptable, "signing cannot be changed: make another token", "/signing");
  if (settings.name.empty()) settings.name = row->id;
  // Whether the asker may see the token at all is the registry's to say: the condition is told with it.
  const bool conditional = !*precondition || IsConditional(**precondition);
  Precondition expected{.version = *precondition ? row->version : 0};
  ChangeToken change{RequestOf(asking), asking.asker.ToActor(), row->id, settings.name, std::move(settings.grant), settings.disabled, expected};
  return Asked(
      AskRegistry(std::move(change), conditional, [](const RegistryReply& reply) { return TokenResponse(200, *reply.token, std::nullopt); }));
}

Result<Asked> ReadTokenRemoval(const Asking& asking) {
  const std::shared_ptr<const TokenRow> row = PublishedToken(asking);
  Result<std::optional<Precondition>> precondition = PreconditionOf(*asking.request, row ? std::optional(row->version) : std::nullopt);
  if (!precondition.ok()) return std::move(precondition).status();
  RemoveToken remove{RequestOf(asking), asking.asker.ToActor(), asking.route.argument, precondition->value_or(Precondition{.version = 0})};
  const bool conditional = IsConditional(remove.precondition);
  return Asked(
      AskRegistry(std::move(remove), conditional, [](const RegistryReply& reply) { return TokenResponse(200, *reply.token, std::nullopt); }));
}

Result<Asked> ReadTokenRotation(const Asking& asking) {
  RotateToken rotate{.request = RequestOf(asking), .actor = asking.asker.ToActor(), .id = asking.route.argument};
  if (!asking.request->body.empty()) {
    NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
    NOTIFYD_TRY(ReadMembers(asking, [&](const JsonValue& value) -> Status {
      if (value.key != "grace_ms") return UnknownField({}, value.key);
      return IsGiven(&value) ? ReadInt(value, "/grace_ms", 0, kMostGraceMs, &rotate.grace_ms) : Status::Ok();
    }));
  }
  const std::shared_ptr<const TokenRow> row = PublishedToken(asking);
  if (!row) return AskForNothing(asking);
  Result<std::optional<Precondition>> precondition = PreconditionOf(*asking.request, row->version);
  if (!precondition.ok()) return std::move(precondition).status();
  rotate.precondition = precondition->value_or(Precondition{.version = 0});
  const bool conditional = IsConditional(rotate.precondition);
  NewToken made;
  made.id = row->id;
  made.secret = MakeTokenSecret();
  rotate.secret = KeepSecret(made.secret, row->signing);
  return Asked(AskRegistry(std::move(rotate), conditional,
                           [text = made.Text()](const RegistryReply& reply) { return TokenResponse(200, *reply.token, std::nullopt, &text); }));
}

// ---- the audit

namespace {

std::string AuditCursor(const AuditPlace& place) {
  return std::to_string(place.at.ms) + "-" + std::to_string(place.serial);
}

std::optional<AuditPlace> ParseAuditCursor(const std::string& text) {
  const size_t dash = text.find('-', 1);
  if (dash == std::string::npos) return std::nullopt;
  const std::optional<int64_t> at = ParseInteger(std::string_view(text).substr(0, dash));
  const std::optional<int64_t> serial = ParseInteger(std::string_view(text).substr(dash + 1));
  if (!at || !serial || *serial < 0 || *serial > UINT32_MAX) return std::nullopt;
  return AuditPlace{WallTime{*at}, static_cast<uint32_t>(*serial)};
}

void WriteAudit(const AuditItem& item, JsonWriter* json) {
  const AuditEntry& entry = item.entry;
  auto text = [&](const char* key, const std::string& value) {
    json->Key(key);
    TextOrNull(value, json);
  };
  json->BeginObject();
  json->Key("at");
  json->String(FormatRfc3339(entry.at));
  text("who", entry.who);
  text("from", entry.from);
  text("what", entry.what);
  text("namespace", entry.space);
  text("object", entry.object);
  json->Key("count");
  json->Uint(entry.count);
  text("said", entry.said);
  json->EndObject();
}

HttpResponse RekeyResponse(int status, const RekeyReport& report) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("state");
  json.String(report.state);
  TextOrNull("detail", report.detail, &json);
  json.Key("left");
  json.Uint(report.left);
  json.Key("took_ms");
  json.Int(report.took_ms);
  json.Key("sealed");
  json.Bool(report.sealed);
  json.Key("rekey_due");
  json.Bool(report.due);
  TextOrNull("needed", report.needed, &json);
  json.EndObject();
  return JsonResponse(status, std::move(body));
}

Result<Asked> AskRekey(const Asking& asking, bool begin) {
  const auto& rekey = asking.tools->options->rekey;
  if (!rekey) return Status(Code::kUnacceptable, "the store does not seal");
  return Asked(AskElsewhere([rekey, begin](std::function<void(HttpResponse)> then) {
    const RekeyReport report = rekey(begin);
    then(report.begun.ok() ? RekeyResponse(begin ? 202 : 200, report) : ProblemResponse(report.begun));
  }));
}

}  // namespace

Result<Asked> ReadRekey(const Asking& asking) {
  return AskRekey(asking, /*begin=*/false);
}

Result<Asked> ReadRekeyBeginning(const Asking& asking) {
  return AskRekey(asking, /*begin=*/true);
}

Result<Asked> ReadAudit(const Asking& asking) {
  Result<PageQuery> page = ParsePageQuery(asking.query);
  if (!page.ok()) return std::move(page).status();
  AuditQuery query;
  query.limit = page->limit;
  query.spaces = asking.asker.principal.grant()->namespaces;
  if (!query.spaces.all) query.there = asking.asker.table;
  if (!page->cursor.empty()) {
    query.below = ParseAuditCursor(page->cursor);
    if (!query.below) return Status(Code::kUnacceptable, "cursor must be what a list gave as next", "/cursor");
  }
  const ApiOptions& options = *asking.tools->options;
  if (!options.list_audit) return Asked(JsonResponse(200, R"({"items":[],"next":null})"));
  return Asked(AskElsewhere([list = options.list_audit, query = std::move(query)](std::function<void(HttpResponse)> then) {
    list(query, [then = std::move(then)](AuditPage listed) {
      if (!listed.status.ok()) return then(ProblemResponse(listed.status));
      std::optional<std::string> next;
      if (listed.next) next = AuditCursor(*listed.next);
      then(ResourcesResponse(listed.items, next, WriteAudit, [](const AuditItem& item) { return AuditCursor(item.place); }));
    });
  }));
}

}  // namespace notifyd
