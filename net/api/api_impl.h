// What Api is made of. Requests and their steps stand in api.cc, answers in api_answers.cc, bulk submits in api_streams.cc.
// I1: every request gets one answer, from inside OnRequest or from a reply, but for a bulk submit whose body broke. A token in posted_ has one
//     event under way; a token in streams_ has one where its `under_way` is set; any other token has none.
// I2: once a client is gone its token is in neither: replies to it are dropped, and nothing further is posted for it but Disconnected.
// I3: what was begun, here or elsewhere, or may have been, is not answered as refused: what is answered of what was let in goes by Conclude.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/clocks.h"
#include "net/api/access.h"
#include "net/api/api.h"
#include "net/api/failed_attempts.h"
#include "net/api/gather.h"
#include "net/api/guard.h"
#include "net/api/live.h"
#include "net/api/ndjson.h"
#include "net/api/passing.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/router.h"
#include "net/api/steps.h"
#include "net/api/submit_tracer.h"
#include "net/gzip.h"

namespace notifyd {

class Api::Impl {
 public:
  Impl(const ApiOptions& options, Switchboard* switchboard)
      : options_(options),
        switchboard_(switchboard),
        access_(options.hosts, options_.nonces.get(), Wall()),
        failed_attempts_(options_.timer),
        tools_(std::make_shared<RequestTools>(&options_, SecretNames(options.secret_headers))),
        live_(&options_, switchboard, [this](const Asker& asker) { return GoesOn(asker, {Scope::kRead}, /*process=*/true); }) {
    if (options_.places) MakePassing();
  }

  ~Impl() {
    for (size_t count; (count = running_->load()) > 0;) running_->wait(count);
  }

  void SetResponder(HttpResponder* responder);
  void SetSelf(const OwnMember& self) {
    access_.SetSelf(self);
    if (!passing_) return;
    passing_->SetStore(self.now.store);
    gather_->SetStore(self.now.store);
  }
  void SetSecretHeaders(std::vector<std::string> names) { tools_->secrets = SecretNames(std::move(names)); }
  void SetHosts(const std::vector<std::string>& hosts) { access_.SetHosts(hosts); }
  void SetAuth(std::shared_ptr<const AuthSettings> settings);
  void SetTable(std::shared_ptr<const AccessTable> table);

  /// Nothing is reserved for whoever is refused.
  HttpDemand Demand(const HttpRequest& request);

  void OnRequest(uint64_t token, HttpRequest request) { TakeUp(token, std::move(request), {}); }

  bool TakesPieces(const HttpRequest& head);

  void OnHead(uint64_t token, const HttpRequest& head);

  void OnBody(uint64_t token, std::string_view piece);

  /// Its client may have gone, which only a longer wait would show: it is answered now, with what the notify is. To a member that passed it on, and
  /// leaves, so is whatever waits.
  void OnHalfClose(uint64_t token);

  void OnBodyEnd(uint64_t token);

  bool OnBodyBroken(uint64_t token);

  void OnWritable(uint64_t token);

  void OnClose(uint64_t token);

  void EndBulkSubmits(Leaving why);

  bool CutPassed();
  bool EndKept();

  void LeaveNamespace(NamespaceNumber number);

  void EndNamespace(NamespaceNumber number);

  bool GiveUp(std::optional<NamespaceNumber> number);

  void OnReply(Reply reply);

  void OnRegistryReply(RegistryReply reply);

 private:
  /// What an answer is looked at for before it goes out. Null where whoever asks may do and see everything, and is nobody in particular.
  struct Bounds {
    Asker asker;
    const RouteRow* row;
    std::string object;  // of the change, for the audit
  };
  /// How a request came here, and what it takes to pass it on.
  struct Origin {
    std::unique_ptr<HttpRequest> request = nullptr;  // as it came; null: another member passed it on, and has it; or there are none
    std::optional<Subject> subject = {};             // nothing: it is every broker's
    bool passed_on = false;                          // by another member
    bool looks = false;                              // it changes nothing
    Underway underway = {};
  };
  /// What counts as a waiter: a look at one notify ends with its client's side, what else waits goes on.
  enum class Wait : uint8_t { kNone, kLook, kOther };
  /// What a token waits for, in posted_.
  struct Posted {
    NamespaceNumber space = kDefaultNumber;  // whose core is asked
    int64_t since_us = 0;                    // when its request came
    std::unique_ptr<Steps> steps = nullptr;  // null: its reply is its answer
    bool aside = false;                      // it is on another thread, or at the registry: no core has an event of it
    bool dry_run = false;                    // it changes nothing after all
    bool unchanged = false;                  // Reply::unchanged, of the last one
    bool may_set_lanes = false;              // a submit with on_retry: what it says of lanes is in the audit
    std::vector<LaneKey> lanes_set = {};     // by it
    bool waited = false;                     // a GET with wait_ms, or a submit that waits
    Wait wait = Wait::kNone;
    std::shared_ptr<const Bounds> bounds = nullptr;
    SampledTraces traces = {};  // what of it is traced
    Origin origin = {};
  };
  /// A bulk submit.
  struct Stream {
    Stream(std::shared_ptr<const Asker> by, const BulkLimits& limits, RequestId id, TraceContext of, SubmitParser* parser,
           std::optional<BulkTopic> to)
        : asker(std::move(by)),
          space(asker->number()),
          request(id),
          trace(of),
          topic(to),
          bulk(limits, id, std::move(of), parser, asker, std::move(to)) {}
    std::shared_ptr<const Asker> asker;
    const NamespaceNumber space;
    const RequestId request;
    const TraceContext trace;
    const std::optional<BulkTopic> topic;
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
    SampledTraces traces;    // of what is under way
    std::unique_ptr<Gunzip> gunzip;  // its body comes as gzip, and is not unpacked to its end yet
    std::string packed;              // what came of that
    bool torn = false;               // it was no gzip from somewhere on
  };

  /// `default` and `system`: where there are others, none of them may take all places that they share.
  static constexpr size_t kOwnNamespaces = 2;
  static constexpr size_t ShareOf(size_t places) { return places - places / 4; }
  static constexpr const char* kNotValidAnyMore = "the credential is not valid any more";

  RequestId Id(uint64_t token) const { return {options_.thread, token}; }

  /// `event` carries Id(token).
  void Post(uint64_t token, Event event, Posted posted);
  void Acknowledged(int64_t since_us);
  /// The traceparent that a request has, or that it is given here; empty: none.
  std::string TraceToBegin(const HttpRequest& head) const;
  /// Tells of what is traced of a request that is answered.
  void Traced(const SampledTraces& traces, const ReplyBody& answer, int64_t since_us);

  WallTime Wall() const { return options_.wall ? options_.wall() : WallTime{ReadClockMs(CLOCK_REALTIME)}; }
  int64_t NowUs() const { return options_.monotonic_us ? options_.monotonic_us() : ReadClockUs(CLOCK_MONOTONIC); }

  void EndWait(Posted* posted);
  /// Nobody waits any more for what it asked to wait for: it is answered as it stands then.
  void PostEndOfWait(NamespaceNumber space, uint64_t token);

  static HttpResponse RefusalOf(const Status& status, std::string_view method);

  // ---- who asks

  /// The route of a request that is looked at several times before it is taken: looked for once.
  const Result<Route>& RouteOf(const HttpRequest& head);
  /// The same, for the last time.
  Result<Route> TakeRoute(const HttpRequest& request);
  std::variant<Granted, Refusal> Look(const HttpRequest& head);
  void NoteUse(const Granted& granted);
  static bool HasCostlyBody(const HttpRequest& head);
  void Refuse(uint64_t token, const HttpRequest& head, Refusal refusal, bool body_waits);
  /// Is the body what was signed?
  static Status CheckSigned(const Granted& granted, std::string_view body);
  static std::string ObjectOf(const Route& route);
  static std::shared_ptr<const Bounds> BoundsOf(const Asker& asker, const RouteRow* row, std::string object);
  /// Of what may be submitted in a second: 0 where these may go on, else in how many milliseconds.
  int64_t WaitForRate(const Asker& asker, size_t count);
  /// Of so many that are each for itself: how many of them, the first ones, may go on.
  size_t SomeByRate(const Asker& asker, size_t count);
  // ---- other members (api_members.cc)
  void MakePassing();
  /// What decides where it goes; nothing: it is every broker's.
  std::optional<Subject> SubjectOf(const HttpRequest& head, const Route& route, const Granted& granted) const;
  /// Passes a request on that is another member's, or refuses it. False: it goes on here, or is refused by its head; then `subject` is what it is
  /// about, and that has been served here since `served_since`.
  bool PassOn(uint64_t token, HttpRequest* request, const Result<Route>& route, Underway* underway, std::optional<Subject>* subject,
              WallTime* served_since);
  bool PassOnInPieces(uint64_t token, const HttpRequest& head, const Result<Route>& route);
  /// Whose answers make one; nothing: it is not gathered.
  std::optional<Gather::Plan> PlanOf(const Route& route, const Granted& granted) const;
  /// Has what several members know put together. False: it is not gathered, or not here.
  bool GatherAll(uint64_t token, HttpRequest* request, const Route& route, const Granted& granted);
  /// Before this broker has seen who the members are: keeps the request until it has, or for Gather::kMostMs. False: it has, or that is over.
  bool AwaitsMembers(uint64_t token, HttpRequest* request);
  /// Where it may not stay it was answered.
  bool RefusedAsSecondHop(uint64_t token, const Granted& granted, bool body_waits);
  /// Keeps a request that may have to be passed on after all, as it came, until it is answered. Returns the one that is to be read. `route` borrows
  /// from it.
  const HttpRequest* Keep(HttpRequest* request, Route* route, Origin* origin) const;
  /// Keeps a request that is refused by what is known here of namespaces and tokens until that was looked at anew, and begins it anew then. False:
  /// what is known is not older than the request.
  bool LooksAnew(uint64_t token, const HttpRequest& head, const Refusal& refusal, bool in_pieces);
  void Looked(uint64_t token);
  /// The same of one whose body comes in pieces.
  void LookedInPieces(uint64_t token, HttpRequest head);
  /// Bodies of requests that are kept. False: it is none of those.
  bool KeepsBody(uint64_t token, std::string_view piece);
  bool KeepsBodyEnd(uint64_t token);
  static bool IsPassedOn(const HttpRequest& head) { return head.peer && head.peer->serves.members; }
  /// Its namespace is another member's by now; or its core stops, and whoever passed it on may ask elsewhere.
  bool IsElsewhere(const Posted& posted) const;
  /// Refused by such a core: nothing was begun.
  bool IsGone(const Posted& posted, const ReplyBody& reply) const;
  /// Of the time for which it is to wait so much is over.
  int64_t WaitedMs(const Posted& posted) const { return posted.origin.underway.progress.waited_ms + (NowUs() - posted.since_us) / 1000; }
  /// Has one of which nothing was begun, or which waits on, asked again where its namespace is now.
  void GoElsewhere(uint64_t token, Posted posted);
  /// Answers what is under way, of one namespace, or of all and of the registry: by `unknown` where it may have been carried out, and what only looks
  /// is asked again elsewhere, or refused. Returns whether there was any.
  bool EndUnanswered(std::optional<NamespaceNumber> of, const char* unknown);
  /// The same of one that was carried out, where it waits for an end that comes elsewhere. False: it is answered here.
  bool WaitsOnElsewhere(uint64_t token, Posted* posted, const std::optional<CarriedOut>& what, ReplyBody* reply);

  static Status OverRate() { return Status(Code::kTooMany, "this token's rate of submits (submits_per_s) is used up"); }

  /// May he go on with what he began, as what is known of him is now? As Admission::Holds.
  bool GoesOn(const Asker& asker, ScopeSet scopes, bool process = false) const {
    const std::string_view space = asker.space ? std::string_view(asker.space->name) : std::string_view();
    return access_.Holds(asker.principal, {scopes, space, process}, Wall());
  }
  /// Of a bulk submit: what a line may do is judged by these.
  bool GoesOn(const Stream& stream) const { return GoesOn(*stream.asker, {Scope::kSubmit, Scope::kOperate}); }
  /// One that waits: its answer shows what these let him see.
  bool GoesOn(const Posted& posted) const;
  /// Of what was begun by a token that does not hold any more: streams break, waits end. Where one has an end it is looked at again.
  void EndWhatIsOver();
  void LookAgain();
  /// What further lines of bulk submits are judged by is what is known now.
  void RenewStreams();
  /// Answers a wait now, with what there is.
  void CutWait(uint64_t token, Posted* posted);
  void EndRevoked(uint64_t token, const std::shared_ptr<Stream>& stream);
  /// Ends a bulk submit of which nothing further is taken; what was submitted goes on. `why`: its answer, or the last line of that.
  void EndWith(uint64_t token, const std::shared_ptr<Stream>& stream, HttpResponse why);

  /// Takes what comes of this reply long? That goes by the reply, too: a few words may ask for much, or change it. Its steps have tools of their own
  /// then.
  bool GoesAside(const Posted& posted, const ReplyBody& reply) const;
  /// Any thread, with that one's `replies`.
  static HttpResponse Render(const Replies& replies, const Posted& posted, const ReplyBody& body);
  /// Another caller's, to whoever may see his own alone.
  static bool IsHidden(const Bounds& bounds, const ReplyBody& body);
  /// Looks for room to show the reply to one that waited. What was carried out is shown in brief where there is none. False: it is not shown.
  bool FindRoom(uint64_t token, ReplyBody* reply);
  /// Answers what was let in. One that was carried out elsewhere is answered so where it is refused now, and one that may have been as far as is
  /// known; the nonce of one of which nothing was begun is given back.
  void Conclude(uint64_t token, const Underway& underway, HttpResponse response);
  /// `count`: of what was changed. What is a change by somebody is answered once its entry of the audit is durable.
  void Answer(uint64_t token, Posted posted, HttpResponse response, uint64_t count);
  AuditEntry EntryOf(const Bounds& bounds, uint64_t count) const;
  /// Of lanes that a submit set beside what it made.
  AuditEntry EntryOfLanes(const Asker& asker, const std::vector<LaneKey>& lanes) const;
  /// Appends the lanes that were set with what was submitted.
  static void NoteLanes(const ReplyBody& reply, std::vector<LaneKey>* lanes);
  /// Answers once the entry is durable.
  void AnswerAudited(uint64_t token, Posted posted, HttpResponse response, AuditEntry entry);
  /// Is there room for what the audit would have of a change? One that makes room goes on without, and so does whoever may do everything. Error:
  /// kDiskFull.
  Status CheckAuditRoom(const Bounds& bounds) const;
  bool IsFull(const NamespaceRow& space) const;

  // ---- requests and their steps

  void TakeUp(uint64_t token, HttpRequest request, Underway underway);

  /// Goes on with what was read of a request: answers, posts, or fails with what is to be answered.
  Status Take(uint64_t token, NamespaceNumber space, std::shared_ptr<const Bounds> bounds, Result<Asked> asked, int64_t since_us);

  /// May the namespace be told of a group's end there? Here, since the reader may be on another thread. Error: kUnacceptable, /callback_url.
  Status CheckGroupCallback(NamespaceNumber space, const Event& event) const;

  /// Is it a submit beyond what whoever asks may submit in a second? Then it was answered.
  bool RefusedByRate(uint64_t token, const Posted& posted, const Event& event);
  /// Posts an event, counted as a waiter where it is one. Error: kTooMany, then it was not posted.
  Status PostLast(uint64_t token, Event event, Posted posted);

  /// Answered by somebody else, on the loop.
  void Elsewhere(uint64_t token, Posted posted, const AskElsewhere& ask);

  /// A large document is read on another thread, with tools of its own: the loop goes on, and its memory goes with it.
  void ReadAside(uint64_t token, HttpRequest request, const Route& route, Granted granted, Origin origin, int64_t since_us);

  /// What comes of a reply, by its steps or where there are none, is made on another thread.
  void StepAside(uint64_t token, Posted posted, ReplyBody reply);

  void GoOn(uint64_t token, Posted posted, NextStep next);

  /// `work` on another thread, then `then` here, unless the client went away meanwhile; it is given since when the request is under way. `bounds`: of
  /// one that was begun, and may be a change that goes on without a client.
  void Aside(uint64_t token, std::function<void()> work, std::function<void(int64_t)> then, int64_t since_us = 0,
             std::shared_ptr<const Bounds> bounds = nullptr);

  // ---- bulk submits

  /// What is not to do with who asks: what its head says, and whether there is room.
  std::optional<HttpResponse> RefuseBulkSubmit(const HttpRequest& head, const Route& route, const Asker& asker, BulkHead* said);
  /// Where all places are taken the one that has been idle for longest gives way.
  Status CheckRoom(NamespaceNumber space);

  /// Notes whether lines came since it was last looked at.
  bool Moved(Stream* stream) const;

  /// Nothing came of it for too long. What was submitted is answered, or was; its client sees that this was not all.
  void EndIdle(uint64_t token, const std::shared_ptr<Stream>& stream);
  std::shared_ptr<Stream> OpenStream(uint64_t token, const HttpRequest& head, const Route& route, Asker asker, const BulkHead& said);
  std::shared_ptr<Stream> FindStream(uint64_t token) const;
  /// What it has to be posted now, if anything.
  static std::optional<Event> NextOf(Stream* stream);
  /// Leaves of it what the token's rate lets go now; the lines of the others are answered. False: that is nothing, and none is answered yet.
  bool KeepToRate(Stream* stream, Event* event);

  /// One whose body is there already: none at all.
  void WholeBulkSubmit(uint64_t token, const HttpRequest& request, const Route& route, Asker asker);

  void OnStreamReply(uint64_t token, const std::shared_ptr<Stream>& stream, const Reply& reply);

  /// Moves on whatever can: see ndjson.h. The client may go away inside of any call of the responder.
  void Pump(uint64_t token, const std::shared_ptr<Stream>& stream);

  /// Begins its answer.
  void BeginLines(uint64_t token);
  void GoOnLater(uint64_t token, const std::shared_ptr<Stream>& stream);
  /// Unpacks some more of a body that comes as gzip, where that is wanted. Returns whether anything came of it. Error: it is none.
  static Result<bool> Unpack(Stream* stream);

  void ParseAside(uint64_t token, const std::shared_ptr<Stream>& stream, std::string line);

  void FinishStream(uint64_t token, const Stream& stream);

  const ApiOptions options_;
  Switchboard* const switchboard_;
  Access access_;
  FailedAttempts failed_attempts_;
  bool looks_again_ = false;             // the timer for that is set
  std::optional<Refusal> refused_head_;  // between TakesPieces and OnHead
  /// A request that waits for a look (`in_pieces`: its body is paused), or whose body is gathered behind one.
  struct Kept {
    HttpRequest request;
    bool in_pieces = false, gathers = false;
  };
  std::unordered_map<uint64_t, Kept> kept_;
  bool looked_ = false, awaited_ = false;  // of the request that is being taken
  struct FoundRoute {
    FoundRoute(std::string its_method, std::string its_target) : method(std::move(its_method)), target(std::move(its_target)) {}
    const std::string method, target;
    Result<Route> route = Status(Code::kNotFound, "");  // its query is borrowed from `target`
  };
  std::optional<FoundRoute> found_;  // what RouteOf found last
  HttpResponder* responder_ = nullptr;
  const std::shared_ptr<RequestTools> tools_;  // of the loop
  std::unordered_map<uint64_t, Posted> posted_;
  std::unordered_map<uint64_t, std::shared_ptr<Stream>> streams_;
  Live live_;
  std::unique_ptr<Passing> passing_;                // null: there are no other members
  std::unique_ptr<Gather> gather_;                  // likewise
  Origin origin_;                                   // of the request that is being taken
  std::optional<Leaving> leaving_;
  std::shared_ptr<std::atomic<size_t>> running_ = std::make_shared<std::atomic<size_t>>(0);  // on other threads, with what is borrowed from here
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);                               // what comes back from elsewhere looks at it first
};

}  // namespace notifyd
