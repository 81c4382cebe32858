#include "broker/core_shedding.h"

#include <algorithm>
#include <utility>

namespace notifyd {
namespace {

/// How many lanes one turn looks at. They are few, so that a turn is short; while there is more to do, turn follows turn.
constexpr size_t kLooksATurn = 256;
/// How long it rests after it has looked at all of them in vain. What holds them up may have changed by then.
constexpr int64_t kRestMs = 100;
/// How long it rests after it has looked at those that wait for their callers' shares, while there are other turns.
constexpr int64_t kLookApartMs = 10;
/// Where so many wait for shares that memory does not know all, all lists are gone through anew, as after a start, so often at most.
constexpr int64_t kAnewMs = 10'000;

}  // namespace

// ---- which lanes

void Core::Impl::Shedding::Follow(Lane* lane) {
  const bool waits = !lane->queue.empty() || lane->has_ready_head();
  if (waits == lane->shedding.has_value()) return;
  if (waits) {
    lane->shedding = lanes_.insert(lanes_.end(), lane);
  } else {
    lanes_.erase(*lane->shedding);
    lane->shedding.reset();
  }
}

void Core::Impl::Shedding::OnStart(Lane* lane) {
  Follow(lane);
  if (lane->shedding) lanes_.splice(lanes_.end(), lanes_, *lane->shedding);
  if (apart_.empty() || !lane->caller || lane->mixed) return;
  const auto apart = apart_.lower_bound({*lane->caller, ""});
  if (apart != apart_.end() && apart->first.first == *lane->caller) ++started_[*lane->caller];
  else started_.erase(*lane->caller);
}

/// Returns what may go of a lane that waits for something that may last: its host, its caller, its caller's share, its token, its head's next
/// attempt, the window, its own calls. What waits for the disk alone goes on by itself, and what waits for a place among all calls goes first once
/// there is one.
Core::Impl::Shedding::Cut Core::Impl::Shedding::CutOf(const Lane& lane) const {
  const Entry* next = core_.NextOf(lane);
  // Somebody wants it sent before all others, or more of it is on its way.
  if (lane.paused() || (next && next->although_paused) || lane.awaiting > 0 || lane.tail_page() || lane.fetching()) return {};
  if (lane.waits()) {
    const bool of_share = lane.flow && core_.turns_.AtShare(*lane.flow->caller, *lane.target);
    return {of_share || core_.turns_.AtShare(*lane.target), 0, true, !of_share, of_share};
  }
  switch (next ? core_.BlockedOn(lane, next).on : lane.in_flight > 0 ? Wait::kCall : Wait::kAttempt) {
    case Wait::kCall:
      // So much of it would be brought back at once, since it does not count as waiting at its host.
      return {true, kQuantum, false, true};
    case Wait::kToken:
      return {core_.RemembersRates(), 0, true, true};
    case Wait::kCaller:
      return {true, 0, true, false};
    case Wait::kAttempt:
    case Wait::kWindow:
      return {true, 0, false, true};
    default:
      return {};
  }
}

// ---- what goes

/// Returns how much more is in memory than three quarters, in notifies. What only a page under way keeps (I5) goes by itself.
size_t Core::Impl::Shedding::Excess() const {
  const size_t stays = core_.LoadedWeight() - std::min(core_.LoadedWeight(), core_.graveyard_.size());
  const size_t most = core_.limits_.max_loaded / 4 * 3;
  return stays > most ? stays - most : 0;
}

void Core::Impl::Shedding::MoveToHost(Lane* lane, const std::string& host) {
  if (!lane->record.listed || lane->record.sleeper_host == host || host.empty()) return;
  core_.Delist(lane);
  lane->record.sleeper_host = host;
  core_.Enlist(lane);
}

/// Moves up to so many notifies of the lane to its tail, those that come last first, its attempted head last of all. Returns how many.
size_t Core::Impl::Shedding::Shed(Lane* lane, size_t most) {
  const Cut cut = CutOf(*lane);
  if (!cut.any) return 0;
  const Kept kept(&core_, lane);
  const auto weight_of = [](const Entry& entry) { return 1 + entry.envelope_bytes / kBytesALoaded; };
  const Entry* next = core_.NextOf(*lane);
  const std::string host = next ? next->host->name : "", caller = cut.of_share ? lane->flow->caller->name : "";
  size_t shed = 0;
  while (shed < most && lane->queue.size() > cut.keeps) {
    Entry* last = lane->queue.rbegin()->second;
    shed += weight_of(*last);
    core_.Dequeue(last);
    last->place = Place::kIdle;
    core_.Spill(lane, last);
  }
  if (shed < most && lane->queue.empty() && cut.head && lane->has_ready_head()) {
    Entry* head = lane->head;
    shed += weight_of(*head);
    core_.Unplace(head);
    core_.ShelveHead(lane, head);
  }
  if (shed == 0) return 0;
  // A new front, or what is left of the lane, waits for its turn as before.
  if (!lane->queue.empty() || lane->has_ready_head()) {
    core_.Kick(lane);
    return shed;
  }
  MoveToHost(lane, host);
  lane->active = false;
  core_.FallAsleep(lane, cut.in_turn);
  if (cut.of_share) Remember(caller, host, lane->record.sleeper_order);
  return shed;
}

/// Who stands still for longest goes first. Sheds as much as one page brings at a time, a notify at least, and never more than it takes: what there
/// is room for is read again.
void Core::Impl::Shedding::Run() {
  LookApart();
  if (!IsFull()) full_since_.reset();
  else if (!full_since_) full_since_ = core_.journal_.Decided();
  // What is being written empties by itself.
  if (!sheds_ && full_since_ && core_.journal_.IsWritten(*full_since_)) {
    sheds_ = true;
    looked_ = 0;
  }
  sheds_ = sheds_ && core_.Pressed();
  if (!sheds_ || !MayRun()) return;
  if (looked_ >= lanes_.size()) {
    if (core_.now_.mono < next_round_) return;
    looked_ = 0;
  }
  size_t left = std::min(Excess(), std::max<size_t>(core_.limits_.page_items, 1));
  bool any = false;
  for (size_t i = 0; i < kLooksATurn && looked_ < lanes_.size() && left > 0; ++i) {
    Lane* lane = lanes_.front();
    lanes_.splice(lanes_.end(), lanes_, lanes_.begin());
    ++looked_;
    const size_t shed = Shed(lane, left);
    if (shed == 0) continue;
    any = true;
    looked_ = 0;
    left -= std::min(left, shed);
  }
  if (any) batch_ = core_.journal_.Decided();
  if (looked_ < lanes_.size()) return;
  next_round_ = {core_.now_.mono.ms + kRestMs};
  sheds_ = IsFull();
}

MonoTime Core::Impl::Shedding::NextLook() const {
  MonoTime next = kMonoNever;
  if (!core_.stopping_ && !core_.holding_ && core_.IsCaughtUp()) {
    if (!apart_.empty()) next = {next_look_.ms + kRestMs - kLookApartMs};
    if (forgets_) next = std::min(next, next_anew_);
  }
  if (!sheds_ || !MayRun() || lanes_.empty() || Excess() == 0) return next;
  return looked_ < lanes_.size() ? core_.now_.mono : std::min(next, next_round_);
}

// ---- what waits for its caller's share

void Core::Impl::Shedding::Remember(const std::string& caller, const std::string& host, uint64_t order) {
  auto [at, fresh] = apart_.try_emplace({caller, host}, order);
  at->second = std::min(at->second, order);
  if (!fresh || apart_.size() <= std::max<size_t>(2 * core_.limits_.max_loaded, 1024)) return;
  apart_.erase(at);
  if (!std::exchange(forgets_, true)) next_anew_ = std::max(next_anew_, core_.now_.mono);
}

bool Core::Impl::Shedding::IsApart(const std::string& caller, const Lane& lane) const {
  const auto at = apart_.find({caller, lane.record.sleeper_host});
  return at != apart_.end() && at->second <= lane.record.sleeper_order;
}

void Core::Impl::Shedding::Trim(Host* host) {
  const size_t most = host->parked - (core_.WaitingAt(*host) - host->ring.size - host->waking);
  // Each caller keeps one as long as others have more.
  for (size_t keeps : {1u, 0u}) {
    std::vector<Lane*> surplus;
    for (const Flow* flow : host->flows) {
      size_t left = flow->nodes.size;
      for (RingNode* node = flow->nodes.back; node && left > keeps && host->parked > most + surplus.size(); node = node->prev, --left)
        surplus.push_back(static_cast<Lane*>(node));
    }
    for (Lane* lane : surplus) Shed(lane, SIZE_MAX);
  }
}

/// Returns how many calls the caller may begin there now beyond what waits in memory for that; of so many that it has begun, one in any case, so that
/// what comes later does not always go first.
size_t Core::Impl::Shedding::PlacesOf(const std::string& caller, const Host& host) {
  const size_t places = core_.turns_.PlacesOf(caller, host);
  if (places > 0) return places;
  const auto started = started_.find(caller);
  if (started == started_.end() || started->second < kQuantum) return 0;
  started_.erase(started);
  return 1;
}

/// Where others wait at the host, the caller's lanes get their turns among theirs back. Else so many are read.
void Core::Impl::Shedding::WakeApart(const std::string& caller, Host* host, uint64_t order, size_t most) {
  if (host->page || core_.sleeper_pages_ >= kSleeperPages || host->ring.size + host->waking > 0 || core_.turns_.AtShare(*host) || core_.turns_.full())
    return core_.GiveTurn(host, order);
  pages_[host->name] = caller;
  core_.AskSleepers(host, most, order);
}

/// Wakes lanes of callers that may begin more, where such sleep: as many as those may begin calls, and no more, since each is a read, and goes back
/// to sleep if it comes too late. Looks at some of them at a time, in turn.
void Core::Impl::Shedding::LookApart() {
  if (core_.now_.mono < next_look_ || core_.stopping_ || core_.holding_ || !core_.IsCaughtUp()) return;
  if (forgets_ && core_.now_.mono >= next_anew_) {
    forgets_ = false;
    next_anew_ = {core_.now_.mono.ms + kAnewMs};
    if (core_.totals_.sleeping_lanes > 0) core_.AskPage({0, core_.limits_.page_items, SleeperHostsPage{""}});
  }
  if (apart_.empty()) return started_.clear();
  next_look_ = {core_.now_.mono.ms + kLookApartMs};
  std::map<std::string, size_t> woken;  // by caller
  auto at = apart_.upper_bound(looked_at_);
  for (size_t i = std::min(apart_.size(), kLooksATurn); i > 0; --i) {
    if (at == apart_.end()) at = apart_.begin();
    const auto looked = at++;
    looked_at_ = looked->first;
    const uint64_t order = looked->second;
    const auto& [caller, name] = looked_at_;
    // The resume of one that is paused has all lists gone through anew.
    const bool paused = core_.IsPaused(caller);
    Host* host = core_.GetHost(name);
    const size_t taken = woken[caller], places = paused || host->shut ? 0 : PlacesOf(caller, *host);
    if (paused || places > taken) apart_.erase(looked);
    if (places > taken) {
      const size_t most = std::min({places - taken, core_.HostRoom(), core_.limits_.page_items});
      woken[caller] += most;
      WakeApart(caller, host, order, most);
    }
    core_.MaybeDropHost(host);
  }
}

bool Core::Impl::Shedding::TakePage(const std::string& host, std::optional<uint64_t> next) {
  const auto page = pages_.find(host);
  if (page == pages_.end()) return false;
  if (next) Remember(page->second, host, *next);
  pages_.erase(page);
  return true;
}

bool Core::Impl::Shedding::LooksFor(const std::string& host, uint64_t order) const {
  return forgets_ || std::any_of(apart_.begin(), apart_.end(), [&](const auto& each) { return each.first.second == host && each.second <= order; });
}

// ---- heads that come back

void Core::Impl::Shedding::AskHead(Lane* lane) {
  if (lane->fetching()) return;
  lane->registered.Add(Wait::kAttempt);
  asked_.push_back(lane);
}

void Core::Impl::Shedding::FetchHeads() {
  if (core_.stopping_) return;
  for (Lane* lane : std::exchange(asked_, {})) core_.RunTask(MakeTask(HeadDue{lane->key}));
}

Handled Core::Impl::Handle(Task* task, HeadDue& r) {
  return shedding_->Handle(task, r);
}

/// One of a paused caller stays where it is: the resume of that has all lists gone through anew.
Handled Core::Impl::Shedding::Handle(Task* task, HeadDue& r) {
  Lane* lane = core_.NeedLane(task, r.lane);
  if (!lane || !core_.NeedSwitches(task)) return Handled::kParked;
  const NotifyId blocked = lane->record.blocked_head;
  Entry* head = blocked.value != 0 ? core_.NeedEntry(task, blocked) : nullptr;
  if (task->missing > 0) return Handled::kParked;
  lane->registered.Remove(Wait::kAttempt);
  if (head && head->exists && head->index == Index::kTail && !lane->paused() && !core_.stopping_) {
    lane->head_in_tail = true;
    core_.NoteCaller(lane, *head);
    if (!core_.IsPaused(head->envelope->caller)) core_.FetchHead(head);
  }
  core_.EndWaking(lane);
  return Handled::kDone;
}

void Core::Impl::Shedding::CheckInvariants() const {
  size_t waiting = 0;
  for (const auto& [key, lane] : core_.lanes_) {
    CHECK(lane->shedding.has_value() == (!lane->queue.empty() || lane->has_ready_head()));
    waiting += lane->shedding.has_value();
  }
  CHECK(waiting == lanes_.size());
}

}  // namespace notifyd
