// How long to wait before the next attempt. Pure, any thread. Contract section 3, "Default retry".
#pragma once

#include <cstdint>

#include "broker/notify.h"

namespace notifyd {

/// The wait in milliseconds after an attempt that failed, never negative.
/// `failures`: attempts made in this budget, at least 1. `retry_after_ms`: what the receiver asked for, -1 where it did not.
/// `unit`: a random number from 0 to 1, which chooses among what jitter allows: from 1 - jitter to 1 + jitter times the wait, and max_ms at most.
/// Retry-After stretches the wait up to max_ms, and jitter does not shorten it below that. A schedule is not capped by max_ms: each of its
/// waits was said outright.
int64_t NextWaitMs(const RetryPolicy& policy, uint32_t failures, int64_t retry_after_ms, double unit);

}  // namespace notifyd
