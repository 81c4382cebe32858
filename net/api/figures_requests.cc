#include "net/api/figures_requests.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "broker/history_records.h"
#include "broker/places.h"
#include "net/api/fields.h"
#include "net/api/figures_json.h"
#include "net/api/list_query.h"
#include "net/api/live.h"
#include "net/api/request_tools.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

constexpr int64_t kDueAheadMs = 2 * 24 * 3'600'000LL;

FiguresRequest Ask(RequestId id, FiguresAsk ask) {
  return {id, std::make_shared<const FiguresAsk>(std::move(ask))};
}

/// The core's answer to a FiguresRequest; null where it refused.
template <class Answer>
const Answer* AnswerIn(const ReplyBody& reply) {
  const FiguresAnswered* answered = std::get_if<FiguresAnswered>(&reply);
  return answered ? std::get_if<Answer>(&answered->answer->what) : nullptr;
}

/// Asks the namespace, then `system` for what is of the process; each where a series needs it.
class HistorySteps : public Steps {
 public:
  HistorySteps(RequestId id, std::vector<const Series*> series, HistoryAsk ask, std::shared_ptr<RequestTools> tools)
      : id_(id), series_(std::move(series)), ask_(std::move(ask)), tools_(std::move(tools)) {}

  NextStep First() override { return Needs(/*process=*/false) ? NextStep(Event(Ask(id_, {ask_}))) : AskProcess(); }

  NextStep Next(ReplyBody reply) override {
    const HistoryView* view = AnswerIn<HistoryView>(reply);
    if (!view) return tools_->replies.Render(reply);
    const bool of_process = view->asked.of == HistoryOf::kProcess;
    (of_process ? process_ : own_) = *view;
    if (!of_process && Needs(/*process=*/true)) return AskProcess();
    return HistoryResponse(series_, own_ ? &*own_ : nullptr, process_ ? &*process_ : nullptr);
  }

 private:
  bool Needs(bool process) const {
    return std::any_of(series_.begin(), series_.end(), [&](const Series* one) { return (one->kind == Series::Kind::kProcess) == process; });
  }
  NextStep AskProcess() {
    HistoryAsk ask = ask_;
    ask.of = HistoryOf::kProcess;
    ask.host.clear();
    return ToNamespace{kSystemNumber, Ask(id_, {std::move(ask)})};
  }

  const RequestId id_;
  const std::vector<const Series*> series_;
  const HistoryAsk ask_;
  const std::shared_ptr<RequestTools> tools_;
  std::optional<HistoryView> own_, process_;
};

class DueSteps : public Steps {
 public:
  DueSteps(RequestId id, DueAsk ask, int64_t step_ms, std::shared_ptr<RequestTools> tools)
      : id_(id), ask_(ask), step_ms_(step_ms), tools_(std::move(tools)) {}
  NextStep First() override { return Event(Ask(id_, {ask_})); }
  NextStep Next(ReplyBody reply) override {
    const DueView* view = AnswerIn<DueView>(reply);
    return view ? DueResponse(*view, step_ms_) : tools_->replies.Render(reply);
  }

 private:
  const RequestId id_;
  const DueAsk ask_;
  const int64_t step_ms_;
  const std::shared_ptr<RequestTools> tools_;
};

bool IsOfProcess(const Series* one) {
  return one->kind == Series::Kind::kProcess;
}

/// Those that are named; where none is, all that there are of a namespace or host.
Result<std::vector<const Series*>> SeriesOf(const HistoryQuery& query, const Asker& asker) {
  std::vector<const Series*> series;
  for (const std::string& name : query.series) {
    const Series* found = FindSeries(name);
    if (!found) {
      std::string all;
      for (const Series& one : AllSeries()) all.append(all.empty() ? "" : ", ").append(one.name);
      return Status(Code::kUnacceptable, Quoted(name) + " is no series; there are " + all, "/series");
    }
    if (found->kind == Series::Kind::kProcess && !SightOf(asker).process)
      return Status(Code::kForbidden, name + " is of the whole process: it is for those alone who administer all namespaces", "/series");
    if (query.host && !found->of_hosts()) return Status(Code::kUnacceptable, "there is no " + name + " of a host", "/series");
    if (std::find(series.begin(), series.end(), found) == series.end()) series.push_back(found);
  }
  if (!series.empty()) return series;
  for (const Series& one : AllSeries())
    if (one.kind != Series::Kind::kProcess && (!query.host || one.of_hosts())) series.push_back(&one);
  return series;
}

}  // namespace

Result<Asked> ReadHistory(const Asking& asking) {
  Result<HistoryQuery> query = ParseHistoryQuery(asking.query);
  if (!query.ok()) return std::move(query).status();
  Result<std::vector<const Series*>> series = SeriesOf(*query, asking.asker);
  if (!series.ok()) return std::move(series).status();
  const Places* places = asking.tools->options->places;
  if (places && places->Of(kSystemNumber).kind != Place::Kind::kHere && std::any_of(series->begin(), series->end(), IsOfProcess) &&
      !std::all_of(series->begin(), series->end(), IsOfProcess))
    return Status(Code::kUnacceptable, "what is of a process is kept by the member of the cluster that leads: ask for it apart from the rest",
                  "/series");
  const int64_t step_ms = MillisOf(query->step);
  HistoryAsk ask;
  ask.step = query->step;
  if (query->host) {
    ask.of = HistoryOf::kHosts;
    ask.host = *query->host;
  }
  // Whole spans, those included in which the ends lie.
  const WallTime to = query->to.value_or(asking.tools->options->wall());
  ask.to = {BeginOf(step_ms, {to.ms - 1}) + step_ms};
  ask.from = {query->from ? BeginOf(step_ms, *query->from) : ask.to.ms - KeptMs(query->step)};
  if (ask.from >= ask.to) return Status(Code::kUnacceptable, "from must lie before to", "/from");
  if (ask.to.ms - ask.from.ms > kMostPoints * step_ms)
    return Status(Code::kUnacceptable, "that is more than " + std::to_string(kMostPoints) + " points: ask for less time, or for step=900000",
                  "/from");
  return Asked(std::make_unique<HistorySteps>(asking.id, *std::move(series), std::move(ask), asking.tools));
}

Result<Asked> ReadDue(const Asking& asking) {
  Result<int64_t> step_ms = ParseDueStep(asking.query);
  if (!step_ms.ok()) return std::move(step_ms).status();
  const int64_t from_ms = BeginOf(kDueMinuteMs, asking.tools->options->wall());
  // Whole steps.
  const int64_t steps = (kDueAheadMs + *step_ms - 1) / *step_ms;
  return Asked(std::make_unique<DueSteps>(asking.id, DueAsk{{from_ms}, {from_ms + steps * *step_ms}}, *step_ms, asking.tools));
}

Result<Asked> ReadLive(const Asking& asking) {
  if (asking.request->method == "HEAD") {
    HttpResponse head;
    head.content_type = kEventStream;
    return Asked(std::move(head));
  }
  return Asked(Listening{asking.asker});
}

bool AsksForProcessAlone(const QueryParameters& query) {
  Result<HistoryQuery> asked = ParseHistoryQuery(query);
  if (!asked.ok() || asked->series.empty()) return false;
  return std::all_of(asked->series.begin(), asked->series.end(), [](const std::string& name) {
    const Series* found = FindSeries(name);
    return found && IsOfProcess(found);
  });
}

HttpDemand DemandOfHistory(const Route&, size_t, const ApiOptions&) {
  // A number has some ten digits.
  return {.answer_bytes = AllSeries().size() * static_cast<size_t>(kMostPoints) * 12, .waits = true};
}

}  // namespace notifyd
