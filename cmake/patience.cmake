# A sanitizer makes what is tested several times slower; what a test waits for at most is as many times as long (tests/support/slowness.h).
set(slowness 1)
if(NOTIFYD_SANITIZE)
  set(slowness 5)
endif()
set(environment NOTIFYD_TEST_SLOWNESS=${slowness})
if(NOTIFYD_SANITIZE STREQUAL "thread")
  # Some tests begin a process of their own by fork, which goes on with threads: it ends by itself, whatever the sanitizer knows of its parent's.
  list(APPEND environment TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan-suppressions.txt:die_after_fork=0)
endif()

# How many seconds the longest tests take on two cores beside others. ctest begins with those, so that none of them is left to run alone at the end;
# what is not named here comes behind them.
set(durations
  postgres_cells_daemon_test 265 e2e_test 260 postgres_cluster_daemon_test 250 console_pages 250 console_actions 250 postgres_daemon_test 230
  postgres_faults_test 195 crash_test 105 storage_test 102 postgres_store_test 97 amqp_bridge_test 95 notifyctl_test 95 postgres_contract_test 94
  import_test 73 backup_test 72 core_test 72 sim_test 57 corrupt_files_test 52 shard_test 50 failing_disk_test 47 packaging_test 37 sender_test 35
  broker_functions_test 28 members_test 26 torture_points 25 http_test 21 clients_php_autoload 19 torture_kill 40 torture_power 170 doors_test 18 receivers_test 16)

# patience(NAME SECONDS): how long the test may take at most; what is not C++ finds the factor in its environment.
function(patience name seconds)
  math(EXPR seconds "${seconds} * ${slowness}")
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds} ENVIRONMENT "${environment}")
  list(FIND durations ${name} at)
  if(at GREATER_EQUAL 0)
    math(EXPR at "${at} + 1")
    list(GET durations ${at} duration)
    set_tests_properties(${name} PROPERTIES COST ${duration})
  endif()
endfunction()
