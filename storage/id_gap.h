// The gap that a store which was put back leaves in its ids: whoever had it before may have handed out some that it does not know.
//
// Of a namespace that has totals, its next id goes up by it, also where an engine keeps them elsewhere than under their key. One that is made later
// may get the number of one that was made since, and so its ids: it begins above all gaps so far. `m` "ids" has their sum.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "broker/notify.h"
#include "storage/ordered_kv.h"

namespace notifyd {

/// Of all gaps so far: the ids of a namespace that has none yet begin behind it. Error: kCorrupt, kIo.
Result<uint64_t> IdsBegin(const OrderedKv& kv);
/// The value of `m` "ids". Error: kCorrupt.
std::string EncodeIdsBegin(uint64_t begin);
Result<uint64_t> DecodeIdsBegin(std::string_view value);
/// Adds what leaves another one, in all namespaces that the registry or the store knows, and in `others`, to `out`; nobody else writes meanwhile.
/// Errors: those, kUnacceptable where a namespace has no ids left then.
Status EncodeIdGap(const OrderedKv& kv, uint64_t gap, KvWrites* out, std::set<NamespaceNumber> others = {});
/// Leaves it in the totals of one namespace. Error: kUnacceptable: it has no ids left then.
Status RaiseIds(uint64_t gap, Totals* totals);

}  // namespace notifyd
