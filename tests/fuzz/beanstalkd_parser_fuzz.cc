// Fuzz target for BeanstalkdParser (libFuzzer's entry point): the first byte says how the rest is cut into pieces. Checked beside crashes: what comes
// out does not depend on the cut, and what is held is bounded.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/beanstalkd/beanstalkd_parser.h"

namespace {

constexpr size_t kMostJob = 512;

std::vector<std::string> Parse(std::string_view bytes, size_t piece) {
  notifyd::BeanstalkdParser parser(kMostJob);
  std::vector<std::string> out;
  while (!bytes.empty()) {
    std::string_view rest = bytes.substr(0, piece);
    bytes.remove_prefix(rest.size());
    while (!rest.empty()) {
      size_t used = 0;
      const notifyd::RequestParser::Step step = parser.Feed(rest, &used);
      CHECK(used <= rest.size());
      rest.remove_prefix(used);
      CHECK(parser.held_bytes() <= notifyd::BeanstalkdParser::kMostLineBytes + kMostJob + 2);
      if (step == notifyd::RequestParser::Step::kRefused) {
        out.emplace_back("refused");
        return out;  // nothing may be fed any more
      }
      if (step != notifyd::RequestParser::Step::kRequest) {
        CHECK(step == notifyd::RequestParser::Step::kMore && rest.empty());
        continue;
      }
      notifyd::HttpRequest request = parser.Take();
      CHECK(request.body.size() <= kMostJob);
      CHECK(parser.idle());
      std::string shown = request.method + " " + request.target + " " + request.body;
      for (const auto& [name, value] : request.headers) shown += " " + name + "=" + value;
      out.push_back(std::move(shown));
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  CHECK(Parse(bytes, bytes.size()) == Parse(bytes, size_t{1} + data[0]));
  return 0;
}
