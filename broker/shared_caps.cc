#include "broker/shared_caps.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace notifyd {
namespace {

/// Steps that one call takes; the rest comes with the calls that follow: each change is answered by a report.
constexpr int kSteps = 4;

}  // namespace

// ---- one host

void SharedCaps::Unlist(Member* member, Pool* pool) {
  if (std::exchange(member->hungry, false)) {
    pool->hungry.erase({member->at_sent, member->at_since, member});
    pool->without -= member->at_sent == 0;
  }
  if (std::exchange(member->holds, false)) pool->holders.erase({member->at_sent, UINT64_MAX - member->at_since, member});
  if (std::exchange(member->idle, false)) pool->idle.erase({member->at_sent, member->at_since, member});
}

void SharedCaps::List(Member* member, Pool* pool) {
  Unlist(member, pool);
  member->at_sent = member->sent;
  member->at_since = member->since;
  member->hungry = member->wants && member->sent < pool->concurrency;
  member->holds = member->sent > 0;
  member->idle = member->holds && !member->wants && member->used < member->sent;
  if (member->hungry) {
    pool->hungry.emplace(member->at_sent, member->at_since, member);
    pool->without += member->at_sent == 0;
  }
  if (member->holds) pool->holders.emplace(member->at_sent, UINT64_MAX - member->at_since, member);
  if (member->idle) pool->idle.emplace(member->at_sent, member->at_since, member);
}

void SharedCaps::Charge(Member* member, Pool* pool, uint32_t charged) {
  pool->charged = pool->charged - member->charged + charged;
  member->charged = charged;
}

void SharedCaps::Send(Member* member, Pool* pool, uint32_t amount) {
  pool->sent = pool->sent - member->sent + amount;
  member->sent = amount;
  member->current = false;
  member->since = next_since_++;
  // What is taken back goes on counting until it is reported.
  Charge(member, pool, std::max(member->charged, amount));
  List(member, pool);
}

SharedCaps::Member* SharedCaps::Give(Pool* pool) {
  if (pool->hungry.empty() || pool->charged >= pool->concurrency) return nullptr;
  Member* member = std::get<2>(*pool->hungry.begin());
  const uint64_t free = pool->concurrency - pool->charged;
  const uint64_t more = std::max<uint64_t>(free / pool->hungry.size(), 1);
  Send(member, pool, static_cast<uint32_t>(std::min<uint64_t>(member->sent + more, pool->concurrency)));
  return member;
}

SharedCaps::Member* SharedCaps::TakeBack(Pool* pool) {
  if (pool->holders.empty()) return nullptr;
  Member* most = std::get<2>(*pool->holders.rbegin());
  if (pool->sent > pool->concurrency) {  // it was lowered
    const uint64_t over = pool->sent - pool->concurrency;
    Send(most, pool, most->sent - static_cast<uint32_t>(std::min<uint64_t>(over, (most->sent + 1) / 2)));
    return most;
  }
  // Where something is on its way back, that comes first; but a call that hangs must not hold up all who have nothing.
  const uint64_t soon = pool->concurrency - pool->sent;
  if (pool->hungry.empty() || (soon > 0 && soon >= pool->without)) return nullptr;
  if (!pool->idle.empty()) {
    Member* idle = std::get<2>(*pool->idle.rbegin());
    if (!idle->current) return nullptr;
    Send(idle, pool, idle->used);
    return idle;
  }
  // It has not taken yet what it was told last: nothing is to be said to it before that, or it would never get to use what it has.
  if (!most->current) return nullptr;
  const Member* least = std::get<2>(*pool->hungry.begin());
  if (most->sent > least->sent + 1) Send(most, pool, most->sent - (most->sent - least->sent) / 2);
  else if (most->sent == 1 && least->sent == 0) Send(most, pool, 0);  // they take turns
  else return nullptr;
  return most;
}

SharedCaps::Member* SharedCaps::Step(Pool* pool) {
  if (Member* member = Give(pool)) return member;
  return TakeBack(pool);
}

// ---- all of them

void SharedCaps::Tell(const Key& key, const Pool& pool, Member* member, Out* out) {
  member->grant = next_number_++;
  member->current = false;
  SharedGrant grant{key.host, member->joined, member->grant, pool.concurrency == 0 ? UINT32_MAX : member->sent, member->rate_per_s, true};
  grant.alone = pool.members.size() == 1;
  out->push_back({member->number, std::move(grant)});
}

void SharedCaps::Settle(const Key& key, Pool* pool, Out* out) {
  if (pool->concurrency == 0) return;
  std::set<Member*> told;
  std::vector<Member*> changed;
  for (int i = 0; i < kSteps; ++i) {
    Member* member = Step(pool);
    if (!member) break;
    if (told.insert(member).second) changed.push_back(member);
  }
  for (Member* member : changed) Tell(key, *pool, member, out);
}

void SharedCaps::ShareRate(const Key& key, Pool* pool, Out* out) {
  const double part = pool->members.empty() ? 0 : pool->rate_per_s / static_cast<double>(pool->members.size());
  for (auto& [number, member] : pool->members)
    if (std::exchange(member.rate_per_s, part) != part) Tell(key, *pool, &member, out);
}

void SharedCaps::Leave(const Key& key, NamespaceNumber number, Out* out) {
  auto found = pools_.find(key);
  if (found == pools_.end()) return;
  Pool& pool = found->second;
  auto member = pool.members.find(number);
  if (member == pool.members.end()) return;
  Unlist(&member->second, &pool);
  Charge(&member->second, &pool, 0);
  pool.sent -= member->second.sent;
  pool.members.erase(member);
  auto of = of_.find(number);
  of->second.erase(key);
  if (of->second.empty()) of_.erase(of);
  if (pool.members.empty()) {
    pools_.erase(found);
    return;
  }
  ShareRate(key, &pool, out);
  Settle(key, &pool, out);
}

void SharedCaps::Report(NamespaceNumber number, const SharedUse& use, Out* out) {
  const Key key{use.host, use.rule};
  if (use.gone) return Leave(key, number, out);
  Pool& pool = pools_[key];
  auto [it, fresh] = pool.members.try_emplace(number);
  Member& member = it->second;
  if (fresh) {
    member.number = number;
    member.since = next_since_++;
    of_[number].insert(key);
  }
  if (const uint32_t before = std::exchange(pool.concurrency, use.concurrency); before != use.concurrency)
    for (auto& [other, each] : pool.members) {
      List(&each, &pool);
      // Who had no bound has one now, or the other way round.
      if (!fresh && (before == 0 || use.concurrency == 0)) Tell(key, pool, &each, out);
    }
  if (member.joined != use.joined) {
    // It had the host before, and lost what it was lent with it.
    pool.sent -= std::exchange(member.sent, 0);
    member.joined = use.joined;
    member.grant = 0;
    Charge(&member, &pool, use.in_flight);
  }
  member.used = use.in_flight;
  member.current = use.grant == member.grant;
  if (use.wants && !member.wants) member.since = next_since_++;
  member.wants = use.wants;
  Charge(&member, &pool, std::max(use.in_flight, member.current ? member.sent : member.charged));
  List(&member, &pool);
  const bool unsaid = member.grant == 0;
  const size_t before = out->size();
  if (std::exchange(pool.rate_per_s, use.rate_per_s) != use.rate_per_s || fresh) ShareRate(key, &pool, out);
  Settle(key, &pool, out);
  // Where there is a rate alone, that is all that there is to say; it is said in any case.
  if (unsaid && pool.concurrency == 0 && out->size() == before) Tell(key, pool, &member, out);
}

void SharedCaps::Gone(NamespaceNumber number, Out* out) {
  auto found = of_.find(number);
  if (found == of_.end()) return;
  for (const Key& key : std::set<Key>(found->second)) Leave(key, number, out);
}

uint64_t SharedCaps::lent(const std::string& host) const {
  uint64_t all = 0;
  for (auto it = pools_.lower_bound({host, 0}); it != pools_.end() && it->first.host == host; ++it) all += it->second.charged;
  return all;
}

void SharedCaps::CheckInvariants() const {
  for (const auto& [key, pool] : pools_) {
    uint64_t charged = 0, sent = 0;
    size_t hungry = 0, without = 0, holders = 0, idle = 0;
    CHECK(!pool.members.empty());
    for (const auto& [number, member] : pool.members) {
      CHECK(member.number == number && of_.at(number).contains(key));
      CHECK(member.charged >= member.used);
      charged += member.charged;
      sent += member.sent;
      hungry += member.hungry;
      without += member.hungry && member.sent == 0;
      holders += member.holds;
      idle += member.idle;
      CHECK(member.hungry == (member.wants && member.sent < pool.concurrency) && member.holds == (member.sent > 0));
    }
    CHECK(charged == pool.charged && sent == pool.sent);
    CHECK(hungry == pool.hungry.size() && without == pool.without && holders == pool.holders.size() && idle == pool.idle.size());
  }
}

}  // namespace notifyd
