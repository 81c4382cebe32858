#include "net/api/service_requests.h"

#include <memory>
#include <utility>

#include "base/ascii.h"
#include "broker/service_events.h"
#include "net/api/guard.h"
#include "net/api/list_query.h"
#include "net/api/problem.h"
#include "net/api/request_tools.h"
#include "net/api/requests.h"
#include "net/api/resource.h"
#include "net/api/service_json.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

template <class Ask>
Result<Asked> EventOf(const Asking& asking, Ask ask) {
  ServiceRequest request;
  request.request = asking.id;
  request.ask = std::make_shared<const ServiceAsk>(ServiceAsk{std::move(ask)});
  return Asked(Event(std::move(request)));
}

/// The service that the path names. Errors: kUnacceptable, kForbidden.
Result<std::string> NameOf(const Asking& asking) {
  const std::string& name = asking.route.argument;
  if (!IsServiceName(name))
    return Status(Code::kUnacceptable, "a service's name has 1 to 100 of the characters a-z, 0-9, '.' and '-', and begins with a letter or digit",
                  "/name");
  if (!asking.asker.anybody() && !asking.asker.principal.MayUseService(name))
    return Status(Code::kForbidden, "this token may not use the service " + Quoted(name), "/name");
  return name;
}

struct InstanceName {
  std::string service, id;
};

Result<InstanceName> InstanceOf(const Asking& asking) {
  Result<std::string> service = NameOf(asking);
  if (!service.ok()) return std::move(service).status();
  const std::string& id = asking.route.argument2;
  if (!IsInstanceId(id))
    return Status(Code::kUnacceptable, "an instance's id has 1 to 100 of the characters A-Z, a-z, 0-9, '.', '_', ':' and '-'", "/id");
  return InstanceName{*std::move(service), id};
}

/// What If-None-Match asks of a list of instances (RFC 9110 section 13.1.2: a weak tag is as good): "*", or those of its ETags that are ours.
std::optional<KnownLists> KnownOf(const HttpRequest& request) {
  KnownLists known;
  const auto take = [&](std::string_view element) {
    if (element.starts_with("W/")) element.remove_prefix(2);
    HttpRequest as_match;
    as_match.headers.emplace_back("If-Match", element);
    const Result<ResourceCondition> condition = ConditionOf(as_match);
    if (!condition.ok()) return;
    known.any |= condition->present;
    if (condition->prints) known.prints.insert(known.prints.end(), condition->prints->begin(), condition->prints->end());
  };
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoringCase(name, "If-None-Match")) continue;
    std::string_view rest = value;
    for (size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
      take(TrimBlanks(rest.substr(0, comma)));
      rest.remove_prefix(comma + 1);
    }
    take(TrimBlanks(rest));
  }
  if (!known.any && known.prints.empty()) return std::nullopt;
  return known;
}

}  // namespace

Result<Asked> ReadServices(const Asking& asking) {
  Result<ResourcesQuery> page = ParseResourcesQuery(asking.query);
  if (!page.ok()) return std::move(page).status();
  if (!asking.asker.anybody() && !asking.asker.principal.MayUseService(page->prefix))
    return Status(Code::kForbidden, "this token is bound to services: prefix must lie within them", "/prefix");
  return EventOf(asking, ListServices{*std::move(page)});
}

Result<Asked> ReadService(const Asking& asking) {
  Result<std::string> name = NameOf(asking);
  if (!name.ok()) return std::move(name).status();
  return EventOf(asking, GetService{*std::move(name)});
}

Result<Asked> ReadServicePut(const Asking& asking) {
  NOTIFYD_TRY(RefuseSystem(asking.asker));
  Result<std::string> name = NameOf(asking);
  if (!name.ok()) return std::move(name).status();
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  Result<ServiceSettings> settings = ParseService(&asking.tools->json, asking.request->body);
  if (!settings.ok()) return std::move(settings).status();
  return EventOf(asking, PutService{*std::move(name), *std::move(settings), *std::move(condition)});
}

Result<Asked> ReadServiceRemoval(const Asking& asking) {
  Result<std::string> name = NameOf(asking);
  if (!name.ok()) return std::move(name).status();
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  return EventOf(asking, DeleteService{*std::move(name), *std::move(condition)});
}

Result<Asked> ReadInstances(const Asking& asking) {
  Result<std::string> name = NameOf(asking);
  if (!name.ok()) return std::move(name).status();
  QueryParameters waits, rest;
  for (const auto& parameter : asking.query) (parameter.first == "wait_ms" ? waits : rest).push_back(parameter);
  Result<int64_t> wait_ms = ParseWait(waits);
  if (!wait_ms.ok()) return std::move(wait_ms).status();
  Result<ResourcesQuery> page = ParseResourcesQuery(rest);
  if (!page.ok()) return std::move(page).status();
  return EventOf(asking, ListInstances{*std::move(name), KnownOf(*asking.request), *wait_ms, *std::move(page)});
}

Result<Asked> ReadInstance(const Asking& asking) {
  Result<InstanceName> instance = InstanceOf(asking);
  if (!instance.ok()) return std::move(instance).status();
  return EventOf(asking, GetInstance{std::move(instance->service), std::move(instance->id)});
}

Result<Asked> ReadInstancePut(const Asking& asking) {
  NOTIFYD_TRY(RefuseSystem(asking.asker));
  Result<InstanceName> instance = InstanceOf(asking);
  if (!instance.ok()) return std::move(instance).status();
  NOTIFYD_TRY(CheckDocument(*asking.request, /*patch=*/false));
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  Result<InstanceSettings> settings = ParseInstance(&asking.tools->json, asking.request->body);
  if (!settings.ok()) return std::move(settings).status();
  const ApiOptions& options = *asking.tools->options;
  if (options.check_url)
    if (Status status = options.check_url(settings->url); !status.ok()) return Status(status.code(), status.detail(), "/url");
  if (options.check_destination)
    if (Status status = options.check_destination(asking.asker.number(), settings->url); !status.ok())
      return Status(status.code(), status.detail(), "/url");
  PutInstance put{std::move(instance->service), std::move(instance->id), *std::move(settings), *std::move(condition)};
  const Grant* grant = asking.asker.principal.grant();
  if (grant && !grant->IsAdminOfAll() && asking.asker.principal.Has(Scope::kOperate)) put.audit_bytes = kMostSaidBytes;
  return EventOf(asking, std::move(put));
}

Result<Asked> ReadInstanceRemoval(const Asking& asking) {
  Result<InstanceName> instance = InstanceOf(asking);
  if (!instance.ok()) return std::move(instance).status();
  Result<ResourceCondition> condition = ConditionOf(*asking.request);
  if (!condition.ok()) return std::move(condition).status();
  return EventOf(asking, DeleteInstance{std::move(instance->service), std::move(instance->id), *std::move(condition)});
}

}  // namespace notifyd
