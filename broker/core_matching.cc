// Who wants an event: subscriptions whose pattern may take its topic are judged in their order, so many steps a turn; what is not judged by then is
// in a later one, with what others ask for between. See core_topics.h.
#include <algorithm>
#include <utility>

#include "broker/core_services.h"
#include "broker/core_topics.h"
#include "broker/envelope_bytes.h"
#include "broker/flow.h"

namespace notifyd {
namespace {

/// Of those that ask in one turn, and of what goes on: some 5 ms each. 10,000 subscriptions with small filters take about 60,000.
constexpr int64_t kStepsATurn = 250'000;
/// What comes late in a turn has so many all the same, so that nobody's small event waits because of another's large one.
constexpr int64_t kLeastToAsk = 10'000, kLeastOfAgenda = 4'000;
/// So many bytes of data are gone through in a step, by what makes something of them.
constexpr size_t kFilterBytesAStep = 32;
/// So many bytes of a pattern are compared with a topic in a step, and so many subscriptions are found by one.
constexpr size_t kPatternBytesAStep = 2, kFoundAStep = 8;
/// What memory keeps at most of events that were judged and have not begun.
constexpr size_t kMostHandedOver = 1'000'000;

}  // namespace

int64_t Core::Impl::TopicPart::StepsToAsk() const {
  return std::max(kStepsATurn - asked_steps_, kLeastToAsk);
}

int64_t Core::Impl::TopicPart::StepsOfAgenda() const {
  return std::max(kStepsATurn - agenda_steps_, kLeastOfAgenda);
}

const JsonTree* Core::Impl::TopicPart::Hand::Data() {
  if (!parsed && event->payload_kind == PayloadKind::kData)
    if (Result<JsonTree> tree = JsonTree::Parse(event->payload); tree.ok()) data = std::move(*tree);
  parsed = true;
  return data ? &*data : nullptr;
}

bool Core::Impl::TopicPart::Hand::IsOf(std::string_view pattern, int64_t* steps) {
  if (!words) words = std::make_shared<const TopicWords>(event->topic);
  *steps -= static_cast<int64_t>(1 + pattern.size() / kPatternBytesAStep);
  return words->Match(pattern);
}

/// Does what is known of the subscription leave the event to whoever asks?
bool Core::Impl::TopicPart::MayGet(const Known& known, NotifyId event, FanOutKind kind) {
  const SubscriptionRecord& record = known.record;
  if (!record.said->enabled) return false;
  if (kind == FanOutKind::kLive) return !record.catching_up && record.live_after < event;
  // One that was held when its catch-up came by was left to this.
  if (kind == FanOutKind::kHeld) return !record.catching_up || record.live_after >= event;
  return true;
}

/// Returns nothing where it takes more steps: then it goes on with the same `hand` and `judging`.
std::optional<bool> Core::Impl::TopicPart::Wants(const Known& known, Hand* hand, int64_t* steps, Judging* judging) const {
  --*steps;
  if (!known.record.said->enabled) return false;
  if (!known.filter) return true;
  if (judging->filter && !judging->filter->IsSame(*known.filter)) *judging = {};
  const JsonTree* data = hand->Data();
  std::optional<JsonTree::Value> root;
  if (data) root = data->root();
  const Labels& labels = hand->event->labels;
  const bool raw = !data && hand->event->payload_kind != PayloadKind::kNone;
  const EventFilter::Subject subject{root ? &*root : nullptr, labels.empty() ? nullptr : &labels, hand->event->key, hand->event->topic, raw};
  const std::optional<bool> wants = known.filter->Matches(subject, steps, &judging->pause);
  if (!wants) judging->filter = *known.filter;
  else if (judging->filter) *judging = {};
  return wants;
}

bool Core::Impl::TopicPart::Match(Hand* hand, FanOutKind kind, size_t most, int64_t* steps, Matching* matching) {
  if (matching->done) return true;
  if (matching->serials.empty() || matching->version != version_) {
    index_.Find(hand->event->topic, &matching->serials);
    *steps -= static_cast<int64_t>(matching->serials.size() / kFoundAStep);
    if (guards_.any()) {
      const JsonTree* data = hand->Data();
      const std::optional<JsonTree::Value> root = data ? std::optional(data->root()) : std::nullopt;
      guards_.Narrow(root ? &*root : nullptr, &matching->serials, steps);
    }
    matching->version = version_;
    matching->next =
        static_cast<size_t>(std::upper_bound(matching->serials.begin(), matching->serials.end(), matching->judged) - matching->serials.begin());
  }
  for (; matching->next < matching->serials.size(); ++matching->next) {
    if (*steps <= 0 || matching->wants.size() - matching->made >= most) return false;
    const uint64_t serial = matching->serials[matching->next];
    const Known& known = *by_serial_.at(serial);
    if (!MayGet(known, hand->id, kind)) {
      --*steps;
    } else if (known.told || hand->IsOf(known.record.said->topic, steps)) {
      const std::optional<bool> wants = Wants(known, hand, steps, &matching->judging);
      if (!wants) return false;
      if (*wants) matching->wants.push_back(serial);
    }
    matching->judged = serial;
  }
  matching->done = true;
  matching->serials = {};
  return true;
}

Core::Impl::TopicPart::Weight Core::Impl::TopicPart::MayStillGet(const Hand& hand, FanOutKind kind, const Matching& matching) const {
  std::vector<uint64_t> serials;
  for (size_t i = matching.next; i < matching.serials.size(); ++i)
    if (MayGet(*by_serial_.at(matching.serials[i]), hand.id, kind)) serials.push_back(matching.serials[i]);
  return WeightOf(hand, serials);
}

std::optional<std::vector<std::string>> Core::Impl::TopicPart::InstancesOf(const Known& known) const {
  const Subscription& said = *known.record.said;
  const FlowFields* flow = said.envelope->flow.get();
  if (!said.each_instance || (flow && !flow->instance.empty())) return std::nullopt;
  return core_.services_->AliveOf(ServiceOf(said.envelope->host), flow ? std::string_view(flow->pool) : std::string_view());
}

int64_t Core::Impl::TopicPart::StepsToMake(const Known& known, const Hand& hand) {
  const bool looks = known.transform || (known.spec.order_by && *known.spec.order_by != "key");
  return 1 + (looks ? static_cast<int64_t>(hand.event->payload.size() / kFilterBytesAStep) : 0);
}

Core::Impl::TopicPart::Weight Core::Impl::TopicPart::WeightOf(const Hand& hand, const std::vector<uint64_t>& wants, size_t from) const {
  Weight weight;
  for (size_t i = from; i < wants.size(); ++i) {
    auto found = by_serial_.find(wants[i]);
    if (found == by_serial_.end()) {
      ++weight.count;  // it went since, and nobody has passed it yet
      continue;
    }
    const Known& known = *found->second;
    const std::optional<std::vector<std::string>> instances = InstancesOf(known);
    const uint64_t count = instances ? instances->size() : 1;
    const Subscription& said = *known.record.said;
    weight.count += count;
    weight.bytes += count * (kRecordBytes + said.spec->size() + SizeOfEnvelope(*said.envelope) +
                             (said.envelope->flow ? said.envelope->flow->keep_response_bytes : 0));
    weight.steps += static_cast<int64_t>(count) * StepsToMake(known, hand);
  }
  return weight;
}

void Core::Impl::TopicPart::HandOver(uint64_t serial, Matching matching) {
  // Its data is parsed again: memory keeps none for those that wait.
  matching.hand.reset();
  matching.judging = {};
  matching.serials = {};
  if (handed_over_ + matching.wants.size() > kMostHandedOver || matchings_.size() > kMostHandedOver / 100) return;
  handed_over_ += matching.wants.size();
  matchings_.emplace(serial, std::move(matching));
}

}  // namespace notifyd
