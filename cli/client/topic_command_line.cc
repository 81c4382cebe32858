#include "cli/client/topic_command_line.h"

#include <utility>

#include "cli/client/topic_commands.h"
#include "cli/client/topic_fields.h"

namespace notifyd {

void TopicCommandLine::Add(CLI::App* app) {
  AddTopics(app);
  AddSubscriptions(app);
  AddEvents(app);
  AddPublish(app);
}

void TopicCommandLine::AddTopics(CLI::App* app) {
  CLI::App* group = app->add_subcommand("topic", "Topics: what events are published to.");
  CLI::App* list =
      AddCommand(group, "list", "List the topics of which something was said; one that was only published to is not among them.",
                 [this](const Context& context, const CLI::App* command) { return ListOf(context, Topics(), ValuesOf(command).fields, limit()); });
  CLI::App* show =
      AddCommand(group, "show", "Show a topic.", [this](const Context& context, const CLI::App*) { return ShowOf(context, Topics(), name()); });
  CLI::App* set = AddCommand(group, "set", "Say all that holds for a topic; what is left out is at its default.",
                             [this](const Context& context, const CLI::App* command) {
                               return SendTo(context, {"PUT", PathIn(Topics(), name()), &TopicFlags(), ValuesOf(command), if_match()});
                             });
  CLI::App* remove = AddCommand(group, "delete", "Forget what was said of a topic.",
                                [this](const Context& context, const CLI::App*) { return RemoveFrom(context, PathIn(Topics(), name())); });
  CLI::App* events =
      AddCommand(group, "events", "List the events of a topic, newest first.", [this](const Context& context, const CLI::App* command) {
        return ListOf(context, EventsOf(PathIn(Topics(), name(), "/events")), ValuesOf(command).fields, limit());
      });
  for (CLI::App* command : {show, set, remove, events}) AddName(command, "TOPIC", "The topic: words and dots.");
  AddPaging(list);
  AddFilter(list, "prefix", "--prefix", "TEXT", "Only topics whose names begin so.");
  AddFlags(set, TopicFlags(), false);
  AddIfMatch(set);
  AddPaging(events);
}

void TopicCommandLine::AddSubscriptions(CLI::App* app) {
  CLI::App* group = app->add_subcommand("subscription", "Subscriptions: who hears of which events, and how he is called.");
  CLI::App* list = AddCommand(group, "list", "List subscriptions.", [this](const Context& context, const CLI::App* command) {
    return ListOf(context, Subscriptions(), ValuesOf(command).fields, limit());
  });
  CLI::App* show = AddCommand(group, "show", "Show a subscription.",
                              [this](const Context& context, const CLI::App*) { return ShowOf(context, Subscriptions(), name()); });
  CLI::App* set = AddCommand(group, "set", "Say all of a subscription; what is left out is at its default.",
                             [this](const Context& context, const CLI::App* command) {
                               return SendTo(context, {"PUT", PathIn(Subscriptions(), name()), &SubscriptionFlags(), ValuesOf(command), if_match()});
                             });
  CLI::App* remove = AddCommand(group, "delete", "Remove a subscription.", [this](const Context& context, const CLI::App*) {
    return RemoveFrom(context, PathIn(Subscriptions(), name(), pending_.empty() ? "" : "?pending=" + pending_));
  });
  for (CLI::App* command : {show, set, remove}) AddName(command, "NAME", "The subscription's name.");
  AddPaging(list);
  AddFilter(list, "prefix", "--prefix", "TEXT", "Only those whose names begin so.");
  AddFlags(set, SubscriptionFlags(), false);
  AddHeader(set);
  AddIfMatch(set);
  AddWord(remove, "--pending", &pending_, "What becomes of what waits: cancel (the default) or keep.", {"cancel", "keep"});
  AddSubscriptionSteering(group);
}

void TopicCommandLine::AddSubscriptionSteering(CLI::App* group) {
  CLI::App* replay =
      AddCommand(group, "replay", "Send past events to a subscription again.", [this](const Context& context, const CLI::App* command) {
        const bool from = command->count("--from") > 0;
        if (from == all_) {
          Complain(from ? "--from and --all exclude each other" : "say from when on: --from TIME, or --all for all events that there are");
          return kUsage;
        }
        return SendTo(context, {"POST", PathIn(Subscriptions(), name(), "/replay"), &ReplayFlags(), ValuesOf(command)});
      });
  CLI::App* apply = AddCommand(group, "apply", "Give what waits the subscription's URL, headers, retry policy and timeouts of now.",
                               [this](const Context& context, const CLI::App*) {
                                 return SendTo(context, {"POST", PathIn(Subscriptions(), name(), "/apply")});
                               });
  for (CLI::App* command : {replay, apply}) AddName(command, "NAME", "The subscription's name.");
  AddFlags(replay, ReplayFlags(), false);
  replay->add_flag("--all", all_, "All events that there are, up to --to.");
}

void TopicCommandLine::AddEvents(CLI::App* app) {
  CLI::App* group = app->add_subcommand("event", "Events: what was published, and what came of it.");
  CLI::App* show = AddCommand(group, "show", "Show an event with what became of it.",
                              [this](const Context& context, const CLI::App*) { return ShowEvent(context, name()); });
  CLI::App* replay = AddCommand(group, "replay", "Send an event again, to all subscriptions that match it now.",
                                [this](const Context& context, const CLI::App* command) {
                                  return SendTo(context, {"POST", PathIn(Events(), name(), "/replay"), &ReplayKeyFlags(), ValuesOf(command)});
                                });
  for (CLI::App* command : {show, replay}) AddName(command, "ID", "The event's id.");
  AddFlags(replay, ReplayKeyFlags(), false);
}

void TopicCommandLine::AddPublish(CLI::App* app) {
  CLI::App* publish = AddCommand(app, "publish", "Publish an event to a topic.", [this](const Context& context, const CLI::App* command) {
    return SendTo(context, {"POST", PathIn(Topics(), name(), "/publish"), &EventFlags(), ValuesOf(command)});
  });
  AddName(publish, "TOPIC", "The topic: words and dots.");
  AddFlags(publish, EventFlags(), false);
}

}  // namespace notifyd
