// Response: what is taken of an answer for whoever waits for it or fetches it later (contract section 13, "Results"). Plain values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace notifyd {

struct Response {
  uint16_t status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // those that may be shown, each name once
  std::string body;                                          // its beginning
  bool truncated = false;                                    // there was more of it than was asked for, or it broke off
  WallTime received_at;
};

}  // namespace notifyd
