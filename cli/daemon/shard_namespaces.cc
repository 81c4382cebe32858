// How the namespaces of a shard wake, sleep and go. How they are opened is in shard_opening.cc.
#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "broker/alerts.h"
#include "broker/figures_events.h"
#include "broker/flow_settings.h"
#include "broker/namespace_settings.h"
#include "cli/daemon/shard.h"
#include "cli/daemon/shard_slot.h"

namespace notifyd {
namespace {

/// What a core is told, and does not answer.
Event Tell(HandOverAsk what) {
  return FiguresRequest{{}, std::make_shared<const FiguresAsk>(FiguresAsk{what})};
}

RemovedTotals Removed(const Totals& totals) {
  return {.accepted = totals.accepted,
          .revived = totals.revived,
          .succeeded = totals.succeeded,
          .failed = totals.failed,
          .cancelled = totals.cancelled,
          .expired = totals.expired,
          .attempts = totals.attempts,
          .retries = totals.retries};
}

}  // namespace

void Shard::Refuse(const std::vector<Event>& events, const Status& status) {
  for (const Event& event : events) {
    if (!IsRequest(event)) continue;
    std::visit(
        [&](const auto& each) {
          if constexpr (requires { each.request; }) setup_.replies->Send({each.request, Refused{status, {}, 0}});
        },
        event);
    unflushed_ = true;
  }
}

/// All else goes its way.
void Shard::RefuseLost(std::vector<Event>* events, const Status& why) {
  std::vector<Event> refused;
  std::erase_if(*events, [&](Event& event) {
    if (!IsRequest(event)) return false;
    refused.push_back(std::move(event));
    return true;
  });
  if (!refused.empty()) Refuse(refused, why);
}

/// Of a namespace that another member serves.
void Shard::TurnAway(NamespaceNumber number, std::vector<Event> events) {
  Refuse(events, Status(Code::kUnavailable, "the namespace is served by another broker"));
  for (Event& event : events)
    if (std::holds_alternative<CloseIfEmpty>(event) || std::holds_alternative<Drain>(event)) setup_.summon(number, std::move(event));
}

void Shard::Gain(const std::vector<NamespaceAtStart>& states) {
  for (const NamespaceAtStart& state : states) {
    own_.insert(state.number);
    if (state.number == kDefaultNumber) {
      SlotOf(state.number)->for_good = true;
      to_open_.push_front(state.number);
      continue;
    }
    NamespaceFigures figures;
    figures.totals = state.totals;
    figures.states = PendingByStateOf(state.totals.by_index, {}, 0);
    setup_.board->Put(state.number, figures);
    if (state.awake) to_open_.push_back(state.number);
    else roster_.SetWake(state.number, {state.next_wake, kMonoNever});
  }
  OpenNext();
  armed_ = false;
}

/// Told behind whoever is told already.
void Shard::TellWhenLeft(Slot* slot, std::function<void()> then) {
  slot->left = [first = std::move(slot->left), then = std::move(then)] {
    first();
    then();
  };
}

void Shard::StandStill(NamespaceNumber number, std::function<void()> stood) {
  Slot* slot = Find(number);
  // It is on its way out already, and nothing waits here for one that goes to another member.
  if (slot && slot->left) return TellWhenLeft(slot, std::move(stood));
  standing_.try_emplace(number);
  std::erase(to_open_, number);
  if (slot && (slot->core || slot->opening)) {
    slot->left = std::move(stood);
    if (slot->core) {
      const Now now = Read();
      slot->stops_by = MonoTime{now.mono.ms + kAnswersMostMs};
      // The answer to what is in flight is had here alone. Not by the mailbox: what comes from there waits from now on.
      Run(now, slot, Events(Tell(HandOverAsk{})));
      Flush();
    }
    return;
  }
  if (slot) PutAside(number, &slot->waiting);
  EraseSlot(number);
  stood();
}

void Shard::StopWhenAnswered(const Now& now, Slot* slot) {
  if (!slot->stops_by) return;
  const HeldKinds held = slot->core->held();
  const auto reads = [](const HeldKind& each) {
    const std::string_view kind = each.kind;
    return each.count > 0 && (kind == "parked_events" || kind == "bulk_requests");
  };
  if (now.mono < *slot->stops_by && std::any_of(held.begin(), held.end(), reads)) return;
  slot->stops_by.reset();
  StopToLeave(slot);
}

/// A core says once that it has ended. One that was told to stop while its cell was away may have, if that came back.
void Shard::StopToLeave(Slot* slot) {
  Post(slot->number, StopRequested{});
  if (slot->drained) setup_.loop->Post([this, number = slot->number] { EndLeave(number); });
}

void Shard::Resume(NamespaceNumber number) {
  auto found = standing_.extract(number);
  if (found.empty()) return;
  std::vector<Event> events;
  for (auto& [at, event] : found.mapped()) events.push_back(std::move(event));
  if (setup_.among_members && !own_.contains(number)) return TurnAway(number, std::move(events));
  Wake(number, std::move(events));
  Flush();
  armed_ = false;
}

/// Takes out of `events` what waits until it is served again. Ends of attempts and the store's answers do not.
void Shard::PutAside(NamespaceNumber number, std::vector<Event>* events) {
  std::deque<std::pair<MonoTime, Event>>& aside = standing_[number];
  const MonoTime now = Read().mono;
  std::erase_if(*events, [&](Event& event) {
    if (!WakesUp(event)) return false;
    aside.emplace_back(now, std::move(event));
    return true;
  });
}

/// What waited for a core that is not made any more.
void Shard::TurnAsideWaiting(NamespaceNumber number, std::vector<Event>* waiting) {
  if (standing_.contains(number)) PutAside(number, waiting);
  else Refuse(*waiting, Status(Code::kUnavailable, "the namespace is served by another broker"));
}

void Shard::RefuseLate(const Now& now) {
  for (auto& [number, aside] : standing_) {
    std::vector<Event> late;
    const bool lost = setup_.lost && setup_.lost(number);
    std::erase_if(aside, [&](std::pair<MonoTime, Event>& each) {
      if (!IsRequest(each.second) || (!lost && now.mono.ms - each.first.ms < kStandsMostMs)) return false;
      late.push_back(std::move(each.second));
      return true;
    });
    if (!late.empty()) Refuse(late, lost ? CellNotReached() : Status(Code::kUnavailable, "the namespace is being moved to another cell"));
  }
}

void Shard::Leave(NamespaceNumber number, std::function<void()> left) {
  own_.erase(number);
  std::erase(to_open_, number);
  Slot* slot = Find(number);
  if (auto stands = standing_.extract(number); !stands.empty()) {
    std::vector<Event> events;
    for (auto& [at, event] : stands.mapped()) events.push_back(std::move(event));
    TurnAway(number, std::move(events));
    // It is on its way out already.
    if (slot && slot->left) return TellWhenLeft(slot, std::move(left));
  }
  if (slot && (slot->core || slot->opening)) {
    slot->left = std::move(left);
    if (slot->core) {
      Post(number, Tell(HandOverAsk{}));
      StopToLeave(slot);
    }
    return;
  }
  if (slot) Refuse(slot->waiting, Status(Code::kUnavailable, "the namespace is served by another broker"));
  EraseSlot(number);
  Forget(number);
  Flush();
  // Nothing is answered any more after that: what is in the mailbox already is turned away first, in this turn.
  setup_.loop->Post(std::move(left));
}

bool Shard::Cut(NamespaceNumber number) {
  Slot* slot = Find(number);
  if (!slot || !slot->left || !slot->core) return false;
  // Whoever waits here for what is in flight is answered.
  std::vector<Event> over = Events(Tell(HandOverAsk{/*over=*/true}));
  if (std::exchange(slot->stops_by, std::nullopt)) over.emplace_back(StopRequested{});
  Run(Read(), slot, std::move(over));
  slot = Find(number);
  if (!slot) return true;
  if (standing_.contains(number)) AnswerOwed(slot);
  slot->drained = true;
  EndLeave(number);
  return true;
}

/// Of a core that is let go of, and hears nothing any more of what it waits for. Of one that goes to another member this is known elsewhere.
void Shard::AnswerOwed(Slot* slot) {
  const Status unknown(Code::kOutcomeUnknown,
                       "the cell of the namespace did not answer while it was being moved to another one: the request may have been "
                       "carried out, or not");
  for (const RequestId& request : std::exchange(slot->outbox.owed, {})) setup_.replies->Send({request, Refused{unknown, {}, 0}});
}

/// It is served elsewhere from now on.
void Shard::Forget(NamespaceNumber number) {
  setup_.board->Forget(number);
  reclaiming_.erase(number);
  if (setup_.gone) setup_.gone(number);
}

void Shard::EndLeave(NamespaceNumber number) {
  Slot* slot = Find(number);
  if (!slot || !slot->left || !slot->drained) return;
  const std::function<void()> left = std::move(slot->left);
  const bool stands = standing_.contains(number);
  TurnAsideWaiting(number, &slot->waiting);
  if (stands) Show(slot);
  Drop(slot);
  Flush();
  if (!stands) Forget(number);
  left();
}

Shard::Slot* Shard::SlotOf(NamespaceNumber number) {
  std::unique_ptr<Slot>& slot = slots_[number];
  if (slot) return slot.get();
  slot = std::make_unique<Slot>();
  slot->number = number;
  slot->inbox.shard = this;
  slot->inbox.number = number;
  slot->outbox.to = setup_.replies;
  slot->row = setup_.tables->Get()->FindNamespace(number);
  if (number == kDefaultNumber) default_ = slot.get();
  return slot.get();
}

void Shard::EraseSlot(NamespaceNumber number) {
  if (number == kDefaultNumber) {
    default_ = nullptr;
    ready_ = false;
  }
  roster_.SetWake(number, {});
  slots_.erase(number);
}

void Shard::Wake(NamespaceNumber number, std::vector<Event> events) {
  if (stopping_) return Refuse(events, Status(Code::kUnavailable, "the broker is stopping"));
  const std::shared_ptr<const NamespaceRow> row = setup_.tables->Get()->FindNamespace(number);
  const bool drains = std::any_of(events.begin(), events.end(), [](const Event& event) { return std::holds_alternative<Drain>(event); });
  if (!row || (row->deleting && !drains)) return Refuse(events, Status(Code::kNotFound, "there is no such namespace"));
  std::vector<Event>& waiting = SlotOf(number)->waiting;
  waiting.insert(waiting.end(), std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
  // Somebody waits for it: before those that a start found awake.
  to_open_.push_front(number);
  OpenNext();
}

void Shard::Begin(Slot* slot, OpenedNamespace opened, uint64_t stored_bytes) {
  const Now now = Read();
  slot->store = std::move(opened.store);
  std::vector<Event> came = std::exchange(slot->waiting, {});
  if (opened.written_boot_ms) slot->clock.emplace(opened.totals.mono, *opened.written_boot_ms);
  else slot->clock.emplace(opened.totals.wall, opened.totals.mono, now.wall, now.mono.ms);
  const Now its_now{now.wall, slot->clock->MonoAt(now.mono.ms)};
  slot->core = std::make_unique<Core>(*LimitsFor(*slot), opened.totals, its_now, setup_.seed());
  Effects none;
  // What lies there already is shown from now on, and its first submit is judged by it.
  slot->core->Step(its_now, StoredBytes{stored_bytes + AuditBytesOf(*slot, now.wall)}, &none);
  // Whoever waits for what he submitted elsewhere may come in a moment.
  if (setup_.among_members) slot->core->Step(its_now, Tell(HandOverAsk{/*over=*/true}), &none);
  Driver::Hooks hooks;
  hooks.log = [this, slot](const AttemptLog& log) { setup_.log(NameOf(*slot), log); };
  hooks.lane_log = [this, slot](const LaneLog& log) { setup_.lane_log(NameOf(*slot), log); };
  hooks.flow_log = [this, slot](const FlowLog& log) { setup_.flow_log(NameOf(*slot), log); };
  hooks.quiet = [this, slot] { Held(&slot->quiet); };
  hooks.drained = [this, slot] {
    // Not from within its driver.
    if (slot->left) setup_.loop->Post([this, number = slot->number] { EndLeave(number); });
    Held(&slot->drained);
  };
  hooks.closed = [this, slot](const WorkLeft& left) { setup_.switchboard->Post(RegistryEvent(NamespaceClosed{slot->number, left})); };
  hooks.discarded = [slot](const Totals& totals) { slot->discarded = Removed(totals); };
  hooks.fatal = setup_.fatal;
  slot->driver =
      std::make_unique<Driver>(slot->core.get(), slot->store.get(), setup_.sender, setup_.lost ? &slot->outbox : setup_.replies, std::move(hooks));
  if (!slot->for_good) roster_.Busy(slot->number, now.mono);
  awake_.fetch_add(1, std::memory_order_relaxed);
  Show(slot);

  std::vector<Event> first;
  if (std::optional<GrantChanged> grant = setup_.lending->Join(slot->number, LimitsFor(*slot)->max_in_flight)) first.emplace_back(*grant);
  // It says what it needs.
  first.emplace_back(Tick{});
  if (flow_) first.emplace_back(FlowSettingsChanged{slot->flow = FlowFor(*slot)});
  if (holding_) first.emplace_back(HoldAttempts{});
  if (stopping_) first.emplace_back(StopRequested{});
  if (came.empty() && !slot->for_good) {
    // Nobody asked: where it has nothing to do it goes to sleep again.
    slot->sleep_tries = Slot::kSleepTries;
  }
  std::move(came.begin(), came.end(), std::back_inserter(first));
  if (adopted_) return Run(now, slot, std::move(first));
  // The first turn runs it.
  slot->waiting = std::move(first);
  roster_.SetWake(slot->number, {WallTime{0}, MonoTime{0}});
}

bool Shard::LetRest(const Now& now) {
  if (holding_ || stopping_) return false;
  const std::vector<NamespaceNumber> rested = roster_.TakeRested(now.mono);
  for (NamespaceNumber number : rested) {
    Slot* slot = Find(number);
    if (!slot || !slot->core) continue;
    // Where it cannot sleep now it is asked again later.
    roster_.Busy(number, now.mono);
    slot->sleep_tries = Slot::kSleepTries;
    Run(now, slot, {});
  }
  if (!rested.empty()) Flush();
  return !rested.empty();
}

bool Shard::FallAsleep(const Now& now, Slot* slot) {
  if (slot->left) return false;
  const std::optional<WallTime> until = slot->core->idle(now.wall);
  if (!until || (*until != kWallNever && until->ms - now.wall.ms < setup_.rest.shortest_ms)) return false;
  slot->store->Sleep(*until);
  NamespaceFigures figures;
  figures.totals = slot->core->totals();
  figures.states = slot->core->states();
  figures.stored_bytes = slot->core->stored().bytes;
  const NamespaceNumber number = slot->number;
  Drop(slot);
  setup_.board->Put(number, figures);
  roster_.SetWake(number, {*until, kMonoNever});
  return true;
}

void Shard::Drop(Slot* slot) {
  const NamespaceNumber number = slot->number;
  setup_.lending->Gone(number);
  awake_.fetch_sub(1, std::memory_order_relaxed);
  roster_.Rest(number);
  EraseSlot(number);
  CheckHeld();
}

std::vector<std::pair<std::string, HeldKinds>> Shard::held() const {
  std::vector<std::pair<std::string, HeldKinds>> all;
  for (const auto& [number, slot] : slots_)
    if (slot->core) all.emplace_back(NameOf(*slot), slot->core->held());
  all.emplace_back("", HeldKinds{{"slots", slots_.size()}, {"openings", to_open_.size() + opening_}});
  return all;
}

const std::string& Shard::NameOf(const Slot& slot) {
  static const std::string nameless(kDefaultNamespace);
  return slot.row ? slot.row->name : nameless;
}

std::shared_ptr<const CoreLimits> Shard::LimitsFor(const Slot& slot) const {
  static const NamespaceSettings nothing_said;
  if (slot.number == kSystemNumber) {
    // Its lanes are alerts' targets. None is given up since nobody reached it for a while, nor fails at once.
    auto limits = std::make_shared<CoreLimits>(slot.row ? LimitsOf(*limits_, slot.row->settings) : *limits_);
    limits->lane_rules = AlertLaneRules();
    limits->breaker.enabled = false;
    return limits;
  }
  if (!slot.row || slot.row->settings == nothing_said) return limits_;
  return std::make_shared<const CoreLimits>(LimitsOf(*limits_, slot.row->settings));
}

void Shard::SetLimits(std::shared_ptr<const CoreLimits> limits) {
  limits_ = std::move(limits);
  for (const auto& [number, slot] : slots_) TellLimits(slot.get());
}

std::shared_ptr<const FlowSettings> Shard::FlowFor(const Slot& slot) const {
  auto flow = std::make_shared<FlowSettings>();
  flow->find_zone = flow_->find_zone;
  flow->strict_topics = flow_->strict_topics;
  const std::string& name = NameOf(slot);
  for (const FileService& service : flow_->services) {
    const std::vector<std::string>& spaces = service.namespaces;
    if (std::any_of(spaces.begin(), spaces.end(), [&](const std::string& space) { return space == "*" || space == name; }))
      flow->services.push_back(service);
  }
  const auto take = [&](const std::vector<HostRule>& all, std::vector<HostRule>* out) {
    for (const HostRule& rule : all)
      if (std::find(rule.namespaces.begin(), rule.namespaces.end(), name) != rule.namespaces.end()) out->push_back(rule);
  };
  take(flow_->hosts, &flow->hosts);
  take(flow_->commands, &flow->commands);
  return flow;
}

void Shard::SetFlow(std::shared_ptr<const FlowSettings> flow) {
  flow_ = std::move(flow);
  for (const auto& [number, slot] : slots_) {
    if (!slot->core) continue;
    std::shared_ptr<const FlowSettings> its = FlowFor(*slot);
    // Names lead elsewhere all the time, each for few.
    if (slot->flow && *slot->flow == *its) continue;
    slot->flow = its;
    Post(slot->number, FlowSettingsChanged{std::move(its)});
  }
}

void Shard::TellLimits(Slot* slot) {
  if (!slot->core) return;
  std::shared_ptr<const CoreLimits> limits = LimitsFor(*slot);
  setup_.lending->SetLimit(slot->number, limits->max_in_flight);
  Post(slot->number, LimitsChanged{std::move(limits)});
}

void Shard::TableChanged() {
  const std::shared_ptr<const AccessTable> table = setup_.tables->Get();
  for (const auto& [number, slot] : slots_) {
    std::shared_ptr<const NamespaceRow> row = table->FindNamespace(number);
    if (!row || row == slot->row) continue;
    slot->row = std::move(row);
    TellLimits(slot.get());
  }
}

void Shard::Hold() {
  holding_ = true;
  for (const auto& [number, slot] : slots_)
    if (slot->core) Post(number, HoldAttempts{});
  CheckHeld();
}

void Shard::Stop() {
  std::vector<NamespaceNumber> numbers;
  for (const auto& [number, slot] : slots_) numbers.push_back(number);
  const Now now = Read();
  for (NamespaceNumber number : numbers) {
    Slot* slot = Find(number);
    if (!slot->core) {
      if (slot->opening) continue;
      Refuse(slot->waiting, Status(Code::kUnavailable, "the broker is stopping"));
      EraseSlot(number);
    } else if (slot->for_good || !FallAsleep(now, slot)) {
      // The next start makes no core for those that sleep.
      Post(number, StopRequested{});
    }
  }
  to_open_.clear();
  for (auto& [number, aside] : standing_) {
    std::vector<Event> events;
    for (auto& [at, event] : std::exchange(aside, {})) events.push_back(std::move(event));
    Refuse(events, Status(Code::kUnavailable, "the broker is stopping"));
  }
  stopping_ = true;
  // Before it is said that all is drained: behind that nobody is answered any more.
  Flush();
  // Whoever told it is not called from within.
  setup_.loop->Post([this] { CheckHeld(); });
}

void Shard::StopStranded() {
  for (const auto& [number, slot] : slots_)
    if (slot->core && setup_.lost && setup_.lost(number) && !std::exchange(slot->told_to_stop, true)) Post(number, StopRequested{});
}

/// What it did not write yet waits for a part of the store that is away.
bool Shard::IsStranded(const Slot& slot) const {
  return setup_.lost && setup_.lost(slot.number) && slot.usage.in_flight == 0;
}

void Shard::Held(bool* what) {
  *what = true;
  CheckHeld();
}

void Shard::CheckHeld() {
  auto all = [&](const auto& has_ended) {
    return std::all_of(slots_.begin(), slots_.end(),
                       [&](const auto& each) { return each.second->core ? has_ended(*each.second) : !each.second->opening; });
  };
  if (holding_ && !quiet_ && all([](const Slot& slot) { return slot.quiet; })) {
    quiet_ = true;
    setup_.quiet();
  }
  if (stopping_ && !drained_ && all([this](const Slot& slot) { return slot.drained || IsStranded(slot); })) {
    drained_ = true;
    setup_.drained();
  }
}

void Shard::Close() {
  {
    std::unique_lock<std::mutex> lock(aside_->mutex);
    aside_->closed = true;
    aside_->ended.wait(lock, [&] { return aside_->under_way == 0; });
  }
  // Who holds it beside the slot lives longer than the store.
  for (const auto& [number, slot] : slots_)
    if (slot->opening) slot->opening->result.reset();
  slots_.clear();
  default_ = nullptr;
}

}  // namespace notifyd
