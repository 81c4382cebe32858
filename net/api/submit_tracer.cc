#include "net/api/submit_tracer.h"

#include "broker/group_events.h"
#include "broker/span_ids.h"
#include "broker/topic_events.h"

namespace notifyd {
namespace {

class Gathering {
 public:
  void Add(const std::string& trace_parent) {
    if (IsSampled(trace_parent) && traces_.size() < kMostSampled) traces_.emplace_back(place_, trace_parent);
    ++place_;
  }
  SampledTraces Take() { return std::move(traces_); }

 private:
  size_t place_ = 0;
  SampledTraces traces_;
};

}  // namespace

SampledTraces SampledOf(const Event& event) {
  Gathering gathering;
  if (const auto* submit = std::get_if<SubmitRequest>(&event)) {
    for (const SubmitItem& item : submit->items) gathering.Add(item.envelope->trace_parent);
  } else if (const auto* topic = std::get_if<TopicRequest>(&event)) {
    if (const auto* publish = std::get_if<Publish>(&topic->ask->what))
      for (const EventItem& item : publish->events) gathering.Add(item.trace_parent);
  } else if (const auto* group = std::get_if<GroupRequest>(&event)) {
    if (const auto* post = std::get_if<GroupPost>(&group->ask->what))
      for (const SubmitItem& item : post->submit.items) gathering.Add(item.envelope->trace_parent);
  }
  return gathering.Take();
}

}  // namespace notifyd
