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
# patience(NAME SECONDS): how long the test may take at most; what is not C++ finds the factor in its environment.
function(patience name seconds)
  math(EXPR seconds "${seconds} * ${slowness}")
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds} ENVIRONMENT "${environment}")
endfunction()
