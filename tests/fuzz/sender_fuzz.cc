// What receivers and settings say to the sender: Retry-After, Location, destinations. Any text is refused, or read as something within bounds.
// Input: one kind of text a line.
#include "base/check.h"
#include "net/sender/destinations.h"
#include "net/sender/retry_after.h"
#include "net/sender/target.h"

using namespace notifyd;

namespace {

constexpr int64_t kTenYearsMs = 10LL * 366 * 86'400'000;

std::string_view TakeLine(std::string_view* text) {
  size_t end = std::min(text->find('\n'), text->size());
  std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view retry_after = TakeLine(&text), range = TakeLine(&text), url = TakeLine(&text), location = text;

  for (int64_t now_ms : {int64_t{0}, int64_t{1'700'000'000'000}}) {
    int64_t wait_ms = ParseRetryAfter(retry_after, WallTime{now_ms});
    CHECK(wait_ms >= -1 && wait_ms <= kTenYearsMs);
  }

  Result<DestinationPolicy> policy = DestinationPolicy::Create({}, {std::string(range)});
  if (Result<Cidr> cidr = Cidr::Parse(range); cidr.ok()) {
    CHECK(cidr->Contains(cidr->base));
    CHECK(policy.ok() && policy->Refusal(cidr->base));
    std::optional<IpAddress> again = IpAddress::Parse(cidr->base.ToString());
    CHECK(again && *again == cidr->base);
  } else {
    CHECK(policy.ok() == (range == kPrivateRanges));
  }

  Result<SplitUrl> split = SplitTarget(url);
  if (!split.ok()) return 0;
  CHECK(split->target.starts_with('/') && split->target.find('#') == std::string::npos);
  // Split again it is the same: what is called is what was checked.
  Result<SplitUrl> again = SplitTarget(split->origin.substr(0, split->origin.size() - 1) + split->target);
  CHECK(again.ok() && again->origin == split->origin && again->target == split->target);
  Result<std::string> next = ResolveRedirect(std::string(url), std::string(location));
  if (next.ok()) {
    CHECK(SplitTarget(*next).ok());
    // Where there is neither path nor query all is its authority.
    CHECK(next->substr(0, next->find_first_of("/?", next->find("://") + 3)).find('@') == next->npos);
  }
  Result<std::string> same = ResolveRedirect(std::string(url), "#" + std::string(location));
  CHECK(same.ok() && *same == url.substr(0, url.find('#')));
  if (Result<std::string> up = ResolveRedirect(std::string(url), "../" + std::string(location)); up.ok()) {
    Result<SplitUrl> led = SplitTarget(*up);
    CHECK(led.ok() && led->origin == split->origin);
    const std::string path = led->target.substr(0, led->target.find('?')) + "/";
    CHECK(path.find("/./") == path.npos && path.find("/../") == path.npos);
  }
  return 0;
}
