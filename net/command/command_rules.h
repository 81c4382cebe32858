// CommandRules: the programs that the file lets notifies run, by "command:NAME" (contract section 14). Who submits names one; what it runs, as whom
// and with what is said here alone. Plain values, never changed; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace notifyd {

/// A process's user and groups.
struct Identity {
  uint32_t user = 0, group = 0;
  std::vector<uint32_t> groups;  // besides
  bool operator==(const Identity&) const = default;
};

struct CommandRule {
  std::string name;
  std::vector<std::string> exec;  // an absolute path, and its arguments: no shell reads them
  std::vector<std::string> namespaces{"default"};
  std::vector<std::string> callers;  // of them, those of these callers; empty: all
  std::optional<Identity> identity;  // nothing: the broker's own
  std::string directory = "/";       // that it starts in
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> env;  // keys of data, that become NOTIFY_DATA_<key>
  uint32_t max_running = 16;     // at once; others wait
  int64_t timeout_ms = 0;        // in place of the notify's; 0: that
  uint64_t memory_bytes = 0;     // of address space; 0: no bound
  bool operator==(const CommandRule&) const = default;
};

class CommandRules {
 public:
  CommandRules() = default;
  explicit CommandRules(std::vector<CommandRule> rules) : rules_(std::move(rules)) {}

  /// Null where there is none of that name.
  const CommandRule* Find(std::string_view name) const;
  /// May a notify of that namespace and caller run it? Error: kUnacceptable; what is not there and what is not allowed are told apart for nobody.
  Status Check(std::string_view space, std::string_view caller, std::string_view name) const;
  const std::vector<CommandRule>& all() const { return rules_; }
  bool operator==(const CommandRules&) const = default;

 private:
  std::vector<CommandRule> rules_;
};

/// Is it 1 to 64 of [a-z0-9._-], the first a letter or digit?
bool IsCommandName(std::string_view text);

}  // namespace notifyd
