// The stored encoding of an Envelope: a part of the records of notifies, and of the templates that subscriptions and schedules have. Pure.
// Layout: docs/storage-format.md.
#pragma once

#include "base/bytes.h"
#include "broker/notify.h"

namespace notifyd {

/// The version that EncodeEnvelope writes. Version 1 has no callback, trace, labels and flow.
inline constexpr int kEnvelopeVersion = 2;

void EncodeEnvelope(const Envelope& envelope, Encoder* out);
/// About as many bytes as EncodeEnvelope writes, but for the retry policy and for what never grows; without making them.
size_t SizeOfEnvelope(const Envelope& envelope);
/// False where it is of no such version, or broken off.
bool DecodeEnvelope(Decoder* in, int version, Envelope* envelope);

}  // namespace notifyd
