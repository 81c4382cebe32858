// Api: tokens, and what each of them waits for. What requests say is in requests.h, what replies look like in replies.h.
// I1: every request gets one answer, from inside OnRequest or from a reply, but for a bulk submit whose body broke. A token in posted_ has one
//     event under way; a token in streams_ has one where its `under_way` is set; any other token has none.
// I2: once a client is gone its token is in neither: replies to it are dropped, and nothing further is posted for it but Disconnected.
#include "net/api/api.h"

#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clocks.h"
#include "net/api/access.h"
#include "net/api/demand.h"
#include "net/api/json_shape.h"
#include "net/api/ndjson.h"
#include "net/api/problem.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/router.h"
#include "net/api/steps.h"
#include "net/api/submit_parser.h"
#include "net/api/trace_context.h"

namespace notifyd {
namespace {

constexpr const char* kNdjson = "application/x-ndjson";
constexpr const char* kPatchTypes = "application/merge-patch+json, application/json";
/// Each may have 16 MiB of lines in memory (one of the longest, what is gathered, what is under way), which the server does not count: together
/// as much as it buffers in all.
constexpr size_t kMaxBulkSubmits = 16;
/// One that was idle for so long gives way to another where all are taken.
constexpr int64_t kGiveWayUs = 1'000'000;
constexpr const char* kNoRoom = "too much is buffered; try again later";

}  // namespace

class Api::Impl {
 public:
  Impl(const ApiOptions& options, Switchboard* switchboard)
      : options_(options),
        switchboard_(switchboard),
        access_(options.hosts),
        tools_(std::make_shared<RequestTools>(&options_, SecretNames(options.secret_headers))) {}

  ~Impl() {
    for (size_t count; (count = running_->load()) > 0;) running_->wait(count);
  }

  void SetResponder(HttpResponder* responder) { responder_ = responder; }
  void SetVia(std::string name) { access_.SetVia(std::move(name)); }
  void SetSecretHeaders(std::vector<std::string> names) { tools_->secrets = SecretNames(std::move(names)); }
  void SetHosts(const std::vector<std::string>& hosts) { access_.SetHosts(hosts); }
  HttpDemand Demand(const HttpRequest& request) const { return DemandOf(request, options_); }

  void OnRequest(uint64_t token, HttpRequest request) {
    int64_t since_us = NowUs();
    Result<Route> route = FindRoute(request.method, request.target);
    if (std::optional<HttpResponse> refusal = access_.Admit(request, route)) return responder_->Respond(token, *std::move(refusal));
    if (IsBulkSubmit(request, *route)) return WholeBulkSubmit(token, request, *route);
    if (options_.aside && request.body.size() > kLargeJsonBytes) return ReadAside(token, std::move(request), since_us);
    Status status = Take(token, kDefaultNumber, ReadRequest(Id(token), *route, &request, tools_, /*aside=*/false), since_us);
    if (!status.ok()) responder_->Respond(token, Refusal(status, request.method));
  }

  static bool TakesPieces(const HttpRequest& head) {
    Result<Route> route = FindRoute(head.method, head.target);
    return route.ok() && IsBulkSubmit(head, *route);
  }

  void OnHead(uint64_t token, const HttpRequest& head) {
    Result<Route> route = FindRoute(head.method, head.target);
    std::optional<HttpResponse> refusal = access_.Admit(head, route);
    if (!refusal) refusal = RefuseBulkSubmit(head, *route);
    if (!refusal) {
      OpenStream(token, head);
      return;
    }
    refusal->close = true;  // the body is not wanted
    responder_->Respond(token, *std::move(refusal));
  }

  void OnBody(uint64_t token, std::string_view piece) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream || !stream->body_open) return;
    stream->bulk.Take(piece);
    // Blanks are no lines: whoever sends nothing else holds a place that others could use.
    if (!Moved(stream.get()) && !stream->under_way && NowUs() - stream->moved_us > options_.bulk_idle_ms * 1000) return EndIdle(token, stream);
    Pump(token, stream);
  }

  /// Its client may have gone, which only a longer wait would show: it is answered now, with what the notify is.
  void OnHalfClose(uint64_t token) {
    auto found = posted_.find(token);
    if (found == posted_.end() || !found->second.waits_for) return;
    NotifyId notify = *found->second.waits_for;
    EndWait(&found->second);
    switchboard_->Post(found->second.space, Disconnected{Id(token)});
    switchboard_->Post(found->second.space, GetRequest{Id(token), notify, 0});
  }

  void OnBodyEnd(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream || !stream->body_open) return;
    stream->body_open = false;
    stream->bulk.TakeEnd();
    Pump(token, stream);
  }

  bool OnBodyBroken(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream) return false;
    if (std::exchange(stream->body_open, false)) stream->bulk.TakeBreak();
    return !stream->bulk.done();
  }

  void OnWritable(uint64_t token) {
    std::shared_ptr<Stream> stream = FindStream(token);
    if (!stream) return;
    stream->bulk.OnUnsent(0);
    Pump(token, stream);
  }

  void OnClose(uint64_t token) {
    std::optional<NamespaceNumber> under_way;  // where
    if (auto posted = posted_.find(token); posted != posted_.end()) {
      if (!posted->second.aside) under_way = posted->second.space;
      EndWait(&posted->second);
      posted_.erase(posted);
    }
    if (auto stream = streams_.find(token); stream != streams_.end()) {
      if (stream->second->under_way) under_way = stream->second->space;
      stream->second->gone = true;
      streams_.erase(stream);
    }
    if (under_way) switchboard_->Post(*under_way, Disconnected{Id(token)});
  }

  void EndBulkSubmits(Leaving why) {
    leaving_ = why;
    // Each may go, or another with it, while it is pumped.
    std::vector<std::pair<uint64_t, std::shared_ptr<Stream>>> all(streams_.begin(), streams_.end());
    for (auto& [token, stream] : all) {
      if (stream->gone) continue;
      stream->body_open = false;
      stream->bulk.TakeStop(why);
      Pump(token, stream);
    }
  }

  void OnReply(Reply reply) {
    uint64_t token = reply.request.token;
    if (std::shared_ptr<Stream> stream = FindStream(token)) return OnStreamReply(token, stream, reply);
    auto found = posted_.find(token);
    if (found == posted_.end()) return;  // the client went away
    Posted posted = std::move(found->second);
    posted_.erase(found);
    EndWait(&posted);
    if (posted.waited) {
      const Viewed* viewed = std::get_if<Viewed>(&reply.body);
      if (viewed && !responder_->Reserve(token, BytesToShow(viewed->view)))
        return responder_->Respond(token, ProblemResponse(Status(Code::kTooMany, kNoRoom)));
    }
    if (posted.steps && posted.steps->heavy() && options_.aside) return StepAside(token, posted.space, std::move(posted.steps), std::move(reply.body));
    if (posted.steps) {
      std::variant<Event, HttpResponse> next = posted.steps->Next(std::move(reply.body));
      return GoOn(token, posted.space, std::move(next), std::move(posted.steps));
    }
    bool acknowledged = std::holds_alternative<Submitted>(reply.body);
    responder_->Respond(token, tools_->replies.Render(reply.body));
    if (acknowledged) Acknowledged(posted.since_us);
  }

 private:
  /// What a token waits for, in posted_.
  struct Posted {
    NamespaceNumber space = kDefaultNumber;  // whose core is asked
    int64_t since_us = 0;                    // when its request came
    std::unique_ptr<Steps> steps = nullptr;  // null: its reply is its answer
    bool aside = false;                      // it is being parsed on another thread: no event is under way
    bool waited = false;                     // a GET with wait_ms
    std::optional<NotifyId> waits_for = {};  // it counts as a waiter
  };
  /// A bulk submit.
  struct Stream {
    Stream(NamespaceNumber number, const BulkLimits& limits, RequestId request, TraceContext of, SubmitParser* parser)
        : space(number), trace(of), bulk(limits, request, std::move(of), parser) {}
    const NamespaceNumber space;
    const TraceContext trace;
    BulkSubmit bulk;
    bool body_open = true;   // there may come more of it
    bool paused = false;     // the body
    bool begun = false;      // the response
    bool under_way = false;  // an event
    int64_t posted_us = 0;   // when that was
    bool later = false;      // it is to go on once others had their turn
    uint64_t progress = 0;   // as BulkSubmit says, when it last moved
    int64_t moved_us = 0;    // when that was
    bool gone = false;       // the client
  };

  RequestId Id(uint64_t token) const { return {options_.thread, token}; }

  /// `event` carries Id(token).
  void Post(uint64_t token, Event event, Posted posted) {
    const NamespaceNumber space = posted.space;
    CHECK(posted_.emplace(token, std::move(posted)).second);
    switchboard_->Post(space, std::move(event));
  }
  void Acknowledged(int64_t since_us) {
    if (options_.acknowledgement) options_.acknowledgement->Observe(NowUs() - since_us);
  }

  int64_t NowUs() const { return options_.monotonic_us ? options_.monotonic_us() : ReadClockUs(CLOCK_MONOTONIC); }

  void EndWait(Posted* posted) {
    if (!std::exchange(posted->waits_for, std::nullopt)) return;
    options_.waiters->fetch_sub(1, std::memory_order_relaxed);
  }

  static HttpResponse Refusal(const Status& status, std::string_view method) {
    HttpResponse response = ProblemResponse(status);
    // RFC 5789 section 2.2.
    if (status.code() == Code::kUnsupportedMedia && method == "PATCH") response.headers.emplace_back("Accept-Patch", kPatchTypes);
    return response;
  }

  /// Goes on with what was read of a request: answers, posts, or fails with what is to be answered.
  Status Take(uint64_t token, NamespaceNumber space, Result<Asked> asked, int64_t since_us) {
    if (!asked.ok()) return std::move(asked).status();
    if (auto* response = std::get_if<HttpResponse>(&*asked)) {
      responder_->Respond(token, std::move(*response));
      return Status::Ok();
    }
    if (auto* steps = std::get_if<std::unique_ptr<Steps>>(&*asked)) {
      Event first = (*steps)->First();
      Post(token, std::move(first), {.space = space, .steps = std::move(*steps)});
      return Status::Ok();
    }
    Event& event = std::get<Event>(*asked);
    Posted posted{.space = space, .since_us = since_us};
    if (const GetRequest* get = std::get_if<GetRequest>(&event); get && get->wait_ms > 0) {
      if (options_.waiters->fetch_add(1, std::memory_order_relaxed) >= options_.max_waiters) {
        options_.waiters->fetch_sub(1, std::memory_order_relaxed);
        return Status(Code::kTooMany, "too many requests wait for the end of a notify; ask without wait_ms");
      }
      posted.waits_for = get->id;
      posted.waited = true;
    }
    Post(token, std::move(event), std::move(posted));
    return Status::Ok();
  }

  /// A large document is read on another thread, with tools of its own: the loop goes on, and its memory goes with it.
  void ReadAside(uint64_t token, HttpRequest request, int64_t since_us) {
    struct Job {
      HttpRequest request;
      std::string method;
      std::shared_ptr<RequestTools> tools;
      Result<Asked> asked = Status(Code::kIo, "");
    };
    auto job = std::make_shared<Job>();
    job->method = request.method;
    job->request = std::move(request);
    job->tools = std::make_shared<RequestTools>(&options_, tools_->secrets);
    Aside(
        token,
        [job, id = Id(token)] {
          Result<Route> route = FindRoute(job->request.method, job->request.target);
          CHECK(route.ok());
          job->asked = ReadRequest(id, *route, &job->request, job->tools, /*aside=*/true);
          job->tools.reset();
          job->request = HttpRequest();
        },
        [this, job, token](int64_t asked_us) {
          Status status = Take(token, kDefaultNumber, std::move(job->asked), asked_us);
          if (!status.ok()) responder_->Respond(token, Refusal(status, job->method));
        },
        since_us);
  }

  void StepAside(uint64_t token, NamespaceNumber space, std::unique_ptr<Steps> steps, ReplyBody reply) {
    struct Job {
      std::unique_ptr<Steps> steps;
      ReplyBody reply;
      std::variant<Event, HttpResponse> next;
    };
    auto job = std::make_shared<Job>(Job{std::move(steps), std::move(reply), HttpResponse()});
    Aside(
        token, [job] { job->next = job->steps->Next(std::move(job->reply)); },
        [this, job, token, space](int64_t) { GoOn(token, space, std::move(job->next), std::move(job->steps)); });
  }

  void GoOn(uint64_t token, NamespaceNumber space, std::variant<Event, HttpResponse> next, std::unique_ptr<Steps> steps) {
    if (std::holds_alternative<Event>(next)) return Post(token, std::get<Event>(std::move(next)), {.space = space, .steps = std::move(steps)});
    responder_->Respond(token, std::get<HttpResponse>(std::move(next)));
  }

  /// `work` on another thread, then `then` here, unless the client went away meanwhile; it is given since when the request is under way.
  void Aside(uint64_t token, std::function<void()> work, std::function<void(int64_t)> then, int64_t since_us = 0) {
    Posted posted;
    posted.since_us = since_us;
    posted.aside = true;
    CHECK(posted_.emplace(token, std::move(posted)).second);
    running_->fetch_add(1);
    auto counted = [work = std::move(work), running = running_] {
      work();
      running->fetch_sub(1);
      running->notify_all();
    };
    options_.aside(std::move(counted), [this, token, then = std::move(then), alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      auto found = posted_.find(token);
      if (found == posted_.end()) return;
      int64_t asked_us = found->second.since_us;
      posted_.erase(found);
      then(asked_us);
    });
  }

  // ---- bulk submits

  /// What is not to do with who asks: what its head says, and whether there is room.
  std::optional<HttpResponse> RefuseBulkSubmit(const HttpRequest& head, const Route& route) {
    if (Status status = CheckBulkHead(head, route); !status.ok()) return ProblemResponse(status);
    if (leaving_) {
      HttpResponse response = LeavingResponse(*leaving_);
      response.close = true;  // to the program that comes next
      return response;
    }
    if (Status status = CheckRoom(); !status.ok()) return ProblemResponse(status);
    return std::nullopt;
  }
  /// Where all places are taken the one that has been idle for longest gives way.
  Status CheckRoom() {
    if (streams_.size() < kMaxBulkSubmits) return Status::Ok();
    auto idlest = streams_.end();
    int64_t since_us = NowUs() - kGiveWayUs;
    for (auto it = streams_.begin(); it != streams_.end(); ++it) {
      Stream& stream = *it->second;
      if (Moved(&stream) || stream.under_way || stream.later || stream.moved_us > since_us) continue;
      since_us = stream.moved_us;
      idlest = it;
    }
    if (idlest == streams_.end()) return Status(Code::kTooMany, "too many bulk submits are under way");
    std::shared_ptr<Stream> stream = idlest->second;
    EndIdle(idlest->first, stream);
    return Status::Ok();
  }

  /// Notes whether lines came since it was last looked at.
  bool Moved(Stream* stream) const {
    if (stream->under_way) stream->moved_us = NowUs();
    if (stream->bulk.progress() == stream->progress) return false;
    stream->progress = stream->bulk.progress();
    stream->moved_us = NowUs();
    return true;
  }

  /// Nothing came of it for too long. What was submitted is answered, or was; its client sees that this was not all.
  void EndIdle(uint64_t token, const std::shared_ptr<Stream>& stream) {
    stream->gone = true;
    streams_.erase(token);
    if (stream->begun) return responder_->BreakStream(token);
    HttpResponse response = ProblemResponse(408, "no line of the bulk submit came for too long, and others need its place");
    response.close = true;
    responder_->Respond(token, std::move(response));
  }
  std::shared_ptr<Stream> OpenStream(uint64_t token, const HttpRequest& head) {
    BulkLimits limits;
    limits.max_line_bytes = options_.max_line_bytes;
    if (options_.aside) limits.aside_bytes = kLargeJsonBytes;
    auto stream = std::make_shared<Stream>(kDefaultNumber, limits, Id(token), ContextOf(head.headers), &tools_->submit);
    stream->moved_us = NowUs();
    CHECK(streams_.emplace(token, stream).second);
    return stream;
  }
  std::shared_ptr<Stream> FindStream(uint64_t token) const {
    auto found = streams_.find(token);
    return found == streams_.end() ? nullptr : found->second;
  }

  /// One whose body is there already: none at all.
  void WholeBulkSubmit(uint64_t token, const HttpRequest& request, const Route& route) {
    if (std::optional<HttpResponse> refusal = RefuseBulkSubmit(request, route)) return responder_->Respond(token, *std::move(refusal));
    std::shared_ptr<Stream> stream = OpenStream(token, request);
    stream->body_open = false;
    stream->bulk.Take(request.body);
    stream->bulk.TakeEnd();
    Pump(token, stream);
  }

  void OnStreamReply(uint64_t token, const std::shared_ptr<Stream>& stream, const Reply& reply) {
    CHECK(std::exchange(stream->under_way, false));
    if (auto* submitted = std::get_if<Submitted>(&reply.body)) {
      stream->bulk.OnReply(*submitted);
      Acknowledged(stream->posted_us);
    } else {
      stream->bulk.OnReply(std::get<Refused>(reply.body));
    }
    Pump(token, stream);
  }

  /// Moves on whatever can: see ndjson.h. The client may go away inside of any call of the responder.
  void Pump(uint64_t token, const std::shared_ptr<Stream>& stream) {
    for (bool more = true; std::exchange(more, false);) {
      if (std::optional<SubmitRequest> request = stream->bulk.NextRequest()) {
        CHECK(!std::exchange(stream->under_way, true));
        stream->posted_us = NowUs();
        switchboard_->Post(stream->space, *std::move(request));
      }
      if (std::optional<std::string> line = stream->bulk.TakeAsideLine()) ParseAside(token, stream, *std::move(line));
      std::string answers = stream->bulk.TakeAnswers();
      if (answers.empty()) {
        if (!stream->bulk.wants_turn()) break;
        if (options_.later) {
          GoOnLater(token, stream);
          break;
        }
        stream->bulk.Continue();
        more = true;
        continue;
      }
      if (!std::exchange(stream->begun, true)) {
        HttpResponse head;
        head.content_type = kNdjson;
        responder_->BeginStream(token, std::move(head));
      }
      if (stream->gone) return;
      size_t unsent = responder_->Stream(token, answers);
      if (stream->gone) return;
      stream->bulk.OnUnsent(unsent);
      more = true;
    }
    if (stream->bulk.done()) return FinishStream(token, *stream);
    if (!stream->body_open) return;
    bool pause = !stream->bulk.wants_body();
    if (std::exchange(stream->paused, pause) == pause) return;
    pause ? responder_->PauseBody(token) : responder_->ResumeBody(token);
  }

  void GoOnLater(uint64_t token, const std::shared_ptr<Stream>& stream) {
    if (std::exchange(stream->later, true)) return;
    options_.later([this, token, weak = std::weak_ptr<Stream>(stream), alive = std::weak_ptr<bool>(alive_)] {
      std::shared_ptr<Stream> again = weak.lock();
      if (alive.expired() || !again || again->gone) return;
      again->later = false;
      again->bulk.Continue();
      Pump(token, again);
    });
  }

  void ParseAside(uint64_t token, const std::shared_ptr<Stream>& stream, std::string line) {
    struct Job {
      std::string line;
      TraceContext trace;
      Result<SubmitItem> item = Status(Code::kIo, "");
    };
    auto job = std::make_shared<Job>();
    job->line = std::move(line);
    job->trace = stream->trace;
    options_.aside(
        [job, limits = tools_->submit.limits()] {
          SubmitParser parser(limits);
          job->line.reserve(job->line.size() + JsonReader::kPaddingBytes);
          job->item = parser.ParseLine(job->line, job->line.capacity(), job->trace);
        },
        [this, job, token, weak = std::weak_ptr<Stream>(stream), alive = std::weak_ptr<bool>(alive_)] {
          std::shared_ptr<Stream> again = weak.lock();
          if (alive.expired() || !again || again->gone) return;
          again->bulk.OnParsed(std::move(job->item));
          Pump(token, again);
        });
  }

  void FinishStream(uint64_t token, const Stream& stream) {
    bool begun = stream.begun, stopped = stream.bulk.stopped();
    streams_.erase(token);
    if (begun) return responder_->EndStream(token, /*close=*/stopped);
    HttpResponse empty;
    empty.content_type = kNdjson;
    responder_->Respond(token, std::move(empty));
  }

  const ApiOptions options_;
  Switchboard* const switchboard_;
  Access access_;
  HttpResponder* responder_ = nullptr;
  const std::shared_ptr<RequestTools> tools_;  // of the loop
  std::unordered_map<uint64_t, Posted> posted_;
  std::unordered_map<uint64_t, std::shared_ptr<Stream>> streams_;
  std::optional<Leaving> leaving_;
  std::shared_ptr<std::atomic<size_t>> running_ = std::make_shared<std::atomic<size_t>>(0);  // on other threads, with what is borrowed from here
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);                               // what comes back from elsewhere looks at it first
};

Api::Api(const ApiOptions& options, Switchboard* switchboard) : impl_(std::make_unique<Impl>(options, switchboard)) {}
Api::~Api() = default;
void Api::SetResponder(HttpResponder* responder) {
  impl_->SetResponder(responder);
}
void Api::SetVia(std::string name) {
  impl_->SetVia(std::move(name));
}
void Api::SetSecretHeaders(std::vector<std::string> names) {
  impl_->SetSecretHeaders(std::move(names));
}
void Api::SetHosts(const std::vector<std::string>& hosts) {
  impl_->SetHosts(hosts);
}
HttpDemand Api::Demand(const HttpRequest& request) {
  return impl_->Demand(request);
}
void Api::OnHalfClose(uint64_t token) {
  impl_->OnHalfClose(token);
}
bool Api::TakesPieces(const HttpRequest& head) {
  return impl_->TakesPieces(head);
}
void Api::OnHead(uint64_t token, const HttpRequest& head) {
  impl_->OnHead(token, head);
}
void Api::OnBody(uint64_t token, std::string_view piece) {
  impl_->OnBody(token, piece);
}
void Api::OnBodyEnd(uint64_t token) {
  impl_->OnBodyEnd(token);
}
bool Api::OnBodyBroken(uint64_t token) {
  return impl_->OnBodyBroken(token);
}
void Api::OnWritable(uint64_t token) {
  impl_->OnWritable(token);
}
void Api::OnRequest(uint64_t token, HttpRequest request) {
  impl_->OnRequest(token, std::move(request));
}
void Api::OnClose(uint64_t token) {
  impl_->OnClose(token);
}
void Api::EndBulkSubmits(Leaving why) {
  impl_->EndBulkSubmits(why);
}
void Api::OnReply(Reply reply) {
  impl_->OnReply(std::move(reply));
}

HttpResponse Api::OnRefused(int status, std::string_view detail) {
  HttpResponse response = ProblemResponse(status, detail);
  response.close = true;
  return response;
}

}  // namespace notifyd
