// Fuzz target for HttpParser (libFuzzer's entry point): the first byte says how the rest is cut into pieces. Checked beside crashes: the
// parser keeps its limits, and neither the cut nor taking bodies in pieces changes what comes out.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

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

Totals Parse(std::string_view bytes, size_t piece, bool in_pieces) {
  notifyd::HttpLimits limits;
  limits.max_body_bytes = 4096;
  limits.max_head_bytes = 65536;
  notifyd::HttpParser parser(&limits);
  Totals totals;
  size_t body_bytes = 0;  // of the request under way
  while (!bytes.empty()) {
    std::string_view rest = bytes.substr(0, piece);
    bytes.remove_prefix(rest.size());
    while (!rest.empty()) {
      size_t used = 0;
      notifyd::HttpParser::Step step = parser.Feed(rest, &used);
      CHECK(used <= rest.size());
      rest.remove_prefix(used);
      if (step == notifyd::HttpParser::Step::kHead) {
        if (in_pieces) {
          parser.StreamBody();
        } else if (parser.KeepBody() == notifyd::HttpParser::Step::kRefused) {
          step = notifyd::HttpParser::Step::kRefused;
        }
      }
      if (in_pieces && step == notifyd::HttpParser::Step::kPiece) body_bytes += parser.piece().size();
      if (step == notifyd::HttpParser::Step::kRefused) {
        CHECK(parser.refusal_status() >= 400);
        totals.refused = true;
        return totals;
      }
      if (step != notifyd::HttpParser::Step::kRequest) continue;
      notifyd::HttpRequest request = parser.Take();
      CHECK(request.body.size() <= limits.max_body_bytes);
      CHECK(!in_pieces || request.body.empty());
      if (in_pieces) body_bytes += parser.piece().size();
      CHECK(request.headers.size() <= limits.max_headers);
      ++totals.requests;
      totals.body_bytes += request.body.size() + std::exchange(body_bytes, 0);
      totals.headers += request.headers.size();
    }
  }
  return totals;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Totals whole = Parse(bytes, bytes.size(), false);
  CHECK(whole == Parse(bytes, size_t{1} + data[0], false));
  Totals in_pieces = Parse(bytes, bytes.size(), true);
  CHECK(in_pieces == Parse(bytes, size_t{1} + data[0], true));
  // In pieces a body may be longer than one that is gathered.
  if (!whole.refused) CHECK(whole == in_pieces);
  return 0;
}
