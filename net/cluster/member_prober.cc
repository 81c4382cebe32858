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

constexpr const char* kHeadOfPlain = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Asked as for somebody whose request is passed on, which is all that members' listeners answer.
std::string HeadOfProbe(const MeantMember& to) {
  return std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\n").append(kPassedOnHeader) + ": " + EncodePeer({}, {}, to) + "\r\n" +
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
    meant_ = {prober_.setup_.store(), member_.name, member_.incarnation};
    plain_ = false;
    Ask(HeadOfProbe(meant_));
  }
  const std::string& address() const { return member_.address; }
  /// It has begun anew, at the same address.
  void SetMember(const Member& member) { member_ = member; }
  /// Nothing: it is not known yet.
  std::optional<bool> reached() const { return reached_; }

  void OnContinue() override {}
  void OnAnswerHead(HttpResponse head, std::optional<uint64_t>) override {
    status_ = head.status;
    stranger_ = StrangerAt(member_.address, head, meant_);
    for_members_ = false;
    for (const auto& [name, value] : head.headers) {
      if (status_ != 200 || !stranger_.empty() || !EqualsIgnoringCase(name, kListenersHeader)) continue;
      for_members_ = true;
      if (listeners_ == value) continue;
      listeners_ = value;
      if (prober_.setup_.listens) prober_.setup_.listens(member_.name, value);
    }
  }
  void OnAnswerBody(std::string_view) override {}
  void OnAnswerEnd(bool) override {
    call_ = 0;
    if (!stranger_.empty()) return End(stranger_);
    // Of whatever release, members' listeners refuse whoever is no member.
    if (plain_) return End(status_ == 403 ? std::string() : "at " + member_.address + " is a listener for clients, not for members");
    if (status_ != 200) return End(member_.address + ": it answers with " + std::to_string(status_));
    if (for_members_) return End({});
    plain_ = true;
    Ask(kHeadOfPlain);
  }
  void OnLost(const MemberLoss& loss) override { End(loss.detail); }
  void OnSent() override {}

 private:
  MemberClient& client() const { return *prober_.setup_.client; }
  void Ask(std::string head) {
    status_ = 0;
    call_ = client().Begin(member_.address, MemberRequest{std::move(head), nullptr, false, kAnswerMs}, this);
  }
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
  Member member_;
  MeantMember meant_;  // by the probe under way
  uint64_t call_ = 0;  // under way
  int status_ = 0;
  std::string stranger_;                  // who answered in its place
  bool for_members_ = false;              // as only a members' listener does
  bool plain_ = false;                    // asked as a client asks
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
    std::unique_ptr<Probe>& probe = probes[member.name];
    probe = same ? std::move(before->second) : std::make_unique<Probe>(this, member);
    probe->SetMember(member);
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
