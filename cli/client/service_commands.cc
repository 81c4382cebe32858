#include "cli/client/service_commands.h"

#include <utility>
#include <vector>

#include "cli/client/team_commands.h"

namespace notifyd {
namespace {

const Collection& Services() {
  static const Collection of = {"/v1/services",
                                {{"NAME", "/name"},
                                 {"BALANCE", "/balance"},
                                 {"ALIVE", "/instances/alive"},
                                 {"DRAINING", "/instances/draining"},
                                 {"UNREACHABLE", "/instances/unreachable"},
                                 {"POOL", "/pool"}}};
  return of;
}

Collection InstancesOf(const std::string& service) {
  return {PathIn(Services(), service, "/instances"),
          {{"ID", "/id"},
           {"URL", "/url"},
           {"STATE", "/state"},
           {"WEIGHT", "/weight"},
           {"POOLS", "/pools"},
           {"IN FLIGHT", "/in_flight"},
           {"BREAKER", "/breaker/state"},
           {"EXPIRES", "/expires_at"}}};
}

const std::vector<FieldFlag>& ServiceFlags() {
  using enum FieldFlag::Kind;
  static const std::vector<FieldFlag> fields = {
      {"balance",
       "--balance",
       kText,
       "WORD",
       "Who takes a call: least_active (default), round_robin, random or hash, each by weight.",
       false,
       {"least_active", "round_robin", "random", "hash"}},
      {"hash_by", "--hash-by", kText, "POINTER", "Of hash: a JSON Pointer into data; default the lane."},
      {"pool", "--pool", kText, "NAME", "Calls go to the instances of this pool where they name no other."},
      {"pool_fallback", "--pool-fallback", kText, "NAME", "To this one where that one has none to take them."},
      {"https", "--https", kYesOrNo, "WORD", "true: instances of https alone.", false, {"true", "false"}},
      {"host_header", "--host-header", kText, "HOST", "In place of the instances' own names, for TLS too."},
      {"failover_max", "--failover-max", kNumber, "N", "So many other instances are tried at once where no connection came about; default 3."},
      {"breaker", "--breaker", kJson, "JSON", "Of each instance, in place of the broker's settings, as one object."},
      {"probe", "--probe", kText, "PATH", "A GET of this tells whether an instance whose breaker is open is back: 2xx."},
  };
  return fields;
}

const std::vector<FieldFlag>& InstanceFlags() {
  using enum FieldFlag::Kind;
  static const std::vector<FieldFlag> fields = {
      {"url", "--url", kText, "URL", "Where it is; the path of what is called comes behind it."},
      {"weight", "--weight", kNumber, "N", "Its part of the calls; 0: it begins none any more. Default 1."},
      {"pools", "--pools", kTexts, "NAME,...", "The pools that it is in."},
      {"ttl_ms", "--ttl-ms", kNumber, "MS", "It is gone where it is not registered again for so long; without it it stays."},
  };
  return fields;
}

}  // namespace

void ServiceCommands::Add(CLI::App* app) {
  CLI::App* group = app->add_subcommand("service", "Services: names that calls go to, and the instances that take them.");
  CLI::App* list = AddCommand(group, "list", "List services.", [this](const Context& context, const CLI::App* command) {
    return ListOf(context, Services(), ValuesOf(command).fields, limit());
  });
  AddPaging(list);
  AddFilter(list, "prefix", "--prefix", "TEXT", "Only names that begin so.");
  CLI::App* show =
      AddCommand(group, "show", "Show one service.", [this](const Context& context, const CLI::App*) { return ShowOf(context, Services(), name()); });
  CLI::App* put =
      AddCommand(group, "put", "Make a service, or replace what was said of it.", [this](const Context& context, const CLI::App* command) {
        return SendTo(context, {"PUT", PathIn(Services(), name()), &ServiceFlags(), ValuesOf(command), if_match()});
      });
  CLI::App* remove = AddCommand(group, "delete", "Remove a service with its instances.",
                                [this](const Context& context, const CLI::App*) { return RemoveFrom(context, PathIn(Services(), name())); });
  for (CLI::App* command : {show, put, remove}) AddName(command, "NAME", "The service's name.");
  AddFlags(put, ServiceFlags(), false);
  AddIfMatch(put);
  AddInstances(group);
}

void ServiceCommands::AddInstances(CLI::App* group) {
  CLI::App* list = AddCommand(group, "instances", "List a service's instances.", [this](const Context& context, const CLI::App* command) {
    return ListOf(context, InstancesOf(name()), ValuesOf(command).fields, limit());
  });
  AddName(list, "NAME", "The service's name.");
  AddPaging(list);
  CLI::App* put = AddCommand(group, "register", "Register an instance, or renew it.", [this](const Context& context, const CLI::App* command) {
    FieldValues values = ValuesOf(command);
    if (!values.fields.count("url")) return Misused(context, "service register needs --url");
    return SendTo(context, {"PUT", PathIn(InstancesOf(name()), instance_), &InstanceFlags(), std::move(values)});
  });
  CLI::App* remove = AddCommand(group, "deregister", "Take an instance out.", [this](const Context& context, const CLI::App*) {
    return RemoveFrom(context, PathIn(InstancesOf(name()), instance_));
  });
  for (CLI::App* command : {put, remove}) {
    AddName(command, "NAME", "The service's name.");
    command->add_option("instance", instance_, "The instance's id.")->type_name("ID")->required()->check(NotEmpty());
  }
  AddFlags(put, InstanceFlags(), false);
}

}  // namespace notifyd
