// Frames of HTTP/2 as bytes (RFC 9113), right or wrong; headers as literals that no table remembers (RFC 7541 section 6.2.2).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace notifyd {

namespace h2 {

enum Type : uint8_t { kData = 0, kHeaders = 1, kRst = 3, kSettings = 4, kPush = 5, kPing = 6, kGoAway = 7, kWindow = 8, kContinuation = 9 };
inline constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;
enum ErrorCode : uint32_t { kNoError = 0, kInternal = 2, kRefused = 7, kCancel = 8, kCalm = 11, kHttp11 = 13 };
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string Number(uint32_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  return out;
}
inline std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  return Number(static_cast<uint32_t>(payload.size()), 3) + static_cast<char>(type) + static_cast<char>(flags) + Number(stream, 4) + payload;
}
inline std::string Length(size_t size) {
  if (size < 127) return std::string(1, static_cast<char>(size));
  std::string out(1, '\x7F');
  for (size -= 127; size >= 128; size /= 128) out.push_back(static_cast<char>(size % 128 | 128));
  out.push_back(static_cast<char>(size));
  return out;
}

using Fields = std::vector<std::pair<std::string, std::string>>;
inline std::string Block(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += std::string(1, '\0') + Length(name.size()) + name + Length(value.size()) + value;
  return out;
}
inline std::string Settings(const std::vector<std::pair<uint16_t, uint32_t>>& entries = {}) {
  std::string payload;
  for (const auto& [id, value] : entries) payload += Number(id, 2) + Number(value, 4);
  return Frame(kSettings, 0, 0, payload);
}
inline std::string Head(uint32_t stream, const std::string& status, Fields more = {}, bool last = false) {
  more.insert(more.begin(), {":status", status});
  return Frame(kHeaders, static_cast<uint8_t>(kEndHeaders | (last ? kEndStream : 0)), stream, Block(more));
}
inline std::string Data(uint32_t stream, const std::string& bytes, bool last) {
  return Frame(kData, last ? kEndStream : uint8_t{0}, stream, bytes);
}
inline std::string Rst(uint32_t stream, ErrorCode code) {
  return Frame(kRst, 0, stream, Number(code, 4));
}
inline std::string GoAway(uint32_t last, ErrorCode code) {
  return Frame(kGoAway, 0, 0, Number(last, 4) + Number(code, 4));
}
inline std::string Window(uint32_t stream, uint32_t more) {
  return Frame(kWindow, 0, stream, Number(more, 4));
}

}  // namespace h2

}  // namespace notifyd
