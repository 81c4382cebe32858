// JsonShape: a look at a large document before it is parsed. One pass, no memory of its own, so that what is refused anyway costs neither the
// parser's time nor its memory (some six times the document): it ends at the first level too deep, item too many, or member too long. And it takes
// a batch apart, so that its items can be parsed one at a time. It checks no grammar beyond that: what passes is still to be parsed. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace notifyd {

struct JsonShapeLimits {
  size_t max_items = 0;       // of a document that is an array; 0: it must be an object
  size_t max_body_bytes = 0;  // a notify's body as sent
  /// Of a notify with an idempotency key, which may be a duplicate from the time of a higher limit; below `max_body_bytes` that counts.
  size_t max_keyed_body_bytes = 0;
  bool has_key = false;              // a header gives the key of the document that is an object
  std::string_view called = "body";  // as JsonReader::Read has it
};

/// From what size on a document is looked at before it is parsed: below, parsing it costs nothing worth saving.
inline constexpr size_t kLargeJsonBytes = 64 << 10;

/// `items`: where the document is an array, its items, borrowed from `text`, each without blanks around it; else left empty. Errors: kMalformed
/// (too deep, a bracket that is not closed, something behind the document, an item that is missing), kTooLarge (too many items; with its field:
/// data that is longer than a body may be, or as JSON, where it is sent as a form, than twice that and a little, another member far beyond what any
/// may take), kUnacceptable (no item). Whether a notify has a key is known at its end only: until then the higher of the two bounds ends the look.
Status ReadShape(std::string_view text, const JsonShapeLimits& limits, std::vector<std::string_view>* items);

/// Is that name what stands between the quotes of a key, whose characters may be escaped? `name`: of letters and '_' alone.
bool IsKey(std::string_view raw, std::string_view name);

}  // namespace notifyd
