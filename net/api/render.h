// Render: what the API answers with, as JSON. Pure. Contract section 3.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/secrets.h"
#include "base/status.h"
#include "base/time.h"
#include "broker/effects.h"
#include "broker/spec.h"
#include "net/api/asker.h"

namespace notifyd {

/// The state of a duplicate whose first is not there any more.
inline constexpr const char* kRemoved = "removed";

class Renderer {
 public:
  /// `secrets`: headers whose values are shown as kHiddenValue; borrowed.
  explicit Renderer(const SecretNames* secrets) : secrets_(secrets) {}

  /// Every field of the notify, defaults filled in; null where an optional one is not set. `listed`: without data, body, body_base64 and attempts;
  /// without bodies in `sight`: without the first three and the attempts' response_body, and with no header's value. `space`: the name of its
  /// namespace, where that is shown, too. Error: kCorrupt, then nothing was written.
  Status Notify(const NotifyView& view, bool listed, const Sight& sight, JsonWriter* json, std::string_view space = {}) const;

  /// The headers whose values are not shown.
  const SecretNames* Hidden(const Sight& sight) const { return sight.bodies ? secrets_ : &SecretNames::Every(); }

  /// The answer to one item of a submit.
  static void Item(const SubmittedItem& item, JsonWriter* json);

 private:
  const SecretNames* const secrets_;
};

/// A strong validator (RFC 9110 section 8.8.3) that moves with what users change, not with attempts.
std::string ETagOf(const NotifyRecord& record);

}  // namespace notifyd
