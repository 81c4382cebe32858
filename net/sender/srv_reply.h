// SRV records in the bytes of a name server's reply (RFC 1035, RFC 2782), with their TTL, which c-ares 1.18 does not hand out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace notifyd {

struct SrvRecord {
  uint16_t priority = 0, weight = 0, port = 0;
  std::string target;  // lower case; empty: the service is decidedly not there
};
struct SrvReply {
  std::vector<SrvRecord> records;
  int64_t ttl_ms = 0;  // the least of the answers', aliases on the way included
};

/// Nothing: it cannot be read. Names are those of [a-z0-9._-]; a record of any other is left out.
std::optional<SrvReply> ReadSrvReply(std::string_view reply);

}  // namespace notifyd
