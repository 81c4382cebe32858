#include "net/http_context.h"

#include <uv.h>

#include <algorithm>

#include "base/clocks.h"
#include "net/http_connection.h"
#include "net/loop.h"

namespace notifyd {
namespace {

int64_t TickFor(const HttpLimits& limits) {
  int64_t least = std::min({limits.head_timeout_ms, limits.request_timeout_ms, limits.idle_timeout_ms});
  return std::clamp<int64_t>(least / 8, 5, 250);
}

}  // namespace

HttpContext::HttpContext(uv_loop_s* l, const HttpLimits& lim, HttpServer::Budget* b, HttpHandler* h)
    : loop(l),
      limits(lim),
      budget(b),
      handler(h),
      wheel(TickFor(lim), Loop::NowMs(l)),
      read_buffer(std::make_unique<char[]>(kReadBytes)) {}

bool HttpContext::HasRoom(size_t bytes) {
  size_t answers = budget->answers.load(std::memory_order_relaxed), all = budget->bytes.load(std::memory_order_relaxed);
  // One answer is always let through, however tight the budget is.
  if (answers > 0 && (answers + bytes > limits.max_buffered_bytes / 2 || all + bytes > limits.max_buffered_bytes)) {
    pressed = true;
    return false;
  }
  return true;
}

void HttpContext::BeginTurn() {
  turn_until_us = ReadClockUs(CLOCK_MONOTONIC) + kTurnUs;
}

bool HttpContext::TurnSpent() {
  if (turn_until_us == 0) BeginTurn();
  return ReadClockUs(CLOCK_MONOTONIC) >= turn_until_us;
}

void HttpContext::AdmitParked() {
  while (!parked.empty() && parked.front()->request().Fits()) {
    HttpConnection* first = parked.front();
    parked.pop_front();
    first->request().Admit();
    if (!TurnSpent()) continue;
    if (!parked.empty()) resume();
    return;
  }
}

HttpConnection* HttpContext::Find(uint64_t token) const {
  size_t slot = token & ((uint64_t{1} << kSlotBits) - 1);
  if (token == 0 || slot >= slots.size() || slots[slot] == nullptr || slots[slot]->token() != token) return nullptr;
  return slots[slot];
}

}  // namespace notifyd
