#include "net/api/ndjson.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "net/api/problem.h"
#include "net/api/render.h"
#include "net/api/topic_fields.h"
#include "net/api/topic_json.h"

namespace notifyd {
namespace {

/// Consumed text is cut off once there is so much of it, or once nothing else is left.
constexpr size_t kKeptText = 256 << 10;

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

void BeginAnswer(uint64_t index, JsonWriter* json) {
  json->BeginObject();
  json->Key("index");
  json->Uint(index);
}

void AppendError(uint64_t index, const Status& status, NotifyId holder, std::string* out) {
  JsonWriter json(out);
  BeginAnswer(index, &json);
  json.Key("error");
  json.Raw(ProblemResponse(status, holder).body);
  json.EndObject();
  out->push_back('\n');
}

void AppendEvent(uint64_t index, const Published::Item& item, std::string* out) {
  JsonWriter json(out);
  BeginAnswer(index, &json);
  WritePublished(item, &json);
  json.EndObject();
  out->push_back('\n');
}

const std::string* TopicOf(const BulkTopic& topic) {
  return topic.topic ? &*topic.topic : nullptr;
}

void AppendItem(uint64_t index, const SubmittedItem& item, std::string* out) {
  if (!item.refused.ok()) return AppendError(index, item.refused, item.id, out);
  JsonWriter json(out);
  BeginAnswer(index, &json);
  json.Key("id");
  json.String(item.id.ToString());
  if (item.duplicate || item.kept) {
    json.Key(item.duplicate ? "duplicate" : "kept");
    json.Bool(true);
  }
  if (item.removed) {
    json.Key("state");
    json.String(kRemoved);
  }
  json.EndObject();
  out->push_back('\n');
}

}  // namespace

BulkSubmit::BulkSubmit(const BulkLimits& limits, RequestId request, TraceContext trace, SubmitParser* parser, std::shared_ptr<const Asker> asker,
                       std::optional<BulkTopic> topic)
    : limits_(limits), request_(request), trace_(std::move(trace)), asker_(std::move(asker)), parser_(parser), topic_(std::move(topic)) {
  CHECK(!topic_ || asker_);
}

void BulkSubmit::Take(std::string_view piece) {
  CHECK(!ended_);
  if (skipping_) {
    size_t line_end = piece.find('\n');
    if (line_end == std::string_view::npos) return;
    piece.remove_prefix(line_end + 1);
    skipping_ = false;
  }
  // What is parsed in place needs padding behind it; growing by halves keeps the copying linear.
  size_t needed = text_.size() + piece.size() + JsonReader::kPaddingBytes;
  if (text_.capacity() < needed) text_.reserve(std::max(needed, text_.capacity() + text_.capacity() / 2));
  text_.append(piece);
  Gather();
}

void BulkSubmit::TakeEnd() {
  ended_ = true;
  skipping_ = false;
  Gather();
}

void BulkSubmit::TakeBreak() {
  DropOpen();
}

void BulkSubmit::TakeFault(Status why) {
  const size_t line_end = text_.rfind('\n');
  text_.resize(line_end == std::string::npos ? begin_ : std::max(begin_, line_end + 1));
  scanned_ = std::min(scanned_, text_.size());
  fault_ = std::move(why);
  TakeEnd();
}

void BulkSubmit::AppendFault() {
  if (!fault_ || !all_answered()) return;
  AppendError(next_index_, *std::exchange(fault_, std::nullopt), {}, &answers_);
}

void BulkSubmit::TakeStop(Leaving why) {
  bool all_taken = ended_ && begin_ == text_.size() && open_.lines.empty();
  if (!leaving_) leaving_ = why;
  if (all_taken || stop_index_) return;
  fault_.reset();
  stop_index_ = FirstOpen();
  DropOpen();
  if (!under_way_) AppendStop();
}

uint64_t BulkSubmit::FirstOpen() const {
  return open_.lines.empty() ? next_index_ : open_.lines.front().index;
}

uint64_t BulkSubmit::first_unanswered() const {
  return under_way_ ? under_way_->front().index : FirstOpen();
}

void BulkSubmit::DropOpen() {
  ended_ = true;
  skipping_ = yielded_ = false;
  open_ = {};
  begin_ = text_.size();
  DropTaken();
}

void BulkSubmit::AppendStop() {
  answers_ += LeavingResponse(*leaving_, stop_index_).body;
  answers_.push_back('\n');
}

void BulkSubmit::OnUnsent(size_t bytes) {
  unsent_ = bytes;
  Gather();
}

/// Takes lines for as long as there is room for what they come to.
void BulkSubmit::Gather() {
  if (yielded_) return;
  size_t parsed = 0;
  while (!Blocked()) {
    if (parsed == limits_.max_items) {
      yielded_ = true;
      break;
    }
    size_t line_end = text_.find('\n', scanned_);
    bool complete = line_end != std::string::npos;
    if (!complete) {
      line_end = scanned_ = text_.size();
      bool last = ended_ && begin_ < text_.size();
      if (!last && !TooLong(std::string_view(text_).substr(begin_))) break;
    } else {
      scanned_ = line_end;
    }
    std::string_view line = std::string_view(text_).substr(begin_, line_end - begin_);
    if (Full(line.size())) break;
    // A line that is too long is answered as soon as that is seen; what follows of it is dropped as it comes.
    skipping_ = !complete && !ended_;
    begin_ = scanned_ = line_end + (complete ? 1 : 0);
    if (TakeLine(line)) ++parsed;
    FlushRefused();
  }
  DropTaken();
}

bool BulkSubmit::TooLong(std::string_view line) const {
  // The carriage return of a line break does not count, whether its other half is there or not.
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line.size() > limits_.max_line_bytes;
}

bool BulkSubmit::Full(size_t line_bytes) const {
  if (open_.lines.empty()) return false;
  return topic_ || open_.lines.size() >= limits_.max_items || open_.bytes + line_bytes > limits_.max_request_bytes;
}

void BulkSubmit::Continue() {
  yielded_ = false;
  Gather();
}

/// False: it was blank.
bool BulkSubmit::TakeLine(std::string_view line) {
  if (std::exchange(first_line_, false)) line = WithoutByteOrderMark(line);
  bool too_long = TooLong(line);
  if (!too_long && IsBlank(line)) return false;
  open_.lines.push_back({next_index_++, {}});
  open_.bytes += line.size();
  if (too_long) {
    Refuse(Status(Code::kTooLarge, "the line is longer than " + std::to_string(limits_.max_line_bytes) + " bytes"));
    return true;
  }
  if (limits_.aside_bytes > 0 && line.size() > limits_.aside_bytes) {
    aside_ = true;
    aside_text_ = std::string(line);
    return true;
  }
  size_t readable = text_.capacity() - static_cast<size_t>(line.data() - text_.data());
  if (topic_) Add(ParseEventLine(parser_, TopicOf(*topic_), line, readable, trace_, *asker_));
  else Add(parser_->ParseLine(line, readable, trace_, asker_.get()));
  return true;
}

void BulkSubmit::Add(Result<SubmitItem> item) {
  if (!item.ok()) return Refuse(item.status());
  item->idempotency_window_ms = limits_.idempotency_window_ms;
  item->steps_aside = limits_.steps_aside;
  open_.items.push_back(*std::move(item));
}

void BulkSubmit::Add(Result<EventItem> event) {
  if (event.ok()) open_.events.push_back(*std::move(event));
  else Refuse(event.status());
}

void BulkSubmit::OnParsed(Result<SubmitItem> item) {
  CHECK(std::exchange(aside_, false));
  if (open_.lines.empty()) return;  // the body broke meanwhile
  Add(std::move(item));
  FlushRefused();
  Gather();
}

void BulkSubmit::OnParsed(Result<EventItem> event) {
  CHECK(std::exchange(aside_, false));
  if (open_.lines.empty()) return;  // the body broke meanwhile
  Add(std::move(event));
  FlushRefused();
  Gather();
}

/// The last line that was taken.
void BulkSubmit::Refuse(const Status& status) {
  AppendError(open_.lines.back().index, status, {}, &open_.lines.back().answer);
}

/// Refused lines wait for nobody where nothing is before them.
void BulkSubmit::FlushRefused() {
  if (under_way_ || aside_ || open_.has_items()) return;
  for (const Line& line : open_.lines) answers_ += line.answer;
  open_ = {};
}

void BulkSubmit::DropTaken() {
  if (begin_ == text_.size()) {
    // A buffer that one long line made is given back.
    if (text_.capacity() > kKeptText) std::string().swap(text_);
    else text_.clear();
    begin_ = scanned_ = 0;
  } else if (begin_ > kKeptText && begin_ > text_.size() / 2) {
    text_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
}

std::optional<SubmitRequest> BulkSubmit::NextRequest() {
  // A line that is parsed elsewhere goes with those before it: its answer has its place among theirs.
  if (under_way_ || aside_ || open_.items.empty()) return std::nullopt;
  SubmitRequest request;
  request.request = request_;
  request.items = std::move(open_.items);
  request.each = true;
  under_way_.emplace(std::move(open_.lines));
  open_ = {};
  Gather();
  return request;
}

void BulkSubmit::PostsOnly(size_t items, const Status& why) {
  CHECK(under_way_);
  for (Line& line : *under_way_) {
    if (!line.answer.empty()) continue;
    if (items > 0) --items;
    else AppendError(line.index, why, {}, &line.answer);
  }
}

std::optional<Publish> BulkSubmit::NextPublish() {
  if (under_way_ || aside_ || open_.events.empty()) return std::nullopt;
  Publish publish{.events = std::move(open_.events), .batch = false, .strict = topic_->strict};
  under_way_.emplace(std::move(open_.lines));
  open_ = {};
  Gather();
  return publish;
}

void BulkSubmit::OnReply(const Published& published) {
  CHECK(under_way_);
  CHECK(under_way_->size() == 1);
  CHECK(published.events.size() == 1);
  AppendEvent(under_way_->front().index, published.events.front(), &answers_);
  Finish();
}

void BulkSubmit::OnReply(const Submitted& submitted) {
  CHECK(under_way_);
  size_t item = 0;
  for (const Line& line : *under_way_) {
    if (!line.answer.empty()) {
      answers_ += line.answer;
      continue;
    }
    CHECK(item < submitted.items.size());
    AppendItem(line.index, submitted.items[item++], &answers_);
  }
  CHECK(item == submitted.items.size());
  Finish();
}

void BulkSubmit::OnReply(const Refused& refused) {
  CHECK(under_way_);
  if (leaving_ && refused.status.code() == Code::kUnavailable) {
    // The core had heard of the stop before these lines: they belong to what is not taken, those of a body that came whole too.
    stop_index_ = under_way_->front().index;
    return Finish();
  }
  for (const Line& line : *under_way_) {
    if (line.answer.empty()) AppendError(line.index, refused.status, refused.holder, &answers_);
    else answers_ += line.answer;
  }
  Finish();
}

void BulkSubmit::Finish() {
  under_way_.reset();
  if (stop_index_) AppendStop();
  FlushRefused();
  Gather();
}

std::string BulkSubmit::TakeAnswers() {
  AppendFault();
  return std::exchange(answers_, {});
}

bool BulkSubmit::wants_body() const {
  if (ended_) return true;  // nothing comes any more
  if (Blocked()) return false;
  // Text that nothing stands before is the beginning of one line: more of it must come, however long it is.
  bool waits = under_way_ || yielded_ || !open_.lines.empty();
  return !waits || text_.size() - begin_ <= limits_.max_waiting_bytes;
}

bool BulkSubmit::done() const {
  return all_answered() && answers_.empty() && !fault_;
}

}  // namespace notifyd
