// What a start finds beside notifies: the agenda is read to its end, the catalog whole, and neither again.
#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "broker/core_fixture.h"
#include "broker/service_records.h"

namespace notifyd {
namespace {

FakeImage ImageWith(uint64_t agenda, uint64_t services) {
  FakeImage image;
  for (uint64_t serial = 1; serial <= agenda; ++serial) {
    std::string key;
    Encoder(&key).Big64(serial);
    image.records[{RecordKind::kAgenda, key}] = {"\x7f of no kind that is known", kWallNever};
  }
  for (uint64_t i = 0; i < services; ++i) image.records[{RecordKind::kService, "s" + std::to_string(i)}] = {EncodeService({}), kWallNever};
  image.totals.next_serial = agenda + 1;
  image.totals.records[RecordKind::kAgenda] = agenda;
  image.totals.records[RecordKind::kService] = services;
  return image;
}

uint64_t CountOf(const FakeImage& image, RecordKind kind) {
  uint64_t count = 0;
  for (const auto& [key, record] : image.records) count += key.kind == kind;
  return count;
}

}  // namespace

TEST_CASE("agenda: all that a start finds is carried out, page by page, whatever a crash left of it; then the core may rest") {
  CoreLimits limits;
  limits.page_items = 16;
  CoreFixture f(limits, ImageWith(200, 50));
  const uint64_t crashes = GENERATE(0, 1, 4);
  f.reads().ClosePages();
  f.Run();
  uint64_t left = 200;
  for (uint64_t i = 0; i < crashes; ++i) {
    f.reads().OpenPages();
    f.reads().ClosePages();
    f.Run();
    const uint64_t now_left = CountOf(f.image(), RecordKind::kAgenda);
    CHECK(now_left == left - 16);  // a page of them
    CHECK_FALSE(f.core().idle(f.now.wall));
    left = now_left;
    f.Restart(CrashKind::kKill, /*pages=*/false);
    CHECK(CountOf(f.image(), RecordKind::kAgenda) == left);
    CHECK(f.image().totals.records[RecordKind::kAgenda] == left);
  }
  f.reads().OpenPages();
  f.Run();
  f.Pass(1000);
  CHECK(CountOf(f.image(), RecordKind::kAgenda) == 0);
  CHECK(f.image().totals.records[RecordKind::kAgenda] == 0);
  CHECK(CountOf(f.image(), RecordKind::kService) == 50);
  CHECK(f.image().totals.records[RecordKind::kService] == 50);
  CHECK(f.core().idle(f.now.wall));
}

TEST_CASE("agenda: a core that stops begins nothing of it any more, and leaves it for the next") {
  CoreLimits limits;
  limits.page_items = 16;
  CoreFixture f(limits, ImageWith(200, 0));
  f.Post(StopRequested{});
  f.Run();
  f.Pass(100);
  CHECK(f.drained);
  CHECK(CountOf(f.image(), RecordKind::kAgenda) == 200);
  f.Restart();
  f.Pass(1000);
  CHECK(CountOf(f.image(), RecordKind::kAgenda) == 0);
}

TEST_CASE("agenda: a core of a namespace that has nothing beside notifies reads nothing for it") {
  CoreFixture f;
  const uint64_t rows = f.store().rows();
  f.Run();
  f.Pass(100);
  CHECK(f.store().rows() == rows);
  CHECK(f.core().idle(f.now.wall));
}

}  // namespace notifyd
