// Fuzz target for HttpParser (libFuzzer's entry point): the first byte says how the rest is cut into pieces. Checked beside crashes: the
// parser keeps its limits, and the cut does not change what comes out.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "net/http_parser.h"

namespace {

struct Totals {
  size_t requests = 0;
  size_t body_bytes = 0;
  size_t headers = 0;
  bool refused = false;
  bool operator==(const Totals&) const = default;
};

Totals Parse(std::string_view bytes, size_t piece) {
  notifyd::HttpLimits limits;
  limits.max_body_bytes = 4096;
  limits.max_head_bytes = 65536;
  notifyd::HttpParser parser(&limits);
  Totals totals;
  while (!bytes.empty()) {
    std::string_view rest = bytes.substr(0, piece);
    bytes.remove_prefix(rest.size());
    while (!rest.empty()) {
      size_t used = 0;
      notifyd::HttpParser::Step step = parser.Feed(rest, &used);
      CHECK(used <= rest.size());
      rest.remove_prefix(used);
      if (step == notifyd::HttpParser::Step::kRefused) {
        CHECK(parser.refusal_status() >= 400);
        totals.refused = true;
        return totals;
      }
      if (step != notifyd::HttpParser::Step::kRequest) continue;
      notifyd::HttpRequest request = parser.Take();
      CHECK(request.body.size() <= limits.max_body_bytes);
      CHECK(request.headers.size() <= limits.max_headers);
      ++totals.requests;
      totals.body_bytes += request.body.size();
      totals.headers += request.headers.size();
    }
  }
  return totals;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  CHECK(Parse(bytes, bytes.size()) == Parse(bytes, size_t{1} + data[0]));
  return 0;
}
