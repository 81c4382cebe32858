// What notifyctl reads of an answer, whoever gave it: the text of /metrics, what top shows of it, lines of a header, problems and numbers in JSON.
// Any of it is left out, or read as a figure that has room in what it is shown as. Input: which of them (1 byte), then the text; of metrics two
// looks, with a byte 0 between them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_tree.h"
#include "cli/client/context.h"
#include "cli/client/http_client.h"
#include "cli/client/metrics_text.h"
#include "cli/client/table.h"
#include "cli/client/top_view.h"

using namespace notifyd;

namespace {

constexpr double kMost = 9'007'199'254'740'992;

void CheckBuckets(std::string_view text, const Buckets& buckets) {
  CHECK(buckets.size() <= static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
  std::string said;
  for (const auto& [bound, count] : buckets) {
    CHECK(bound >= 0 && (std::isinf(bound) || bound <= kMost) && count >= 0 && count <= kMost);
    char line[128];
    std::snprintf(line, sizeof line, "m_bucket{le=\"%.17g\"} %.17g\n", bound, count);
    said += line;
  }
  CHECK(MetricBuckets(said, "m") == buckets);
}

/// Nothing, or a time within the bounds.
std::optional<double> Quantile(const Buckets& before, const Buckets& after, double part) {
  const std::optional<double> at = QuantileBetween(before, after, part);
  if (at) CHECK(std::isfinite(*at) && *at >= 0 && *at <= after.rbegin()->first);
  return at;
}

void ReadMetrics(uint8_t choice, std::string_view text) {
  const size_t cut = std::min(text.find('\0'), text.size());
  const std::string_view earlier = text.substr(0, cut), later = text.substr(std::min(cut + 1, text.size()));
  const Buckets before = MetricBuckets(earlier, "m"), after = MetricBuckets(later, "m");
  CheckBuckets(earlier, before);
  CheckBuckets(later, after);
  TopView view;
  view.lateness_p50_s = Quantile(before, after, 0.5);
  view.lateness_p99_s = Quantile(before, after, 0.99);
  view.acknowledgement_p99_s = Quantile({}, after, 1);
  CHECK(view.lateness_p50_s.has_value() == view.lateness_p99_s.has_value());
  if (const std::optional<double> value = MetricValue(later, "m")) {
    CHECK(*value >= 0 && *value <= kMost);
    view.in_flight = static_cast<uint64_t>(*value);
    view.rates = TopRates{*value * 1000, *value / 3, 0, 0, 0};
  }
  view.stats = "{}";
  const size_t columns = 20 + choice, rows = 5 + choice % 16;
  const std::vector<std::string> lines = TopLines(view, LaneOrder::kPending, "", columns, rows);
  CHECK(lines.size() <= rows);
  for (const std::string& line : lines) CHECK(Width(line) <= columns);
  CHECK(JsonTree::Parse(TopJson(view)).ok());
}

void ReadHeader(std::string_view line) {
  HttpAnswer answer;
  ReadAnswerHeader(line, &answer);
  CHECK(answer.retry_after_ms >= 0 && answer.retry_after_ms <= int64_t{365} * 24 * 3600 * 1000 && answer.retry_after_ms % 1000 == 0);
  CHECK(answer.etag.empty() || answer.retry_after_ms == 0);
  CHECK(line.find(answer.etag) != std::string_view::npos && answer.status == 0 && answer.body.empty());
  HttpAnswer again;
  ReadAnswerHeader("ETag: " + answer.etag + "\r\n", &again);
  CHECK(again.etag == answer.etag);
  if (answer.retry_after_ms == 0) return;
  ReadAnswerHeader("Retry-After: " + std::to_string(answer.retry_after_ms / 1000), &again);
  CHECK(again.retry_after_ms == answer.retry_after_ms);
}

void ReadBody(int status, std::string_view text) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = text;
  CHECK(!ProblemText(answer).empty());
  CHECK(MissingMembers(answer).size() <= text.size());
  const Result<JsonTree> tree = JsonTree::Parse(answer.body);
  if (!tree.ok()) return;
  const JsonTree::Value root = tree->root();
  CHECK(WithEtag(answer, root) == answer.body);
  answer.etag = "W/\"a\\b\"";
  const Result<JsonTree> with = JsonTree::Parse(WithEtag(answer, root));
  CHECK(with.ok() && with->root().kind() == root.kind());
  const bool object = root.kind() == JsonTree::Kind::kObject;
  if (object && !root.At("/etag")) CHECK(with->root().size() == root.size() + 1 && TextAt(with->root(), "/etag") == answer.etag);
  if (!object) return;
  const std::optional<JsonTree::Value> member = root.At("/n");
  const uint64_t number = NumberAt(root, "/n", 7);
  CHECK(number == 7 || (member && member->raw() == std::to_string(number)));
  CHECK(member || (Cell(member) == "-" && TextAt(root, "/n").empty()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      ReadMetrics(data[0], text);
      break;
    case 1:
      ReadHeader(text);
      break;
    default:
      ReadBody(200 + data[0], text);
  }
  return 0;
}
