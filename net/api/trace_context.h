// Trace context that comes with a request or stands among a notify's own headers (W3C Trace Context, level 1): read, checked, and turned into
// what Envelope::trace_parent and NotifySpec::trace_state keep. Pure, any thread. What does not hold is ignored, never refused.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace notifyd {

struct TraceContext {
  std::string parent;  // version 00, 55 characters; empty: none
  std::string state;   // empty: none; always so without a parent
  std::string via;     // the brokers that the request went through (broker/via.h); not of the trace, but it comes and goes with that
  bool operator==(const TraceContext&) const = default;
};

/// A traceparent as version 00; of a higher version its first four fields, and of its flags "sampled" alone. Empty: not a valid one (section 3.2).
std::string ReadTraceParent(std::string_view value);

/// A tracestate as it is, without blanks around it. Empty: it is empty, not valid (section 3.3), or longer than 512 bytes.
std::string ReadTraceState(std::string_view value);

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// Of a request's headers. Several traceparents count as none; several tracestates are one list (section 3.3.1).
TraceContext TraceOf(const HeaderList& headers);

/// Puts `parent` among a request's headers, in place of traceparents that counted as none and the tracestates that came with them.
void BeginTrace(std::string parent, HeaderList* headers);

/// The chain that the request's Notify-Via headers say, all of them as one list; empty where there is none. Not cut to what is taken.
std::string ViaOf(const HeaderList& headers);

/// What goes from a request to each of its notifies: its trace, and the brokers that it went through.
TraceContext ContextOf(const HeaderList& headers);

/// The context of a notify whose request came with `request`. A traceparent among the notify's own headers wins: where it is valid, it is taken out
/// of `headers`, with its tracestate. Where it is not, it does not count: beside a context of the request it is taken out, with its tracestate, and
/// without one both are sent as they are. A tracestate alone among them is sent as it is, in place of the request's.
TraceContext TakeTrace(const TraceContext& request, HeaderList* headers);

}  // namespace notifyd
