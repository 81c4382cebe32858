// A protobuf message as protoc reads it (Debian's protobuf-compiler), by a .proto file of tests/data.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace notifyd::test {

struct ProtoNode {
  std::vector<std::pair<std::string, ProtoNode>> fields;  // of a message
  std::string text;                                       // of anything else: bytes and strings as they are, else as protoc prints it

  /// All fields of that name.
  std::vector<const ProtoNode*> All(const std::string& name) const;
  /// The first one's text; empty where there is none.
  std::string Text(const std::string& name) const;
};

/// Throws where it does not decode, and where it holds a field that the file does not know.
ProtoNode DecodeProtobuf(const std::string& proto_file, const std::string& message, const std::string& bytes);

}  // namespace notifyd::test
