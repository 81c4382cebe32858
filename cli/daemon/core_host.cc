#include "cli/daemon/core_host.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace notifyd {
namespace {

/// Replies and ends of attempts that a run brings about are taken in the same turn, up to so many times; then sockets have their say.
constexpr int kRunsMostPerTurn = 4;

int64_t Until(int64_t at_ms, int64_t now_ms, int64_t most_ms) {
  return at_ms - now_ms > most_ms ? most_ms : std::max<int64_t>(0, at_ms - now_ms);
}

}  // namespace

CoreHost::CoreHost(Loop* loop, Mailbox* mailbox, Core* core, Driver* driver, const BrokerClock* clock, std::function<void()> flush)
    : loop_(loop), mailbox_(mailbox), core_(core), driver_(driver), clock_(clock), flush_(std::move(flush)) {
  mailbox_->OnWake([loop] { loop->Wake(); });
  loop_->OnTurn([this] { Turn(); });
  // The first turn comes as soon as the loop runs.
  loop_->Post([] {});
}

void CoreHost::Turn() {
  if (!adopted_) mailbox_->AdoptThread();
  adopted_ = true;
  Now now = clock_->Read();
  bool ran = false;
  for (int run = 0; run < kRunsMostPerTurn; ++run) {
    std::vector<Event> events = mailbox_->Take();
    if (now.wall >= wake_.wall || now.mono >= wake_.mono) events.emplace_back(Tick{});
    if (events.empty()) break;
    driver_->Run(now, std::move(events));
    flush_();
    wake_ = core_->NextWake();
    ran = true;
    now = clock_->Read();
  }
  if (ran) ready_.store(core_->ready(), std::memory_order_relaxed);
  if (ran || !armed_) ArmTimer(now);
}

void CoreHost::ArmTimer(const Now& now) {
  int64_t delay_ms = kSleepMostMs;
  if (wake_.wall != kWallNever) delay_ms = Until(wake_.wall.ms, now.wall.ms, delay_ms);
  if (wake_.mono != kMonoNever) delay_ms = Until(wake_.mono.ms, now.mono.ms, delay_ms);
  if (!mailbox_->empty()) delay_ms = 0;
  armed_ = true;
  loop_->SetTimer(kTimerSlot, delay_ms, [this] { armed_ = false; });
}

}  // namespace notifyd
