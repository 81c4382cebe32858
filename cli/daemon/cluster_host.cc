#include "cli/daemon/cluster_host.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "base/log.h"

namespace notifyd {
namespace {

/// How often it looks: while something is on its way, once that takes long, and otherwise.
constexpr int64_t kMovingMs = 25, kSlowlyMs = 250, kQuietMs = 500;
constexpr int64_t kMovingMostMs = 60'000;
constexpr int64_t kTellLoadsMs = 10'000;
/// What cannot be taken for another reason than that somebody has it, or the store does not answer, is asked for so often.
constexpr int64_t kTakeAgainMs = 60'000;
/// For so long, about, they are taken in one look, where something is wrong with one of them.
constexpr int64_t kTakeMostMs = 1'000;
/// Looks that requests ask for are so far apart at least; so many may wait for one.
constexpr int64_t kLookAnewMs = 100;
constexpr size_t kMostLooks = 1'000;
constexpr size_t kNumbers = size_t{kMostNumber} + 1;

Place Here(int64_t since) {
  Place place;
  place.since = WallTime{since};
  return place;
}

}  // namespace

struct ClusterHost::View {
  std::unordered_map<NamespaceNumber, Place> places;  // those of others, and those on their way
  Place registry;
  std::vector<Member> members;
  std::vector<ClusterReport::Space> units;
};

ClusterHost::ClusterHost(Setup setup) : setup_(std::move(setup)), here_since_(kNumbers), membership_(setup_.name, setup_.times) {}

ClusterHost::~ClusterHost() {
  Stop();
}

void ClusterHost::Start(std::unique_ptr<ClusterStore> store) {
  store_ = std::move(store);
  looked_at_ = setup_.now();
  learned_at_ms_ = looked_at_.ms;
  thread_ = std::thread([this] { Run(); });
}

void ClusterHost::Quiesce() {
  std::lock_guard lock(mutex_);
  quiet_ = true;
}

void ClusterHost::Stop() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    waiters_.clear();
    looks_.clear();
    askers_.clear();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// ---- what others ask, on any thread

std::shared_ptr<const ClusterHost::View> ClusterHost::view() const {
  std::lock_guard lock(mutex_);
  return view_;
}

Place ClusterHost::Of(NamespaceNumber number) const {
  if (number < kNumbers)
    if (const int64_t since = here_since_[number].load(std::memory_order_acquire); since != kNotHere) return Here(since);
  const std::shared_ptr<const View> now = view();
  if (!now) return {Place::Kind::kMoving, {}, {}};
  if (auto found = now->places.find(number); found != now->places.end()) return found->second;
  // It left, and is not let go of.
  return {Place::Kind::kMoving, store_->IsStranded(number) ? setup_.name : std::string(), {}};
}

Place ClusterHost::OfRegistry() const {
  if (const int64_t since = leads_since_.load(std::memory_order_acquire); since != kNotHere) return Here(since);
  const std::shared_ptr<const View> now = view();
  return now ? now->registry : Place{Place::Kind::kMoving, {}, {}};
}

std::vector<Member> ClusterHost::Members() const {
  const std::shared_ptr<const View> now = view();
  return now ? now->members : std::vector<Member>();
}

void ClusterHost::Await(NamespaceNumber number, int64_t most_ms, std::function<void()> then) {
  {
    std::lock_guard lock(mutex_);
    if (ending_) return;
    waiters_.push_back({number, {setup_.now().ms + most_ms}, std::move(then)});
    kicked_ = true;
  }
  wake_.notify_all();
}

void ClusterHost::LookAnew(std::function<void()> then) {
  {
    std::lock_guard lock(mutex_);
    if (ending_) return;
    if (!leads() && looks_.size() < kMostLooks) {
      looks_.emplace_back(setup_.now(), std::exchange(then, nullptr));
      hurried_ = true;
    }
  }
  // What the leader knows is all there is.
  if (then) return then();
  wake_.notify_all();
}

void ClusterHost::Summon(NamespaceNumber number, Event event) {
  {
    std::lock_guard lock(mutex_);
    summoned_[number].push_back(std::move(event));
    kicked_ = true;
  }
  wake_.notify_all();
}

void ClusterHost::Kick() {
  {
    std::lock_guard lock(mutex_);
    kicked_ = true;
  }
  wake_.notify_all();
}

void ClusterHost::SetDraining(std::string member, bool draining, std::function<void(Status)> then) {
  {
    std::lock_guard lock(mutex_);
    drains_.push_back({std::move(member), draining, std::move(then)});
    kicked_ = true;
  }
  wake_.notify_all();
}

ClusterReport ClusterHost::Report() const {
  ClusterReport report;
  std::lock_guard lock(mutex_);
  if (view_) {
    report.members = view_->members;
    report.namespaces = view_->units;
  }
  report.moves.assign(moves_.begin(), moves_.end());
  return report;
}

ClusterFigures ClusterHost::figures() const {
  ClusterFigures figures;
  for (const Member& member : Members()) {
    ++figures.members;
    if (member.self) figures.served = member.namespaces;
  }
  figures.placed = moves_made_;
  figures.taken = taken_;
  figures.handed_over = handed_over_;
  figures.buried = buried_;
  figures.leads = leads();
  if (const auto unreached = setup_.unreached ? setup_.unreached() : nullptr) figures.unreached = unreached->size();
  figures.looked_ms_ago = setup_.now().ms - looked_at_ms_;
  return figures;
}

// ---- the thread

void ClusterHost::Run() {
  MonoTime next = setup_.now();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      // Woken for a look, it is not there yet: the last one may have been a moment ago.
      do {
        hurried_ = false;
        for (const Waiter& waiter : waiters_) next = std::min(next, waiter.until);
        if (!looks_.empty()) next = std::min(next, MonoTime{looked_at_.ms + kLookAnewMs});
        const int64_t wait_ms = std::clamp<int64_t>(next.ms - setup_.now().ms, 0, kQuietMs);
        wake_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return kicked_ || ending_ || hurried_; });
        if (ending_) return;
      } while (hurried_ && !kicked_ && setup_.now() < next);
      kicked_ = false;
    }
    const MonoTime begun = setup_.now();
    next = Round();
    AnswerLooks(begun);
  }
}

/// Those that were asked for before it was begun.
void ClusterHost::AnswerLooks(MonoTime looked_at) {
  std::vector<std::function<void()>> answered;
  {
    std::lock_guard lock(mutex_);
    const auto later = std::stable_partition(looks_.begin(), looks_.end(), [&](const auto& look) { return look.first > looked_at; });
    for (auto each = later; each != looks_.end(); ++each) answered.push_back(std::move(each->second));
    looks_.erase(later, looks_.end());
  }
  for (const auto& then : answered) then();
}

MonoTime ClusterHost::Round() {
  bool quiet = false;
  std::vector<std::function<void(bool)>> askers;
  {
    std::lock_guard lock(mutex_);
    quiet = quiet_;
    askers.swap(askers_);
  }
  Drain();
  EndLeaves();
  // By what was seen before: it is only taken where it is still so.
  if (!quiet) ReleaseLeft();
  bool looked = Look();
  AnswerAskers(askers, looked);
  if (looked && Bury()) looked = Look();
  if (!looked) {
    GiveUpDeparting();
    AnswerWaiters();
    return {setup_.now().ms + kQuietMs / 2};
  }
  if (!leads() && !yielding_ && registry_ != membership_.image().registry && !LearnRegistry(false)) {
    LoseIfBlind();
    return {setup_.now().ms + kMovingMs};
  }
  learned_at_ms_ = looked_at_.ms;
  if (!quiet) {
    AcquireRegistry();
    AcquireNamespaces(/*told=*/!askers.empty());
    BeginLeaves();
    PlaceAll();
    Yield();
    TellLoads();
    GoOnDeparting();
  }
  TellReach();
  TellClock();
  Show();
  Deliver();
  AnswerWaiters();
  return Next();
}

/// Soon, where something is on its way: whoever has it is to be found, too. Or once a member may be gone.
MonoTime ClusterHost::Next() {
  const MonoTime now = setup_.now();
  const MemberRow* leader = membership_.OwnerOf(kRegistryUnit);
  bool moving = membership_.moving() || !leader || IsLeaving(*leader);
  {
    std::lock_guard lock(mutex_);
    moving = moving || !summoned_.empty() || departure_;
  }
  if (!moving) moving_since_ = now;
  const int64_t pause_ms = !moving ? kQuietMs : now.ms - moving_since_.ms < kMovingMostMs ? kMovingMs : kSlowlyMs;
  // At the very moment at which one may be buried; where that did not come about, again a moment later.
  const MonoTime burial = membership_.NextBurial();
  return {burial > now ? std::min(burial.ms, now.ms + pause_ms) : now.ms + std::min(pause_ms, kMovingMs)};
}

/// Calls `begin` with what it is to call once it is through, and waits for that. False: this ends first.
bool ClusterHost::AwaitDone(const std::function<void(std::function<void()>)>& begin) {
  auto done = std::make_shared<bool>(false);
  begin([this, done] {
    {
      std::lock_guard lock(mutex_);
      *done = true;
    }
    wake_.notify_all();
  });
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return *done || ending_; });
  return *done;
}

/// What was let go of is written, and then no more this member's to write: nobody waits here for that, since who does not look is lost.
void ClusterHost::EndLeaves() {
  std::vector<NamespaceNumber> left, late;
  {
    std::lock_guard lock(mutex_);
    const MonoTime now = setup_.now();
    for (auto& [number, leaving] : leaving_) {
      if (leaving.left) left.push_back(number);
      else if (now >= leaving.cut_at && !std::exchange(leaving.cut, true)) late.push_back(number);
    }
    for (NamespaceNumber number : left) leaving_.erase(number);
  }
  for (NamespaceNumber number : late) setup_.cut(number);
  for (NamespaceNumber number : left) {
    store_->Forget(number);
    membership_.Left(number);
  }
}

bool ClusterHost::Look() {
  TakeHeard();
  const MonoTime asked_at = setup_.now();
  Result<ClusterImage> image = store_->Look();
  const MonoTime now = setup_.now();
  if (!image.ok()) {
    // Once may be a connection that broke; the next look is over another one.
    if (++failed_looks_ > 1) ready_ = false;
    LoseIfBlind();
    return false;
  }
  failed_looks_ = 0;
  membership_.Seen(now, setup_.lease().incarnation, *std::move(image));
  looked_at_ = asked_at;
  looked_at_ms_ = asked_at.ms;
  return true;
}

/// Any thread.
void ClusterHost::LoseIfBlind() {
  {
    std::lock_guard lock(mutex_);
    if (ending_) return;
  }
  const int64_t learned_at_ms = learned_at_ms_;
  if (learned_at_ms != 0 && setup_.now().ms - learned_at_ms >= setup_.times.lease_ms)
    setup_.lost("the store did not say in time what the other members do");
}

/// Whether somebody was: all is to be looked at again.
bool ClusterHost::Bury() {
  bool any = false;
  for (const MemberRow& member : membership_.ToBury(setup_.now())) {
    Result<bool> buried = store_->Bury(member);
    if (!buried.ok() || !*buried) continue;
    ++buried_;
    any = true;
    Log(LogLevel::kWarn, "a member is gone", {{"member", member.name}, {"address", member.address}});
  }
  if (any) TellOthersToLook();
  return any;
}

void ClusterHost::AcquireNamespaces(bool told) {
  std::vector<NamespaceNumber> wanted;
  for (int64_t unit : membership_.ToAcquire()) {
    const auto number = static_cast<NamespaceNumber>(unit);
    if (unit != kRegistryUnit && store_->MayStillWrite(number)) continue;
    const auto untaken = untaken_until_.find(number);
    if (unit != kRegistryUnit && (untaken == untaken_until_.end() || untaken->second <= setup_.now())) wanted.push_back(number);
  }
  if (wanted.empty() || departing()) return;
  std::vector<NamespaceAtStart> states = Acquire(&wanted);
  if (wanted.empty()) return;
  // Nobody else takes anything for them from here on.
  const int64_t since = SinceNow();
  for (NamespaceNumber number : wanted) membership_.Acquired(number);
  taken_ += wanted.size();
  if (!AwaitDone([&](std::function<void()> then) { setup_.gained(std::move(states), std::move(then)); })) return;
  for (NamespaceNumber number : wanted) here_since_[number].store(since, std::memory_order_release);
  Log(LogLevel::kInfo, "namespaces taken", {{"count", wanted.size()}, {"told", told}});
  // Requests wait elsewhere for whoever has them.
  TellOthersToLook();
}

/// Only those that were taken stay in `wanted`. Where something is wrong with what lies there of one, the others are taken all the same. It is found
/// by halves, since each ask waits for a disk; what takes long is left for the next look, once this one came to anything: who does not look is lost.
std::vector<NamespaceAtStart> ClusterHost::Acquire(std::vector<NamespaceNumber>* wanted) {
  struct Part {
    size_t from, to;
    bool first;  // of two halves, of which the other one is the next part
    bool wrong;  // something is in it
  };
  const std::vector<NamespaceNumber> all = std::exchange(*wanted, {});
  const MonoTime begun = setup_.now();
  std::vector<NamespaceAtStart> states;
  std::vector<Status> wrong;
  std::vector<Part> parts = {{0, all.size(), false, false}};  // the next one last
  while (!parts.empty()) {
    if (setup_.now().ms - begun.ms >= kTakeMostMs && (!wanted->empty() || !wrong.empty())) break;
    const Part part = parts.back();
    parts.pop_back();
    const auto from = all.begin() + static_cast<ptrdiff_t>(part.from), to = all.begin() + static_cast<ptrdiff_t>(part.to);
    const bool one = part.to - part.from == 1;
    Result<std::vector<NamespaceAtStart>> taken =
        part.wrong && !one ? Result<std::vector<NamespaceAtStart>>(Status(Code::kCorrupt, {})) : store_->Acquire({from, to});
    if (taken.ok()) {
      states.insert(states.end(), taken->begin(), taken->end());
      wanted->insert(wanted->end(), from, to);
      if (part.first) parts.back().wrong = true;
    } else if (taken.status().code() == Code::kUnavailable) {
      break;
    } else if (one && taken.status().code() != Code::kConflict) {
      untaken_until_[*from] = MonoTime{setup_.now().ms + kTakeAgainMs};
      wrong.push_back(taken.status());
    } else if (taken.status().code() != Code::kConflict) {
      const size_t middle = part.from + (part.to - part.from) / 2;
      parts.push_back({middle, part.to, false, false});
      parts.push_back({part.from, middle, true, false});
    }
  }
  if (!wrong.empty()) Log(LogLevel::kError, "namespaces are not taken", {{"detail", wrong.front().detail()}, {"count", wrong.size()}});
  return states;
}

/// It goes on being served until whoever is to have it has seen that, and looks out for it: it said so, or has renewed its lease since and so must
/// have looked. Who stops does not wait for that.
void ClusterHost::BeginLeaves() {
  const std::vector<int64_t> leaves = membership_.ToLeave([this](int64_t unit) { return store_->IsStranded(static_cast<NamespaceNumber>(unit)); });
  std::map<int64_t, ToLeave> seen;
  std::map<std::string, std::shared_ptr<std::atomic<bool>>> tells;
  for (int64_t unit : leaves) {
    const UnitRow* row = membership_.Find(unit);
    if (auto before = to_leave_.find(unit); before != to_leave_.end() && before->second.to == row->placed) {
      seen[unit] = before->second;
      continue;
    }
    std::shared_ptr<std::atomic<bool>>& told = tells[row->placed];
    if (!told) told = std::make_shared<std::atomic<bool>>(false);
    seen[unit] = {setup_.now(), row->placed, told};
  }
  to_leave_ = std::move(seen);
  for (const auto& [name, told] : tells)
    Tell(membership_.FindAlive(name)->at(), /*look=*/true, /*leaving=*/false, [this, told = told](bool taken) {
      if (!taken) return;
      *told = true;
      Kick();
    });
  for (int64_t unit : leaves) {
    const ToLeave& each = to_leave_[unit];
    const bool looked = *each.told || membership_.RenewedAfter(each.since, each.to);
    if (looked || (departing() && setup_.now().ms - each.since.ms >= kQuietMs)) BeginLeave(static_cast<NamespaceNumber>(unit));
  }
}

void ClusterHost::BeginLeave(NamespaceNumber number) {
  membership_.Leave(number);
  here_since_[number].store(kNotHere, std::memory_order_release);
  {
    std::lock_guard lock(mutex_);
    const MonoTime cut_at{setup_.now().ms + setup_.grace_ms};
    leaving_[number].cut_at = departure_ ? std::min(cut_at, departure_->until) : cut_at;
  }
  setup_.leave(number, [this, number] {
    {
      std::lock_guard lock(mutex_);
      leaving_[number].left = true;
      kicked_ = true;
    }
    wake_.notify_all();
  });
}

void ClusterHost::ReleaseLeft() {
  const std::vector<UnitRow> left = membership_.ToRelease();
  if (left.empty()) return;
  const Result<std::vector<int64_t>> released = store_->Release(left);
  if (!released.ok()) return;
  std::set<std::string> to;
  for (const UnitRow& unit : left) {
    if (std::find(released->begin(), released->end(), unit.unit) == released->end()) continue;
    if (unit.unit == kRegistryUnit) {
      Log(LogLevel::kInfo, "this member leads no more", {{"member", setup_.name}});
      TellOthersToLook();
      continue;
    }
    ++handed_over_;
    to.insert(unit.placed);
    Log(LogLevel::kInfo, "namespace handed over", {{"namespace", unit.unit}, {"to", unit.placed}});
  }
  TellOwnersToBe(to);
}

/// What is served here, by how much it has to do, where that is another magnitude than it was.
void ClusterHost::TellLoads() {
  const MonoTime now = setup_.now();
  if (now.ms - told_at_.ms < kTellLoadsMs) return;
  told_at_ = now;
  std::map<NamespaceNumber, uint64_t> loads, changed;
  for (const UnitRow& unit : membership_.image().units) {
    if (unit.unit == kRegistryUnit || !membership_.Serves(unit.unit)) continue;
    const auto number = static_cast<NamespaceNumber>(unit.unit);
    const uint64_t load = setup_.load(number), before = told_loads_.contains(number) ? told_loads_[number] : unit.load;
    const bool alike = load < before + before / 4 + 1 && before < load + load / 4 + 1;
    loads[number] = alike ? before : load;
    if (loads[number] != unit.load) changed[number] = loads[number];
  }
  if (changed.empty() || store_->TellLoads(changed).ok()) told_loads_ = std::move(loads);
}

void ClusterHost::Drain() {
  std::deque<DrainAsk> drains;
  {
    std::lock_guard lock(mutex_);
    drains.swap(drains_);
  }
  for (const DrainAsk& ask : drains) {
    Result<bool> set = store_->SetDraining(ask.member, ask.draining);
    // Lost on its way it may be set all the same.
    if (!set.ok() && set.status().code() == Code::kUnavailable) ask.then(Status(Code::kOutcomeUnknown, set.status().detail()));
    else if (!set.ok()) ask.then(set.status());
    else ask.then(*set ? Status::Ok() : Status(Code::kNotFound, "there is no such member"));
    if (!set.ok() || !*set) continue;
    TellOthersToLook();
    if (ask.draining) Log(LogLevel::kInfo, "a member drains", {{"member", ask.member}});
    else Log(LogLevel::kInfo, "a member drains no more", {{"member", ask.member}});
  }
}

void ClusterHost::Show() {
  auto shown = std::make_shared<View>();
  const ClusterImage& image = membership_.image();
  const MonoTime now = setup_.now();
  std::map<std::string, uint64_t> counts;
  const MemberRow* leader = membership_.OwnerOf(kRegistryUnit);
  for (const UnitRow& unit : image.units) {
    if (unit.unit == kRegistryUnit) continue;
    const auto number = static_cast<NamespaceNumber>(unit.unit);
    const MemberRow* owner = membership_.OwnerOf(unit);
    shown->units.push_back({number, owner ? owner->name : "", unit.placed, unit.epoch, unit.load});
    if (owner) ++counts[owner->name];
    if (owner && owner->name != setup_.name) shown->places[number] = Place::There(owner->at());
  }
  const bool there = leader && leader->name != setup_.name;
  shown->registry = there ? Place::There(leader->at()) : Place{Place::Kind::kMoving, {}, {}};
  std::map<std::string, Reach> reaches;
  for (const MemberRow& row : image.members) reaches[row.name] = row.reach;
  const std::set<std::string> cut_off = FindCutOff(reaches, leader ? leader->name : std::string());
  for (const MemberRow& row : image.members) {
    Member member;
    member.name = row.name;
    member.address = row.address;
    member.incarnation = row.word.incarnation;
    member.self = row.name == setup_.name;
    member.leading = leader && leader->name == row.name;
    member.draining = row.draining;
    member.heartbeat_age_ms = membership_.AgeMs(now, row.name);
    member.alive = member.heartbeat_age_ms < setup_.times.lease_ms;
    member.namespaces = counts[row.name];
    member.version = row.version;
    member.cells = row.cells;
    member.clock_ahead_ms = row.clock_ahead_ms;
    member.cut_off = cut_off.contains(row.name);
    for (const auto& [name, reach] : reaches)
      if (reach.unreached.contains(row.name)) member.unreached_by.push_back(name);
    shown->members.push_back(std::move(member));
  }
  const std::vector<Member> members = shown->members;
  bool changed = false;
  {
    std::lock_guard lock(mutex_);
    const auto same = [](const Member& a, const Member& b) { return a.at() == b.at(); };
    changed = !view_ || !std::equal(members.begin(), members.end(), view_->members.begin(), view_->members.end(), same);
    view_ = std::move(shown);
  }
  ready_ = registry_.has_value();
  if (changed) setup_.members_changed(members);
}

void ClusterHost::AnswerWaiters() {
  const MonoTime now = setup_.now();
  std::vector<Waiter> waiters;
  {
    std::lock_guard lock(mutex_);
    waiters.swap(waiters_);
  }
  std::vector<Waiter> left;
  for (Waiter& waiter : waiters) {
    if (now >= waiter.until || Of(waiter.number).kind != Place::Kind::kMoving) waiter.then();
    else left.push_back(std::move(waiter));
  }
  std::lock_guard lock(mutex_);
  if (!ending_) std::move(left.begin(), left.end(), std::back_inserter(waiters_));
}

/// What the registry had to say to cores that are here by now.
void ClusterHost::Deliver() {
  std::vector<std::pair<NamespaceNumber, Event>> events;
  {
    std::lock_guard lock(mutex_);
    for (auto each = summoned_.begin(); each != summoned_.end();) {
      if (!Serves(each->first)) {
        ++each;
        continue;
      }
      for (Event& event : each->second) events.emplace_back(each->first, std::move(event));
      each = summoned_.erase(each);
    }
  }
  for (auto& [number, event] : events) setup_.post(number, std::move(event));
}

}  // namespace notifyd
