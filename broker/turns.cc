#include "broker/turns.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace notifyd {

void Ring::PushBack(RingNode* node) {
  node->ring = this;
  node->prev = back;
  node->next = nullptr;
  (back ? back->next : front) = node;
  back = node;
  ++size;
}

void Ring::Remove(RingNode* node) {
  CHECK(node->ring == this);
  (node->prev ? node->prev->next : front) = node->next;
  (node->next ? node->next->prev : back) = node->prev;
  node->ring = nullptr;
  node->prev = node->next = nullptr;
  --size;
}

// ---- shares

/// Returns what one may have in flight: `weight` times what is still free beyond `kept`, its cap at most; one in any case, while a place is free. So
/// N who hang come to rest at weight/(N*weight + 1) each, and the rest stays free for the others (dynamic thresholds, Choudhury and Hahne 1998). A
/// caller's weight is so high that the shares of its targets stop them before its own does, until some thirty of them hang: they hold up none of its
/// others. The last place of all is for callers that have nothing in flight.
uint32_t Turns::ShareOf(uint32_t cap, uint32_t weight, uint32_t kept) const {
  uint64_t taken = uint64_t{in_flight_} + kept;
  uint64_t free = caps_.in_flight > taken ? caps_.in_flight - taken : 0;
  return static_cast<uint32_t>(std::min<uint64_t>(cap, std::max<uint64_t>(weight * free, 1)));
}

// ---- who waits

void Turns::Join(RingNode* node, Target* target) {
  CHECK(!node->waits());
  node->target = target;
  target->ring.PushBack(node);
  Activate(target);
}

void Turns::Park(RingNode* node, Target* target, Caller* caller) {
  CHECK(!node->waits());
  std::unique_ptr<Flow>& flow = caller->flows[target];
  if (!flow) {
    flow = std::make_unique<Flow>();
    ++flows_;
    flow->target = target;
    flow->caller = caller;
    flow->of_target = target->flows.insert(target->flows.end(), flow.get());
    Put(flow.get(), WaitsAt(*target));
  }
  flow->nodes.PushBack(node);
  node->target = target;
  node->flow = flow.get();
  ++target->parked;
}

Target* Turns::Leave(RingNode* node) {
  if (!node->waits()) return nullptr;
  node->ring->Remove(node);
  Target* target = std::exchange(node->target, nullptr);
  const bool last = target->ring.size == 0 && target->parked <= (node->flow ? 1u : 0u);
  if (last) SetStopped(target, false, target->shut);
  if (Flow* flow = std::exchange(node->flow, nullptr)) {
    --target->parked;
    if (flow->nodes.size == 0) DropFlow(flow);
  }
  return target;
}

// ---- callers

Caller* Turns::CallerOf(const std::string& name) {
  std::unique_ptr<Caller>& caller = callers_[name];
  if (!caller) {
    caller = std::make_unique<Caller>();
    caller->name = name;
  }
  return caller.get();
}

const Caller* Turns::FindCaller(const std::string& name) const {
  auto found = callers_.find(name);
  return found == callers_.end() ? nullptr : found->second.get();
}

void Turns::MaybeDrop(Caller* caller) {
  if (caller->in_flight == 0 && caller->flows.empty()) callers_.erase(std::string(caller->name));
}

void Turns::CountCaller(Caller* caller, int change) {
  LeaveWaiting(caller);
  caller->in_flight += static_cast<uint32_t>(change);
  if (change > 0) caller->waits_since = next_serial_++;  // behind those that have as many in flight and waited longer
  AwaitShare(caller);
}

/// Puts the caller into waiting_, where flows of it wait for its share alone. Its place depends on what it has in flight: LeaveWaiting before that
/// changes.
void Turns::AwaitShare(Caller* caller) {
  for (bool busy : {false, true})
    if (!caller->waiting[busy].empty()) waiting_[busy].insert({caller->in_flight, caller->waits_since, caller});
}

void Turns::LeaveWaiting(Caller* caller) {
  for (bool busy : {false, true})
    if (!caller->waiting[busy].empty()) waiting_[busy].erase({caller->in_flight, caller->waits_since, caller});
}

/// Takes the flow out of the list that it is in, and puts it at the end of another.
void Turns::Put(Flow* flow, Flow::Waits waits) {
  LeaveWaiting(flow->caller);
  auto list = [flow](Flow::Waits which) -> std::list<Flow*>& {
    return which == Flow::Waits::kTarget ? flow->target->held : flow->caller->waiting[which == Flow::Waits::kBusyTarget];
  };
  if (flow->waits != Flow::Waits::kNothing) list(flow->waits).erase(flow->at);
  flow->waits = waits;
  if (waits != Flow::Waits::kNothing) flow->at = list(waits).insert(list(waits).end(), flow);
  AwaitShare(flow->caller);
}

void Turns::DropFlow(Flow* flow) {
  Caller* caller = flow->caller;
  --flows_;
  Put(flow, Flow::Waits::kNothing);
  flow->target->flows.erase(flow->of_target);
  caller->flows.erase(flow->target);
  MaybeDrop(caller);
}

// ---- calls in flight

void Turns::Begin(Target* target, Caller* caller) {
  ++target->in_flight;
  ++in_flight_;
  CountCaller(caller, 1);
}

void Turns::End(Target* target, Caller* caller) {
  --in_flight_;
  Release(target);
  CountCaller(caller, -1);
  MaybeDrop(caller);
}

void Turns::BeginBeside(Target* target) {
  ++target->in_flight;
  if (!target->blocked) return;
  // It keeps its place among those that have as many.
  blocked_.erase({target->blocked_at, target->blocked_since, target});
  target->blocked_at = target->in_flight;
  blocked_.insert({target->blocked_at, target->blocked_since, target});
}

void Turns::EndBeside(Target* target) {
  Release(target);
}

/// One of its calls has ended.
void Turns::Release(Target* target) {
  Unblock(target);
  if (--target->in_flight == 0)  // places are kept for it
    for (Flow* flow : target->flows)
      if (flow->waits == Flow::Waits::kBusyTarget) Put(flow, Flow::Waits::kIdleTarget);
  GoOn(target);
  if (target->ring.size > 0 || !target->held.empty()) Activate(target);
}

// ---- the round

void Turns::SetCap(Target* target, uint32_t cap) {
  target->cap = cap;
  GoOn(target);
}

void Turns::SetShut(Target* target, bool shut) {
  SetStopped(target, target->stopped, shut);
  GoOn(target);
}

void Turns::SetStopped(Target* target, bool stopped, bool shut) {
  at_cap_ -= target->stopped && !target->shut;
  target->stopped = stopped;
  target->shut = shut;
  at_cap_ += stopped && !shut;
}

/// Lets a target take part again that was stopped, where it may.
void Turns::GoOn(Target* target) {
  if (!target->stopped || MustStop(*target)) return;
  SetStopped(target, false, target->shut);
  if (target->ring.size > 0 || !target->held.empty()) Activate(target);
}

void Turns::Activate(Target* target) {
  if (target->active || target->blocked || target->stopped) return;
  target->active = true;
  active_.push_back(target);
}

void Turns::Block(Target* target) {
  target->blocked = true;
  target->blocked_at = target->in_flight;
  target->blocked_since = next_serial_++;
  blocked_.insert({target->blocked_at, target->blocked_since, target});
}

void Turns::Unblock(Target* target) {
  if (!target->blocked) return;
  blocked_.erase({target->blocked_at, target->blocked_since, target});
  target->blocked = false;
}

void Turns::ReviewBlocked() {
  while (!blocked_.empty()) {
    Target* target = std::get<2>(*blocked_.begin());
    Unblock(target);
    Activate(target);
  }
}

bool Turns::NextOfCallers(std::optional<Turn>* turn) {
  for (bool busy : {false, true}) {
    auto& callers = waiting_[busy];
    if (callers.empty() || std::get<0>(*callers.begin()) >= CallerShare(busy)) continue;
    Flow* flow = std::get<2>(*callers.begin())->waiting[busy].front();
    Target* target = flow->target;
    if (!busy && target->in_flight > 0) {
      Put(flow, Flow::Waits::kBusyTarget);
    } else if (AtShare(*target)) {
      Put(flow, Flow::Waits::kTarget);
      Activate(target);
    } else {
      Put(flow, flow->waits);  // its targets take turns
      *turn = Turn{flow->nodes.front, target, false};
    }
    return true;
  }
  return false;
}

/// Each step lets at most one target and one caller that were at their shares go on, so that a place that is free costs no look at all of them.
std::optional<Turns::Turn> Turns::Next() {
  while (!full()) {
    if (!blocked_.empty() && std::get<0>(*blocked_.begin()) < TargetShare()) {
      Target* freed = std::get<2>(*blocked_.begin());
      Unblock(freed);
      Activate(freed);
    }
    std::optional<Turn> turn;
    if (NextOfCallers(&turn)) {
      if (turn) return turn;
      continue;
    }
    if (active_.empty()) break;
    Target* target = active_.front();
    active_.pop_front();
    if (std::exchange(target->yields, false) && !active_.empty()) {
      active_.push_back(target);
      continue;
    }
    if (AtShare(*target) && (target->ring.size > 0 || !target->held.empty())) {
      target->active = false;
      if (MustStop(*target)) SetStopped(target, true, target->shut);
      else Block(target);
      continue;
    }
    // Each node of a flow had its turn in the ring already, and could not take it: it comes before those that stand there now, where its caller may
    // start one. Else they would take every place as it gets free, for as long as any of them has something to send.
    if (!target->held.empty()) {
      Put(target->held.front(), WaitsAt(*target));
      active_.push_front(target);
      continue;
    }
    return Turn{target->ring.front, target, true};
  }
  return std::nullopt;
}

void Turns::Done(const Turn& turn) {
  if (!turn.of_round) return;
  turn.target->active = false;  // until here that kept it
  if (turn.target->ring.size > 0 || !turn.target->held.empty()) Activate(turn.target);
}

size_t Turns::PlacesOf(const std::string& name, const Target& target) const {
  const bool busy = target.in_flight > 0;
  const uint32_t share = CallerShare(busy);
  const Caller* caller = FindCaller(name);
  if (!caller) return share;
  return caller->waiting[busy].empty() && share > caller->in_flight ? share - caller->in_flight : 0;
}

// ---- figures and checks

size_t Turns::WaitingCallers() const {
  size_t callers = 0;
  for (const auto& [name, caller] : callers_) callers += !caller->waiting[0].empty() || !caller->waiting[1].empty();
  return callers;
}

bool Turns::WantsMore() const {
  if (full()) return Contenders() > 0;
  // Shares grow with what may be in flight in all; a target's own cap does not.
  const bool target_waits = !blocked_.empty() && std::get<0>(*blocked_.begin()) < caps_.per_target;
  return target_waits || !waiting_[0].empty() || !waiting_[1].empty();
}

void Turns::CheckInvariants() const {
  uint32_t in_flight = 0;
  size_t flows = 0;
  for (const auto& [name, caller] : callers_) {
    CHECK(caller->in_flight > 0 || !caller->flows.empty());
    in_flight += caller->in_flight;
    flows += caller->flows.size();
    size_t waiting[2] = {};
    for (const auto& [target, flow] : caller->flows) {
      CHECK(flow->target == target && flow->caller == caller.get() && flow->nodes.size > 0);  // I3
      if (flow->waits != Flow::Waits::kTarget) ++waiting[flow->waits == Flow::Waits::kBusyTarget];
      CHECK(flow->waits != Flow::Waits::kNothing && (flow->waits != Flow::Waits::kBusyTarget || target->in_flight > 0));
      size_t nodes = 0;
      for (RingNode* node = flow->nodes.front; node; node = node->next, ++nodes)
        CHECK(node->flow == flow.get() && node->target == target && node->ring == &flow->nodes);  // I1
      CHECK(nodes == flow->nodes.size);
    }
    for (bool busy : {false, true}) {
      CHECK(waiting[busy] == caller->waiting[busy].size());
      CHECK((waiting[busy] > 0) == (waiting_[busy].count({caller->in_flight, caller->waits_since, caller.get()}) > 0));
    }
  }
  CHECK(in_flight == in_flight_ && flows == flows_);
}

void Turns::CheckTarget(const Target& target) const {
  size_t ring = 0, parked = 0;
  for (RingNode* node = target.ring.front; node; node = node->next, ++ring)
    CHECK(node->target == &target && node->ring == &target.ring && !node->flow);  // I1
  CHECK(ring == target.ring.size);
  for (Flow* flow : target.flows) parked += flow->nodes.size;
  CHECK(parked == target.parked);
  if (ring > 0 || !target.held.empty()) CHECK(target.active || target.blocked || target.stopped);  // I2
  for (Flow* flow : target.held) CHECK(flow->waits == Flow::Waits::kTarget && flow->target == &target);
}

}  // namespace notifyd
