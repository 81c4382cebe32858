#include "cli/client/import_work.h"

#include <utility>

#include "base/json.h"
#include "base/standard_output.h"
#include "cli/client/stop_signal.h"
#include "cli/client/table.h"

namespace notifyd {
namespace {

void WriteCounts(const ImportCounts& counts, JsonWriter* json) {
  json->BeginObject();
  for (const auto& [name, number] : {std::pair{"read", counts.read},
                                     {"accepted", counts.accepted},
                                     {"before", counts.before},
                                     {"removed", counts.removed},
                                     {"stay", counts.stay}}) {
    json->Key(name);
    json->Uint(number);
  }
  json->EndObject();
}

/// "rows: 100,000 read, 99,999 accepted (2 of them before), 99,999 removed, 1 stays"
std::string CountsText(const char* what, const ImportCounts& counts, bool dry_run) {
  std::string text = std::string(what) + ": " + Grouped(counts.read) + " read, " + Grouped(counts.accepted) + (dry_run ? " acceptable" : " accepted");
  if (counts.before > 0) text += " (" + Grouped(counts.before) + " of them before)";
  return text + ", " + Grouped(counts.removed) + " removed, " + Grouped(counts.stay) + (counts.stay == 1 ? " stays" : " stay");
}

}  // namespace

ImportWork::ImportWork(const Context& context, const ImportOptions& options)
    : context_(context),
      options_(options),
      submitter_(context, options.follow ? kForeverMs : options.reconnect_ms, &StopAsked, [this](const std::string& text) { Say(text); }),
      patience_(options.follow ? kForeverMs : options.reconnect_ms) {}

ImportEnd ImportWork::Reach(const std::function<Status()>& reach) {
  for (bool said = false;;) {
    const Status status = reach();
    if (status.ok()) {
      if (said) Say("it answers again");
      patience_.Reset();
      return ImportEnd::kDone;
    }
    if (StopAsked()) return ImportEnd::kStopped;
    progress_.Clear();
    if (status.code() != Code::kUnavailable) {
      Complain(status.detail());
      return ImportEnd::kRefused;
    }
    if (!said) Remark(status.detail() + "; trying again");
    said = true;
    if (patience_.Wait()) continue;
    Complain(status.detail());
    return ImportEnd::kUnreachable;
  }
}

void ImportWork::Stays(const std::string& what, const std::string& why) {
  progress_.Clear();
  Complain(what + " stays: " + why);
}

void ImportWork::Say(const std::string& text) {
  progress_.Clear();
  Remark(text);
}

void ImportWork::Show(const OldCall& call) {
  if (!context_.json) return;
  progress_.Clear();
  PrintLine(call.document);
}

void ImportWork::ShowProgress(uint64_t total) {
  if (!progress_.on()) return;
  std::string text;
  if (options_.mysql) text = Grouped(rows_.read) + (total > 0 ? " of " + Grouped(total) : "") + " rows, " + Grouped(rows_.accepted) + " accepted";
  if (options_.beanstalkd) text += (text.empty() ? "" : "; ") + Grouped(jobs_.read) + " jobs, " + Grouped(jobs_.accepted) + " accepted";
  progress_.Show(text + "; " + Grouped(rows_.stay + jobs_.stay) + " stay");
}

void ImportWork::PrintSummary() {
  progress_.Clear();
  if (!context_.json) {
    if (options_.beanstalkd) PrintLine(CountsText("jobs", jobs_, options_.dry_run));
    if (options_.mysql) PrintLine(CountsText("rows", rows_, options_.dry_run));
    return;
  }
  if (options_.dry_run) return;  // it printed what it would submit, a line each
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Key("jobs");
  WriteCounts(jobs_, &json);
  json.Key("rows");
  WriteCounts(rows_, &json);
  json.EndObject();
  PrintLine(out);
}

}  // namespace notifyd
