#include "net/cluster/words_door.h"

#include <optional>
#include <utility>

#include "net/cluster/member_word.h"
#include "net/cluster/passed_peer.h"
#include "net/cluster/report_word.h"
#include "net/peer.h"

namespace notifyd {

bool WordsDoor::IsWord(const HttpRequest& request) {
  if (!request.peer || !request.peer->serves.members) return false;
  return request.target == kMemberWordTarget || request.target == kReportWordTarget || IsProbe(request);
}

/// One that asks where this member listens: it answers, then, as at /healthz.
bool WordsDoor::IsProbe(const HttpRequest& request) {
  return request.method == "GET" && request.target == "/healthz" && request.Header(kListenersHeader) != nullptr;
}

/// One of a release of before does not say whom it means.
void WordsDoor::AnswerProbe(uint64_t token, const HttpRequest& request) {
  MeantMember to;
  if (const std::string* from = request.Header(kPassedOnHeader)) (void)DecodePeer(*from, nullptr, &to);
  if (IsForAnother(token, to)) return;
  HttpResponse response;
  response.body = R"({"status":"ok"})";
  response.headers.emplace_back(kListenersHeader, listeners_());
  response.headers.emplace_back(kMemberHeader, EncodeMember(self_().now));
  server_->Respond(token, std::move(response));
}

/// Then it is answered, too.
bool WordsDoor::IsForAnother(uint64_t token, const MeantMember& to) {
  const OwnMember self = self_();
  if (self.IsMeant(to)) return false;
  open_->erase(token);
  HttpResponse response;
  response.status = 421;
  MarkForAnother(self, &response);
  server_->Respond(token, std::move(response));
  return true;
}

void WordsDoor::OnRequest(uint64_t token, HttpRequest request) {
  if (!IsWord(request)) return behind_.OnRequest(token, std::move(request));
  if (IsProbe(request)) return AnswerProbe(token, request);
  open_->insert(token);
  MeantMember to;
  if (request.target == kReportWordTarget) {
    std::optional<AlertReport> report = request.method == "POST" ? DecodeAlertReport(request.body, &to) : std::nullopt;
    if (!report) return Answer(token, 400);
    if (IsForAnother(token, to)) return;
    figures_.received.fetch_add(1, std::memory_order_relaxed);
    return Answer(token, hear_report_(*std::move(report)) ? 204 : 503);
  }
  std::optional<MemberWord> word = request.method == "POST" ? DecodeMemberWord(request.body, &to) : std::nullopt;
  if (!word) return Answer(token, 400);
  if (IsForAnother(token, to)) return;
  figures_.received.fetch_add(1, std::memory_order_relaxed);
  // What is told may come when this is gone.
  hear_(*std::move(word), [this, token, open = std::weak_ptr<std::unordered_set<uint64_t>>(open_)](bool taken) {
    if (!open.expired()) Answer(token, taken ? 204 : 503);
  });
}

void WordsDoor::Answer(uint64_t token, int status) {
  if (open_->erase(token) == 0) return;
  HttpResponse response;
  response.status = status;
  server_->Respond(token, std::move(response));
}

}  // namespace notifyd
