// LogSink: one place where log events go. The log (base/log.h) hands each event to all sinks that there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clocks.h"
#include "base/log.h"
#include "base/status.h"
#include "base/time.h"

namespace notifyd {

/// Borrowed for the time of the call.
struct LogEvent {
  WallTime time;
  LogLevel level = LogLevel::kInfo;
  std::string_view event;
  const LogField* fields = nullptr;
  size_t count = 0;
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  /// A word that is the same for the sink's kind, for metrics: "stderr", "file".
  virtual const char* name() const = 0;
  /// Any thread; never waits. What finds no room is dropped and counted.
  virtual void Take(const LogEvent& event) = 0;
  /// Does the same with a line that goes out as it is, where the sink has lines.
  virtual void TakeLine(std::string_view line) { Take({ReadWall(), LogLevel::kError, line}); }
  /// Returns true once all is written or lost, false after `most_ms`.
  virtual bool Finish(int64_t most_ms) = 0;
  /// Before the process ends: ends the sink's threads that do more than to write. What comes from now on may be lost.
  virtual void Stop() {}
  /// Takes a new file where the one that it writes to may have been moved away; with others there is nothing to do. Error: it writes on as before.
  virtual Status Reopen() { return Status::Ok(); }
  /// Events that were dropped since the start.
  virtual uint64_t dropped() const = 0;
};

/// A file that is appended to, and made where it is missing; kAuto is JSON. Error: kIo, where it cannot be opened.
Result<std::unique_ptr<LogSink>> OpenFileSink(const std::string& path, LogFormat format);

/// "debug", "info", "warn" or "error".
const char* NameOf(LogLevel level);
/// Is it an empty text, which no sink shows?
bool IsLeftOut(const LogField& field);
/// Appends the value as JSON; where `plain_words`, a text that is one plain word without quotes.
void AppendLogValue(const LogField& field, bool plain_words, std::string* out);
/// Appends an event and its fields as people read them, on one line, without time and level, and without what steers a terminal: what a place that
/// has its own time and level shows.
void AppendLogText(const LogEvent& event, std::string* out);

}  // namespace notifyd
