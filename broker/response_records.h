// The stored form of an answer that is kept for a notify (RecordKind::kResponse), and its key. Pure. docs/storage-format.md.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "broker/response.h"
#include "broker/stored_record.h"

namespace notifyd {

/// The most of an answer that anybody may ask for, in bytes: FlowFields::keep_response_bytes, StartAttempt::capture_bytes.
inline constexpr size_t kMostResponseBytes = 1 << 20;

RecordKey ResponseKey(NotifyId id);

/// Version byte first.
std::string EncodeResponse(const Response& response);
/// Error: kCorrupt.
Result<Response> DecodeResponse(std::string_view bytes);

}  // namespace notifyd
