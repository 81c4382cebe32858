// Who is told of submits that are traced: see cli/daemon/tracing.h. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "broker/effects.h"

namespace notifyd {

/// The traceparents of a request's notifies or events that are sampled, each with the place that it has among them; the first kMostSampled of them.
using SampledTraces = std::vector<std::pair<size_t, std::string>>;
inline constexpr size_t kMostSampled = 1'000;
/// Of a submit, a publish or a new group; of anything else none.
SampledTraces SampledOf(const Event& event);

class SubmitTracer {
 public:
  virtual ~SubmitTracer() = default;
  /// For a request that came without one: a traceparent of a trace that begins here; empty, where it is not to be sampled.
  virtual std::string Begin() = 0;
  /// A request is answered, which took so long. `answer`: what the core said.
  virtual void Submitted(const SampledTraces& traces, const ReplyBody& answer, int64_t took_us) = 0;
};

}  // namespace notifyd
