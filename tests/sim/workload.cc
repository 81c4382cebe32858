#include "sim/workload.h"

#include <algorithm>
#include <memory>

#include "broker/payload.h"
#include "broker/spec.h"

namespace notifyd::sim {

uint64_t TokenOf(NotifyId id, const std::string& spec) {
  return ToldAbout(spec).value != 0 ? kCallbackTokens + id.value : TokenOf(spec);
}

uint64_t TokenOf(const NotifyRecord& record) {
  return TokenOf(record.id, *record.spec);
}

NotifyId ToldAbout(const std::string& bytes) {
  Result<NotifySpec> spec = DecodeSpec(bytes);
  if (!spec.ok() || spec->url.find("/cb") == std::string::npos) return {};
  size_t at = spec->payload.find("\"id\":\"");
  if (at == std::string::npos) return {};
  return NotifyId::Parse(spec->payload.substr(at + 6, 17)).value_or(NotifyId{});
}

uint64_t TokenOf(const std::string& bytes) {
  Result<NotifySpec> spec = DecodeSpec(bytes);
  if (!spec.ok()) return 0;
  size_t at = spec->url.rfind("/t");
  return at == std::string::npos ? 0 : std::strtoull(spec->url.c_str() + at + 2, nullptr, 10);
}

std::string TriggerMark(uint64_t n) {
  return "\"mark\":" + std::to_string(n) + "}";
}

Workload::Workload(const Profile& profile, const SimClock* clock)
    : profile_(profile), clock_(clock), random_(profile.seed * 17 + 3), pauses_(profile.seed * 29 + 19), left_(profile.operations) {}

std::vector<Event> Workload::Draw() {
  std::vector<Event> events;
  if (left_ > 0) DrawPauses(&events);
  while (left_ > 0 && next_at_ <= clock_->t()) {
    --left_;
    events.push_back(DrawOne());
    if (!random_.Chance(profile_.burst)) next_at_ += Between(1, std::max<int64_t>(2 * profile_.workload_ms / profile_.operations, 2));
  }
  return events;
}

void Workload::OnReply(const Reply& reply) {
  std::erase(open_, reply.request);
  if (const auto* submitted = std::get_if<Submitted>(&reply.body)) {
    for (const SubmittedItem& item : submitted->items)
      if (item.refused.ok()) ids_.push_back(item.id);
  }
  if (auto trigger = triggers_.extract(reply.request); !trigger.empty()) {
    if (const auto* unmerged = std::get_if<Unmerged>(&reply.body)) {
      NotifySpec merged = *MergeTriggerData(*DecodeSpec(*unmerged->spec), *trigger.mapped().data, profile_.limits.max_body_bytes);
      trigger.mapped().merge = TriggerRequest::Merge{unmerged->spec, std::make_shared<const std::string>(EncodeSpec(merged))};
      merged_.push_back(std::move(trigger.mapped()));
    }
  }
  if (const auto* viewed = std::get_if<Viewed>(&reply.body)) {
    read_.push_back(viewed->view.record);
    if (read_.size() > 10) read_.pop_front();
    if (bases_.size() < 20 && !IsSettled(viewed->view.state) && ToldAbout(*viewed->view.record->spec).value == 0)
      bases_.push_back(viewed->view.record);
  }
}

/// Has a third of cancels and retries stand under what was read: mostly of the notify that they are about, which may be another by now, else of
/// whichever. By the request's number, so that what else is drawn stays as it was.
template <class Act>
Act Workload::UnderCondition(Act act) const {
  const uint64_t number = act.request.token;
  if (read_.empty() || number % 3 != 0) return act;
  act.base = read_[number / 9 % read_.size()];
  if (number / 3 % 3 != 0) act.id = act.base->id;
  return act;
}

/// One with data may have to be asked again.
TriggerRequest Workload::Keep(TriggerRequest trigger) {
  if (trigger.data) triggers_.emplace(trigger.request, trigger);
  return trigger;
}

NotifyId Workload::DrawId() {
  if (ids_.empty() || random_.Chance(0.05)) return NotifyId::Of(profile_.number, 1 + random_.Below(400));
  if (random_.Chance(0.5)) return ids_[ids_.size() - 1 - random_.Below(std::min<size_t>(ids_.size(), 10))];
  return ids_[random_.Below(ids_.size())];
}

When Workload::DrawWhen() {
  int64_t ms = random_.Chance(0.7) ? Between(0, 3'000) : Between(0, 30'000);
  if (random_.Chance(0.02)) ms = Between(60'000, 600'000);
  if (random_.Chance(0.5)) return {When::Kind::kDelay, ms};
  if (random_.Chance(0.3)) ms = -ms;  // in the past: due now
  return {When::Kind::kAt, std::max<int64_t>(clock_->now().wall.ms + ms, 0)};
}

SubmitItem Workload::DrawItem(bool in_batch) {
  auto envelope = std::make_shared<Envelope>();
  size_t host = random_.Below(profile_.hosts.size());
  bool hot = random_.Chance(0.5);
  size_t lane = random_.Below(static_cast<uint64_t>(hot ? profile_.hot_lanes : profile_.cold_lanes));
  // A lane belongs to a host mostly; now and then a lane is shared by several.
  if (!random_.Chance(0.05)) host = lane % profile_.hosts.size();
  envelope->host = "h" + std::to_string(host) + ".test:80";
  envelope->lane.name = (hot ? "hot" : "cold") + std::to_string(lane);
  bool fifo = hot ? lane % 2 == 0 : static_cast<double>(lane) < profile_.fifo_share * profile_.cold_lanes;
  envelope->lane.mode = fifo ? Mode::kFifo : Mode::kConcurrent;
  if (!fifo && random_.Chance(0.3)) envelope->priority = static_cast<uint8_t>(random_.Below(10));
  envelope->caller = "c" + std::to_string(random_.Below(3));
  envelope->reply_none = random_.Chance(0.05);
  if (random_.Chance(in_batch ? profile_.fkey_share / 20 : profile_.fkey_share)) envelope->fkey = DrawFkey();
  if (random_.Chance(0.9)) {
    auto retry = std::make_shared<RetryPolicy>();
    retry->max_attempts = static_cast<uint32_t>(Between(1, 6));
    retry->initial_ms = random_.Chance(0.3) ? 0 : Between(1, 1'000);
    retry->max_ms = Between(retry->initial_ms, 5'000);
    retry->jitter = random_.Chance(0.5) ? 0 : random_.Unit();
    if (random_.Chance(0.2)) retry->schedule_ms = {Between(0, 500), Between(0, 2'000)};
    envelope->retry = retry;
  }
  bool later = profile_.later_share > 0 && random_.Chance(profile_.later_share);
  if (later) {
    auto retry = std::make_shared<RetryPolicy>(envelope->retry_policy());
    retry->later_on = AnswerPattern{{202}, std::nullopt, {}};
    retry->initial_ms = std::max<int64_t>(retry->initial_ms, 1);
    envelope->retry = retry;
  }
  NotifySpec spec;
  spec.url = "http://" + envelope->host + "/t" + std::to_string(next_token_++);
  if (random_.Chance(0.5)) {
    spec.payload_kind = PayloadKind::kData;
    spec.payload = "{\"a\":1}";
  }
  SubmitItem item;
  if (random_.Chance(profile_.delay_share)) item.when = DrawWhen();
  if (random_.Chance(profile_.ttl_share)) {
    item.ttl = {When::Kind::kDelay, Between(1, 20'000)};
    if (random_.Chance(0.3)) item.ttl = {When::Kind::kAt, clock_->now().wall.ms + Between(-100, 20'000)};
  }
  if (later && item.ttl.kind == When::Kind::kDefault) item.ttl = {When::Kind::kDelay, Between(1'000, 20'000)};
  if (profile_.callback_share > 0 && random_.Chance(profile_.callback_share)) {
    auto callback = std::make_shared<Callback>();
    callback->host = "h0.test:80";
    callback->url = "http://" + callback->host + "/cb";
    callback->lane = callback->url;
    callback->notify_url = spec.url;
    envelope->callback = callback;
  }
  item.on_held = static_cast<OnHeld>(random_.Below(3));
  if (profile_.steer_share > 0) item.steps_aside = random_.Chance(0.05);
  if (random_.Chance(in_batch ? profile_.key_share / 10 : profile_.key_share)) {
    item.idempotency_key = "k" + std::to_string(random_.Below(30));
    item.fields = FingerprintOf(spec.url);
    spec.idempotency_key = item.idempotency_key;
  }
  item.envelope = std::move(envelope);
  item.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  if (!item.idempotency_key.empty()) keyed_.push_back(item);
  return item;
}

Event Workload::DrawOne() {
  RequestId request = NewRequest();
  open_.push_back(request);
  if (!merged_.empty()) {
    TriggerRequest trigger = std::move(merged_.front());
    merged_.pop_front();
    trigger.request = request;
    return Keep(std::move(trigger));
  }
  if (profile_.steer_share > 0 && random_.Chance(profile_.steer_share)) return DrawSteering(request);
  uint64_t dice = random_.Below(100);
  if (dice < 46) {
    SubmitRequest submit{request, {}, false};
    if (!keyed_.empty() && random_.Chance(profile_.key_share)) submit.items.push_back(keyed_[random_.Below(keyed_.size())]);
    else submit.items.push_back(DrawItem(false));
    return submit;
  }
  if (dice < 53) {
    SubmitRequest submit{request, {}, true};
    for (int64_t n = Between(1, 15); n > 0; --n) submit.items.push_back(DrawItem(true));
    return submit;
  }
  if (dice < 63) {
    TriggerRequest trigger{request, DrawFkey(), std::nullopt, {}};
    if (random_.Chance(0.4)) trigger.data = "{" + TriggerMark(next_mark_++);
    if (random_.Chance(0.3)) trigger.when = DrawWhen();
    return Keep(std::move(trigger));
  }
  if (dice < 65) return FkeyGetRequest{request, DrawFkey()};
  if (dice < 68) return FkeyCancelRequest{request, DrawFkey()};
  if (dice < 77) return GetRequest{request, DrawId(), random_.Chance(0.4) ? Between(0, 3'000) : 0};
  if (dice < 85) return UnderCondition(CancelRequest{request, DrawId()});
  if (dice < 91) return UnderCondition(RetryRequest{request, DrawId()});
  if (dice < 94) {
    ListRequest list{request, {}};
    if (random_.Chance(0.5)) list.query.states.push_back(static_cast<State>(random_.Below(9)));
    if (random_.Chance(0.2)) list.query.states.push_back(static_cast<State>(random_.Below(9)));
    if (random_.Chance(0.2)) list.query.mode = static_cast<Mode>(random_.Below(2));
    if (random_.Chance(0.2)) list.query.lane = "hot0";
    if (random_.Chance(0.2)) list.query.caller = "c1";
    if (random_.Chance(0.3)) list.query.below = DrawId();
    list.query.limit = static_cast<size_t>(Between(1, 20));
    return list;
  }
  open_.pop_back();
  if (dice < 98 || open_.empty()) return StatsRequest{request};
  return Disconnected{open_[random_.Below(open_.size())]};
}

}  // namespace notifyd::sim
