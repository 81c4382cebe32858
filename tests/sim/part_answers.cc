// Answers that are kept (contract section 13, "Results", "Submit and wait"). What receivers answered stands in a list of its own; what is fetched,
// waited for, and on the disk in the end is held against that.
#include <map>
#include <set>

#include "broker/flow.h"
#include "broker/response_records.h"
#include "sim/flow_part.h"

namespace notifyd::sim {
namespace {

constexpr const char* kHost = "answers.test:80";

class AnswersPart : public FlowPart {
 public:
  using FlowPart::FlowPart;

  void Begin() override {
    for (int64_t n = Between(3, 12); n > 0; --n) Draw("answer" + std::to_string(n));
  }

  void OnStart(const StartAttempt& attempt, AttemptResult* result) override {
    if (attempt.envelope->host != kHost) return;
    if (attempt.capture_bytes < attempt.envelope->flow->keep_response_bytes)
      Violation(attempt.id.ToString() + " is to keep more of its answer than the attempt is asked for");
    if (attempt.envelope->flow->keep_response_bytes > 0 && attempt.capture_ms != kMonoNever.ms)
      Violation(attempt.id.ToString() + " is to keep its answer, and the attempt is not to wait for that");
    if (result->record.status == 0) return;
    std::string body = attempt.id.ToString() + "/" + std::to_string(attempt.number) + "/" + std::to_string(serial_++) + "/";
    body.resize(static_cast<size_t>(Between(static_cast<int64_t>(body.size()), 300)), 'x');
    auto response = std::make_shared<Response>();
    response->status = result->record.status;
    response->body = body.substr(0, attempt.capture_bytes);
    response->truncated = body.size() > attempt.capture_bytes;
    response->received_at = wall();
    result->response = std::move(response);
    answered_[attempt.id][attempt.number].insert(std::move(body));
  }

  void Spoil(WriteBatch* batch) override {
    const bool lost = world_.mutation == Mutation::kLostAnswer, overdue = world_.mutation == Mutation::kOverdueAnswer;
    if (!lost && !overdue) return;
    std::erase_if(batch->ops, [&](WriteOp& op) {
      auto* put = std::get_if<PutRecord>(&op);
      if (!put || put->key.kind != RecordKind::kResponse || !random_.Chance(0.3)) return false;
      if (overdue) {
        auto kept = std::make_shared<StoredRecord>(*put->record);
        kept->expires_at.ms += 3'600'000;
        put->record = std::move(kept);
      }
      return lost;
    });
  }

  void Check(const FakeImage& image) override {
    const CoreLimits limits;
    for (const auto& [name, id] : made_) {
      const NotifyRecord* record = image.Find(id);
      if (!record) return Violation(name + " was acknowledged, and is not there");
      auto found = image.records.find(ResponseKey(id));
      const bool kept = found != image.records.end();
      const bool ended_by_answer = !record->attempts.empty() && record->attempts.back().status != 0 && record->state.settled_at.ms > 0;
      const Phase phase = record->state.phase;
      if ((phase == Phase::kSucceeded || phase == Phase::kFailed) && ended_by_answer && !kept)
        return Violation("the answer to " + name + " is not kept");
      if (phase == Phase::kCancelled && kept) return Violation(name + " is cancelled, and has an answer");
      if (!kept) continue;
      ++world_.tally->answers;
      const int64_t kept_ms = phase == Phase::kSucceeded ? limits.retention_succeeded_ms : limits.retention_settled_ms;
      if (found->second.expires_at.ms != record->state.settled_at.ms + kept_ms) Violation("the answer to " + name + " is not kept for as long as it");
      Result<Response> response = DecodeResponse(found->second.value);
      if (!response.ok()) return Violation("the answer to " + name + " cannot be read");
      CheckAnswer(name, id, record->attempts.back().number, record->envelope->flow->keep_response_bytes, *response);
    }
  }

 private:
  void Draw(const std::string& name) {
    auto envelope = EnvelopeOf(kHost, random_.Chance(0.3) ? "answers-fifo" : "answers", Mode::kConcurrent, static_cast<uint32_t>(Between(1, 4)));
    if (envelope->lane.name == "answers-fifo") envelope->lane.mode = Mode::kFifo;
    auto flow = std::make_shared<FlowFields>();
    flow->keep_response_bytes = static_cast<uint32_t>(Between(1, 250));
    envelope->flow = std::move(flow);
    SubmitItem item;
    item.envelope = std::move(envelope);
    item.idempotency_key = name;
    item.fields = FingerprintOf(name);
    item.spec = SpecOf(std::string("http://") + kHost + "/" + name, name);
    if (random_.Chance(0.3)) item.when = {When::Kind::kDelay, Between(0, 1'500)};
    const int64_t wait_ms = random_.Chance(0.5) ? Between(1, 3'000) : 0;
    AskAt(
        Between(0, world_.busy_ms),
        [item, wait_ms](RequestId id) {
          return Event(SubmitRequest{id, {item}, false, false, wait_ms});
        },
        [this, name, wait_ms](const Reply& reply) { Submitted(name, wait_ms, reply); });
  }

  void Submitted(const std::string& name, int64_t wait_ms, const Reply& reply) {
    NotifyId id;
    if (wait_ms == 0) {
      const auto* submitted = Expect<notifyd::Submitted>(reply, "a submit");
      if (!submitted) return;
      id = submitted->items.at(0).id;
    } else {
      const auto* waited = Expect<Waited>(reply, "a submit that waits");
      if (!waited) return;
      id = waited->item.id;
      if (waited->view && waited->view->record->state.phase == Phase::kSucceeded && !waited->response)
        Violation(name + " has succeeded, and whoever waited for it gets no answer");
      if (waited->view && waited->response) {
        ++world_.tally->fetched;
        CheckAnswer(name, id, waited->view->record->attempts.back().number, 64 << 10, *waited->response);
      }
    }
    made_[name] = id;
    for (int64_t n = Between(0, 3); n > 0; --n) Fetch(name, id);
    if (random_.Chance(0.15))
      AskAt(
          t() + Between(0, 3'000),
          [id](RequestId request) {
            return Event(RetryRequest{request, id, ""});
          },
          [](const Reply&) {});
    if (random_.Chance(0.1))
      AskAt(
          t() + Between(0, 3'000),
          [id](RequestId request) {
            return Event(CancelRequest{request, id});
          },
          [](const Reply&) {});
  }

  void Fetch(const std::string& name, NotifyId id) {
    AskAt(
        t() + Between(0, 4'000),
        [id](RequestId request) {
          return Event(ResponseRequest{request, id});
        },
        [this, name, id](const Reply& reply) {
          if (const auto* refused = std::get_if<Refused>(&reply.body); refused && refused->status.code() == Code::kNotFound) return;  // not yet
          const auto* viewed = Expect<ResponseViewed>(reply, "a look at an answer");
          if (!viewed) return;
          ++world_.tally->fetched;
          if (viewed->id != id) return Violation("the answer to another is shown in place of that to " + name);
          CheckAnswer(name, id, 0, 64 << 10, *viewed->response);
        });
  }

  /// It is the beginning of what a receiver answered to that attempt (0: to any), of `most` bytes at most.
  void CheckAnswer(const std::string& name, NotifyId id, uint32_t number, size_t most, const Response& response) {
    if (response.body.size() > most) Violation("more is kept of the answer to " + name + " than was asked for");
    for (const auto& [attempt, bodies] : answered_[id])
      if (number == 0 || attempt == number)
        for (const std::string& body : bodies)
          if (body.starts_with(response.body) && response.truncated == (body.size() > response.body.size())) return;
    Violation("the answer to " + name + " is none that was given to it");
  }

  std::map<std::string, NotifyId> made_;
  std::map<NotifyId, std::map<uint32_t, std::set<std::string>>> answered_;  // by number of the attempt; several: it was repeated after a crash
  uint64_t serial_ = 0;
};

}  // namespace

std::unique_ptr<FlowPart> MakeAnswersPart(FlowWorld* world, uint64_t seed) {
  return std::make_unique<AnswersPart>(world, seed);
}

}  // namespace notifyd::sim
