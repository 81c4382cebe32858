// WordsDoor: takes words of other members (member_word.h, report_word.h), and tells those that probe this one who it is (kMemberHeader) and where it
// listens (kListenersHeader); they come to the members' own listener alone. It stands between a server and the handler of all else, which goes
// through it untouched. One a loop, on its thread.
//
// I1  Of a word its handler hears nothing. It is answered once, unless whoever said it went away.
// I2  What is for another member is not taken (meant_member.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "broker/alert_report.h"
#include "broker/member_word.h"
#include "net/cluster/meant_member.h"
#include "net/cluster/word_figures.h"
#include "net/http.h"

namespace notifyd {

class WordsDoor : public HttpHandler {
 public:
  /// Takes a word; `then` on the loop: whether it was taken. It may be called from inside.
  using Hear = std::function<void(MemberWord word, std::function<void(bool)> then)>;
  /// Takes what a member says of alerts. False: they are not judged here.
  using HearReport = std::function<bool(AlertReport report)>;
  /// Where this member listens, as the header has it.
  using Listeners = std::function<std::string()>;
  /// Who this member is.
  using Self = std::function<OwnMember()>;
  /// `behind` and `figures` are borrowed. SetResponder (borrowed, too) must follow before the first request.
  WordsDoor(HttpHandler* behind, Hear hear, HearReport hear_report, Listeners listeners, Self self, WordFigures* figures)
      : behind_(*behind),
        hear_(std::move(hear)),
        hear_report_(std::move(hear_report)),
        listeners_(std::move(listeners)),
        self_(std::move(self)),
        figures_(*figures) {}
  void SetResponder(HttpResponder* server) { server_ = server; }

  void OnRequest(uint64_t token, HttpRequest request) override;
  HttpDemand Demand(const HttpRequest& request) override { return IsWord(request) ? HttpDemand() : behind_.Demand(request); }
  bool TakesPieces(const HttpRequest& head) override { return !IsWord(head) && behind_.TakesPieces(head); }
  void OnHead(uint64_t token, const HttpRequest& head) override { behind_.OnHead(token, head); }
  void OnBody(uint64_t token, std::string_view piece) override { behind_.OnBody(token, piece); }
  void OnBodyEnd(uint64_t token) override { behind_.OnBodyEnd(token); }
  bool OnBodyBroken(uint64_t token) override { return behind_.OnBodyBroken(token); }
  void OnWritable(uint64_t token) override { behind_.OnWritable(token); }
  void OnHalfClose(uint64_t token) override {
    if (!open_->contains(token)) behind_.OnHalfClose(token);
  }
  void OnClose(uint64_t token) override {
    if (open_->erase(token) == 0) behind_.OnClose(token);
  }
  HttpResponse OnRefused(int status, std::string_view detail) override { return behind_.OnRefused(status, detail); }

 private:
  static bool IsWord(const HttpRequest& request);
  static bool IsProbe(const HttpRequest& request);
  void AnswerProbe(uint64_t token, const HttpRequest& request);
  bool IsForAnother(uint64_t token, const MeantMember& to);
  void Answer(uint64_t token, int status);

  HttpHandler& behind_;
  const Hear hear_;
  const HearReport hear_report_;
  const Listeners listeners_;
  const Self self_;
  WordFigures& figures_;
  HttpResponder* server_ = nullptr;
  std::shared_ptr<std::unordered_set<uint64_t>> open_ = std::make_shared<std::unordered_set<uint64_t>>();  // words that wait for their answer
};

}  // namespace notifyd
