// The core without any I/O: the chain of brokers that a request came through goes on with whatever it brings about.
#include "core_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

CoreFixture::Fields Told() {
  CoreFixture::Fields f;
  f.callback = "told:80";
  RetryPolicy once;
  once.max_attempts = 1;
  f.retry = once;
  return f;
}

/// As the sender does it.
void EndFirst(CoreFixture* f, Verdict verdict) {
  StartAttempt start = f->starts.at(0);
  AttemptEnded e;
  e.id = start.id;
  e.result.verdict = verdict;
  e.result.record.number = start.number;
  e.result.record.status = 200;
  e.result.via = ViaOfSpec(*start.spec);
  std::erase_if(f->starts, [&](const StartAttempt& s) { return s.id == e.id; });
  f->Post(std::move(e));
  f->Run();
}

void Retry(CoreFixture* f, NotifyId id, const std::string& via) {
  RetryRequest r;
  r.id = id;
  r.via = via;
  REQUIRE(std::holds_alternative<Retried>(f->Do(std::move(r)).body));
}

std::string ViaOf(const StartAttempt& start) {
  return ViaOfSpec(*start.spec);
}

}  // namespace

TEST_CASE("via: one that is sent again goes on with the chain of who asked, and its callback too") {
  CoreFixture f;
  const bool bulk = GENERATE(false, true);
  NotifyId id = f.Submit(Told()).id;
  EndFirst(&f, Verdict::kSuccess);
  REQUIRE(f.starts.size() == 1);  // the callback
  CHECK(ViaOf(f.starts[0]).empty());
  EndFirst(&f, Verdict::kSuccess);
  if (bulk) {
    BulkRequest r;
    r.kind = BulkKind::kRetry;
    r.query.states = {State::kSucceeded};
    r.query.limit = 1;
    r.via = "a, b";
    REQUIRE(std::get<BulkDone>(f.Do(std::move(r)).body).count == 1);
  } else {
    Retry(&f, id, "a, b");
  }
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id == id);
  CHECK(ViaOf(f.starts[0]) == "a, b");
  f.Restart();
  REQUIRE(f.starts.size() == 1);
  CHECK(ViaOf(f.starts[0]) == "a, b");
  EndFirst(&f, Verdict::kFailure);
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id != id);
  CHECK(ViaOf(f.starts[0]) == "a, b");
  EndFirst(&f, Verdict::kSuccess);
  // Asked by a person it has come through nobody.
  Retry(&f, id, "");
  CHECK(ViaOf(f.starts.at(0)).empty());
}

TEST_CASE("via: the callback of one that ends without an attempt carries the chain, whether its spec is in memory or not") {
  CoreLimits limits;
  limits.max_spec_bytes = GENERATE(0, 1 << 20);
  CoreFixture f(limits);
  CoreFixture::Fields fields = Told();
  fields.ttl = {When::Kind::kDelay, 5};
  NotifyId id = f.Submit(fields).id;
  EndFirst(&f, Verdict::kSuccess);
  EndFirst(&f, Verdict::kSuccess);
  f.Pause({Mode::kConcurrent, "lane"});
  Retry(&f, id, "a");
  CHECK(f.starts.empty());
  const bool restart = GENERATE(false, true);
  if (restart) f.Restart();
  if (GENERATE(false, true)) f.Pass(10);
  else f.ById<CancelRequest>(id);
  CHECK(IsSettled(f.StateOf(id)));
  REQUIRE(f.starts.size() == 1);
  CHECK(f.starts[0].id != id);
  CHECK(ViaOf(f.starts[0]) == "a");
}
