#include "net/api/group_steps.h"

#include <utility>
#include <variant>

#include "net/api/guard.h"
#include "net/api/problem.h"

namespace notifyd {
namespace {

class GroupSteps : public Steps {
 public:
  GroupSteps(RequestId id, NotifyId group, GroupAsk ask, const Asking& asking)
      : id_(id), group_(group), ask_(std::move(ask)), asker_(asking.asker), row_(*asking.route.row), tools_(asking.tools) {}

  NextStep First() override {
    GroupGet look{group_};
    look.envelopes = IsBoundToNames(asker_);
    return Event(GroupRequest{id_, std::make_shared<const GroupAsk>(GroupAsk{look, 0})});
  }

  bool GoAside(const std::shared_ptr<RequestTools>& tools) override {
    tools_ = tools;
    return true;
  }

  NextStep Next(ReplyBody reply) override {
    const GroupAnswered* answered = std::get_if<GroupAnswered>(&reply);
    if (!answered) return tools_->replies.Render(reply, SightOf(asker_));
    if (passed_) return tools_->replies.Render(reply, SightOf(asker_, *answered->answer));
    if (!MaySee(asker_, *answered->answer)) return ProblemResponse(NothingThere(row_));
    passed_ = true;
    if (std::holds_alternative<GroupGet>(ask_.what) && ask_.wait_ms == 0) return tools_->replies.Render(reply, SightOf(asker_, *answered->answer));
    return Event(GroupRequest{id_, std::make_shared<const GroupAsk>(std::move(ask_))});
  }

 private:
  const RequestId id_;
  const NotifyId group_;
  GroupAsk ask_;
  const Asker asker_;
  const RouteRow& row_;
  std::shared_ptr<RequestTools> tools_;
  bool passed_ = false;
};

}  // namespace

bool MaySee(const Asker& asker, const GroupAnswer& answer) {
  const GroupView* view = std::get_if<GroupView>(&answer.what);
  if (!view || view->gone) return true;
  if (!asker.Sees(view->record.caller)) return false;
  if (!IsBoundToNames(asker)) return true;
  // Of those that retention removed it is not known where they were.
  size_t known = 0;
  for (const std::shared_ptr<const Envelope>& envelope : view->envelopes) {
    if (envelope && !MaySee(asker, *envelope, /*route_is_own=*/false)) return false;
    known += envelope != nullptr;
  }
  return known > 0;
}

Sight SightOf(const Asker& asker, const GroupAnswer& answer) {
  Sight sight = SightOf(asker);
  const GroupView* view = std::get_if<GroupView>(&answer.what);
  if (view && !view->gone) sight.bodies = MaySeeAnswer(asker, view->record.caller);
  return sight;
}

std::unique_ptr<Steps> MakeGroupSteps(RequestId id, NotifyId group, GroupAsk ask, const Asking& asking) {
  return std::make_unique<GroupSteps>(id, group, std::move(ask), asking);
}

}  // namespace notifyd
