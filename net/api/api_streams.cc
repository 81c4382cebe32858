// Api's bulk submits: bodies that are taken in pieces while their answers go out. What their lines say is ndjson.h's affair.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "broker/figures_events.h"
#include "net/api/api_impl.h"
#include "net/api/body_coding.h"
#include "net/api/json_shape.h"
#include "net/api/problem.h"
#include "net/api/requests.h"
#include "net/api/submit_parser.h"
#include "net/api/topic_fields.h"
#include "net/api/topic_requests.h"
#include "net/api/trace_context.h"

namespace notifyd {
namespace {

constexpr const char* kNdjson = "application/x-ndjson";
/// Each may have 16 MiB of lines in memory (one of the longest, what is gathered, what is under way), which the server does not count: together
/// as much as it buffers in all.
constexpr size_t kMaxBulkSubmits = 16;
/// One that was idle for so long gives way to another where all are taken.
constexpr int64_t kGiveWayUs = 1'000'000;
/// Of a gzip'ed body so much is unpacked at a time, so often before others have their turn; and no more of it is asked for while so much waits.
constexpr size_t kUnpackBytes = 64 << 10;
constexpr int kUnpackTimes = 16;
constexpr size_t kMostPackedBytes = 256 << 10;
constexpr const char* kLinesUnknown = "the bulk submit was ended: lines that are not answered may have been taken, or not";

}  // namespace

void Api::Impl::OnBody(uint64_t token, std::string_view piece) {
  if (passing_ && (passing_->OnBody(token, piece) || KeepsBody(token, piece))) return;
  std::shared_ptr<Stream> stream = FindStream(token);
  if (!stream || !stream->body_open) return;
  if (stream->gunzip) stream->packed.append(piece);
  else stream->bulk.Take(piece);
  // Blanks are no lines: whoever sends nothing else holds a place that others could use.
  if (!Moved(stream.get()) && !stream->under_way && NowUs() - stream->moved_us > options_.bulk_idle_ms * 1000) return EndIdle(token, stream);
  Pump(token, stream);
}

void Api::Impl::OnHalfClose(uint64_t token) {
  if (passing_ && passing_->OnHalfClose(token)) return;
  auto found = posted_.find(token);
  if (found == posted_.end() || found->second.wait == Wait::kNone) return;
  // What was submitted is waited for as long as its client wished to; but a member says by this that it leaves.
  if (found->second.wait == Wait::kLook || found->second.origin.passed_on) CutWait(token, &found->second);
}

void Api::Impl::OnBodyEnd(uint64_t token) {
  if (passing_ && (passing_->OnBodyEnd(token) || KeepsBodyEnd(token))) return;
  std::shared_ptr<Stream> stream = FindStream(token);
  if (!stream || !stream->body_open) return;
  stream->body_open = false;
  if (!stream->gunzip) stream->bulk.TakeEnd();
  Pump(token, stream);
}

bool Api::Impl::OnBodyBroken(uint64_t token) {
  if (bool stays = false; passing_ && passing_->OnBodyBroken(token, &stays)) return stays;
  std::shared_ptr<Stream> stream = FindStream(token);
  if (!stream) return false;
  stream->gunzip.reset();
  if (std::exchange(stream->body_open, false)) stream->bulk.TakeBreak();
  return !stream->bulk.done();
}

void Api::Impl::OnWritable(uint64_t token) {
  if (passing_ && passing_->OnWritable(token)) return;
  live_.OnWritable(token);
  std::shared_ptr<Stream> stream = FindStream(token);
  if (!stream) return;
  stream->bulk.OnUnsent(0);
  Pump(token, stream);
}

void Api::Impl::EndBulkSubmits(Leaving why) {
  leaving_ = why;
  live_.EndAll();
  if (passing_) passing_->EndAll(why);
  // Each may go, or another with it, while it is pumped.
  std::vector<std::pair<uint64_t, std::shared_ptr<Stream>>> all(streams_.begin(), streams_.end());
  for (auto& [token, stream] : all) {
    if (stream->gone) continue;
    stream->body_open = false;
    stream->gunzip.reset();
    stream->bulk.TakeStop(why);
    Pump(token, stream);
  }
}

void Api::Impl::EndRevoked(uint64_t token, const std::shared_ptr<Stream>& stream) {
  if (stream->under_way) return EndWith(token, stream, ProblemResponse(504, kLinesUnknown));
  EndWith(token, stream, ProblemResponse(401, kNotValidAnyMore, stream->bulk.first_unanswered()));
}

void Api::Impl::EndWith(uint64_t token, const std::shared_ptr<Stream>& stream, HttpResponse why) {
  const bool under_way = stream->under_way;
  stream->gone = true;
  streams_.erase(token);
  if (under_way) switchboard_->Post(stream->space, Disconnected{Id(token)});
  // What lines came to that is not told yet is told now.
  if (const std::string answers = stream->bulk.TakeAnswers(); !answers.empty()) {
    if (!std::exchange(stream->begun, true)) BeginLines(token);
    responder_->Stream(token, answers);
  }
  if (stream->begun) {
    responder_->Stream(token, why.body + "\n");
    return responder_->EndStream(token, /*close=*/true);
  }
  why.close = true;
  responder_->Respond(token, std::move(why));
}

std::optional<HttpResponse> Api::Impl::RefuseBulkSubmit(const HttpRequest& head, const Route& route, const Asker& asker, BulkHead* said) {
  Result<BulkHead> read = ReadBulkHead(head, route, asker);
  if (!read.ok()) return RefusalOf(read.status(), {});
  *said = *read;
  if (leaving_) {
    HttpResponse response = IsPassedOn(head) ? NotHereResponse() : LeavingResponse(*leaving_);
    response.close = true;  // to the program that comes next
    return response;
  }
  if (Status status = CheckRoom(asker.number()); !status.ok()) return ProblemResponse(status);
  return std::nullopt;
}

Status Api::Impl::CheckRoom(NamespaceNumber space) {
  const auto of_space = std::count_if(streams_.begin(), streams_.end(), [space](const auto& stream) { return stream.second->space == space; });
  const bool has_share = access_.table()->namespaces() > kOwnNamespaces && static_cast<size_t>(of_space) >= ShareOf(kMaxBulkSubmits);
  if (streams_.size() < kMaxBulkSubmits && !has_share) return Status::Ok();
  auto idlest = streams_.end();
  int64_t since_us = NowUs() - kGiveWayUs;
  for (auto it = streams_.begin(); it != streams_.end(); ++it) {
    Stream& stream = *it->second;
    if (has_share && stream.space != space) continue;
    if (Moved(&stream) || stream.under_way || stream.later || stream.moved_us > since_us) continue;
    since_us = stream.moved_us;
    idlest = it;
  }
  if (idlest == streams_.end()) return Status(Code::kTooMany, "too many bulk submits are under way");
  std::shared_ptr<Stream> stream = idlest->second;
  EndIdle(idlest->first, stream);
  return Status::Ok();
}

bool Api::Impl::Moved(Stream* stream) const {
  if (stream->under_way) stream->moved_us = NowUs();
  if (stream->bulk.progress() == stream->progress) return false;
  stream->progress = stream->bulk.progress();
  stream->moved_us = NowUs();
  return true;
}

void Api::Impl::EndIdle(uint64_t token, const std::shared_ptr<Stream>& stream) {
  stream->gone = true;
  streams_.erase(token);
  if (stream->begun) return responder_->BreakStream(token);
  HttpResponse response = ProblemResponse(408, "no line of the bulk submit came for too long, and others need its place");
  response.close = true;
  responder_->Respond(token, std::move(response));
}

std::shared_ptr<Api::Impl::Stream> Api::Impl::OpenStream(uint64_t token, const HttpRequest& head, const Route& route, Asker asker,
                                                         const BulkHead& said) {
  BulkLimits limits;
  limits.idempotency_window_ms = said.idempotency_window_ms;
  limits.steps_aside = said.steps_aside;
  limits.max_line_bytes = options_.max_line_bytes;
  if (options_.aside) limits.aside_bytes = kLargeJsonBytes;
  TraceContext trace = ContextOf(head.headers);
  if (std::string begun = TraceToBegin(head); !begun.empty()) trace.parent = std::move(begun);
  auto stream = std::make_shared<Stream>(std::make_shared<const Asker>(std::move(asker)), limits, Id(token), std::move(trace), &tools_->submit,
                                         BulkTopicOf(route, options_));
  stream->moved_us = NowUs();
  if (CodingOf(head) == BodyCoding::kGzip) stream->gunzip = std::make_unique<Gunzip>();
  CHECK(streams_.emplace(token, stream).second);
  if (stream->asker->principal.HoldsUntil(*access_.table()) != kWallNever) LookAgain();
  return stream;
}

std::shared_ptr<Api::Impl::Stream> Api::Impl::FindStream(uint64_t token) const {
  auto found = streams_.find(token);
  return found == streams_.end() ? nullptr : found->second;
}

void Api::Impl::WholeBulkSubmit(uint64_t token, const HttpRequest& request, const Route& route, Asker asker) {
  BulkHead said;
  if (std::optional<HttpResponse> refusal = RefuseBulkSubmit(request, route, asker, &said)) return responder_->Respond(token, *std::move(refusal));
  std::shared_ptr<Stream> stream = OpenStream(token, request, route, std::move(asker), said);
  stream->body_open = false;
  if (stream->gunzip) {
    stream->packed = request.body;
  } else {
    stream->bulk.Take(request.body);
    stream->bulk.TakeEnd();
  }
  Pump(token, stream);
}

void Api::Impl::OnStreamReply(uint64_t token, const std::shared_ptr<Stream>& stream, const Reply& reply) {
  CHECK(std::exchange(stream->under_way, false));
  if (!stream->traces.empty()) Traced(std::exchange(stream->traces, {}), reply.body, stream->posted_us);
  if (auto* submitted = std::get_if<Submitted>(&reply.body)) {
    stream->bulk.OnReply(*submitted);
    std::vector<LaneKey> lanes;
    NoteLanes(reply.body, &lanes);
    if (!lanes.empty() && !stream->asker->anybody()) switchboard_->Audit(EntryOfLanes(*stream->asker, lanes), [] {});
    Acknowledged(stream->posted_us);
  } else if (auto* answered = std::get_if<TopicAnswered>(&reply.body)) {
    stream->bulk.OnReply(std::get<Published>(answered->answer->what));
    Acknowledged(stream->posted_us);
  } else {
    stream->bulk.OnReply(std::get<Refused>(reply.body));
  }
  Pump(token, stream);
}

Result<bool> Api::Impl::Unpack(Stream* stream) {
  if (!stream->gunzip || stream->bulk.wants_turn() || !stream->bulk.wants_body()) return false;
  std::string piece;
  std::string_view packed = stream->packed;
  NOTIFYD_TRY(stream->gunzip->Take(&packed, kUnpackBytes, &piece));
  stream->packed.erase(0, stream->packed.size() - packed.size());
  if (!piece.empty()) stream->bulk.Take(piece);
  // Many members that come to nothing are not gone through at once either.
  if (!piece.empty() || !stream->packed.empty()) return true;
  if (stream->body_open) return false;
  if (!stream->gunzip->whole()) return Status(Code::kMalformed, "the gzip'ed body ends too early");
  stream->gunzip.reset();
  stream->bulk.TakeEnd();
  return true;
}

void Api::Impl::Pump(uint64_t token, const std::shared_ptr<Stream>& stream) {
  int unpacked = 0;
  for (bool more = true; std::exchange(more, false);) {
    if (std::optional<Event> request = NextOf(stream.get())) {
      if (!GoesOn(*stream)) return EndRevoked(token, stream);
      if (!KeepToRate(stream.get(), &*request)) {
        stream->bulk.OnReply(Refused{OverRate(), {}});
        more = true;
        continue;
      }
      CHECK(!std::exchange(stream->under_way, true));
      stream->posted_us = NowUs();
      if (options_.tracer) stream->traces = SampledOf(*request);
      switchboard_->Post(stream->space, *std::move(request));
    }
    if (std::optional<std::string> line = stream->bulk.TakeAsideLine()) ParseAside(token, stream, *std::move(line));
    std::string answers = stream->bulk.TakeAnswers();
    if (answers.empty()) {
      const bool rests = unpacked == kUnpackTimes && options_.later;
      if (!rests) {
        Result<bool> came = Unpack(stream.get());
        if (!came.ok()) {
          if (stream->bulk.untouched()) return EndWith(token, stream, ProblemResponse(came.status()));
          stream->torn = true;
          stream->body_open = false;
          stream->gunzip.reset();
          stream->bulk.TakeFault(came.status());
          more = true;
          continue;
        }
        if (*came) {
          ++unpacked;
          more = true;
          continue;
        }
      }
      if (!stream->bulk.wants_turn() && !rests) break;
      if (options_.later) {
        GoOnLater(token, stream);
        break;
      }
      stream->bulk.Continue();
      more = true;
      continue;
    }
    if (!std::exchange(stream->begun, true)) BeginLines(token);
    if (stream->gone) return;
    size_t unsent = responder_->Stream(token, answers);
    if (stream->gone) return;
    stream->bulk.OnUnsent(unsent);
    more = true;
  }
  if (stream->bulk.done()) return FinishStream(token, *stream);
  if (!stream->body_open) return;
  bool pause = !stream->bulk.wants_body() || stream->packed.size() > kMostPackedBytes;
  if (std::exchange(stream->paused, pause) == pause) return;
  pause ? responder_->PauseBody(token) : responder_->ResumeBody(token);
}

void Api::Impl::BeginLines(uint64_t token) {
  HttpResponse head;
  head.content_type = kNdjson;
  responder_->BeginStream(token, std::move(head));
}

bool Api::Impl::KeepToRate(Stream* stream, Event* event) {
  SubmitRequest* submit = std::get_if<SubmitRequest>(event);
  if (!submit) return WaitForRate(*stream->asker, NotifiesIn(*event)) == 0;
  const size_t some = SomeByRate(*stream->asker, submit->items.size());
  if (some > 0 && some < submit->items.size()) {
    submit->items.resize(some);
    stream->bulk.PostsOnly(some, OverRate());
  }
  return some > 0;
}

std::optional<Event> Api::Impl::NextOf(Stream* stream) {
  if (std::optional<SubmitRequest> request = stream->bulk.NextRequest()) return Event(*std::move(request));
  if (std::optional<Publish> publish = stream->bulk.NextPublish())
    return Event(TopicRequest{stream->request, std::make_shared<const TopicAsk>(TopicAsk{*std::move(publish)})});
  return std::nullopt;
}

void Api::Impl::GoOnLater(uint64_t token, const std::shared_ptr<Stream>& stream) {
  if (std::exchange(stream->later, true)) return;
  options_.later([this, token, weak = std::weak_ptr<Stream>(stream), alive = std::weak_ptr<bool>(alive_)] {
    std::shared_ptr<Stream> again = weak.lock();
    if (alive.expired() || !again || again->gone) return;
    again->later = false;
    again->bulk.Continue();
    Pump(token, again);
  });
}

void Api::Impl::ParseAside(uint64_t token, const std::shared_ptr<Stream>& stream, std::string line) {
  struct Job {
    std::string line;
    TraceContext trace;
    std::shared_ptr<const Asker> asker;
    std::optional<BulkTopic> topic;
    Result<SubmitItem> item = Status(Code::kIo, "");
    Result<EventItem> event = Status(Code::kIo, "");
  };
  auto job = std::make_shared<Job>();
  job->line = std::move(line);
  job->topic = stream->topic;
  job->trace = stream->trace;
  job->asker = stream->asker;
  options_.aside(
      [job, limits = tools_->submit.limits()] {
        SubmitParser parser(limits);
        job->line.reserve(job->line.size() + JsonReader::kPaddingBytes);
        if (!job->topic) {
          job->item = parser.ParseLine(job->line, job->line.capacity(), job->trace, job->asker.get());
          return;
        }
        const std::string* topic = job->topic->topic ? &*job->topic->topic : nullptr;
        job->event = ParseEventLine(&parser, topic, job->line, job->line.capacity(), job->trace, *job->asker);
      },
      [this, job, token, weak = std::weak_ptr<Stream>(stream), alive = std::weak_ptr<bool>(alive_)] {
        std::shared_ptr<Stream> again = weak.lock();
        if (alive.expired() || !again || again->gone) return;
        job->topic ? again->bulk.OnParsed(std::move(job->event)) : again->bulk.OnParsed(std::move(job->item));
        Pump(token, again);
      });
}

void Api::Impl::FinishStream(uint64_t token, const Stream& stream) {
  // What is not taken of its body is not read either.
  const bool begun = stream.begun, close = stream.bulk.stopped() || stream.torn;
  streams_.erase(token);
  if (begun) return responder_->EndStream(token, close);
  HttpResponse empty;
  empty.content_type = kNdjson;
  responder_->Respond(token, std::move(empty));
}

}  // namespace notifyd
