// Status and Result: an expected failure as a value, with a code, a detail for people and the field at fault.
// Our own bugs are CHECKs (check.h); the outcome of an attempt is data (broker/notify.h).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace notifyd {

/// A new code only where a caller acts differently. net/api maps each to one HTTP status (contract section 3).
enum class Code {
  kOk,
  kMalformed,         // 400: not HTTP, not JSON, not UTF-8
  kForbidden,         // 403: foreign Origin
  kNotFound,          // 404
  kConflict,          // 409: the state forbids it
  kTooLarge,          // 413: body or batch
  kUnsupportedMedia,  // 415
  kUnacceptable,      // 422: well-formed, but its content is not acceptable
  kTooMany,           // 429: limit of pending notifies, buffers or connections
  kNotImplemented,    // 501: it is not built yet
  kUnavailable,       // 503: starting, stopping, or the store refuses; nothing was done
  kOutcomeUnknown,    // 504: whether it was done is not known yet
  kDiskFull,          // 507
  kLoop,              // 508: the broker has made this request itself
  kCorrupt,           // stored bytes that fail their checksum or do not parse
  kIo,                // a read or write that failed; never reachable from input
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  /// `field` is a JSON Pointer ("/retry/factor"), empty where no single field is at fault.
  Status(Code code, std::string detail, std::string field = {}) : code_(code), detail_(std::move(detail)), field_(std::move(field)) {}

  static Status Ok() { return {}; }
  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& detail() const { return detail_; }
  const std::string& field() const { return field_; }
  /// Returns the same failure with `prefix` before its field; batches put "/3" in front.
  Status Within(const std::string& prefix) && {
    field_ = prefix + field_;
    return std::move(*this);
  }

 private:
  Code code_ = Code::kOk;
  std::string detail_;
  std::string field_;
};

/// Returns from the calling function with the failure of `expression`, where it is one.
#define NOTIFYD_TRY(expression)                                                           \
  do {                                                                                    \
    if (::notifyd::Status try_status = (expression); !try_status.ok()) return try_status; \
  } while (0)

/// Either a T or a Status that is not ok.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                                                    // NOLINT: implicit by design
  Result(Status status) : value_(std::move(status)) { NOTIFYD_CHECK(!std::get<1>(value_).ok()); }  // NOLINT

  bool ok() const { return value_.index() == 0; }
  const T& operator*() const& { return Value(); }
  T& operator*() & { return Value(); }
  T&& operator*() && { return std::move(Value()); }
  const T* operator->() const { return &Value(); }
  T* operator->() { return &Value(); }
  /// Returns the failure; ok() must be false.
  const Status& status() const& {
    NOTIFYD_CHECK(!ok());
    return std::get<1>(value_);
  }
  Status&& status() && {
    NOTIFYD_CHECK(!ok());
    return std::move(std::get<1>(value_));
  }

 private:
  const T& Value() const {
    NOTIFYD_CHECK(ok());
    return std::get<0>(value_);
  }
  T& Value() {
    NOTIFYD_CHECK(ok());
    return std::get<0>(value_);
  }
  std::variant<T, Status> value_;
};

}  // namespace notifyd
