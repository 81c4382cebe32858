// Requests that take the core more than one event: PATCH of a notify, and /metrics. Each is a small state machine without input or output of its
// own: its owner posts what it asks for, one event at a time, and hands the replies in. Dropped where the client goes away.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "base/secrets.h"
#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "net/api/api_options.h"
#include "net/api/change.h"
#include "net/api/replies.h"
#include "net/api/submit_parser.h"
#include "net/http.h"

namespace notifyd {

class Steps {
 public:
  virtual ~Steps() = default;
  /// What is posted first.
  virtual Event First() = 0;
  /// Next takes long, and may be called on another thread.
  virtual bool heavy() const { return false; }
  /// From a reply to what is posted next, or to the answer.
  virtual std::variant<Event, HttpResponse> Next(ReplyBody reply) = 0;
};

/// So often a change is begun, anew where somebody else was faster; then 409. Of several at once one gets through each time, so that as many as
/// this may change a notify at the same time. A try costs one read.
inline constexpr int kMaxChangeTries = 64;

/// What a large change is made with, on whatever thread: of its own, and as the settings were when it came.
struct ChangeTools {
  /// `options` is borrowed.
  ChangeTools(const ApiOptions* options, const SecretNames& names)
      : secrets(names), submit(options->max_body_bytes, options->max_batch_items), change(&submit, &secrets), replies(options, &secrets) {}
  const SecretNames secrets;
  SubmitParser submit;
  ChangeParser change;
  const Replies replies;
};

/// Read, check If-Match, patch, change; from the start where the notify was changed in between. Contract section 3, PATCH.
/// `parser`, `replies` and `options` are borrowed. `request`: its body is the patch. Errors: what can be said without the notify
/// (ChangeParser::Check). With `own`, which takes the place of `parser` and `replies`, it is heavy, and may be made on another thread.
Result<std::unique_ptr<Steps>> MakeChangeSteps(RequestId id, NotifyId notify, HttpRequest request, ChangeParser* parser, const Replies* replies,
                                               const ApiOptions* options, std::unique_ptr<ChangeTools> own = nullptr);

/// The core's figures, then the lanes that have settings of their own.
std::unique_ptr<Steps> MakeMetricsSteps(RequestId id, const Replies* replies, const ApiOptions* options);

}  // namespace notifyd
