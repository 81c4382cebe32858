#include "net/api/steps.h"

#include <optional>
#include <utility>

#include "base/check.h"
#include "broker/payload.h"
#include "broker/places.h"
#include "broker/spec.h"
#include "broker/topic_records.h"
#include "net/api/metrics.h"
#include "net/api/problem.h"
#include "net/api/render.h"
#include "net/api/stats.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

HttpResponse NotWhatWasRead() {
  return ProblemResponse(412, "the notify is not any more what If-Match says: read it again");
}
HttpResponse ChangedByOthers() {
  return ProblemResponse(Status(Code::kConflict, "the notify is being changed by others; try again"));
}

class ChangeSteps : public Steps {
 public:
  ChangeSteps(RequestId id, NotifyId notify, std::optional<IfMatch> if_match, std::string patch, std::shared_ptr<RequestTools> tools, Asker asker,
              bool heavy)
      : id_(id),
        notify_(notify),
        if_match_(std::move(if_match)),
        patch_(std::move(patch)),
        tools_(std::move(tools)),
        asker_(std::move(asker)),
        heavy_(heavy) {}

  NextStep First() override {
    reading_ = true;
    return Event(ChangeReadRequest{id_, notify_});
  }

  bool heavy() const override { return heavy_; }
  bool GoAside(const std::shared_ptr<RequestTools>& tools) override {
    tools_ = tools;
    return heavy_ = true;
  }

  NextStep Next(ReplyBody reply) override {
    if (std::holds_alternative<Stale>(reply)) {
      CHECK(!reading_);
      if (++tries_ == kMaxChangeTries) return ChangedByOthers();
      return First();
    }
    if (!reading_ || !std::holds_alternative<Viewed>(reply)) return tools_->replies.Render(reply, SightOf(asker_));
    return Change(std::get<Viewed>(reply));
  }

 private:
  NextStep Change(const Viewed& viewed) {
    const std::shared_ptr<const NotifyRecord>& base = viewed.view.record;
    if (if_match_ && !if_match_->Matches(ETagOf(*base))) return NotWhatWasRead();
    if (IsHeldEvent(*base->envelope))
      return ProblemResponse(
          Status(Code::kConflict, "it holds an event under its fkey, which cannot be changed: publish it again with on_held replace, or cancel it"));
    Result<ChangeRequest> change = tools_->change.Parse(patch_, base, tools_->options->wall(), &asker_);
    if (!change.ok()) return ProblemResponse(change.status());
    bool same = change->envelope == base->envelope && change->spec == base->spec && !change->when && !change->ttl;
    if (same) return tools_->replies.Render(viewed, SightOf(asker_));
    reading_ = false;
    change->request = id_;
    change->id = notify_;
    return Event(*std::move(change));
  }

  const RequestId id_;
  const NotifyId notify_;
  const std::optional<IfMatch> if_match_;
  const std::string patch_;
  std::shared_ptr<RequestTools> tools_;
  const Asker asker_;
  bool heavy_;
  bool reading_ = true;
  int tries_ = 0;
};

class MatchedSteps : public Steps {
 public:
  MatchedSteps(RequestId id, NotifyId notify, IfMatch if_match, ActOnBase act, std::shared_ptr<RequestTools> tools, Asker asker)
      : id_(id), notify_(notify), if_match_(std::move(if_match)), act_(std::move(act)), tools_(std::move(tools)), asker_(std::move(asker)) {}

  NextStep First() override {
    reading_ = true;
    return Event(ChangeReadRequest{id_, notify_, /*in_any_state=*/true});
  }

  bool GoAside(const std::shared_ptr<RequestTools>& tools) override {
    tools_ = tools;
    return true;
  }

  NextStep Next(ReplyBody reply) override {
    if (std::holds_alternative<Stale>(reply)) return ++tries_ == kMaxChangeTries ? NextStep(ChangedByOthers()) : First();
    const auto* viewed = std::get_if<Viewed>(&reply);
    if (!std::exchange(reading_, false) || !viewed) return tools_->replies.Render(reply, SightOf(asker_));
    const std::shared_ptr<const NotifyRecord>& read = viewed->view.record;
    return if_match_.Matches(ETagOf(*read)) ? NextStep(act_(read)) : NotWhatWasRead();
  }

 private:
  const RequestId id_;
  const NotifyId notify_;
  const IfMatch if_match_;
  const ActOnBase act_;
  std::shared_ptr<RequestTools> tools_;
  const Asker asker_;
  bool reading_ = true;
  int tries_ = 0;
};

class TriggerSteps : public Steps {
 public:
  TriggerSteps(TriggerRequest trigger, std::shared_ptr<RequestTools> tools, bool heavy)
      : trigger_(std::move(trigger)), tools_(std::move(tools)), heavy_(heavy) {}

  NextStep First() override { return Event(trigger_); }

  bool heavy() const override { return heavy_; }
  bool GoAside(const std::shared_ptr<RequestTools>& tools) override {
    tools_ = tools;
    return heavy_ = true;
  }

  NextStep Next(ReplyBody reply) override {
    const auto* unmerged = std::get_if<Unmerged>(&reply);
    if (!unmerged) return tools_->replies.Render(reply);
    // Not a conflict: to whoever retries what may be retried, the trigger must not look refused for good.
    if (++tries_ > kMaxChangeTries) return ProblemResponse(Status(Code::kUnavailable, "the notify is being changed by others; try again"));
    Result<NotifySpec> spec = DecodeSpec(*unmerged->spec);
    if (!spec.ok()) return ProblemResponse(spec.status());
    Result<NotifySpec> merged = MergeTriggerData(*std::move(spec), *trigger_.data, tools_->options->max_body_bytes);
    if (!merged.ok()) return ProblemResponse(merged.status());
    trigger_.merge = TriggerRequest::Merge{unmerged->spec, std::make_shared<const std::string>(EncodeSpec(*merged))};
    return Event(trigger_);
  }

 private:
  TriggerRequest trigger_;
  std::shared_ptr<RequestTools> tools_;
  bool heavy_;
  int tries_ = 0;
};

class MetricsSteps : public Steps {
 public:
  MetricsSteps(RequestId id, std::shared_ptr<RequestTools> tools, std::shared_ptr<const AccessTable> table)
      : id_(id), tools_(std::move(tools)), table_(std::move(table)) {}

  NextStep First() override {
    const Places* places = tools_->options->places;
    // Where another member of the cluster serves `default`, that one shows what is of it alone.
    if (places && places->Of(kDefaultNumber).kind != Place::Kind::kHere) return Show({});
    return Event(StatsRequest{id_});
  }

  bool BeginsAnew() const override { return !have_stats_; }

  NextStep Next(ReplyBody reply) override {
    bool have_stats = std::exchange(have_stats_, true);
    if (auto* stats = std::get_if<StatsView>(&reply)) {
      stats_ = std::move(*stats);
      LanesRequest lanes;
      lanes.request = id_;
      lanes.query.configured = true;
      lanes.query.limit = kMaxMetricLanes;
      return Event(std::move(lanes));
    }
    std::vector<LaneView> lanes;
    if (auto* listed = std::get_if<LanesListed>(&reply)) {
      lanes = std::move(listed->lanes);
    } else if (!have_stats) {
      return tools_->replies.Render(reply);
    }  // Figures without lanes are better than none, just when something is wrong.
    return Show(lanes);
  }

 private:
  HttpResponse Show(const std::vector<LaneView>& lanes) {
    const ApiOptions& options = *tools_->options;
    ProcessStats process = options.process ? options.process() : ProcessStats();
    if (options.board) AddOtherNamespaces(*options.board, &stats_.totals);
    HttpResponse response = JsonResponse(200, RenderMetrics(stats_, lanes, OfNamespaces(), process, options.histograms, options.version));
    response.content_type = kMetricsContentType;
    return response;
  }
  FiguresOfNamespaces OfNamespaces() const {
    FiguresOfNamespaces figures;
    const ApiOptions& options = *tools_->options;
    if (!options.metrics_of_namespaces || !options.board) return figures;
    for (const AccessTable::NamespacePointer& row : table_->AllNamespaces()) {
      if (figures.size() >= kMaxMetricNamespaces) break;
      figures.emplace_back(row->name, options.board->Figures(row->number));
    }
    return figures;
  }

  const RequestId id_;
  const std::shared_ptr<RequestTools> tools_;
  const std::shared_ptr<const AccessTable> table_;
  bool have_stats_ = false;
  StatsView stats_;
};

}  // namespace

NextStep Steps::Next(ReplyBody) {
  CHECK(false);
  return HttpResponse();
}
NextStep Steps::Next(RegistryReply) {
  CHECK(false);
  return HttpResponse();
}

Result<std::optional<IfMatch>> IfMatchOf(const HttpRequest& request) {
  std::optional<std::string> joined;
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoringCase(name, "If-Match")) continue;
    joined = joined ? *joined + "," + value : value;
  }
  if (!joined) return std::optional<IfMatch>();
  Result<IfMatch> parsed = IfMatch::Parse(*joined);
  if (!parsed.ok()) return std::move(parsed).status();
  return std::optional<IfMatch>(*std::move(parsed));
}

Result<std::unique_ptr<Steps>> MakeChangeSteps(RequestId id, NotifyId notify, const HttpRequest& request, std::shared_ptr<RequestTools> tools,
                                               const Asker& asker, bool heavy) {
  if (Status status = tools->change.Check(request.body); !status.ok()) return status;
  Result<std::optional<IfMatch>> if_match = IfMatchOf(request);
  if (!if_match.ok()) return std::move(if_match).status();
  return std::unique_ptr<Steps>(std::make_unique<ChangeSteps>(id, notify, *std::move(if_match), request.body, std::move(tools), asker, heavy));
}

std::unique_ptr<Steps> MakeMatchedSteps(RequestId id, NotifyId notify, IfMatch if_match, ActOnBase act, std::shared_ptr<RequestTools> tools,
                                        const Asker& asker) {
  return std::make_unique<MatchedSteps>(id, notify, std::move(if_match), std::move(act), std::move(tools), asker);
}

std::unique_ptr<Steps> MakeTriggerSteps(TriggerRequest trigger, std::shared_ptr<RequestTools> tools, bool heavy) {
  return std::make_unique<TriggerSteps>(std::move(trigger), std::move(tools), heavy);
}

std::unique_ptr<Steps> MakeMetricsSteps(RequestId id, std::shared_ptr<RequestTools> tools, std::shared_ptr<const AccessTable> table) {
  return std::make_unique<MetricsSteps>(id, std::move(tools), std::move(table));
}

}  // namespace notifyd
