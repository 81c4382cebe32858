// The examples of docs/flows-*.md come out as the pages say.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/doc_examples.h"
#include <catch2/catch.hpp>

using namespace notifyd::test;

namespace {

std::string TextOf(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("documents: examples are taken out of a page, and held to what it says") {
  const DocPage page = ParseDocPage(
      "Text\n$ not this\n```toml\n[limits]\n```\n```console\n$ echo a \\\n  b\na   b\n\n$ false\n(exit 1)\n```\n```console eventually\n$ echo c\n"
      "c\n```\n```\n$ nor this\n```\n");
  CHECK(page.settings == "[limits]\n");
  REQUIRE(page.examples.size() == 3);
  CHECK(page.examples[0].line == 7);
  CHECK(page.examples[0].command == "echo a \\\n  b");
  CHECK(page.examples[0].expected == std::vector<std::string>{"a b"});
  CHECK(page.examples[1].exit_code == 1);
  CHECK_FALSE(page.examples[1].eventually);
  CHECK(page.examples[2].eventually);

  CHECK(FirstNotShown("one  two\nthree\n", {"one two", "three"}) == "");
  CHECK(FirstNotShown("id n12 is done\n", {"n... is done"}) == "");
  CHECK(FirstNotShown("three\none\n", {"one", "three"}) == "three");
  CHECK(FirstNotShown("", {"one"}) == "one");
}

TEST_CASE("documents: an example that does not come out as its page says is found") {
  CHECK(RunDocPage(ParseDocPage("```console\n$ ID=7\n$ echo \"[$ID]\"\n[7]\n```\n")) == "");
  for (const char* wrong : {"$ echo a\nb\n", "$ false\n", "$ true\n(exit 1)\n", "$ notifyctl get nothing\n"}) {
    CAPTURE(wrong);
    CHECK_THAT(RunDocPage(ParseDocPage(std::string("```console\n") + wrong + "```\n")), Catch::StartsWith("line 2: "));
  }
}

TEST_CASE("documents: each example of docs/flows-*.md comes out as its page says") {
  size_t examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NOTIFYD_SOURCE_DIR "/docs")) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("flows-") || !name.ends_with(".md")) continue;
    const DocPage page = ParseDocPage(TextOf(entry.path()));
    if (page.examples.empty()) continue;
    examples += page.examples.size();
    INFO(name);
    CHECK(RunDocPage(page) == "");
  }
  CHECK(examples > 0);
}
