#include "bench/flags.h"

#include "bench/payload.h"

namespace notifyd::bench {
namespace {

// ---- what several have

void AddCount(CLI::App* app, uint64_t* count, const char* help) {
  app->add_option("--count", *count, help)->check(CLI::Range(1, 100'000'000))->capture_default_str();
}
void AddPayload(CLI::App* app, uint64_t* bytes) {
  app->add_option("--payload", *bytes, kPayloadHelp)->check(CLI::Range(40, 1'048'576))->capture_default_str();
}
void AddConnections(CLI::App* app, int* connections, const char* help) {
  app->add_option("--connections", *connections, help)->check(CLI::Range(1, 5000))->capture_default_str();
}
void AddBatch(CLI::App* app, uint64_t* batch) {
  app->add_option("--batch", *batch, "notifies a submit")->check(CLI::Range(1, 10'000))->capture_default_str();
}
void AddLanes(CLI::App* app, uint64_t* lanes, const char* help = "lanes that they go round") {
  app->add_option("--lanes", *lanes, help)->check(CLI::Range(1, 10'000'000))->capture_default_str();
}
void AddDelay(CLI::App* app, int64_t* delay_ms) {
  app->add_option("--delay-ms", *delay_ms, "the receiver waits so long before each answer")->check(CLI::Range(0, 60'000))->capture_default_str();
}
template <class T>
void AddList(CLI::App* app, const char* name, std::vector<T>* values, const char* help, int64_t most) {
  app->add_option(name, *values, help)->delimiter(',')->check(CLI::Range(int64_t{1}, most))->capture_default_str();
}

// ---- a function a scenario

void AddLoad(CLI::App* app, LoadOptions* load) {
  AddCount(app, &load->count, "notifies");
  AddConnections(app, &load->connections, "kept alive, one request in flight on each");
  AddBatch(app, &load->batch);
  AddPayload(app, &load->payload_bytes);
  AddLanes(app, &load->lanes, "lanes that the notifies go round");
  AddDelay(app, &load->receiver_delay_ms);
}
void AddSubmit(CLI::App* app, Flags* flags) {
  AddLoad(app, &flags->submit);
  app->add_flag("--deliver", flags->submit.deliver, "deliveries go on meanwhile; else all is due in an hour");
}
void AddEndToEnd(CLI::App* app, Flags* flags) {
  AddLoad(app, &flags->end_to_end);
  app->add_option("--mode", flags->mode, "of the lanes; fifo uses at most one connection a lane")
      ->check(CLI::IsMember({"concurrent", "fifo"}))
      ->capture_default_str();
}
void AddIdle(CLI::App* app, Flags* flags) {
  AddCount(app, &flags->idle.count, "notifies, one after the other");
  app->add_option("--pause-ms", flags->idle.pause_ms, "before each sync and before each submit")->check(CLI::Range(0, 60'000))->capture_default_str();
  AddPayload(app, &flags->idle.payload_bytes);
}
void AddSustained(CLI::App* app, Flags* flags) {
  SustainedOptions& options = flags->sustained;
  AddList(app, "--count", &options.counts, "notifies in one run; a run each", 1'000'000'000);
  app->add_option("--minutes", options.minutes, "one run at full rate for so long, in place of --count; up to 700 bytes of disk each")
      ->check(CLI::Range(1, 600));
  app->add_option("--base", options.base, "notifies of the short runs before and after")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  AddConnections(app, &options.connections, "kept alive, one request in flight on each");
  AddPayload(app, &options.payload_bytes);
  app->add_option("--sample-s", options.sample_s, "seconds between two looks")->check(CLI::Range(1, 3600))->capture_default_str();
}
void AddDue(CLI::App* app, Flags* flags) {
  DueOptions& due = flags->due;
  AddCount(app, &due.count, "notifies");
  app->add_option("--spread-s", due.spread_s, "seconds over which they are due")->check(CLI::Range(1, 3600))->capture_default_str();
  app->add_option("--ahead-s", due.ahead_s, "seconds until the first may be due; submitting has to end by then")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  AddLanes(app, &due.lanes);
  AddPayload(app, &due.payload_bytes);
  app->add_option("--pending", due.pending,
                  "others that wait meanwhile, due over the year that begins in 30 days; 10,000,000 take a few minutes to submit and up to 6 GB")
      ->check(CLI::Range(0, 100'000'000))
      ->capture_default_str();
}
void AddBacklog(CLI::App* app, Flags* flags) {
  BacklogOptions& backlog = flags->backlog;
  AddList(app, "--steps", &backlog.steps, "numbers pending, rising; up to 600 bytes of disk each", 100'000'000);
  AddPayload(app, &backlog.payload_bytes);
  AddBatch(app, &backlog.batch);
  AddConnections(app, &backlog.connections, "kept alive");
  AddLanes(app, &backlog.lanes);
  app->add_option("--settle-s", backlog.settle_s, "longest wait for memory to settle")->check(CLI::Range(2, 600))->capture_default_str();
  app->add_option("--rate-rounds", backlog.rate_rounds, "rounds in which what passes beside the last step's is held against an empty broker; 0: none")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app->add_option("--rate-count", backlog.rate_count, "notifies of such a round")->check(CLI::Range(1, 100'000'000))->capture_default_str();
}
void AddFifo(CLI::App* app, Flags* flags) {
  FifoOptions& fifo = flags->fifo;
  AddList(app, "--lanes", &fifo.lanes, "numbers of lanes, a step each", 1'000'000);
  AddCount(app, &fifo.count, "notifies a step");
  AddConnections(app, &fifo.connections, "kept alive; at most one a lane");
  AddBatch(app, &fifo.batch);
  AddPayload(app, &fifo.payload_bytes);
  AddDelay(app, &fifo.receiver_delay_ms);
}
void AddAccess(CLI::App* app, Flags* flags) {
  AddCount(app, &flags->access.count, "notifies through each broker a round");
  AddConnections(app, &flags->access.connections, "kept alive");
  AddPayload(app, &flags->access.payload_bytes);
}
void AddBeanstalkd(CLI::App* app, Flags* flags) {
  AddCount(app, &flags->beanstalkd.count, "jobs each way a round");
  AddConnections(app, &flags->beanstalkd.connections, "one job in flight on each");
  AddPayload(app, &flags->beanstalkd.payload_bytes);
}
void AddFairness(CLI::App* app, Flags* flags) {
  FairnessOptions& fairness = flags->fairness;
  app->add_option("--hung", fairness.hung, "destinations that never answer")->check(CLI::Range(1, 10'000))->capture_default_str();
  app->add_option("--backlog", fairness.backlog, "notifies pending for each of them")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  app->add_option("--hung-lanes", fairness.hung_lanes, "lanes of each of them")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app->add_flag("--one-caller", fairness.one_caller, "all notifies are of one caller; else the hanging ones are of another");
  app->add_flag(
      "--namespaces", fairness.namespaces,
      "the hanging ones are of another namespace, which goes on submitting to them at full rate; then --hung is 1000 and --backlog too by default");
  AddCount(app, &fairness.count, "notifies to the healthy one a round");
  AddConnections(app, &fairness.connections, "kept alive");
  AddPayload(app, &fairness.payload_bytes);
}
void AddLanesScenario(CLI::App* app, Flags* flags) {
  AddLanes(app, &flags->lanes.lanes, "other lanes, with one notify pending in each");
  app->add_option("--others", flags->others,
                  "what pends in them: due tomorrow, a destination that never answers, or (late) 50 notifies each to one that cannot keep up, "
                  "filled before 20 new lanes are; then --lanes is 900 by default")
      ->check(CLI::IsMember({"far-off", "hung", "late"}))
      ->capture_default_str();
  AddCount(app, &flags->lanes.count, "notifies through the busy lane a round");
  AddConnections(app, &flags->lanes.connections, "kept alive");
  AddPayload(app, &flags->lanes.payload_bytes);
}
void AddHistory(CLI::App* app, Flags* flags) {
  AddCount(app, &flags->history.count, "settled ones; they are delivered, some 20,000 a second, and take 500 bytes of disk each");
  AddLanes(app, &flags->history.lanes);
  AddPayload(app, &flags->history.payload_bytes);
  app->add_option("--samples", flags->history.samples, "of each kind of request")->check(CLI::Range(1, 1'000'000))->capture_default_str();
}
void AddThreads(CLI::App* app, Flags* flags) {
  AddList(app, "--threads", &flags->threads.threads, "io_threads, a broker each", 64);
  AddList(app, "--connections", &flags->threads.connections, "kept alive, a step each", 5000);
  AddCount(app, &flags->threads.count, "notifies a broker and round");
  AddPayload(app, &flags->threads.payload_bytes);
}
void AddShards(CLI::App* app, Flags* flags) {
  ShardsOptions& shards = flags->shards;
  app->add_option("--shards", shards.shards, "of the broker")->check(CLI::Range(1, 64))->capture_default_str();
  app->add_option("--namespaces", shards.namespaces, "that the connections take in turn")->check(CLI::Range(1, 10'000))->capture_default_str();
  AddConnections(app, &shards.connections, "kept alive");
  AddCount(app, &shards.count, "notifies a round");
  AddPayload(app, &shards.payload_bytes);
}

void AddWait(CLI::App* app, Flags* flags) {
  AddCount(app, &flags->wait.count, "pairs, one after the other");
  app->add_option("--pause-ms", flags->wait.pause_ms, "before each call")->check(CLI::Range(0, 60'000))->capture_default_str();
  AddPayload(app, &flags->wait.payload_bytes);
}
void AddServices(CLI::App* app, Flags* flags) {
  ServicesOptions& services = flags->services;
  app->add_option("--balance", services.balance, "of the service with the fault")
      ->check(CLI::IsMember({"round_robin", "random", "hash", "least_active"}))
      ->capture_default_str();
  app->add_option("--per-s", services.per_s, "notifies a second")->check(CLI::Range(1, 2'000))->capture_default_str();
  app->add_option("--seconds", services.seconds, "before the fault, and again after it")->check(CLI::Range(1, 600))->capture_default_str();
  app->add_option("--ttl-ms", services.ttl_ms, "of the instances' registrations")->check(CLI::Range(1'000, 60'000))->capture_default_str();
  app->add_option("--timeout-ms", services.timeout_ms, "of the calls")->check(CLI::Range(100, 60'000))->capture_default_str();
  AddDelay(app, &services.receiver_delay_ms);
  app->add_option("--shares-count", services.shares_count, "notifies of each balance whose distribution is looked at")
      ->check(CLI::Range(100, 10'000'000))
      ->capture_default_str();
}

void AddFanout(CLI::App* app, Flags* flags) {
  FanoutOptions& fanout = flags->fanout;
  auto add = [app](const char* name, uint64_t* value, const char* help, int64_t most) {
    app->add_option(name, *value, help)->check(CLI::Range(int64_t{1}, most))->capture_default_str();
  };
  add("--events", &fanout.events, "published, in batches of 10", 1'000'000);
  add("--subscriptions", &fanout.subscriptions, "that each of them is for", 1'000);
  add("--keys", &fanout.keys, "that the events go round", 10'000);
  app->add_option("--partitions", fanout.partitions, "of a subscription, by key")->check(CLI::Range(1, 1'024))->capture_default_str();
  app->add_option("--kills", fanout.kills, "on the way")->check(CLI::Range(0, 20))->capture_default_str();
  AddPayload(app, &fanout.payload_bytes);
  add("--wide", &fanout.wide, "subscriptions of one event that is fanned out in its own commit", 1'000);
  add("--wide-events", &fanout.wide_events, "of them", 1'000);
  app->add_option("--wide-payload", fanout.wide_payload_bytes, "bytes of their data")->check(CLI::Range(40, 262'144))->capture_default_str();
}
void AddSchedules(CLI::App* app, Flags* flags) {
  SchedulesOptions& schedules = flags->schedules;
  AddCount(app, &schedules.count, "schedules of half a year ahead, each a PUT; up to 700 bytes of disk each");
  app->add_option("--due", schedules.due, "others, whose first run is due")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app->add_option("--spread-s", schedules.spread_s, "seconds over which they are due")->check(CLI::Range(1, 3600))->capture_default_str();
  app->add_option("--ahead-s", schedules.ahead_s, "seconds until the first may be due; their PUTs have to end by then")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  AddConnections(app, &schedules.connections, "kept alive, one PUT in flight on each");
}
void AddGroups(CLI::App* app, Flags* flags) {
  GroupsOptions& groups = flags->groups;
  auto add = [app](const char* name, uint64_t* value, const char* help, int64_t least, int64_t most) {
    app->add_option(name, *value, help)->check(CLI::Range(least, most))->capture_default_str();
  };
  add("--members", &groups.members, "of a group side by side", 1, 1'000);
  add("--fail-every", &groups.fail_every, "every so many-th of them fails", 1, 1'000);
  add("--sequential", &groups.sequential, "members of a group one after another, over a kill", 2, 1'000);
  add("--responses", &groups.responses, "notifies whose answers are kept", 1, 10'000);
  add("--response-bytes", &groups.response_bytes, "of each answer", 1, 1'048'576);
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const char* const kMedians = "how often; medians are shown";
  static const std::vector<Scenario> scenarios = {
      {"submit", "the rate and latency of acknowledged submits", kMedians, 1, true, false, AddSubmit,
       [](Flags* flags) { return RunSubmit(flags->common, flags->submit); }},
      {"end-to-end", "submits and their deliveries: rates, latency, what the broker uses", kMedians, 1, true, false, AddEndToEnd,
       [](Flags* flags) {
         flags->end_to_end.fifo = flags->mode == "fifo";
         return RunEndToEnd(flags->common, flags->end_to_end);
       }},
      {"access", "what tokens and TLS cost", "rounds, each through a broker without, with a token, and with it over TLS", 5, false, false, AddAccess,
       [](Flags* flags) { return RunAccess(flags->common, flags->access); }},
      {"beanstalkd", "jobs put over the door beside submits over HTTP, and beside a real beanstalkd -f0 where there is one", "rounds, each all ways",
       5, false, false, AddBeanstalkd, [](Flags* flags) { return RunBeanstalkd(flags->common, flags->beanstalkd); }},
      {"idle", "one notify at a time: acknowledgements beside syncs of the same disk, and arrivals", kMedians, 1, false, false, AddIdle,
       [](Flags* flags) { return RunIdle(flags->common, flags->idle); }},
      {"sustained", "long runs at full rate against short ones: rate, CPU, acknowledgements, what is written to disk", nullptr, 1, false, false,
       AddSustained, [](Flags* flags) { return RunSustained(flags->common, flags->sustained); }},
      {"due", "how late notifies arrive after their due times", kMedians, 1, true, true, AddDue,
       [](Flags* flags) { return RunDue(flags->common, flags->due); }},
      {"backlog", "memory, disk, start-up time and what still passes against the number pending", kMedians, 1, false, false, AddBacklog,
       [](Flags* flags) { return RunBacklog(flags->common, flags->backlog); }},
      {"lanes", "how much many other lanes slow a busy one", "rounds, each without and with the other lanes", 5, false, false, AddLanesScenario,
       [](Flags* flags) {
         flags->lanes.hung = flags->others == "hung";
         flags->lanes.late = flags->others == "late";
         return RunLanes(flags->common, flags->lanes);
       }},
      {"fifo", "what fifo lanes pass on, and in order, against their number", "how often each step", 1, true, false, AddFifo,
       [](Flags* flags) { return RunFifo(flags->common, flags->fifo); }},
      {"fairness", "how long notifies to a healthy destination take beside some that hang", "rounds, each without and with the hung ones", 5, false,
       false, AddFairness, [](Flags* flags) { return RunFairness(flags->common, flags->fairness); }},
      {"history", "how long GETs and lists take over a long history", nullptr, 1, false, true, AddHistory,
       [](Flags* flags) { return RunHistory(flags->common, flags->history); }},
      {"threads", "brokers with 1, 2 and 4 io_threads side by side", "rounds, each through all brokers", 3, false, false, AddThreads,
       [](Flags* flags) { return RunThreads(flags->common, flags->threads); }},
      {"shards", "many namespaces on several shards against one", "rounds, each of one namespace and of all", 5, false, false, AddShards,
       [](Flags* flags) { return RunShards(flags->common, flags->shards); }},
      {"wait", "submit and wait beside a direct call and a sync of the same disk, in turn", kMedians, 1, false, false, AddWait,
       [](Flags* flags) { return RunWait(flags->common, flags->wait); }},
      {"services", "four instances of a service, one of which is killed and one hangs; how balances share calls out", kMedians, 1, false, false,
       AddServices, [](Flags* flags) { return RunServices(flags->common, flags->services); }},
      {"fanout", "events for many subscriptions through a broker that is killed on the way", kMedians, 1, false, false, AddFanout,
       [](Flags* flags) { return RunFanout(flags->common, flags->fanout); }},
      {"schedules", "what many schedules take, and how late are the runs of those that are due", kMedians, 1, false, false, AddSchedules,
       [](Flags* flags) { return RunSchedules(flags->common, flags->schedules); }},
      {"groups", "groups with failures and over a kill, and answers that are kept", kMedians, 1, false, false, AddGroups,
       [](Flags* flags) { return RunGroups(flags->common, flags->groups); }},
  };
  return scenarios;
}

CLI::App* AddScenario(CLI::App* app, const Scenario& scenario, Flags* flags) {
  CLI::App* sub = app->add_subcommand(scenario.name, scenario.help);
  CommonOptions& common = flags->common;
  scenario.add(sub, flags);
  if (scenario.runs_help)
    sub->add_option("--runs", common.runs, scenario.runs_help)->check(CLI::Range(1, 1000))->default_str(std::to_string(scenario.runs));
  sub->add_flag("--json", common.json, "one JSON object a run, a line each, instead of a table");
  sub->add_option("--seed", common.seed, "of payloads and due times")->capture_default_str();
  sub->add_option("--stall-s", common.stall_s, "a delivery is missing when none arrived for so long")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  sub->add_option("--notifyd", common.notifyd, "the broker to start; default: the one beside this program");
  sub->add_option("--broker-arg", common.broker_arguments, "one more argument for the broker, as in --broker-arg=--x; may be repeated")
      ->allow_extra_args(false);
  sub->add_option("--dir", common.dir, "where temporary data directories go")->check(CLI::ExistingDirectory)->capture_default_str();
  if (scenario.keeps)
    sub->add_option("--store", common.store, "keep the data in this directory, and do not fill it again where it holds what is asked for");
  if (scenario.may_attach) sub->add_option("--server", flags->server, "use the broker that runs at this loopback URL instead of starting one");
  return sub;
}

CLI::App* AddReceive(CLI::App* app, Flags* flags) {
  ReceiveOptions& receive = flags->receive;
  CLI::App* sub = app->add_subcommand("receive", "a receiver that shows what it gets, until SIGINT or SIGTERM (or --until)");
  sub->add_option("--listen", flags->listen, "loopback ADDR:PORT; port 0 takes a free one")->capture_default_str();
  sub->add_option("--delay-ms", receive.delay_ms, "wait so long before each answer")->check(CLI::Range(0, 3'600'000))->capture_default_str();
  sub->add_option("--fail-every", receive.fail_every, "answer every so many-th request with 500 (or --status)")->check(CLI::Range(1, 1'000'000'000));
  sub->add_option("--status", flags->answer_status, "the answer's status; with --fail-every that of the failing ones")->check(CLI::Range(200, 599));
  sub->add_option("--until", receive.until, "end once so many notifies came (told apart by Notify-Id, else by body)")
      ->check(CLI::Range(1, 1'000'000'000));
  sub->add_flag("--hang", receive.hang, "never answer");
  sub->add_flag("--close", receive.close, "close the connection after each answer");
  sub->add_flag("--verbose", receive.verbose, "show each request, however many come");
  sub->add_flag("--json", receive.json, "totals as JSON; with --verbose each request too");
  return sub;
}

CLI::App* AddDraw(CLI::App* app, Flags* flags) {
  CLI::App* sub = app->add_subcommand("draw", "the picture of the performance document, from the file of its figures");
  sub->add_option("--data", flags->draw.data, "the figures")->capture_default_str();
  sub->add_option("--out", flags->draw.out, "the picture; - is standard output")->capture_default_str();
  sub->add_flag("--tables", flags->draw.tables, "print the document's tables instead");
  return sub;
}

}  // namespace notifyd::bench
