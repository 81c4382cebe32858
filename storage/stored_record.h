// What the store puts around a record that is kept beside notifies (broker/stored_record.h). Pure; as records.h. Layout: docs/storage-format.md.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/stored_record.h"

namespace notifyd {

void EncodeStoredRecord(const StoredRecord& record, std::string* out);
/// Error: kCorrupt.
Result<StoredRecord> DecodeStoredRecord(std::string_view value);

}  // namespace notifyd
