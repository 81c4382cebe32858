#include "net/sender/judging.h"

#include <algorithm>

#include "base/utf8.h"
#include "broker/expectation.h"
#include "net/loop.h"

namespace notifyd {
namespace {

constexpr size_t kMaxDetailBytes = 300;

void JudgeBody(const Unjudged& unjudged, AttemptResult* result) {
  const Answer answer{result->record.status, unjudged.body, unjudged.whole};
  JudgeAnswer(unjudged.expect, unjudged.envelope->retry_policy(), answer, result);
  if (unjudged.broken.record.error.empty()) return;
  // What was read may have settled it; a success must have come as far as it is recorded.
  const bool open = result->record.error == "response_too_large";
  const bool short_success = result->verdict == Verdict::kSuccess && unjudged.body.size() < unjudged.recorded_success_bytes;
  if (!open && !short_success) return;
  result->verdict = unjudged.broken.verdict;
  result->record.error = unjudged.broken.record.error;
  result->record.detail = unjudged.broken.record.detail;
}

void MaskResponse(const SecretValues& secrets, Response* response) {
  for (auto& [name, value] : response->headers) value = RepairUtf8(secrets.Mask(value, false), SIZE_MAX);
  if (!secrets.empty()) response->body = secrets.Mask(response->body, response->truncated);
}

}  // namespace

size_t Unjudged::bytes() const {
  // Masks look at what is recorded, for each secret.
  const size_t recorded =
      (std::min(body.size(), std::max(recorded_failure_bytes, recorded_success_bytes)) + (response ? response->body.size() : 0)) * secrets.size();
  if (decided) return recorded;
  return recorded + JudgeBytes(expect, envelope->retry_policy(), {ended.result.record.status, body, whole});
}

AttemptEnded Judge(Unjudged unjudged) {
  AttemptResult& result = unjudged.ended.result;
  AttemptRecord& record = result.record;
  if (!unjudged.decided) JudgeBody(unjudged, &result);
  if (!unjudged.redirected_to.empty() && !record.error.empty())
    record.detail.append(record.detail.empty() ? "" : "; ").append("after a redirect to ").append(unjudged.redirected_to);
  const size_t recorded = result.verdict == Verdict::kSuccess ? unjudged.recorded_success_bytes : unjudged.recorded_failure_bytes;
  // Before anything is cut, so that no beginning of a secret is left.
  const SecretValues& secrets = unjudged.secrets;
  record.detail = RepairUtf8(secrets.Mask(record.detail, false), kMaxDetailBytes);
  const std::string_view begin = std::string_view(unjudged.body).substr(0, recorded + kSequenceRestBytes);
  record.response_body = RepairUtf8(secrets.Mask(begin, unjudged.cut || begin.size() < unjudged.body.size()), recorded);
  if (unjudged.response) {
    MaskResponse(secrets, unjudged.response.get());
    result.response = std::move(unjudged.response);
  }
  return std::move(unjudged.ended);
}

/// What both threads have; the loop's tasks that are under way keep it beyond the end of the JudgeThread.
struct JudgeThread::Shared {
  std::mutex mutex;
  std::condition_variable added;
  bool stopping = false;
  struct Item {
    uint64_t generation;
    Unjudged unjudged;
  };
  /// What waits of a namespace: its hosts that have some, in the order of their turns.
  struct Space {
    std::deque<std::string> turns;
    std::unordered_map<std::string, std::deque<Item>> waiting;
  };
  /// Likewise the namespaces.
  std::deque<NamespaceNumber> turns;
  std::unordered_map<NamespaceNumber, Space> waiting;

  /// The next one, of which there is one.
  Item Take() {
    const NamespaceNumber number = turns.front();
    turns.pop_front();
    auto space = waiting.find(number);
    const std::string host = std::move(space->second.turns.front());
    space->second.turns.pop_front();
    auto found = space->second.waiting.find(host);
    Item item = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty()) space->second.waiting.erase(found);
    else space->second.turns.push_back(host);
    if (space->second.turns.empty()) waiting.erase(space);
    else turns.push_back(number);
    return item;
  }

  // The loop's thread alone.
  uint64_t generation = 0;  // raised by Drop: what was added before is none of ours any more
  std::function<void(AttemptEnded)> done;
};

JudgeThread::JudgeThread(Loop* loop, std::function<void(AttemptEnded)> done, std::function<AttemptEnded(Unjudged)> judge)
    : loop_(loop), judge_(std::move(judge)), shared_(std::make_shared<Shared>()) {
  shared_->done = std::move(done);
}

JudgeThread::~JudgeThread() {
  Drop();
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->added.notify_all();
  if (thread_.joinable()) thread_.join();
}

void JudgeThread::Add(Unjudged unjudged) {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  ++added_;
  {
    std::lock_guard lock(shared_->mutex);
    const NamespaceNumber number = unjudged.ended.id.number();
    Shared::Space& space = shared_->waiting[number];
    if (space.turns.empty()) shared_->turns.push_back(number);
    std::deque<Shared::Item>& queue = space.waiting[unjudged.envelope->host];
    if (queue.empty()) space.turns.push_back(unjudged.envelope->host);
    queue.push_back({shared_->generation, std::move(unjudged)});
  }
  shared_->added.notify_one();
}

void JudgeThread::Drop() {
  ++shared_->generation;
  std::lock_guard lock(shared_->mutex);
  shared_->turns.clear();
  shared_->waiting.clear();
}

void JudgeThread::Run() {
  std::unique_lock lock(shared_->mutex);
  for (;;) {
    shared_->added.wait(lock, [this] { return shared_->stopping || !shared_->turns.empty(); });
    if (shared_->stopping) return;
    Shared::Item item = shared_->Take();
    lock.unlock();
    auto ended = std::make_shared<AttemptEnded>(judge_(std::move(item.unjudged)));
    loop_->Post([shared = shared_, ended, generation = item.generation] {
      if (generation == shared->generation) shared->done(std::move(*ended));
    });
    lock.lock();
  }
}

}  // namespace notifyd
