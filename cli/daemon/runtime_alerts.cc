// The runtime's part of alerts: who gathers figures for them, and who sends their messages.
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/clocks.h"
#include "cli/daemon/runtime_impl.h"

namespace notifyd {
namespace {

std::string HostName() {
  char name[256] = "";
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

void Runtime::Impl::MakeAlerts() {
  alert_sender_ = std::make_unique<AlertSender>(&attempt_ends_, ReadWall);
  attempt_ends_.OnOthers([sender = alert_sender_.get()](const AttemptEnded& ended) { return sender->TakeUnstoredEnd(ended); });
  AlertSampler::Setup setup;
  setup.loop = &io_[0]->loop;
  setup.switchboard = &exchange_;
  setup.tables = &tables_;
  setup.board = &board_;
  setup.wall = ReadWall;
  setup.add_process = [this](AlertFigures* figures) { AddProcess(figures); };
  setup.send_unstored = [this](AlertUnstored message) { SendUnstored(std::move(message)); };
  setup.member = options_.store.postgres.member;
  setup.places = cluster_.get();
  setup.tell = [this](const AlertReport& report) { TellJudge(report); };
  alert_sampler_ = std::make_unique<AlertSampler>(std::move(setup));
}

/// Any thread.
void Runtime::Impl::SendUnstored(AlertUnstored message) {
  std::optional<StartAttempt> call = alert_sender_->SendUnstored(std::move(message));
  if (!call) return;
  io_[0]->loop.Post([sender = io_[0]->sender.get(), call = std::make_shared<StartAttempt>(*std::move(call))] { sender->Start(std::move(*call)); });
}

/// Whoever serves `system`. One at a time: the next one says all that this one does.
void Runtime::Impl::TellJudge(const AlertReport& report) {
  constexpr int64_t kAgainMs = 10'000;
  const Place at = cluster_->Of(kSystemNumber);
  if (at.kind != Place::Kind::kThere || telling_ || ReadClockMs(CLOCK_BOOTTIME) < tell_from_ms_) return;
  telling_ = true;
  io_[0]->teller->Tell(at.address, {self_.now.store, at.member, at.incarnation}, report, [this](int status) {
    telling_ = false;
    // A release of before knows no reports. Where another member answers in its place (421) it may have begun anew.
    if (status >= 400 && status < 500 && status != 421) tell_from_ms_ = ReadClockMs(CLOCK_BOOTTIME) + kAgainMs;
  });
}

void Runtime::Impl::AddProcess(AlertFigures* figures) {
  const ProcessStats stats = ProcessNow();
  figures->memory_bytes = static_cast<double>(stats.rss_bytes);
  figures->cpu_percent = 100 * stats.cpu / std::max(1u, std::thread::hardware_concurrency());
  figures->commit_p99_ms = stats.commit_p99_ms.value_or(0);
  for (const StoreFigure& figure : stats.store) {
    if (std::string_view(figure.name) == "free_bytes") figures->disk_free_bytes = static_cast<double>(figure.value);
    if (std::string_view(figure.name) == "no_standby") figures->no_standby = static_cast<double>(figure.value);
  }
  // Where no backup was ever made, one is missed for as long as there has been something to back up.
  if (backups_ && backups_->looked())
    figures->backup_age_ms = static_cast<double>(ReadWall().ms - backups_->newest_ms().value_or(backups_->made_ms()));
}

void Runtime::Impl::SetAlerts(const Options& options) {
  auto settings = std::make_shared<AlertSettings>(options.alerts);
  settings->source = HostName();
  alert_sender_->SetSettings(settings, options.mail);
  alert_sampler_->SetSettings(std::move(settings), options.core.max_pending);
}

}  // namespace notifyd
