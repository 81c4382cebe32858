// Answers about figures as JSON: history, what falls due, the event of /v1/live, and how calls to a host went. The closed list of series stands here,
// once: names, what they are, and how they come from what is kept. Pure. Contract section 16.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "broker/figures_events.h"
#include "net/api/api_options.h"
#include "net/http.h"

namespace notifyd {

struct Series {
  enum class Kind : uint8_t {
    kSum,       // what was done in the span
    kQuantile,  // of what was done in it
    kStock,     // what there was at its end, and is until something is counted again
    kGauge,     // what was at its end
    kProcess,   // of the whole process, at its end
  };
  const char* name;
  Kind kind;
  std::optional<double> (*value)(const HistoryPoint& point);

  /// Hosts have it, too.
  bool of_hosts() const { return kind == Kind::kSum || kind == Kind::kQuantile; }
};
std::span<const Series> AllSeries();
/// Null: there is none of this name.
const Series* FindSeries(std::string_view name);

/// `points` and `before` of the namespace or host, `process` of the namespace `system`; either may be null where no series needs it.
HttpResponse HistoryResponse(const std::vector<const Series*>& series, const HistoryView* view, const HistoryView* process);
HttpResponse DueResponse(const DueView& due, int64_t step_ms);

/// The member "figures": null where nothing is known.
void WriteHostFigures(const HostFigures* figures, JsonWriter* json);

/// One event `figures` of /v1/live, whole. `whole`: with what is of the whole process.
std::string LiveEvent(const FiguresNow& now, const ProcessStats& process, const std::string& version, bool whole);

}  // namespace notifyd
