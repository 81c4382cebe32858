// What the store puts around a record that is kept beside notifies (broker/stored_record.h). Pure; as records.h. Layout: docs/storage-format.md.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "broker/stored_record.h"

namespace notifyd {

/// `sealed`: its value is a piece (storage/sealed_records.h).
void EncodeStoredRecord(const StoredRecord& record, std::string* out, bool sealed = false);
/// `sealed`: whether it is one; null: nobody asks. Error: kCorrupt.
Result<StoredRecord> DecodeStoredRecord(std::string_view value, bool* sealed = nullptr);

/// The operand of an AddToCount: a record whose value is the change.
void EncodeCountOperand(const StoredRecord& change, std::string* out);
Result<StoredRecord> DecodeCountOperand(std::string_view operand);

}  // namespace notifyd
