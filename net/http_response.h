// The head of a response as bytes. Pure.
#pragma once

#include <string>

#include "net/http.h"

namespace notifyd {

/// Whether a response of that status has a body at all (RFC 9110 section 6.4.1).
bool StatusHasBody(int status);

/// Appends status line and headers to `out`, with the Content-Length of the body, which does not follow. CR, LF and NUL in a header's value
/// become spaces. `keep_alive`: say so, as an HTTP/1.0 client must be told; `close`: say that the connection is closed.
void AppendResponseHead(const HttpResponse& response, bool close, bool keep_alive, std::string* out);

}  // namespace notifyd
