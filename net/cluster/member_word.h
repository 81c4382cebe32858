// A word from one member to another (broker/member_word.h) as it goes over HTTP: a POST of a JSON document to the members' own listener, answered
// with 204 once it was taken, and, where it asks for that, the store was looked at. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/member_word.h"
#include "net/cluster/meant_member.h"

namespace notifyd {

inline constexpr std::string_view kMemberWordTarget = "/member";

/// `to`: for whom it is.
std::string EncodeMemberWord(const MemberWord& word, const MeantMember& to = {});
/// `to`: may be null. Nothing: it is none. What it does not know it passes over: a later version may say more.
std::optional<MemberWord> DecodeMemberWord(std::string_view text, MeantMember* to = nullptr);

}  // namespace notifyd
