#include "base/arguments.h"

#include <catch2/catch.hpp>

using namespace notifyd;

TEST_CASE("arguments: a flag with nothing behind its = has an empty value, and takes no other argument for it") {
  using Texts = std::vector<std::string>;
  CHECK(ArgumentsForParser({"list", "--lane=", "--json"}) == Texts{"--json", "", "--lane", "list"});
  CHECK(ArgumentsForParser({"--lane=a=", "--lane", "", "-x="}) == Texts{"-x=", "", "--lane", "--lane=a="});
  CHECK(ArgumentsForParser({"--", "--lane="}) == Texts{"--lane=", "--"});
  CHECK(ArgumentsForParser({}).empty());
}
