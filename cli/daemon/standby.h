// Standby: a broker whose store another one owns waits for it here, and answers meanwhile that it is one. Contract section 22.
#pragma once

#include <functional>
#include <optional>

#include "base/status.h"
#include "cli/daemon/handover.h"
#include "cli/daemon/lease_keeper.h"
#include "cli/daemon/settings.h"
#include "cli/daemon/signals.h"
#include "cli/daemon/successor.h"

namespace notifyd {

/// Whose signals a standby takes while it listens; null pointers: nobody's. SIGUSR1: the program and the configuration that are there now take this
/// one's place, with its sockets, once they are checked; nothing has to end for that. SIGHUP: what is new in the file is told, and for what it waits.
struct StandbySignals {
  Signals* signals = nullptr;
  const Launch* launch = nullptr;
  const LeaseKeeper* keeper = nullptr;  // of a lease that goes along, where there is one
};

/// Starts the keeper, and returns once it may act. Where that takes longer than a moment it listens at the addresses of the settings (with the
/// sockets of `handover`, where there are such), answers /healthz with 200 and all else with 503, and returns its sockets, for whoever serves from
/// then on; at those of beanstalkd's protocol nobody listens meanwhile. Errors: what the listeners said.
Result<Handover> StandBy(const Options& options, const Handover& handover, LeaseKeeper* keeper, const StandbySignals& by = {});

/// Listens and answers likewise, by one whose store is not there to be waited for, or not fit. `over`: asked four times a second, on another thread.
Result<Handover> StandByUntil(const Options& options, const Handover& handover, const std::function<bool()>& over, const StandbySignals& by = {});

/// Goes on as a standby: no client and no receiver hears anything more, `last` is done, and the program that is there now takes this one's place with
/// the sockets at which it listens. The process ends where `last` says by which exit code, as of one that was stopping, and by 1 where the store lost
/// what it had confirmed: who begins anew in its place would not tell. On any thread.
[[noreturn]] void FallBack(const Launch& launch, const LeaseKeeper& keeper, const char* why, const std::function<std::optional<int>()>& last);

}  // namespace notifyd
