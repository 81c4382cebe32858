// Large answers are judged away from the loop.
#include "net/sender/judging.h"

#include "net/sender/answer.h"
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

TEST_CASE("judge thread: namespaces take turns, however many hosts one of them calls") {
  constexpr uint64_t kOther = uint64_t{7} << 48;
  Held held;
  held.Add("a", 1);
  held.WaitForJudging();
  for (uint64_t id : {2, 3, 4, 5}) held.Add("host-" + std::to_string(id), id);
  held.Add("a", 6);
  held.Add("a", kOther + 1);
  held.Add("b", kOther + 2);
  held.Add("a", kOther + 3);
  held.LetGo();
  CHECK(held.WaitForDone(9) == std::vector<uint64_t>{1, 2, kOther + 1, 3, kOther + 2, 4, kOther + 3, 5, 6});
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

namespace {

/// The parts of an answer that come one by one, as far as somebody reads them.
class Parts {
 public:
  explicit Parts(AnswerPattern expect, std::optional<AnswerPattern> fatal = {}) : expect_(std::move(expect)) {
    retry_.fatal_on = std::move(fatal);
    reader_.Begin({.expect = &expect_, .retry = &retry_});
    for (const char* line : {"HTTP/1.1 200 OK", ""}) REQUIRE(reader_.TakeLine(line));
  }
  AnswerReader& reader() { return reader_; }
  void Take(const std::string& bytes, size_t times = 1) {
    for (size_t i = 0; i < times && !reader_.finished(); ++i) reader_.TakeBody(bytes);
  }
  /// What comes of it where it is lost there.
  AttemptEnded Lost() {
    Unjudged ended;
    auto envelope = std::make_shared<Envelope>();
    envelope->retry = std::make_shared<RetryPolicy>(retry_);
    ended.envelope = envelope;
    ended.decided = true;
    if (!reader_.Conclude(&ended)) {
      ended.ended.result.record.error = "connection_lost";
      if (!ended.decided) ended.broken = ended.ended.result;
    }
    left_open_ = !ended.decided;
    ended.expect = expect_;
    return Judge(std::move(ended));
  }
  bool left_open() const { return left_open_; }

 private:
  AnswerPattern expect_;
  RetryPolicy retry_;
  AnswerReader reader_;
  bool left_open_ = false;
};

AnswerPattern Containing(const std::string& text) {
  AnswerPattern pattern;
  pattern.contains = text;
  return pattern;
}

}  // namespace

TEST_CASE("answer: the loop does not look at a large body as it comes, but at what came since when it has waited") {
  Parts parts(Containing(std::string(4'000, 'q')));
  const std::string kilobyte(1 << 10, 'x');
  parts.Take(kilobyte, 64);
  CHECK_FALSE(parts.reader().look_due());
  parts.Take(kilobyte, 400);
  CHECK(parts.reader().look_due());
  parts.reader().Look();
  CHECK_FALSE(parts.reader().decided());
  CHECK_FALSE(parts.reader().look_due());
  parts.Take(std::string(4'000, 'Q'));
  CHECK(parts.reader().look_due());
  parts.reader().Look();
  CHECK(parts.reader().decided());
}

TEST_CASE("answer: of a large body that is lost, what nobody has looked at yet is looked at apart, and may settle it") {
  for (const size_t kilobytes : {1, 200}) {
    INFO(kilobytes);
    const std::string kilobyte(1 << 10, 'x');
    Parts found(Containing("needle")), fatal(Containing("nowhere"), Containing("needle")), open(Containing("nowhere"));
    for (Parts* parts : {&found, &fatal, &open}) {
      parts->Take(kilobyte, kilobytes);
      parts->Take("Needle");
      parts->Take(kilobyte, kilobytes);
    }
    CHECK(found.Lost().result.verdict == Verdict::kSuccess);
    CHECK(found.left_open() == (kilobytes > 64));
    const AttemptResult settled = fatal.Lost().result;
    CHECK(settled.verdict == Verdict::kFatal);
    CHECK(settled.record.truncated);
    const AttemptResult lost = open.Lost().result;
    CHECK(lost.verdict == Verdict::kFailure);
    CHECK(lost.record.error == "connection_lost");
  }
}
