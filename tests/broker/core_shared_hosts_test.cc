// Cores of several namespaces under a rule of the file that holds for all of them together.
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "broker/core_fixture.h"
#include "broker/flow_settings.h"
#include "broker/service_events.h"
#include "broker/shared_caps.h"

using namespace notifyd;

namespace {

/// Each with a store of its own, and what lends between them.
class Cores {
 public:
  explicit Cores(size_t count) {
    for (size_t i = 0; i < count; ++i) all_.push_back(std::make_unique<CoreFixture>());
  }
  CoreFixture& At(size_t i) { return *all_[i]; }
  void File(const std::vector<HostRule>& rules) {
    for (auto& f : all_) {
      auto flow = std::make_shared<FlowSettings>();
      flow->hosts = rules;
      for (size_t i = 0; i < rules.size(); ++i) flow->hosts[i].place = static_cast<uint32_t>(i + 1);
      f->Post(FlowSettingsChanged{std::move(flow)});
      f->Run();
    }
    Exchange();
  }
  NotifyId To(size_t i, const std::string& host, int n = 1) {
    NotifyId last;
    for (int k = 0; k < n; ++k) {
      CoreFixture::Fields fields;
      fields.host = host;
      fields.lane = "lane" + std::to_string(lanes_++);
      last = At(i).Submit(fields).id;
    }
    Exchange();
    return last;
  }
  void End(size_t i) {
    At(i).EndFirst(Verdict::kSuccess);
    At(i).Run();
    Exchange();
  }
  void Pass(int64_t ms) {
    for (auto& f : all_) f->Pass(ms);
    Exchange();
  }
  size_t InFlight() const {
    size_t all = 0;
    for (const auto& f : all_) all += f->starts.size();
    return all;
  }
  /// It is gone, with what it has in flight; another takes its place, which has nothing yet.
  void Replace(size_t i) {
    SharedCaps::Out out;
    caps_.Gone(static_cast<NamespaceNumber>(i), &out);
    all_[i] = std::make_unique<CoreFixture>();
    Deliver(std::move(out));
    Exchange();
  }
  SharedCaps& caps() { return caps_; }

 private:
  void Exchange() {
    for (int round = 0; round < 100; ++round) {
      SharedCaps::Out out;
      bool said = false;
      for (size_t i = 0; i < all_.size(); ++i) {
        std::vector<SharedUse> uses;
        all_[i]->core().TakeSharedUses(&uses);
        for (const SharedUse& use : uses) caps_.Report(static_cast<NamespaceNumber>(i), use, &out);
        said |= !uses.empty();
      }
      caps_.CheckInvariants();
      if (!said && out.empty()) return;
      Deliver(std::move(out));
    }
    FAIL("they do not come to rest");
  }
  void Deliver(SharedCaps::Out out) {
    for (SharedCaps::Lent& lent : out) {
      auto settings = std::make_shared<FlowSettings>();
      settings->grant = std::move(lent.grant);
      At(lent.to).Post(FlowSettingsChanged{std::move(settings)});
      At(lent.to).Run();
    }
  }

  std::vector<std::unique_ptr<CoreFixture>> all_;
  SharedCaps caps_;
  int lanes_ = 0;
};

HostRule Shared(const char* match, std::optional<uint32_t> concurrency, std::optional<double> rate = {}) {
  HostRule rule;
  rule.match = *UrlPattern::Parse(match);
  rule.concurrency = concurrency;
  rule.rate_per_s = rate;
  rule.shared = true;
  return rule;
}

}  // namespace

TEST_CASE("shared rules: several namespaces have no more calls at a host than the rule says, all together, and each its part") {
  Cores f(2);
  f.File({Shared("*.test", 4)});
  f.To(0, "a.test:80", 10);
  CHECK(f.At(0).starts.size() == 4);
  const NotifyId waits = f.To(1, "a.test:80", 10);
  CHECK(f.InFlight() == 4);
  CHECK(f.At(1).Why(waits) == std::vector<std::string>{"host_at_cap"});
  // Another host is counted by itself, and one of no rule not at all.
  f.To(1, "b.test:80", 5);
  CHECK(f.At(1).starts.size() == 4);
  f.To(1, "other:80", 5);
  CHECK(f.At(1).starts.size() == 9);
  for (int i = 0; i < 3; ++i) f.End(0);
  CHECK(f.At(0).starts.size() == 2);
  CHECK(f.At(1).starts.size() == 11);
  while (!f.At(0).starts.empty()) f.End(0);
  while (!f.At(1).starts.empty()) f.End(1);
  CHECK(f.caps().lent("a.test:80") == 0);  // nobody has anything for it
  CHECK(f.At(0).Balances());
  CHECK(f.At(1).Balances());
}

TEST_CASE("shared rules: one place is taken in turn by all who want it") {
  Cores f(3);
  f.File({Shared("*", 1)});
  for (size_t i = 0; i < 3; ++i) f.To(i, "a:80", 5);
  std::vector<size_t> ended(3);
  for (int k = 0; k < 15; ++k) {
    REQUIRE(f.InFlight() == 1);
    for (size_t i = 0; i < 3; ++i)
      if (!f.At(i).starts.empty()) {
        ++ended[i];
        f.End(i);
        break;
      }
    if (k == 8)
      for (size_t i = 0; i < 3; ++i) CHECK(ended[i] >= 2);
  }
  CHECK(ended == std::vector<size_t>{5, 5, 5});
}

TEST_CASE("shared rules: the file changes what holds, and takes the rule away, under calls in flight") {
  Cores f(2);
  f.To(0, "a:80", 6);
  f.To(1, "a:80", 6);
  CHECK(f.InFlight() == 12);
  f.File({Shared("*", 3)});
  f.To(0, "a:80", 6);
  f.To(1, "a:80", 6);
  CHECK(f.InFlight() == 12);
  for (int i = 0; i < 6; ++i) f.End(0), f.End(1);
  CHECK(f.InFlight() == 3);
  f.File({Shared("*", 8)});
  CHECK(f.InFlight() == 8);
  HostRule alone = Shared("*", 5);
  alone.shared = false;
  f.File({alone});
  CHECK(f.InFlight() == 10);
  CHECK(f.caps().lent("a:80") == 0);
  f.File({});
  CHECK(f.InFlight() == 12);
}

TEST_CASE("shared rules: an operator of one namespace may say less for it, not more") {
  Cores f(2);
  f.File({Shared("*", 4)});
  HostChangeRequest r;
  r.host = "a:80";
  r.patch.concurrency.emplace(1);
  f.At(0).Do(HostChangeRequest(r));
  f.To(0, "a:80", 5);
  CHECK(f.At(0).starts.size() == 1);
  f.To(1, "a:80", 5);
  CHECK(f.At(1).starts.size() == 3);
  r.patch.concurrency.emplace(100);
  CHECK(std::get<HostViewed>(f.At(0).Do(HostChangeRequest(r)).body).host.effective.concurrency == 4);
  f.To(0, "b:80", 0);
  CHECK(f.InFlight() == 4);
}

TEST_CASE("shared rules: a rate is that of all together, also of one that comes to it") {
  Cores f(2);
  f.File({Shared("*", {}, 10)});
  f.To(0, "a:80", 100);
  for (int i = 0; i < 20; ++i) f.Pass(100);
  CHECK(f.InFlight() >= 20);
  CHECK(f.InFlight() <= 22);
  f.To(1, "a:80", 100);
  const size_t before = f.InFlight();
  for (int i = 0; i < 40; ++i) f.Pass(100);
  CHECK(f.InFlight() >= before + 38);
  CHECK(f.InFlight() <= before + 41);
  CHECK(f.At(1).starts.size() >= 15);
}

TEST_CASE("shared rules: a core that is gone gives back what it had; a new one begins with nothing, and gets its part") {
  Cores f(2);
  f.File({Shared("*", 2)});
  f.To(0, "a:80", 5);
  f.To(1, "a:80", 5);
  CHECK(f.At(0).starts.size() == 2);
  f.End(0);
  CHECK(f.At(1).starts.size() == 1);
  f.Replace(0);
  CHECK(f.At(1).starts.size() == 2);
  f.File({Shared("*", 2)});
  f.To(0, "a:80", 5);
  CHECK(f.InFlight() == 2);
  f.End(1);
  CHECK(f.At(0).starts.size() == 1);
  CHECK(f.InFlight() == 2);
  for (int i = 0; i < 20 && f.InFlight() > 0; ++i)
    for (size_t k : {0, 1})
      if (!f.At(k).starts.empty()) f.End(k);
  CHECK(f.InFlight() == 0);
  CHECK(f.caps().lent("a:80") == 0);
  CHECK(f.At(0).Balances());
  CHECK(f.At(1).Balances());
}

TEST_CASE("shared rules: calls that reach a host as an instance of a service count, and what waits for them alone is lent") {
  Cores f(2);
  f.File({Shared("*.test", 3)});
  for (size_t i : {0, 1}) {
    ServiceRequest r;
    r.ask = std::make_shared<const ServiceAsk>(ServiceAsk{PutInstance{"billing", "a", {"http://a.test", 1, {}, 0}, {}}});
    f.At(i).Do(std::move(r));
  }
  CHECK(f.caps().lent("a.test:80") == 0);  // nobody has anything for it
  f.To(0, "service://billing", 10);
  CHECK(f.At(0).starts.size() == 3);
  const NotifyId waits = f.To(1, "a.test:80", 10);
  f.To(1, "service://billing", 10);
  CHECK(f.InFlight() == 3);
  CHECK(f.At(1).Why(waits) == std::vector<std::string>{"host_at_cap"});
  size_t ended = 0;
  for (; f.InFlight() > 0 && ended < 100; ++ended) {
    REQUIRE(f.InFlight() == std::min<size_t>(3, 30 - ended));
    f.End(f.At(1).starts.empty() || (ended % 2 == 0 && !f.At(0).starts.empty()) ? 0 : 1);
  }
  CHECK(ended == 30);
  CHECK(f.caps().lent("a.test:80") == 0);
  // A rule that becomes a shared one, and one that is no longer, hold for what is there.
  f.File({});
  f.To(0, "service://billing", 5);
  f.To(1, "service://billing", 5);
  CHECK(f.InFlight() == 10);
  f.File({Shared("*.test", 2)});
  f.To(0, "service://billing", 5);
  CHECK(f.InFlight() == 10);
  for (int i = 0; i < 5; ++i) f.End(0), f.End(1);
  CHECK(f.InFlight() == 2);
  f.File({});
  CHECK(f.InFlight() == 5);
  CHECK(f.At(0).Balances());
}
