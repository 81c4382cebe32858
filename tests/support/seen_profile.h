// A CPU profile as pprof's format has it, taken apart by protoc.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace notifyd::test {

struct SeenProfile {
  std::vector<std::string> types;                  // "samples/count", ...
  std::map<std::string, int64_t> own, cumulative;  // samples by function: where it was, and what had called that
  std::vector<std::string> files, build_ids;       // of its mappings
  int64_t samples = 0, cpu_ns = 0, period_ns = 0, duration_ns = 0;
};

/// `bytes`: not compressed any more. Throws where it is none, or points at what is not there.
SeenProfile ReadProfile(const std::string& bytes);

}  // namespace notifyd::test
