// Render: what the API answers with, as JSON. Pure but for its list of secret header names. Contract section 3.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "broker/effects.h"
#include "broker/spec.h"

namespace notifyd {

/// What is shown in place of a secret header's value.
inline constexpr std::string_view kHiddenValue = "***";
/// Names (any case) of headers whose values are shown so: those that always are, and `more`.
std::vector<std::string> SecretHeaders(const std::vector<std::string>& more);

class Renderer {
 public:
  /// `secret_headers`: beside those that always are.
  explicit Renderer(const std::vector<std::string>& secret_headers);

  /// Every field of the notify, defaults filled in; null where an optional one is not set. `listed`: without data, body, body_base64 and attempts.
  /// Error: kCorrupt, then nothing was written.
  Status Notify(const NotifyView& view, bool listed, JsonWriter* json) const;

  /// The answer to one item of a submit.
  static void Item(const SubmittedItem& item, JsonWriter* json);

 private:
  bool IsSecret(std::string_view header) const;
  void Request(const NotifySpec& spec, const NotifyHead& head, bool listed, JsonWriter* json) const;

  std::vector<std::string> secret_headers_;
};

/// A strong validator (RFC 9110 section 8.8.3) that moves with what users change, not with attempts.
std::string ETagOf(const NotifyRecord& record);

}  // namespace notifyd
