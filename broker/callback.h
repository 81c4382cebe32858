// What is said about a notify once it is settled: the JSON of an attempt, and the body of a callback. Pure. Contract section 3, callback_url.
#pragma once

#include <string>

#include "base/json.h"
#include "broker/notify.h"
#include "broker/spec.h"

namespace notifyd {

/// An object, or null.
void WriteLabels(const Labels* labels, JsonWriter* json);

/// "An attempt in an answer" (contract section 3): one object. `body`: with response_body.
void WriteAttempt(const AttemptRecord& attempt, JsonWriter* json, bool body = true);

/// The spec of the notify that tells about `id`: a POST of {"id","state","reason","url","lane","mode","fkey","caller",
/// "labels","settled_at","attempts_made","last_attempt"} to envelope.callback->url. What is not set is null. `envelope` has a callback; `state` is a
/// settled one; `last_attempt`: null where none was made.
NotifySpec CallbackSpec(NotifyId id, const Envelope& envelope, const NotifyState& state, const AttemptRecord* last_attempt, std::string via = {});

/// The envelope of that notify: its lane and host by the callback's URL, the caller and the trace of `envelope`.
std::shared_ptr<Envelope> CallbackEnvelope(const Envelope& envelope);

}  // namespace notifyd
