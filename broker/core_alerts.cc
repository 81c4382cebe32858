// See core_alerts.h.
#include "broker/core_alerts.h"

#include <algorithm>
#include <utility>

#include "broker/spec.h"

namespace notifyd {
namespace {

constexpr const char *kCaller = "alerts", *kNoSuchAlert = "the file has no such alert";
constexpr size_t kMostLabelBytes = 256;

/// A receiver that is down is tried for as long as the message lives, and soon hears of it once it is back.
const std::shared_ptr<const RetryPolicy>& Retry() {
  static const auto policy = [] {
    auto made = std::make_shared<RetryPolicy>();
    made->max_attempts = UINT32_MAX;
    made->max_ms = 60'000;
    return std::shared_ptr<const RetryPolicy>(std::move(made));
  }();
  return policy;
}

void AddUndelivered(AlertState* state, NotifyId id) {
  if (state->undelivered.size() >= kMostUndelivered) state->undelivered.erase(state->undelivered.begin());
  state->undelivered.push_back(id);
}

std::string NamesOf(const std::vector<AlertNews>& news) {
  std::string names;
  for (const AlertNews& each : news) {
    if (names.size() + each.rule->name.size() + 1 > kMostLabelBytes) break;
    names += (names.empty() ? "" : ",") + each.rule->name;
  }
  return names;
}

}  // namespace

Handled Core::Impl::Handle(Task* task, AlertRequest& r) {
  return alerts_->Handle(task, r);
}

Handled Core::Impl::AlertPart::Handle(Task*, AlertRequest& r) {
  if (const auto* figures = std::get_if<Figures>(&r.ask->what)) {
    settings_ = (*figures)->settings;
    if (core_.closed_ || core_.stopping_) return Judged(r.request);
  } else if (!settings_) {
    // The file has none.
    if (!std::holds_alternative<AlertList>(r.ask->what)) return core_.Refuse(r.request, Code::kNotFound, kNoSuchAlert);
    return Do(r.request, AlertList());
  }
  if (!loaded_) {
    waiting_.push_back(r);
    if (!std::exchange(loading_, true)) Load({});
    return Handled::kDone;
  }
  return std::visit([&](const auto& ask) { return Do(r.request, ask); }, r.ask->what);
}

// ---- what the store has

void Core::Impl::AlertPart::Load(std::string from) {
  core_.AskRecords({RecordKind::kAlert, std::move(from), "", false}, kPageRows,
                   [this](std::vector<RecordRow>& rows, bool more) { OnRows(rows, more); });
}

void Core::Impl::AlertPart::OnRows(std::vector<RecordRow>& rows, bool more) {
  for (const RecordRow& row : rows) {
    Result<AlertState> state = DecodeAlertState(row.record.value);
    if (!state.ok()) return core_.Fatal(std::move(state).status());
    states_[row.key] = *std::move(state);
    stored_[row.key] = true;
  }
  if (more) return Load(rows.back().key + '\0');
  loaded_ = true;
  for (NotifyId id : std::exchange(settled_unloaded_, {})) OnSettled(id);
  for (AlertRequest& r : std::exchange(waiting_, {})) std::visit([&](const auto& ask) { Do(r.request, ask); }, r.ask->what);
}

void Core::Impl::AlertPart::WriteState(const std::string& name) {
  const bool fresh = !std::exchange(stored_[name], true);
  core_.WriteRecord(RecordKey{RecordKind::kAlert, name}, EncodeAlertState(states_[name]), kWallNever, fresh);
}

/// An alert that the file has no more says nothing any more, not even that it is over: nobody knows.
void Core::Impl::AlertPart::ForgetRemoved() {
  std::erase_if(states_, [&](const auto& each) {
    if (FindRule(each.first)) return false;
    if (stored_.erase(each.first) > 0) core_.RemoveRecord(RecordKey{RecordKind::kAlert, each.first}, true);
    return true;
  });
}

// ---- figures

const AlertRule* Core::Impl::AlertPart::FindRule(const std::string& name) const {
  for (const AlertRule& rule : settings_->rules)
    if (rule.name == name) return &rule;
  return nullptr;
}

Handled Core::Impl::AlertPart::Do(RequestId request, const Figures& figures) {
  settings_ = figures->settings;
  missing_.clear();
  for (const AlertMember& member : figures->members)
    if (member.missing) missing_.push_back(member.name);
  ForgetRemoved();
  Judge(*figures);
  return Judged(request);
}

Handled Core::Impl::AlertPart::Judged(RequestId request) {
  if (request == RequestId()) return Handled::kDone;
  return core_.ReplyNow(request, AlertAnswered{std::make_shared<const AlertAnswer>(
                                     AlertAnswer{AlertsJudged{Firing(), core_.totals_.pending(), TakeUnstored(), missing_.size()}})});
}

void Core::Impl::AlertPart::Judge(const AlertFigures& figures) {
  std::vector<AlertNews> news;
  std::vector<std::string> changed;
  for (const AlertRule& rule : settings_->rules) {
    AlertState& state = states_[rule.name];
    AlertJudgement judged = JudgeAlert(rule, ReadingsOf(rule, figures, core_.now_.wall), core_.now_.wall, &state);
    if (judged.changed) changed.push_back(rule.name);
    if (!judged.news) continue;
    const AlertNews& said = *judged.news;
    const std::string first = said.firing.empty() ? said.ended.empty() ? "" : CauseText(said.ended[0].cause) : CauseText(said.firing[0].cause);
    core_.out_->flow_logs.push_back({true,
                                     "alert",
                                     {{"alert", rule.name},
                                      {"state", std::string(ToString(said.what))},
                                      {"when", std::string(KindOf(rule.when).word)},
                                      {"causes", std::to_string(said.firing_count)},
                                      {"over", std::to_string(said.ended_count)},
                                      {"first", first}}});
    core_.out_->flow_logs.back().warning = said.what != AlertNews::What::kOver;
    news.push_back(*std::move(judged.news));
  }
  Tell(std::move(news));
  // Behind the messages, whose ids it has: one batch.
  for (const std::string& name : changed) WriteState(name);
  if (!changed.empty()) core_.journal_.AskSync();
}

void Core::Impl::AlertPart::Tell(std::vector<AlertNews> news) {
  std::map<std::string, std::pair<std::shared_ptr<const AlertTarget>, std::vector<AlertNews>>> by_target;
  for (const AlertNews& each : news) {
    for (const auto& target : each.to) {
      auto& [to, about] = by_target[target->id];
      to = target;
      about.push_back(each);
    }
  }
  for (auto& [target_id, message] : by_target) {
    const NotifyId id = Submit(*message.first, {settings_->source, core_.now_.wall, message.second});
    for (const AlertNews& each : message.second) {
      AddUndelivered(&states_[each.rule->name], id);
    }
  }
}

NotifyId Core::Impl::AlertPart::Submit(const AlertTarget& target, const AlertMessage& message) {
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = {Mode::kFifo, target.id};
  envelope->host = target.id;
  envelope->caller = kCaller;
  envelope->retry = Retry();
  envelope->labels = std::make_shared<const Labels>(Labels{{"alert", NamesOf(message.news)}});
  NotifySpec spec;
  spec.url = target.id;
  spec.payload_kind = PayloadKind::kBody;
  spec.payload = AlertBody(target.kind, target.address, message);
  spec.content_type = target.kind == AlertTarget::Kind::kMail ? "text/plain" : "application/json";
  spec.content_type_given = true;
  spec.expect = ExpectationOf(target.kind);
  SubmitItem item;
  item.envelope = std::move(envelope);
  // One that is only said again gives way to the next of its kind, so that a target that is down for days does not hear of all of them.
  int64_t ttl_ms = kMessageTtlMs;
  const auto repeats = [](const AlertNews& each) { return each.what == AlertNews::What::kRepeat; };
  if (std::all_of(message.news.begin(), message.news.end(), repeats))
    for (const AlertNews& each : message.news) ttl_ms = std::min(ttl_ms, each.rule->repeat_ms);
  item.ttl = {When::Kind::kDelay, ttl_ms};
  const auto encoded = std::make_shared<const std::string>(EncodeSpec(spec));
  const Entry* entry = core_.ApplySubmit(item, encoded, nullptr);
  unsynced_.push_back({core_.journal_.open(), core_.now_.mono, false, {entry->id, entry->envelope, encoded}});
  return entry->id;
}

std::vector<AlertUnstored> Core::Impl::AlertPart::TakeUnstored() {
  std::erase_if(unsynced_, [&](const Unsynced& each) { return core_.journal_.IsSynced(each.batch); });
  std::vector<AlertUnstored> taken;
  for (Unsynced& each : unsynced_)
    if (core_.now_.mono.ms - each.since.ms >= kStoreMostMs && !std::exchange(each.said, true)) taken.push_back(each.message);
  return taken;
}

void Core::Impl::AlertPart::OnSettled(NotifyId id) {
  if (!loaded_ && core_.totals_.records[RecordKind::kAlert] > 0) {
    // It may be a message that was on its way when a broker ended, taken before anybody handed in figures.
    settled_unloaded_.push_back(id);
    if (!std::exchange(loading_, true)) Load({});
    return;
  }
  for (auto& [name, state] : states_)
    if (std::erase(state.undelivered, id) > 0) WriteState(name);
}

// ---- requests

Handled Core::Impl::AlertPart::Answer(RequestId request, AlertAnswer answer) {
  return core_.ReplyAfter(core_.journal_.Barrier(), request, AlertAnswered{std::make_shared<const AlertAnswer>(std::move(answer))});
}

uint64_t Core::Impl::AlertPart::Firing() const {
  return static_cast<uint64_t>(std::count_if(states_.begin(), states_.end(), [](const auto& each) { return each.second.firing(); }));
}

AlertView Core::Impl::AlertPart::ViewOf(const AlertRule& rule, size_t most_causes) const {
  AlertView view;
  view.rule = rule;
  auto found = states_.find(rule.name);
  if (found == states_.end()) return view;
  const AlertState& state = found->second;
  if (state.firing()) view.firing_since = state.firing_since;
  view.state = state.firing() ? AlertView::State::kFiring : state.causes.empty() ? AlertView::State::kOk : AlertView::State::kPending;
  if (state.last_message_at != kWallNever) view.last_message_at = state.last_message_at;
  view.last_message = state.last_message;
  view.undelivered = state.undelivered.size();
  for (const auto& [cause, stands] : state.causes) {
    if (state.firing() && (!stands.firing || stands.ended)) continue;
    if (++view.causes_count <= most_causes) view.causes.push_back({cause, stands.since, stands.value, stands.detail});
  }
  view.causes_count += state.unkept;
  return view;
}

Handled Core::Impl::AlertPart::Do(RequestId request, const AlertList&) {
  AlertsListed listed;
  if (settings_)
    for (const AlertRule& rule : settings_->rules) listed.items.push_back(ViewOf(rule, kMostCausesListed));
  std::sort(listed.items.begin(), listed.items.end(), [](const AlertView& a, const AlertView& b) { return a.rule.name < b.rule.name; });
  listed.firing = Firing();
  listed.undelivered = core_.totals_.pending();
  listed.missing = missing_;
  return Answer(request, {std::move(listed)});
}

Handled Core::Impl::AlertPart::Do(RequestId request, const AlertGet& ask) {
  const AlertRule* rule = FindRule(ask.name);
  if (!rule) return core_.Refuse(request, Code::kNotFound, kNoSuchAlert);
  AlertsListed listed;
  listed.only = true;
  listed.items.push_back(ViewOf(*rule, kMostCausesShown));
  return Answer(request, {std::move(listed)});
}

Handled Core::Impl::AlertPart::Do(RequestId request, const AlertTest& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  const AlertRule* rule = FindRule(ask.name);
  if (!rule) return core_.Refuse(request, Code::kNotFound, kNoSuchAlert);
  AlertNews news;
  news.rule = rule;
  news.what = AlertNews::What::kTest;
  AlertTested tested;
  AlertState& state = states_[rule->name];
  for (const auto& target : rule->to) {
    tested.notifies.push_back(Submit(*target, {settings_->source, core_.now_.wall, {news}}));
    AddUndelivered(&state, tested.notifies.back());
  }
  state.last_message = std::string(ToString(news.what));
  state.last_message_at = core_.now_.wall;
  WriteState(rule->name);
  core_.journal_.AskSync();
  return Answer(request, {std::move(tested)});
}

}  // namespace notifyd
