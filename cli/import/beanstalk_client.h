// BeanstalkClient: the commands of beanstalkd (its doc/protocol.txt, version 1.12) that it takes to empty one: what waits there is reserved, looked
// at and deleted. One connection at a time, blocking, on one thread. Not a producer, but for one job that tells how far its ids have come.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace notifyd {

struct BeanstalkAddress {
  std::string host;
  uint16_t port = 11300;
  std::string Text() const;
};
/// "HOST:PORT", "[ADDRESS]:PORT", or either without the port. Error: kUnacceptable.
Result<BeanstalkAddress> ParseBeanstalkAddress(std::string_view text);

struct BeanstalkJob {
  uint64_t id = 0;
  std::string body;
};

struct BeanstalkAnswer {
  std::string word;               // "RESERVED"
  std::vector<std::string> rest;  // the other words of the line
  std::string body;               // of those that have one
};

/// Takes the first answer out of what a server sent; nothing, and `unread` as it was, while it is not whole. Error: kUnacceptable, it is no answer of
/// the protocol, or its body is longer than it says.
Result<std::optional<BeanstalkAnswer>> TakeBeanstalkAnswer(std::string* unread);

class BeanstalkClient {
 public:
  using Figures = std::map<std::string, std::string>;  // of a stats command

  explicit BeanstalkClient(BeanstalkAddress address) : address_(std::move(address)) {}
  ~BeanstalkClient() { Close(); }
  BeanstalkClient(const BeanstalkClient&) = delete;
  BeanstalkClient& operator=(const BeanstalkClient&) = delete;

  // Errors of all: kUnavailable where it is away, kUnacceptable where it answers something else than the protocol says. Behind an error it is closed,
  // and what was reserved is ready again.

  Status Connect();
  bool connected() const { return fd_ >= 0; }
  /// Grows with each Connect.
  uint64_t session() const { return session_; }
  void Close();
  const BeanstalkAddress& address() const { return address_; }

  Result<Figures> Stats();
  /// Nothing where there is no such tube.
  Result<std::optional<Figures>> StatsOfTube(const std::string& tube);
  /// In the order of `ids`; nothing where a job is gone.
  Result<std::vector<std::optional<Figures>>> StatsOfJobs(const std::vector<uint64_t>& ids);
  Result<std::vector<std::string>> Tubes();

  /// From then on Reserve takes from this tube alone.
  Status WatchOnly(const std::string& tube);
  /// A ready job, at once; nothing where none is ready, or one that is reserved must be dealt with first: its time is nearly over.
  Result<std::optional<BeanstalkJob>> Reserve();
  /// The first one of a tube in `state`: "ready", "delayed" or "buried".
  Result<std::optional<BeanstalkJob>> PeekAt(const std::string& tube, const char* state);
  Result<std::optional<BeanstalkJob>> Peek(uint64_t id);

  /// False where it is gone, or reserved by somebody else.
  Result<bool> Delete(uint64_t id);
  Result<bool> Touch(uint64_t id);
  Result<bool> KickJob(uint64_t id);
  /// With the priority that it has.
  Result<bool> Bury(uint64_t id);
  /// The id of the newest job: one is put, and taken away again, in a tube of its own.
  Result<uint64_t> NewestId();

 private:
  using Answer = BeanstalkAnswer;
  Status Send(std::string_view bytes);
  Result<Answer> Receive();
  Result<Answer> Ask(const std::string& command);
  Status More();
  Status Fail(Code code, const std::string& what);
  Status Unexpected(const std::string& command, const Answer& answer);
  Result<bool> AskAbout(const std::string& verb, const std::string& command, const char* done);
  Result<std::optional<BeanstalkJob>> JobOf(const std::string& command, const Answer& answer, const char* word);

  const BeanstalkAddress address_;
  int fd_ = -1;
  uint64_t session_ = 0;
  std::string unread_;
  std::string watched_;  // the tube that is watched alone; empty: as the connection began
  std::string used_;     // likewise
};

}  // namespace notifyd
