// Loop: posts, turns, timers.
#include "net/loop.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>
#include <vector>

namespace notifyd {
namespace {

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TEST_CASE("loop: posts run on the loop in the order in which they were posted") {
  Loop loop;
  std::vector<int> order;
  std::thread::id thread;
  loop.Post([&] { order.push_back(0); });
  std::thread poster([&] {
    for (int i = 1; i <= 1000; ++i) {
      loop.Post([&order, &thread, i] {
        order.push_back(i);
        thread = std::this_thread::get_id();
      });
    }
    loop.Stop();
  });
  loop.Run();
  poster.join();
  REQUIRE(order.size() == 1001);
  for (int i = 0; i <= 1000; ++i) REQUIRE(order[static_cast<size_t>(i)] == i);
  CHECK(thread == std::this_thread::get_id());
}

TEST_CASE("loop: the turn runs after the posts that came before it, and not once a post") {
  Loop loop;
  int posts = 0;
  int turns = 0;
  int posts_at_first_turn_after = 0;
  loop.OnTurn([&] {
    ++turns;
    if (posts > 0 && posts_at_first_turn_after == 0) posts_at_first_turn_after = posts;
    if (posts == 100) loop.Stop();
  });
  for (int i = 0; i < 100; ++i) loop.Post([&] { ++posts; });
  loop.Run();
  CHECK(posts == 100);
  CHECK(posts_at_first_turn_after == 100);
  CHECK(turns < 10);
}

TEST_CASE("loop: one that lingers sees what is posted, and nobody pays for waking it") {
  Loop loop;
  loop.Linger(600'000'000, INT64_MAX);  // longer than any of this takes, whoever else is at work
  std::atomic<int> seen = 0;
  std::thread poster([&] {
    for (int i = 1; i <= 20; ++i) {
      loop.Post([&] { ++seen; });
      while (seen < i) std::this_thread::yield();
    }
    loop.Stop();
  });
  loop.Run();
  poster.join();
  CHECK(seen == 20);
  CHECK(loop.wakes() == 0);
}

TEST_CASE("loop: one that was to linger sleeps once that is over, or is taken back") {
  for (const bool taken_back : {false, true}) {
    Loop loop;
    loop.Linger(taken_back ? 600'000'000 : 1'000, INT64_MAX);
    if (taken_back) loop.Post([&] { loop.Linger(0, 0); });
    std::thread poster([&] {
      // Whoever finds it asleep has to wake it.
      while (loop.wakes() == 0) {
        loop.Post([] {});
        std::this_thread::yield();
      }
      loop.Stop();
    });
    loop.Run();
    poster.join();
    CHECK(loop.wakes() > 0);
  }
}

TEST_CASE("loop: a call is seen, whether the loop is at work, about to sleep or asleep") {
  Loop loop;
  constexpr int kCalls = 20'000;
  std::atomic<int> called = 0, seen = 0;
  loop.OnTurn([&] {
    seen = called.load();
    if (seen == kCalls) loop.Stop();
  });
  std::thread caller([&] {
    // Each call waits until the one before was seen, and a little more or less: one that is lost would leave both waiting.
    for (int i = 1; i <= kCalls; ++i) {
      for (int pause = i % 64; pause > 0; --pause) std::atomic_signal_fence(std::memory_order_seq_cst);
      called = i;
      loop.Wake();
      while (seen < i) std::this_thread::yield();
    }
  });
  loop.Run();
  caller.join();
  CHECK(seen == kCalls);
}

TEST_CASE("loop: what a turn posts or arms is not slept on") {
  Loop loop;
  int left = 200;
  bool timer = false;
  loop.OnTurn([&] {
    if (left-- > 0) {
      loop.Post([] {});
    } else if (!timer) {
      timer = true;
      loop.SetTimer(0, 0, [&] { loop.Stop(); });
    }
  });
  // Without it a loop that sleeps would never come back.
  loop.Run();
  CHECK(timer);
}

TEST_CASE("loop: a timer that is set again under its number replaces the one before it") {
  Loop loop;
  std::vector<int> fired;
  loop.SetTimer(3, 1, [&] { fired.push_back(1); });
  loop.SetTimer(3, 5, [&] { fired.push_back(2); });
  loop.SetTimer(1, 2, [&] { fired.push_back(3); });
  loop.SetTimer(1, -1, {});
  loop.SetTimer(7, -1, {});
  loop.SetTimer(0, 30, [&] { loop.Stop(); });
  loop.Run();
  CHECK(fired == std::vector<int>{2});
}

TEST_CASE("loop: a timer may arm its own number again") {
  Loop loop;
  int fired = 0;
  std::function<void()> again = [&] {
    if (++fired == 5) {
      loop.Stop();
    } else {
      loop.SetTimer(0, 1, again);
    }
  };
  loop.SetTimer(0, 0, again);
  loop.Run();
  CHECK(fired == 5);
}

TEST_CASE("loop: a timer counts from when it is armed, however long the turn was") {
  Loop loop;
  int64_t armed = 0;
  int64_t fired = 0;
  loop.Post([&] {
    // The loop's own idea of the time is old by then.
    int64_t begun = NowMs();
    while (NowMs() < begun + 30) {
    }
    armed = NowMs();
    loop.SetTimer(0, 20, [&] {
      fired = NowMs();
      loop.Stop();
    });
  });
  loop.Run();
  CHECK(fired - armed >= 18);
}

TEST_CASE("loop: each turn's time at work is measured, and its sleep is not") {
  // A machine that stands still for a while may spoil one round, not all.
  bool slept_uncounted = false;
  for (int round = 0; round < 10 && !slept_uncounted; ++round) {
    Histogram lag;
    Loop loop;
    loop.MeasureTurns(&lag);
    int turns = 0;
    loop.OnTurn([&] { ++turns; });
    int64_t begun = NowMs();
    loop.Post([&] {
      int64_t from = NowMs();
      while (NowMs() < from + 30) {
      }
      loop.SetTimer(0, 200, [&] { loop.Stop(); });
    });
    loop.Run();
    int64_t took_us = (NowMs() - begun) * 1000;
    Histogram::Snapshot seen = lag.Read();
    CHECK(seen.count == static_cast<uint64_t>(turns));
    CHECK(seen.sum_us >= 29'000);
    uint64_t long_ones = 0;
    for (size_t i = 0; i < seen.buckets.size(); ++i) long_ones += i > 0 && Histogram::kBoundsUs[i - 1] >= 25'000 ? seen.buckets[i] : 0;
    CHECK(long_ones >= 1);
    slept_uncounted = seen.sum_us < static_cast<uint64_t>(took_us) / 2;
  }
  CHECK(slept_uncounted);
}

TEST_CASE("loop: a turn is measured without a turn callback, too") {
  Histogram lag;
  Loop loop;
  loop.MeasureTurns(&lag);
  loop.SetTimer(0, 1, [&] { loop.Post([&] { loop.Stop(); }); });
  loop.Run();
  CHECK(lag.Read().count > 0);
}

TEST_CASE("loop: it can be destroyed with timers and posts left") {
  auto held = std::make_shared<int>(1);
  {
    Loop loop;
    loop.SetTimer(0, 1'000'000, [held] {});
    loop.Post([held] {});
    CHECK(held.use_count() == 3);
  }
  CHECK(held.use_count() == 1);
}

}  // namespace
}  // namespace notifyd
