// Log: one line an event on standard error, as text or as JSON, and to other sinks (base/log_sink.h). Any thread.
//
// A line costs its formatting and a copy: a thread of its own writes, warnings and errors at once, others within 5 ms. A standard error that nobody
// reads holds nobody up: beyond 4 MiB lines are dropped and counted (base/log_output.h).
//
// Text: 2026-11-21T21:31:22.000Z info  store opened directory=./data bytes=4096
// JSON: {"time":"2026-11-21T21:31:22.000Z","level":"info","event":"store opened","directory":"./data","bytes":4096}
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"

namespace notifyd {

/// kAlways is no level to set: a line of it says "info", and is written whatever the level is.
enum class LogLevel : int { kDebug = 0, kInfo = 1, kWarn = 2, kError = 3, kAlways = 4 };
enum class LogFormat { kAuto, kText, kJson };  // kAuto: text where standard error is a terminal, else JSON

/// A name and a value, both borrowed for the time of the call. A text that is empty is left out, name and all. What steers a terminal or hides text
/// is escaped (base/terminal_text.h), and invalid UTF-8 replaced, so that an event stays one line and valid JSON, and shows what it says, whatever a
/// peer sent.
struct LogField {
  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const std::string& text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, const char* text) : name(field), value(std::string_view(text)) {}
  LogField(std::string_view field, bool flag) : name(field), value(flag) {}
  LogField(std::string_view field, double number) : name(field), value(number) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) LogField(std::string_view field, T number) : name(field), value(static_cast<int64_t>(number)) {}

  std::string_view name;
  std::variant<std::string_view, int64_t, double, bool> value;
};

class LogSink;

/// Call once, before other threads log. Without it: kAuto, kInfo. To standard error alone from then on.
void LogInit(LogFormat format, LogLevel level);
/// Adds sinks that stay as long as the process. `standard_error`: whether that remains one. Before other threads log.
void LogAddSinks(std::vector<std::unique_ptr<LogSink>> sinks, bool standard_error);
/// Where files that are written to were moved away, new ones are taken. Any thread. Error: of the first that could not be; it goes on with the old
/// one.
Status LogReopen();
/// How many events each sink dropped since the start, by its name.
std::vector<std::pair<const char*, uint64_t>> LogDropped();
/// Changes the level from now on. Any thread.
void LogSetLevel(LogLevel level);

/// Writes all that waits, giving a slow reader up to a second: before the process ends by anything but exit() or is replaced.
void LogFinish();
/// Does the same, then ends what may not run while static objects are destroyed: at main's end, once no other thread logs.
void LogEnd();

namespace internal {
extern std::atomic<int> log_level;
}
/// Would a line of this level be written? For callers that would have to compute their fields.
inline bool LogEnabled(LogLevel level) {
  return static_cast<int>(level) >= internal::log_level.load(std::memory_order_relaxed);
}

/// Writes a line. `event`: a few plain words for people, the same for the same kind of event where possible.
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
/// Does the same with fields that are gathered at run time; null: none.
void Log(LogLevel level, std::string_view event, const LogField* fields, size_t count);
/// Writes `line` as it is, whatever the level: a line that programs read. Sinks that have no lines get it as an event, an error.
void LogLine(std::string_view line);

}  // namespace notifyd
