// I1: what is kept is the newest of what was seen so far, `limit` of them and kListPageBytes at most, so that memory goes with the page, not with the
//     number of namespaces.
// I2: a namespace is asked for page after page until it has no more, or only older ones than those that are kept.
#include "net/api/list_of_all.h"

#include <algorithm>
#include <utility>

#include "broker/places.h"
#include "net/api/demand.h"
#include "net/api/fields.h"
#include "net/api/guard.h"
#include "net/api/list_query.h"
#include "net/api/problem.h"
#include "net/api/request_tools.h"
#include "net/api/stats.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

/// A notify's place in the list.
struct Rank {
  WallTime created_at;
  NotifyId id;
  auto operator<=>(const Rank&) const = default;
};

std::string CursorOf(const Rank& place) {
  return std::to_string(place.created_at.ms) + "-" + place.id.ToString();
}

std::optional<Rank> ParseCursor(std::string_view text) {
  const size_t dash = text.find('-', 1);
  if (dash == std::string_view::npos) return std::nullopt;
  const std::optional<int64_t> ms = ParseInteger(text.substr(0, dash));
  const std::optional<NotifyId> id = NotifyId::Parse(text.substr(dash + 1));
  return ms && id ? std::optional(Rank{WallTime{*ms}, *id}) : std::nullopt;
}

/// What a row takes that is not names and defaults.
size_t ListedBytes(const NotifyView& view) {
  size_t bytes = view.record->spec->size();
  if (const auto& labels = view.record->envelope->labels)
    for (const auto& [key, value] : *labels) bytes += key.size() + value.size();
  return bytes;
}

class ListOfAllSteps : public Steps {
 public:
  ListOfAllSteps(RequestId id, ListQuery query, std::optional<Rank> below, const Asker& asker, std::shared_ptr<RequestTools> tools)
      : id_(id), query_(std::move(query)), below_(below), sight_(SightOf(asker)), spaces_(asker.table->AllNamespaces()), tools_(std::move(tools)) {
    // The filter goes by whole milliseconds: those of the cursor's own are looked at one by one.
    if (below_ && (!query_.created_before || query_.created_before->ms > below_->created_at.ms + 1))
      query_.created_before = WallTime{below_->created_at.ms + 1};
  }

  NextStep First() override { return AskNext(); }

  bool BeginsAnew() const override { return !answered_; }

  NextStep Next(ReplyBody reply) override {
    answered_ = true;
    if (Listed* listed = std::get_if<Listed>(&reply)) {
      for (NotifyView& view : listed->items) Keep(std::move(view));
      const bool older = !listed->items.empty() && dropped_ && last_seen_ < RankOf(kept_.back().view);
      query_.below = older ? NotifyId{} : listed->next;
      if (query_.below.value == 0) ++at_;
      return AskNext();
    }
    // One that was removed meanwhile has nothing to show.
    const Refused* refused = std::get_if<Refused>(&reply);
    if (!refused || refused->status.code() != Code::kNotFound) return tools_->replies.Render(reply);
    query_.below = {};
    ++at_;
    return AskNext();
  }

 private:
  static Rank RankOf(const NotifyView& view) { return {view.record->created_at, view.record->id}; }
  void Keep(NotifyView view) {
    last_seen_ = RankOf(view);
    if (below_ && !(last_seen_ < *below_)) return;
    if (dropped_ && last_seen_ < RankOf(kept_.back().view)) return;
    auto newer = [](const Rank& place, const Replies::OfSpace& item) { return RankOf(item.view) < place; };
    kept_bytes_ += ListedBytes(view);
    kept_.insert(std::upper_bound(kept_.begin(), kept_.end(), last_seen_, newer), {std::move(view), spaces_[at_]->name});
    while (kept_.size() > query_.limit || (kept_.size() > 1 && kept_bytes_ > kListPageBytes)) {
      kept_bytes_ -= ListedBytes(kept_.back().view);
      kept_.pop_back();
      dropped_ = true;
    }
  }

  bool IsPassedOver(NamespaceNumber number) const {
    // Another member of the cluster is asked for what it serves.
    const Places* places = tools_->options->places;
    if (places && places->Of(number).kind != Place::Kind::kHere) return true;
    // One that sleeps is not woken to hear that it has nothing.
    const NamespaceBoard* board = tools_->options->board;
    if (!board) return false;
    const NamespaceFigures figures = board->Figures(number);
    return !figures.awake && figures.totals.accepted == 0;
  }

  NextStep AskNext() {
    while (at_ < spaces_.size() && IsPassedOver(spaces_[at_]->number)) ++at_;
    if (at_ < spaces_.size()) return ToNamespace{spaces_[at_]->number, ListRequest{id_, query_}};
    std::optional<std::string> next;
    if (dropped_) next = CursorOf(RankOf(kept_.back().view));
    return tools_->replies.RenderList(kept_, next, sight_);
  }

  const RequestId id_;
  ListQuery query_;
  const std::optional<Rank> below_;
  const Sight sight_;
  const std::vector<std::shared_ptr<const NamespaceRow>> spaces_;
  const std::shared_ptr<RequestTools> tools_;
  size_t at_ = 0;
  bool answered_ = false;               // one of them
  std::vector<Replies::OfSpace> kept_;  // newest first
  size_t kept_bytes_ = 0;
  bool dropped_ = false;  // there are others, all of them older than those
  Rank last_seen_;
};

}  // namespace

bool AsksForAll(const QueryParameters& query) {
  return std::any_of(query.begin(), query.end(), [](const auto& parameter) { return parameter.first == "namespaces" && parameter.second == "all"; });
}

Result<Asked> ReadListOfAll(const Asking& asking) {
  if (asking.route.space) return Status(Code::kUnacceptable, "namespaces=all goes without a namespace in front of the path", "/namespaces");
  QueryParameters others;
  std::optional<Rank> below;
  for (const auto& parameter : asking.query) {
    if (parameter.first != "cursor") {
      others.push_back(parameter);
    } else if (!(below = ParseCursor(parameter.second))) {
      return Status(Code::kUnacceptable, "cursor must be what a list over all namespaces gave as next", "/cursor");
    }
  }
  Result<ListQuery> list = ParseListQuery(others);
  if (!list.ok()) return std::move(list).status();
  if (list->oldest_first || list->by_due) return Status(Code::kUnacceptable, "a list over all namespaces goes from the newest on", "/order");
  NOTIFYD_TRY(CheckFilter(asking.asker, *list, ""));
  list->show_bytes = kListPageBytes;
  return Asked(std::make_unique<ListOfAllSteps>(asking.id, *std::move(list), below, asking.asker, asking.tools));
}

Result<Asked> ReadStatsOfAll(const Asking& asking) {
  if (asking.route.space) return Status(Code::kUnacceptable, "namespaces=all goes without a namespace in front of the path", "/namespaces");
  const ApiOptions& options = *asking.tools->options;
  const NamespaceFigures sum = options.board ? options.board->Sum() : NamespaceFigures();
  const ProcessStats process = options.process ? options.process() : ProcessStats();
  return Asked(JsonResponse(200, RenderStatsOfAll(asking.asker.table->namespaces(), sum, process, options.version)));
}

}  // namespace notifyd
