#include "net/api/registry_steps.h"

#include <utility>

#include "net/api/problem.h"
#include "net/api/url.h"

namespace notifyd {
namespace {

class RegistryStep : public Steps {
 public:
  RegistryStep(RegistryEvent event, bool conditional, std::function<HttpResponse(const RegistryReply&)> answer)
      : event_(std::move(event)), conditional_(conditional), answer_(std::move(answer)) {}

  NextStep First() override { return std::move(event_); }
  NextStep Next(RegistryReply reply) override { return reply.status.ok() ? answer_(reply) : RefusalOf(reply, conditional_); }

 private:
  RegistryEvent event_;
  const bool conditional_;
  const std::function<HttpResponse(const RegistryReply&)> answer_;
};

}  // namespace

std::string ETagOfVersion(uint64_t version) {
  return "\"" + std::to_string(version) + "\"";
}

Result<std::optional<Precondition>> PreconditionOf(const HttpRequest& request, std::optional<uint64_t> version) {
  Precondition precondition;
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoringCase(name, "If-None-Match")) continue;
    if (value != "*") return Status(Code::kUnacceptable, "the header If-None-Match may say * alone");
    precondition.absent = true;
  }
  Result<std::optional<IfMatch>> if_match = IfMatchOf(request);
  if (!if_match.ok()) return std::move(if_match).status();
  if (!*if_match) return std::optional(precondition);
  if (!version || !(*if_match)->Matches(ETagOfVersion(*version))) return std::optional<Precondition>();
  precondition.version = version;
  return std::optional(precondition);
}

HttpResponse NotWhatIfMatchSays() {
  return ProblemResponse(412,
                         "the request's condition does not hold: it is there already (If-None-Match), or is not any more what was read (If-Match)");
}

HttpResponse RefusalOf(const RegistryReply& reply, bool conditional) {
  if (!reply.stale) return ProblemResponse(reply.status);
  return conditional ? ProblemResponse(412, reply.status.detail())
                     : ProblemResponse(Status(Code::kConflict, "it was changed by somebody else meanwhile; try again"));
}

std::unique_ptr<Steps> AskRegistry(RegistryEvent event, bool conditional, std::function<HttpResponse(const RegistryReply&)> answer) {
  return std::make_unique<RegistryStep>(std::move(event), conditional, std::move(answer));
}

}  // namespace notifyd
