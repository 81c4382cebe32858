#include "cli/daemon/alert_sampler.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/clocks.h"
#include "broker/access_table.h"
#include "broker/alert_readings.h"

namespace notifyd {
namespace {

/// What is older says nothing any more.
constexpr int64_t kFreshMs = 10'000;
constexpr int64_t kLanesEachMs = 5'000, kForgetAskedMs = 60'000, kOpenMostMs = 60'000;
constexpr size_t kMostHosts = 256, kLanesAPage = 1'000, kMostLanes = 10'000, kMostBreakers = 4'000, kMostJudging = 5, kMostWaking = 4;
/// Of a day before with fewer, or of which less is known, no ratio is taken.
constexpr uint64_t kLeastDayBefore = 24;
constexpr int64_t kLeastDayBeforeMs = 3'600'000;

bool AsksNow(AlertWhen when) {
  return when == AlertWhen::kOldestDueAge || when == AlertWhen::kLatenessP99 || when == AlertWhen::kRate || when == AlertWhen::kRateRatio ||
         when == AlertWhen::kBreakerOpen;
}
bool AsksPaused(AlertWhen when) {
  return when == AlertWhen::kLanePaused;
}
bool AsksLanes(AlertWhen when) {
  return when == AlertWhen::kOldestDueAge || when == AlertWhen::kPending;
}

/// No connection to the host comes about. Where the breaker ramps one has.
bool IsUnreached(Breaker::State breaker) {
  return breaker == Breaker::State::kOpen || breaker == Breaker::State::kProbing;
}
/// Was it answered by the host, whatever it was?
bool IsReached(const HostNow& host) {
  const HostFigures& figures = host.figures;
  return host.breaker == Breaker::State::kRamp || figures.attempts > figures.failed || figures.last_error.starts_with("status ");
}

bool KnowsDayBefore(int64_t day_before_ms) {
  return day_before_ms >= kLeastDayBeforeMs;
}

/// The hour against an hour of the day before, as far as that is known: where all began a day ago there is but an hour of it, which is not that of a
/// day; and of who made room for others, and came back, what came in between is not among it.
template <class Counts>
AlertRate RateOf(std::string name, const Counts& minute, uint64_t hour, uint64_t day_before, int64_t day_before_ms) {
  constexpr double kHourMs = 3'600'000;
  AlertRate rate{std::move(name), static_cast<double>(minute) / 60, std::nullopt};
  if (day_before >= kLeastDayBefore && KnowsDayBefore(day_before_ms))
    rate.ratio = static_cast<double>(hour) * static_cast<double>(day_before_ms) / kHourMs / static_cast<double>(day_before);
  return rate;
}

}  // namespace

AlertSampler::AlertSampler(Setup setup)
    : setup_(std::move(setup)),
      began_at_(ReadClockMs(CLOCK_BOOTTIME)),
      settings_(std::make_shared<const AlertSettings>()),
      meter_(setup_.wall()),
      judges_(setup_.places == nullptr) {}

void AlertSampler::SetSettings(std::shared_ptr<const AlertSettings> settings, uint64_t max_pending) {
  const bool had = !settings_->rules.empty();
  settings_ = std::move(settings);
  max_pending_ = max_pending;
  alerts_ = settings_->rules.size();
  wants_ = {};
  for (const AlertRule& rule : settings_->rules) {
    wants_.now = wants_.now || AsksNow(rule.when);
    wants_.callers = wants_.callers || ((rule.when == AlertWhen::kRate || rule.when == AlertWhen::kRateRatio) && rule.hosts.empty());
    wants_.breakers = wants_.breakers || rule.when == AlertWhen::kBreakerOpen;
    wants_.paused = wants_.paused || AsksPaused(rule.when);
    if (!AsksLanes(rule.when)) continue;
    for (const std::string& lane : rule.lanes) wants_.lane_prefixes.push_back(lane.substr(0, lane.find('*')));
  }
  std::sort(wants_.lane_prefixes.begin(), wants_.lane_prefixes.end());
  wants_.lane_prefixes.erase(std::unique(wants_.lane_prefixes.begin(), wants_.lane_prefixes.end()), wants_.lane_prefixes.end());
  {
    std::lock_guard lock(mutex_);
    meter_.SetSettings(settings_, setup_.wall());
    // Of lanes it was kept what fires by the rules before.
    for (auto& [space, known] : known_) {
      known.paused = {};
      known.lanes.clear();
    }
    std::erase_if(asked_, [](const auto& each) { return each.second.what == Asked::What::kPaused || each.second.what == Asked::What::kLanes; });
    meters_ = !settings_->rules.empty();
  }
  // One that had alerts and has none any more says so once, so that they are forgotten.
  if (settings_->rules.empty() && !had) return;
  // At once: who reads that the settings were reloaded finds no alert that is judged by the old ones.
  running_ = true;
  Tick();
}

void AlertSampler::SetJudging(bool here) {
  {
    std::lock_guard lock(mutex_);
    judges_ = here;
    reports_.Clear();
  }
  firing_ = missing_ = 0;
  if (!here || settings_->rules.empty()) return;
  running_ = true;
  Tick();
}

bool AlertSampler::Hear(AlertReport report) {
  std::lock_guard lock(mutex_);
  if (judges_) reports_.Take(std::move(report), ReadClockMs(CLOCK_BOOTTIME));
  return judges_;
}

void AlertSampler::TakeAttempt(const std::string& space, const AttemptLog& log) {
  if (!log.attempt || !meters_.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(mutex_);
  ServedSince(space);
  meter_.Take(space, log, setup_.wall());
}

void AlertSampler::TakeFlow(const std::string& space, const FlowLog& log) {
  if (!meters_.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(mutex_);
  meter_.Take(space, log, setup_.wall(), ServedSince(space));
}

/// Since when this one of several brokers serves the namespace, of which it hears something: that may be before NoteServed sees that it came, and
/// counts. Of a broker alone: nothing.
WallTime AlertSampler::ServedSince(const std::string& space) {
  if (!setup_.places) return {};
  const auto [served, came] = served_since_.try_emplace(space, setup_.wall());
  if (came) {
    meter_.Forget({space});
    known_.erase(space);
  }
  return served->second;
}

// ---- once a second

/// By name.
std::vector<AlertSampler::Space> AlertSampler::Spaces() {
  // To sort all of them each second costs more than to keep them.
  if (std::shared_ptr<const AccessTable> table = setup_.tables->Get(); table != rows_of_) {
    rows_ = table->AllNamespaces();
    rows_of_ = std::move(table);
  }
  std::vector<Space> spaces;
  spaces.reserve(rows_.size());
  for (const auto& row : rows_) {
    Space& space = spaces.emplace_back(Space{row, std::nullopt, {}});
    if (setup_.places)
      if (const Place at = setup_.places->Of(row->number); at.kind != Place::Kind::kHere) space.member = at.member;
    if (!space.member) space.board = setup_.board->Figures(row->number);
  }
  return spaces;
}

/// Of a namespace that comes or goes nothing holds any more that was counted of it.
void AlertSampler::NoteServed(const std::vector<Space>& spaces) {
  if (!setup_.places) return;
  std::map<std::string, WallTime> served;
  std::set<std::string> changed;
  for (const Space& space : spaces) {
    if (space.member) continue;
    const auto before = served_since_.find(space.row->name);
    served[space.row->name] = before == served_since_.end() ? setup_.wall() : before->second;
    if (before == served_since_.end()) changed.insert(space.row->name);
  }
  for (const auto& [name, since] : served_since_)
    if (!served.contains(name)) changed.insert(name);
  served_since_ = std::move(served);
  if (changed.empty()) return;
  meter_.Forget(changed);
  for (const std::string& name : changed) known_.erase(name);
}

void AlertSampler::Tick() {
  if (!running_) return;
  const std::vector<Space> spaces = Spaces();
  std::vector<std::string> others;
  if (setup_.places)
    for (const Member& member : setup_.places->Members())
      if (member.name != setup_.member) others.push_back(member.name);
  AlertFigures figures;
  figures.settings = settings_;
  figures.member = setup_.member;
  setup_.add_process(&figures);
  uint64_t token = 0;
  bool judges = false;
  {
    std::lock_guard lock(mutex_);
    NoteServed(spaces);
    ForgetUnanswered();
    for (const auto& [row, member, board] : spaces)
      if (!member && !row->deleting && board.awake) Ask(row->name, row->number, &known_[row->name]);
    AskSleepers(spaces);
    AddSpaces(spaces, &figures);
    meter_.AddTo(&figures, setup_.wall());
    judges = judges_;
    // One that answers nothing any more is not asked more and more.
    if (judges && judging_ < kMostJudging) {
      reports_.AddTo(&figures, others, ReadClockMs(CLOCK_BOOTTIME));
      token = NewToken(Asked::What::kJudge, {});
      ++judging_;
    }
  }
  if (token != 0) Judge(std::move(figures), token);
  else if (!judges && !settings_->rules.empty()) setup_.tell(ReportOf(figures, setup_.wall()));
  running_ = !settings_->rules.empty();
  if (running_) return setup_.loop->SetTimer(kTimerSlot, kEachMs, [this] { Tick(); });
  rows_.clear();
  rows_of_.reset();
}

void AlertSampler::Judge(AlertFigures figures, uint64_t token) {
  AlertRequest judge;
  judge.request = {kThread, token};
  judge.ask = std::make_shared<const AlertAsk>(AlertAsk{std::make_shared<const AlertFigures>(std::move(figures))});
  setup_.switchboard->Post(kSystemNumber, std::move(judge));
}

void AlertSampler::ForgetUnanswered() {
  const Clock now = ReadClockMs(CLOCK_BOOTTIME);
  while (!asked_.empty() && now - asked_.begin()->second.at > kForgetAskedMs) {
    Over(asked_.begin()->second);
    asked_.erase(asked_.begin());
  }
}

/// It was answered, or never will be.
void AlertSampler::Over(const Asked& asked) {
  if (asked.what == Asked::What::kJudge) {
    --judging_;
    return;
  }
  Known& known = known_[asked.space];
  if (asked.what == Asked::What::kNow) known.asking_now = false;
  if (asked.what == Asked::What::kHosts) known.asking_hosts = false;
  if (Lanes* lanes = LanesAsked(asked)) lanes->asking = false;
}

/// Null: it was no lanes that were asked for, or no rule asks for them any more.
AlertSampler::Lanes* AlertSampler::LanesAsked(const Asked& asked) {
  Known& known = known_[asked.space];
  if (asked.what == Asked::What::kPaused) return &known.paused;
  auto found = known.lanes.find(asked.prefix);
  return asked.what == Asked::What::kLanes && found != known.lanes.end() ? &found->second : nullptr;
}

uint64_t AlertSampler::NewToken(Asked::What what, const std::string& space, std::string prefix) {
  asked_[next_token_] = {what, space, std::move(prefix), ReadClockMs(CLOCK_BOOTTIME)};
  return next_token_++;
}

bool AlertSampler::IsWanted(const std::string& space, bool (*about)(AlertWhen when)) const {
  return std::any_of(settings_->rules.begin(), settings_->rules.end(),
                     [&](const AlertRule& rule) { return about(rule.when) && PassesFilter(rule.namespaces, space); });
}

void AlertSampler::Ask(const std::string& space, NamespaceNumber number, Known* known) {
  if (wants_.now && !known->asking_now && IsWanted(space, AsksNow)) {
    known->asking_now = true;
    FiguresRequest ask;
    ask.request = {kThread, NewToken(Asked::What::kNow, space)};
    ask.ask = std::make_shared<const FiguresAsk>(FiguresAsk{NowAsk{kMostHosts, false, wants_.callers}});
    setup_.switchboard->Post(number, std::move(ask));
  }
  if (wants_.paused && IsWanted(space, AsksPaused)) AskLanes(space, number, Asked::What::kPaused, {}, &known->paused);
  if (!IsWanted(space, AsksLanes)) return;
  for (const std::string& prefix : wants_.lane_prefixes) AskLanes(space, number, Asked::What::kLanes, prefix, &known->lanes[prefix]);
}

/// Of lanes of a namespace that sleeps nothing changes. What is paused there is asked once, by which it wakes: of those that have lanes with settings
/// alone, a few at a time.
void AlertSampler::AskSleepers(const std::vector<Space>& spaces) {
  if (!wants_.paused) return;
  size_t may = kMostWaking;
  for (const auto& [row, member, board] : spaces) {
    if (member || row->deleting || board.awake || board.totals.lane_settings == 0 || !IsWanted(row->name, AsksPaused)) continue;
    Lanes* paused = &known_[row->name].paused;
    if (paused->found && !paused->next && !paused->asking) continue;
    AskLanes(row->name, row->number, Asked::What::kPaused, {}, paused);
    if (--may == 0) return;
  }
}

/// Asks for the next page, or begins anew where it is time.
void AlertSampler::AskLanes(const std::string& space, NamespaceNumber number, Asked::What what, const std::string& prefix, Lanes* lanes) {
  const Clock now = ReadClockMs(CLOCK_BOOTTIME);
  // What one page holds costs little more than any answer: it is asked for each time.
  const bool is_soon = lanes->pages > 1 && now - lanes->began_at < kLanesEachMs;
  if (lanes->asking || (!lanes->next && is_soon)) return;
  if (!lanes->next) {
    lanes->began_at = now;
    lanes->pages = 0;
    lanes->gathering.clear();
  }
  lanes->asking = true;
  LanesRequest ask;
  ask.request = {kThread, NewToken(what, space, prefix)};
  ask.query.configured = what == Asked::What::kPaused;
  ask.query.prefix = prefix;
  ask.query.after = lanes->next;
  ask.query.limit = kLanesAPage;
  setup_.switchboard->Post(number, std::move(ask));
}

void AlertSampler::AddSpaces(const std::vector<Space>& spaces, AlertFigures* figures) {
  std::set<std::string_view> here;
  for (const auto& [row, member, board] : spaces) {
    if (!member) here.insert(row->name);
    AlertSpace& space = figures->spaces.emplace_back(member ? AlertSpace{.name = row->name} : SpaceOf(*row, board));
    space.number = row->number;
    space.member = member;
  }
  std::erase_if(known_, [&](const auto& each) { return !here.contains(each.first); });
}

AlertSpace AlertSampler::SpaceOf(const NamespaceRow& row, const NamespaceFigures& figures) {
  AlertSpace space;
  space.name = row.name;
  int64_t age_ms = ReadClockMs(CLOCK_BOOTTIME) - began_at_;
  if (const auto served = served_since_.find(row.name); served != served_since_.end()) {
    space.since = served->second;
    age_ms = std::min(age_ms, setup_.wall().ms - space.since.ms);
  }
  // Of one that was awake when the broker ended nothing is known until its core is there again.
  const bool said = figures.awake || figures.totals.accepted > 0;
  if (!said && age_ms < kOpenMostMs) return space;
  space.pending = figures.totals.pending();
  const NamespaceSettings& settings = row.settings;
  space.quota = settings.max_pending ? "max_pending" : "limits.pending";
  space.quota_percent =
      100 * static_cast<double>(*space.pending) / static_cast<double>(std::max<uint64_t>(1, settings.max_pending.value_or(max_pending_)));
  if (settings.max_stored_bytes) {
    const double stored = 100 * static_cast<double>(figures.stored_bytes) / static_cast<double>(std::max<uint64_t>(1, *settings.max_stored_bytes));
    if (stored > *space.quota_percent) std::tie(space.quota_percent, space.quota) = std::pair(stored, "max_stored_bytes");
  }
  static const Known nothing;
  auto found = known_.find(row.name);
  const Known& known = found == known_.end() ? nothing : found->second;
  // What is known of some lanes alone would say of the others that they are well.
  bool all = true;
  std::vector<AlertLane> lanes;
  const auto add = [&](const Lanes& part) {
    all = all && part.found;
    if (part.found) lanes.insert(lanes.end(), part.found->begin(), part.found->end());
  };
  if (wants_.paused && IsWanted(row.name, AsksPaused)) {
    static const Lanes none_paused{.found = std::vector<AlertLane>(), .gathering = {}, .next = {}};
    // No lane has settings, so that none is paused: that needs no core.
    add(!figures.awake && figures.totals.lane_settings == 0 ? none_paused : known.paused);
  }
  if (IsWanted(row.name, AsksLanes)) {
    static const Lanes unasked;
    for (const std::string& prefix : wants_.lane_prefixes) {
      auto part = known.lanes.find(prefix);
      add(part == known.lanes.end() ? unasked : part->second);
    }
  }
  if (all) space.lanes = std::move(lanes);
  if (!figures.awake) {
    // Nothing of it is due, and nothing is under way: that it sleeps says so. Its lanes stay as they were.
    space.oldest_due_age_ms = space.lateness_p99_ms = 0;
    space.hosts.emplace();
    space.callers.emplace();
    space.host_rates.emplace();
    return space;
  }
  if (!known.now || ReadClockMs(CLOCK_BOOTTIME) - known.now_at > kFreshMs) return space;
  const FiguresNow& now = *known.now;
  space.oldest_due_age_ms = now.oldest_due_age_ms.value_or(0);
  space.lateness_p99_ms = now.lateness_p99_ms.value_or(0);
  space.hosts = known.hosts;
  space.knows_day_before = KnowsDayBefore(now.day_before_ms);
  space.callers.emplace();
  for (const CallerRates& caller : now.callers)
    if (!caller.caller.empty())
      space.callers->push_back(RateOf(caller.caller, caller.minute.accepted, caller.hour.accepted, caller.day_before.accepted, caller.day_before_ms));
  space.host_rates.emplace();
  for (const HostNow& host : now.hosts)
    space.host_rates->push_back(RateOf(host.host, host.accepted.minute, host.accepted.hour, host.accepted.day_before, host.day_before_ms));
  return space;
}

// ---- answers

void AlertSampler::OnReply(Reply reply) {
  std::vector<AlertUnstored> unstored;
  {
    std::lock_guard lock(mutex_);
    auto found = asked_.find(reply.request.token);
    if (found == asked_.end()) return;
    const Asked asked = std::move(found->second);
    asked_.erase(found);
    Over(asked);
    Known* known = asked.space.empty() ? nullptr : &known_[asked.space];
    if (auto* figures = std::get_if<FiguresAnswered>(&reply.body)) {
      if (auto* now = std::get_if<std::shared_ptr<const FiguresNow>>(&figures->answer->what)) TakeNow(known, asked, *now);
    } else if (auto* lanes = std::get_if<LanesListed>(&reply.body)) {
      if (Lanes* asked_for = LanesAsked(asked)) TakeLanes(asked, asked_for, *lanes);
    } else if (auto* hosts = std::get_if<HostsListed>(&reply.body)) {
      TakeHosts(known, asked.space, *hosts);
    } else if (auto* answered = std::get_if<AlertAnswered>(&reply.body)) {
      if (auto* judged = std::get_if<AlertsJudged>(&answered->answer->what)) {
        firing_ = judged->firing;
        missing_ = judged->missing;
        unstored = judged->unstored;
      }
    }
  }
  for (AlertUnstored& each : unstored) setup_.send_unstored(std::move(each));
}

void AlertSampler::TakeNow(Known* known, const Asked& asked, std::shared_ptr<const FiguresNow> now) {
  known->now = std::move(now);
  known->now_at = ReadClockMs(CLOCK_BOOTTIME);
  std::vector<AlertHost> hosts;
  size_t open = 0;
  for (const HostNow& host : known->now->hosts) {
    const bool is_open = IsUnreached(host.breaker);
    open += is_open;
    if (is_open || IsReached(host)) hosts.push_back({host.host, is_open, host.figures.last_error});
  }
  if (!wants_.breakers || open >= known->now->stats.open_breakers || known->now->hosts.size() < kMostHosts) {
    known->hosts = std::move(hosts);
    return;
  }
  // There are more than it names: all are gone through.
  if (known->asking_hosts) return;
  known->gathering.reset();
  TakeHosts(known, asked.space, HostsListed{{}, true});
}

void AlertSampler::TakeHosts(Known* known, const std::string& space, const HostsListed& listed) {
  if (!known->gathering) known->gathering.emplace();
  for (const HostView& host : listed.hosts)
    if (host.breaker != Breaker::State::kClosed) known->gathering->push_back({host.host, IsUnreached(host.breaker), {}});
  const std::shared_ptr<const NamespaceRow> row = setup_.tables->Get()->FindNamespace(space);
  if (!listed.more || known->gathering->size() >= kMostBreakers || !row) {
    known->hosts = std::exchange(known->gathering, std::nullopt);
    return;
  }
  known->asking_hosts = true;
  HostsRequest ask;
  ask.request = {kThread, NewToken(Asked::What::kHosts, space)};
  ask.query.limit = 1'000;
  if (!listed.hosts.empty()) ask.query.after = listed.hosts.back().host;
  setup_.switchboard->Post(row->number, std::move(ask));
}

/// By what it is paused, for the message; empty where it is not.
std::string AlertSampler::PausedText(const LaneView& view) {
  if (view.limits.paused == Paused::kNo) return {};
  const PauseNote none, &note = view.own.pause.note ? *view.own.pause.note : none;
  if (view.limits.paused == Paused::kByFailure)
    return "its head ended without success" + (note.failed.value == 0 ? std::string() : ": " + note.failed.ToString());
  return (note.by.empty() ? "by request" : "by " + note.by) + (note.reason.empty() ? "" : ": " + note.reason);
}

/// Takes a page. Only what some rule fires at is kept, so that a million lanes cost no memory; of what is not among them it is known that it is well.
void AlertSampler::TakeLanes(const Asked& asked, Lanes* lanes, const LanesListed& listed) const {
  bool (*const about)(AlertWhen) = asked.what == Asked::What::kPaused ? AsksPaused : AsksLanes;
  for (const LaneView& view : listed.lanes) {
    AlertLane lane;
    lane.lane = view.lane.name;
    lane.pending = view.held + view.scheduled + view.ready + view.sending + view.retrying;
    lane.oldest_due_age_ms = view.head_age_ms;
    lane.paused = PausedText(view);
    if (lanes->gathering.size() < kMostLanes && Fires(asked.space, lane, about)) lanes->gathering.push_back(std::move(lane));
  }
  ++lanes->pages;
  lanes->next = listed.more ? listed.next : std::nullopt;
  if (!lanes->next) lanes->found = std::exchange(lanes->gathering, {});
}

bool AlertSampler::Fires(const std::string& space, const AlertLane& lane, bool (*about)(AlertWhen when)) const {
  AlertFigures figures;
  AlertSpace& only = figures.spaces.emplace_back();
  only.name = space;
  only.lanes = {lane};
  return std::any_of(settings_->rules.begin(), settings_->rules.end(), [&](const AlertRule& rule) {
    // Of a rule without lanes these kinds are about the namespace, and its figures are none of a lane's.
    if (!about(rule.when) || (about == AsksLanes && rule.lanes.empty())) return false;
    const AlertReadings readings = ReadingsOf(rule, figures, setup_.wall());
    return std::any_of(readings.known.begin(), readings.known.end(), [](const AlertReading& each) { return each.over; });
  });
}

}  // namespace notifyd
