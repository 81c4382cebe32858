// BeanstalkdParser: the text protocol of beanstalkd 1.12 (doc/protocol.txt; prot.c where that says nothing), for producers and for those who look.
// What is of the connection alone (the tube in use, the tubes watched) is kept and answered here; so is what is not well-formed, and what there is
// not here: the consumers' commands. All else becomes a request, one a command, in order; but for the beginning of a request of HTTP, which is
// refused, before a body behind it reads as commands. Pure: no socket, no clock.
//
// A request, as the door (beanstalkd_door.h) takes it:
//   method   the command: "put", "delete", ...; "say": nothing is to be done, the answer is known; "quit"
//   target   what it is about: of put the tube in use, a job's id in decimal, a tube's name; of "say" the whole answer
//   headers  "pri" and "delay" of put and "delay" of pause-tube, in decimal; "bound" of kick; "used" and "watched" (each), the connection's tubes
//   body     of put: the job, without the CR-LF behind it
//
// I1  What is held is bounded: a line, a job of max_job_bytes, kMostWatchedBytes of watched tubes.
// I2  What comes out does not depend on how the bytes were cut into pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/request_parser.h"

namespace notifyd {

class BeanstalkdParser : public RequestParser {
 public:
  /// A command's line, its CR-LF included.
  static constexpr size_t kMostLineBytes = 224;
  /// Of the tubes that a connection watches, each counted with what keeps it: no more than a connection takes anyway.
  static constexpr size_t kMostWatchedBytes = 4'096;

  explicit BeanstalkdParser(size_t max_job_bytes);

  Step Feed(std::string_view in, size_t* used) override;
  HttpRequest Take() override;
  bool idle() const override { return phase_ == Phase::kLine && line_.empty(); }
  bool in_body() const override { return phase_ == Phase::kJob || phase_ == Phase::kSkipJob; }
  size_t held_bytes() const override { return line_.size() + request_.body.size(); }
  void Drop() override;
  // No body comes in pieces.
  Step KeepBody() override { return Step::kMore; }
  void StreamBody() override {}

  bool bare_answers() const override { return true; }
  std::string_view RefusalOf(int status) const override;
  bool may_rest() const override { return true; }
  bool forgetful() const override { return used_ == kDefault && watched_.size() == 1 && watched_[0] == kDefault; }

  static constexpr std::string_view kDefault = "default";

 private:
  enum class Phase : uint8_t {
    kLine,      // a command's line
    kSkipLine,  // a line that is too long, until its end
    kJob,       // a job, and the two bytes behind it
    kSkipJob,   // a job that is too big
    kComplete,  // a request waits to be taken
  };
  struct Command;
  static const Command kCommands[];

  Step FeedLine(std::string_view* in);
  Step SkipLine(std::string_view* in);
  Step FeedJob(std::string_view* in);
  Step SkipJob(std::string_view* in);
  Step EndLine(std::string_view line);
  Step EndJob();

  // A command each; `rest`: the line behind its name.
  Step Put(std::string_view rest);
  Step Use(std::string_view tube);
  Step Watch(std::string_view tube);
  Step Ignore(std::string_view tube);
  Step PauseTube(std::string_view rest);
  Step Kick(std::string_view rest);
  void TellTubes();
  Step StatsTube(std::string_view tube);
  Step ListUsed(std::string_view rest);
  Step ListWatched(std::string_view rest);
  Step Quit(std::string_view rest);
  Step OfConsumers(std::string_view rest);
  /// Of a job, or without arguments.
  Step OfId(std::string_view method, std::string_view rest);
  Step Plain(std::string_view method, std::string_view rest);

  Step RefuseHttp();
  Step Say(std::string answer);
  Step Complete(std::string_view method, std::string target);

  const size_t max_job_bytes_;
  Phase phase_ = Phase::kLine;
  std::string line_;
  bool after_cr_ = false;  // of a line that is too long: its last byte was a CR
  uint64_t left_ = 0;      // of a job, with what is behind it
  std::string used_{kDefault};
  std::vector<std::string> watched_{std::string(kDefault)};
};

/// "---\n- a\n- b\n", framed: "OK <bytes>\r\n...\r\n".
std::string BeanstalkdList(const std::vector<std::string>& names);
/// A chunk of data as an answer has it: "OK <bytes>\r\n<yaml>\r\n".
std::string BeanstalkdData(std::string_view yaml);

inline constexpr std::string_view kBadFormat = "BAD_FORMAT\r\n";
inline constexpr std::string_view kOutOfMemory = "OUT_OF_MEMORY\r\n";
inline constexpr std::string_view kDraining = "DRAINING\r\n";

}  // namespace notifyd
