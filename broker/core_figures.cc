// What is asked of a namespace's figures. See core_history.h.
#include <algorithm>
#include <tuple>
#include <utility>

#include "broker/core_history.h"
#include "broker/core_schedules.h"
#include "broker/core_services.h"
#include "broker/core_topics.h"

namespace notifyd {
Handled Core::Impl::Handle(Task* task, FiguresRequest& r) {
  return history_->Handle(task, r);
}

Handled Core::Impl::HistoryPart::Handle(Task* task, FiguresRequest& r) {
  return std::visit([&](const auto& ask) { return Do(task, r.request, ask); }, r.ask->what);
}

Handled Core::Impl::HistoryPart::Answer(RequestId request, FiguresAnswer answer) {
  return core_.ReplyNow(request, FiguresAnswered{std::make_shared<const FiguresAnswer>(std::move(answer))});
}

// ---- now

StatsView Core::Impl::HistoryPart::Stats() const {
  StatsView view{States()};
  view.totals = core_.totals_;
  view.loaded_notifies = core_.entries_.size();
  view.lanes = core_.lanes_.size();
  view.hosts = core_.hosts_.size();
  view.spec_bytes = core_.spec_bytes_;
  view.parked = core_.parked_.size();
  view.in_flight = core_.turns_.in_flight();
  view.hosts_at_cap = core_.turns_.BlockedTargets();
  view.callers_at_cap = core_.turns_.WaitingCallers();
  view.open_breakers = core_.breakers_.open + core_.services_->open_breakers();
  view.breaker_opened = core_.breakers_.opened + core_.services_->breakers_opened();
  view.topics = std::make_shared<const TopicFigures>(core_.topics_->figures());
  return view;
}

PendingByState Core::Impl::HistoryPart::States() const {
  return PendingByStateOf(core_.totals_.by_index, core_.books_.promoted(), core_.pending_sending_);
}

GaugeValues Core::Impl::HistoryPart::Gauges() const {
  const PendingByState states = States();
  GaugeValues gauges;
  gauges.held = states.held;
  gauges.scheduled = states.scheduled;
  gauges.ready = states.ready;
  gauges.sending = states.sending;
  gauges.retrying = states.retrying;
  gauges.in_flight = core_.turns_.in_flight();
  return gauges;
}

std::optional<int64_t> Core::Impl::HistoryPart::OldestDueMs() const {
  std::optional<int64_t> oldest;
  const Now& now = core_.now_;
  auto look = [&](const Entry& entry) {
    const NotifyState& state = entry.state;
    const int64_t ms = state.phase == Phase::kRetrying ? now.mono.ms - state.retry_at.ms : now.wall.ms - state.due.ms;
    oldest = std::max({oldest.value_or(0), ms, int64_t{0}});
  };
  for (const auto& [key, lane] : core_.lanes_) {
    if (lane->paused()) continue;
    if (lane->head && lane->head->place == Place::kHead) look(*lane->head);
    // Of each priority the first: behind it they are due later.
    for (auto at = lane->queue.begin(); at != lane->queue.end();) {
      look(*at->second);
      at = at->first.rank == UINT8_MAX ? lane->queue.end() : lane->queue.lower_bound({static_cast<uint8_t>(at->first.rank + 1), {INT64_MIN}, {}});
    }
  }
  return oldest;
}

std::shared_ptr<const HostFigures> Core::Impl::HistoryPart::FiguresOfHost(const std::string& host) const {
  const Destination* known = hosts_.Find(host);
  return known ? std::make_shared<const HostFigures>(known->Figures(core_.now_.mono)) : nullptr;
}

std::shared_ptr<const HostFigures> Core::Impl::HistoryPart::FiguresOfInstance(const std::string& service, const std::string& id) const {
  const Destination* known = instances_.Find("service://" + service + '/' + id);
  return known ? std::make_shared<const HostFigures>(known->Figures(core_.now_.mono)) : nullptr;
}

/// `failing`: how many of all of them fail, or have an open breaker.
std::vector<HostNow> Core::Impl::HistoryPart::HostsNow(size_t most, uint64_t* failing) const {
  std::map<std::string, HostNow> known;
  std::set<std::string_view> fail;
  for (const Destination& host : hosts_.all()) {
    HostNow& now = known[host.name()];
    now.figures = host.Figures(core_.now_.mono);
    now.accepted = host.Sums(core_.now_.mono);
    now.day_before_ms = CountedOfDayBefore(host.known_since(), core_.now_.mono);
    if (host.fails()) fail.insert(host.name());
  }
  for (const auto& [time, host] : core_.breakers_.by_time)
    if (host->breaker.is_open()) fail.insert(known.try_emplace(std::string(ServicePart::ShownName(host->name))).first->first);
  *failing = fail.size();
  for (const auto& [name, settings] : core_.switches_.all->hosts)
    if (settings.paused) known[name];
  std::vector<HostNow> hosts;
  for (auto& [name, host] : known) {
    host.host = name;
    hosts.push_back(std::move(host));
  }
  auto place = [](const HostNow& host) {
    const int64_t since = host.figures.failing_since.value_or(kWallNever).ms;
    return std::tuple(-static_cast<int64_t>(host.figures.failed), since, -static_cast<int64_t>(host.figures.attempts), std::string_view(host.host));
  };
  std::sort(hosts.begin(), hosts.end(), [&](const HostNow& a, const HostNow& b) { return place(a) < place(b); });
  if (hosts.size() > most) hosts.resize(most);
  for (HostNow& host : hosts) {
    const HostView view = core_.ViewOfHost(host.host);
    host.in_flight = view.in_flight;
    host.paused = view.effective.paused;
    host.breaker = view.breaker;
    host.open_since = view.open_since;
  }
  return hosts;
}

std::vector<LaneNow> Core::Impl::HistoryPart::LanesNow() const {
  std::vector<LaneNow> lanes;
  for (const auto& [key, lane] : core_.lanes_) {
    if (!lane->known || (!lane->paused() && !lane->HoldsNotifies())) continue;
    LaneNow now{key, lane->limits.paused, lane->in_flight, lane->queue.size(), {}};
    if (const Entry* head = core_.NextOf(*lane)) now.head_age_ms = std::max<int64_t>(0, core_.now_.wall.ms - head->state.due.ms);
    lanes.push_back(std::move(now));
  }
  auto place = [](const LaneNow& lane) { return std::tuple(lane.paused == Paused::kNo, -lane.head_age_ms.value_or(-1), lane.lane); };
  std::sort(lanes.begin(), lanes.end(), [&](const LaneNow& a, const LaneNow& b) { return place(a) < place(b); });
  if (lanes.size() > kMostLanesNow) lanes.resize(kMostLanesNow);
  return lanes;
}

Handled Core::Impl::HistoryPart::Do(Task* task, RequestId request, const NowAsk& ask) {
  if (!core_.NeedSwitches(task)) return Handled::kParked;
  auto now = std::make_shared<FiguresNow>();
  now->at = core_.now_.wall;
  now->stats = Stats();
  now->five_seconds = seconds_.Sum(core_.now_.mono, 1, 6);
  now->minute = seconds_.Sum(core_.now_.mono, 1, 61);
  now->oldest_due_age_ms = OldestDueMs();
  SpanCounts late = minute_;
  late += last_minute_;
  now->lateness_p99_ms = late.latenesses.AtPerMille(990);
  now->attempt_p50_ms = late.durations.AtPerMille(500);
  now->attempt_p99_ms = late.durations.AtPerMille(990);
  now->max_pending = core_.limits_.max_pending;
  now->stored_bytes = core_.stored_.bytes;
  now->max_stored_bytes = core_.limits_.max_stored_bytes;
  now->schedules_missed = core_.schedules_->missed();
  now->skipped = now->stats.topics->skipped;
  now->hosts = HostsNow(ask.hosts, &now->failing_hosts);
  if (ask.lanes) now->lanes = LanesNow();
  if (ask.callers) now->callers = core_.figures_.List(core_.now_.mono, kDueDayMs);
  now->day_before_ms = CountedOfDayBefore(core_.figures_.since(), core_.now_.mono);
  return Answer(request, {std::move(now)});
}

// ---- history

Handled Core::Impl::HistoryPart::Do(Task*, RequestId, const ProcessReport& report) {
  if (core_.draining_ || core_.closed_) return Handled::kDone;
  const std::string value = EncodeProcess(report.values);
  if (unsaved_.empty()) save_at_ = {minute_begin_ + 2 * MillisOf(HistoryStep::kMinute)};
  Put(HistoryStep::kMinute, HistoryOf::kProcess, minute_begin_, value);
  Put(HistoryStep::kQuarter, HistoryOf::kProcess, quarter_begin_, value);
  return Handled::kDone;
}

Handled Core::Impl::HistoryPart::Do(Task*, RequestId request, const HistoryAsk& ask) {
  auto reading = std::make_shared<Reading>();
  reading->view.asked = ask;
  // What is not stored by now, and what is stored of it, as it goes on.
  for (auto at = unsaved_.lower_bound(HistoryKey(ask.step, ask.of, ask.from.ms)); at != unsaved_.end(); ++at) {
    if (at->first >= HistoryKey(ask.step, ask.of, ask.to.ms)) break;
    reading->taken.insert(at->first);
    if (!IsOpen(ask, at->first)) AddTo(&reading->own, ask, ParseHistoryKey(at->first)->begin_ms, at->second.value);
  }
  AddOpen(reading.get());
  ReadHistory(request, std::move(reading), HistoryKey(ask.step, ask.of, ask.from.ms));
  return Handled::kDone;
}

bool Core::Impl::HistoryPart::IsOpen(const HistoryAsk& ask, const std::string& key) const {
  const int64_t begin_ms = ask.step == HistoryStep::kMinute ? minute_begin_ : quarter_begin_;
  return ask.of != HistoryOf::kProcess && key == HistoryKey(ask.step, ask.of, begin_ms, life_);
}

/// Adds what is open of what was asked for, where something is.
void Core::Impl::HistoryPart::AddOpen(Reading* reading) const {
  const HistoryAsk& ask = reading->view.asked;
  const bool minutes = ask.step == HistoryStep::kMinute;
  const int64_t begin_ms = minutes ? minute_begin_ : quarter_begin_;
  const OpenCounts* host = ask.of == HistoryOf::kHosts ? hosts_.FindOpen(ask.host) : nullptr;
  if (begin_ms < ask.from.ms || begin_ms >= ask.to.ms || (ask.of != HistoryOf::kNamespace && !host)) return;
  SpanCounts counts = host ? host->minute : minute_;
  if (!minutes) counts += host ? host->quarter : quarter_;
  if (counts.IsZero()) return;
  reading->taken.insert(HistoryKey(ask.step, ask.of, begin_ms, life_));
  HistoryPoint& point = reading->own[begin_ms];
  point.counts += counts;
  if (host) return;
  point.gauges = Gauges();
  point.gauges->oldest_due_ms = OldestDueMs();
}

/// Adds what was stored of a span. What does not read is left out: figures are no reason to stop.
void Core::Impl::HistoryPart::AddTo(HistoryPoints* points, const HistoryAsk& ask, int64_t begin_ms, std::string_view value) {
  if (ask.of == HistoryOf::kHosts) {
    if (std::optional<SpanCounts> counts = DecodeHost(value, ask.host); counts && !counts->IsZero()) (*points)[begin_ms].counts += *counts;
  } else if (ask.of == HistoryOf::kProcess) {
    if (std::optional<ProcessValues> values = DecodeProcess(value)) (*points)[begin_ms].process = values;
  } else if (std::optional<NamespaceSpan> span = DecodeSpan(value)) {
    (*points)[begin_ms].counts += span->counts;
    (*points)[begin_ms].gauges = span->gauges;
  }
}

void Core::Impl::HistoryPart::ReadHistory(RequestId request, std::shared_ptr<Reading> reading, std::string from) {
  const HistoryAsk& ask = reading->view.asked;
  RecordsPage page{RecordKind::kHistory, std::move(from), HistoryKey(ask.step, ask.of, ask.to.ms), false};
  core_.AskRecords(std::move(page), core_.limits_.page_items, [this, request, reading](std::vector<RecordRow>& rows, bool more) {
    HistoryView& view = reading->view;
    for (const RecordRow& row : rows)
      if (const auto place = ParseHistoryKey(row.key); place && !reading->taken.contains(row.key))
        AddTo(&view.points, view.asked, place->begin_ms, row.record.value);
    if (more) return ReadHistory(request, reading, rows.back().key + '\0');
    for (const auto& [begin_ms, own] : reading->own) {
      HistoryPoint& point = view.points[begin_ms];
      point.counts += own.counts;
      if (own.gauges) point.gauges = own.gauges;
      if (own.process) point.process = own.process;
    }
    view.asked.of == HistoryOf::kNamespace ? ReadBefore(request, reading) : AnswerHistory(request, reading.get());
  });
}

/// Looks for the last point before what was asked for.
void Core::Impl::HistoryPart::ReadBefore(RequestId request, std::shared_ptr<Reading> reading) {
  const HistoryAsk& ask = reading->view.asked;
  RecordsPage page{RecordKind::kHistory, HistoryKey(ask.step, ask.of, INT64_MIN), HistoryKey(ask.step, ask.of, ask.from.ms), true};
  core_.AskRecords(std::move(page), 1, [this, request, reading](std::vector<RecordRow>& rows, bool) {
    const std::optional<NamespaceSpan> last = rows.empty() ? std::nullopt : DecodeSpan(rows[0].record.value);
    if (last) reading->view.before = last->gauges;
    AnswerHistory(request, reading.get());
  });
}

void Core::Impl::HistoryPart::AnswerHistory(RequestId request, Reading* reading) {
  Answer(request, {std::move(reading->view)});
}

// ---- what falls due

Handled Core::Impl::HistoryPart::Do(Task* task, RequestId request, const DueAsk& ask) {
  auto view = std::make_shared<DueView>();
  if (core_.totals_.records[RecordKind::kDueCount] > 0) {
    const RecordSlot* slot = core_.NeedRecord(task, RecordKind::kDueCount, kDueSinceKey);
    if (!slot) return Handled::kParked;
    const int64_t since_ms = slot->record ? DecodeCount(slot->record->value).value_or(0) : 0;
    if (since_ms != 0) view->since = WallTime{since_ms};
  } else if (found_uncounted_) {
    view->since = core_.now_.wall;
  }
  view->asked = ask;
  view->at = core_.now_.wall;
  ReadDue(request, std::move(view), DueMinuteKey(ask.from.ms), /*days=*/false);
  return Handled::kDone;
}

/// Reads minutes until the end of the day in which what was asked for ends, then whole days.
void Core::Impl::HistoryPart::ReadDue(RequestId request, std::shared_ptr<DueView> view, std::string from, bool days) {
  const int64_t rest = BeginOf(kDueDayMs, {view->asked.to.ms + kDueDayMs - 1});  // the first day of which nothing was asked for
  RecordsPage page{RecordKind::kDueCount, std::move(from), days ? DueDayKey(INT64_MAX) : DueMinuteKey(rest), false};
  core_.AskRecords(std::move(page), core_.limits_.page_items, [this, request, view, rest, days](std::vector<RecordRow>& rows, bool more) {
    for (const RecordRow& row : rows) {
      const std::optional<int64_t> minute = days ? std::nullopt : ParseDueMinuteKey(row.key);
      const int64_t count = DecodeCount(row.record.value).value_or(0);
      if (count <= 0) continue;
      if (minute && *minute < view->asked.to.ms) view->minutes[*minute] = static_cast<uint64_t>(count);
      else view->later += static_cast<uint64_t>(count);
    }
    if (more) return ReadDue(request, view, rows.back().key + '\0', days);
    if (!days) return ReadDue(request, view, DueDayKey(rest), /*days=*/true);
    Answer(request, {std::move(*view)});
  });
}

}  // namespace notifyd
