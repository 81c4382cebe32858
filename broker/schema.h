// Schema: JSON Schema draft 7 of a topic's data (contract section 12). Pure; compiled once, immutable, any thread.
//
// It is our own, because the validator that Debian has (valijson) keeps bounds and divisors as doubles and runs patterns by std::regex: it would take
// 9007199254740993 for 9007199254740992, and a pattern and a text made for it would stop the broker. Here numbers are compared as they are written,
// and patterns are RE2's, whose time is linear in the text. Hence: no look-around and no back references in patterns (refused when compiled).
//
// A schema refers into itself alone, by "#...", by "$id" or by a path from one; any other "$ref" is refused, so nothing is fetched. "format",
// "contentEncoding" and "contentMediaType" are notes, as the draft has it, and so is what it does not know. What a schema or data made for it could
// cost is bounded by kMaxSteps and kMaxNesting. Nothing is gone through, compared or searched that is not counted: a step takes 0.1 us at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/json_tree.h"
#include "base/status.h"

namespace notifyd {

class Schema {
 public:
  static constexpr size_t kMaxBytes = 65'536;         // of its text
  static constexpr size_t kMaxPatterns = 64;          // different ones
  static constexpr size_t kMaxPatternsSize = 20'000;  // instructions of their programs together
  static constexpr uint64_t kMaxSteps = 2'000'000;    // in one judgement: some 200 ms at most
  static constexpr int kMaxNesting = 1000;            // schemas inside each other while judging

  Schema();
  ~Schema();

  /// Error: kUnacceptable, its field a pointer within the schema.
  static Result<std::shared_ptr<const Schema>> Compile(std::string_view json_text);

  /// Error: kUnacceptable, its field a pointer into `data`, which says where it is not as the schema has it, or that it takes too long to tell.
  /// `spent` (may be null): the steps that others have used of the same kMaxSteps, to which its own are added.
  Status Validate(JsonTree::Value data, uint64_t* spent = nullptr) const;

  /// Returns what it has of memory, with what its patterns may come to have.
  size_t bytes() const;
  /// Returns how long a text without patterns would be that takes as long to compile.
  size_t compiled_bytes() const;

 private:
  struct Node;
  struct Impl;
  class Compiler;
  class Judge;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
