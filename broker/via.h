// Notify-Via: the brokers that a request has gone through, so that one which comes back to a broker that has made it is refused (contract section 5;
// as RFC 8586's CDN-Loop does for caches). A chain is text: their names, oldest first, with commas between. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace notifyd {

inline constexpr std::string_view kViaHeader = "Notify-Via";
/// The longest chain that is taken: some forty brokers.
inline constexpr size_t kMaxViaBytes = 1024;

/// Is the broker of this name in the chain? What stands behind a ";" is no part of a name.
bool ViaNames(std::string_view chain, std::string_view name);

/// Both chains as one: `older`, and behind it what `newer` names beside that. Where it would be longer than kMaxViaBytes its oldest names go. What is
/// no name (empty, or with anything but visible ASCII) is left out.
std::string MergeVia(std::string_view older, std::string_view newer);

}  // namespace notifyd
