// The document that makes a group (contract section 13): its own fields, and its notifies, each read as a submit is. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/group_events.h"
#include "net/api/asker.h"
#include "net/api/submit_parser.h"
#include "net/api/trace_context.h"

namespace notifyd {

/// The text of the member `name` of the object that `document` is, borrowed; empty where it has none, or is no object. Looks at no grammar.
std::string_view FindMember(std::string_view document, std::string_view name);

/// Reads the body of POST /v1/groups; `parser` and `json` are the thread's. `header_key`: the header Idempotency-Key, or null. Errors: as
/// SubmitParser::Parse, with "/notifies/<index>" before what is a notify's.
Result<GroupPost> ReadGroup(const std::string& body, const std::string* header_key, const TraceContext& trace, const Asker& asker,
                            SubmitParser* parser, JsonReader* json);

}  // namespace notifyd
