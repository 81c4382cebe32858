// HttpContext: what the connections of a server share. Internal to the server; loop thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline_wheel.h"
#include "net/http.h"

struct uv_loop_s;

namespace notifyd {

class HttpConnection;

struct HttpContext {
  HttpContext(uv_loop_s* loop, const HttpLimits& limits, HttpServer::Budget* budget, HttpHandler* handler);

  static constexpr size_t kReadBytes = 64 << 10;
  /// A token is a sequence number above the connection's slot. The upper bits are free, for whoever has tokens of its own beside these: the sequence
  /// begins anew behind 2^38 requests, of which none of then waits any more.
  static constexpr int kSlotBits = 20, kTokenBits = 58;
  static uint64_t TokenOf(uint64_t sequence, uint64_t slot) {
    constexpr uint64_t kSequences = (uint64_t{1} << (kTokenBits - kSlotBits)) - 1;  // 0 is none
    return ((sequence - 1) % kSequences + 1) << kSlotBits | slot;
  }

  HttpConnection* Find(uint64_t token) const;

  uv_loop_s* loop;
  const HttpLimits limits;
  HttpServer::Budget* budget;
  HttpHandler* handler;
  DeadlineWheel wheel;
  bool draining = false;
  bool holding = false;  // no further request is read
  uint64_t sequence = 0;
  std::vector<HttpConnection*> slots;
  std::vector<uint32_t> free_slots;
  /// Those that have something to go on with, the first one first; `resume` sees to it that Resume is called on each, from the loop, before it
  /// sleeps.
  std::list<HttpConnection*> resumable;
  /// Those that wait for their turn to be read and parsed, behind all others.
  std::list<HttpConnection*> waiting;
  std::function<void()> resume;
  std::function<bool()> may_answer;              // empty: always
  std::function<void()> closed;                  // a connection went
  std::function<void(HttpConnection*)> changed;  // a connection did something, or goes; empty while nobody wants to know
  std::atomic<size_t> open{0};
  std::vector<HttpConnection*> surplus;  // beyond max_connections, the oldest first: for probes alone
  /// Whose complete request waits for room, the first one first. `pressed`: somebody found none.
  std::list<HttpConnection*> parked;
  bool pressed = false;
  /// So long at a time, by the real clock, the loop parses and answers what came; then other handles, timers and what was posted have their say.
  /// `turn_until_us`: until when that is now; 0: nobody has begun since the last turn.
  static constexpr int64_t kTurnUs = 5'000;
  int64_t turn_until_us = 0;
  void BeginTurn();
  /// Is it over? It begins with who asks first.
  bool TurnSpent();
  /// Is there room for an answer of so many bytes? Notes where there is not.
  bool HasRoom(size_t bytes);
  /// Hands over parked requests for as long as there is room, one at least; what the turn has no time for the next ones do.
  void AdmitParked();
  /// Shared by all connections: a read is parsed, or copied, before the next one.
  std::unique_ptr<char[]> read_buffer;
  std::string head;   // scratch
  std::string batch;  // responses of the connection that is parsing, not yet written
  std::string plain;  // what came in a read, decrypted
  std::string piece;  // what goes into one TLS record
};

}  // namespace notifyd
