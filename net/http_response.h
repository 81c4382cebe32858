// The head of a response as bytes, and a chunk of a streamed one. Pure.
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"

namespace notifyd {

/// Whether a response of that status has a body at all (RFC 9110 section 6.4.1).
bool StatusHasBody(int status);

/// How a client finds the end of a body: by the Content-Length of response.body, by chunked coding, or by the end of the connection.
enum class HttpFraming : uint8_t { kLength, kChunked, kUntilClose };

/// Appends status line and headers to `out`; the body does not follow. CR, LF and NUL in a header's value become spaces. `keep_alive`: say so,
/// as an HTTP/1.0 client must be told; `close`: say that the connection is closed.
void AppendResponseHead(const HttpResponse& response, HttpFraming framing, bool close, bool keep_alive, std::string* out);

/// One chunk. Not for an empty piece: that would end the body.
void AppendChunk(std::string_view piece, std::string* out);
constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace notifyd
