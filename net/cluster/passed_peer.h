// Passed on: what a member says, with a request that it passes on, of who sent it and how far it has come: a header that counts at the members' own
// listener alone, and which no request from elsewhere keeps. Pure. Contract section 23: "the owner decides access anew from the original credential
// and peer address".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/figures_events.h"
#include "net/cluster/meant_member.h"
#include "net/peer.h"

namespace notifyd {

/// Who sent the request, and at what kind of listener: EncodePeer's text.
inline constexpr std::string_view kPassedOnHeader = "Notify-Passed-On";
/// Of the answer to a member that probes this one (/healthz): where this one listens for clients, as those come in a URL: "192.0.2.1:8080, [::1]:80".
/// Whoever calls there calls this cluster. A member of an earlier release does not say it.
inline constexpr std::string_view kListenersHeader = "Notify-Listeners";
/// Of an answer to a member: the request was carried out (EncodeCarriedOut), and its client waits for an end that comes at whoever serves the
/// namespace next. Of a request, in place of kPassedOnHeader: the same text as that, of one that was carried out and waits on; whoever does not know
/// it (a member of an earlier release) refuses it, and does not carry it out once more.
inline constexpr std::string_view kWaitsOnHeader = "Notify-Waits-On";

/// What a request came to that is not answered yet.
struct CarriedOut {
  NotifyId id;  // of the notify, or the group
  TakenAs as = TakenAs::kMade;
  bool operator==(const CarriedOut&) const = default;
};
std::string EncodeCarriedOut(const CarriedOut& what);
/// Nothing: it is none.
std::optional<CarriedOut> DecodeCarriedOut(std::string_view text);

/// How far a request has come elsewhere.
struct PassedProgress {
  int64_t waited_ms = 0;  // of the time for which it waits for an end so much is over
  std::optional<CarriedOut> carried_out = {};
};

/// Of an asker (Peer::asker) what its grant says of namespaces, scopes and caller: listeners give no other. `to`: whom it is passed on to.
std::string EncodePeer(const Peer& peer, const PassedProgress& progress = {}, const MeantMember& to = {});
/// `progress` and `to` may be null. Nothing: it is none.
std::optional<Peer> DecodePeer(std::string_view text, PassedProgress* progress = nullptr, MeantMember* to = nullptr);

}  // namespace notifyd
