#include "base/log.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/clocks.h"
#include "base/json.h"
#include "base/log_output.h"
#include "base/terminal_text.h"
#include "base/time.h"

namespace notifyd {
namespace internal {
std::atomic<int> log_level{static_cast<int>(LogLevel::kInfo)};
}

namespace {

constexpr int64_t kFinishMostMs = 1000;

const char* NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
    case LogLevel::kAlways:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

bool IsEmpty(const LogField& field) {
  const auto* text = std::get_if<std::string_view>(&field.value);
  return text && text->empty();
}

bool IsPlain(std::string_view text) {
  for (unsigned char c : text)
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7F) return false;
  return true;
}

/// Text that is not one plain word is quoted as JSON quotes it, which keeps an event on one line.
void WriteValue(const LogField& field, bool json, std::string* line) {
  JsonWriter writer(line);
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    if (!json && IsPlain(*text)) line->append(*text);
    else writer.String(*text);
  } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
    writer.Int(*number);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    writer.Double(*real);
  } else {
    writer.Bool(std::get<bool>(field.value));
  }
}

void AppendTime(std::string* line) {
  line->append(FormatRfc3339(ReadWall()));
}

void AppendJson(LogLevel level, std::string_view event, const LogField* fields, size_t count, std::string* line) {
  line->append(R"({"time":")");
  AppendTime(line);
  line->append(R"(","level":")").append(NameOf(level)).append(R"(","event":)");
  JsonWriter(line).String(event);
  for (const LogField* field = fields; field != fields + count; ++field) {
    if (IsEmpty(*field)) continue;
    line->append(",\"").append(field->name).append("\":");
    WriteValue(*field, /*json=*/true, line);
  }
  line->push_back('}');
}

void AppendText(LogLevel level, std::string_view event, const LogField* fields, size_t count, std::string* line) {
  AppendTime(line);
  line->push_back(' ');
  size_t from = line->size();
  line->append(NameOf(level));
  line->resize(from + 6, ' ');
  line->append(event);
  for (const LogField* field = fields; field != fields + count; ++field) {
    if (IsEmpty(*field)) continue;
    line->push_back(' ');
    line->append(field->name);
    line->push_back('=');
    WriteValue(*field, /*json=*/false, line);
  }
}

/// JSON too, which means the same when it is escaped: somebody reads it on a terminal, by way of journalctl or tail.
void AppendLine(bool json, LogLevel level, std::string_view event, const LogField* fields, size_t count, std::string* line) {
  size_t begin = line->size();
  (json ? AppendJson : AppendText)(level, event, fields, count, line);
  EscapeForTerminal(line, begin);
  line->push_back('\n');
}

/// Where lines go. Never destroyed, nor any output that it had: the threads that write them, and whatever logs at the very end, still use them.
struct Target {
  explicit Target(LogFormat format) { Set(format); }
  void Set(LogFormat format) {
    bool as_json = format == LogFormat::kJson || (format == LogFormat::kAuto && !isatty(STDERR_FILENO));
    json = as_json;
    output = new LogOutput(STDERR_FILENO, [as_json](uint64_t lost) {
      LogField field("count", lost);
      std::string line;
      AppendLine(as_json, LogLevel::kWarn, "log lines dropped: standard error did not take them", &field, 1, &line);
      return line;
    });
  }

  std::atomic<bool> json{false};
  std::atomic<LogOutput*> output{nullptr};
};

Target& TheTarget() {
  static Target* target = [] {
    auto* made = new Target(LogFormat::kAuto);
    std::atexit(LogFinish);
    return made;
  }();
  return *target;
}

}  // namespace

void LogInit(LogFormat format, LogLevel level) {
  LogFinish();
  TheTarget().Set(format);
  LogSetLevel(level);
}

void LogSetLevel(LogLevel level) {
  internal::log_level.store(static_cast<int>(level), std::memory_order_relaxed);
}

void LogFinish() {
  TheTarget().output.load()->WaitWritten(kFinishMostMs);
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  Log(level, event, fields.begin(), fields.size());
}

void Log(LogLevel level, std::string_view event, const LogField* fields, size_t count) {
  if (!LogEnabled(level)) return;
  Target& target = TheTarget();
  // Kept for its capacity.
  static thread_local std::string line;
  line.clear();
  AppendLine(target.json, level, event, fields, count, &line);
  target.output.load()->Append(line, /*urgent=*/level >= LogLevel::kWarn);
}

}  // namespace notifyd
