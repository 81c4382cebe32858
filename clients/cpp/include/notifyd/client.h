// A client of the notifyd call broker, over libcurl: it submits calls that the broker makes, looks at them and steers them.
//
// What is submitted bears an idempotency key that the client makes where the caller gave none, the same one at each attempt, so that a repeat is
// taken once. What goes wrong is thrown: an Error, or std::invalid_argument for what cannot be asked. A Client belongs to one thread at a time.
#pragma once

#include <notifyd/transport.h>
#include <notifyd/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace notifyd {

/// A notify as the broker has it. `etag` is for Change.
struct View : NotifyView {
  std::string etag;
};

/// The notify that was triggered, or (`remembered`) the trigger that the broker keeps.
struct Triggered {
  std::string id;
  State state;
  bool remembered = false;
};

/// What became of one notify of a stream.
struct Line {
  std::int64_t index = 0;  // of the notify, from 0
  std::string id;          // empty where it was refused
  State state;             // "removed" beside `duplicate`: it is not there any more; else empty
  bool duplicate = false, kept = false;
  std::optional<Problem> error;  // why it was refused; none: it is on the broker's disk
};

/// Which notifies are listed: all that is given must hold.
struct Filters : Filter {
  std::string order;       // "oldest" first, or "newest", as without it
  std::int64_t limit = 0;  // of a page: 1 to 1,000; 0: 100
};

/// Is a notify in this state not sent again by itself?
inline bool IsSettled(const State& state) {
  return state == "succeeded" || state == "failed" || state == "cancelled" || state == "expired";
}

inline void from_json(const Json& from, View& to) {
  from_json(from, static_cast<NotifyView&>(to));
}
inline void from_json(const Json& from, Triggered& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "remembered", to.remembered);
}
inline void from_json(const Json& from, Line& to) {
  detail::Take(from, "id", to.id);
  detail::Take(from, "state", to.state);
  detail::Take(from, "duplicate", to.duplicate);
  detail::Take(from, "kept", to.kept);
  detail::Take(from, "error", to.error);
}

/// All pages of a list, item by item; the next page is asked for when somebody wants of it. It borrows its client.
///   for (const ListedNotify& notify : client.List(filters)) ...
template <class T>
class Pages {
 public:
  /// The next item, or none at the end. Throws an Error.
  std::optional<T> Next() {
    while (next_ == items_.size()) {
      if (ended_) return std::nullopt;
      const detail::Answer answer = transport_->Send(call_);
      const Json page = detail::Parsed(answer, answer.body);
      try {
        items_ = page.at("items").template get<std::vector<T>>();
        std::string cursor;
        detail::Take(page, "next", cursor);
        Continue(cursor);
      } catch (const Json::exception& exception) {
        throw Error(Kind::kBadAnswer, answer.status, std::string("bad_answer: ") + exception.what());
      }
    }
    return std::move(items_[next_++]);
  }

  class Iterator {
   public:
    explicit Iterator(Pages* pages) : pages_(pages) { ++*this; }
    Iterator() = default;
    const T& operator*() const { return *item_; }
    Iterator& operator++() {
      item_ = pages_->Next();
      return *this;
    }
    bool operator!=(const Iterator& other) const { return item_.has_value() != other.item_.has_value(); }

   private:
    Pages* pages_ = nullptr;
    std::optional<T> item_;
  };
  Iterator begin() { return Iterator(this); }
  Iterator end() { return Iterator(); }

 private:
  friend class Client;
  Pages(detail::Transport* transport, std::string path, detail::Query query, std::int64_t limit)
      : transport_(transport), call_{"GET", std::move(path), std::move(query)} {
    call_.repeatable = true;
    if (limit > 0) call_.query.emplace_back("limit", std::to_string(limit));
    own_ = call_.query.size();
  }

  void Continue(const std::string& cursor) {
    next_ = 0;
    ended_ = cursor.empty();
    call_.query.resize(own_);
    call_.query.emplace_back("cursor", cursor);
  }

  detail::Transport* transport_;
  detail::Call call_;
  std::size_t own_ = 0;  // parameters beside the cursor
  std::vector<T> items_;
  std::size_t next_ = 0;
  bool ended_ = false;
};

/// Submits what a function gives, and iterates over what became of it. It borrows its client.
class Stream {
 public:
  /// The next line, in the order of the notifies, or none once all are answered. Sends a request once it is full or the function gives no more.
  /// Throws an Error.
  std::optional<Line> Next() {
    if (next_ == ready_.size()) {
      ready_.clear();
      next_ = 0;
      Fill();
      if (!waiting_.empty() && !failed_) Send();
    }
    // An error waits behind the lines that were answered before it.
    if (next_ == ready_.size() && failed_) throw *failed_;
    if (next_ == ready_.size() && fault_) std::rethrow_exception(fault_);
    if (next_ == ready_.size()) return std::nullopt;
    return std::move(ready_[next_++]);
  }

 private:
  friend class Client;
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;  // of one request, about

  Stream(detail::Transport* transport, std::function<std::optional<Notify>()> from) : transport_(transport), from_(std::move(from)) {
    call_ = {"POST", "/notifies"};
    call_.content_type = "application/x-ndjson";
  }

  void Fill() {
    std::size_t size = 0;
    call_.repeatable = true;
    while (!ended_ && !failed_ && waiting_.size() < transport_->options().lines_per_request && size < kMostBytes) {
      try {
        std::optional<Notify> notify = from_();
        ended_ = !notify;
        if (!notify) break;
        notify->idempotency_key = transport_->Key(notify->idempotency_key);
        std::string line = detail::Written(*notify) + "\n";
        call_.repeatable = call_.repeatable && !notify->idempotency_key.empty();
        waiting_.push_back(std::move(line));
      } catch (...) {
        // Of what gives them, or of one that cannot be written: it ends the stream behind those before it.
        fault_ = std::current_exception();
        ended_ = true;
        break;
      }
      size += waiting_.back().size();
    }
  }

  void Send() {
    for (int attempt = 1;; ++attempt) {
      const std::size_t before = ready_.size();
      try {
        SendOnce();
        return;
      } catch (Error& error) {
        if (ready_.size() > before) attempt = 1;
        if (transport_->Again(call_, error, attempt)) continue;
        failed_ = error;
        return;
      }
    }
  }

  void SendOnce() {
    call_.body.emplace();
    for (const std::string& line : waiting_) *call_.body += line;
    detail::Answer answer;
    std::optional<Error> lost;
    try {
      transport_->SendOnce(call_, answer);
    } catch (const Error& error) {
      lost = error;
    }
    if (answer.status / 100 == 2) TakeLines(answer);
    if (lost && (lost->kind == Kind::kBadAnswer || !waiting_.empty())) throw *lost;
    if (!waiting_.empty()) throw Error(Kind::kConnection, 0, "connection: the answer ended before its last line");
  }

  /// Takes the whole lines of an answer, which may have broken off.
  void TakeLines(const detail::Answer& answer) {
    std::size_t taken = 0;
    for (std::size_t begin = 0, end; (end = answer.body.find('\n', begin)) != std::string::npos; begin = end + 1, ++taken) {
      const std::string text = answer.body.substr(begin, end - begin);
      const Json json = detail::Parsed(answer, text);
      // A problem, the last line: none of the lines behind was taken, or that is not known.
      if (!json.contains("index") && json.contains("type")) {
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
        const auto status = json.find("status");
        const long otherwise = json.contains("next_index") ? 503 : 504;
        throw detail::Refusal(status != json.end() && status->is_number_integer() ? status->get<long>() : otherwise, text, Millis(0));
      }
      try {
        Line line = json.get<Line>();
        if (json.at("index") != taken || taken == waiting_.size() || (line.id.empty() && !line.error))
          throw Error(Kind::kBadAnswer, answer.status, "bad_answer: a line of it is not the next one");
        line.index = answered_++;
        ready_.push_back(std::move(line));
      } catch (const Json::exception& exception) {
        throw Error(Kind::kBadAnswer, answer.status, std::string("bad_answer: ") + exception.what());
      }
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
  }

  detail::Transport* transport_;
  std::function<std::optional<Notify>()> from_;
  detail::Call call_;
  std::vector<std::string> waiting_;  // lines that have no answer yet, each with its end
  std::vector<Line> ready_;
  std::size_t next_ = 0;
  std::int64_t answered_ = 0;
  bool ended_ = false;
  std::optional<Error> failed_;
  std::exception_ptr fault_;  // why it ended, where the function did not end it
};

class Client {
 public:
  /// From the environment, unless options say otherwise. Throws std::invalid_argument for an address that is none.
  explicit Client(Options options = {}) : transport_(std::make_unique<detail::Transport>(std::move(options))) {}

  /// The client for another namespace of the same broker.
  Client In(const std::string& namespace_name) const {
    Options options = transport_->options();
    options.namespace_name = namespace_name;
    return Client(std::move(options));
  }

  /// Hands one notify over. Once it returns the notify is on the broker's disk.
  Accepted Submit(Notify notify) { return Send<Accepted>(Keyed({"POST", "/notifies"}, notify)); }

  /// Hands one notify over and waits up to 60 s until it is settled, whatever the state. Where it is not by then, only what an Accepted has is
  /// filled.
  WaitedView SubmitAndWait(Notify notify, Millis wait) {
    // One that was held before, and kept, may be another one by the next time.
    const auto over = [](const WaitedView& taken) { return IsSettled(taken.state) || taken.state == "removed" || taken.kept; };
    return SendAndWait<WaitedView>(Keyed(Waiting({"POST", "/notifies"}, wait), notify), over);
  }

  /// Hands 1 to 10,000 notifies over, all of them or none. The answers are in their order.
  std::vector<Accepted> SubmitBatch(std::vector<Notify> notifies) {
    detail::Call call{"POST", "/notifies"};
    return OfAll(Send<AcceptedBatch>(Keyed(std::move(call), notifies)).items, notifies.size());
  }

  /// Hands over what a function gives until it gives none, each notify accepted or refused by itself, in requests of Options::lines_per_request.
  /// Nothing is sent before Stream::Next. Where a connection breaks, what has no answer is sent again with the same keys.
  Stream SubmitStream(std::function<std::optional<Notify>()> next) { return Stream(transport_.get(), std::move(next)); }

  /// Makes what is held under the fkey due now, or when `with` says. With `remember`, where nothing is held nor was, the broker keeps the trigger for
  /// so long, for the next submit with that fkey.
  Triggered Trigger(const std::string& fkey, const std::optional<notifyd::Trigger>& with = {}, Millis remember = Millis(0)) {
    detail::Call call{"POST", "/fkeys/" + detail::Segment(fkey) + "/trigger"};
    call.repeatable = true;
    if (with) call.body = detail::Written(*with);
    if (remember.count() > 0) call.query.emplace_back("remember_ms", std::to_string(remember.count()));
    return Send<Triggered>(call);
  }

  /// Looks at a notify; at the one that is held under an fkey, or was triggered by it.
  View Get(const std::string& id) { return Look({"GET", "/notifies/" + detail::Segment(id)}); }
  View GetFkey(const std::string& fkey) { return Look({"GET", "/fkeys/" + detail::Segment(fkey)}); }

  /// Looks at a notify until it is settled, and for so long at most: IsSettled says which of the two it was.
  View Wait(const std::string& id, Millis wait) {
    return Waited<View>("/notifies/" + detail::Segment(id), wait, ViewOf, [](const View& view) { return IsSettled(view.state); });
  }

  /// What is kept of the answer that ended a notify (Notify::keep_response_bytes).
  KeptResponse Response(const std::string& id) { return Read<KeptResponse>("/notifies/" + detail::Segment(id) + "/response"); }

  /// Why a notify is where it is, and when it can be sent.
  Explained Explain(const std::string& id) { return Read<Explained>("/notifies/" + detail::Segment(id) + "/explain"); }

  /// Notifies, newest first.
  Pages<ListedNotify> List(const Filters& filters = {}) {
    detail::Query query;
    const Json fields = static_cast<const Filter&>(filters);
    for (const auto& [name, field] : fields.items()) {
      if (!field.is_array()) {
        query.emplace_back(name, field.is_string() ? field.get<std::string>() : field.dump());
      } else if (name == "label") {
        for (const std::string label : field) query.emplace_back(name, label);
      } else {
        std::string several;
        for (const std::string one : field) several += (several.empty() ? "" : ",") + one;
        query.emplace_back(name, several);
      }
    }
    if (!filters.order.empty()) query.emplace_back("order", filters.order);
    return {transport_.get(), "/notifies", std::move(query), filters.limit};
  }

  /// Gives a notify other fields, as long as it is neither settled nor in flight. What the patch leaves out stays as it is; what its `null` names
  /// goes back to its default. With an etag (View::etag) it is refused where somebody else changed the notify meanwhile (Kind::kPreconditionFailed).
  View Change(const std::string& id, const NotifyPatch& patch, const std::string& etag = {}) {
    detail::Call call{"PATCH", "/notifies/" + detail::Segment(id)};
    call.body = detail::Written(patch);
    call.content_type = kMergePatch;
    call.if_match = Condition(etag);
    call.repeatable = etag.empty();  // with one a repeat would be refused where the first one held
    return Seen(call);
  }

  /// Ends a notify that is not settled (`etag` as of Change); what is held under an fkey, or the trigger that is remembered for it (then the View has
  /// no id).
  View Cancel(const std::string& id, const std::string& etag = {}) {
    detail::Call call{"DELETE", "/notifies/" + detail::Segment(id)};
    call.if_match = Condition(etag);
    return Seen(call);
  }
  View CancelFkey(const std::string& fkey) { return Seen({"DELETE", "/fkeys/" + detail::Segment(fkey)}); }

  /// Sends a notify again now: a settled one starts over. `paused`: also where its lane is paused, one attempt. `etag` as of Change.
  IdAndState Retry(const std::string& id, bool paused = false, const std::string& etag = {}) {
    detail::Call call{"POST", "/notifies/" + detail::Segment(id) + "/retry"};
    call.if_match = Condition(etag);
    if (paused) call.query.emplace_back("paused", "true");
    return Send<IdAndState>(call);
  }

  /// Retries, cancels, or removes (settled ones) all that match Bulk::filter, or with dry_run counts them, at most `limit` a request, each done as a
  /// whole. How many.
  std::int64_t RetryMatching(Bulk which) { return Matching("/notifies/retry", std::move(which)); }
  std::int64_t CancelMatching(Bulk which) { return Matching("/notifies/cancel", std::move(which)); }
  std::int64_t PurgeMatching(Bulk which) { return Matching("/notifies/purge", std::move(which)); }

  /// Lanes that have pending notifies or settings, by name; `limit` of a page, 0: 100.
  Pages<notifyd::Lane> Lanes(const std::string& prefix = {}, std::int64_t limit = 0) {
    detail::Query query;
    if (!prefix.empty()) query.emplace_back("prefix", prefix);
    return {transport_.get(), "/lanes", std::move(query), limit};
  }
  notifyd::Lane Lane(const Mode& mode, const std::string& name) { return Read<notifyd::Lane>(LanePath(mode, name)); }

  /// Changes how a lane sends. What the patch leaves out stays as it is; what its `null` names goes back to its default.
  notifyd::Lane ChangeLane(const Mode& mode, const std::string& name, const LanePatch& patch) {
    detail::Call call{"PATCH", LanePath(mode, name)};
    call.body = detail::Written(patch);
    call.content_type = kMergePatch;
    call.repeatable = true;
    return Send<notifyd::Lane>(call);
  }
  notifyd::Lane PauseLane(const Mode& mode, const std::string& name) { return Paused(mode, name, true); }
  notifyd::Lane ResumeLane(const Mode& mode, const std::string& name) { return Paused(mode, name, false); }

  /// Publishes an event to a topic. Once it returns the event is on the broker's disk.
  PublishedEvent Publish(const std::string& topic, NewEvent event) {
    detail::Call call{"POST", "/topics/" + detail::Segment(topic) + "/publish"};
    return Send<PublishedEvent>(Keyed(std::move(call), event));
  }

  /// Publishes 1 to 10,000 events, each to the topic that it names, all of them or none. The answers are in their order.
  std::vector<PublishedEvent> PublishBatch(std::vector<NewTopicEvent> events) {
    detail::Call call{"POST", "/publish"};
    return OfAll(Send<PublishedBatch>(Keyed(std::move(call), events)).items, events.size());
  }

  /// Hands 1 to 1,000 notifies over that are watched and told of together, and waits up to 60 s until all are settled.
  notifyd::Group MakeGroup(NewGroup group, Millis wait = Millis(0)) {
    const auto over = [](const notifyd::Group& taken) { return taken.state != "pending"; };
    return SendAndWait<notifyd::Group>(Keyed(Waiting({"POST", "/groups"}, wait), group), over);
  }

  /// Looks at a group until all of it is settled, and for so long at most.
  notifyd::Group Group(const std::string& id, Millis wait = Millis(0)) {
    const auto read = [](const detail::Answer& answer) { return detail::As<notifyd::Group>(answer); };
    return Waited<notifyd::Group>("/groups/" + detail::Segment(id), wait, read, [](const notifyd::Group& group) { return group.state != "pending"; });
  }

  /// Groups, newest first; `limit` of a page, 0: 100.
  Pages<GroupRow> Groups(std::int64_t limit = 0) { return {transport_.get(), "/groups", {}, limit}; }

  /// Cancels those of a group's notifies that wait.
  notifyd::Group CancelGroup(const std::string& id) { return Send<notifyd::Group>({"DELETE", "/groups/" + detail::Segment(id)}); }

  /// Asks for anything of the API that has no method here, and gives the answer, null where that is empty. The path begins with /v1/ and is
  /// percent-encoded. What is not GET, HEAD or PUT is sent again only where it certainly was not done.
  Json Request(const std::string& method, const std::string& path, std::vector<std::pair<std::string, std::string>> query = {},
               const std::optional<Json>& json = {}) {
    detail::CheckTarget(method, path);
    detail::Call call{method, path.substr(3), std::move(query)};
    call.repeatable = method == "GET" || method == "HEAD" || method == "PUT";
    if (method == "PATCH") call.content_type = kMergePatch;
    if (json) call.body = detail::Written(*json);
    const detail::Answer answer = transport_->Send(call);
    if (answer.body.empty()) return nullptr;
    Json out = Json::parse(answer.body, nullptr, false);
    if (out.is_discarded()) throw Error(Kind::kBadAnswer, answer.status, "bad_answer: it is not JSON");
    return out;
  }

 private:
  static constexpr const char* kMergePatch = "application/merge-patch+json";
  static constexpr Millis kMostWait{60000};  // that the broker waits in one request

  template <class T>
  T Send(const detail::Call& call) {
    return detail::As<T>(transport_->Send(call), call.needs);
  }

  template <class T>
  T Read(std::string path) {
    detail::Call call{"GET", std::move(path)};
    call.repeatable = true;
    return Send<T>(call);
  }

  View Look(detail::Call call) {
    call.repeatable = true;
    return Seen(call);
  }

  /// For a header.
  static const std::string& Condition(const std::string& etag) {
    if (!detail::IsVisible(etag, true)) throw std::invalid_argument("notifyd: the etag holds what a header cannot");
    return etag;
  }

  View Seen(const detail::Call& call) { return ViewOf(transport_->Send(call)); }

  static View ViewOf(const detail::Answer& answer) {
    View view = detail::As<View>(answer);
    view.etag = answer.etag;
    return view;
  }

  /// Looks in slices until it is over with what is read of an answer, or so long has passed. A broker that stops or restarts answers earlier: it is
  /// asked again.
  template <class T, class Read, class Over>
  T Waited(const std::string& path, Millis wait, Read read, Over over) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point end = Clock::now() + wait;
    for (int failed = 0, early = 0;; wait = std::max(Millis(0), std::chrono::duration_cast<Millis>(end - Clock::now()))) {
      detail::Call call = Waiting({"GET", path}, std::min(wait, kMostWait));
      call.repeatable = true;
      const Clock::time_point slice_end = Clock::now() + call.wait;
      try {
        T seen = read(transport_->SendOnce(call));
        const Clock::time_point now = Clock::now();
        if (over(seen) || now >= end) return seen;
        failed = 0;
        early = now < slice_end ? early + 1 : 0;
        if (early > 0) transport_->Sleep(std::min(transport_->WaitAfter(early), std::chrono::ceil<Millis>(end - now)));
      } catch (Error& error) {
        if (!transport_->Again(call, error, ++failed)) throw;
      }
    }
  }

  /// As Send, once it is over with what is read of the answer, or the call's wait has passed. A broker that stops or restarts answers earlier: what
  /// has a key is asked again. By then it was taken, which is told whatever comes of that.
  template <class T, class Over>
  T SendAndWait(detail::Call call, Over over) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point end = Clock::now() + call.wait;
    T taken = Send<T>(call);
    for (int early = 1; call.repeatable && call.wait.count() > 0 && !over(taken); ++early) {
      const Millis left = std::chrono::ceil<Millis>(end - Clock::now());
      if (left.count() > 0) transport_->Sleep(std::min(transport_->WaitAfter(early), left));
      const Millis wait = std::chrono::duration_cast<Millis>(end - Clock::now());
      if (wait.count() <= 0) break;
      call.query.clear();
      call = Waiting(std::move(call), wait);
      try {
        taken = Send<T>(call);
      } catch (const Error&) {
        break;
      }
    }
    return taken;
  }

  static detail::Call Waiting(detail::Call call, Millis wait) {
    if (wait.count() > 0) call.query.emplace_back("wait_ms", std::to_string(wait.count()));
    call.wait = wait;
    return call;
  }

  /// Gives what is submitted its key, or each of several, and writes it into the call.
  template <class T>
  detail::Call Keyed(detail::Call call, T& what) {
    what.idempotency_key = transport_->Key(what.idempotency_key);
    call.repeatable = !what.idempotency_key.empty();
    call.needs = "id";  // whatever answers without one took nothing
    call.body = detail::Written(what);
    return call;
  }
  template <class T>
  detail::Call Keyed(detail::Call call, std::vector<T>& several) {
    call.repeatable = true;
    call.needs = "items";
    for (T& what : several) {
      what.idempotency_key = transport_->Key(what.idempotency_key);
      call.repeatable = call.repeatable && !what.idempotency_key.empty();
    }
    call.body = detail::Written(several);
    return call;
  }

  /// The items of a batch's answer, which must be so many, each taken.
  template <class T>
  static std::vector<T> OfAll(std::vector<T> items, std::size_t count) {
    bool whole = items.size() == count;
    for (const T& item : items) whole = whole && !item.id.empty();
    if (!whole) throw Error(Kind::kBadAnswer, 0, "bad_answer: it has not an id for each");
    return items;
  }

  std::int64_t Matching(const std::string& path, Bulk which) {
    for (std::int64_t count = 0;;) {
      detail::Call call{"POST", path};
      call.body = detail::Written(which);
      call.needs = "count";
      const auto done = Send<BulkDone>(call);
      count += done.count;
      if (done.next.empty()) return count;
      which.cursor = done.next;
    }
  }

  static std::string LanePath(const Mode& mode, const std::string& name) { return "/lanes/" + detail::Segment(mode) + "/" + detail::Segment(name); }

  notifyd::Lane Paused(const Mode& mode, const std::string& name, bool paused) {
    LanePatch patch;
    patch.paused = paused;
    return ChangeLane(mode, name, patch);
  }

  std::unique_ptr<detail::Transport> transport_;
};

}  // namespace notifyd
