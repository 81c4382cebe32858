// BulkSubmit: one bulk submit (application/x-ndjson), from pieces of its body to requests for the core, and from their replies to lines of answer.
// A state machine without input and output of its own: its owner moves bytes and events. Contract section 3, POST /v1/notifies.
//
//   piece -> text_ (not parsed yet) -> open_ (parsed; gathered while a request is under way) -> under_way_ (at the core) -> answers_
//
// I1: answers stand in the order of the lines, one for each line that is not blank; after a break, for the first so many of them.
// I2: one request is under way at a time, so that the order of lines is the order of submission.
// I3: bounded: text_ holds max_waiting_bytes or one line, and the pieces that came before a pause; open_ and under_way_ hold max_items lines and
//     max_request_bytes (or one line) each; nothing is parsed while answers wait beyond max_unsent_bytes.
// I4: after a stop the lines that are answered are all that were taken, and the last line of the answer says where they end.
//
// After each call of Take, TakeEnd, TakeBreak, TakeStop, OnReply and OnUnsent the owner goes round until nothing comes any more:
//
//   for (bool more = true; std::exchange(more, false);) {
//     if (std::optional<SubmitRequest> request = bulk.NextRequest()) post it
//     if (std::string answers = bulk.TakeAnswers(); !answers.empty()) bulk.OnUnsent(responder->Stream(token, answers)), more = true;
//   }
//   pause or resume the body where bulk.wants_body() changed; end the stream where bulk.done().
//
// A client that goes away: the owner drops the object. What was posted goes on, nothing further is posted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "broker/effects.h"
#include "broker/events.h"
#include "broker/topic_events.h"
#include "net/api/problem.h"
#include "net/api/submit_parser.h"
#include "net/api/trace_context.h"

namespace notifyd {

struct BulkLimits {
  size_t max_line_bytes = 8 << 20;     // without its line break
  size_t max_items = 512;              // lines a request, and lines that are parsed before others have their turn
  size_t max_request_bytes = 4 << 20;  // of lines, a request; a longer line goes alone
  size_t max_waiting_bytes = 4 << 20;  // read, but not submitted: the body pauses above
  size_t aside_bytes = 0;              // a line that is longer is parsed elsewhere (TakeAsideLine); 0: none is
  size_t max_unsent_bytes = 16 << 20;  // of answers that wait for the client: the body pauses above, and nothing is parsed
  int64_t idempotency_window_ms = 0;   // of each line, as SubmitItem has it, like the next
  bool steps_aside = false;
};

/// Lines that are events, each published by itself.
struct BulkTopic {
  std::optional<std::string> topic;  // of all of them; nothing: each names its own
  bool strict = false;               // as Publish has it
};

class BulkSubmit {
 public:
  /// `request` names every request of this submit in turn; `parser` is borrowed; `trace`: of the HTTP request; `asker`: as SubmitParser has it, and
  /// there where `topic` is. `topic`: lines are events; nothing: notifies.
  BulkSubmit(const BulkLimits& limits, RequestId request, TraceContext trace, SubmitParser* parser, std::shared_ptr<const Asker> asker = nullptr,
             std::optional<BulkTopic> topic = std::nullopt);

  /// Further lines are his from now on: the same one, by what is known of him now.
  void SetAsker(std::shared_ptr<const Asker> asker) { asker_ = std::move(asker); }

  /// A piece of the body, of any length.
  void Take(std::string_view piece);
  /// The body is at its end; what has no line break behind it is a line too.
  void TakeEnd();
  /// The body broke: there is no more of it, and what was not submitted yet is dropped, whole lines too; their answers are left out. Lines that are
  /// under way are answered.
  void TakeBreak();
  /// The body is not what it was said to be from somewhere on: what came of it in whole lines is taken, and behind their answers stands `why` as the
  /// error of the line that comes next. Nothing is taken of the body any more.
  void TakeFault(Status why);
  /// The broker takes no more of it: what was not submitted yet is dropped, whole lines too. Lines that are under way are answered, and behind them
  /// stands the problem `why` with the index of the first line that was not taken; none where all lines of a whole body were. Lines under way that
  /// the core refuses with kUnavailable from then on were not taken. Nothing is taken of the body any more.
  void TakeStop(Leaving why);
  /// The core's replies to what NextRequest gave.
  void OnReply(const Submitted& submitted);
  void OnReply(const Published& published);
  void OnReply(const Refused& refused);
  /// So many bytes of answers were handed over and wait for the client: what Stream returned; 0 at OnWritable.
  void OnUnsent(size_t bytes);

  /// What is to be posted now, if anything.
  std::optional<SubmitRequest> NextRequest();
  std::optional<Publish> NextPublish();
  /// Of what NextRequest just gave only the first `items`, one at least, are posted, and their reply comes; the lines of the others are answered
  /// with the error `why`.
  void PostsOnly(size_t items, const Status& why);
  /// Lines of answer, "\n" behind each; empty where there are none.
  std::string TakeAnswers();
  /// Lines wait that could be parsed, but others are to have their turn: Continue comes next.
  bool wants_turn() const { return yielded_; }
  void Continue();
  /// Of a line that is too large to be parsed here (BulkLimits::aside_bytes): its text, once; nothing else is parsed until OnParsed.
  std::optional<std::string> TakeAsideLine() { return std::exchange(aside_text_, std::nullopt); }
  void OnParsed(Result<SubmitItem> item);
  void OnParsed(Result<EventItem> event);
  /// Grows as lines come, or much of one; not with blanks.
  uint64_t progress() const { return next_index_ * 4096 + (text_.size() - begin_) / kProgressBytes; }
  /// False: the body is to pause.
  bool wants_body() const;
  /// The body was at its end, broke, or was stopped, and every answer was taken.
  bool done() const;
  bool stopped() const { return stop_index_.has_value(); }
  /// The index of the first line that is not answered, or comes next; the lines of the request under way are not.
  uint64_t first_unanswered() const;
  /// No line came so far.
  bool untouched() const { return next_index_ == 0; }

 private:
  /// One line that is not blank: what it came to, or the next of the batch's items.
  struct Line {
    uint64_t index = 0;
    std::string answer;  // of one that the parser refused; empty: an item
  };
  /// What is gathered for the next request.
  struct Batch {
    std::vector<Line> lines;
    std::vector<SubmitItem> items;
    std::vector<EventItem> events;  // one at most: a Publish takes all or none
    size_t bytes = 0;               // of the lines
    bool has_items() const { return !items.empty() || !events.empty(); }
  };

  static constexpr size_t kProgressBytes = 64 << 10;

  void Add(Result<SubmitItem> item);
  void Add(Result<EventItem> event);
  void Gather();
  bool Blocked() const { return aside_ || answers_.size() + unsent_ > limits_.max_unsent_bytes; }
  void Refuse(const Status& status);
  bool TooLong(std::string_view line) const;
  bool Full(size_t line_bytes) const;
  bool TakeLine(std::string_view line);
  void FlushRefused();
  uint64_t FirstOpen() const;
  void DropTaken();
  void DropOpen();
  void Finish();
  void AppendStop();
  void AppendFault();
  bool all_answered() const { return ended_ && begin_ == text_.size() && !under_way_ && !aside_ && open_.lines.empty(); }

  const BulkLimits limits_;
  const RequestId request_;
  const TraceContext trace_;
  std::shared_ptr<const Asker> asker_;
  SubmitParser* const parser_;
  const std::optional<BulkTopic> topic_;

  std::string text_;
  size_t begin_ = 0;       // of the first line that was not taken
  size_t scanned_ = 0;     // no line break between begin_ and here
  bool skipping_ = false;  // inside a line that was too long
  bool first_line_ = true;
  bool ended_ = false;
  bool yielded_ = false;
  bool aside_ = false;  // the last of open_'s lines is being parsed elsewhere
  std::optional<std::string> aside_text_;
  uint64_t next_index_ = 0;
  Batch open_;
  std::optional<std::vector<Line>> under_way_;
  std::string answers_;
  size_t unsent_ = 0;
  std::optional<Leaving> leaving_;      // what TakeStop said first
  std::optional<uint64_t> stop_index_;  // of the first line that is not taken
  std::optional<Status> fault_;
};

}  // namespace notifyd
