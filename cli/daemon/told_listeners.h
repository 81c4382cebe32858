// Where members of a cluster listen, as they tell it each other: whoever calls there calls the cluster. Pure. Contract section 23: "own listeners and
// advertise addresses of all members count as own".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "net/sender/destinations.h"

namespace notifyd {

/// Of HOST:PORT the address; nothing where the host is a name, or it is none.
std::optional<Listener> ListenerOf(std::string_view address);

/// "192.0.2.1:8080, [::1]:80". One that is at all addresses of its machine is told as the one at which the other members reach it (`advertise`),
/// since that machine's others may be somebody else's elsewhere; not where that is a name, or of the other family.
std::string TellListeners(const std::vector<Listener>& own, std::string_view advertise);
/// What a member tells that the others reach at `advertise`. Its loopback is another one's, but where it is reached there. What is none is passed
/// over.
std::vector<Listener> HearListeners(std::string_view told, std::string_view advertise);

}  // namespace notifyd
