#include "net/cluster/member_teller.h"

#include <utility>

#include "net/cluster/member_word.h"

namespace notifyd {

class MemberTeller::Call : public MemberCall {
 public:
  Call(MemberTeller* teller, uint64_t number, std::string address, std::function<void(bool)> then)
      : teller_(*teller), number_(number), address_(std::move(address)), then_(std::move(then)) {}
  ~Call() override {
    if (call_ != 0) teller_.client_.Drop(call_);
  }

  void Begin(const MemberWord& word) {
    MemberRequest request;
    auto body = std::make_shared<const std::string>(EncodeMemberWord(word));
    request.head.append("POST ")
        .append(kMemberWordTarget)
        .append(" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ");
    request.head.append(std::to_string(body->size())).append("\r\n\r\n");
    request.body = std::move(body);
    request.answer_ms = kAnswerMs;
    call_ = teller_.client_.Begin(address_, std::move(request), this);
  }

  void OnContinue() override {}
  void OnAnswerHead(HttpResponse head, std::optional<uint64_t>) override { taken_ = head.status == 204; }
  void OnAnswerBody(std::string_view) override {}
  void OnAnswerEnd(bool) override { End(taken_); }
  void OnLost(const MemberLoss&) override { End(false); }
  void OnSent() override {}

  const std::string& address() const { return address_; }
  std::function<void(bool)> TakeThen() { return std::move(then_); }

 private:
  void End(bool taken) {
    call_ = 0;
    teller_.End(number_, taken);
  }

  MemberTeller& teller_;
  const uint64_t number_;
  const std::string address_;
  std::function<void(bool)> then_;
  uint64_t call_ = 0;
  bool taken_ = false;
};

MemberTeller::MemberTeller(MemberClient* client) : client_(*client) {}
MemberTeller::~MemberTeller() = default;

void MemberTeller::Tell(const std::string& address, const MemberWord& word, std::function<void(bool)> then) {
  size_t& under_way = under_way_[address];
  if (under_way >= kMostUnderWay) return then(false);
  ++under_way;
  const uint64_t number = ++sequence_;
  auto call = std::make_unique<Call>(this, number, address, std::move(then));
  calls_.emplace(number, std::move(call)).first->second->Begin(word);
}

/// Called from inside of the call, which goes with this at the end.
void MemberTeller::End(uint64_t number, bool taken) {
  const std::unique_ptr<Call> call = std::move(calls_.extract(number).mapped());
  auto under_way = under_way_.find(call->address());
  if (--under_way->second == 0) under_way_.erase(under_way);
  call->TakeThen()(taken);
}

}  // namespace notifyd
