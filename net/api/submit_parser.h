// SubmitParser: the body of a submit to SubmitItems, the body of a trigger to what it says. Validates every field; decides nothing.
// One a thread. Contract section 3, "A notify".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "broker/events.h"
#include "net/api/json_reader.h"

namespace notifyd {

struct ParsedSubmit {
  std::vector<SubmitItem> items;  // at least one
  bool batch = false;             // it was an array
};

struct ParsedTrigger {
  std::optional<std::string> data;  // JSON text of an object
  When when;
};

class SubmitParser {
 public:
  /// `max_body_bytes`: of one notify, as sent to the receiver.
  SubmitParser(size_t max_body_bytes, size_t max_batch_items) : max_body_bytes_(max_body_bytes), max_batch_items_(max_batch_items) {}

  /// `header_key`: the header Idempotency-Key, null where there is none; borrowed. `body` may be given more capacity.
  /// Errors: kMalformed, kUnacceptable, kTooLarge, kNotBuilt; in a batch the field begins with the item's index.
  Result<ParsedSubmit> Parse(std::string* body, const std::string* header_key);

  /// Of a trigger's body, which must not be empty. Errors: as above.
  Result<ParsedTrigger> ParseTrigger(std::string* body);

 private:
  Status ParseItem(const JsonValue& item, const std::string* header_key, SubmitItem* out);

  size_t max_body_bytes_;
  size_t max_batch_items_;
  JsonReader reader_;
};

}  // namespace notifyd
