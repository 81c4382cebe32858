// Bulk requests in the core: what is listed, and what of that is still there when it is changed.
#include <catch2/catch.hpp>

#include "broker/core_fixture.h"

using namespace notifyd;

TEST_CASE("bulk: what another request removed between a list and the changes is passed over, whatever is asked of it") {
  CoreFixture f;
  const BulkKind kind = GENERATE(BulkKind::kRetry, BulkKind::kPurge);
  std::vector<NotifyId> ids;
  for (int i = 0; i < 3; ++i) {
    CoreFixture::Fields fields;
    fields.when = {When::Kind::kDelay, 60'000};
    ids.push_back(f.Submit(fields).id);
    REQUIRE(CoreFixture::CodeOf(f.ById<CancelRequest>(ids.back())) == Code::kOk);
  }
  BulkRequest bulk;
  bulk.kind = kind;
  bulk.query.states = {State::kCancelled};
  bulk.query.limit = 100;
  // It has its list before they are removed, and what it reads then comes behind that.
  f.reads().CloseLists();
  const uint64_t token = f.Ask(bulk);
  f.Run();
  ListDone listed;
  listed.request = f.reads().TakeLists().at(0).request;
  for (const NotifyId id : ids) {
    LoadedNotify item;
    item.record = std::make_shared<NotifyRecord>(*f.image().Find(id));
    listed.items.push_back(std::move(item));
  }
  REQUIRE(f.Bulk(BulkKind::kPurge, {State::kCancelled}).count == 3);
  f.Pass(1'000);
  f.Post(std::move(listed));
  f.Run();
  CHECK(std::get<BulkDone>(f.replies.at(token).body).count == 0);
  CHECK(f.Stats().totals.pending() == 0);
  CHECK(f.Balances());
}
