#include "net/beanstalkd/beanstalkd_answers.h"

#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/base64.h"
#include "base/ids.h"
#include "base/json.h"
#include "net/notify_agent/notify_agent.h"

namespace notifyd {
namespace {

constexpr int64_t kYearMs = 365LL * 24 * 3600 * 1000;

uint64_t Seconds(int64_t ms) {
  return ms > 0 ? static_cast<uint64_t>(ms) / 1000 : 0;
}

/// Until that time, in seconds; 0 where it is none, or over.
uint64_t SecondsUntil(const std::string& time, WallTime now) {
  const Result<WallTime> at = ParseRfc3339(time);
  return at.ok() ? Seconds(at->ms - now.ms + 999) : 0;
}

/// A lane's name; one that no tube could have is in quotes, so that none ends its line, nor is read as anything else.
std::string YamlName(std::string_view lane) {
  if (IsTubeName(lane)) return std::string(lane);
  std::string quoted;
  JsonWriter(&quoted).String(lane);
  return quoted;
}

}  // namespace

AnswerDocument::AnswerDocument(std::string_view json) {
  Result<JsonTree> tree = JsonTree::Parse(json);
  if (tree.ok()) tree_ = *std::move(tree);
}

std::optional<JsonTree::Value> AnswerDocument::At(std::string_view pointer) const {
  return tree_ ? tree_->root().At(pointer) : std::nullopt;
}

std::string AnswerDocument::Text(std::string_view pointer) const {
  const std::optional<JsonTree::Value> value = At(pointer);
  return value && value->kind() == JsonTree::Kind::kString ? std::string(value->text()) : std::string();
}

uint64_t AnswerDocument::Number(std::string_view pointer) const {
  const std::optional<JsonTree::Value> value = At(pointer);
  uint64_t number = 0;
  if (value && value->kind() == JsonTree::Kind::kNumber) std::from_chars(value->raw().data(), value->raw().data() + value->raw().size(), number);
  return number;
}

size_t AnswerDocument::Size(std::string_view pointer) const {
  const std::optional<JsonTree::Value> value = At(pointer);
  return value ? value->size() : 0;
}

std::string JobOfId(std::string_view id) {
  const std::optional<NotifyId> parsed = NotifyId::Parse(id);
  return parsed ? std::to_string(parsed->value) : std::string();
}

std::string IdOfJob(std::string_view job) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(job.data(), job.data() + job.size(), value);
  const NotifyId id{value};
  if (error != std::errc() || end != job.data() + job.size() || value == 0 || id.number() > kMostNumber) return {};
  return id.ToString();
}

std::string_view JobState(std::string_view state) {
  if (state == "ready") return "ready";
  if (state == "sending") return "reserved";
  if (state == "scheduled" || state == "retrying" || state == "held") return "delayed";
  return state == "failed" ? "buried" : "";
}

int PriorityOf(uint64_t pri) {
  if (pri == 0) return 9;
  if (pri < 1024) return 6;
  return pri == 1024 ? 4 : 2;
}

uint64_t PriOf(uint64_t priority) {
  if (priority >= 9) return 0;
  if (priority > 4) return 512;
  return priority == 4 ? 1024 : 2048;
}

std::string JobOf(const AnswerDocument& notify) {
  if (const std::string encoded = notify.Text("/body_base64"); !encoded.empty()) {
    Result<std::string> decoded = DecodeBase64(encoded);
    return decoded.ok() ? *std::move(decoded) : std::string();
  }
  const std::optional<JsonTree::Value> data = notify.At("/data");
  if (data && data->kind() != JsonTree::Kind::kNull) return std::string(data->raw());
  return notify.Text("/body");
}

std::string Yaml(const YamlRows& rows) {
  std::string yaml = "---\n";
  for (const auto& [name, value] : rows) yaml.append(name).append(": ").append(value).append("\n");
  return yaml;
}

std::string JobYaml(const AnswerDocument& notify, std::string_view tube, WallTime now) {
  const Result<WallTime> created = ParseRfc3339(notify.Text("/created_at"));
  const std::string state = notify.Text("/state");
  const bool fifo = notify.Text("/mode") == "fifo";
  const std::string next = notify.Text("/next_attempt_at");
  const uint64_t left = JobState(state) == "delayed" ? SecondsUntil(next.empty() ? notify.Text("/due_at") : next, now) : 0;
  const uint64_t made = notify.Number("/attempts_made");
  auto number = [](uint64_t value) { return std::to_string(value); };
  return Yaml({{"id", JobOfId(notify.Text("/id"))},
               {"tube", YamlName(tube)},
               {"state", std::string(JobState(state))},
               {"pri", number(fifo ? 1024 : PriOf(notify.Number("/priority")))},
               {"age", number(created.ok() ? Seconds(now.ms - created->ms) : 0)},
               {"delay", number(Seconds(static_cast<int64_t>(notify.Number("/delay_ms"))))},
               {"ttr", number(std::max<uint64_t>(1, notify.Number("/timeout_ms") / 1000))},
               {"time-left", number(left)},
               {"file", "0"},
               {"reserves", number(made + (state == "sending" ? 1 : 0))},
               {"timeouts", "0"},
               {"releases", number(state == "failed" && made > 0 ? made - 1 : made)},
               {"buries", state == "failed" ? "1" : "0"},
               {"kicks", "0"}});
}

void TubeFigures::Add(const AnswerDocument& lane, WallTime now) {
  ready += lane.Number("/states/ready");
  reserved += lane.Number("/states/sending");
  delayed += lane.Number("/states/scheduled") + lane.Number("/states/retrying") + lane.Number("/states/held");
  const std::optional<JsonTree::Value> paused = lane.At("/paused");
  if (!paused || paused->kind() != JsonTree::Kind::kTrue) return;
  const Result<WallTime> until = ParseRfc3339(lane.Text("/own/paused_until"));
  paused_ms = std::max(paused_ms, until.ok() ? until->ms - now.ms : kYearMs);
}

std::string TubeYaml(std::string_view tube, const TubeFigures& figures) {
  auto number = [](uint64_t value) { return std::to_string(value); };
  const uint64_t left = Seconds(figures.paused_ms > 0 ? figures.paused_ms + 999 : 0);
  return Yaml({{"name", std::string(tube)},
               {"current-jobs-urgent", "0"},
               {"current-jobs-ready", number(figures.ready)},
               {"current-jobs-reserved", number(figures.reserved)},
               {"current-jobs-delayed", number(figures.delayed)},
               {"current-jobs-buried", number(figures.buried)},
               {"total-jobs", number(figures.ready + figures.reserved + figures.delayed + figures.buried)},
               {"current-using", number(figures.using_it)},
               {"current-watching", number(figures.watching)},
               {"current-waiting", "0"},
               {"cmd-delete", "0"},
               {"cmd-pause-tube", "0"},
               {"pause", number(left)},
               {"pause-time-left", number(left)}});
}

namespace {

/// Those that stats shows, in its order, and the command of each as it is counted; the consumers' and what is of the connection alone are 0.
constexpr std::pair<std::string_view, std::string_view> kCounted[] = {
    {"cmd-put", "put"},
    {"cmd-peek", "peek"},
    {"cmd-peek-ready", "peek-ready"},
    {"cmd-peek-delayed", "peek-delayed"},
    {"cmd-peek-buried", "peek-buried"},
    {"cmd-reserve", ""},
    {"cmd-reserve-with-timeout", ""},
    {"cmd-delete", "delete"},
    {"cmd-release", ""},
    {"cmd-use", ""},
    {"cmd-watch", ""},
    {"cmd-ignore", ""},
    {"cmd-bury", ""},
    {"cmd-kick", "kick"},
    {"cmd-touch", ""},
    {"cmd-stats", "stats"},
    {"cmd-stats-job", "stats-job"},
    {"cmd-stats-tube", "stats-tube"},
    {"cmd-list-tubes", "list-tubes"},
    {"cmd-list-tube-used", ""},
    {"cmd-list-tubes-watched", ""},
    {"cmd-pause-tube", "pause-tube"},
};

}  // namespace

std::string StatsYaml(const AnswerDocument& stats, const ServerFigures& figures, const std::function<uint64_t(std::string_view command)>& count) {
  auto number = [](uint64_t value) { return std::to_string(value); };
  auto of = [&](std::string_view name) { return stats.Number("/states/" + std::string(name)); };
  YamlRows rows = {{"current-jobs-urgent", "0"},
                   {"current-jobs-ready", number(of("ready"))},
                   {"current-jobs-reserved", number(of("sending"))},
                   {"current-jobs-delayed", number(of("scheduled") + of("retrying") + of("held"))},
                   {"current-jobs-buried", number(figures.buried)}};
  for (const auto& [key, command] : kCounted) rows.emplace_back(key, number(count(command)));
  utsname system{};
  uname(&system);
  const std::string connections = number(figures.connections);
  rows.insert(rows.end(), {{"job-timeouts", "0"},
                           {"total-jobs", number(stats.Number("/totals/accepted"))},
                           {"max-job-size", number(figures.max_job_bytes)},
                           {"current-tubes", number(stats.Number("/loaded/lanes"))},
                           {"current-connections", connections},
                           {"current-producers", connections},
                           {"current-workers", "0"},
                           {"current-waiting", "0"},
                           {"total-connections", connections},
                           {"pid", number(stats.Number("/pid"))},
                           {"version", "\"notifyd " + stats.Text("/version") + "\""},
                           {"rusage-utime", "0.000000"},
                           {"rusage-stime", "0.000000"},
                           {"uptime", number(stats.Number("/uptime_ms") / 1000)},
                           {"binlog-oldest-index", "0"},
                           {"binlog-current-index", "0"},
                           {"binlog-records-migrated", "0"},
                           {"binlog-records-written", "0"},
                           {"binlog-max-size", "0"},
                           {"draining", figures.draining ? "true" : "false"},
                           {"id", number(stats.Number("/pid"))},
                           {"hostname", system.nodename},
                           {"os", system.version},
                           {"platform", system.machine}});
  return Yaml(rows);
}

}  // namespace notifyd
