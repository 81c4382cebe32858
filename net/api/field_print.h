// The print of all that a submit said about its notify: by it a repeat under the same idempotency key is told from another notify. Pure.
// Contract section 3, "A notify", idempotency_key; the bytes it is made of stand in docs/storage-format.md, "Prints of fields".
#pragma once

#include "base/json_reader.h"
#include "broker/group_events.h"
#include "net/api/submit_parser.h"
#include "net/api/trace_context.h"

namespace notifyd {

/// Print version 2. Fields count by what they mean: one that is at the contract's default is as good as left out, a number counts by its value, a
/// time by the moment that it says. `data` and the values in patterns count by their content as submitted, numbers digit for digit. The idempotency
/// key itself does not count. `headers`: as submitted, since those of a trace are taken out of the notify's.
Fingerprint PrintOfFields(const ParsedNotify& notify, HeaderList headers, JsonReader* reader);

/// The same of an event, whose `key` is the partition's. The topic does not count: its idempotency keys are its own.
Fingerprint PrintOfEventFields(const ParsedNotify& notify, std::string_view key, JsonReader* reader);

/// The same of a group, each of whose items has its own print (SubmitItem::fields).
Fingerprint PrintOfGroupFields(const GroupPost& post);

}  // namespace notifyd
