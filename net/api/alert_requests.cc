#include "net/api/alert_requests.h"

#include <memory>
#include <utility>

#include "broker/alert_events.h"
#include "net/api/request_tools.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

/// Alerts are judged in `system`, whatever namespace the asker is of.
class AlertSteps : public Steps {
 public:
  AlertSteps(RequestId id, AlertAsk ask, std::shared_ptr<RequestTools> tools, const Sight& sight)
      : request_{id, std::make_shared<const AlertAsk>(std::move(ask))}, tools_(std::move(tools)), sight_(sight) {}
  NextStep First() override { return ToNamespace{kSystemNumber, Event(std::move(request_))}; }
  NextStep Next(ReplyBody reply) override { return tools_->replies.Render(reply, sight_); }

 private:
  AlertRequest request_;
  const std::shared_ptr<RequestTools> tools_;
  const Sight sight_;
};

template <class Ask>
Result<Asked> AskOfAlerts(const Asking& asking, Ask what) {
  return Asked(std::unique_ptr<Steps>(std::make_unique<AlertSteps>(asking.id, AlertAsk{std::move(what)}, asking.tools, SightOf(asking.asker))));
}

Status CheckName(const std::string& name) {
  return IsAlertName(name) ? Status::Ok() : Status(Code::kNotFound, "the file has no such alert");
}

}  // namespace

Result<Asked> ReadAlerts(const Asking& asking) {
  return AskOfAlerts(asking, AlertList{});
}

Result<Asked> ReadAlert(const Asking& asking) {
  NOTIFYD_TRY(CheckName(asking.route.argument));
  return AskOfAlerts(asking, AlertGet{asking.route.argument});
}

Result<Asked> ReadAlertTest(const Asking& asking) {
  NOTIFYD_TRY(CheckName(asking.route.argument));
  return AskOfAlerts(asking, AlertTest{asking.route.argument});
}

}  // namespace notifyd
