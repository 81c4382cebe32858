// What the core holds, by kind. Costs nothing but for who asks: every count is one that a container has anyway.
#include "broker/core_groups.h"
#include "broker/core_impl.h"
#include "broker/core_responses.h"
#include "broker/core_schedules.h"
#include "broker/core_services.h"
#include "broker/core_topics.h"

namespace notifyd {

HeldKinds Core::held() const {
  const Impl& core = *impl_;
  HeldKinds kinds;
  const auto add = [&kinds](const char* kind, size_t count, size_t bytes = 0) { kinds.push_back({kind, count, bytes}); };
  // Their specs apart: those of notifies that are not due soon, or that are being sent, are not kept.
  add("notifies", core.entries_.size(), core.entries_.size() * sizeof(Entry) + core.envelope_bytes_);
  add("specs", 0, core.spec_bytes_);
  add("lanes", core.lanes_.size(), core.lanes_.size() * sizeof(Lane));
  add("throttled_lanes", core.throttled_.size());
  add("hosts", core.hosts_.size(), core.hosts_.size() * sizeof(Host));
  add("fkeys", core.fkeys_.size(), core.fkeys_.size() * sizeof(FkeySlot));
  add("idempotency_keys", core.idempotency_.size(), core.idempotency_.size() * sizeof(IdempotencySlot));
  add("records", core.records_.size(), core.records_.size() * sizeof(RecordSlot));
  add("due_timers", core.wall_.size() + core.mono_.size());
  add("expiry_timers", core.expiry_.size());
  add("agenda", core.agenda_.InMemory());
  add("in_flight", core.turns_.in_flight());
  add("callers", core.turns_.callers());
  add("waiters", core.polls_.size());
  add("parked_events", core.parked_.size());
  add("loads", core.loads_.size());
  add("pages", core.page_tickets_.size() + core.pages_waiting_.size());
  add("reads", core.reads_under_way_);
  add("lists", core.lists_.size() + core.lists_waiting_.size() + core.lane_lists_.size() + core.explaining_.size());
  add("bulk_requests", core.bulks_.size());
  core.services_->AddHeld(&kinds);
  core.topics_->AddHeld(&kinds);
  core.groups_->AddHeld(&kinds);
  core.schedules_->AddHeld(&kinds);
  core.responses_->AddHeld(&kinds);
  return kinds;
}

}  // namespace notifyd
