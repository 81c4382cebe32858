// ClusterReport: what people are shown of several brokers on one store. Values. Contract section 23.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "broker/places.h"

namespace notifyd {

/// Of one member, since its start.
struct ClusterFigures {
  uint64_t members = 0;  // that are alive
  uint64_t served = 0;   // namespaces that it has
  uint64_t epoch = 0;    // of its own lease: one more with each time that it began anew
  uint64_t placed = 0, taken = 0, handed_over = 0, buried = 0;
  bool leads = false;
  int64_t looked_ms_ago = 0, lease_left_ms = 0;
  uint64_t unreached = 0;  // members that it does not reach
  uint64_t words_sent = 0, words_failed = 0, words_received = 0;
  uint64_t alerts_missing = 0;  // where it judges alerts: members whose figures it does not know
};

struct ClusterReport {
  struct Space {
    NamespaceNumber number = 0;
    std::string owner, placed;  // members' names; empty: nobody
    uint64_t epoch = 0;         // one more with each that became its owner
    uint64_t load = 0;          // requests and attempts a second, about
  };
  struct Move {
    WallTime at;
    NamespaceNumber number = 0;
    std::string from, to;  // members' names; `from` empty: nobody
  };
  std::vector<Member> members;    // by name
  std::vector<Space> namespaces;  // by number
  std::vector<Move> moves;        // that the member which was asked decided, the newest first
};

}  // namespace notifyd
