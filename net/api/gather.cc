#include "net/api/gather.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "net/api/passing.h"
#include "net/api/problem.h"

namespace notifyd {
namespace {

/// Of all answers together.
constexpr size_t kMostBytes = 64 << 20;

}  // namespace

/// What one member says.
class Gather::Part : public MemberCall {
 public:
  Part(Gather* gather, uint64_t token, const Member& member) : gather_(*gather), token_(token), member_(member) { answer_.status = 0; }
  ~Part() override {
    if (call_ != 0) gather_.client_.Drop(call_);
  }

  void Begin(const std::string& head, size_t most_bytes) {
    most_bytes_ = most_bytes;
    call_ = gather_.client_.Begin(member_.address, MemberRequest{head, nullptr, false, kMostMs}, this);
  }
  void GiveUp() {
    if (std::exchange(ended_, true)) return;
    gather_.client_.Drop(std::exchange(call_, 0));
    answer_ = {};
    answer_.status = 0;
  }

  void OnContinue() override {}
  void OnAnswerHead(HttpResponse head, std::optional<uint64_t>) override {
    // Whoever is there in its place says nothing of what it knows.
    not_here_ = IsNotHere(head);
    answer_ = std::move(head);
    if (not_here_) answer_.status = 0;
  }
  void OnAnswerBody(std::string_view piece) override {
    if (not_here_) return;
    if (answer_.body.size() + piece.size() <= most_bytes_) answer_.body.append(piece);
    else answer_.status = 0;
  }
  void OnAnswerEnd(bool) override { End(); }
  void OnLost(const MemberLoss&) override {
    answer_ = {};
    answer_.status = 0;
    End();
  }
  void OnSent() override {}

  const Member& member() const { return member_; }
  bool ended() const { return ended_; }
  HttpResponse& answer() { return answer_; }

 private:
  void End() {
    call_ = 0;
    ended_ = true;
    gather_.PartEnded(token_);
  }

  Gather& gather_;
  const uint64_t token_;
  const Member member_;
  HttpResponse answer_;  // status 0: there is none
  size_t most_bytes_ = 0;
  uint64_t call_ = 0;
  bool ended_ = false;
  bool not_here_ = false;
};

struct Gather::Asked {
  Plan plan;
  std::vector<std::unique_ptr<Part>> parts;  // a member's each, in the plan's order
};

Gather::Gather(MemberClient* client) : client_(*client) {}
Gather::~Gather() = default;

bool Gather::OnClose(uint64_t token) {
  return asked_.erase(token) > 0;
}

bool Gather::CutAll() {
  std::vector<uint64_t> tokens;
  for (const auto& [token, asked] : asked_) tokens.push_back(token);
  for (uint64_t token : tokens) {
    auto found = asked_.find(token);
    if (found == asked_.end()) continue;
    for (const auto& part : found->second->parts) part->GiveUp();
    Answer(token);
  }
  return !tokens.empty();
}

void Gather::Begin(uint64_t token, HttpRequest request, Plan plan) {
  request.method = "GET";
  auto asked = std::make_unique<Asked>();
  for (const Member& member : plan.members) {
    asked->parts.push_back(std::make_unique<Part>(this, token, member));
    if (!member.alive) asked->parts.back()->GiveUp();
  }
  asked->plan = std::move(plan);
  const Asked* kept = asked_.emplace(token, std::move(asked)).first->second.get();
  bool all_ended = true;
  for (const auto& part : kept->parts) {
    if (part->ended()) continue;
    all_ended = false;
    const MeantMember to{store_, part->member().name, part->member().incarnation};
    part->Begin(PassedOnHead(request, {}, to) + "\r\n", kMostBytes / kept->parts.size());
  }
  if (all_ended) Answer(token);
}

void Gather::PartEnded(uint64_t token) {
  auto found = asked_.find(token);
  const auto& parts = found->second->parts;
  if (std::all_of(parts.begin(), parts.end(), [](const auto& part) { return part->ended(); })) Answer(token);
}

void Gather::Answer(uint64_t token) {
  // Called from inside of a part, which goes with this at the end.
  const std::unique_ptr<Asked> asked = std::move(asked_.extract(token).mapped());
  Plan& plan = asked->plan;
  Gathered gathered;
  HttpResponse response;
  const auto add = [&](const std::string& member, HttpResponse answer) {
    if (gathered.answers.empty()) {
      response.content_type = answer.content_type;
      for (auto& [name, value] : answer.headers)
        if (name == "ETag") response.headers.emplace_back(name, value);
    }
    gathered.answers.push_back({member, std::move(answer.body)});
  };
  if (plan.own && plan.own_first) add(plan.own_name, *std::exchange(plan.own, std::nullopt));
  for (const auto& part : asked->parts) {
    HttpResponse& answer = part->answer();
    // What the first one refuses, the others refuse, too; one that only cannot answer now does not stand in for this one.
    const bool refused = part == asked->parts.front() && answer.status != 0 && answer.status != 200 && (!plan.own || answer.status < 500);
    if (refused && gathered.answers.empty()) return responder_->Respond(token, std::move(answer));
    if (answer.status == 200) add(part->member().name, std::move(answer));
    else gathered.missing.push_back(part->member().name);
  }
  if (plan.own) add(plan.own_name, *std::move(plan.own));
  std::optional<std::string> body = gathered.answers.empty() ? std::nullopt : plan.join(gathered);
  if (!body) return responder_->Respond(token, ProblemResponse(Status(Code::kUnavailable, "no member of the cluster gave an answer; try again")));
  response.body = *std::move(body);
  responder_->Respond(token, std::move(response));
}

}  // namespace notifyd
