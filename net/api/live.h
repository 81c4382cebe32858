// Live: who listens to /v1/live on one loop, and what he is sent: an event a second of his namespace's figures, asked of its core once for all who
// listen here, rendered once, and handed to each as the same bytes. It asks nobody while nobody listens. Loop thread. Contract section 16.
// I1: a namespace is asked while somebody listens to it, with one event under way at most.
// I2: a token is in listeners_ from Open until its stream is ended, broken or closed; each counts once in ApiOptions::listeners.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "broker/figures_events.h"
#include "broker/ports.h"
#include "net/api/api_options.h"
#include "net/api/asker.h"
#include "net/http.h"

namespace notifyd {

inline constexpr const char* kEventStream = "text/event-stream";

class Live {
 public:
  static constexpr int64_t kEveryMs = 1'000;

  /// Does what let him in still let him in, and show him what he is shown?
  using Holds = std::function<bool(const Asker&)>;

  /// The first two are borrowed.
  Live(const ApiOptions* options, Switchboard* switchboard, Holds holds) : options_(*options), switchboard_(switchboard), holds_(std::move(holds)) {}
  ~Live();
  void SetResponder(HttpResponder* responder) { responder_ = responder; }

  /// Begins the stream of whoever asks. Error: kTooMany, nothing was begun.
  Status Open(uint64_t token, const Asker& asker);
  /// The client went away. Returns whether he listened.
  bool Close(uint64_t token);
  /// Less waits to be taken by him.
  void OnWritable(uint64_t token);
  /// A core's answer to what was asked here. Returns whether it was one.
  bool TookReply(const Reply& reply);
  /// Ends the streams of those whose credentials hold no more.
  void EndWhatIsOver();
  /// Ends those of a namespace that this broker does not serve any more. Their clients come again.
  void End(NamespaceNumber number);
  /// Ends all, as the broker stops. Their clients come again to the program that is there then.
  void EndAll();

 private:
  struct Listener {
    Asker asker;
    bool whole = false;     // he is shown what is of the process
    size_t unsent = 0;      // that he has not taken, as far as is known
    int64_t sent_us = 0;    // when he was last sent anything
    int64_t came_us = 0;    // when he was sent the last one as he came; 0: he was not, or has had the next one's turn
    int64_t passed_us = 0;  // since when events pass him by, as he takes nothing; 0: none did
  };
  struct Space {
    size_t listeners = 0;
    bool under_way = false;
    int64_t asked_us = 0;
    std::string events[2];  // the last one, without and with what is of the process; empty: not rendered yet
  };
  /// More than any number of an io thread's requests.
  static constexpr uint64_t kTokenBit = uint64_t{1} << 62;

  int64_t NowUs() const;
  void Tick();
  void Arm();
  void Ask(NamespaceNumber number, Space* space);
  void Send(uint64_t token, Listener* listener, std::string_view piece);
  bool IsOver(int64_t since_us) const;
  /// Takes him out; the stream is the caller's to end.
  void Forget(uint64_t token);

  const ApiOptions& options_;
  Switchboard* const switchboard_;
  const Holds holds_;
  HttpResponder* responder_ = nullptr;
  std::unordered_map<uint64_t, Listener> listeners_;
  std::unordered_map<NamespaceNumber, Space> spaces_;
  bool armed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what the timer looks at first
};

}  // namespace notifyd
