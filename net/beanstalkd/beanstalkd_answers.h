// The API's answers as beanstalkd shows jobs, tubes and itself. Pure, but that stats names the machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_tree.h"
#include "base/time.h"

namespace notifyd {

/// The document of an answer; text and numbers in it, by pointer, are empty and 0 where there is none.
class AnswerDocument {
 public:
  explicit AnswerDocument(std::string_view json);
  bool ok() const { return tree_.has_value(); }
  std::string Text(std::string_view pointer) const;
  uint64_t Number(std::string_view pointer) const;
  std::optional<JsonTree::Value> At(std::string_view pointer) const;
  /// Of an array at `pointer`.
  size_t Size(std::string_view pointer) const;

 private:
  std::optional<JsonTree> tree_;
};

/// A notify's id as a job's, and back: decimal. Empty where it is none.
std::string JobOfId(std::string_view id);
std::string IdOfJob(std::string_view job);

/// "ready", "reserved", "delayed", "buried"; empty where it is over: then there is no such job.
std::string_view JobState(std::string_view state);

/// beanstalkd's priorities and the broker's (contract section 20).
int PriorityOf(uint64_t pri);
uint64_t PriOf(uint64_t priority);

/// What a job holds: the body that is sent.
std::string JobOf(const AnswerDocument& notify);

/// A notify's, as stats-job shows it. `tube`: where it is.
std::string JobYaml(const AnswerDocument& notify, std::string_view tube, WallTime now);

/// Lanes of a tube, summed up, as stats-tube shows them.
struct TubeFigures {
  uint64_t ready = 0, reserved = 0, delayed = 0, buried = 0;
  int64_t paused_ms = 0;  // for how long yet; one that is paused without an end: a year
  uint64_t using_it = 0, watching = 0;
  void Add(const AnswerDocument& lane, WallTime now);
};
/// How often it was paused is counted for all tubes together: 0.
std::string TubeYaml(std::string_view tube, const TubeFigures& figures);

/// The broker as stats shows it. `stats`: the API's, of the namespace. `count`: how often a command came; of what is not counted, 0.
struct ServerFigures {
  uint64_t buried = 0;
  size_t connections = 0, max_job_bytes = 0;
  bool draining = false;
};
std::string StatsYaml(const AnswerDocument& stats, const ServerFigures& figures, const std::function<uint64_t(std::string_view command)>& count);

/// "name: value\n" for each, behind "---\n".
using YamlRows = std::vector<std::pair<std::string_view, std::string>>;
std::string Yaml(const YamlRows& rows);

}  // namespace notifyd
