#include "broker/governor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace notifyd {
namespace {

/// Steps that one call takes, so that none costs more than O(log n).
constexpr size_t kSteps = 4;

bool MovedMuch(uint64_t told, uint64_t now) {
  return now > 2 * told + 8 || 2 * now + 8 < told;
}

}  // namespace

bool IsWorthReporting(const CoreUsage& told, const CoreUsage& now) {
  if (told.grant != now.grant || told.wants_in_flight != now.wants_in_flight || told.wants_loaded != now.wants_loaded) return true;
  if (told.over || now.over) return told != now;
  return (told.in_flight == 0) != (now.in_flight == 0) || MovedMuch(told.in_flight, now.in_flight) || MovedMuch(told.loaded, now.loaded);
}

// ---- one resource

void Governor::Lender::Unlist(Share* share) {
  if (std::exchange(share->hungry, false)) hungry_.erase({share->at_sent, share->at_since, share});
  if (std::exchange(share->holds, false)) holders_.erase({share->at_sent, UINT64_MAX - share->at_since, share});
  if (std::exchange(share->idle, false)) idle_.erase({share->at_sent, share->at_since, share});
}

void Governor::Lender::List(Share* share) {
  const bool hungry = share->wants && share->sent < share->limit;
  const bool holds = share->sent > 0;
  const bool idle = holds && !share->wants && share->used * 4 <= share->sent;
  // Most reports change nothing of that.
  const bool listed = share->at_sent == share->sent && share->at_since == share->since;
  if (listed && share->hungry == hungry && share->holds == holds && share->idle == idle) return;
  Unlist(share);
  share->at_sent = share->sent;
  share->at_since = share->since;
  share->hungry = hungry;
  share->holds = holds;
  share->idle = idle;
  if (share->hungry) hungry_.emplace(share->at_sent, share->at_since, share);
  if (share->holds) holders_.emplace(share->at_sent, UINT64_MAX - share->at_since, share);
  if (share->idle) idle_.emplace(share->at_sent, share->at_since, share);
}

void Governor::Lender::Charge(Share* share, uint64_t charged) {
  charged_ = charged_ - share->charged + charged;
  share->charged = charged;
}

void Governor::Lender::Send(Share* share, uint64_t amount) {
  sent_ = sent_ - share->sent + amount;
  share->sent = amount;
  share->current = false;
  share->since = next_since_++;
  // What is taken back goes on counting until it is reported.
  Charge(share, std::max(share->charged, amount));
  List(share);
}

void Governor::Lender::Join(Share* share) {
  const auto free = static_cast<uint64_t>(std::max<int64_t>(Free(), 0));
  Send(share, std::min({alone_ && holders_.empty() ? free : First(*share), free, share->limit}));
}

void Governor::Lender::Leave(Share* share) {
  Unlist(share);
  sent_ -= share->sent;
  Charge(share, 0);
}

void Governor::Lender::SetLimit(Share* share, uint64_t limit) {
  share->limit = limit;
  if (share->sent > limit) Send(share, limit);
  List(share);
}

void Governor::Lender::Report(Share* share, bool current, uint64_t used, bool wants) {
  ++reports_;
  share->used = used;
  share->current = current;
  if (wants && !share->wants) share->since = next_since_++;
  share->wants = wants;
  Charge(share, std::max(used, current ? share->sent : share->charged));
  List(share);
}

Governor::Share* Governor::Lender::Give() {
  if (hungry_.empty()) return nullptr;
  Share* share = std::get<2>(*hungry_.begin());
  const int64_t beyond = Free() - static_cast<int64_t>(Reserve());
  int64_t amount = 0;
  if (beyond > 0) amount = alone_ ? static_cast<int64_t>(share->charged) + beyond : FairOf(share->charged, beyond);
  // The reserve is for those who have nothing.
  if (share->charged == 0) amount = std::max(amount, std::min(Free(), static_cast<int64_t>(First(*share))));
  amount = std::min(amount, static_cast<int64_t>(share->limit));
  const int64_t more = amount - static_cast<int64_t>(share->sent);
  if (more <= 0 || (!alone_ && IsTooLittle(share->sent, more) && amount < static_cast<int64_t>(share->limit))) return nullptr;
  Send(share, static_cast<uint64_t>(amount));
  share->given = reports_;
  return share;
}

/// Of what lies idle, where others wait for it or the reserve lacks it. Twice what is used is left at least: with less the core would be at its limit
/// as soon as it does anything, and what it is given and gives back would go to and fro without an end.
Governor::Share* Governor::Lender::TakeBackIdle() {
  const auto reserve = static_cast<int64_t>(Reserve());
  size_t looked = 0;
  for (auto it = idle_.rbegin(); it != idle_.rend() && looked < kSteps; ++it, ++looked) {
    Share* share = std::get<2>(*it);
    if (!share->current || reports_ - share->given < kReportsToUse) continue;
    uint64_t left = std::max(2 * share->used, !hungry_.empty() || FreeSoon() < reserve / 2 ? Kept() : First(*share));
    // Nobody waits for it: no more than the reserve lacks.
    if (hungry_.empty()) left = std::max(left, share->sent - std::min(share->sent, static_cast<uint64_t>(reserve - FreeSoon())));
    if (left >= share->sent) continue;
    Send(share, left);
    return share;
  }
  return nullptr;
}

Governor::Share* Governor::Lender::TakeBack() {
  const auto reserve = static_cast<int64_t>(Reserve());
  if ((hungry_.empty() && FreeSoon() >= reserve) || holders_.empty()) return nullptr;
  if (!alone_)
    if (Share* idle = TakeBackIdle()) return idle;
  Share* most = std::get<2>(*holders_.rbegin());
  // It has not taken yet what it was told last: nothing is to be said to it before that, or it would never get to use what it has.
  if (!most->current && FreeSoon() >= 0) return nullptr;
  const auto has = static_cast<int64_t>(most->sent);
  int64_t fair = alone_ ? has + std::min<int64_t>(FreeSoon(), 0) : FairOf(most->sent, FreeSoon() - reserve);
  fair = std::max<int64_t>(fair, 1);
  if (fair < has && (!IsTooLittle(most->sent, has - fair) || FreeSoon() < 0)) {
    Send(most, static_cast<uint64_t>(fair));
    return most;
  }
  // Nothing is free, and nothing comes back: the one who has the most makes room for the first of those who have nothing.
  if (hungry_.empty() || FreeSoon() > 0) return nullptr;
  const Share* waits = std::get<2>(*hungry_.begin());
  if (waits->sent > 0 || waits->charged > 0) return nullptr;
  Send(most, most->sent - std::min(First(*waits), most->sent));
  return most;
}

Governor::Share* Governor::Lender::Step() {
  if (Share* share = Give()) return share;
  return TakeBack();
}

void Governor::Lender::Check(uint64_t charged, uint64_t sent) const {
  CHECK(charged == charged_ && sent == sent_);
  for (const auto& [at_sent, at_since, share] : hungry_) CHECK(share->hungry && share->sent == at_sent && share->wants);
  for (const auto& [at_sent, at_since, share] : holders_) CHECK(share->holds && share->sent == at_sent && at_sent > 0);
  for (const auto& [at_sent, at_since, share] : idle_) CHECK(share->idle && share->sent == at_sent && !share->wants);
}

// ---- all of them

Governor::Core& Governor::At(NamespaceNumber number) {
  auto found = cores_.find(number);
  CHECK(found != cores_.end());
  return found->second;
}

void Governor::ReviewAlone() {
  const size_t others = cores_.size() - cores_.count(kSystemNumber);
  const bool alone = !shared_ && others <= 1;
  in_flight_.SetAlone(alone);
  loaded_.SetAlone(alone);
}

void Governor::Tell(NamespaceNumber number, Core* core, Out* out) {
  core->sent_in_flight = core->in_flight.sent;
  core->sent_loaded = core->loaded.sent;
  core->number = next_number_++;
  out->push_back({number, {core->number, static_cast<uint32_t>(core->sent_in_flight), static_cast<size_t>(core->sent_loaded)}});
}

void Governor::Settle(size_t steps, Out* out) {
  std::vector<NamespaceNumber> changed;
  for (Lender* lender : {&in_flight_, &loaded_})
    for (size_t i = 0; i < steps; ++i) {
      const Share* share = lender->Step();
      if (!share) break;
      changed.push_back(share->number);
    }
  for (NamespaceNumber number : changed)
    if (Core& core = At(number); core.sent_in_flight != core.in_flight.sent || core.sent_loaded != core.loaded.sent) Tell(number, &core, out);
}

void Governor::SetCaps(Caps caps, Out* out) {
  in_flight_.SetCap(caps.in_flight);
  loaded_.SetCap(caps.loaded);
  for (auto& [number, core] : cores_) loaded_.SetLimit(&core.loaded, caps.loaded);
  Settle(2 * cores_.size() + kSteps, out);
}

void Governor::SetShared(bool shared, Out* out) {
  shared_ = shared;
  ReviewAlone();
  Settle(2 * cores_.size() + kSteps, out);
}

void Governor::Join(NamespaceNumber number, uint32_t max_in_flight, Out* out) {
  auto [it, fresh] = cores_.try_emplace(number);
  CHECK(fresh);
  ReviewAlone();
  Core& core = it->second;
  core.in_flight.number = core.loaded.number = number;
  core.in_flight.limit = max_in_flight;
  core.loaded.limit = loaded_.cap();
  in_flight_.Join(&core.in_flight);
  loaded_.Join(&core.loaded);
  Tell(number, &core, out);
  Settle(kSteps, out);
}

void Governor::SetLimit(NamespaceNumber number, uint32_t max_in_flight, Out* out) {
  Core& core = At(number);
  in_flight_.SetLimit(&core.in_flight, max_in_flight);
  if (core.sent_in_flight != core.in_flight.sent) Tell(number, &core, out);
  Settle(kSteps, out);
}

void Governor::Report(NamespaceNumber number, const CoreUsage& usage, Out* out) {
  Core& core = At(number);
  const bool current = usage.grant == core.number;
  in_flight_.Report(&core.in_flight, current, usage.in_flight, usage.wants_in_flight);
  loaded_.Report(&core.loaded, current, usage.loaded, usage.wants_loaded);
  Settle(kSteps, out);
}

void Governor::Gone(NamespaceNumber number, Out* out) {
  Core& core = At(number);
  in_flight_.Leave(&core.in_flight);
  loaded_.Leave(&core.loaded);
  cores_.erase(number);
  ReviewAlone();
  Settle(kSteps, out);
}

void Governor::CheckInvariants() const {
  uint64_t charged[2] = {}, sent[2] = {};
  for (const auto& [number, core] : cores_) {
    const Share* shares[] = {&core.in_flight, &core.loaded};
    for (int i : {0, 1}) {
      CHECK(shares[i]->charged >= shares[i]->sent && shares[i]->sent <= shares[i]->limit);
      charged[i] += shares[i]->charged;
      sent[i] += shares[i]->sent;
    }
    CHECK(core.sent_in_flight == core.in_flight.sent && core.sent_loaded == core.loaded.sent);
  }
  in_flight_.Check(charged[0], sent[0]);
  loaded_.Check(charged[1], sent[1]);
}

}  // namespace notifyd
