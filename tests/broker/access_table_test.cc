#include "broker/access_table.h"

#include <catch2/catch.hpp>

#include "base/random.h"

namespace notifyd {
namespace {

std::shared_ptr<const TokenRow> Token(const std::string& id, Grant grant, bool disabled = false) {
  TokenRow row;
  row.id = id;
  row.grant = std::move(grant);
  row.disabled = disabled;
  return std::make_shared<const TokenRow>(row);
}

Grant Bound(NamespaceSet namespaces, const std::string& caller) {
  Grant grant;
  grant.namespaces = std::move(namespaces);
  grant.scopes = {Scope::kSubmit};
  grant.caller = caller;
  return grant;
}

TEST_CASE("access table: a copy stays as it was") {
  AccessTable table;
  table.PutToken("aaaaaaaa", Token("aaaaaaaa", Grant::Everything()));
  const AccessTable before = table;
  table.PutToken("aaaaaaaa", nullptr);
  table.PutToken("bbbbbbbb", Token("bbbbbbbb", Grant::Everything()));
  CHECK(before.FindToken("aaaaaaaa") != nullptr);
  CHECK(before.FindToken("bbbbbbbb") == nullptr);
  CHECK(table.FindToken("aaaaaaaa") == nullptr);
  CHECK(table.tokens() == 1);
}

TEST_CASE("access table: namespaces by name and by number") {
  AccessTable table;
  NamespaceRow row;
  row.name = "one";
  row.number = 7;
  table.PutNamespace("one", std::make_shared<const NamespaceRow>(row));
  CHECK(table.FindNamespace("one")->number == 7);
  CHECK(table.FindNamespace(NamespaceNumber{7})->name == "one");
  CHECK(table.FindNamespace(NamespaceNumber{8}) == nullptr);
  table.PutNamespace("one", nullptr);
  CHECK(table.FindNamespace(NamespaceNumber{7}) == nullptr);
  CHECK(table.namespaces() == 0);
}

TEST_CASE("access table: an admin of all namespaces is one that is valid now") {
  AccessTable table;
  CHECK_FALSE(table.HasAdminOfAll(WallTime{0}));
  Grant grant = Grant::Everything();
  grant.expires_at = WallTime{100};
  table.PutToken("aaaaaaaa", Token("aaaaaaaa", grant));
  table.PutToken("bbbbbbbb", Token("bbbbbbbb", Grant::Everything(), true));
  CHECK(table.HasAdminOfAll(WallTime{99}));
  CHECK_FALSE(table.HasAdminOfAll(WallTime{100}));
  table.PutToken("bbbbbbbb", Token("bbbbbbbb", Grant::Everything()));
  CHECK(table.HasAdminOfAll(WallTime{100}));
}

TEST_CASE("access table: a selection is by id, from the front, of what is wanted") {
  AccessTable table;
  for (char c : std::string("gcaebdf")) table.PutToken("token00" + std::string(1, c), Token("token00" + std::string(1, c), Grant::Everything()));
  auto ids = [&](size_t most) {
    std::string out;
    for (const auto& row : table.SelectTokens([](const TokenRow& row) { return row.id.back() != 'b'; }, most)) out += row->id.back();
    return out;
  };
  CHECK(ids(0).empty());
  CHECK(ids(3) == "acd");
  CHECK(ids(100) == "acdefg");
}

TEST_CASE("access table: which callers are bound, as a count of the tokens says") {
  Random random(3);
  AccessTable table;
  std::map<std::string, Grant> model;
  const std::vector<std::string> spaces = {"one", "two", "three"};
  for (int step = 0; step < 3000; ++step) {
    const std::string id = "token000" + std::to_string(random.Below(12));
    if (random.Chance(0.3)) {
      model.erase(id);
      table.PutToken(id, nullptr);
    } else {
      std::vector<std::string> names;
      for (const std::string& name : spaces)
        if (random.Chance(0.4)) names.push_back(name);
      Grant grant = Bound(random.Chance(0.1) ? NamespaceSet::All() : NamespaceSet::Of(names), "caller" + std::to_string(random.Below(3)));
      if (random.Chance(0.2)) grant.caller.reset();
      model[id] = grant;
      table.PutToken(id, Token(id, grant));
    }
    for (int c = 0; c < 3; ++c) {
      for (const std::string& name : spaces) {
        const std::string caller = "caller" + std::to_string(c);
        bool bound = false;
        for (const auto& [each, grant] : model) bound = bound || (grant.caller == caller && grant.namespaces.Has(name));
        REQUIRE(table.IsBoundCaller(name, caller) == bound);
      }
    }
    REQUIRE(table.tokens() == model.size());
    REQUIRE(table.SelectTokens([](const TokenRow&) { return true; }, 100).size() == model.size());
  }
}

}  // namespace
}  // namespace notifyd
