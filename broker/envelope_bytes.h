// The stored encoding of an Envelope: a part of the records of notifies, and of the templates that subscriptions and schedules have. Pure.
// Layout: docs/storage-format.md.
#pragma once

#include "base/bytes.h"
#include "broker/notify.h"

namespace notifyd {

/// The version that EncodeEnvelope writes. Version 1 has no callback, trace, labels and flow.
inline constexpr int kEnvelopeVersion = 2;

void EncodeEnvelope(const Envelope& envelope, Encoder* out);
/// False where it is of no such version, or broken off.
bool DecodeEnvelope(Decoder* in, int version, Envelope* envelope);

}  // namespace notifyd
