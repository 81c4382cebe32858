// What the system says of this process. Any thread.
#pragma once

#include <cstdint>

namespace notifyd {

/// Resident memory, in bytes; 0: it cannot be told.
uint64_t ResidentBytes();
/// User and system CPU time, in seconds.
double CpuSeconds();

}  // namespace notifyd
