// notifyctl run as a process, to its end.
#pragma once

#include <string>
#include <vector>

#include "support/process.h"
#include "support/scripted_server.h"

namespace notifyd::test {

struct CtlRun {
  int code = 0;
  std::string output, error;
};

inline CtlRun Ctl(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {},
                  const std::string& stdin_file = "/dev/null") {
  Process process(NOTIFYCTL_BINARY, {arguments, environment, stdin_file});
  CtlRun run;
  run.code = process.Wait();
  run.output = process.output();
  run.error = process.error();
  return run;
}

/// With a standard output that takes nothing.
inline CtlRun CtlFull(const std::vector<std::string>& arguments) {
  Process process(NOTIFYCTL_BINARY, {arguments, {}, "/dev/null", true, "/dev/full"});
  CtlRun run;
  run.code = process.Wait();
  run.error = process.error();
  return run;
}

/// A shell's script, with notifyctl as $1 and `arguments` behind it.
inline CtlRun Shell(const std::string& script, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"-c", script, "sh", NOTIFYCTL_BINARY});
  Process process("/bin/sh", {arguments, {}});
  CtlRun run;
  run.code = process.Wait();
  run.output = process.output();
  run.error = process.error();
  return run;
}

/// With --server in front.
inline CtlRun CtlAt(const ScriptedServer& broker, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--server", broker.url()});
  return Ctl(arguments);
}

inline ScriptedServer::Handler Always(int status, const std::string& body) {
  return [=](const SeenRequest&) { return ScriptedAnswer{status, body}; };
}

}  // namespace notifyd::test
