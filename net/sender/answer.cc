// The reading of a response's head by the rules of RFC 9112, and the outcome.
#include "net/sender/answer.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/check.h"
#include "base/clocks.h"
#include "net/sender/retry_after.h"

namespace notifyd {
namespace {

/// Patterns look at once while all looks together cost no more than this, and some times the body. Each costs as much as so many bytes.
constexpr uint64_t kFreeLookBytes = 64 << 10;
constexpr uint64_t kLooksABody = 4;
constexpr uint64_t kLookBytes = 256;

constexpr const char* kNotHttp = "the answer is not HTTP";

/// Takes the next item of a list with commas off its front.
std::string_view NextItem(std::string_view* list) {
  const size_t comma = std::min(list->find(','), list->size());
  const std::string_view item = TrimBlanks(list->substr(0, comma));
  list->remove_prefix(std::min(comma + 1, list->size()));
  return item;
}

/// Of every answer they may be shown.
constexpr std::string_view kShownHeaders[] = {"Content-Type", "Content-Language", "ETag", "Last-Modified", "Location", "Retry-After"};

bool LooksAtBody(const AnswerPattern& expect, const RetryPolicy& retry) {
  if (NeedsBody(expect)) return true;
  const auto patterns = PatternsOf(retry);
  return std::any_of(patterns.begin(), patterns.end(), [](const auto* pattern) { return *pattern && NeedsBody(**pattern); });
}

}  // namespace

Status CheckShownHeader(std::string_view name) {
  if (EqualsIgnoringCase(name, "Set-Cookie") || EqualsIgnoringCase(name, "Set-Cookie2"))
    return Status(Code::kUnacceptable, "cookies that a receiver sets are never shown");
  return IsToken(name) ? Status::Ok() : Status(Code::kUnacceptable, "this is not the name of a header");
}

void AnswerReader::Begin(const AnswerPlan& plan) {
  plan_ = plan;
  part_ = Part::kStatusLine;
  status_ = 0;
  keep_alive_ = false;
  framing_ = BodyFraming::kNone;
  decoder_.reset();
  raw_.clear();
  body_.clear();
  received_ = 0;
  overflowed_ = spoiled_ = body_ended_ = broke_off_ = look_due_ = capture_cut_ = false;
  looked_bytes_ = 0;
  looks_.Clear();
  apart_ = decided_ = false;
  fault_ = nullptr;
}

// ---- the head

bool AnswerReader::TakeLine(std::string_view line) {
  CHECK(part_ != Part::kBody);
  if (part_ == Part::kStatusLine) return TakeStatusLine(line);
  if (!line.empty()) return TakeField(line);
  if (!provisional()) return TakeHeadEnd();
  part_ = Part::kStatusLine;
  return true;
}

bool AnswerReader::TakeStatusLine(std::string_view line) {
  // HTTP/1.1 200 and whatever phrase behind a space, even none.
  const bool version = line.size() >= 8 && line.starts_with("HTTP/1.") && IsDigit(line[7]);
  const bool code = version && line.size() >= 12 && line[8] == ' ' && line[9] >= '1' && line[9] <= '9' && IsDigit(line[10]) && IsDigit(line[11]) &&
                    (line.size() == 12 || line[12] == ' ');
  if (!code) {
    const bool other = line.starts_with("HTTP/") && !version;
    Fail(other ? "the answer is of another version of HTTP" : kNotHttp);
    return false;
  }
  status_ = static_cast<uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  keep_alive_ = line[7] != '0';
  first_field_ = true;
  last_frames_ = has_length_ = chunked_ = until_close_ = false;
  retry_after_.clear();
  location_.reset();
  codings_.clear();
  captured_.clear();
  part_ = Part::kFields;
  return true;
}

bool AnswerReader::TakeField(std::string_view line) {
  if (line.find_first_of(std::string_view("\0\r", 2)) != line.npos) {
    Fail("a header of the answer holds a byte that it must not");
    return false;
  }
  if (line[0] == ' ' || line[0] == '\t') {
    // A folded line, which nobody writes any more: it goes on with a value that says nothing to us, or nobody can tell what it says.
    if (!first_field_ && !last_frames_) return true;
    Fail("a header of the answer is folded where that must not be");
    return false;
  }
  first_field_ = last_frames_ = false;
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == line.npos || !IsToken(name)) {
    Fail(colon == line.npos ? "a header line of the answer has no colon" : "the name of a header of the answer is not valid");
    return false;
  }
  if (provisional()) return true;
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (plan_.capture_bytes > 0 || capture_cut_) Capture(name, value);
  switch (name.size()) {
    case 8:
      if (EqualsIgnoringCase(name, "location")) location_ = value;
      return true;
    case 10:
      if (EqualsIgnoringCase(name, "connection")) TakeConnection(value);
      return true;
    case 11:
      if (EqualsIgnoringCase(name, "retry-after")) retry_after_ = value;
      return true;
    case 14:
      return !EqualsIgnoringCase(name, "content-length") || TakeContentLength(value);
    case 16:
      if (EqualsIgnoringCase(name, "content-encoding")) codings_.append(codings_.empty() ? "" : ",").append(value);
      return true;
    case 17:
      return !EqualsIgnoringCase(name, "transfer-encoding") || TakeTransferEncoding(value);
    default:
      return true;
  }
}

/// Several of a name are one with commas (RFC 9110 section 5.3).
void AnswerReader::Capture(std::string_view name, std::string_view value) {
  std::string_view shown;
  for (const std::string_view each : kShownHeaders)
    if (EqualsIgnoringCase(name, each)) shown = each;
  if (shown.empty() && plan_.capture_headers != nullptr) {
    for (const std::string& each : *plan_.capture_headers)
      if (EqualsIgnoringCase(name, each)) shown = each;
  }
  if (shown.empty()) return;
  for (auto& [earlier, said] : captured_)
    if (earlier == shown) return void(said.append(", ").append(value));
  captured_.emplace_back(shown, value);
}

/// Several that are equal, in lines or in a list, are one (RFC 9110 section 8.6).
bool AnswerReader::TakeContentLength(std::string_view value) {
  last_frames_ = true;
  do {
    const std::string_view item = NextItem(&value);
    uint64_t length = 0;
    // 18 digits fit.
    bool valid = !item.empty() && item.size() <= 18;
    for (char c : item) {
      valid = valid && IsDigit(c);
      length = length * 10 + static_cast<uint64_t>(c - '0');
    }
    if (!valid || (has_length_ && length != content_length_)) {
      Fail(valid ? "the answer has two Content-Lengths that differ" : "the Content-Length of the answer is not a number");
      return false;
    }
    has_length_ = true;
    content_length_ = length;
  } while (!value.empty());
  return true;
}

bool AnswerReader::TakeTransferEncoding(std::string_view value) {
  last_frames_ = true;
  while (!value.empty()) {
    const std::string_view item = NextItem(&value);
    if (item.empty() || EqualsIgnoringCase(item, "identity")) continue;
    if (chunked_ || !EqualsIgnoringCase(item, "chunked")) {
      Fail("the answer has a transfer coding that nobody asked for");
      return false;
    }
    chunked_ = true;
  }
  return true;
}

void AnswerReader::TakeConnection(std::string_view value) {
  while (!value.empty()) {
    const std::string_view item = NextItem(&value);
    if (EqualsIgnoringCase(item, "close")) until_close_ = true;
    if (EqualsIgnoringCase(item, "keep-alive")) keep_alive_ = true;
  }
}

bool AnswerReader::TakeHeadEnd() {
  if (has_length_ && chunked_) {
    Fail("the answer has a Content-Length and is chunked");
    return false;
  }
  part_ = Part::kBody;
  if (plan_.to_head || status_ == 101 || status_ == 204 || status_ == 304) framing_ = BodyFraming::kNone;
  else if (chunked_) framing_ = BodyFraming::kChunked;
  else if (has_length_) framing_ = BodyFraming::kLength;
  else framing_ = BodyFraming::kUntilClose;
  if (until_close_ || status_ == 101 || framing_ == BodyFraming::kUntilClose) keep_alive_ = false;
  if (!codings_.empty() && framing_ != BodyFraming::kNone) decoder_ = ContentDecoder::Create(codings_);
  if (framing_ == BodyFraming::kNone || (framing_ == BodyFraming::kLength && content_length_ == 0)) TakeBodyEnd();
  else Decide(false);
  return true;
}

// ---- the body

void AnswerReader::TakeBody(std::string_view bytes, bool last) {
  received_ += bytes.size();
  if (finished() || fault_ != nullptr) return;
  Keep(bytes);
  if (decided_ || apart_) return;
  if (last && !overflowed_ && !spoiled_) return;
  // What is large comes fast as a rule, and whole: then it is judged apart, and the loop has not looked at it.
  const bool at_once = body_.size() <= kJudgedAtOnceBytes && looked_bytes_ <= kFreeLookBytes + kLooksABody * body_.size();
  if (overflowed_ || spoiled_ || at_once) Look();
  else look_due_ = true;
  if (spoiled_ && !decided_ && !apart_) Fail("the body of the answer is not in the coding that it names");
}

void AnswerReader::Keep(std::string_view bytes) {
  // One more than may be, so that an overflow shows.
  const size_t most = plan_.max_response_bytes + 1;
  if (spoiled_ || overflowed_) return;
  if (decoder_ == nullptr) {
    body_.append(bytes.substr(0, most - body_.size()));
  } else {
    if (body_.empty()) raw_.append(bytes.substr(0, most - std::min(most, raw_.size())));
    if (!decoder_->Decode(bytes, most, &body_)) {
      decoder_.reset();
      spoiled_ = !body_.empty();
      if (!spoiled_) body_ = raw_;  // it only says so: as it came, then
    }
    // A coding can take any number of bytes and give none.
    overflowed_ = received_ > plan_.max_response_bytes;
    if (!body_.empty()) std::string().swap(raw_);
  }
  overflowed_ |= body_.size() >= most;
  if (body_.size() >= most) body_.resize(most - 1);
}

void AnswerReader::TakeBodyEnd() {
  if (body_ended_ || broke_off_) return;
  // Where the rest was not wanted any more nobody knows how the coding ended.
  if (decoder_ != nullptr && !finished() && !overflowed_ && !decoder_->whole()) {
    broke_off_ = true;
    keep_alive_ = false;
    look_due_ = true;
    return IsMuchUnseen() ? void() : Look();
  }
  body_ended_ = true;
  if (!finished() && !decided_ && fault_ == nullptr) Decide(true);
}

void AnswerReader::Look() {
  look_due_ = false;
  if (!decided_ && !apart_ && fault_ == nullptr) Decide(body_ended_);
}

void AnswerReader::Decide(bool complete) {
  AttemptResult result;
  if (plan_.reply_none) {
    result.verdict = Verdict::kSuccess;
  } else {
    const bool needed = LooksAtBody(*plan_.expect, *plan_.retry);
    const Answer answer{status_, body_, complete && !overflowed_ && !spoiled_};
    const bool last = complete || overflowed_;
    if (needed && last && JudgeBytes(*plan_.expect, *plan_.retry, answer) > kJudgedAtOnceBytes) {
      apart_ = true;
      return;
    }
    const size_t seen = looks_.seen();
    JudgeAnswer(*plan_.expect, *plan_.retry, answer, &result, nullptr, &looks_);
    if (needed) looked_bytes_ += looks_.seen() - seen + kLookBytes;
    if (result.record.error == "response_too_large" && !overflowed_) return;
  }
  decided_ = true;
  outcome_.verdict = result.verdict;
  outcome_.record.error = std::move(result.record.error);
  outcome_.record.detail = std::move(result.record.detail);
}

bool AnswerReader::RecordFilled() const {
  const size_t recorded = outcome_.verdict == Verdict::kSuccess ? plan_.recorded_success_bytes : plan_.recorded_failure_bytes;
  const size_t wanted = std::min(recorded, plan_.max_response_bytes);
  if (overflowed_ || spoiled_) return true;
  // One more than is captured, so that it shows whether that was all.
  if (captures() && body_.size() <= plan_.capture_bytes) return false;
  if (wanted == 0) return true;
  if (body_.size() < wanted) return false;
  return body_.size() >= wanted + kSequenceRestBytes || static_cast<uint8_t>(body_[wanted - 1]) < 0x80;
}

// ---- what is captured

size_t AnswerReader::captured_bytes() const {
  return std::min(std::max(body_.size(), raw_.size()), plan_.capture_bytes);
}

size_t AnswerReader::capture_left() const {
  if (!captures() || body_ended_ || broke_off_ || spoiled_ || overflowed_) return 0;
  size_t most = plan_.capture_bytes;
  if (head_done() && framing_ == BodyFraming::kNone) most = 0;
  if (head_done() && framing_ == BodyFraming::kLength && decoder_ == nullptr) most = static_cast<size_t>(std::min<uint64_t>(most, content_length_));
  return most - std::min(most, captured_bytes());
}

void AnswerReader::CutCapture(size_t bytes) {
  plan_.capture_bytes = std::min(plan_.capture_bytes, bytes);
  capture_cut_ = true;
}

// ---- what it counts as

void AnswerReader::Fail(const char* why) {
  // What came before may have decided it.
  if (head_done() && look_due_) Look();
  if (!decided_ && !apart_ && fault_ == nullptr) fault_ = why;
}

void AnswerReader::Contradict(const char* why) {
  apart_ = decided_ = false;
  fault_ = why;
}

bool AnswerReader::Conclude(Unjudged* out) {
  decoder_.reset();  // it may have megabytes, and calls that have ended are kept
  // What no pattern has looked at yet may settle it.
  const bool open = head_done() && look_due_ && !decided_ && !apart_ && fault_ == nullptr && IsMuchUnseen();
  if (head_done() && look_due_ && !open) Look();
  AttemptResult& result = out->ended.result;
  AttemptRecord& record = result.record;
  record.status = status();
  if (head_done() && (status_ == 429 || status_ == 503) && !retry_after_.empty()) result.retry_after_ms = ParseRetryAfter(retry_after_, ReadWall());
  result.verdict = Verdict::kFailure;
  const bool said = decided_ || apart_ || fault_ != nullptr;
  out->decided = !apart_ && !open;
  if (open) record.truncated = true;
  if (decided_) {
    result.verdict = outcome_.verdict;
    record.error = std::move(outcome_.record.error);
    record.detail = std::move(outcome_.record.detail);
    record.truncated = !finished();
  } else if (fault_ != nullptr) {
    record.error = "unexpected_answer";
    record.detail = fault_;
  }
  out->whole = body_ended_ && !overflowed_ && !spoiled_;
  out->cut = !out->whole;
  out->recorded_failure_bytes = plan_.recorded_failure_bytes;
  out->recorded_success_bytes = plan_.recorded_success_bytes;
  if (head_done() && fault_ == nullptr && (plan_.capture_bytes > 0 || capture_cut_)) {
    out->response = std::make_shared<Response>();
    out->response->status = status_;
    out->response->headers = std::move(captured_);
    out->response->body = body_.substr(0, plan_.capture_bytes);
    out->response->truncated = !out->whole || body_.size() > plan_.capture_bytes;
    out->response->received_at = ReadWall();
  }
  // Short ones are copied: the memory serves the next answer.
  if (body_.size() > kJudgedAtOnceBytes) out->body = std::move(body_);
  else out->body = body_;
  return said;
}

}  // namespace notifyd
