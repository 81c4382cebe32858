// A timer of libuv that outlives its owner until the loop has closed it. For net/sender/*.cc alone.
#pragma once

#include <uv.h>

#include "base/check.h"

namespace notifyd {

/// Makes a timer of the loop that is not running; `data` (borrowed) is what its callback finds. It goes with CloseTimer.
inline uv_timer_t* MakeTimer(uv_loop_t* loop, void* data) {
  auto* timer = new uv_timer_t;
  NOTIFYD_CHECK(uv_timer_init(loop, timer) == 0);
  timer->data = data;
  return timer;
}

/// Stops it for good; its memory goes once the loop has closed it.
inline void CloseTimer(uv_timer_t* timer) {
  uv_close(reinterpret_cast<uv_handle_t*>(timer), [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
}

}  // namespace notifyd
