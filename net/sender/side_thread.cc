#include "net/sender/side_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "net/loop.h"

namespace notifyd {

/// What both threads have; the loop's tasks that are under way keep it beyond the end of the SideThread.
struct SideThread::Shared {
  using Item = std::shared_ptr<Ticket>;
  struct Space {
    std::deque<std::string> turns;  // hosts that have some
    std::unordered_map<std::string, std::deque<Item>> waiting;
  };
  std::mutex mutex;
  std::condition_variable added;
  bool stopping = false;
  std::deque<NamespaceNumber> turns;  // namespaces that have some
  std::unordered_map<NamespaceNumber, Space> waiting;
  Item under_way;
  std::deque<Item> done;
  bool giving = false;  // a task of the loop is under way for them

  // The loop's thread alone.
  bool over = false;

  void Push(Item item);
  Item Pop();
  static void Give(const std::shared_ptr<Shared>& self, Loop* loop);
};

void SideThread::Shared::Push(Item item) {
  const Job& job = item->job_;
  Space& space = waiting[job.number];
  if (space.turns.empty()) turns.push_back(job.number);
  std::deque<Item>& queue = space.waiting[job.host];
  if (queue.empty()) space.turns.push_back(job.host);
  queue.push_back(std::move(item));
}

SideThread::Shared::Item SideThread::Shared::Pop() {
  const NamespaceNumber number = turns.front();
  turns.pop_front();
  auto space = waiting.find(number);
  const std::string host = std::move(space->second.turns.front());
  space->second.turns.pop_front();
  auto queue = space->second.waiting.find(host);
  Item item = std::move(queue->second.front());
  queue->second.pop_front();
  if (queue->second.empty()) space->second.waiting.erase(queue);
  else space->second.turns.push_back(host);
  if (space->second.turns.empty()) waiting.erase(space);
  else turns.push_back(number);
  return item;
}

/// Goes on in the next turn with what is too much for this one.
void SideThread::Shared::Give(const std::shared_ptr<Shared>& self, Loop* loop) {
  for (size_t bytes = 0; !self->over;) {
    Item item;
    {
      std::lock_guard lock(self->mutex);
      if (self->done.empty()) {
        self->giving = false;
        return;
      }
      if (bytes > 0 && bytes + self->done.front()->bytes_ > kBytesATurn) break;
      item = std::move(self->done.front());
      self->done.pop_front();
    }
    if (item->cancelled_) continue;
    bytes += item->bytes_;
    item->job_.then();
  }
  if (!self->over) loop->Post([self, loop] { Give(self, loop); });
}

SideThread::SideThread(Loop* loop) : loop_(loop), shared_(std::make_shared<Shared>()) {}

SideThread::~SideThread() {
  shared_->over = true;
  Drop();
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->added.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool SideThread::TakesAtOnce(size_t cost) {
  if (cost <= kFreeCost) return true;
  if (cost > kCostAtOnce) return false;
  const int64_t now_ms = Loop::NowMs(loop_->raw());
  if (now_ms != std::exchange(turn_ms_, now_ms)) turn_cost_ = 0;
  if (turn_cost_ + cost > kCostATurn) return false;
  turn_cost_ += cost;
  return true;
}

std::shared_ptr<SideThread::Ticket> SideThread::Add(Job job) {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  ++added_;
  std::shared_ptr<Ticket> ticket(new Ticket(std::move(job)));
  {
    std::lock_guard lock(shared_->mutex);
    shared_->Push(ticket);
  }
  shared_->added.notify_one();
  return ticket;
}

void SideThread::Drop() {
  std::lock_guard lock(shared_->mutex);
  shared_->turns.clear();
  shared_->waiting.clear();
  shared_->done.clear();
  if (shared_->under_way) shared_->under_way->Cancel();
}

void SideThread::Run() {
  std::unique_lock lock(shared_->mutex);
  for (;;) {
    shared_->added.wait(lock, [this] { return shared_->stopping || !shared_->turns.empty(); });
    if (shared_->stopping) return;
    Shared::Item item = shared_->under_way = shared_->Pop();
    lock.unlock();
    if (!item->cancelled_) item->bytes_ = item->job_.work();
    lock.lock();
    shared_->under_way.reset();
    if (item->cancelled_) continue;
    shared_->done.push_back(std::move(item));
    if (!std::exchange(shared_->giving, true)) loop_->Post([shared = shared_, loop = loop_] { Shared::Give(shared, loop); });
  }
}

}  // namespace notifyd
