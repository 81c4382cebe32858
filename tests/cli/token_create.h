// `notifyd token create` as a process, on a directory's store.
#pragma once

#include <string>
#include <vector>

#include "cli/e2e_broker.h"

namespace notifyd::test {

struct Made {
  int code = 0;
  std::string token, error;
};

inline Made Create(const std::string& directory, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"token", "create", "--data-dir", directory + "/data"});
  Made made;
  made.code = ExitOf(arguments, &made.error, &made.token);
  if (!made.token.empty() && made.token.back() == '\n') made.token.pop_back();
  return made;
}

}  // namespace notifyd::test
