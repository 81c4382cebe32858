// What a scenario found, for people (tables on standard output) and for programs (one JSON object a run, a line each), and the
// progress bar on standard error. Main thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bench/distribution.h"

namespace notifyd::bench {

/// Returns `text` as a JSON string with its quotes; where it is not UTF-8, each byte above 0x7f becomes the code point of that number.
std::string JsonText(std::string_view text);

/// Named values in the order in which they were added. Names end in their unit.
class Record {
 public:
  struct Field {
    std::string name;
    std::variant<int64_t, double, std::string, std::vector<Record>, bool> value;
    int decimals = 0;
  };
  Record& Add(Field field);
  Record& Int(std::string name, int64_t value);
  /// Adds a number that is shown with `decimals` digits behind the point.
  Record& Real(std::string name, double value, int decimals = 1);
  Record& Text(std::string name, std::string value);
  Record& Bool(std::string name, bool value);
  Record& Rows(std::string name, std::vector<Record> rows);
  /// Adds p50, p90, p99 and max as "<prefix>_p50_ms" and so on.
  Record& Percentiles(const std::string& prefix, const Distribution& histogram);

  std::string Json() const;
  /// Returns the number of that name; nothing where it has none.
  std::optional<double> Number(std::string_view name) const;
  /// Returns the rows of that name; empty where it has none.
  std::vector<Record> RowsOf(std::string_view name) const;
  /// Returns the value of that name for a table: thousands separated, texts as they are.
  std::string Shown(std::string_view name) const;

  const std::vector<Field>& fields() const { return fields_; }

 private:
  const Field* Find(std::string_view name) const;
  std::vector<Field> fields_;
};

double Median(std::vector<double> values);
/// "1,234,567.8"
std::string Grouped(double value, int decimals);

/// Prints a row a value: one column where there is one run, else median, least and most.
std::string TableOfRuns(std::string_view title, const std::vector<Record>& runs);
/// Prints a row a record, a column a name.
std::string TableOfRows(std::string_view title, const std::vector<Record>& rows);

/// "submitted [#####     ] 12,345 of 100,000, 23,456/s", redrawn in place; nothing where standard error is not a terminal.
class Progress {
 public:
  Progress(std::string label, uint64_t total);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Takes its line off the terminal.
  ~Progress();
  void Show(uint64_t done);

 private:
  std::string label_;
  uint64_t total_;
  int64_t began_ns_;
  int64_t drawn_ns_ = 0;
  bool terminal_;
};

}  // namespace notifyd::bench
