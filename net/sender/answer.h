// AnswerReader: what an answer counts as (contract section 3, "When an answer counts"). Takes the lines of a response's head and the bytes of its
// body, transfer coding undone, in the order in which they came; knows no socket, no clock and no framing. One thread.
//
// I1  The outcome is decided once: as soon as the head and as much of the body as the patterns need are there. Nothing that comes later changes it
//     but a contradiction in what came with it (Contradict).
// I2  What is kept of a body is bounded by max_response_bytes until the outcome is decided, and by what is recorded or captured from then on.
// I3  Looks of the patterns at a body that comes in pieces go on where the last one was: all of them cost no more together than some at the whole of
//     it, and of a large one whoever has the time looks, not whoever brings it. A part of a body is never parsed; what is large, and whole or lost,
//     is not judged here, but says so in what Conclude gives (judging.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/expectation.h"
#include "broker/notify.h"
#include "broker/response.h"
#include "net/sender/content_coding.h"
#include "net/sender/judging.h"

namespace notifyd {

/// What of the request and of the settings the meaning of its answer depends on. The patterns are borrowed, until Begin is called anew.
struct AnswerPlan {
  bool to_head = false;     // the request is a HEAD: no body follows, whatever the head says
  bool reply_none = false;  // any answer will do
  const AnswerPattern* expect = nullptr;
  const RetryPolicy* retry = nullptr;
  size_t max_response_bytes = 1 << 20;
  size_t recorded_failure_bytes = 4 << 10;
  size_t recorded_success_bytes = 256;
  /// So much of the body is handed back with the headers that may be shown (StartAttempt::capture_bytes), max_response_bytes at most; 0: nothing.
  size_t capture_bytes = 0;
  /// Of headers that may be shown, too, beside those that always may. Borrowed like the patterns; null: none.
  const std::vector<std::string>* capture_headers = nullptr;
};

/// May that header of an answer be shown by somebody's wish (results.headers)? Whatever sets cookies never is. Error: kUnacceptable.
Status CheckShownHeader(std::string_view name);

/// How a body's end is known (RFC 9112 section 6.3).
enum class BodyFraming : uint8_t { kNone, kLength, kChunked, kUntilClose };

class AnswerReader {
 public:
  void Begin(const AnswerPlan& plan);

  // ---- the head
  /// One line without its end; the empty one ends the head. A provisional response is passed over: the head of the next one follows. False: what
  /// came is no answer, and fault() says why.
  [[nodiscard]] bool TakeLine(std::string_view line);
  bool head_done() const { return part_ == Part::kBody; }
  /// 0 before the head is there.
  uint16_t status() const { return head_done() ? status_ : 0; }
  BodyFraming framing() const { return framing_; }
  uint64_t content_length() const { return content_length_; }  // with kLength
  /// The connection may serve another request behind this answer.
  bool keep_alive() const { return keep_alive_; }
  /// The Location of the final response, the last one; empty is a reference, too.
  const std::optional<std::string>& location() const { return location_; }

  // ---- the body
  /// `last`: TakeBodyEnd follows at once, so that there is no need to look at a part of it.
  void TakeBody(std::string_view bytes, bool last = false);
  /// Its transfer has ended, and the body with it, unless its content coding has not.
  void TakeBodyEnd();
  /// The body ended within its content coding: nothing more comes, as if the connection had been lost there.
  bool broke_off() const { return broke_off_; }
  /// Bytes came that no pattern has looked at, because the last look was too short ago (I3): call Look within some 100 ms.
  bool look_due() const { return look_due_; }
  void Look();

  // ---- what is captured of the body
  /// How much there is of it.
  size_t captured_bytes() const;
  /// How much may still come of it, by what is known of the body's length; 0 where nothing is captured, or no more of it is.
  size_t capture_left() const;
  /// No more is captured than the first `bytes`, as if the rest had not been asked for; and whoever gets it is told that there was more.
  void CutCapture(size_t bytes);

  // ---- what it counts as
  bool decided() const { return decided_; }
  /// Decided, and the record has all that it wants of the body; or what decides it is there, and is judged elsewhere. Nothing more need be read.
  bool finished() const { return apart_ || (decided_ && (body_ended_ || RecordFilled())); }
  /// Why it is no answer; null: it may still become one.
  const char* fault() const { return fault_; }
  /// It is no answer after all; a literal. Before the outcome is decided.
  void Fail(const char* why);
  /// As Fail, though it was decided: what came together with the answer contradicts it.
  void Contradict(const char* why);
  /// Moves what there is of the answer into `out`, whose head, secrets and `expect` are the caller's; sets its verdict, error, detail, truncated,
  /// status and retry_after_ms as far as they are decided. To be called once nothing more is read, whatever the reason. False: the answer does not
  /// say how the attempt ended, because there is none, or none whole enough; the caller sets error and detail, and the rest is set for a failure.
  /// Where `decided` is false with that, what came is yet to be looked at: the caller sets `broken`.
  bool Conclude(Unjudged* out);

 private:
  enum class Part : uint8_t { kStatusLine, kFields, kBody };

  bool TakeStatusLine(std::string_view line);
  bool TakeField(std::string_view line);
  bool TakeContentLength(std::string_view value);
  bool TakeTransferEncoding(std::string_view value);
  void TakeConnection(std::string_view value);
  bool TakeHeadEnd();
  void Capture(std::string_view name, std::string_view value);
  void Keep(std::string_view bytes);
  void Decide(bool complete);
  /// More came that no pattern has looked at than is looked at here.
  bool IsMuchUnseen() const { return body_.size() - looks_.seen() > kJudgedAtOnceBytes; }
  bool RecordFilled() const;
  bool captures() const { return plan_.capture_bytes > 0 && !capture_cut_; }
  bool provisional() const { return status_ < 200 && status_ != 101; }

  AnswerPlan plan_;
  Part part_ = Part::kStatusLine;
  uint16_t status_ = 0;
  bool keep_alive_ = false;
  bool first_field_ = false, last_frames_ = false;
  bool has_length_ = false, chunked_ = false, until_close_ = false;
  uint64_t content_length_ = 0;
  BodyFraming framing_ = BodyFraming::kNone;
  std::string retry_after_, codings_;
  std::optional<std::string> location_;
  std::vector<std::pair<std::string, std::string>> captured_;

  std::unique_ptr<ContentDecoder> decoder_;
  std::string raw_;   // what came before the decoder gave anything
  std::string body_;  // decoded
  uint64_t received_ = 0;
  bool overflowed_ = false;  // more came than is kept
  bool spoiled_ = false;     // it does not decode
  bool body_ended_ = false, broke_off_ = false;
  bool look_due_ = false;
  bool capture_cut_ = false;  // capture_bytes of the plan is all that is, even 0
  uint64_t looked_bytes_ = 0;
  PartLooks looks_;

  bool apart_ = false;  // too large to be judged here
  bool decided_ = false;
  AttemptResult outcome_;  // where decided: verdict, error and detail
  const char* fault_ = nullptr;
};

}  // namespace notifyd
