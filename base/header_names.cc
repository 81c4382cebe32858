#include "base/header_names.h"

#include <algorithm>
#include <iterator>

#include "base/ascii.h"

namespace notifyd {
namespace {

constexpr std::string_view kHops[] = {"host", "content-length", "transfer-encoding", "connection", "keep-alive",    "proxy-connection",
                                      "te",   "trailer",        "upgrade",           "expect",     "http2-settings"};

bool BeginsWith(std::string_view text, std::string_view begin) {
  return EqualsIgnoringCase(text.substr(0, begin.size()), begin);
}

}  // namespace

const char* WhyReserved(std::string_view header) {
  const bool hop = std::any_of(std::begin(kHops), std::end(kHops), [&](std::string_view name) { return EqualsIgnoringCase(header, name); });
  if (hop) return "is the broker's own";
  if (BeginsWith(header, "notify-")) return "is the broker's own, as all that begin with Notify-";
  if (BeginsWith(header, "webhook-")) return "is the broker's own, as all that begin with webhook-: calls are signed by them";
  return nullptr;
}

}  // namespace notifyd
