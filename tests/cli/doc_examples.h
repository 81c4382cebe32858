// The examples of docs/flows-*.md, taken out of a page and run. What an example is: docs/testing.md, "Examples in documents".
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace notifyd::test {

/// One command of a page, and what its output must show.
struct DocExample {
  size_t line = 0;  // of the page, from 1
  std::string command;
  std::vector<std::string> expected;  // each somewhere in the output, in this order
  int exit_code = 0;
  bool eventually = false;  // it is run again until it shows that
};

/// A page, taken apart.
struct DocPage {
  std::string settings;  // its ```toml blocks: the broker's configuration
  std::vector<DocExample> examples;
};
DocPage ParseDocPage(const std::string& text);

/// Does `output` show them, in order? Blanks in a row count as one; "..." stands for anything within a line. Else the first that it does not show.
std::string FirstNotShown(const std::string& output, const std::vector<std::string>& expected);

/// What else a page speaks of, beside a broker and receivers.
struct DocSurroundings {
  std::vector<std::pair<std::string, std::string>> places = {};     // "localhost:5672", and where that is in truth
  std::vector<std::pair<std::string, std::string>> variables = {};  // of the environment of its commands
};

/// Runs all of them, one after the other, against a broker and receivers of their own. What did not come out as the page says, with the page's line;
/// empty: all did.
std::string RunDocPage(const DocPage& page, const DocSurroundings& surroundings = {});

}  // namespace notifyd::test
