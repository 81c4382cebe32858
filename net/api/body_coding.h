// The content coding of requests' bodies: gzip is undone, any other refused. Pure. Contract section 13, `compress`.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"
#include "net/http.h"

namespace notifyd {

enum class BodyCoding { kNone, kGzip, kOther };
BodyCoding CodingOf(const HttpRequest& head);

/// The refusal of a body in another coding: the answer names those that are understood, which no other 415 does (RFC 9110 section 15.5.16).
Status OtherCoding();
bool IsOtherCoding(const Status& status);

/// How much memory the body takes once it is unpacked, beside what it takes already; 0 where that is more than `most`: it will be refused.
size_t UnpackedBytes(const HttpRequest& request, size_t most);

/// Makes `out` the request as if it had come without a coding, its body of `most` bytes at most. Errors: kUnsupportedMedia (OtherCoding), kMalformed,
/// kTooLarge.
Status UnpackBody(size_t most, const HttpRequest& request, HttpRequest* out);

}  // namespace notifyd
