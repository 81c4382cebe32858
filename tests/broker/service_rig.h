// A core with a service, "billing", and what its tests ask of it.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/core_fixture.h"
#include "broker/flow.h"
#include "broker/flow_settings.h"
#include "broker/service_events.h"

namespace notifyd {

class ServiceRig : public CoreFixture {
 public:
  explicit ServiceRig(CoreLimits limits = {}) : CoreFixture(limits) {}

  template <class Ask>
  uint64_t Begin(Ask ask) {
    ServiceRequest r;
    r.ask = std::make_shared<const ServiceAsk>(ServiceAsk{std::move(ask)});
    const uint64_t token = CoreFixture::Ask(std::move(r));
    Run();
    return token;
  }
  const ServiceAnswer& AnswerOf(uint64_t token) { return *std::get<ServiceAnswered>(replies.at(token).body).answer; }
  template <class Ask>
  ServiceAnswer Told(Ask ask) {
    return AnswerOf(Begin(std::move(ask)));
  }
  template <class Ask>
  Code Refusal(Ask ask) {
    return CodeOf(replies.at(Begin(std::move(ask))));
  }
  template <class Ask>
  bool IsStale(Ask ask) {
    return std::holds_alternative<Stale>(replies.at(Begin(std::move(ask))).body);
  }
  ServiceAnswer Register(const std::string& id, InstanceSettings settings = {}) {
    if (settings.url.empty()) settings.url = "http://" + id + ":80";
    return Told(PutInstance{"billing", id, std::move(settings), {}});
  }
  void Service(ServiceSettings settings) { Told(PutService{"billing", std::move(settings), {}}); }
  ServiceView View() { return Told(ListInstances{"billing", std::nullopt, 0, {1'000}}).services.at(0); }
  std::map<std::string, uint32_t> Active() {
    std::map<std::string, uint32_t> active;
    for (const auto& instance : View().instances) active[instance->id] = instance->in_flight;
    return active;
  }
  static Fields To(std::string lane = "lane") {
    Fields fields;
    fields.lane = std::move(lane);
    fields.host = "service://billing";
    fields.retry = Waits({1'000}, 1'000);
    return fields;
  }
  NotifyId Send(const Fields& fields) { return Submit(fields).id; }
  const Reply& TrySend(const Fields& fields, FlowFields flow) {
    SubmitItem item = Item(fields);
    auto envelope = std::make_shared<Envelope>(*item.envelope);
    envelope->host = HostOf(envelope->host, {flow.pool, flow.pool_fallback, flow.instance});
    envelope->flow = std::make_shared<const FlowFields>(std::move(flow));
    item.envelope = std::move(envelope);
    SubmitRequest r;
    r.items.push_back(std::move(item));
    return Do(std::move(r));
  }
  NotifyId Send(const Fields& fields, FlowFields flow) { return std::get<Submitted>(TrySend(fields, std::move(flow)).body).items.at(0).id; }
  void Unreached(StartAttempt start, Verdict verdict = Verdict::kFailure, const char* error = "connect_failed") {
    AttemptEnded e;
    e.id = start.id;
    e.result.verdict = verdict;
    e.result.unsent = true;
    e.result.record.number = start.number;
    e.result.record.started_at = start.at;
    e.result.record.error = error;
    std::erase_if(starts, [&](const StartAttempt& s) { return s.id == e.id; });
    Post(std::move(e));
    Run();
  }
  NotifyState State(NotifyId id) { return Get(id).record->state; }
  std::vector<std::string> Events() {
    std::vector<std::string> events;
    for (const FlowLog& log : flow_logs) events.push_back(log.event);
    return events;
  }
};

}  // namespace notifyd
