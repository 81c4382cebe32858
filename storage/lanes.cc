// Lists of lanes, by name, then mode: what has counts and what has settings are two ranges of keys in that order, walked side by side.

#include <algorithm>

#include "storage/keys.h"
#include "storage/reader.h"
#include "storage/records.h"

namespace notifyd {
namespace {

/// The keys of one kind that a query asks for.
class NamedRange {
 public:
  NamedRange(const KvMoment& moment, const KeySpace& space, KeyKind kind, const LanesQuery& query) : space_(space) {
    std::string from = space.In(EncodeNamedLanePrefix(kind, query.prefix)), to = space.In(PrefixEnd(EncodeNamedLanePrefix(kind, query.prefix)));
    if (query.after) from = std::max(from, space.In(EncodeNamedLaneKey(kind, *query.after) + '\0'));
    it_ = moment.Walk(std::move(from), std::move(to), {.expected = query.limit});
  }
  KvCursor* operator->() { return it_.get(); }
  /// The same for a lane in every range, and in their order.
  std::string_view place() const { return key().substr(1); }
  std::string_view key() const { return space_.Bare(it_->key()); }

 private:
  const KeySpace& space_;
  std::unique_ptr<KvCursor> it_;
};

bool SaysNothing(const LaneRow& row) {
  return row.counts.IsZero() && row.settings.IsDefault();
}

template <class T>
Status Take(Result<T> decoded, T* out) {
  if (!decoded.ok()) return std::move(decoded).status();
  *out = std::move(*decoded);
  return Status::Ok();
}

}  // namespace

class LaneLister {
 public:
  LaneLister(const Reader& reader, const LanesEffect& lanes) : space_(reader.space_), lanes_(lanes), moment_(reader.kv_->Now(KvFor::kScans)) {}

  LanesDone Run() {
    Status status = lanes_.query.only ? TakeOnly(*lanes_.query.only) : lanes_.query.configured ? WalkSettings() : WalkAll();
    if (status.ok()) status = FindFronts();
    if (!status.ok()) done_ = {};
    done_.request = lanes_.request;
    done_.status = std::move(status);
    return std::move(done_);
  }

 private:
  Status TakeOnly(const LaneKey& lane) {
    done_.rows.push_back({lane, {}, {}, {}});
    Status status = FillIn(KeyKind::kLaneSettings);
    if (status.ok()) status = FillIn(KeyKind::kLaneCounts);
    std::erase_if(done_.rows, SaysNothing);
    return status;
  }

  Status WalkAll() {
    NamedRange counts(*moment_, space_, KeyKind::kLaneCounts, lanes_.query), settings(*moment_, space_, KeyKind::kLaneSettings, lanes_.query);
    while (counts->Valid() || settings->Valid()) {
      bool counted = counts->Valid() && (!settings->Valid() || counts.place() <= settings.place());
      bool set = settings->Valid() && (!counts->Valid() || settings.place() <= counts.place());
      LaneRow row;
      Status status = counted ? TakeKey(&counts, KeyKind::kLaneCounts, &row) : Status::Ok();
      if (status.ok() && set) status = TakeKey(&settings, KeyKind::kLaneSettings, &row);
      if (!status.ok()) return status;
      if (!Add(std::move(row))) break;
      if (counted) counts->Next();
      if (set) settings->Next();
    }
    Status status = counts->status();
    return status.ok() ? settings->status() : status;
  }

  Status WalkSettings() {
    NamedRange settings(*moment_, space_, KeyKind::kLaneSettings, lanes_.query);
    for (; settings->Valid(); settings->Next()) {
      LaneRow row;
      if (Status status = TakeKey(&settings, KeyKind::kLaneSettings, &row); !status.ok()) return status;
      if (!Add(std::move(row))) break;
    }
    Status status = settings->status();
    return status.ok() ? FillIn(KeyKind::kLaneCounts) : status;
  }

  Status TakeKey(NamedRange* range, KeyKind kind, LaneRow* row) {
    std::optional<LaneKey> lane = DecodeNamedLaneKey(kind, range->key());
    if (!lane) return BadKey((*range)->key());
    row->lane = std::move(*lane);
    return TakeValue(kind, (*range)->value(), row);
  }

  static Status TakeValue(KeyKind kind, std::string_view value, LaneRow* row) {
    Status status = kind == KeyKind::kLaneCounts ? Take(DecodeLaneCounts(value), &row->counts) : Take(DecodeLaneSettings(value), &row->settings);
    return status.ok() ? Status::Ok() : Status(status.code(), status.detail() + ": " + row->lane.name);
  }

  /// False: the page ends before this lane, which may or may not have anything to say.
  bool Add(LaneRow row) {
    bool silent = SaysNothing(row);
    if (examined_++ >= kListExamined || (!silent && done_.rows.size() >= lanes_.query.limit)) {
      done_.more = true;
      done_.next = std::move(last_);
      return false;
    }
    last_ = row.lane;
    if (!silent) done_.rows.push_back(std::move(row));
    return true;
  }

  /// Looks the rows up among the keys of `kind`.
  Status FillIn(KeyKind kind) {
    std::vector<std::string> keys;
    keys.reserve(done_.rows.size());
    for (const LaneRow& row : done_.rows) keys.push_back(space_.In(EncodeNamedLaneKey(kind, row.lane)));
    return moment_->GetAll(keys, [&](size_t i, std::string_view value) { return TakeValue(kind, value, &done_.rows[i]); });
  }

  Status FindFronts() {
    std::vector<std::string> keys;
    keys.reserve(done_.rows.size());
    for (const LaneRow& row : done_.rows) keys.push_back(space_.In(EncodeLaneKey(row.lane)));
    return moment_->GetAll(keys, [&](size_t i, std::string_view value) {
      auto record = DecodeLane(value);
      if (!record.ok()) return std::move(record).status();
      return record->tail ? FindFront(record->tail_from, &done_.rows[i]) : Status::Ok();
    });
  }

  Status FindFront(const OrderKey& from, LaneRow* row) {
    auto it =
        moment_->Walk(space_.In(EncodeTailKey(row->lane, from)), space_.In(PrefixEnd(EncodeTailPrefix(row->lane))), {.values = false, .expected = 1});
    if (!it->Valid()) return it->status();
    row->tail_front = DecodeTailKey(space_.Bare(it->key()), row->lane);
    return row->tail_front ? Status::Ok() : BadKey(it->key());
  }

  const KeySpace& space_;
  const LanesEffect& lanes_;
  const std::unique_ptr<KvMoment> moment_;
  LanesDone done_;
  size_t examined_ = 0;
  std::optional<LaneKey> last_;
};

LanesDone Reader::ListLanes(const LanesEffect& lanes) const {
  return LaneLister(*this, lanes).Run();
}

}  // namespace notifyd
