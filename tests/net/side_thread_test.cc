// What would hold up a loop is done beside it, in turn, and given back a little at a time.
#include "net/sender/side_thread.h"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "support/loop_thread.h"
#include "support/must.h"

using namespace notifyd;

namespace {

/// A SideThread on a loop of its own thread, whose first job waits until it is let go.
class HeldSide : public LoopThread {
 public:
  HeldSide() {
    loop().Post([this] { loop().OnTurn([this] { ++turn_; }); });
    OnLoop([this] { side_ = std::make_unique<SideThread>(&loop()); });
  }
  ~HeldSide() {
    LetGo();
    OnLoop([this] { side_.reset(); });
    Stop();
  }

  std::shared_ptr<SideThread::Ticket> Add(NamespaceNumber number, const std::string& host, int id, size_t bytes = 1) {
    std::shared_ptr<SideThread::Ticket> ticket;
    OnLoop([&] { ticket = AddHere(number, host, id, bytes); });
    return ticket;
  }
  /// On the loop, like EndHere.
  std::shared_ptr<SideThread::Ticket> AddHere(NamespaceNumber number, const std::string& host, int id, size_t bytes = 1) {
    return side_->Add({.number = number, .host = host, .work = [this, id, bytes] { return Work(id, bytes); }, .then = [this, id] { Then(id); }});
  }
  void EndHere() { side_.reset(); }
  void WaitForWork(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return worked_.size() >= count; });
  }
  void LetGo() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  std::vector<int> WaitForDone(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_.size() >= count; });
    return done_;
  }
  std::vector<int> worked() {
    std::lock_guard lock(mutex_);
    return worked_;
  }
  /// The loop's turns in which they were given back, by the order of that.
  std::vector<int> turns() {
    std::lock_guard lock(mutex_);
    return turns_;
  }
  /// Jobs of so many bytes: all are done before the loop goes on.
  void AddWhileLoopWaits(const std::vector<size_t>& bytes) {
    OnLoop([&] {
      for (size_t i = 0; i < bytes.size(); ++i) AddHere(2, "a", static_cast<int>(i), bytes[i]);
      // One behind them: once it is at work, they are done.
      side_->Add({.number = 2, .host = "a", .work = [this] { return Work(-1, 0); }, .then = [] {}});
      WaitForWork(bytes.size() + 1);
    });
  }
  bool TakesAtOnce(size_t cost) { return side_->TakesAtOnce(cost); }
  void WithLoop(const std::function<void()>& task) { OnLoop(task); }

 private:
  size_t Work(int id, size_t bytes) {
    Must(!on_loop(), "worked on the loop");
    std::unique_lock lock(mutex_);
    worked_.push_back(id);
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return bytes;
  }
  void Then(int id) {
    Must(on_loop(), "done on another thread");
    std::lock_guard lock(mutex_);
    done_.push_back(id);
    turns_.push_back(turn_);
    changed_.notify_all();
  }

  std::unique_ptr<SideThread> side_;
  int turn_ = 0;  // loop thread
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::vector<int> worked_, done_, turns_;
};

}  // namespace

TEST_CASE("side thread: while it works the loop goes on; namespaces take turns, and the hosts of each") {
  HeldSide held;
  held.Add(2, "a", 1);
  held.WaitForWork(1);
  for (int id : {2, 3, 4}) held.Add(2, "a", id);
  held.Add(2, "b", 5);
  held.Add(7, "a", 6);
  held.Add(7, "a", 7);
  held.Add(2, "b", 8);
  bool ran = false;
  held.OnLoop([&] { ran = true; });
  CHECK(ran);
  held.LetGo();
  CHECK(held.WaitForDone(8) == std::vector<int>{1, 2, 6, 5, 7, 3, 8, 4});
}

TEST_CASE("side thread: what is cancelled is not done any more, the one under way included; its end waits for that one alone") {
  HeldSide held;
  auto first = held.Add(2, "a", 1);
  held.WaitForWork(1);
  auto second = held.Add(2, "a", 2);
  held.Add(2, "a", 3);
  held.WithLoop([&] {
    first->Cancel();
    second->Cancel();
  });
  held.LetGo();
  CHECK(held.WaitForDone(1) == std::vector<int>{3});
  CHECK(held.worked() == std::vector<int>{1, 3});
}

TEST_CASE("side thread: what was done when it ends is not given back any more") {
  HeldSide held;
  held.LetGo();
  held.WithLoop([&] {
    held.AddHere(2, "a", 1);
    held.AddHere(2, "a", 2);
    held.WaitForWork(2);
    held.EndHere();
  });
  held.WithLoop([] {});
  CHECK(held.WaitForDone(0).empty());
}

TEST_CASE("side thread: so many bytes are given back in one turn of the loop, and one of any size") {
  HeldSide held;
  held.LetGo();
  const size_t half = SideThread::kBytesATurn / 2;
  held.AddWhileLoopWaits({half, half, half, 5 * half, half, 1});
  CHECK(held.WaitForDone(6) == std::vector<int>{0, 1, 2, 3, 4, 5});
  const std::vector<int> turns = held.turns();
  CHECK(turns[0] == turns[1]);
  CHECK(turns[1] < turns[2]);
  CHECK(turns[2] < turns[3]);
  CHECK(turns[3] < turns[4]);
  CHECK(turns[4] == turns[5]);
}

TEST_CASE("side thread: what costs little is done at once, and what costs some as long as a turn's is not used up") {
  HeldSide held;
  held.WithLoop([&] {
    size_t at_once = 0;
    while (held.TakesAtOnce(SideThread::kCostAtOnce)) at_once += SideThread::kCostAtOnce;
    CHECK(at_once == SideThread::kCostATurn);
    CHECK_FALSE(held.TakesAtOnce(SideThread::kFreeCost + 1));
    for (int i = 0; i < 1000; ++i) CHECK(held.TakesAtOnce(SideThread::kFreeCost));
    CHECK_FALSE(held.TakesAtOnce(SideThread::kCostAtOnce + 1));
  });
  held.Pass(1);
  held.WithLoop([&] {
    CHECK(held.TakesAtOnce(SideThread::kCostAtOnce));
    CHECK_FALSE(held.TakesAtOnce(SideThread::kCostAtOnce + 1));
  });
}
