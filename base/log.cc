#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>

#include "base/clocks.h"
#include "base/json.h"
#include "base/log_output.h"
#include "base/log_sink.h"
#include "base/system_error.h"
#include "base/terminal_text.h"
#include "base/time.h"

namespace notifyd {
namespace internal {
std::atomic<int> log_level{static_cast<int>(LogLevel::kInfo)};
}

namespace {

constexpr int64_t kFinishMostMs = 1000;

bool IsPlain(std::string_view text) {
  for (unsigned char c : text)
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7F) return false;
  return true;
}

void AppendFields(const LogEvent& event, std::string* line) {
  for (const LogField* field = event.fields; field != event.fields + event.count; ++field) {
    if (IsLeftOut(*field)) continue;
    line->append(" ").append(field->name).append("=");
    AppendLogValue(*field, /*plain_words=*/true, line);
  }
}

void AppendJson(const LogEvent& event, std::string* line) {
  line->append(R"({"time":")").append(FormatRfc3339(event.time));
  line->append(R"(","level":")").append(NameOf(event.level)).append(R"(","event":)");
  JsonWriter(line).String(event.event);
  for (const LogField* field = event.fields; field != event.fields + event.count; ++field) {
    if (IsLeftOut(*field)) continue;
    line->append(",\"").append(field->name).append("\":");
    AppendLogValue(*field, /*plain_words=*/false, line);
  }
  line->push_back('}');
}

void AppendText(const LogEvent& event, std::string* line) {
  line->append(FormatRfc3339(event.time)).append(" ");
  size_t from = line->size();
  line->append(NameOf(event.level));
  line->resize(from + 6, ' ');
  line->append(event.event);
  AppendFields(event, line);
}

/// JSON too, which means the same when it is escaped: somebody reads it on a terminal, by way of journalctl or tail.
void AppendLine(bool json, const LogEvent& event, std::string* line) {
  size_t begin = line->size();
  (json ? AppendJson : AppendText)(event, line);
  EscapeForTerminal(line, begin);
  line->push_back('\n');
}

bool IsJson(LogFormat format, int fd) {
  return format == LogFormat::kJson || (format == LogFormat::kAuto && !isatty(fd));
}

/// Lines into a descriptor: standard error's, or a file's.
class LineSink : public LogSink {
 public:
  LineSink(const char* sink_name, int fd, LogFormat format)
      : name_(sink_name), json_(IsJson(format, fd)), output_(fd, [this](uint64_t lost) { return LostLine(lost); }) {}
  const char* name() const override { return name_; }
  void Take(const LogEvent& event) override {
    // Kept for its capacity.
    static thread_local std::string line;
    line.clear();
    AppendLine(json_, event, &line);
    output_.Append(line, /*urgent=*/event.level >= LogLevel::kWarn);
  }
  void TakeLine(std::string_view line) override { output_.Append(std::string(line) + "\n", /*urgent=*/true); }
  bool Finish(int64_t most_ms) override { return output_.WaitWritten(most_ms); }
  uint64_t dropped() const override { return output_.dropped(); }

 protected:
  LogOutput* output() { return &output_; }

 private:
  std::string LostLine(uint64_t lost) const {
    const LogField fields[] = {{"sink", name_}, {"count", lost}};
    std::string line;
    AppendLine(json_, {ReadWall(), LogLevel::kWarn, "log lines dropped", fields, std::size(fields)}, &line);
    return line;
  }

  const char* const name_;
  const bool json_;
  LogOutput output_;
};

Result<int> OpenLogFile(const std::string& path) {
  // Without O_NONBLOCK a pipe that nobody reads from would be waited for, and who waits takes no signal any more.
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd < 0 && errno == ENXIO) return Status(Code::kIo, path + ": nobody reads from this pipe");
  if (fd < 0) return SystemError(path);
  return fd;
}

class FileSink : public LineSink {
 public:
  FileSink(std::string path, int fd, LogFormat format) : LineSink("file", fd, format), path_(std::move(path)) {}
  Status Reopen() override {
    Result<int> opened = OpenLogFile(path_);
    if (!opened.ok()) return std::move(opened).status();
    output()->Replace(*opened);
    return Status::Ok();
  }

 private:
  const std::string path_;
};

/// Never destroyed, nor any sink that was in it: the threads that write, and whatever logs at the very end, still use them. `before`: those that it took
/// the place of, which a look for leaks finds by it.
struct Sinks {
  std::vector<LogSink*> all;
  const Sinks* before = nullptr;
};

std::atomic<const Sinks*>& TheSinks() {
  static std::atomic<const Sinks*> sinks = [] {
    std::atexit(LogFinish);
    return new Sinks{{new LineSink("stderr", STDERR_FILENO, LogFormat::kAuto)}};
  }();
  return sinks;
}

}  // namespace

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

bool IsLeftOut(const LogField& field) {
  const auto* text = std::get_if<std::string_view>(&field.value);
  return text && text->empty();
}

/// Text that is not one plain word is quoted as JSON quotes it, which keeps an event on one line.
void AppendLogValue(const LogField& field, bool plain_words, std::string* out) {
  JsonWriter writer(out);
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    if (plain_words && IsPlain(*text)) out->append(*text);
    else writer.String(*text);
  } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
    writer.Int(*number);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    writer.Double(*real);
  } else {
    writer.Bool(std::get<bool>(field.value));
  }
}

void AppendLogText(const LogEvent& event, std::string* out) {
  const size_t begin = out->size();
  out->append(event.event);
  AppendFields(event, out);
  EscapeForTerminal(out, begin);
}

Result<std::unique_ptr<LogSink>> OpenFileSink(const std::string& path, LogFormat format) {
  Result<int> opened = OpenLogFile(path);
  if (!opened.ok()) return std::move(opened).status();
  return std::unique_ptr<LogSink>(new FileSink(path, *opened, format));
}

void LogInit(LogFormat format, LogLevel level) {
  LogFinish();
  TheSinks() = new Sinks{{new LineSink("stderr", STDERR_FILENO, format)}, TheSinks()};
  LogSetLevel(level);
}

void LogAddSinks(std::vector<std::unique_ptr<LogSink>> sinks, bool standard_error) {
  LogFinish();
  auto* next = new Sinks{{}, TheSinks()};
  for (LogSink* sink : next->before->all)
    if (standard_error || std::string_view(sink->name()) != "stderr") next->all.push_back(sink);
  for (std::unique_ptr<LogSink>& sink : sinks) next->all.push_back(sink.release());
  TheSinks() = next;
}

Status LogReopen() {
  Status first = Status::Ok();
  for (LogSink* sink : TheSinks().load()->all)
    if (Status reopened = sink->Reopen(); !reopened.ok() && first.ok()) first = std::move(reopened);
  return first;
}

std::vector<std::pair<const char*, uint64_t>> LogDropped() {
  std::vector<std::pair<const char*, uint64_t>> out;
  for (const LogSink* sink : TheSinks().load()->all) out.emplace_back(sink->name(), sink->dropped());
  return out;
}

void LogSetLevel(LogLevel level) {
  internal::log_level.store(static_cast<int>(level), std::memory_order_relaxed);
}

void LogFinish() {
  for (LogSink* sink : TheSinks().load()->all) sink->Finish(kFinishMostMs);
}

void LogEnd() {
  LogFinish();
  for (LogSink* sink : TheSinks().load()->all) sink->Stop();
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  Log(level, event, fields.begin(), fields.size());
}

void Log(LogLevel level, std::string_view event, const LogField* fields, size_t count) {
  if (!LogEnabled(level)) return;
  const LogEvent said{ReadWall(), level, event, fields, count};
  for (LogSink* sink : TheSinks().load()->all) sink->Take(said);
}

void LogLine(std::string_view line) {
  for (LogSink* sink : TheSinks().load()->all) sink->TakeLine(line);
}

}  // namespace notifyd
