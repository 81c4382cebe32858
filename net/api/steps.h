// Requests that take the core more than one event: PATCH of a notify, a trigger with data, and /metrics. Each is a small state machine without input
// or output of its own: its owner posts what it asks for, one event at a time, and hands the replies in. Dropped where the client goes away.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "broker/registry_events.h"
#include "net/api/asker.h"
#include "net/api/replies.h"
#include "net/api/request_tools.h"
#include "net/http.h"

namespace notifyd {

/// To the core of another namespace than the request's.
struct ToNamespace {
  NamespaceNumber number = kDefaultNumber;
  Event event;
};

/// What is posted next, or the answer.
using NextStep = std::variant<Event, ToNamespace, RegistryEvent, HttpResponse>;

class Steps {
 public:
  virtual ~Steps() = default;
  /// What is posted first.
  virtual NextStep First() = 0;
  /// Next of a core's reply takes long, and may be called on another thread.
  virtual bool heavy() const { return false; }
  /// Takes other tools, which are its own, in place of those that it has: Next of the reply that has just come is called on another thread. False: it
  /// is called on the loop, whatever the reply is.
  virtual bool GoAside(const std::shared_ptr<RequestTools>&) { return false; }
  /// Whether another broker may begin it anew where a core that stops refuses one of its steps: nothing but the last step changes anything.
  /// False where what was answered until then is shown all the same, or came from several namespaces.
  virtual bool BeginsAnew() const { return true; }
  /// From the reply of a core, or of the registry, to what comes then. Called for what was asked alone.
  virtual NextStep Next(ReplyBody reply);
  virtual NextStep Next(RegistryReply reply);
};

/// What names a request to the registry (Switchboard::Post), and back: the io thread, of 64 at most, above the server's token (HttpContext::kTokenBits).
inline constexpr int kRegistryThreadShift = 58;
inline uint64_t RegistryRequestOf(RequestId id) {
  return uint64_t{id.thread} << kRegistryThreadShift | id.token;
}
inline uint32_t ThreadOfRegistryRequest(uint64_t request) {
  return static_cast<uint32_t>(request >> kRegistryThreadShift);
}
inline uint64_t TokenOfRegistryRequest(uint64_t request) {
  return request & ((uint64_t{1} << kRegistryThreadShift) - 1);
}

/// So often a change is begun, anew where somebody else was faster; then 409. Of several at once one gets through each time, so that as many as
/// this may change a notify at the same time. A try costs one read.
inline constexpr int kMaxChangeTries = 64;

/// Read, check If-Match, patch, change; from the start where the notify was changed in between. Contract section 3, PATCH.
/// `request`: its body is the patch. Errors: what can be said without the notify (ChangeParser::Check). `heavy`: as Steps::heavy says; `tools` are of
/// no other thread then, and it may be made on another one.
Result<std::unique_ptr<Steps>> MakeChangeSteps(RequestId id, NotifyId notify, const HttpRequest& request, std::shared_ptr<RequestTools> tools,
                                               const Asker& asker, bool heavy);
/// What is to be done to a notify while it is `base` as far as users change it; null: whatever it is.
using ActOnBase = std::function<Event(std::shared_ptr<const NotifyRecord> base)>;
/// Reads a notify, checks If-Match, then asks for `act` on what was read; from the start where it was changed in between.
std::unique_ptr<Steps> MakeMatchedSteps(RequestId id, NotifyId notify, IfMatch if_match, ActOnBase act, std::shared_ptr<RequestTools> tools,
                                        const Asker& asker);
/// Of all header lines If-Match, which are one value (RFC 9110 section 5.3); nothing where there is none. Error: that of IfMatch::Parse.
Result<std::optional<IfMatch>> IfMatchOf(const HttpRequest& request);

/// Trigger; where something is held, merge the data into what it has, and trigger it with that; anew where it was changed in between (at most
/// kMaxChangeTries times, then 503). Contract section 3, fkeys. `trigger` has data. `heavy`, `tools`: as MakeChangeSteps has them.
std::unique_ptr<Steps> MakeTriggerSteps(TriggerRequest trigger, std::shared_ptr<RequestTools> tools, bool heavy);

/// The core's figures, then the lanes that have settings of their own. `table`: whose namespaces are shown, where the options want that.
std::unique_ptr<Steps> MakeMetricsSteps(RequestId id, std::shared_ptr<RequestTools> tools, std::shared_ptr<const AccessTable> table);

}  // namespace notifyd
