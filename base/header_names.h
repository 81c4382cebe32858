// Names of headers that whoever describes a call may not set. Pure, any thread.
#pragma once

#include <string_view>

namespace notifyd {

/// Why a header of this name, in any case, is not for submitters nor for rules to set, for people: "is the broker's own"; null: they may. These are
/// what belongs to the connection to the receiver (framing, and all that is for one hop: RFC 9110 section 7.6.1, RFC 7540 section 3.2.1 for
/// HTTP2-Settings), what the broker says itself (Notify-*), and what calls are signed by (webhook-*, contract section 10).
const char* WhyReserved(std::string_view header);

}  // namespace notifyd
