#include "bench/draw.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>
#include <vector>

#include "base/standard_output.h"
#include "bench/report.h"

namespace notifyd::bench {
namespace {

// ---- the file

struct GoalRow {
  std::string what, goal, figure, verdict, command;
};
struct Peer {
  std::string name, acknowledged;
  double per_s = 0, cpu_s_per_1000 = 0, peak_mib = 0, ratio = 0;
  bool own = false;  // notifyd
};
struct Pending {
  double count = 0, resident_mib = 0;
};
struct Figures {
  std::string date, machine;
  std::vector<GoalRow> goals;
  std::vector<Peer> peers;
  std::vector<Pending> pending;
};

/// Throws simdjson::simdjson_error with what is missing; caught where it is called.
Figures Read(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root = parser.parse(json.data(), json.size());
  auto text = [](simdjson::dom::element of, const char* name) { return std::string(std::string_view(of[name])); };
  Figures figures;
  figures.date = text(root, "date");
  figures.machine = text(root, "machine");
  for (simdjson::dom::element row : simdjson::dom::array(root["goals"]))
    figures.goals.push_back({text(row, "what"), text(row, "goal"), text(row, "figure"), text(row, "verdict"), text(row, "command")});
  for (simdjson::dom::element row : simdjson::dom::array(root["peers"]))
    figures.peers.push_back({text(row, "name"), text(row, "acknowledged"), double(row["per_s"]), double(row["cpu_s_per_1000"]),
                             double(row["peak_mib"]), double(row["to_rabbitmq"]), text(row, "name").starts_with("notifyd")});
  for (simdjson::dom::element row : simdjson::dom::array(root["pending"]))
    figures.pending.push_back({double(row["pending"]), double(row["resident_mib"])});
  return figures;
}

template <class F>
Result<std::string> With(std::string_view json, F render) {
  try {
    return render(Read(json));
  } catch (const simdjson::simdjson_error& error) {
    return Status(Code::kUnacceptable, fmt::format("the figures cannot be read: {}", error.what()));
  }
}

// ---- the picture

constexpr int kWidth = 960, kSecondPanel = 610, kMargin = 24, kBar = 18, kRow = 28, kTop = 62;

constexpr std::string_view kStyle = R"(<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; } .faint { fill: #59636e; font-size: 12px; }
.paper { fill: #ffffff; } .own { fill: #0969da; } .other { fill: #afb8c1; }
.axis { stroke: #d1d9e0; } .curve { stroke: #0969da; stroke-width: 2; fill: none; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; } .faint { fill: #9198a1; } .paper { fill: #0d1117; } .own { fill: #4493f8; } .other { fill: #656c76; }
.axis { stroke: #3d444d; } .curve { stroke: #4493f8; }
}
</style>
)";

std::string Escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out += c;
  }
  return out;
}

std::string Text(double x, double y, std::string_view text, std::string_view attributes = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}{}>{}</text>\n", x, y, attributes.empty() ? "" : " ", attributes, Escaped(text));
}

/// Bars from the left, the longest as long as there is room: one panel of a half's width.
std::string Bars(double x, std::string_view title, const std::vector<Peer>& peers, double Peer::*value, int decimals, bool names) {
  const double label = names ? 270 : 0, room = (names ? kSecondPanel - kMargin : kWidth - kSecondPanel) - kMargin - label - 70;
  double most = 0;
  for (const Peer& peer : peers) most = std::max(most, peer.*value);
  std::string out = Text(x, kTop - 14, title, "class=\"title\"");
  for (size_t i = 0; i < peers.size(); ++i) {
    const double y = kTop + static_cast<double>(i) * kRow, width = most > 0 ? std::max(1.0, peers[i].*value / most * room) : 1;
    if (names) out += Text(x, y + kBar - 4, peers[i].name);
    out += fmt::format("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" rx=\"2\"/>\n", peers[i].own ? "own" : "other",
                       x + label, y, width, kBar);
    out += Text(x + label + width + 6, y + kBar - 4, Grouped(peers[i].*value, decimals));
  }
  return out;
}

/// Memory over the logarithm of what is pending.
std::string Curve(double top, const std::vector<Pending>& pending) {
  constexpr double kHeight = 150, kLeft = kMargin + 46, kRight = kWidth - kMargin - 20;
  std::string out = Text(kMargin, top, "Resident memory, MiB, against notifies pending", "class=\"title\"");
  if (pending.empty()) return out;
  double most = 0;
  for (const Pending& point : pending) most = std::max(most, point.resident_mib);
  const double ceiling = std::max(50.0, std::ceil(most * 1.2 / 50) * 50), first = std::log10(pending.front().count),
               span = std::max(1e-9, std::log10(pending.back().count) - first);
  const double base = top + 24 + kHeight;
  auto x = [&](const Pending& point) { return kLeft + 20 + (std::log10(point.count) - first) / span * (kRight - kLeft - 60); };
  auto y = [&](double mib) { return base - mib / ceiling * kHeight; };
  for (int step = 0; step <= 2; ++step) {
    const double mib = ceiling * step / 2;
    out += fmt::format("<line class=\"axis\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kLeft, y(mib), kRight, y(mib));
    out += Text(kLeft - 8, y(mib) + 4, Grouped(mib, 0), "class=\"faint\" text-anchor=\"end\"");
  }
  std::string path;
  for (const Pending& point : pending) path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x(point), y(point.resident_mib));
  out += fmt::format("<path class=\"curve\" d=\"{}\"/>\n", path);
  for (const Pending& point : pending) {
    out += fmt::format("<circle class=\"own\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/>\n", x(point), y(point.resident_mib));
    out += Text(x(point), y(point.resident_mib) - 10, Grouped(point.resident_mib, 0), "text-anchor=\"middle\"");
    out += Text(x(point), base + 18, Grouped(point.count, 0), "class=\"faint\" text-anchor=\"middle\"");
  }
  return out;
}

std::string Svg(const Figures& figures) {
  const double bars_end = kTop + static_cast<double>(figures.peers.size()) * kRow, height = bars_end + 36 + 24 + 150 + 56;
  std::string out = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {:.0f}\" width=\"{}\" height=\"{:.0f}\" role=\"img\">\n",
                                kWidth, height, kWidth, height);
  out += "<title>notifyd beside other queues: rate, CPU, and memory against the number pending</title>\n";
  out += kStyle;
  out += fmt::format("<rect class=\"paper\" width=\"{}\" height=\"{:.0f}\"/>\n", kWidth, height);
  out += Bars(kMargin, "Delivered a second, end to end", figures.peers, &Peer::per_s, 0, true);
  out += Bars(kSecondPanel, "CPU seconds per 1,000", figures.peers, &Peer::cpu_s_per_1000, 3, false);
  out += Curve(bars_end + 36, figures.pending);
  out += Text(kMargin, height - 12, fmt::format("{}, {}", figures.date, figures.machine), "class=\"faint\"");
  return out + "</svg>\n";
}

std::string Tables(const Figures& figures) {
  std::string out = "| | goal | figure | verdict | measured by |\n|---|---|---|---|---|\n";
  for (const GoalRow& row : figures.goals)
    out += fmt::format("| {} | {} | {} | {} | {} |\n", row.what, row.goal, row.figure, row.verdict, row.command);
  out += "\n| | acknowledged after | end to end/s | CPU s per 1,000 | peak MiB | ratio to RabbitMQ |\n|---|---|---|---|---|---|\n";
  for (const Peer& peer : figures.peers)
    out += fmt::format("| {} | {} | {} | {:.3f} | {:.0f} | {:.2f} |\n", peer.name, peer.acknowledged, Grouped(peer.per_s, 0), peer.cpu_s_per_1000,
                       peer.peak_mib, peer.ratio);
  return out;
}

}  // namespace

Result<std::string> DrawSvg(std::string_view json) {
  return With(json, Svg);
}
Result<std::string> FigureTables(std::string_view json) {
  return With(json, Tables);
}

Status RunDraw(const DrawOptions& options) {
  std::ifstream in(options.data, std::ios::binary);
  std::ostringstream json;
  json << in.rdbuf();
  if (!in) return Status(Code::kIo, fmt::format("cannot read {}", options.data));
  Result<std::string> rendered = options.tables ? FigureTables(json.str()) : DrawSvg(json.str());
  if (!rendered.ok()) return Status(rendered.status().code(), fmt::format("{}: {}", options.data, rendered.status().detail()));
  if (options.tables || options.out == "-") {
    PrintOut(*rendered);
    return Status::Ok();
  }
  std::ofstream out(options.out, std::ios::binary | std::ios::trunc);
  out << *rendered << std::flush;
  return out ? Status::Ok() : Status(Code::kIo, fmt::format("cannot write {}", options.out));
}

}  // namespace notifyd::bench
