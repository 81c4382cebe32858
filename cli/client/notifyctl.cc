// notifyctl: the client. Exit codes: 0 done, 1 the broker refused, 2 wrong usage, 3 the broker cannot be reached (contract section 4).
#include "base/standard_output.h"
#include "cli/client/command_line.h"

int main(int argc, char** argv) {
  notifyd::OpenStandardDescriptors();
  return notifyd::EndOutput("notifyctl", notifyd::RunCommandLine(argc, argv));
}
