// ImportWork: what rows and jobs of one import share: the options, the submitter, what was counted, and how it is told to people. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/client/import_options.h"
#include "cli/client/import_submitter.h"
#include "cli/client/progress.h"

namespace notifyd {

struct ImportCounts {
  uint64_t read = 0;      // each once
  uint64_t accepted = 0;  // in a dry run: that could be submitted
  uint64_t before = 0;    // of these: by an earlier run
  uint64_t removed = 0;   // from where they stood
  uint64_t stay = 0;      // that are refused
};

class ImportWork {
 public:
  /// Borrows both.
  ImportWork(const Context& context, const ImportOptions& options);
  ImportWork(const ImportWork&) = delete;
  ImportWork& operator=(const ImportWork&) = delete;

  const Context& context() const { return context_; }
  const ImportOptions& options() const { return options_; }
  ImportSubmitter& submitter() { return submitter_; }
  ImportCounts& rows() { return rows_; }
  ImportCounts& jobs() { return jobs_; }

  /// Calls `reach` until it succeeds, once at least. Its kUnavailable is tried again, with pauses, as long as the options say; anything else ends it.
  ImportEnd Reach(const std::function<Status()>& reach);

  /// One that is refused, and stays where it is: "row 17".
  void Stays(const std::string& what, const std::string& why);
  /// A line for people, above the progress.
  void Say(const std::string& text);
  /// In a dry run, what would be submitted.
  void Show(const OldCall& call);
  /// How far it is. `total` 0: nobody knows.
  void ShowProgress(uint64_t total);
  /// What it did, for people or as JSON.
  void PrintSummary();

 private:
  const Context& context_;
  const ImportOptions& options_;
  ImportSubmitter submitter_;
  Patience patience_;
  Progress progress_;
  ImportCounts rows_, jobs_;
};

}  // namespace notifyd
