#include "broker/registry.h"

#include <catch2/catch.hpp>

#include "broker/registry_fixture.h"

namespace notifyd {
namespace {

using Stage = RegistryStage;

struct Made : RegistryStage {
  Made() {
    CommitAll();
    for (const char* name : {"one", "two"}) Do(PutNamespace{0, Root(), name, {}});
  }
  /// The reply to it, under a number of its own.
  template <class Event>
  RegistryReply Do(Event event) {
    event.request = ++last;
    return Ask(event, last);
  }
  RegistryReply MakeToken(const std::string& id, Grant grant) {
    return Do(MakeTokenRequest{0, Root(), id, "a name", std::move(grant), false, Secret(1)});
  }
  uint64_t last = 100;
};

TEST_CASE("registry: a new store gets default and system, durably, before anything is published") {
  Stage stage;
  CHECK(stage.published == nullptr);
  REQUIRE(stage.batches.size() == 1);
  CHECK(stage.batches[0].sync);
  stage.CommitAll();
  CHECK(stage.published->FindNamespace("default")->number == 0);
  CHECK(stage.published->FindNamespace("system")->number == 1);
  stage.Start();
  CHECK(stage.batches.empty());
  CHECK(stage.published->namespaces() == 2);
}

TEST_CASE("registry: a change is answered and published once it is durable, and not before") {
  Stage stage;
  stage.CommitAll();
  stage.Step(PutNamespace{1, Stage::Root(), "one", {}});
  // What does not change anything waits for what it was decided by.
  stage.Step(PutNamespace{2, Stage::Root(), "one", {}});
  stage.Step(PutNamespace{3, Stage::Root(), "One", {}});
  CHECK(stage.replies.empty());
  CHECK(stage.published->FindNamespace("one") == nullptr);
  CHECK(stage.audit.empty());
  stage.CommitOne();
  CHECK(stage.replies.at(1).created);
  CHECK(stage.replies.at(1).space->number == 2);
  CHECK(stage.replies.at(2).status.ok());
  CHECK_FALSE(stage.replies.at(2).created);
  CHECK(stage.replies.at(3).status.code() == Code::kUnacceptable);
  CHECK(stage.published->FindNamespace("one") != nullptr);
  CHECK(stage.audit == std::vector<std::string>{"namespace_made one by root"});
  CHECK(stage.batches.empty());
  stage.Step(PutNamespace{4, Stage::Root(), "one", {}});
  CHECK(stage.replies.count(4) == 1);
}

TEST_CASE("registry: the entry of the audit is written with the change, so that who stops in between has both or none") {
  Stage stage;
  stage.CommitAll();
  stage.Step(PutNamespace{1, Stage::Root(), "one", {}});
  stage.Step(MakeTokenRequest{2, Stage::Root(), "tokenone", "name", Stage::Submits({"one"}), false, Stage::Secret(1)});
  REQUIRE(stage.batches.size() == 2);
  CHECK(stage.batches[0].sync);
  stage.rows.Apply(stage.batches[0]);
  stage.Start();
  CHECK(stage.registry->decided().FindNamespace("one") != nullptr);
  CHECK(stage.registry->decided().FindToken("tokenone") == nullptr);
  CHECK(stage.rows.audit == std::vector<std::string>{"namespace_made one by root"});
  CHECK(stage.audit.empty());  // it was not told of
  stage.Ask(MakeTokenRequest{3, Stage::Root(), "tokenone", "name", Stage::Submits({"one"}), false, Stage::Secret(1)}, 3);
  CHECK(stage.rows.audit.back() == "token_made tokenone by root");
  CHECK(stage.audit.back() == stage.rows.audit.back());
}

TEST_CASE("registry: a namespace's cell is chosen as it is made; another one is where it moves, and its own calls that off") {
  Made made;
  NamespaceSettings in_east;
  in_east.cell = "east";
  CHECK(made.Ask(PutNamespace{1, made.Root(), "far", in_east}, 1).space->settings.cell == "east");
  NamespaceSettings silent;
  silent.timeout_ms = 5;
  const RegistryReply kept = made.Ask(PutNamespace{2, made.Root(), "far", silent}, 2);
  CHECK(kept.space->settings.cell == "east");
  CHECK(kept.space->settings.timeout_ms == 5);
  NamespaceSettings home;
  home.cell = kHomeCell;
  const RegistryReply moves = made.Ask(PutNamespace{3, made.Root(), "far", home}, 3);
  CHECK(moves.space->settings.cell == "east");
  CHECK(moves.space->moving_to == kHomeCell);
  CHECK(made.Ask(PutNamespace{4, made.Root(), "far", silent}, 4).space->moving_to == kHomeCell);
  CHECK_FALSE(made.Ask(PutNamespace{5, made.Root(), "far", in_east}, 5).space->moving_to);
  const NamespaceNumber number = moves.space->number;
  // It was called off before.
  made.Step(NamespaceMoved{number, kHomeCell});
  made.CommitAll();
  CHECK(made.published->FindNamespace("far")->settings.cell == "east");
  made.Ask(PutNamespace{6, made.Root(), "far", home}, 6);
  made.Step(NamespaceMoved{number, "west"});
  made.Step(NamespaceMoved{number, kHomeCell});
  made.CommitAll();
  CHECK_FALSE(made.published->FindNamespace("far")->settings.cell);
  CHECK_FALSE(made.published->FindNamespace("far")->moving_to);
  CHECK_FALSE(made.Ask(PutNamespace{7, made.Root(), "near", home}, 7).space->settings.cell);
  CHECK(made.Ask(PutNamespace{8, made.Root(), "system", in_east}, 8).status.code() == Code::kConflict);
  CHECK(made.Ask(PutNamespace{9, made.AdminOf({"far"}, {Scope::kAdmin}), "far", in_east}, 9).status.code() == Code::kForbidden);
}

TEST_CASE("registry: compare and set") {
  Made made;
  const uint64_t version = made.published->FindNamespace("one")->version;
  NamespaceSettings settings;
  settings.timeout_ms = 5;
  const RegistryReply there = made.Ask(PutNamespace{1, made.Root(), "one", settings, {.absent = true}}, 1);
  CHECK(there.stale);
  CHECK(there.status.detail() == "namespace \"one\" is there already");
  CHECK(made.Ask(PutNamespace{2, made.Root(), "one", settings, {.version = version + 1}}, 2).stale);
  const RegistryReply done = made.Ask(PutNamespace{3, made.Root(), "one", settings, {.version = version}}, 3);
  CHECK(done.status.ok());
  CHECK(done.space->version > version);
  CHECK(made.Ask(PutNamespace{4, made.Root(), "one", {}, {.version = version}}, 4).stale);
  CHECK(made.Ask(PutNamespace{5, made.Root(), "none", {}, {.version = version}}, 5).stale);
  // The decision is by what was decided, not by what is durable.
  made.Step(PutNamespace{6, made.Root(), "one", {}, {.version = done.space->version}});
  made.Step(PutNamespace{7, made.Root(), "one", {}, {.version = done.space->version}});
  made.CommitAll();
  CHECK(made.replies.at(6).status.ok());
  CHECK(made.replies.at(7).stale);
}

TEST_CASE("registry: who may make, change and remove namespaces") {
  Made made;
  const Actor admin = Stage::AdminOf({"one"}), reader = Stage::AdminOf({"one"}, {Scope::kRead}), nearly = {"nearly", made.Root().grant};
  CHECK(made.Ask(PutNamespace{1, admin, "three", {}}, 1).status.code() == Code::kForbidden);
  NamespaceSettings settings;
  settings.timeout_ms = 5;
  CHECK(made.Ask(PutNamespace{2, admin, "one", settings}, 2).status.ok());
  CHECK(made.Ask(PutNamespace{3, admin, "two", settings}, 3).status.code() == Code::kForbidden);
  CHECK(made.Ask(PutNamespace{4, reader, "one", settings}, 4).status.code() == Code::kForbidden);
  settings.max_pending = 5;
  CHECK(made.Ask(PutNamespace{5, admin, "one", settings}, 5).status.field() == "/max_pending");
  CHECK(made.Ask(PutNamespace{6, nearly, "one", settings}, 6).status.ok());
  CHECK(made.Ask(RemoveNamespace{7, admin, "one", true}, 7).status.code() == Code::kForbidden);
  settings.timeout_ms = -5;
  CHECK(made.Ask(PutNamespace{8, made.Root(), "one", settings}, 8).status.field() == "/timeout_ms");
  CHECK(made.Ask(PutNamespace{9, made.Root(), "four", settings}, 9).status.field() == "/timeout_ms");
}

TEST_CASE("registry: default and system are never removed, and what is not there is not found") {
  Made made;
  for (const char* name : {"default", "system"}) {
    CHECK(made.Do(RemoveNamespace{0, made.Root(), name, true}).status.code() == Code::kConflict);
    CHECK(made.Do(RemoveNamespace{0, made.Root(), name, false}).status.code() == Code::kConflict);
  }
  CHECK(made.Do(RemoveNamespace{0, made.Root(), "none", true}).status.code() == Code::kNotFound);
  CHECK(made.closes.empty());
}

TEST_CASE("registry: what keeps a namespace from being removed is called what it is") {
  Made made;
  const auto refusal = [&](const WorkLeft& left, uint64_t request) {
    made.Step(RemoveNamespace{request, made.Root(), "one"});
    return made.Ask(NamespaceClosed{2, left}, request).status.detail();
  };
  const std::string behind = " in it: discard_pending=true cancels them";
  CHECK(refusal({.pending = 7}, 1) == "there are 7 pending notifies" + behind);
  CHECK(refusal({.promised = 1'200, .begun = 1}, 2) == "there are 1200 notifies still to be made of events" + behind);
  CHECK(refusal({.begun = 2}, 3) == "there are 2 replays, events or callbacks of groups still under way" + behind);
  CHECK(refusal({.pending = 7, .begun = 2}, 4) ==
        "there are 7 pending notifies, and 2 replays, events or callbacks of groups still under way" + behind);
}

TEST_CASE("registry: removing asks the core first, and one with pending notifies stays") {
  Made made;
  made.Step(RemoveNamespace{1, made.Root(), "one"});
  REQUIRE(made.closes == std::vector<NamespaceNumber>{2});
  CHECK(made.Ask(PutNamespace{2, made.Root(), "one", {}}, 2).status.code() == Code::kConflict);
  CHECK(made.Ask(RemoveNamespace{3, made.Root(), "one"}, 3).status.code() == Code::kConflict);
  CHECK(made.Ask(NamespaceClosed{2, {7}}, 1).status.detail().find("7 pending") != std::string::npos);
  CHECK_FALSE(made.published->FindNamespace("one")->deleting);
  CHECK(made.Ask(PutNamespace{4, made.Root(), "one", {}}, 4).status.ok());

  made.Step(RemoveNamespace{5, made.Root(), "one"});
  CHECK(made.Ask(NamespaceClosed{2, {0}}, 5).status.ok());
  CHECK(made.published->FindNamespace("one")->deleting);
  CHECK(made.drains == std::vector<NamespaceNumber>{2});
  made.Step(NamespaceClosed{2, {0}});
  CHECK(made.batches.empty());
}

TEST_CASE("registry: what is to be discarded goes once its core was asked, whatever is pending: before that others may still take something for it") {
  Made made;
  made.Step(RemoveNamespace{1, made.Root(), "one", true});
  REQUIRE(made.closes == std::vector<NamespaceNumber>{2});
  CHECK(made.batches.empty());
  CHECK_FALSE(made.published->FindNamespace("one")->deleting);
  CHECK(made.Ask(PutNamespace{2, made.Root(), "one", {}}, 2).status.code() == Code::kConflict);
  CHECK(made.Ask(NamespaceClosed{2, {7}}, 1).space->deleting);
  CHECK(made.drains == std::vector<NamespaceNumber>{2});
}

TEST_CASE("registry: what is to be discarded goes after ten seconds where its core does not answer; all else waits for it") {
  Made made;
  made.Step(RemoveNamespace{1, made.Root(), "one", true});
  made.Step(RemoveNamespace{2, made.Root(), "two"});
  CHECK(made.registry->wants_tick());
  CHECK_FALSE(made.registry->idle());
  made.now.mono.ms += 9'999;
  made.Step(RegistryTick{});
  CHECK(made.batches.empty());
  made.now.mono.ms += 1;
  CHECK(made.Ask(RegistryTick{}, 1).space->deleting);
  CHECK(made.drains == std::vector<NamespaceNumber>{2});
  // Its answer may come all the same.
  made.Step(NamespaceClosed{2, {7}});
  CHECK(made.batches.empty());
  CHECK_FALSE(made.replies.contains(2));
  CHECK(made.Ask(NamespaceClosed{3, {1}}, 2).status.code() == Code::kConflict);
  CHECK(made.registry->idle());
}

TEST_CASE("registry: a removal that waits for a core gives way to one that discards what is pending") {
  Made made;
  made.Step(RemoveNamespace{1, made.Root(), "one"});
  made.now.mono.ms += 20'000;
  made.Step(RegistryTick{});
  CHECK_FALSE(made.replies.contains(1));
  made.Step(RemoveNamespace{2, made.Root(), "one", true, {.version = 99}});
  CHECK(made.replies.at(2).status.code() == Code::kConflict);
  CHECK_FALSE(made.replies.contains(1));
  made.Step(RemoveNamespace{3, made.Root(), "one", true});
  CHECK(made.replies.at(1).status.code() == Code::kConflict);
  CHECK_FALSE(made.replies.contains(3));
  CHECK(made.Ask(RemoveNamespace{4, made.Root(), "one", true}, 4).status.code() == Code::kConflict);
  made.now.mono.ms += 10'000;
  CHECK(made.Ask(RegistryTick{}, 3).space->deleting);
  CHECK(made.drains == std::vector<NamespaceNumber>{2});
  CHECK(made.registry->idle());
}

TEST_CASE("registry: a removal is marked durably, takes the tokens along, drains, and goes on after a crash at each step") {
  Made made;
  made.MakeToken("tokenone", Stage::Submits({"one"}));
  made.MakeToken("tokenall", Grant::Everything());
  made.MakeToken("tokentwo", Stage::Submits({"one", "two"}));
  made.Step(RemoveNamespace{1, made.Root(), "one", true});
  made.Step(NamespaceClosed{2, {5}});
  CHECK(made.drains.empty());
  REQUIRE(made.batches.size() == 1);
  made.CommitAll();
  CHECK(made.replies.at(1).space->deleting);
  CHECK(made.published->FindToken("tokenone") == nullptr);
  CHECK(made.published->FindToken("tokentwo")->grant.namespaces.names == std::vector<std::string>{"two"});
  CHECK(made.published->FindToken("tokenall") != nullptr);
  CHECK(made.drains == std::vector<NamespaceNumber>{2});
  CHECK(made.Ask(PutNamespace{2, made.Root(), "one", {}}, 2).status.code() == Code::kConflict);
  CHECK(made.MakeToken("tokenbad", Stage::Submits({"one"})).status.field() == "/namespaces/0");

  made.Start();
  CHECK(made.drains == std::vector<NamespaceNumber>{2, 2});
  made.Step(NamespaceDrained{2, {.accepted = 5, .cancelled = 5}});
  made.Step(NamespaceDrained{2, {.accepted = 5, .cancelled = 5}});
  CHECK(made.batches.size() == 1);
  // It falls before that is written: all comes again.
  made.Start();
  made.Step(NamespaceDrained{2, {.accepted = 5, .cancelled = 5}});
  made.CommitAll();
  CHECK(made.published->FindNamespace("one") == nullptr);
  CHECK(made.rows.head.removed == RemovedTotals{.accepted = 5, .cancelled = 5});
  made.Start();
  CHECK(made.drains.size() == 3);
  // Its name is free, its number is not.
  CHECK(made.Ask(PutNamespace{3, made.Root(), "one", {}}, 3).space->number == 4);
}

TEST_CASE("registry: numbers are given once, 32,766 of them beside default") {
  Stage stage;
  stage.CommitAll();
  stage.rows.head.next_number = kMostNumber;
  stage.Start();
  CHECK(stage.Ask(PutNamespace{1, Stage::Root(), "last", {}}, 1).space->number == kMostNumber);
  CHECK(stage.Ask(PutNamespace{2, Stage::Root(), "more", {}}, 2).status.code() == Code::kDiskFull);
  stage.Step(RemoveNamespace{3, Stage::Root(), "last"});
  stage.Ask(NamespaceClosed{kMostNumber, {0}}, 3);
  stage.Step(NamespaceDrained{kMostNumber, {}});
  stage.CommitAll();
  stage.Start();
  CHECK(stage.Ask(PutNamespace{4, Stage::Root(), "more", {}}, 4).status.code() == Code::kDiskFull);
}

TEST_CASE("registry: a token within its maker's bounds is made, and no other") {
  Made made;
  const Actor admin = Stage::AdminOf({"one"}, {Scope::kAdmin, Scope::kSubmit});
  auto ask = [&](Actor actor, Grant grant, std::string name = "a name") {
    ++made.last;
    const std::string id = "token" + std::to_string(made.last);
    return made.Ask(MakeTokenRequest{made.last, std::move(actor), id, std::move(name), std::move(grant), false, Stage::Secret(1)}, made.last).status;
  };
  CHECK(ask(admin, Stage::Submits({"one"})).ok());
  CHECK(ask(admin, Stage::Submits({"one", "two"})).code() == Code::kForbidden);
  CHECK(ask(admin, Stage::Submits({"two"})).code() == Code::kForbidden);
  // Whether it exists or not.
  CHECK(ask(admin, Stage::Submits({"none"})).code() == Code::kForbidden);
  CHECK(ask(made.Root(), Stage::Submits({"none"})).code() == Code::kUnacceptable);
  CHECK(ask(admin, Grant::Everything()).code() == Code::kForbidden);
  CHECK(ask(Stage::AdminOf({"one"}, {Scope::kSubmit}), Stage::Submits({"one"})).code() == Code::kForbidden);
  CHECK(ask(admin, Stage::Submits({})).field() == "/namespaces");
  CHECK(ask(admin, Stage::Submits({"one"}), "").field() == "/name");
  Grant over = Stage::Submits({"one"});
  over.expires_at = made.now.wall;
  CHECK(ask(admin, over).field() == "/expires_at");
  CHECK(made.replies.at(made.last).token == nullptr);
}

TEST_CASE("registry: an id that is taken is asked for again, and so many tokens there are") {
  RegistryLimits limits;
  limits.max_tokens = 2;
  Stage stage(limits);
  stage.CommitAll();
  auto ask = [&](uint64_t request, const char* id) {
    return stage.Ask(MakeTokenRequest{request, Stage::Root(), id, "a", Stage::Submits({"default"}), false, Stage::Secret(1)}, request);
  };
  CHECK(ask(1, "aaaaaaaa").created);
  CHECK(ask(2, "aaaaaaaa").stale);
  CHECK(ask(3, "bbbbbbbb").created);
  CHECK(ask(4, "cccccccc").status.code() == Code::kTooMany);
  stage.Ask(RemoveToken{5, Stage::Root(), "aaaaaaaa"}, 5);
  CHECK(ask(6, "cccccccc").created);
}

TEST_CASE("registry: admins of single namespaces leave places for tokens to each other, and to admins of all") {
  RegistryLimits limits;
  limits.max_tokens = 40;
  Stage stage(limits);
  stage.CommitAll();
  uint64_t request = 0;
  const auto space = [&](const std::string& name) {
    PutNamespace put{++request, Stage::Root(), name};
    put.precondition.absent = true;
    stage.Ask(put, request);
  };
  const auto ask = [&](const Actor& by, const std::string& of) {
    char id[9];
    std::snprintf(id, sizeof id, "aaaa%04d", static_cast<int>(++request));
    std::string letters = id;
    for (char& c : letters)
      if (c >= '0' && c <= '9') c = static_cast<char>('a' + (c - '0'));
    return stage.Ask(MakeTokenRequest{request, by, letters, "a", Stage::Submits({of}), false, Stage::Secret(1)}, request).status;
  };
  std::vector<std::string> names;
  for (int i = 0; i < 10; ++i) space(names.emplace_back("space" + std::to_string(i)));
  for (int i = 0; i < 4; ++i) CHECK(ask(Stage::AdminOf({"space0"}, ScopeSet::All()), "space0").ok());
  const Status full = ask(Stage::AdminOf({"space0"}, ScopeSet::All()), "space0");
  CHECK(full.code() == Code::kTooMany);
  CHECK_THAT(full.detail(), Catch::Contains("space0") && Catch::Contains("4 tokens"));
  CHECK(ask(Stage::Root(), "space0").ok());
  for (int of = 1; of < 9; ++of)
    for (int i = 0; i < 4; ++i)
      static_cast<void>(ask(Stage::AdminOf({names[static_cast<size_t>(of)]}, ScopeSet::All()), names[static_cast<size_t>(of)]));
  CHECK(stage.registry->decided().tokens() == 36);
  const Status last = ask(Stage::AdminOf({"space9"}, ScopeSet::All()), "space9");
  CHECK(last.code() == Code::kTooMany);
  CHECK_THAT(last.detail(), Catch::Contains("admins of all namespaces"));
  for (int i = 0; i < 4; ++i) CHECK(ask(Stage::Root(), "default").ok());
  CHECK(ask(Stage::Root(), "default").code() == Code::kTooMany);
}

TEST_CASE("registry: of a token whose time is over all else can be changed") {
  Made made;
  Grant grant = Stage::Submits({"one"});
  grant.expires_at = WallTime{made.now.wall.ms + 1000};
  made.MakeToken("tokenone", grant);
  made.now.wall.ms += 2000;
  auto change = [&](Grant to, bool disabled) {
    return made.Do(ChangeToken{0, made.Root(), "tokenone", "renamed", std::move(to), disabled, {}}).status;
  };
  CHECK(change(grant, true).ok());
  CHECK(made.published->FindToken("tokenone")->disabled);
  Grant other = grant;
  other.lanes = {"a/"};
  CHECK(change(other, true).ok());
  other.expires_at = WallTime{made.now.wall.ms - 1};
  CHECK(change(other, true).field() == "/expires_at");
  other.expires_at = WallTime{made.now.wall.ms + 1};
  CHECK(change(other, true).ok());
}

TEST_CASE("registry: a token is changed, rotated and removed by who may, and is not there for who may not see it") {
  Made made;
  made.MakeToken("tokenone", Stage::Submits({"one"}));
  made.MakeToken("tokenbig", Grant::Everything());
  Grant wide = Stage::Submits({"one"});
  wide.scopes = {Scope::kSubmit, Scope::kOperate};
  made.MakeToken("tokenwid", wide);
  const Actor admin = Stage::AdminOf({"one"}, {Scope::kAdmin, Scope::kSubmit}), other = Stage::AdminOf({"two"});
  auto change = [&](Actor actor, const char* id, Grant grant, Precondition precondition = {}) {
    return made.Do(ChangeToken{0, std::move(actor), id, "renamed", std::move(grant), false, precondition});
  };
  for (const char* id : {"tokenbig", "tokennot"}) {
    CHECK(change(admin, id, Stage::Submits({"one"})).status.code() == Code::kNotFound);
    CHECK(made.Do(RemoveToken{0, admin, id}).status.code() == Code::kNotFound);
    CHECK(made.Do(RotateToken{0, admin, id, Stage::Secret(2)}).status.code() == Code::kNotFound);
  }
  CHECK(change(other, "tokenone", Stage::Submits({"two"})).status.code() == Code::kNotFound);
  // Seen, but it may more than its would-be changer.
  CHECK(change(admin, "tokenwid", Stage::Submits({"one"})).status.code() == Code::kForbidden);
  CHECK(made.Do(RotateToken{0, admin, "tokenwid", Stage::Secret(2)}).status.code() == Code::kForbidden);
  CHECK(made.Do(RemoveToken{0, admin, "tokenwid"}).status.code() == Code::kForbidden);
  CHECK(change(admin, "tokenone", wide).status.code() == Code::kForbidden);

  const uint64_t version = made.published->FindToken("tokenone")->version;
  CHECK(change(admin, "tokenone", Stage::Submits({"one"}), {.version = version + 1}).stale);
  const RegistryReply changed = change(admin, "tokenone", Stage::Submits({"one"}), {.version = version});
  REQUIRE(changed.status.ok());
  CHECK(changed.token->name == "renamed");
  CHECK(changed.token->secret == Stage::Secret(1));
  const uint64_t batches = made.rows.head.version;
  CHECK(change(admin, "tokenone", Stage::Submits({"one"})).token->version == changed.token->version);
  CHECK(made.rows.head.version == batches);

  CHECK(made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(2), -1}).status.field() == "/grace_ms");
  CHECK(made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(2, true), 0}).stale);
  const RegistryReply rotated = made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(2), 1000});
  CHECK(rotated.token->secret == Stage::Secret(2));
  CHECK(rotated.token->old_secret == Stage::Secret(1));
  CHECK(rotated.token->old_until.ms == made.now.wall.ms + 1000);
  CHECK_FALSE(made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(3), 0}).token->old_secret);
  CHECK(made.Do(RemoveToken{0, admin, "tokenone"}).status.ok());
  CHECK(made.published->FindToken("tokenone") == nullptr);
  CHECK(made.audit.back() == "token_removed tokenone by admin");
}

TEST_CASE("registry: a grace that was promised to an earlier secret is kept by a later rotation, or ended on purpose") {
  Made made;
  made.MakeToken("tokenone", Stage::Submits({"one"}));
  const Actor admin = Stage::AdminOf({"one"}, {Scope::kAdmin, Scope::kSubmit});
  REQUIRE(made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(2), 1000}).status.ok());
  const WallTime until{made.now.wall.ms + 1000};
  made.now.wall.ms = until.ms - 1;
  const uint64_t batches = made.rows.head.version;
  const RegistryReply again = made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(3), 1000});
  CHECK(again.status.code() == Code::kConflict);
  CHECK_THAT(again.status.detail(), Catch::Contains(FormatRfc3339(until)));
  CHECK(made.rows.head.version == batches);
  CHECK(made.published->FindToken("tokenone")->secret == Stage::Secret(2));
  CHECK(made.published->FindToken("tokenone")->old_secret == Stage::Secret(1));

  SECTION("once it is over") {
    made.now.wall = until;
    CHECK(made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(3), 1000}).token->old_secret == Stage::Secret(2));
  }
  SECTION("without a grace all earlier ones end at once") {
    CHECK_FALSE(made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(3), 0}).token->old_secret);
    CHECK(made.Do(RotateToken{0, admin, "tokenone", Stage::Secret(4), 1000}).token->old_secret == Stage::Secret(3));
  }
}

TEST_CASE("registry: the list shows what its reader may see, in pages") {
  Made made;
  for (const char* id : {"tokena00", "tokenb00", "tokenc00"}) made.MakeToken(id, Stage::Submits({"one"}));
  made.MakeToken("tokenb05", Stage::Submits({"two"}));
  made.MakeToken("tokenb06", Grant::Everything());
  auto ids = [&](Actor actor, std::string after, size_t limit, bool more) {
    const RegistryReply reply = made.Do(ListTokens{0, std::move(actor), {}, std::move(after), limit});
    CHECK(reply.more == more);
    std::string out;
    for (const TokenSeen& seen : reply.tokens) out += seen.row->id.substr(5) + " ";
    return out;
  };
  CHECK(ids(Stage::AdminOf({"one"}), "", 10, false) == "a00 b00 c00 ");
  CHECK(ids(Stage::AdminOf({"one"}), "", 2, true) == "a00 b00 ");
  CHECK(ids(Stage::AdminOf({"one"}), "tokenb00", 2, false) == "c00 ");
  CHECK(ids(made.Root(), "", 10, false) == "a00 b00 b05 b06 c00 ");
  CHECK(ids(Stage::AdminOf({"one"}, {Scope::kRead}), "", 10, false).empty());
  CHECK(made.Ask(ListTokens{1, Stage::AdminOf({"one"}), "tokenb05"}, 1).status.code() == Code::kNotFound);
  CHECK(made.Ask(ListTokens{2, Stage::AdminOf({"two"}), "tokenb05"}, 2).tokens.size() == 1);
}

TEST_CASE("registry: uses are kept to the minute, written without a sync, and gone with their token") {
  Made made;
  made.MakeToken("tokenone", Stage::Submits({"one"}));
  made.Step(TokenUsed{"tokenone"});
  made.Step(TokenUsed{"tokennot"});
  CHECK(made.registry->wants_tick());
  made.Step(RegistryTick{});
  REQUIRE(made.batches.size() == 1);
  CHECK_FALSE(made.batches[0].sync);
  CHECK(made.batches[0].writes.size() == 1);
  made.CommitAll();
  CHECK_FALSE(made.registry->wants_tick());
  made.Step(TokenUsed{"tokenone"});
  CHECK_FALSE(made.registry->wants_tick());
  made.Start();
  const RegistryReply seen = made.Ask(ListTokens{1, made.Root(), "tokenone"}, 1);
  CHECK(seen.tokens[0].used_at == WallTime{made.now.wall.ms - made.now.wall.ms % 60'000});
  made.now.wall.ms += 60'000;
  made.Step(TokenUsed{"tokenone"});
  CHECK(made.registry->wants_tick());
  made.Ask(RemoveToken{2, made.Root(), "tokenone"}, 2);
  CHECK(made.rows.uses.empty());
  CHECK_FALSE(made.registry->wants_tick());
}

TEST_CASE("registry: signing keys: a new one of a name lets the old one go on for the overlap") {
  Made made;
  const Actor admin = Stage::AdminOf({"one"});
  auto key = [](const char* name, SigningKind kind = SigningKind::kHmac, size_t size = 32) {
    return SigningKey{name, kind, std::string(size, 'k'), {}, {}};
  };
  auto put = [&](SigningKey key, int64_t overlap_ms) { return made.Do(PutSigningKey{0, admin, "one", std::move(key), overlap_ms}); };
  CHECK(put(key("main"), 0).created);
  CHECK(put(key("edge", SigningKind::kEd25519), 0).created);
  made.now.wall.ms += 1000;
  const RegistryReply reply = put(key("main"), 5000);
  REQUIRE(reply.space->keys.size() == 3);
  CHECK(reply.space->keys[0].valid_until.ms == made.now.wall.ms + 5000);
  CHECK(reply.space->keys[1].valid_until == kWallNever);
  CHECK(reply.space->keys[2].created_at == made.now.wall);
  made.now.wall.ms += 5000;
  CHECK(put(key("main"), 0).space->keys.size() == 2);
  CHECK(made.published->FindNamespace("one")->keys[1].created_at == made.now.wall);

  CHECK(put(key("Main"), 0).status.field() == "/name");
  CHECK(put(key("main", SigningKind::kHmac, 23), 0).status.field() == "/key");
  CHECK(put(key("main", SigningKind::kHmac, 65), 0).status.field() == "/key");
  CHECK(put(key("main", SigningKind::kEd25519, 31), 0).status.field() == "/key");
  CHECK(put(key("main"), -1).status.field() == "/overlap_ms");
  CHECK(made.Do(PutSigningKey{0, Stage::AdminOf({"two"}), "one", key("x"), 0}).status.code() == Code::kForbidden);
  for (int i = 0; i < 14; ++i) CHECK(put(key("more"), 1000).status.ok());
  CHECK(put(key("more"), 1000).status.code() == Code::kConflict);

  CHECK(made.Do(RemoveSigningKey{0, admin, "one", "more"}).space->keys.size() == 2);
  CHECK(made.Do(RemoveSigningKey{0, admin, "one", "more"}).status.code() == Code::kNotFound);
  // A change of settings leaves them.
  NamespaceSettings settings;
  settings.timeout_ms = 7;
  CHECK(made.Do(PutNamespace{0, admin, "one", settings}).space->keys.size() == 2);
}

}  // namespace
}  // namespace notifyd
