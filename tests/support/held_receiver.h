// A receiver that holds its answers back until it is opened.
#pragma once

#include <condition_variable>
#include <mutex>

#include "support/scripted_server.h"

namespace notifyd::test {

class HeldReceiver {
 public:
  HeldReceiver() : server_([this](const SeenRequest&) { return Answer(); }) {}
  ~HeldReceiver() { Open(); }
  void Open() {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  ScriptedServer& server() { return server_; }
  std::string url() const { return server_.url(); }

 private:
  ScriptedAnswer Answer() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
    return {200, ""};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  ScriptedServer server_;
};

}  // namespace notifyd::test
