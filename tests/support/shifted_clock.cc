// Preloaded into a program under test (LD_PRELOAD), its clocks are ahead of the machine's by the seconds that stand in the file at CLOCK_AHEAD_FILE:
// what takes a day comes at once, as after a machine was asleep. Waits end when they would have by the machine's clocks.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

time_t AheadSeconds() {
  static const char* const path = getenv("CLOCK_AHEAD_FILE");
  if (!path) return 0;
  char text[32] = "";
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  return got > 0 ? atoll(text) : 0;
}

bool Shifts(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME_COARSE ||
         clock == CLOCK_MONOTONIC_COARSE;
}

timespec OfTheMachine(const timespec* until) {
  return {until->tv_sec - AheadSeconds(), until->tv_nsec};
}

template <class Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) {
  const long result = syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && Shifts(clock)) now->tv_sec += AheadSeconds();
  return static_cast<int>(result);
}

extern "C" int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  static const auto next = Next<int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  const timespec machine = OfTheMachine(until);
  return next(condition, mutex, &machine);
}

extern "C" int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until) {
  static const auto next = Next<int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*)>("pthread_cond_clockwait");
  const timespec machine = OfTheMachine(until);
  return next(condition, mutex, clock, &machine);
}
