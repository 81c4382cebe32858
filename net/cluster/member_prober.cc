#include "net/cluster/member_prober.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/log.h"
#include "net/cluster/passed_peer.h"

namespace notifyd {
namespace {

constexpr int64_t kAnswerMs = 3'000;

/// Asked as for somebody whose request is passed on, which is all that members' listeners answer.
std::string HeadOfProbe() {
  return std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\n").append(kPassedOnHeader) + ": " + EncodePeer({}) + "\r\n" +
         std::string(kListenersHeader) + ": ?\r\nConnection: close\r\n\r\n";
}

}  // namespace

/// Of one member.
class MemberProber::Probe : public MemberCall {
 public:
  Probe(MemberProber* prober, Member member) : prober_(*prober), member_(std::move(member)) {}
  ~Probe() override {
    if (call_ != 0) client().Drop(call_);
  }
  void Look(int64_t now_ms) {
    if (call_ != 0 || now_ms < next_ms_) return;
    status_ = 0;
    call_ = client().Begin(member_.address, MemberRequest{HeadOfProbe(), nullptr, false, kAnswerMs}, this);
  }
  const std::string& address() const { return member_.address; }
  /// Nothing: it is not known yet.
  std::optional<bool> reached() const { return reached_; }

  void OnContinue() override {}
  void OnAnswerHead(HttpResponse head, std::optional<uint64_t>) override {
    status_ = head.status;
    for (const auto& [name, value] : head.headers) {
      if (status_ != 200 || !EqualsIgnoringCase(name, kListenersHeader) || listeners_ == value) continue;
      listeners_ = value;
      if (prober_.setup_.listens) prober_.setup_.listens(member_.name, value);
    }
  }
  void OnAnswerBody(std::string_view) override {}
  void OnAnswerEnd(bool) override { End(status_ == 200 ? std::string() : member_.address + ": it answers with " + std::to_string(status_)); }
  void OnLost(const MemberLoss& loss) override { End(loss.detail); }
  void OnSent() override {}

 private:
  MemberClient& client() const { return *prober_.setup_.client; }
  /// `fault`: empty: it answered.
  void End(const std::string& fault) {
    call_ = 0;
    failed_ = fault.empty() ? 0 : failed_ + 1;
    const bool again = failed_ > 0 && failed_ < kTries;
    next_ms_ = client().NowMs() + (again ? kAgainMs : kEveryMs);
    if (again) return;
    const bool reached = failed_ == 0;
    if (!reached && reached_.value_or(true)) Log(LogLevel::kWarn, "a member does not answer", {{"member", member_.name}, {"detail", fault}});
    if (reached && !reached_.value_or(true)) Log(LogLevel::kInfo, "a member answers again", {{"member", member_.name}});
    reached_ = reached;
    prober_.Tell();
  }

  MemberProber& prober_;
  const Member member_;
  uint64_t call_ = 0;  // under way
  int status_ = 0;
  std::optional<std::string> listeners_;  // as it said last
  int failed_ = 0;  // in a row
  int64_t next_ms_ = 0;
  std::optional<bool> reached_;
};

MemberProber::MemberProber(Setup setup) : setup_(std::move(setup)) {}
MemberProber::~MemberProber() = default;

void MemberProber::SetMembers(const std::vector<Member>& members) {
  std::map<std::string, std::unique_ptr<Probe>> probes;
  for (const Member& member : members) {
    if (member.self) continue;
    auto before = probes_.find(member.name);
    const bool same = before != probes_.end() && before->second->address() == member.address;
    probes[member.name] = same ? std::move(before->second) : std::make_unique<Probe>(this, member);
  }
  probes_ = std::move(probes);
  Tell();
  Look();
}

void MemberProber::Look() {
  for (const auto& [name, probe] : probes_) probe->Look(setup_.client->NowMs());
  setup_.timer(kAgainMs / 2, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) Look();
  });
}

void MemberProber::Tell() {
  std::set<std::string> unreached;
  bool all = true;
  for (const auto& [name, probe] : probes_) {
    all = all && probe->reached().has_value();
    if (!probe->reached().value_or(true)) unreached.insert(name);
  }
  if (tells_ ? unreached == told_ : !all) return;
  tells_ = true;
  told_ = unreached;
  setup_.changed(std::move(unreached));
}

}  // namespace notifyd
