#include "cli/daemon/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace notifyd {
namespace {

/// Standard streams, FORMAT and the lock, RocksDB's own log, the control socket and its few clients, pipes, libraries; then what each loop has, and
/// each loop for each listener.
constexpr uint64_t kBesideAll = 32, kALoop = 8, kAListener = 1;
/// Beside its tables RocksDB opens logs, a manifest, and what flushes and compactions write.
constexpr uint64_t kStoreBeside = 24, kStoreLeast = 16;
/// A call that is connecting has two addresses under way (RFC 8305), but few are connecting at once.
constexpr uint64_t kCallsLeast = 16, kClientsLeast = 16;
constexpr uint64_t kLeast = kBesideAll + kALoop + kStoreBeside + kStoreLeast + kCallsLeast + kClientsLeast + 4;

/// Of what is left, one in so many at most for the store and for calls each, where all ask for more than there is.
constexpr uint64_t kShare = 4;

/// Lowers what each listener takes, so that all of them together take `left`: none more than an equal share while another has less than it asks for.
/// So those that ask for few, such as one for probes, get them. `given`: to all. True: somebody gets less than asked for.
bool ShareAmongListeners(uint64_t left, Options* options, uint64_t* given) {
  const bool has_main = !options->listen.empty();
  std::vector<ListenerOptions> listeners = AllListeners(*options);
  std::vector<size_t*> places;
  if (has_main) places.push_back(&options->http.max_connections);
  for (ListenerOptions& each : options->listeners) places.push_back(&each.max_connections);
  if (!listeners.empty() && listeners.back().members) places.push_back(&options->cluster.max_connections);
  std::vector<size_t> order(listeners.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return listeners[a].max_connections < listeners[b].max_connections; });
  bool few = false;
  *given = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t asked = listeners[order[i]].max_connections;
    *places[order[i]] = std::min<uint64_t>(asked, left / (order.size() - i));
    few |= *places[order[i]] < asked;
    left -= *places[order[i]];
    *given += *places[order[i]];
  }
  return few;
}

}  // namespace

uint64_t RaiseOpenFiles() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  rlimit raised{limit.rlim_max, limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return limit.rlim_cur;
}

Result<DescriptorPlan> FitDescriptors(uint64_t limit, Options* options) {
  uint64_t loops = options->io_threads + ShardsOf(*options);
  uint64_t beside = kBesideAll + (kALoop + kAListener * (options->listeners.size() + (options->cluster.on() ? 1 : 0))) * loops + kStoreBeside;
  if (limit < std::max(kLeast, beside + kStoreLeast + kCallsLeast + kClientsLeast + 4))
    return Status(Code::kIo,
                  "only " + std::to_string(limit) + " open files are allowed, which is not enough: raise the limit (ulimit -n, LimitNOFILE)");
  uint64_t left = limit - beside;
  DescriptorPlan plan;
  plan.limit = limit;

  uint64_t tables = std::clamp<uint64_t>(left / kShare, kStoreLeast, static_cast<uint64_t>(options->store.max_open_files));
  plan.store = tables + kStoreBeside;
  left -= tables;

  uint64_t wanted = options->core.max_in_flight + options->sender.max_idle_connections;
  plan.calls = std::clamp<uint64_t>(left / (kShare - 1), kCallsLeast, std::max(kCallsLeast, wanted));
  left -= plan.calls;
  // A call that is kept off costs more than a connection that is made anew.
  uint64_t in_flight = std::min<uint64_t>(options->core.max_in_flight, plan.calls - plan.calls / 8);
  uint64_t idle = std::min<uint64_t>(options->sender.max_idle_connections, plan.calls - in_flight);

  uint64_t probes = std::min<uint64_t>(options->http.max_probe_connections, left / (8 * options->io_threads));
  const bool few = ShareAmongListeners(left - probes * options->io_threads, options, &plan.clients);
  plan.clients += probes * options->io_threads;

  plan.lowered = tables < static_cast<uint64_t>(options->store.max_open_files) || in_flight < options->core.max_in_flight || few;
  options->store.max_open_files = static_cast<int>(tables);
  options->core.max_in_flight = static_cast<uint32_t>(in_flight);
  options->sender.max_idle_connections = idle;
  options->http.max_probe_connections = probes;
  return plan;
}

}  // namespace notifyd
