#include "cli/daemon/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace notifyd {
namespace {

/// Standard streams, FORMAT and the lock, RocksDB's own log, listening sockets, pipes, libraries; then what each loop has.
constexpr uint64_t kBesideAll = 32, kALoop = 8;
/// Beside its tables RocksDB opens logs, a manifest, and what flushes and compactions write.
constexpr uint64_t kStoreBeside = 24, kStoreLeast = 16;
/// A call that is connecting has two addresses under way (RFC 8305), but few are connecting at once.
constexpr uint64_t kCallsLeast = 16, kClientsLeast = 16;
constexpr uint64_t kLeast = kBesideAll + kALoop + kStoreBeside + kStoreLeast + kCallsLeast + kClientsLeast + 4;

/// Of what is left, one in so many at most for the store and for calls each, where all ask for more than there is.
constexpr uint64_t kShare = 4;

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
  uint64_t beside = kBesideAll + kALoop * loops + kStoreBeside;
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
  uint64_t connections = std::min<uint64_t>(options->http.max_connections, left - probes * options->io_threads);
  plan.clients = connections + probes * options->io_threads;

  plan.lowered = tables < static_cast<uint64_t>(options->store.max_open_files) || in_flight < options->core.max_in_flight ||
                 connections < options->http.max_connections;
  options->store.max_open_files = static_cast<int>(tables);
  options->core.max_in_flight = static_cast<uint32_t>(in_flight);
  options->sender.max_idle_connections = idle;
  options->http.max_connections = connections;
  options->http.max_probe_connections = probes;
  return plan;
}

}  // namespace notifyd
