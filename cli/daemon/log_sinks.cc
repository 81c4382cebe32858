#include "cli/daemon/log_sinks.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/log_sink.h"
#include "base/log_sockets.h"
#include "base/system_error.h"
#include "net/telemetry/elastic_sink.h"

namespace notifyd {
namespace {

/// The fault with the setting's name, as a pointer and, for whoever reads the detail alone, as it stands in the file.
Status Blame(const Status& fault, const char* field) {
  std::string name = field + 1;
  std::replace(name.begin(), name.end(), '/', '.');
  return Status(Code::kUnacceptable, name + ": " + fault.detail(), field);
}

Status CheckFile(const std::string& file) {
  struct stat about {};
  const bool there = stat(file.c_str(), &about) == 0;
  if (there && S_ISDIR(about.st_mode)) return Status(Code::kIo, file + ": is a directory");
  std::string folder = std::filesystem::path(file).parent_path().string();
  if (folder.empty()) folder = ".";
  const bool open = there ? access(file.c_str(), W_OK) == 0 : access(folder.c_str(), W_OK) == 0;
  return open ? Status::Ok() : SystemError(file);
}

using Opened = std::vector<std::unique_ptr<LogSink>>;

Status Add(Result<std::unique_ptr<LogSink>> sink, const char* field, Opened* sinks) {
  if (!sink.ok()) return Blame(sink.status(), field);
  sinks->push_back(*std::move(sink));
  return Status::Ok();
}

/// All but files, which opening makes.
Status OpenOthers(const Options& options, Opened* sinks) {
  const LogOptions& log = options.log;
  if (log.journald) NOTIFYD_TRY(Add(OpenJournalSink(kJournalSocket), "/log/journald", sinks));
  if (!log.syslog.empty()) NOTIFYD_TRY(Add(OpenSyslogSink(log.syslog), "/log/syslog", sinks));
  if (!log.elasticsearch.empty()) sinks->push_back(MakeElasticSink({log.elasticsearch, log.elasticsearch_headers, options.sender.ca_file}));
  return Status::Ok();
}

}  // namespace

Status CheckLogSinks(const Options& options) {
  if (const std::string& file = options.log.file; !file.empty())
    if (Status fault = CheckFile(file); !fault.ok()) return Blame(fault, "/log/file");
  Opened sinks;
  return OpenOthers(options, &sinks);
}

Status OpenLogSinks(const Options& options) {
  Opened sinks;
  if (!options.log.file.empty()) NOTIFYD_TRY(Add(OpenFileSink(options.log.file, LogFormatOf(options)), "/log/file", &sinks));
  NOTIFYD_TRY(OpenOthers(options, &sinks));
  // What goes to the journal by itself would stand there twice.
  const bool twice = options.log.journald && IsJournalStream(STDERR_FILENO);
  if (!sinks.empty() || !options.log.standard_error) LogAddSinks(std::move(sinks), options.log.standard_error && !twice);
  return Status::Ok();
}

void ReopenLog() {
  if (Status reopened = LogReopen(); !reopened.ok()) Log(LogLevel::kError, "the log file is not opened anew", {{"detail", reopened.detail()}});
}

}  // namespace notifyd
