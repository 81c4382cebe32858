// A request as a receiver got it, taken apart.
#pragma once

#include <string>

namespace notifyd {

/// The first line, and whether a header line stands in it exactly so.
inline std::string RequestLine(const std::string& request) {
  return request.substr(0, request.find("\r\n"));
}
inline bool HasLine(const std::string& request, const std::string& line) {
  return request.find("\r\n" + line + "\r\n") != std::string::npos;
}
inline std::string Body(const std::string& request) {
  return request.substr(request.find("\r\n\r\n") + 4);
}

}  // namespace notifyd
