#include "net/api/responses.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/check.h"
#include "base/utf8.h"
#include "broker/group_events.h"
#include "broker/response_records.h"
#include "net/api/fields.h"
#include "net/api/guard.h"
#include "net/api/problem.h"
#include "net/api/request_tools.h"

namespace notifyd {
namespace {

constexpr size_t kHeadBytes = 32 << 10;

std::string PathOf(NotifyId id) {
  return "/v1/notifies/" + id.ToString();
}

class WaitSteps : public Steps {
 public:
  WaitSteps(Event first, const AskedWait& wait, Asker asker, const RouteRow& row, std::shared_ptr<RequestTools> tools)
      : first_(std::move(first)), wait_(wait), asker_(std::move(asker)), row_(row), tools_(std::move(tools)) {}

  NextStep First() override { return std::move(first_); }

  bool GoAside(const std::shared_ptr<RequestTools>& tools) override {
    tools_ = tools;
    return true;
  }

  NextStep Next(ReplyBody reply) override {
    HttpResponse response;
    if (auto* waited = std::get_if<Waited>(&reply)) response = Of(*waited);
    else response = tools_->replies.Render(reply, SightOf(asker_));
    if (wait_.applied && response.status < 300) response.headers.emplace_back("Preference-Applied", "wait=" + std::to_string(*wait_.applied));
    return response;
  }

 private:
  HttpResponse Of(const Waited& waited) const {
    // A notify that was held already may be one that whoever submits cannot see.
    const bool shown = waited.view && (!IsBounded(asker_, row_) || MaySee(asker_, *waited.view->record->envelope, /*route_is_own=*/true));
    HttpResponse response = shown ? Settled(waited) : NotYet(waited);
    response.headers.emplace_back("Location", PathOf(waited.item.id));
    return response;
  }

  static HttpResponse NotYet(const Waited& waited) {
    std::string body;
    JsonWriter json(&body);
    Renderer::Item(waited.item, &json);
    return JsonResponse(waited.item.removed ? 200 : 202, std::move(body));
  }

  HttpResponse Settled(const Waited& waited) const {
    std::string body;
    JsonWriter json(&body);
    const Renderer renderer(&tools_->secrets);
    Status status = renderer.Notify(*waited.view, false, SightOf(asker_), &json);
    if (!status.ok()) return ProblemResponse(status);
    // Further members of that object: it was written whole.
    CHECK(!body.empty() && body.back() == '}');
    body.pop_back();
    std::string more;
    JsonWriter members(&more);
    members.BeginObject();
    if (waited.item.duplicate) {
      members.Key("duplicate");
      members.Bool(true);
    }
    if (waited.item.kept) {
      members.Key("kept");
      members.Bool(true);
    }
    members.Key("response");
    // One that was held already may be another's.
    const bool shown = waited.response && MaySeeAnswer(asker_, waited.view->record->envelope->caller);
    shown ? WriteResponse(*waited.response, &members) : members.Null();
    members.EndObject();
    more[0] = ',';
    return JsonResponse(200, body + more);
  }

  Event first_;
  const AskedWait wait_;
  const Asker asker_;
  const RouteRow& row_;
  std::shared_ptr<RequestTools> tools_;
};

class RawSteps : public Steps {
 public:
  RawSteps(RequestId id, NotifyId notify, std::shared_ptr<RequestTools> tools) : id_(id), notify_(notify), tools_(std::move(tools)) {}
  NextStep First() override { return Event(ResponseRequest{id_, notify_}); }
  bool GoAside(const std::shared_ptr<RequestTools>& tools) override {
    tools_ = tools;
    return true;
  }
  NextStep Next(ReplyBody reply) override {
    if (auto* viewed = std::get_if<ResponseViewed>(&reply)) return RawResponse(*viewed->response);
    return tools_->replies.Render(reply);
  }

 private:
  const RequestId id_;
  const NotifyId notify_;
  std::shared_ptr<RequestTools> tools_;
};

}  // namespace

void WriteResponse(const Response& response, JsonWriter* json) {
  json->BeginObject();
  json->Key("status");
  json->Uint(response.status);
  json->Key("headers");
  json->BeginObject();
  for (const auto& [name, value] : response.headers) {
    json->Key(name);
    json->String(value);
  }
  json->EndObject();
  const bool text = IsValidUtf8(response.body);
  json->Key(text ? "body" : "body_base64");
  json->String(text ? response.body : EncodeBase64(response.body));
  json->Key("truncated");
  json->Bool(response.truncated);
  json->Key("received_at");
  json->String(FormatRfc3339(response.received_at));
  json->EndObject();
}

size_t BytesToShow(const Response& response) {
  size_t bytes = kHeadBytes + 2 * response.body.size();
  for (const auto& [name, value] : response.headers) bytes += name.size() + 2 * value.size();
  return bytes;
}

HttpResponse RawResponse(const Response& response) {
  HttpResponse raw;
  raw.content_type = "application/octet-stream";
  raw.body = response.body;
  raw.headers = {{"Content-Disposition", "attachment"}, {"Content-Security-Policy", "sandbox"}};
  return raw;
}

std::unique_ptr<Steps> MakeWaitSteps(Event first, const AskedWait& wait, const Asker& asker, const RouteRow& row,
                                     std::shared_ptr<RequestTools> tools) {
  return std::make_unique<WaitSteps>(std::move(first), wait, asker, row, std::move(tools));
}

Result<Asked> ReadWaitOn(const Asking& asking, const CarriedOut& what) {
  const RouteRow& row = *asking.route.row;
  const Result<QueryParameters> query = ParseQuery(asking.route.query);
  if (!query.ok()) return query.status();
  const Result<AskedWait> wait = AskedWaitOf(*asking.request, row, *query);
  if (!wait.ok()) return wait.status();
  if (IsSubmit(row)) {
    auto ask = std::make_shared<const FiguresAsk>(FiguresAsk{WaitOnAsk{what.id, what.as, wait->ms}});
    return Asked(MakeWaitSteps(FiguresRequest{asking.id, std::move(ask)}, *wait, asking.asker, row, asking.tools));
  }
  if (row.path != "/v1/groups" || row.verb != Verb::kPost) return Status(Code::kMalformed, "it is no request that waits for what it makes");
  const GroupAs as = what.as == TakenAs::kMade ? GroupAs::kMade : GroupAs::kDuplicate;
  return Asked(Event(GroupRequest{asking.id, std::make_shared<const GroupAsk>(GroupAsk{GroupGet{what.id, as, /*waited=*/true}, wait->ms})}));
}

Result<Asked> ReadResponse(const Asking& asking) {
  Result<bool> raw = ParseRaw(asking.query);
  if (!raw.ok()) return std::move(raw).status();
  const std::optional<NotifyId> id = ReadId(asking.route.argument);
  if (!id) return Status(Code::kNotFound, "there is no such notify");
  if (*raw) return Asked(std::make_unique<RawSteps>(asking.id, *id, asking.tools));
  return Asked(Event(ResponseRequest{asking.id, *id}));
}

HttpDemand DemandOfResponse(const Route&, size_t, const ApiOptions&) {
  return {.answer_bytes = 2 * kMostResponseBytes + kHeadBytes, .waits = true};
}

}  // namespace notifyd
