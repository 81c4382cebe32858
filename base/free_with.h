// Owns what a C library made.
#pragma once

namespace notifyd {

/// A deleter for std::unique_ptr: frees with the library's own function, as in `std::unique_ptr<BIO, FreeWith<BIO_free_all>>`.
template <auto free_function>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};

}  // namespace notifyd
