// How calls to robots are signed, by a secret that the robot's page shows. Pure. Made at each attempt: a robot refuses one that is an hour old.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace notifyd {

/// The URL with "timestamp" and "sign" behind it: base64 of HMAC-SHA256 by the secret of "<ms>\n<secret>".
/// https://open.dingtalk.com/document/robots/customize-robot-security-settings
std::string SignDingtalk(std::string_view url, std::string_view secret, WallTime now);

/// The body, a JSON object, with "timestamp" and "sign" in it: base64 of HMAC-SHA256, by "<seconds>\n<secret>", of nothing.
/// https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
std::string SignFeishu(std::string_view body, std::string_view secret, WallTime now);

}  // namespace notifyd
