// One import from end to end: whether it may run, jobs and rows in turn, and what it says at its end.
#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "base/zone_database.h"
#include "cli/client/import_commands.h"
#include "cli/client/import_jobs.h"
#include "cli/client/import_rows.h"
#include "cli/client/stop_signal.h"

namespace notifyd {
namespace {

constexpr std::chrono::seconds kEach{1};
constexpr std::chrono::milliseconds kNap{50};

class Import {
 public:
  Import(const Context& context, const ImportOptions& options, std::shared_ptr<const TimeZone> zone)
      : options_(options), zone_(std::move(zone)), work_(context, options) {
    if (options_.beanstalkd) jobs_ = std::make_unique<JobImport>(&work_);
    if (options_.mysql) rows_ = std::make_unique<RowImport>(&work_, *zone_);
  }

  Exit Run() {
    StopAsked();  // hears signals from here on
    ImportEnd end = Open();
    if (end == ImportEnd::kDone) end = options_.follow ? Follow() : MoveAll();
    if (end == ImportEnd::kDone && jobs_ && !options_.follow) end = jobs_->TellRest();
    if (opened_) work_.PrintSummary();
    switch (end) {
      case ImportEnd::kDone:
        return work_.rows().stay + work_.jobs().stay == 0 ? kDone : kRefused;
      case ImportEnd::kStopped:
        return Stopped();
      case ImportEnd::kUnreachable:
        work_.Say("broken off; what was not taken away is still there: run it again");
        return kUnreachable;
      case ImportEnd::kRefused:
        return kRefused;
    }
    return kRefused;
  }

 private:
  ImportEnd Open() {
    std::string consumer;
    if (jobs_)
      if (const ImportEnd end = jobs_->Open(&consumer); end != ImportEnd::kDone) return end;
    if (!consumer.empty()) {
      const std::string seen = "somebody consumes the tube " + consumer + " of the beanstalkd at " + options_.beanstalkd->Text();
      if (!options_.follow && !options_.only_looks()) {
        Complain(seen + ": the old daemon runs, and would send the same; stop it first");
        return ImportEnd::kRefused;
      }
      work_.Say(seen + (options_.follow ? ": where that is the old daemon, both send what is due" : ""));
    }
    if (rows_)
      if (const ImportEnd end = rows_->Open(); end != ImportEnd::kDone) return end;
    opened_ = true;
    return ImportEnd::kDone;
  }

  /// Jobs and rows once. Jobs first: what is due in the table was not in a queue yet.
  ImportEnd Pass(bool* moved) {
    if (jobs_)
      if (const ImportEnd end = jobs_->Pass(moved); end != ImportEnd::kDone) return end;
    return rows_ ? rows_->Pass(moved) : ImportEnd::kDone;
  }

  /// Until nothing is left that can be taken: rows with smaller ids may be committed while larger ones are read.
  ImportEnd MoveAll() {
    for (bool more = true; more;) {
      more = false;
      if (const ImportEnd end = Pass(&more); end != ImportEnd::kDone) return end;
      if (options_.only_looks()) break;
    }
    return ImportEnd::kDone;
  }

  ImportEnd Follow() {
    work_.Say("following " + options_.mysql->Text() + ", each second, until it is stopped");
    for (auto next = std::chrono::steady_clock::now();;) {
      bool moved = false;
      if (const ImportEnd end = Pass(&moved); end != ImportEnd::kDone) return end;
      work_.ShowProgress(0);
      next = std::max(next + kEach, std::chrono::steady_clock::now());
      while (std::chrono::steady_clock::now() < next) {
        if (StopAsked()) return ImportEnd::kStopped;
        std::this_thread::sleep_for(kNap);
      }
    }
  }

  Exit Stopped() {
    // That it is stopped is how it ends: what stays was told as it was found, and is looked at again by whoever follows next.
    if (options_.follow) return kDone;
    work_.Say("broken off; what was not taken away is still there: run it again");
    EndByStopSignal();
    return kRefused;
  }

  const ImportOptions& options_;
  const std::shared_ptr<const TimeZone> zone_;
  ImportWork work_;
  std::unique_ptr<JobImport> jobs_;
  std::unique_ptr<RowImport> rows_;
  bool opened_ = false;
};

}  // namespace

Exit ImportNotifyAgent(const Context& context, const ImportOptions& options) {
  std::shared_ptr<const TimeZone> zone;
  if (options.mysql) zone = FindSystemZone(options.time_zone);
  if (options.mysql && !zone) {
    Complain("--time-zone: there is no zone \"" + options.time_zone + "\", such as Asia/Shanghai or Europe/Berlin");
    return kUsage;
  }
  return Import(context, options, std::move(zone)).Run();
}

}  // namespace notifyd
