#include "cli/daemon/settings_commands.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "cli/daemon/settings_tables.h"

namespace notifyd {
namespace {

constexpr size_t kCommandsMost = 100, kArgumentsMost = 256, kCommandListMost = 1000, kTextMostBytes = 4096;
constexpr int64_t kRunningMost = 1000, kTimeoutMostMs = 24 * 3600 * 1000, kMemoryLeast = 1 << 20, kMemoryMost = int64_t{1} << 50;

bool IsPlain(std::string_view text, bool first_letter) {
  const auto letter = [](char c) { return (LowerAscii(c) >= 'a' && LowerAscii(c) <= 'z') || c == '_'; };
  return !text.empty() && text.size() <= 64 && (!first_letter || letter(text[0])) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || IsDigit(c); });
}

/// Of what is handed to the system, which takes a NUL for the end.
Result<std::string> SystemText(const toml::node& node) {
  Result<std::string> text = TextOf(node);
  if (!text.ok()) return text;
  if (text->size() > kTextMostBytes || text->find('\0') != std::string::npos)
    return Unacceptable("must be a string of at most " + std::to_string(kTextMostBytes) + " bytes, without NUL");
  return text;
}

Status ReadTexts(const toml::node& node, size_t most, std::vector<std::string>* out) {
  const toml::array* array = node.as_array();
  if (!array || array->empty() || array->size() > most) return Unacceptable("must be a list of 1 to " + std::to_string(most) + " strings");
  out->clear();
  for (const toml::node& item : *array) {
    Result<std::string> text = SystemText(item);
    if (!text.ok()) return Unacceptable("each item " + text.status().detail());
    out->push_back(*std::move(text));
  }
  return Status::Ok();
}

Status ReadNamespacesOfCommand(const toml::node& node, std::vector<std::string>* out) {
  NOTIFYD_TRY(ReadTexts(node, kCommandListMost, out));
  return CheckNamespaceNames(*out);
}

template <class Number>
Status ReadNumber(const toml::node& node, int64_t least, int64_t most, Number* out) {
  const auto* value = node.as_integer();
  if (!value || value->get() < least || value->get() > most)
    return Unacceptable("must be a whole number, " + std::to_string(least) + " to " + std::to_string(most));
  *out = static_cast<Number>(value->get());
  return Status::Ok();
}

Status ReadName(const toml::node& node, std::string* out) {
  Result<std::string> text = TextOf(node);
  if (!text.ok()) return std::move(text).status();
  if (!IsCommandName(*text)) return Unacceptable("must be 1 to 64 of the characters a-z, 0-9, '.', '_' and '-', and begin with a letter or digit");
  *out = *std::move(text);
  return Status::Ok();
}

Status ReadExec(const toml::node& node, std::vector<std::string>* out) {
  NOTIFYD_TRY(ReadTexts(node, kArgumentsMost, out));
  const std::string& program = out->front();
  struct stat found {};
  if (!program.starts_with('/')) return Unacceptable("must begin with the program's absolute path: no shell looks for it");
  if (stat(program.c_str(), &found) != 0) return Unacceptable(program + ": " + std::strerror(errno));
  if (!S_ISREG(found.st_mode) || access(program.c_str(), X_OK) != 0) return Unacceptable(program + " is not a program that can be run");
  return Status::Ok();
}

Status ReadDirectory(const toml::node& node, std::string* out) {
  Result<std::string> path = SystemText(node);
  if (!path.ok()) return std::move(path).status();
  struct stat found {};
  if (!path->starts_with('/')) return Unacceptable("must be an absolute path");
  if (stat(path->c_str(), &found) != 0) return Unacceptable(*path + ": " + std::strerror(errno));
  if (!S_ISDIR(found.st_mode)) return Unacceptable(*path + " is no directory");
  *out = *std::move(path);
  return Status::Ok();
}

/// May this process run others as other users?
bool MayChangeUser() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (syscall(SYS_capget, &header, data) != 0) return geteuid() == 0;
  constexpr uint32_t kNeeded = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_KILL;
  return (data[0].effective & kNeeded) == kNeeded;
}

Status ReadUser(const toml::node& node, std::optional<Identity>* out) {
  Result<std::string> name = SystemText(node);
  if (!name.ok()) return std::move(name).status();
  passwd entry{}, *found = nullptr;
  std::vector<char> buffer(64 << 10);
  if (getpwnam_r(name->c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return Unacceptable("there is no user \"" + *name + "\"");
  out->reset();
  if (entry.pw_uid == geteuid() && entry.pw_gid == getegid()) return Status::Ok();
  if (!MayChangeUser())
    return Unacceptable("the broker may not run programs as \"" + *name + "\": only as root it may, or with CAP_SETUID, CAP_SETGID and CAP_KILL");
  int count = 1024;
  std::vector<gid_t> groups(static_cast<size_t>(count));
  if (getgrouplist(name->c_str(), entry.pw_gid, groups.data(), &count) < 0) return Unacceptable("the groups of \"" + *name + "\" cannot be read");
  groups.resize(static_cast<size_t>(count));
  *out = Identity{entry.pw_uid, entry.pw_gid, {groups.begin(), groups.end()}};
  return Status::Ok();
}

Status ReadEnvironment(const toml::node& node, std::vector<std::pair<std::string, std::string>>* out) {
  const toml::table* table = node.as_table();
  if (!table || table->size() > kCommandListMost) return Unacceptable("must be a table of names and values, such as { LANG = \"C.UTF-8\" }");
  for (const auto& [key, value] : *table) {
    const std::string name(key.str());
    if (!IsPlain(name, true) || name.starts_with("NOTIFY_"))
      return Unacceptable("\"" + name + "\" is no name: letters, digits and '_', and not NOTIFY_ at the beginning");
    Result<std::string> text = SystemText(value);
    if (!text.ok()) return Unacceptable(name + " " + text.status().detail());
    out->emplace_back(name, *std::move(text));
  }
  return Status::Ok();
}

Status ReadEnv(const toml::node& node, std::vector<std::string>* out) {
  NOTIFYD_TRY(ReadTexts(node, kCommandListMost, out));
  if (std::all_of(out->begin(), out->end(), [](const std::string& key) { return IsPlain(key, false); })) return Status::Ok();
  return Unacceptable("each key must be 1 to 64 letters, digits and '_'");
}

Status ReadKey(const std::string& key, const toml::node& node, CommandRule* rule) {
  if (key == "name") return ReadName(node, &rule->name);
  if (key == "exec") return ReadExec(node, &rule->exec);
  if (key == "namespaces") return ReadNamespacesOfCommand(node, &rule->namespaces);
  if (key == "callers") return ReadTexts(node, kCommandListMost, &rule->callers);
  if (key == "user") return ReadUser(node, &rule->identity);
  if (key == "directory") return ReadDirectory(node, &rule->directory);
  if (key == "environment") return ReadEnvironment(node, &rule->environment);
  if (key == "env") return ReadEnv(node, &rule->env);
  if (key == "max_running") return ReadNumber(node, 1, kRunningMost, &rule->max_running);
  if (key == "timeout_ms") return ReadNumber(node, 1, kTimeoutMostMs, &rule->timeout_ms);
  if (key == "memory_bytes") return ReadNumber(node, kMemoryLeast, kMemoryMost, &rule->memory_bytes);
  return Unacceptable(
      "there is no such key, only name, exec, namespaces, callers, user, directory, environment, env, max_running, timeout_ms and memory_bytes");
}

}  // namespace

Result<CommandRules> ReadCommandRules(const toml::node& node, const std::string& file) {
  Result<std::vector<const toml::table*>> tables = TablesOf(node, "command", kCommandsMost, file);
  if (!tables.ok()) return std::move(tables).status();
  std::vector<CommandRule> rules;
  for (const toml::table* table : *tables) {
    const TablePlace place{"command", rules.size() + 1, file};
    CommandRule rule;
    for (const auto& [key, value] : *table) {
      if (Status fault = ReadKey(std::string(key.str()), value, &rule); !fault.ok())
        return place.Blame(std::string(key.str()), value, fault.detail());
    }
    if (rule.name.empty()) return place.Blame("name", *table, "is missing");
    if (rule.exec.empty()) return place.Blame("exec", *table, "is missing");
    const auto same = [&](const CommandRule& other) { return other.name == rule.name; };
    if (std::any_of(rules.begin(), rules.end(), same)) return place.Blame("name", *table, "another command has this name");
    rules.push_back(std::move(rule));
  }
  return CommandRules(std::move(rules));
}

std::vector<HostRule> CapsOf(const CommandRules& rules) {
  std::vector<HostRule> caps;
  for (const CommandRule& rule : rules.all()) {
    HostRule cap;
    cap.place = static_cast<uint32_t>(caps.size() + 1);
    cap.command = rule.name;
    cap.namespaces = rule.namespaces;
    cap.concurrency = rule.max_running;
    cap.shared = rule.namespaces.size() > 1;
    caps.push_back(std::move(cap));
  }
  return caps;
}

std::string CommandRulesAsToml() {
  return R"(

# Programs that notifies may run, none by default: url = "command:NAME". Without a shell: who submits gives the body, which comes on standard input,
# and neither path nor argument. In this file only. Reloadable.
#
#   name          1 to 64 of a-z, 0-9, '.', '_' and '-'
#   exec          the program's absolute path, and its arguments
#   namespaces    whose notifies may name it, each by its name, there is no "*"; by default those of default alone
#   callers       of them, those of these callers; by default all
#   user          that it runs as, with that one's groups; by default the broker's own. Another needs a broker that runs as root, or has CAP_SETUID,
#                 CAP_SETGID and CAP_KILL
#   directory     that it starts in, by default /
#   environment   variables that it gets, beside PATH, NOTIFY_ID and NOTIFY_ATTEMPT; nothing of the broker's own
#   env           keys of data that become NOTIFY_DATA_<key>: scalars of 4 KiB at most
#   max_running   at once, others wait; 1 to 1000, 16 by default
#   timeout_ms    in place of the notify's timeout_ms, 1 to 86400000
#   memory_bytes  of address space, 1 MiB at least; by default no bound
#
# [[command]]
# name = "journal"
# exec = ["/usr/bin/tee", "--append", "/var/log/orders.jsonl"]
# callers = ["shop"]
# env = ["order"]
# max_running = 1
# timeout_ms = 60000
# memory_bytes = 1073741824
)";
}

}  // namespace notifyd
