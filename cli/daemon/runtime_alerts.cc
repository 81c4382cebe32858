// The runtime's part of alerts: who gathers figures for them, and who sends their messages.
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/clocks.h"
#include "cli/daemon/own_process.h"
#include "cli/daemon/runtime_impl.h"

namespace notifyd {
namespace {

std::string HostName() {
  char name[256] = "";
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

/// As the store measured it last; nothing: it did not yet.
std::optional<uint64_t> FreeBytes(const StoreHost& store) {
  for (const StoreFigure& figure : store.Figures())
    if (figure.part == StoreFigure::Part::kStore && figure.name == std::string_view("free_bytes") && figure.value > 0) return figure.value;
  return std::nullopt;
}

}  // namespace

void Runtime::Impl::MakeAlerts() {
  alert_sender_ = std::make_unique<AlertSender>(&attempt_ends_, ReadWall);
  AlertSampler::Setup setup;
  setup.loop = &io_[0]->loop;
  setup.switchboard = &exchange_;
  setup.tables = &tables_;
  setup.board = &board_;
  setup.commit = &histograms_.commit.histogram;
  setup.wall = ReadWall;
  setup.disk_free_bytes = [this] { return FreeBytes(*store_); };
  setup.memory_bytes = ResidentBytes;
  setup.cpu_seconds = CpuSeconds;
  setup.backup_age_ms = [this]() -> std::optional<int64_t> {
    // Where none was ever made, one is missed for as long as this broker has run.
    if (!backups_ || !backups_->looked()) return std::nullopt;
    return ReadWall().ms - backups_->newest_ms().value_or(started_at_.ms);
  };
  setup.cpus = std::max(1u, std::thread::hardware_concurrency());
  setup.send_unstored = [sender = alert_sender_.get()](AlertUnstored message) { sender->SendUnstored(std::move(message)); };
  alert_sampler_ = std::make_unique<AlertSampler>(std::move(setup));
}

void Runtime::Impl::SetAlerts(const Options& options) {
  auto settings = std::make_shared<AlertSettings>(options.alerts);
  settings->source = HostName();
  alert_sender_->SetSettings(settings, options.mail);
  alert_sampler_->SetSettings(std::move(settings), options.core.max_pending);
}

}  // namespace notifyd
