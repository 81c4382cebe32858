// The scenarios of notify-bench with their flags: one row each.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "bench/draw.h"
#include "bench/scenarios.h"

namespace notifyd::bench {

struct Flags {
  CommonOptions common;
  LoadOptions submit, end_to_end, access{.count = 20'000}, beanstalkd{.count = 20'000};
  IdleOptions idle;
  SustainedOptions sustained;
  DueOptions due;
  BacklogOptions backlog;
  LanesOptions lanes;
  FifoOptions fifo;
  FairnessOptions fairness;
  HistoryOptions history;
  ThreadsOptions threads;
  ShardsOptions shards;
  WaitOptions wait;
  ServicesOptions services;
  FanoutOptions fanout;
  SchedulesOptions schedules;
  GroupsOptions groups;
  ReceiveOptions receive;
  DrawOptions draw;
  std::string listen = "127.0.0.1:9100";
  std::string server;
  std::string mode = "concurrent";
  std::string others = "far-off";
  int answer_status = 0;
};

struct Scenario {
  const char* name;
  const char* help;
  const char* runs_help;  // null: there is but one
  int runs;               // as long as nothing else is said
  bool may_attach;        // takes --server
  bool keeps;             // takes --store
  void (*add)(CLI::App* app, Flags* flags);
  /// Runs the scenario, once all flags are read.
  Status (*run)(Flags* flags);
};
const std::vector<Scenario>& Scenarios();

/// Adds a subcommand with its own flags and those that all have.
CLI::App* AddScenario(CLI::App* app, const Scenario& scenario, Flags* flags);
/// Adds `receive`.
CLI::App* AddReceive(CLI::App* app, Flags* flags);
/// Adds `draw`.
CLI::App* AddDraw(CLI::App* app, Flags* flags);

}  // namespace notifyd::bench
