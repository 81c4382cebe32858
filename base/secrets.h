// Secrets: which headers carry credentials, and how what they carry is kept out of what others see. Pure, any thread.
//
// The one list of such names: what the API shows, what a PATCH may leave as it is, and what a receiver that echoes its request gives away are
// judged by it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace notifyd {

/// What is shown in place of a secret.
inline constexpr std::string_view kHiddenValue = "***";

class SecretNames {
 public:
  /// `more`: names of headers, in any case, beside those that always are secret: Authorization, Cookie, Proxy-Authorization, and whatever ends in
  /// "-Key" (but Idempotency-Key), "-Token" or "-Secret".
  explicit SecretNames(std::vector<std::string> more = {}) : more_(std::move(more)) {}
  /// All there are: for whoever may see the value of none.
  static const SecretNames& Every();
  /// Does the header of this name (any case) carry a secret?
  bool Contains(std::string_view header) const;

 private:
  std::vector<std::string> more_;
  bool every_ = false;
};

/// The secrets of one request, to be found again in what came back.
class SecretValues {
 public:
  /// Shorter ones are not looked for: they would be found everywhere.
  static constexpr size_t kLeastBytes = 8;
  /// Of a text that was cut, so much of a secret's beginning at its end is taken for the secret.
  static constexpr size_t kLeastCutBytes = 4;

  using Headers = std::vector<std::pair<std::string, std::string>>;
  /// Knows no secret.
  SecretValues() = default;
  /// Takes the values of those that `names` contains: without the word of an authorization scheme before them; of a Cookie its values one by one,
  /// too.
  SecretValues(const SecretNames& names, const Headers& headers);

  /// Those of `other`, too.
  void Add(const SecretValues& other);
  bool empty() const { return values_.empty(); }
  size_t size() const { return values_.size(); }
  /// Returns `text` with each of them replaced by kHiddenValue: as it is, in JSON's escapes and in percent escapes, with "+" for a blank too. `cut`:
  /// the text went on. Linear in the text, for each value.
  std::string Mask(std::string_view text, bool cut) const;

 private:
  void Add(std::string_view value);

  std::vector<std::string> values_;
};

}  // namespace notifyd
