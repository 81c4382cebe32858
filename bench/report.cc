#include "bench/report.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include "bench/sockets.h"

namespace notifyd::bench {
namespace {

std::string Group(std::string digits) {
  size_t end = std::min(digits.find('.'), digits.size());
  size_t begin = !digits.empty() && digits[0] == '-' ? 1 : 0;
  for (size_t at = end; at > begin + 3;) digits.insert(digits.begin() + static_cast<std::ptrdiff_t>(at -= 3), ',');
  return digits;
}

std::string Aligned(const std::vector<std::vector<std::string>>& cells) {
  std::vector<size_t> widths;
  for (const auto& row : cells) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : cells) {
    for (size_t i = 0; i < row.size(); ++i) {
      if (i == 0) {
        out += fmt::format("  {:<{}}", row[i], widths[i]);
      } else {
        out += fmt::format("  {:>{}}", row[i], widths[i]);
      }
    }
    out += "\n";
  }
  return out;
}

}  // namespace

std::string JsonText(std::string_view text) {
  bool utf8 = simdjson::validate_utf8(text.data(), text.size());
  std::string out = "\"";
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f || (byte > 0x7f && !utf8)) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string Grouped(double value, int decimals) {
  return Group(fmt::format("{:.{}f}", value, decimals));
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Record& Record::Add(Field field) {
  fields_.push_back(std::move(field));
  return *this;
}
std::vector<Record> Record::RowsOf(std::string_view name) const {
  const Field* field = Find(name);
  const auto* rows = field ? std::get_if<std::vector<Record>>(&field->value) : nullptr;
  return rows ? *rows : std::vector<Record>();
}
Record& Record::Int(std::string name, int64_t value) {
  fields_.push_back({std::move(name), value, 0});
  return *this;
}
Record& Record::Real(std::string name, double value, int decimals) {
  fields_.push_back({std::move(name), value, decimals});
  return *this;
}
Record& Record::Text(std::string name, std::string value) {
  fields_.push_back({std::move(name), std::move(value), 0});
  return *this;
}
Record& Record::Bool(std::string name, bool value) {
  fields_.push_back({std::move(name), value, 0});
  return *this;
}
Record& Record::Rows(std::string name, std::vector<Record> rows) {
  fields_.push_back({std::move(name), std::move(rows), 0});
  return *this;
}

Record& Record::Percentiles(const std::string& prefix, const Distribution& histogram) {
  auto ms = [](int64_t us) { return static_cast<double>(us) / 1000; };
  Real(prefix + "_p50_ms", ms(histogram.PercentileUs(0.5)), 3);
  Real(prefix + "_p90_ms", ms(histogram.PercentileUs(0.9)), 3);
  Real(prefix + "_p99_ms", ms(histogram.PercentileUs(0.99)), 3);
  return Real(prefix + "_max_ms", ms(histogram.most_us()), 3);
}

std::string Record::Json() const {
  std::string out = "{";
  for (const Field& field : fields_) {
    if (out.size() > 1) out += ",";
    out += JsonText(field.name) + ":";
    if (const auto* number = std::get_if<int64_t>(&field.value)) {
      out += fmt::format("{}", *number);
    } else if (const auto* real = std::get_if<double>(&field.value)) {
      out += fmt::format("{:.{}f}", *real, field.decimals);
    } else if (const auto* text = std::get_if<std::string>(&field.value)) {
      out += JsonText(*text);
    } else if (const auto* flag = std::get_if<bool>(&field.value)) {
      out += *flag ? "true" : "false";
    } else {
      out += "[";
      const auto& rows = std::get<std::vector<Record>>(field.value);
      for (size_t i = 0; i < rows.size(); ++i) {
        if (i) out += ",";
        out += rows[i].Json();
      }
      out += "]";
    }
  }
  return out + "}";
}

const Record::Field* Record::Find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::optional<double> Record::Number(std::string_view name) const {
  const Field* field = Find(name);
  if (!field) return std::nullopt;
  if (const auto* number = std::get_if<int64_t>(&field->value)) return static_cast<double>(*number);
  if (const auto* real = std::get_if<double>(&field->value)) return *real;
  return std::nullopt;
}

std::string Record::Shown(std::string_view name) const {
  const Field* field = Find(name);
  if (!field) return "-";
  if (const auto* text = std::get_if<std::string>(&field->value)) return *text;
  if (const auto* flag = std::get_if<bool>(&field->value)) return *flag ? "true" : "false";
  std::optional<double> number = Number(name);
  return number ? Grouped(*number, field->decimals) : "-";
}

std::string TableOfRuns(std::string_view title, const std::vector<Record>& runs) {
  std::string out = fmt::format("{}\n", title);
  if (runs.empty()) return out;
  std::vector<std::vector<std::string>> cells;
  if (runs.size() > 1) cells.push_back({"", "median", "least", "most"});
  for (const Record::Field& field : runs[0].fields()) {
    if (field.name == "scenario" || field.name == "run" || std::holds_alternative<std::vector<Record>>(field.value)) continue;
    std::vector<double> values;
    for (const Record& run : runs) {
      if (std::optional<double> number = run.Number(field.name)) values.push_back(*number);
    }
    if (values.empty() || runs.size() == 1) {
      cells.push_back({field.name, runs[0].Shown(field.name)});
      continue;
    }
    auto [least, most] = std::minmax_element(values.begin(), values.end());
    cells.push_back({field.name, Grouped(Median(values), field.decimals), Grouped(*least, field.decimals), Grouped(*most, field.decimals)});
  }
  return out + Aligned(cells);
}

std::string TableOfRows(std::string_view title, const std::vector<Record>& rows) {
  std::string out = fmt::format("{}\n", title);
  if (rows.empty()) return out;
  std::vector<std::vector<std::string>> cells(1);
  for (const Record::Field& field : rows[0].fields())
    if (field.name != "scenario" && !std::holds_alternative<std::vector<Record>>(field.value)) cells[0].push_back(field.name);
  for (const Record& row : rows) {
    std::vector<std::string> line;
    for (const std::string& name : cells[0]) line.push_back(row.Shown(name));
    cells.push_back(std::move(line));
  }
  return out + Aligned(cells);
}

Progress::Progress(std::string label, uint64_t total)
    : label_(std::move(label)), total_(total), began_ns_(MonoNanos()), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (terminal_ && drawn_ns_) fmt::print(stderr, "\r\x1b[K");
}

void Progress::Show(uint64_t done) {
  constexpr size_t kWidth = 30;
  int64_t now = MonoNanos();
  if (!terminal_ || now - drawn_ns_ < 100'000'000) return;
  drawn_ns_ = now;
  size_t filled = total_ ? std::min(kWidth, static_cast<size_t>(kWidth * done / total_)) : 0;
  double rate = static_cast<double>(done) * 1e9 / static_cast<double>(std::max<int64_t>(1, now - began_ns_));
  fmt::print(stderr, "\r{} [{}{}] {} of {}, {}/s\x1b[K", label_, std::string(filled, '#'), std::string(kWidth - filled, ' '),
             Grouped(static_cast<double>(done), 0), Grouped(static_cast<double>(total_), 0), Grouped(rate, 0));
  std::fflush(stderr);
}

}  // namespace notifyd::bench
