// What a member says of who sent a request, and for which member it is: any text, and any JSON in it, is somebody or nobody; and whoever it is comes
// back as he was, said again. Input: a byte that says whether what follows is the header as it stands, or what is in it.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/check.h"
#include "net/access/principal.h"
#include "net/cluster/passed_peer.h"

using namespace notifyd;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string header = (data[0] & 1) != 0 ? std::string(text) : EncodeBase64(text);
  if (const std::optional<MeantMember> member = DecodeMember(header)) CHECK(DecodeMember(EncodeMember(*member)) == member);
  PassedProgress progress;
  MeantMember to;
  const std::optional<Peer> read = DecodePeer(header, &progress, &to);
  if (!read) return 0;
  // Nobody comes from elsewhere as a member.
  CHECK(!read->serves.members);
  const std::string said = EncodePeer(*read, progress, to);
  PassedProgress progress_again;
  MeantMember to_again;
  const std::optional<Peer> again = DecodePeer(said, &progress_again, &to_again);
  CHECK(again);
  CHECK(again->address == read->address);
  CHECK(again->uid == read->uid);
  CHECK(again->serves == read->serves);
  CHECK((again->asker == nullptr) == (read->asker == nullptr));
  if (read->asker) {
    CHECK(again->asker->space == read->asker->space);
    CHECK(*again->asker->grant == *read->asker->grant);
    CHECK(again->asker->grant->grant.namespaces.names.size() == 1);
  }
  CHECK(to_again == to);
  CHECK(EncodePeer(*again, progress_again, to_again) == said);
  return 0;
}
