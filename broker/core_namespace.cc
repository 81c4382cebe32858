// The core as one of several in a broker: what it is lent, what it says of itself, its quotas, its removal and its sleep. It knows of no other:
// whoever runs several (and lends, measures, removes) asks by events and is told by reports.
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "broker/core_groups.h"
#include "broker/core_history.h"
#include "broker/core_pauses.h"
#include "broker/core_schedules.h"
#include "broker/core_services.h"
#include "broker/core_topics.h"
#include "broker/envelope_bytes.h"
#include "broker/flow.h"

namespace notifyd {

// ---- what is lent

void Core::Impl::On(GrantChanged& e) {
  if (e.number <= grant_.number) return;  // it was under way to a core that was before this one
  grant_ = e;
  limits_.max_loaded = std::min(own_max_loaded_, std::max(grant_.max_loaded, kLeastLoaded));
  turns_.SetCaps(Caps());
  turns_.ReviewBlocked();
  // What waits on disk for room in memory is looked at again. By names: who is woken first follows from no hash.
  std::vector<Host*> hosts;
  for (auto& [name, host] : hosts_)
    if (host->sleepers) hosts.push_back(host.get());
  std::sort(hosts.begin(), hosts.end(), [](const Host* a, const Host* b) { return a->name < b->name; });
  for (Host* host : hosts) CheckSleepers(host);
}

CoreUsage Core::Impl::usage() const {
  CoreUsage usage;
  usage.grant = grant_.number;
  usage.in_flight = turns_.in_flight();
  usage.loaded = LoadedWeight();
  usage.wants_in_flight = !stopping_ && !holding_ && turns_.WantsMore();
  usage.wants_loaded = !stopping_ && totals_.pending() > entries_.size() && (ShortOfMemory() || LoadedWeight() >= limits_.max_loaded);
  usage.over = usage.in_flight > grant_.max_in_flight || usage.loaded > limits_.max_loaded;
  return usage;
}

// ---- removal

void Core::Impl::On(CloseIfEmpty&) {
  // What is promised is pending as soon as its turn comes: whoever published it was told that it is taken. So is what stands on the agenda: a replay,
  // an event that was let go, a group whose callback is still to be made.
  if (const WorkLeft left{totals_.pending(), totals_.promised, totals_.records[RecordKind::kAgenda]}; !left.none() && !closed_) {
    out_->closed = left;
    return;
  }
  if (!closed_) Decide(Decided::Kind::kClose, {});
  closed_ = closing_ = true;
  journal_.AskSync();
}

void Core::Impl::On(Drain&) {
  if (draining_) return;
  if (!closed_) Decide(Decided::Kind::kClose, {});
  closed_ = draining_ = true;
  BeginStop();
}

/// Reports that the namespace is closed, or that what it had in flight has ended, once all of that is durable.
void Core::Impl::ReportRemoval() {
  if (!journal_.idle()) return;
  if (std::exchange(closing_, false)) out_->closed = WorkLeft{};
  if (!draining_ || discarded_ || !AtRest() || !ReadsNothing()) return;
  discarded_ = true;
  // One by one they would cost as many writes as there are; since all keys of the namespace go at once, counting them is all that is needed, and a
  // crash before that counts them again.
  Totals totals = totals_;
  totals.cancelled += totals.pending();
  totals.by_index = {};
  totals.lane_records = totals.lane_settings = totals.sleeping_lanes = 0;
  totals.records = {};
  totals.promised = totals.promised_bytes = 0;
  out_->discarded = totals;
}

// ---- sleep

/// Returns whether nothing is to be done before some moment of the wall clock.
bool Core::Impl::MayRest() const {
  const Totals& totals = books_.totals();
  const bool served = AtRest() && ReadsNothing() && !polls_.First() && !groups_->IsWaitedFor() && throttled_.empty() && expired_.empty() &&
                      breakers_.open == 0 && switches_.known && catalog_.known && services_->MayRest() && schedules_->MayRest() &&
                      pauses_->MayRest() && history_->MayRest() && agenda_.IsIdle() && topics_->MayRest() && RatesAreFull();
  // A lane that is paused has all in its tail and is in no list: it may wait asleep.
  const bool waits = totals.by_index[Index::kRetrying] > 0 || totals.sleeping_lanes > 0 || !books_.promoted().IsZero() ||
                     (KeysOf(Clock::kWall) > 0 && !SearchedAll());
  return served && !waits && !stopping_ && !holding_ && !closed_ && !fatal_ && hosts_asked_;
}

std::optional<WallTime> Core::Impl::idle(WallTime now) const {
  if (!MayRest()) return std::nullopt;
  const WallTime next_run = std::min(schedules_->NextDue(), pauses_->NextEnd());
  if (totals_.pending() == 0) return next_run > now ? std::optional(next_run) : std::nullopt;
  WallTime wake = std::min(WallTime{wall_.NextWake(now.ms, 0, false)}, WallTime{expiry_.NextWake(now.ms, 0, false)});
  const bool due_elsewhere = KeysOf(Clock::kWall) > wall_.size();
  if (due_elsewhere && !due_beyond_.KnownFor(wall_.horizon().at())) return std::nullopt;
  if (!expiry_beyond_.KnownFor(expiry_.horizon().at())) return std::nullopt;
  if (due_elsewhere) wake = std::min(wake, due_beyond_.first);
  wake = std::min({wake, expiry_beyond_.first, next_run});
  if (wake <= now) return std::nullopt;
  return wake;
}

void Core::Impl::On(PrepareSleep&) {
  history_->Save();
  if (!MayRest() || totals_.pending() == 0) return;
  auto ask = [this](Beyond* beyond, const DueKey& above, Page page) {
    if (beyond->ticket != 0 || beyond->KnownFor(above)) return;
    *beyond = Beyond();
    beyond->ticket = AskPage({0, 1, std::move(page)});
    beyond->asked = above;
  };
  const DueKey due = wall_.horizon().at(), expiry = expiry_.horizon().at();
  if (KeysOf(Clock::kWall) > wall_.size()) ask(&due_beyond_, due, DuePage{Clock::kWall, due, INT64_MAX});
  ask(&expiry_beyond_, expiry, ExpiryPage{expiry, INT64_MAX});
}

/// Takes the answer of a look beyond a window. Returns false, and does nothing, where the page is another one.
bool Core::Impl::TookBeyond(PageLoaded& page) {
  auto take = [&](Beyond* beyond, auto first) {
    if (beyond->ticket != page.ticket) return false;
    beyond->ticket = 0;
    if (!beyond->stale) {
      beyond->above = beyond->asked;
      beyond->first = first();
    }
    return true;
  };
  return take(&due_beyond_, [&] { return page.due().empty() ? kWallNever : WallTime{page.due().front().key.time_ms}; }) ||
         take(&expiry_beyond_, [&] { return page.expiries().empty() ? kWallNever : WallTime{page.expiries().front().time_ms}; });
}

// ---- quotas

void Core::Impl::On(StoredBytes& e) {
  stored_.bytes = e.bytes;
}

uint64_t Core::Impl::BytesOf(const SubmitItem& item, const std::string& spec) {
  const Envelope& envelope = *item.envelope;
  return kRecordBytes + spec.size() + SizeOfEnvelope(envelope) + item.idempotency_key.size() +
         (envelope.flow ? envelope.flow->keep_response_bytes : 0);
}

Status Core::Impl::CheckStored(uint64_t more) {
  if (!limits_.max_stored_bytes || stored_.bytes + totals_.promised_bytes + more <= *limits_.max_stored_bytes) return Status::Ok();
  ++stored_.refused;
  return Status(Code::kDiskFull, "the namespace stores as much as it may: max_stored_bytes is " + std::to_string(*limits_.max_stored_bytes));
}

Status Core::Impl::StoreMore(size_t before, size_t after) {
  if (!limits_.max_stored_bytes || after <= before) return Status::Ok();
  Status status = CheckStored(after - before);
  if (status.ok()) stored_.bytes += after - before;
  return status;
}

Status Core::Impl::TooManyPending() const {
  const std::string name = limits_.own_max_pending ? "max_pending of the namespace" : "limits.pending of the broker";
  return Status(Code::kTooMany, "the limit of pending notifies is reached: " + name + " is " + std::to_string(limits_.max_pending));
}

Status Core::Impl::SubmitsTooFast() const {
  char rate[32];
  std::snprintf(rate, sizeof rate, "%g", limits_.submits_per_s);
  return Status(Code::kTooMany, std::string("the namespace submits faster than it may: submits_per_s is ") + rate);
}

}  // namespace notifyd
