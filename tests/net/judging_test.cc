// Large answers are judged away from the loop.
#include "net/sender/judging.h"

#include "net/sender_fixture.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

Unjudged From(const std::string& host, uint64_t id) {
  auto envelope = std::make_shared<Envelope>();
  envelope->host = host;
  Unjudged unjudged;
  unjudged.ended.id = NotifyId{id};
  unjudged.envelope = std::move(envelope);
  return unjudged;
}

/// A JudgeThread on a loop of its own thread, whose judging waits until it is let go.
class Held : public LoopThread {
 public:
  Held() {
    OnLoop([this] {
      judge_ = std::make_unique<JudgeThread>(
          &loop(), [this](AttemptEnded ended) { Done(ended.id.value); },
          [this](Unjudged unjudged) {
            judged_on_loop_ = judged_on_loop_ || on_loop();
            Enter();
            return std::move(unjudged.ended);
          });
    });
  }
  ~Held() {
    LetGo();
    OnLoop([this] { judge_.reset(); });
    Stop();
  }

  JudgeThread& judge() { return *judge_; }
  void Add(const std::string& host, uint64_t id) {
    OnLoop([&] { judge_->Add(From(host, id)); });
  }
  /// Until one is being judged.
  void WaitForJudging() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return judging_ > 0; });
  }
  void LetGo() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  std::vector<uint64_t> WaitForDone(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_.size() >= count; });
    return done_;
  }
  bool judged_on_loop() const { return judged_on_loop_; }

 private:
  void Enter() {
    std::unique_lock lock(mutex_);
    ++judging_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void Done(uint64_t id) {
    Must(on_loop(), "done on another thread");
    std::lock_guard lock(mutex_);
    done_.push_back(id);
    changed_.notify_all();
  }

  std::unique_ptr<JudgeThread> judge_;
  std::atomic<bool> judged_on_loop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  size_t judging_ = 0;
  std::vector<uint64_t> done_;
};

std::string LargeJson() {
  std::string body = "[";
  for (int i = 0; i < 40'000; ++i) body += "0,";
  return body + R"({"ok":true,"token":"0123456789abcdef"}])";
}

uint64_t Apart(SenderFixture* sender) {
  uint64_t count = 0;
  sender->OnLoop([&] { count = sender->judged_apart(); });
  return count;
}

}  // namespace

TEST_CASE("judge thread: while it judges the loop goes on, and hosts take turns") {
  Held held;
  held.Add("a", 1);
  held.WaitForJudging();
  for (uint64_t id : {2, 3, 4}) held.Add("a", id);
  held.Add("b", 5);
  held.Add("c", 6);
  held.Add("b", 7);
  bool ran = false;
  held.OnLoop([&] { ran = true; });
  CHECK(ran);
  held.LetGo();
  CHECK(held.WaitForDone(7) == std::vector<uint64_t>{1, 2, 5, 6, 3, 7, 4});
  CHECK_FALSE(held.judged_on_loop());
}

TEST_CASE("judge thread: what is dropped is never done, the one under way included; what comes later is") {
  Held held;
  held.Add("a", 1);
  held.WaitForJudging();
  held.Add("a", 2);
  held.OnLoop([&] { held.judge().Drop(); });
  held.Add("b", 3);
  held.LetGo();
  CHECK(held.WaitForDone(1) == std::vector<uint64_t>{3});
}

TEST_CASE("judge thread: its end waits for the one under way alone") {
  auto held = std::make_unique<Held>();
  held->Add("a", 1);
  held->WaitForJudging();
  held->Add("a", 2);
  held.reset();
}

TEST_CASE("sender: a large answer is judged apart, with the same outcome, and is in flight until then") {
  TinyReceiver large(200, LargeJson()), small(200, R"([{"ok":true}])");
  SenderFixture sender;
  NotifySpec spec = SpecFor(large.Url("/"));
  spec.headers = {{"X-Api-Key", "0123456789abcdef"}};
  spec.expect.json = {{"/40000/ok", "true"}};
  Envelope envelope;
  auto retry = std::make_shared<RetryPolicy>();
  retry->fatal_on = AnswerPattern{{}, "not in there", {}};
  envelope.retry = retry;
  AttemptResult result = sender.Send(spec, envelope);
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.response_body.starts_with("[0,0,"));
  CHECK(Apart(&sender) == 1);
  retry = std::make_shared<RetryPolicy>();
  retry->fatal_on = AnswerPattern{{}, "0123456789ABCDEF", {}};
  envelope.retry = retry;
  result = sender.Send(spec, envelope);
  CHECK(result.verdict == Verdict::kFatal);
  CHECK(Apart(&sender) == 2);
  CHECK(sender.in_flight() == 0);
  // Small ones, and large ones that nothing looks at, are not.
  spec = SpecFor(small.Url("/"));
  spec.expect.json = {{"/0/ok", "true"}};
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  CHECK(sender.Send(SpecFor(large.Url("/"))).verdict == Verdict::kSuccess);
  CHECK(Apart(&sender) == 2);
}

TEST_CASE("sender: an abort drops what is being judged, and the sender goes on") {
  TinyReceiver large(200, LargeJson());
  SenderFixture sender;
  NotifySpec spec = SpecFor(large.Url("/"));
  spec.expect.json = {{"/40000/ok", "true"}};
  for (int i = 0; i < 20; ++i) sender.Start(spec);
  while (Apart(&sender) == 0) std::this_thread::yield();
  sender.Abort();
  CHECK(sender.in_flight() == 0);
  const size_t ended = sender.ended();
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  CHECK(sender.ended() == ended + 1);
}
