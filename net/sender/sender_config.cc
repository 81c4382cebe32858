#include "net/sender/sender_config.h"

#include <utility>

namespace notifyd {

std::shared_ptr<const SenderConfig> MakeSenderConfig(const SenderOptions& options, DestinationPolicy policy, const SenderSelf& self) {
  policy.RefuseOwn(self.listeners);
  return std::make_shared<const SenderConfig>(SenderConfig{options, std::move(policy), SecretNames(options.secret_headers), self.via});
}

}  // namespace notifyd
