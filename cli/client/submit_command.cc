#include "cli/client/submit_command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/standard_output.h"
#include "cli/client/progress.h"
#include "cli/client/stop_signal.h"
#include "cli/client/submit_file.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

std::string Counted(uint64_t count, const char* one, const char* many) {
  return Grouped(count) + " " + (count == 1 ? one : many);
}

/// "submitted 3 notifies: a to c (1 of them a duplicate)".
std::string Summary(const FileOutcome& outcome) {
  const FileCounts& counts = outcome.counts;
  std::string text = "submitted " + Counted(counts.accepted, "notify", "notifies");
  if (counts.accepted > 0) text += ": " + outcome.first_id + (counts.accepted == 1 ? "" : " to " + outcome.last_id);
  std::string known;
  if (counts.duplicates > 0) known = Counted(counts.duplicates, "duplicate", "duplicates");
  if (counts.kept > 0) known += (known.empty() ? "" : ", ") + Grouped(counts.kept) + " kept";
  return known.empty() ? text : text + " (of them " + known + ")";
}

/// It broke before the first line was on its way: none can have been taken.
bool NothingSent(const FileOutcome& outcome) {
  return outcome.unreachable && outcome.counts.sent == 0;
}

Exit Judge(const FileOutcome& outcome) {
  const FileCounts& counts = outcome.counts;
  if (counts.refused > 0) {
    const std::string again = counts.for_now == 0
                                  ? ""
                                  : "; " + Grouped(counts.for_now) +
                                        " of them by a rate or a limit (429): send these again later, or all where each has an idempotency_key";
    Complain(Counted(counts.refused, "line was refused", "lines were refused") + again);
  }
  if (outcome.fault.ok()) return counts.refused > 0 ? kRefused : kDone;
  Complain(outcome.fault.detail());
  if (!outcome.refused_whole && !NothingSent(outcome)) {
    std::string answered = outcome.answered_line == 0 ? "no line was answered" : "answered up to line " + std::to_string(outcome.answered_line);
    Complain(answered + ": " + Grouped(counts.accepted) + " accepted, " + Grouped(counts.refused) + " refused" +
             (outcome.rest_not_taken                                     ? "; the lines behind it were not taken"
              : outcome.unreachable || outcome.fault.code() == Code::kIo ? "; whether the lines behind it were accepted is not known"
                                                                         : ""));
  }
  return outcome.unreachable ? kUnreachable : kRefused;
}

}  // namespace

Exit Submit(const Context& context, const FieldValues& values, const std::string& path) {
  Result<std::string> body = NotifyJson(values);
  if (!body.ok()) {
    Complain(body.status().detail());
    return kUsage;
  }
  return Show(context, Ask(context, "POST", path, &*body), [](JsonTree::Value answer) { return Fields(answer); });
}

Exit SubmitLines(const Context& context, const std::string& file, const std::string& path, int64_t reconnect_ms) {
  bool standard_input = file == "-";
  int input = standard_input ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (input < 0 || fstat(input, &status) != 0 || S_ISDIR(status.st_mode)) {
    Complain("cannot read " + file + ": " + (input >= 0 && S_ISDIR(status.st_mode) ? "it is a directory" : std::strerror(errno)));
    if (input >= 0 && !standard_input) close(input);
    return kUsage;
  }
  uint64_t total_bytes = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  FileOutcome outcome;
  {
    Progress progress;
    FileHooks hooks;
    bool printed = false;
    hooks.progress = [&](const FileCounts& counts) {
      if (printed) FlushOut();  // the answers as they come, but not one system call each
      printed = false;
      if (progress.on()) progress.Show(ProgressText(counts, total_bytes));
    };
    hooks.refused = [&](uint64_t number, const std::string& why) {
      progress.Clear();
      Complain("line " + std::to_string(number) + ": " + why);
    };
    if (context.json) {
      hooks.answered = [&](std::string_view line) {
        progress.Clear();
        printed = true;
        return PrintLine(line);
      };
    }
    hooks.stopped = StopAsked;
    outcome = SubmitFile(input, context.client, hooks, reconnect_ms, path);
  }
  if (!standard_input) close(input);
  if (!context.json && !outcome.refused_whole && !NothingSent(outcome)) PrintLine(Summary(outcome));
  const Exit exit = Judge(outcome);
  if (!outcome.fault.ok() && StopAsked()) EndByStopSignal();
  return exit;
}

}  // namespace notifyd
