#include "broker/journal.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

using TestJournal = Journal<std::string, std::string>;

std::vector<std::string> Written(TestJournal* journal) {
  std::vector<std::string> all;
  while (auto one = journal->TakeWritten()) all.push_back(*one);
  return all;
}
std::vector<std::string> Synced(TestJournal* journal) {
  std::vector<std::string> all;
  while (auto one = journal->TakeSynced()) all.push_back(*one);
  return all;
}

TEST_CASE("journal: batches are numbered from 1 without gaps, with what was written into each") {
  TestJournal journal;
  CHECK_FALSE(journal.MustClose({0}, 50));
  journal.Write(DeleteNotify{{7}});
  CHECK(journal.open() == 1);
  CHECK(journal.ops() == 1);
  REQUIRE(journal.MustClose({0}, 50));
  Totals totals;
  totals.next_id = 9;
  WriteBatch first = journal.Close({0}, totals);
  CHECK(first.number == 1);
  CHECK(first.ops.size() == 1);
  CHECK(first.totals.next_id == 9);
  CHECK_FALSE(first.sync);
  CHECK(journal.open() == 2);
  CHECK(journal.ops() == 0);
}

TEST_CASE("journal: an unsynced batch is synced by the next one, or once its delay is over") {
  TestJournal journal;
  CHECK(journal.SyncDue(50) == kMonoNever);
  journal.Write(DeleteNotify{{7}});
  journal.MustClose({100}, 50);
  journal.Close({100}, {});
  journal.Write(DeleteNotify{{8}});
  journal.MustClose({120}, 50);
  CHECK_FALSE(journal.Close({120}, {}).sync);
  CHECK(journal.SyncDue(50) == MonoTime{150});  // counted from the first of them
  CHECK_FALSE(journal.MustClose({149}, 50));
  REQUIRE(journal.MustClose({150}, 50));
  WriteBatch empty = journal.Close({150}, {});
  CHECK(empty.sync);
  CHECK(empty.ops.empty());
  CHECK(journal.SyncDue(50) == kMonoNever);
}

TEST_CASE("journal: a barrier is the open batch where something is decided, and asks for its sync") {
  TestJournal journal;
  journal.Write(DeleteNotify{{7}});
  CHECK(journal.Barrier() == 1);
  REQUIRE(journal.MustClose({0}, 50));
  CHECK(journal.Close({0}, {}).sync);
}

TEST_CASE("journal: a barrier with nothing new is the last batch where its sync is under way or done, and asks for nothing") {
  TestJournal journal;
  CHECK(journal.Barrier() == 0);
  journal.Write(DeleteNotify{{7}});
  journal.AskSync();
  journal.Close({0}, {});
  CHECK(journal.Barrier() == 1);
  CHECK_FALSE(journal.MustClose({0}, 50));
  journal.Advance(1, 1);
  CHECK(journal.Barrier() == 1);
  CHECK_FALSE(journal.MustClose({0}, 50));
}

TEST_CASE("journal: a barrier behind an unsynced batch asks for a sync of its own") {
  TestJournal journal;
  journal.Write(DeleteNotify{{7}});
  journal.Close({0}, {});
  CHECK(journal.Barrier() == 2);
  REQUIRE(journal.MustClose({0}, 50));
  CHECK(journal.Close({0}, {}).sync);
}

TEST_CASE("journal: what is expected counts as decided, as long as it is") {
  TestJournal journal;
  CHECK(journal.Decided() == 0);
  journal.ExpectMore(true);
  CHECK(journal.Decided() == 1);
  CHECK(journal.Barrier() == 1);
  journal.ExpectMore(false);
  CHECK(journal.Decided() == 0);
}

TEST_CASE("journal: what waits is taken by its batch, then in the order in which it came, and not before") {
  TestJournal journal;
  journal.AfterWrite(2, "c");
  journal.AfterWrite(1, "a");
  journal.AfterWrite(1, "b");
  journal.AfterSync(1, "s");
  CHECK(Written(&journal).empty());
  journal.Advance(1, 0);
  CHECK(Written(&journal) == std::vector<std::string>{"a", "b"});
  CHECK(Synced(&journal).empty());
  journal.Advance(2, 1);
  CHECK(Written(&journal) == std::vector<std::string>{"c"});
  CHECK(Synced(&journal) == std::vector<std::string>{"s"});
}

TEST_CASE("journal: neither written nor synced goes back") {
  TestJournal journal;
  journal.Advance(5, 4);
  journal.Advance(3, 2);
  CHECK(journal.IsWritten(5));
  CHECK(journal.IsSynced(4));
  CHECK_FALSE(journal.IsSynced(5));
}

TEST_CASE("journal: it is idle once all that was closed is durable and nothing waits") {
  TestJournal journal;
  CHECK(journal.idle());
  journal.Write(DeleteNotify{{7}});
  journal.AfterSync(1, "s");
  journal.Close({0}, {});
  journal.Advance(1, 0);
  CHECK_FALSE(journal.idle());
  journal.Advance(1, 1);
  CHECK_FALSE(journal.idle());
  CHECK(Synced(&journal).size() == 1);
  CHECK(journal.idle());
}

TEST_CASE("journal: a sync is asked for only where none that was issued takes that batch with it") {
  TestJournal journal;
  journal.Write(DeleteNotify{{7}});
  journal.AskSync();
  journal.Close({0}, {});
  journal.AskSyncOf(1);
  CHECK_FALSE(journal.MustClose({0}, 50));
  journal.AskSyncOf(2);
  CHECK(journal.MustClose({0}, 50));
}

}  // namespace
}  // namespace notifyd
