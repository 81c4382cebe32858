// Passed on: what a member says, with a request that it passes on, of who sent it: a header that counts at the members' own listener alone, and which
// no request from elsewhere keeps. Pure. Contract section 23: "the owner decides access anew from the original credential and peer address".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/peer.h"

namespace notifyd {

/// Who sent the request, and at what kind of listener: EncodePeer's text.
inline constexpr std::string_view kPassedOnHeader = "Notify-Passed-On";
/// Of an answer to a member: nothing was done, since what the request is about is not served here.
inline constexpr std::string_view kNotHereHeader = "Notify-Not-Here";

/// Of an asker (Peer::asker) what its grant says of namespaces, scopes and caller: listeners give no other.
std::string EncodePeer(const Peer& peer);
/// Nothing: it is none.
std::optional<Peer> DecodePeer(std::string_view text);

}  // namespace notifyd
