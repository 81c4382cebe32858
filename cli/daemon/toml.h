// toml++ as the readers of the configuration file see it. It asserts of a file what some files do not hold ("[[[a]"), at which a process would abort that
// was only to be told of new settings; here that is thrown, and caught where the file is read. Only cli/daemon/settings*.cc and .h include this.
#pragma once

#include <stdexcept>

namespace notifyd {

/// toml++ met in a text what it takes for impossible.
struct TomlFault : std::logic_error {
  using std::logic_error::logic_error;
};
[[noreturn]] inline void ThrowTomlFault(const char* what) {
  throw TomlFault(what);
}

}  // namespace notifyd

// With NDEBUG it would take for granted what it asserts.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) (static_cast<bool>(expression) ? static_cast<void>(0) : ::notifyd::ThrowTomlFault(#expression))
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")
