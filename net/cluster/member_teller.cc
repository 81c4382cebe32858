#include "net/cluster/member_teller.h"

#include <utility>

#include "net/cluster/member_word.h"
#include "net/cluster/report_word.h"

namespace notifyd {

class MemberTeller::Call : public MemberCall {
 public:
  Call(MemberTeller* teller, uint64_t number, std::string address, std::function<void(int)> then)
      : teller_(*teller), number_(number), address_(std::move(address)), then_(std::move(then)) {}
  ~Call() override {
    if (call_ != 0) teller_.client_.Drop(call_);
  }

  void Begin(std::string_view target, std::string text) {
    MemberRequest request;
    auto body = std::make_shared<const std::string>(std::move(text));
    request.head.append("POST ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ");
    request.head.append(std::to_string(body->size())).append("\r\n\r\n");
    request.body = std::move(body);
    request.answer_ms = kAnswerMs;
    call_ = teller_.client_.Begin(address_, std::move(request), this);
  }

  void OnContinue() override {}
  void OnAnswerHead(HttpResponse head, std::optional<uint64_t>) override { status_ = head.status; }
  void OnAnswerBody(std::string_view) override {}
  void OnAnswerEnd(bool) override { End(status_); }
  void OnLost(const MemberLoss&) override { End(0); }
  void OnSent() override {}

  const std::string& address() const { return address_; }
  std::function<void(int)> TakeThen() { return std::move(then_); }

 private:
  void End(int status) {
    call_ = 0;
    teller_.End(number_, status);
  }

  MemberTeller& teller_;
  const uint64_t number_;
  const std::string address_;
  std::function<void(int)> then_;
  uint64_t call_ = 0;
  int status_ = 0;
};

MemberTeller::MemberTeller(MemberClient* client, WordFigures* figures) : client_(*client), figures_(*figures) {}
MemberTeller::~MemberTeller() = default;

void MemberTeller::Tell(const std::string& address, const MeantMember& to, const MemberWord& word, std::function<void(bool)> then) {
  Send(address, kMemberWordTarget, EncodeMemberWord(word, to), [then = std::move(then)](int status) { then(status == kTaken); });
}

void MemberTeller::Tell(const std::string& address, const MeantMember& to, const AlertReport& report, std::function<void(int)> then) {
  Send(address, kReportWordTarget, EncodeAlertReport(report, to), std::move(then));
}

void MemberTeller::Send(const std::string& address, std::string_view target, std::string body, std::function<void(int)> then) {
  figures_.sent.fetch_add(1, std::memory_order_relaxed);
  size_t& under_way = under_way_[address];
  if (under_way >= kMostUnderWay) {
    figures_.failed.fetch_add(1, std::memory_order_relaxed);
    return then(0);
  }
  ++under_way;
  const uint64_t number = ++sequence_;
  auto call = std::make_unique<Call>(this, number, address, std::move(then));
  calls_.emplace(number, std::move(call)).first->second->Begin(target, std::move(body));
}

/// Called from inside of the call, which goes with this at the end.
void MemberTeller::End(uint64_t number, int status) {
  if (status != kTaken) figures_.failed.fetch_add(1, std::memory_order_relaxed);
  const std::unique_ptr<Call> call = std::move(calls_.extract(number).mapped());
  auto under_way = under_way_.find(call->address());
  if (--under_way->second == 0) under_way_.erase(under_way);
  call->TakeThen()(status);
}

}  // namespace notifyd
