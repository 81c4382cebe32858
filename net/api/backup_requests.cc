#include "net/api/backup_requests.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

#include "base/json.h"
#include "base/json_or_null.h"
#include "net/api/json_fields.h"
#include "net/api/list_query.h"
#include "net/api/problem.h"
#include "net/api/registry_steps.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/resource.h"

namespace notifyd {
namespace {

constexpr size_t kNameMost = 255;  // what else it must be is the store's to say

void Write(const BackupReport& backup, JsonWriter* json) {
  json->BeginObject();
  json->Key("name");
  json->String(backup.name);
  json->Key("state");
  json->String(backup.state);
  TextOrNull("detail", backup.detail, json);
  json->Key("started_at");
  json->String(FormatRfc3339(backup.started_at));
  TimeOrNull("finished_at", backup.finished_at, json);
  json->Key("files");
  json->Uint(backup.files);
  json->Key("bytes");
  json->Uint(backup.bytes);
  json->Key("copied_bytes");
  json->Uint(backup.copied_bytes);
  json->EndObject();
}

HttpResponse One(int status, const BackupReport& backup) {
  std::string body;
  JsonWriter json(&body);
  Write(backup, &json);
  HttpResponse response = JsonResponse(status, std::move(body));
  if (status == 202) response.headers.emplace_back("Location", LocationOf("/v1/backups/", backup.name));
  return response;
}

/// `show` is called where it was not refused.
Result<Asked> AskFor(const Asking& asking, BackupAsk ask, std::function<HttpResponse(const BackupAnswer&)> show) {
  const auto& backups = asking.tools->options->backups;
  if (!backups) return Status(Code::kNotImplemented, "the store makes no backups");
  return Asked(AskElsewhere([backups, ask = std::move(ask), show = std::move(show)](std::function<void(HttpResponse)> then) {
    backups(ask,
            [show, then = std::move(then)](const BackupAnswer& answer) { then(answer.status.ok() ? show(answer) : ProblemResponse(answer.status)); });
  }));
}

/// Those behind the one that the cursor names.
HttpResponse PageOf(const std::vector<BackupReport>& all, const PageQuery& page) {
  auto from = all.begin();
  if (!page.cursor.empty()) {
    from = std::find_if(all.begin(), all.end(), [&](const BackupReport& backup) { return backup.name == page.cursor; });
    if (from == all.end()) return ProblemResponse(Status(Code::kUnacceptable, "the backup that it names is not there any more", "/cursor"));
    ++from;
  }
  const auto left = static_cast<size_t>(all.end() - from);
  const std::vector<BackupReport> shown(from, from + static_cast<std::ptrdiff_t>(std::min(left, page.limit)));
  return ResourcesResponse(shown, left > page.limit ? std::optional(shown.back().name) : std::nullopt, Write,
                           [](const BackupReport& backup) { return backup.name; });
}

BackupAsk AboutOne(const Asking& asking, BackupAsk::Kind kind) {
  return {kind, asking.route.argument};
}

constexpr JsonField<BackupAsk> kBackupFields[] = {
    {"/name", [](std::string_view pointer, const JsonValue& value, BackupAsk* out) { return ReadText(value, pointer, 0, kNameMost, &out->name); },
     [](const BackupAsk& from, JsonWriter* json) { json->String(from.name); }},
    {"/full", [](std::string_view pointer, const JsonValue& value, BackupAsk* out) { return ReadBool(value, pointer, &out->full); },
     [](const BackupAsk& from, JsonWriter* json) { json->Bool(from.full); }},
};

}  // namespace

Result<Asked> ReadBackups(const Asking& asking) {
  Result<PageQuery> page = ParsePageQuery(asking.query);
  if (!page.ok()) return std::move(page).status();
  return AskFor(asking, {}, [page = *std::move(page)](const BackupAnswer& answer) { return PageOf(answer.backups, page); });
}

Result<Asked> ReadBackup(const Asking& asking) {
  return AskFor(asking, AboutOne(asking, BackupAsk::Kind::kGet), [](const BackupAnswer& answer) { return One(200, answer.backups.front()); });
}

Result<Asked> ReadBackupMaking(const Asking& asking) {
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  BackupAsk ask{BackupAsk::Kind::kMake, {}};
  bool is_array = false;
  NOTIFYD_TRY(asking.tools->json.Read(asking.request->body, 0, &is_array,
                                      [&](const JsonValue& root) { return ReadFields<BackupAsk>(kBackupFields, "", root, &ask); }));
  return AskFor(asking, std::move(ask), [](const BackupAnswer& answer) { return One(202, answer.backups.front()); });
}

Result<Asked> ReadBackupRemoval(const Asking& asking) {
  return AskFor(asking, AboutOne(asking, BackupAsk::Kind::kRemove), [](const BackupAnswer&) {
    HttpResponse response;
    response.status = 204;
    return response;
  });
}

}  // namespace notifyd
