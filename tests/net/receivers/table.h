// What receivers do, and what the contract says of each (section 3, "When an answer counts"; promises 2 and 4): one row a behaviour.
#pragma once

#include <string>
#include <vector>

#include "broker/notify.h"
#include "broker/spec.h"
#include "net/receivers/stage.h"

namespace notifyd {

/// What a behaviour must come to.
struct Want {
  Verdict verdict = Verdict::kSuccess;
  uint16_t status = 200;
  const char* error = "";
  bool truncated = false;
  bool reused = false;  // the next call goes over the same connection
};
inline Want Ok(uint16_t status = 200) {
  return {.status = status};
}
inline Want Kept(uint16_t status = 200) {
  return {.status = status, .reused = true};
}
inline Want Short(uint16_t status = 200) {
  return {.status = status, .truncated = true};
}
inline Want Bad(const char* error, uint16_t status = 0) {
  return {.verdict = Verdict::kFailure, .status = status, .error = error};
}
/// Bad, but it was whole.
inline Want Spent(const char* error, uint16_t status) {
  return {.verdict = Verdict::kFailure, .status = status, .error = error, .reused = true};
}

/// The one that follows goes over the same connection all the same.
inline Want AndKept(Want want) {
  want.reused = true;
  return want;
}

/// What is asked for: a POST of a byte, unless said otherwise.
struct Call {
  Method method = Method::kPost;
  size_t body_bytes = 1;
  AnswerPattern expect = {{2}, std::nullopt, {}};
  int64_t timeout_ms = 20'000;
};
inline Call Contains(std::string text) {
  return {.expect = {{2}, std::move(text), {}}};
}
inline Call JsonOk() {
  return {.expect = {{2}, std::nullopt, {{"/ok", "true"}}}};
}
inline Call Expect(uint16_t status) {
  return {.expect = {{status}, std::nullopt, {}}};
}
inline Call Sized(size_t bytes) {
  return {.body_bytes = bytes};
}
inline Call Head() {
  return {.method = Method::kHead};
}
inline Call Within(int64_t timeout_ms) {
  return {.timeout_ms = timeout_ms};
}

/// Over what the first connection goes; all but kBoth are for https alone.
enum class Dress : uint8_t {
  kBoth,      // as the others: TCP, and TLS
  kAsking12,  // the client has to show a certificate
  kAsking13,
  kClear,  // TCP, where TLS is expected
};

/// What is recorded of a call that came to nothing.
inline constexpr const char* kLost = "connection_lost";
inline constexpr const char* kOdd = "unexpected_answer";
inline constexpr const char* kSlow = "timeout";

inline const std::string kNeedle = "{\"ok\":true} the Needle";
inline std::string Some(size_t count) {
  return std::string(count, 'x');
}

struct Behaviour {
  const char* name;
  std::vector<Step> steps;
  Want want;
  Call call = {};
  Dress dress = Dress::kBoth;
};

const std::vector<Behaviour>& Behaviours();
/// Of receivers that speak HTTP/2.
const std::vector<Behaviour>& Http2Behaviours();

}  // namespace notifyd
