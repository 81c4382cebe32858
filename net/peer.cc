#include "net/peer.h"

#include <algorithm>

namespace notifyd {

std::string Peer::Name() const {
  if (!address) return uid ? "uid " + std::to_string(*uid) : "unix socket";
  if (!address->v6) return address->ToString();
  IpAddress network = *address;
  std::fill(network.bytes.begin() + 8, network.bytes.end(), uint8_t{0});
  return network.ToString() + "/64";
}

}  // namespace notifyd
