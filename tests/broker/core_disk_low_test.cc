// A disk that is nearly full takes nothing new, and keeps nobody from being told of what it has taken.
#include <catch2/catch.hpp>

#include "broker/topics_fixture.h"

using namespace notifyd;

namespace {

using Fields = CoreFixture::Fields;

void SetLow(CoreFixture& f, bool low) {
  f.Post(DiskSpace{.low = low});
  f.Run();
}

Fields Keyed(const std::string& key) {
  Fields fields;
  fields.idempotency_key = key;
  return fields;
}

Fields Under(const std::string& fkey, OnHeld on_held) {
  Fields fields;
  fields.fkey = fkey;
  fields.on_held = on_held;
  return fields;
}

}  // namespace

TEST_CASE("disk full: a repeat under a key, and what gives way to a notify that is held, are answered as ever; what writes is refused") {
  CoreFixture f;
  const NotifyId first = f.Submit(Keyed("a")).id, held = f.Submit(Under("order", OnHeld::kReject)).id;
  SetLow(f, true);
  CHECK(f.Submit(Keyed("a")).id == first);
  CHECK(f.Submit(Keyed("a")).duplicate);
  Fields others = Keyed("a");
  others.data = "1";
  CHECK(CoreFixture::CodeOf(f.TrySubmit({others}, false)) == Code::kUnacceptable);
  CHECK(f.Submit(Under("order", OnHeld::kKeep)).id == held);
  CHECK(CoreFixture::CodeOf(f.TrySubmit({Under("order", OnHeld::kReject)}, false)) == Code::kConflict);
  CHECK(CoreFixture::CodeOf(f.TrySubmit({Under("order", OnHeld::kReplace)}, false)) == Code::kDiskFull);
  // Its key would be kept.
  Fields kept = Under("order", OnHeld::kKeep);
  kept.idempotency_key = "b";
  CHECK(CoreFixture::CodeOf(f.TrySubmit({kept}, false)) == Code::kDiskFull);
  CHECK(CoreFixture::CodeOf(f.TrySubmit({Fields{}}, false)) == Code::kDiskFull);
  const Reply& whole = f.TrySubmit({Keyed("a"), Fields{}});
  REQUIRE(CoreFixture::CodeOf(whole) == Code::kDiskFull);
  CHECK(std::get<Refused>(whole.body).status.field() == "/1");
  CHECK(CoreFixture::CodeOf(f.TrySubmit({Keyed("a"), Under("order", OnHeld::kKeep)})) == Code::kOk);
  SubmitRequest lines;
  lines.batch = lines.each = true;
  lines.items = {CoreFixture::Item(Keyed("a")), CoreFixture::Item(Keyed("c")), CoreFixture::Item(Keyed("a"))};
  const auto answered = std::get<Submitted>(f.Do(lines).body);
  REQUIRE(answered.items.size() == 3);
  CHECK(answered.items[0].id == first);
  CHECK(answered.items[1].refused.code() == Code::kDiskFull);
  CHECK(answered.items[2].duplicate);
  CHECK(f.Stats().totals.accepted == 2);
  SetLow(f, false);
  CHECK_FALSE(f.Submit(Keyed("c")).duplicate);
}

TEST_CASE("disk full: an event that is a repeat under its key is answered as ever, a new one is refused") {
  Topics f;
  f.Subscribe("one");
  EventItem item = Topics::Item("a.b", "{}");
  item.idempotency_key = "k";
  item.fields = FingerprintOf("1");
  const Published::Item first = f.Emit(item);
  SetLow(f, true);
  const Published::Item again = f.Emit(item);
  CHECK(again.duplicate);
  CHECK(again.id == first.id);
  Publish both;
  both.batch = true;
  both.events = {item, Topics::Item("a.b", "{}")};
  const Reply& refused = f.Try({both});
  REQUIRE(Topics::CodeOf(refused) == Code::kDiskFull);
  CHECK(std::get<Refused>(refused.body).status.field() == "/1");
  SetLow(f, false);
  CHECK_FALSE(f.Emit(Topics::Item("a.b", "{}")).duplicate);
}
