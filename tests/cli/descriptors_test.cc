// How open files are shared out.
#include "cli/daemon/descriptors.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;

TEST_CASE("descriptors: where there are enough, nothing is lowered") {
  Options options, before;
  Result<DescriptorPlan> plan = FitDescriptors(131'072, &options);
  REQUIRE(plan.ok());
  CHECK_FALSE(plan->lowered);
  CHECK(options.http.max_connections == before.http.max_connections);
  CHECK(options.http.max_probe_connections == before.http.max_probe_connections);
  CHECK(options.core.max_in_flight == before.core.max_in_flight);
  CHECK(options.sender.max_idle_connections == before.sender.max_idle_connections);
  CHECK(options.store.max_open_files == before.store.max_open_files);
}

TEST_CASE("descriptors: all shares together fit into what is allowed, and everybody has some") {
  for (uint32_t threads : {1u, 2u, 8u}) {
    for (uint64_t limit : {256u, 300u, 512u, 1024u, 4096u, 11'000u, 65'536u}) {
      CAPTURE(threads, limit);
      Options options;
      options.io_threads = threads;
      Result<DescriptorPlan> plan = FitDescriptors(limit, &options);
      REQUIRE(plan.ok());
      CHECK(plan->store + plan->calls + plan->clients < limit);
      CHECK(plan->clients == options.http.max_connections + threads * options.http.max_probe_connections);
      CHECK(options.core.max_in_flight + options.sender.max_idle_connections <= plan->calls);
      CHECK(static_cast<uint64_t>(options.store.max_open_files) < plan->store);
      CHECK(options.store.max_open_files >= 16);
      CHECK(options.core.max_in_flight >= 8);
      CHECK(options.http.max_connections >= 8);
      CHECK(options.http.max_probe_connections >= 1);
      CHECK(plan->lowered == (limit < 12'000));
    }
  }
}

TEST_CASE("descriptors: the listener for other members has its share, as the others have") {
  for (uint64_t limit : {512u, 131'072u}) {
    Options options, before;
    options.cluster.advertise = "127.0.0.1:7400";
    options.cluster.insecure = true;
    Result<DescriptorPlan> plan = FitDescriptors(limit, &options);
    REQUIRE(plan.ok());
    CHECK(options.cluster.max_connections >= 8);
    CHECK((options.cluster.max_connections < before.cluster.max_connections) == (limit < 1'000));
  }
}

TEST_CASE("descriptors: what the settings ask for is not raised") {
  Options options;
  options.http.max_connections = 5;
  options.core.max_in_flight = 3;
  options.sender.max_idle_connections = 0;
  Result<DescriptorPlan> plan = FitDescriptors(512, &options);
  REQUIRE(plan.ok());
  CHECK(options.http.max_connections == 5);
  CHECK(options.core.max_in_flight == 3);
  CHECK(options.sender.max_idle_connections == 0);
}

TEST_CASE("descriptors: too few are refused with what to do") {
  Options options;
  Result<DescriptorPlan> plan = FitDescriptors(100, &options);
  REQUIRE_FALSE(plan.ok());
  CHECK_THAT(plan.status().detail(), Catch::Contains("100") && Catch::Contains("LimitNOFILE"));
}
