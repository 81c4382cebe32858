#include "net/api/guard.h"

#include <utility>

#include "base/check.h"
#include "net/api/fields.h"
#include "net/api/problem.h"
#include "net/api/request_tools.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

bool IsOwn(const RouteRow& row) {
  return row.scopes.Has(Scope::kSubmit);
}

/// Is the row's own scope enough to see what others submitted, too?
bool SeesAll(const Principal& principal, const RouteRow& row) {
  return principal.Has(row.scopes.Has(Scope::kReadBodies) ? Scope::kReadBodies : Scope::kRead);
}

/// As MaySee, of what a row shows.
bool MaySeeBy(const Asker& asker, const Envelope& envelope, const RouteRow& row) {
  if (!MaySee(asker, envelope, /*route_is_own=*/false)) return false;
  if (row.scopes.Has(Scope::kReadBodies)) return MaySeeAnswer(asker, envelope.caller);
  return !IsOwn(row) || SeesAll(asker.principal, row) || asker.principal.SubmittedAs(envelope.caller, asker.space->name, *asker.table);
}

class GuardSteps : public Steps {
 public:
  GuardSteps(RequestId id, NotifyId notify, Asked behind, Asker asker, const RouteRow& row, std::shared_ptr<RequestTools> tools)
      : id_(id), notify_(notify), behind_(std::move(behind)), asker_(std::move(asker)), row_(row), tools_(std::move(tools)) {}

  NextStep First() override { return Event(GetRequest{id_, notify_, 0}); }

  bool heavy() const override {
    const auto* steps = std::get_if<std::unique_ptr<Steps>>(&behind_);
    return passed_ && steps && (*steps)->heavy();
  }
  bool GoAside(const std::shared_ptr<RequestTools>& tools) override {
    if (!passed_) return false;  // who asks is all that is looked at
    if (auto* steps = std::get_if<std::unique_ptr<Steps>>(&behind_)) return (*steps)->GoAside(tools);
    tools_ = tools;
    return true;
  }

  NextStep Next(ReplyBody reply) override {
    auto* steps = std::get_if<std::unique_ptr<Steps>>(&behind_);
    if (passed_) return steps ? (*steps)->Next(std::move(reply)) : tools_->replies.Render(reply, SightOf(asker_));
    const Viewed* viewed = std::get_if<Viewed>(&reply);
    if (!viewed) return tools_->replies.Render(reply);
    if (!MaySeeBy(asker_, *viewed->view.record->envelope, row_)) return ProblemResponse(NothingThere(row_));
    passed_ = true;
    return steps ? (*steps)->First() : NextStep(std::get<Event>(std::move(behind_)));
  }

 private:
  const RequestId id_;
  const NotifyId notify_;
  Asked behind_;
  const Asker asker_;
  const RouteRow& row_;
  std::shared_ptr<RequestTools> tools_;
  bool passed_ = false;
};


}  // namespace

Status NothingThere(const RouteRow& row) {
  if (row.names_event()) return Status(Code::kNotFound, "there is no such event");
  if (row.path.starts_with("/v1/subscriptions")) return Status(Code::kNotFound, "there is no such subscription");
  if (row.path.starts_with("/v1/schedules")) return Status(Code::kNotFound, "there is no such schedule");
  if (row.names_group()) return Status(Code::kNotFound, "there is no such group");
  return Status(Code::kNotFound, row.names_notify() ? "there is no such notify" : kNotHeld);
}

bool MaySee(const Asker& asker, const Envelope& envelope, bool route_is_own) {
  const Principal& principal = asker.principal;
  if (!principal.MayUseLane(envelope.lane.name)) return false;
  if (!envelope.fkey.empty() && !principal.MaySeeFkey(envelope.fkey)) return false;
  return !route_is_own || asker.Sees(envelope.caller);
}

bool MaySeeAnswer(const Asker& asker, std::string_view caller) {
  return SightOf(asker).bodies || asker.principal.SubmittedAs(caller, asker.space->name, *asker.table);
}

bool IsBoundToNames(const Asker& asker) {
  if (asker.anybody()) return false;
  const Grant& grant = *asker.principal.grant();
  return !grant.lanes.empty() || !grant.fkeys.empty();
}

Status RefuseBound(const Asker& asker, std::string_view what) {
  if (!IsBoundToNames(asker)) return Status::Ok();
  return Status(Code::kForbidden, "this token is bound to lanes or fkeys, and " + std::string(what) + " reaches beyond them");
}

Status CheckFilter(const Asker& asker, const ListQuery& query, const std::string& at) {
  const Principal& principal = asker.principal;
  if (!principal.MayUseLane(query.lane.value_or("")))
    return Status(Code::kForbidden, "this token is bound to lanes: the filter must name one of them", at + "/lane");
  const std::string& fkey = query.fkey ? *query.fkey : query.fkey_prefix.value_or("");
  if (!principal.MaySeeFkey(fkey))
    return Status(Code::kForbidden, "this token is bound to fkeys: the filter must name some of them", at + (query.fkey ? "/fkey" : "/fkey_prefix"));
  return Status::Ok();
}

Status RefuseSystem(const Asker& asker) {
  if (asker.number() != kSystemNumber) return Status::Ok();
  return Status(Code::kForbidden, "the namespace \"system\" is the broker's own and takes no submits");
}

bool IsBounded(const Asker& asker, const RouteRow& row) {
  return !asker.anybody() && (IsBoundToNames(asker) || (IsOwn(row) && !SeesAll(asker.principal, row)));
}

Asked Guard(const Asking& asking, Asked asked) {
  const RouteRow& row = *asking.route.row;
  if (!row.names_notify() || !IsBounded(asking.asker, row)) return asked;
  if (std::holds_alternative<HttpResponse>(asked) || std::holds_alternative<AskElsewhere>(asked)) return asked;
  // One that only looks is judged by what it would answer.
  if (const Event* event = std::get_if<Event>(&asked))
    if (const GetRequest* get = std::get_if<GetRequest>(event); get && get->wait_ms == 0) return asked;
  const std::optional<NotifyId> notify = ReadId(asking.route.argument);
  CHECK(notify);
  return std::make_unique<GuardSteps>(asking.id, *notify, std::move(asked), asking.asker, row, asking.tools);
}

}  // namespace notifyd
