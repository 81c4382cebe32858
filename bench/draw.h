// The figures of docs/performance.json as pictures and tables: docs/performance.svg, and the tables of docs/performance.md. A function of the file
// alone, so that a test can tell when they no longer agree.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd::bench {

/// Rate and CPU against other queues, and memory against what is pending; text stays text, and light and dark follow the reader's. Error:
/// kUnacceptable where `json` lacks something.
Result<std::string> DrawSvg(std::string_view json);
/// Returns in Markdown the goals with their figures and verdicts, and a blank line before the other queues.
Result<std::string> FigureTables(std::string_view json);

struct DrawOptions {
  std::string data = "docs/performance.json";
  std::string out = "docs/performance.svg";
  bool tables = false;  // print the tables instead
};
Status RunDraw(const DrawOptions& options);

}  // namespace notifyd::bench
