#include "net/http_response.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace notifyd {
namespace {

std::string_view StatusLine(int status) {
  switch (status) {
    case 200:
      return "HTTP/1.1 200 OK\r\n";
    case 201:
      return "HTTP/1.1 201 Created\r\n";
    case 202:
      return "HTTP/1.1 202 Accepted\r\n";
    case 204:
      return "HTTP/1.1 204 No Content\r\n";
    case 304:
      return "HTTP/1.1 304 Not Modified\r\n";
    case 308:
      return "HTTP/1.1 308 Permanent Redirect\r\n";
    case 400:
      return "HTTP/1.1 400 Bad Request\r\n";
    case 403:
      return "HTTP/1.1 403 Forbidden\r\n";
    case 404:
      return "HTTP/1.1 404 Not Found\r\n";
    case 405:
      return "HTTP/1.1 405 Method Not Allowed\r\n";
    case 408:
      return "HTTP/1.1 408 Request Timeout\r\n";
    case 409:
      return "HTTP/1.1 409 Conflict\r\n";
    case 412:
      return "HTTP/1.1 412 Precondition Failed\r\n";
    case 413:
      return "HTTP/1.1 413 Content Too Large\r\n";
    case 414:
      return "HTTP/1.1 414 URI Too Long\r\n";
    case 415:
      return "HTTP/1.1 415 Unsupported Media Type\r\n";
    case 417:
      return "HTTP/1.1 417 Expectation Failed\r\n";
    case 421:
      return "HTTP/1.1 421 Misdirected Request\r\n";
    case 422:
      return "HTTP/1.1 422 Unprocessable Content\r\n";
    case 429:
      return "HTTP/1.1 429 Too Many Requests\r\n";
    case 431:
      return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
    case 500:
      return "HTTP/1.1 500 Internal Server Error\r\n";
    case 501:
      return "HTTP/1.1 501 Not Implemented\r\n";
    case 503:
      return "HTTP/1.1 503 Service Unavailable\r\n";
    case 504:
      return "HTTP/1.1 504 Gateway Timeout\r\n";
    case 505:
      return "HTTP/1.1 505 HTTP Version Not Supported\r\n";
    case 507:
      return "HTTP/1.1 507 Insufficient Storage\r\n";
    case 508:
      return "HTTP/1.1 508 Loop Detected\r\n";
    default:
      return {};
  }
}

void AppendNumber(uint64_t number, std::string* out) {
  char digits[20];
  out->append(digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, number).ptr - digits));
}

void AppendHeader(std::string_view name, std::string_view value, std::string* out) {
  out->append(name);
  out->append(": ");
  size_t begin = out->size();
  out->append(value);
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    for (size_t i = begin; i < out->size(); ++i) {
      char& c = (*out)[i];
      if (c == '\r' || c == '\n' || c == '\0') c = ' ';
    }
  }
  out->append("\r\n");
}

}  // namespace

bool StatusHasBody(int status) {
  return status != 204 && status != 304;
}

void AppendResponseHead(const HttpResponse& response, HttpFraming framing, bool close, bool keep_alive, std::string* out) {
  std::string_view line = StatusLine(response.status);
  if (!line.empty()) {
    out->append(line);
  } else {
    out->append("HTTP/1.1 ");
    AppendNumber(static_cast<uint64_t>(response.status), out);
    out->append(" \r\n");
  }
  if (StatusHasBody(response.status)) {
    if (!response.content_type.empty()) AppendHeader("Content-Type", response.content_type, out);
    if (framing == HttpFraming::kLength) {
      out->append("Content-Length: ");
      AppendNumber(response.length.value_or(response.body.size()), out);
      out->append("\r\n");
    } else if (framing == HttpFraming::kChunked) {
      out->append("Transfer-Encoding: chunked\r\n");
    }
  }
  // Answers hold other people's data: no cache keeps them where they do not say so themselves, and no browser takes one for a page or a script.
  const bool says = std::any_of(response.headers.begin(), response.headers.end(), [](const auto& each) { return each.first == "Cache-Control"; });
  out->append(says ? "X-Content-Type-Options: nosniff\r\n" : "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
  for (const auto& [name, value] : response.headers) AppendHeader(name, value, out);
  if (close) {
    out->append("Connection: close\r\n");
  } else if (keep_alive) {
    out->append("Connection: keep-alive\r\n");
  }
  out->append("\r\n");
}

void AppendChunk(std::string_view piece, std::string* out) {
  char digits[16];
  out->append(digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, piece.size(), 16).ptr - digits));
  out->append("\r\n").append(piece).append("\r\n");
}

}  // namespace notifyd
