// Turns and runs. How namespaces wake, sleep and go is in shard_namespaces.cc.
#include "cli/daemon/shard.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "cli/daemon/shard_slot.h"

namespace notifyd {
namespace {

/// Replies and ends of attempts that a run brings about are taken in the same turn, up to so many times; then sockets have their say.
constexpr int kRunsMostPerTurn = 4;
constexpr int64_t kShowEachMs = 100;

int64_t Until(int64_t at_ms, int64_t now_ms, int64_t most_ms) {
  return at_ms - now_ms > most_ms ? most_ms : std::max<int64_t>(0, at_ms - now_ms);
}

}  // namespace

Shard::Shard(Setup setup, std::shared_ptr<const CoreLimits> limits)
    : setup_(std::move(setup)), limits_(std::move(limits)), roster_(setup_.rest.after_ms, setup_.rest.most_awake), measured_at_(Read().mono) {
  mailbox_.OnWake([loop = setup_.loop] { loop->Wake(); });
  setup_.loop->OnTurn([this] { Turn(); });
  // The first turn comes as soon as the loop runs.
  setup_.loop->Post([] {});
}

Shard::~Shard() {
  // What still posts while all is taken apart must not wake a loop that is gone.
  mailbox_.OnWake([] {});
}

Now Shard::Read() const {
  return {ReadWall(), MonoTime{ReadClockMs(CLOCK_BOOTTIME)}};
}

Shard::Slot* Shard::Find(NamespaceNumber number) {
  if (number == kDefaultNumber) return default_;
  auto found = slots_.find(number);
  return found == slots_.end() ? nullptr : found->second.get();
}

void Shard::Turn() {
  if (!adopted_) mailbox_.AdoptThread();
  adopted_ = true;
  Now now = Read();
  OpenNext();
  if (!standing_.empty()) RefuseLate(now);
  bool ran = false;
  for (int run = 0; run < kRunsMostPerTurn && RunOnce(now); ++run) {
    ran = true;
    now = Read();
  }
  ran = LetRest(now) || ran;
  // What was refused outside of a run: here, or by a task before this turn.
  if (unflushed_) Flush();
  if (stopping_ && setup_.lost) CheckHeld();
  ShowAll(now);
  Measure(now);
  if (ran || !armed_) ArmTimer(now);
  LookOut(ran);
}

void Shard::Flush() {
  unflushed_ = false;
  setup_.flush();
}

void Shard::LookOut(bool ran) {
  if (!ran && !lookout_.looks()) return;
  const std::optional<int64_t> for_us = lookout_.EndTurn(ReadClockUs(CLOCK_MONOTONIC), ran, near_, setup_.loop->away_us());
  if (for_us) setup_.loop->Linger(*for_us, Patience::kAwayMostUs);
}

bool Shard::RunOnce(const Now& now) {
  std::vector<Mailbox::Mail> mail = mailbox_.Take();
  const std::vector<NamespaceNumber> due = roster_.TakeDue(now);
  if (mail.empty() && due.empty()) return false;
  near_ = Lookout::Near::kNothing;
  for (Mailbox::Mail& each : mail) Deliver(now, each.to, std::move(each.events));
  for (NamespaceNumber number : due) {
    Slot* slot = Find(number);
    if (!slot) Wake(number, {});
    else if (!slot->core && !slot->opening) to_open_.push_back(number);
    else if (slot->core) Run(now, slot, Events(Tick{}));
  }
  if (mail.size() + due.size() > 1) near_ = Lookout::Near::kNothing;
  Flush();
  return true;
}

void Shard::Deliver(const Now& now, NamespaceNumber to, std::vector<Event> events) {
  Slot* slot = Find(to);
  if (setup_.lost && setup_.lost(to)) RefuseLost(&events, CellNotReached());
  if (standing_.contains(to)) {
    // Nobody opens it again before the end.
    if (stopping_) RefuseLost(&events, Status(Code::kUnavailable, "the broker is stopping"));
    PutAside(to, &events);
    if (slot && slot->core && !events.empty()) Run(now, slot, std::move(events));
    return;
  }
  if (!slot) {
    if (setup_.among_members && !own_.contains(to)) return TurnAway(to, std::move(events));
    if (std::any_of(events.begin(), events.end(), WakesUp)) Wake(to, std::move(events));
  } else if (slot->core) {
    Run(now, slot, std::move(events));
  } else {
    if (slot->untaken) RefuseLost(&events, *slot->untaken);
    std::move(events.begin(), events.end(), std::back_inserter(slot->waiting));
  }
}

void Shard::Run(const Now& now, Slot* slot, std::vector<Event> events) {
  if (!slot->waiting.empty()) {
    std::move(events.begin(), events.end(), std::back_inserter(slot->waiting));
    events = std::exchange(slot->waiting, {});
  }
  bool work = false;
  slot->work.BeginRun(slot->driver->last_batch());
  for (const Event& event : events) {
    if (const auto* grant = std::get_if<GrantChanged>(&event)) slot->may_be_in_flight = grant->max_in_flight;
    if (const auto* committed = std::get_if<Committed>(&event)) slot->work.Written(committed->batch);
    if (setup_.lost) slot->outbox.Took(event);
    if (!IsWork(event)) continue;
    work = true;
    slot->work.Came();
  }
  if (work) {
    slot->unmeasured = true;
    slot->sleep_tries = 0;
    if (!slot->for_good) roster_.Busy(slot->number, now.mono);
  }
  // Again with each answer of the store, since it passes over what it is asked while one is under way.
  if (slot->sleep_tries > 0 && --slot->sleep_tries > 0) events.emplace_back(PrepareSleep{});
  unflushed_ = true;
  slot->driver->Run({now.wall, slot->clock->MonoAt(now.mono.ms)}, std::move(events));
  RunEnded(now, slot);
}

void Shard::RunEnded(const Now& now, Slot* slot) {
  if (slot->discarded) {
    // Its part of the store is let go of before the registry hears that it may drop it.
    const NamespaceDrained drained{slot->number, *slot->discarded};
    const std::function<void()> left = std::move(slot->left);
    Drop(slot);
    reclaiming_.erase(drained.number);
    setup_.switchboard->Post(RegistryEvent(drained));
    if (left) left();
    return;
  }
  notifyd::Wake wake = slot->core->NextWake();
  if (wake.mono != kMonoNever) wake.mono = MonoTime{slot->clock->BootAt(wake.mono)};
  StopWhenAnswered(now, slot);
  if (slot->stops_by) wake.mono = std::min(wake.mono, *slot->stops_by);
  roster_.SetWake(slot->number, wake);
  const uint32_t in_flight_before = slot->usage.in_flight;
  slot->usage = slot->core->usage();
  near_ = slot->work.NextOf(slot->driver->last_batch(), in_flight_before, slot->usage.in_flight);
  if (IsWorthReporting(slot->told, slot->usage)) {
    slot->told = slot->usage;
    setup_.lending->Report(slot->number, slot->usage);
  }
  std::vector<SharedUse> uses;
  slot->core->TakeSharedUses(&uses);
  if (!uses.empty()) setup_.lending->Report(slot->number, uses);
  if (slot == default_) ready_.store(slot->core->ready(), std::memory_order_relaxed);
  if (slot->sleep_tries > 0 && FallAsleep(now, slot)) return;
  if (!std::exchange(slot->unshown, true)) unshown_.push_back(slot->number);
}

void Shard::ArmTimer(const Now& now) {
  const notifyd::Wake wake = roster_.Next();
  int64_t delay_ms = unshown_.empty() ? kSleepMostMs : kShowEachMs;
  if (wake.wall != kWallNever) delay_ms = Until(wake.wall.ms, now.wall.ms, delay_ms);
  if (wake.mono != kMonoNever) delay_ms = Until(wake.mono.ms, now.mono.ms, delay_ms);
  if (!mailbox_.empty()) delay_ms = 0;
  armed_ = true;
  setup_.loop->SetTimer(kTimerSlot, delay_ms, [this] { armed_ = false; });
}

void Shard::Show(Slot* slot) {
  NamespaceFigures figures;
  figures.totals = slot->core->totals();
  figures.states = slot->core->states();
  figures.awake = true;
  figures.in_flight = slot->usage.in_flight;
  figures.loaded = slot->usage.loaded;
  figures.may_be_in_flight = slot->may_be_in_flight;
  figures.stored_bytes = slot->core->stored().bytes;
  setup_.board->Put(slot->number, figures);
}

void Shard::ShowAll(const Now& now) {
  if (unshown_.empty() || now.mono.ms - shown_at_.ms < kShowEachMs) return;
  shown_at_ = now.mono;
  for (NamespaceNumber number : std::exchange(unshown_, {})) {
    Slot* slot = Find(number);
    if (!slot || !slot->core) continue;
    slot->unshown = false;
    Show(slot);
  }
}

void Shard::Measure(const Now& now) {
  if (measuring_ || stopping_ || now.mono.ms - measured_at_.ms < setup_.measure_each_ms) return;
  measured_at_ = now.mono;
  std::vector<Measurement> all;
  for (const auto& [number, slot] : slots_)
    if (slot->core && std::exchange(slot->unmeasured, false)) all.push_back({number});
  if (all.empty()) return;
  measuring_ = true;
  auto shared = std::make_shared<std::vector<Measurement>>(std::move(all));
  Aside(
      [shared, store = setup_.store] {
        for (Measurement& each : *shared) {
          // In this order: what has ended counts as far as it came.
          each.compacting = store->IsCompacting(each.number);
          each.bytes = store->StoredBytes(each.number);
        }
      },
      [this, shared] {
        measuring_ = false;
        for (const Measurement& each : *shared) Measured(each);
      });
}

void Shard::Aside(std::function<void()> work, std::function<void()> then) {
  {
    std::lock_guard<std::mutex> lock(aside_->mutex);
    ++aside_->under_way;
  }
  auto run = [aside = aside_, work = std::move(work)] {
    work();
    std::lock_guard<std::mutex> lock(aside->mutex);
    --aside->under_way;
    aside->ended.notify_all();
  };
  // Closed: this shard may be gone.
  auto ended = [aside = aside_, then = std::move(then)] {
    if (!aside->closed) then();
  };
  setup_.loop->Aside(std::move(run), std::move(ended));
}

uint64_t Shard::AuditBytesOf(const Slot& slot, WallTime now) const {
  return setup_.audit_bytes ? setup_.audit_bytes->Measured(NameOf(slot), now) : 0;
}

void Shard::Measured(const Measurement& measured) {
  const NamespaceNumber number = measured.number;
  Slot* slot = Find(number);
  if (!slot || !slot->core) return;
  Post(number, StoredBytes{measured.bytes + AuditBytesOf(*slot, Read().wall)});
  const StoredUse now = slot->core->stored(), before = std::exchange(slot->measured_with, now);
  const std::optional<uint64_t> most = LimitsFor(*slot)->max_stored_bytes;
  if (!most) {
    reclaiming_.erase(number);
    return;
  }
  Reclaiming& reclaiming = reclaiming_[number];
  const bool lacks = measured.bytes >= *most || now.refused > before.refused;
  if (reclaiming.Measured({Read().mono, measured.bytes, measured.compacting, lacks, now.purged > before.purged}))
    setup_.store->CompactNamespace(number);
  // What comes of it, or is over meanwhile, is to be seen though nobody asks for anything.
  slot->unmeasured = slot->unmeasured || lacks || reclaiming.under_way();
}

}  // namespace notifyd
