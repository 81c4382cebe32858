// Any bytes are refused with a problem, or become items whose specs can be read back.
#include "base/check.h"
#include "broker/spec.h"
#include "net/api/json_shape.h"
#include "net/api/problem.h"
#include "net/api/submit_parser.h"

using namespace notifyd;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static SubmitParser parser(1 << 16, 100);
  std::string body(reinterpret_cast<const char*>(data), size);
  std::string key = "k";

  if (Result<SubmitItem> line = parser.ParseLine(body, body.size()); line.ok()) CHECK(DecodeSpec(*line->spec).ok());
  Result<ParsedSubmit> submit = parser.Parse(body, size % 2 == 0 ? &key : nullptr);
  if (submit.ok()) {
    CHECK(!submit->items.empty());
    for (const SubmitItem& item : submit->items) {
      CHECK(item.envelope && !item.envelope->lane.name.empty() && item.envelope->lane.name.size() <= 255 && !item.envelope->caller.empty());
      CHECK(DecodeSpec(*item.spec).ok());
    }
  } else {
    CHECK(ProblemResponse(submit.status()).status >= 400);
  }

  // The look at large documents agrees with the parser: what that takes passes, and a batch comes apart into its items.
  std::vector<std::string_view> items;
  Status shape = ReadShape(body, {100, 1 << 16}, &items);
  if (submit.ok()) CHECK(shape.ok() && items.size() == (submit->batch ? submit->items.size() : 0));
  for (std::string_view item : items) CHECK(!item.empty() && item.data() >= body.data() && item.data() + item.size() <= body.data() + body.size());

  Result<ParsedTrigger> trigger = parser.ParseTrigger(body);
  CHECK(trigger.ok() || ProblemResponse(trigger.status()).status >= 400);
  return 0;
}
