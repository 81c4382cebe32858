// FakeReads: what FakeStore answers reads with, of one namespace's image at one moment. Pure.
#pragma once

#include "base/random.h"
#include "fakes/fake_image.h"
#include "fakes/fake_options.h"

namespace notifyd {

class FakeReads {
 public:
  /// Both are borrowed.
  FakeReads(const FakeImage& image, const FakeStoreOptions& options) : image_(image), options_(options) {}

  LoadedNotify Get(NotifyId id, bool even_over = false) const;
  LoadedValue GetValue(const LoadKey& key) const;
  /// `random`: for a fault. `rows_read` grows by what the page looked at.
  PageLoaded RunPage(const PageEffect& page, Random* random, uint64_t* rows_read) const;
  ListDone RunList(const ListEffect& list) const;
  LanesDone RunLanes(const LanesEffect& lanes) const;

 private:
  bool Hidden(const NotifyRecord& record) const;
  std::shared_ptr<const EventRecord> EventOfRow(const std::string& key, size_t* bytes) const;
  LaneRow RowOf(const LaneKey& lane) const;

  const FakeImage& image_;
  const FakeStoreOptions& options_;
};

}  // namespace notifyd
