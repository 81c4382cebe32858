#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "base/json.h"

namespace notifyd {
namespace internal {
std::atomic<int> log_level{static_cast<int>(LogLevel::kInfo)};
}

namespace {

struct Target {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

Target MakeTarget(LogFormat format) {
  Target target;
  target.json = format == LogFormat::kJson || (format == LogFormat::kAuto && !isatty(STDERR_FILENO));
  target.logger = std::make_shared<spdlog::logger>("notifyd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const char* pattern = target.json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v";
  target.logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  target.logger->set_level(spdlog::level::trace);  // log_level decides, before any field is looked at
  return target;
}

Target& TheTarget() {
  static Target target = MakeTarget(LogFormat::kAuto);
  return target;
}

bool IsPlain(std::string_view text) {
  if (text.empty()) return false;
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

spdlog::level::level_enum Translate(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void LogInit(LogFormat format, LogLevel level) {
  TheTarget() = MakeTarget(format);
  internal::log_level.store(static_cast<int>(level), std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  Target& target = TheTarget();
  std::string line;
  line.reserve(128);
  if (target.json) {
    line.append("\"event\":");
    JsonWriter(&line).String(event);
    for (const LogField& field : fields) {
      line.push_back(',');
      JsonWriter(&line).String(field.name);
      line.push_back(':');
      WriteValue(field, /*json=*/true, &line);
    }
  } else {
    for (char c : event) line.push_back(static_cast<unsigned char>(c) < ' ' ? ' ' : c);
    for (const LogField& field : fields) {
      line.push_back(' ');
      line.append(field.name);
      line.push_back('=');
      WriteValue(field, /*json=*/false, &line);
    }
  }
  target.logger->log(Translate(level), spdlog::string_view_t(line));
}

}  // namespace notifyd
