// Any text is compiled as a schema and as a transform, or refused, never anything else; what is compiled judges any data, and tells a place in it.
// Input: size of the schema (2 bytes), schema, data.
#include "base/bytes.h"
#include "base/check.h"
#include "broker/schema.h"
#include "broker/transform.h"

using namespace notifyd;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Decoder input(std::string_view(reinterpret_cast<const char*>(bytes), size));
  const size_t schema_size = static_cast<size_t>(input.U8()) << 8 | input.U8();
  const std::string text(input.Raw(schema_size));
  if (!input.ok()) return 0;
  const std::string data(input.rest());

  Result<std::shared_ptr<const Schema>> schema = Schema::Compile(text);
  Result<Transform> transform = Transform::Compile(text);
  if (!schema.ok()) {
    CHECK(schema.status().code() == Code::kUnacceptable);
    CHECK(IsJsonPointer(schema.status().field()));
  }
  Result<JsonTree> tree = JsonTree::Parse(data);
  if (!tree.ok()) return 0;
  if (schema.ok()) {
    Status status = (*schema)->Validate(tree->root());
    CHECK(status.ok() || (status.code() == Code::kUnacceptable && IsJsonPointer(status.field())));
  }
  if (transform.ok()) {
    Result<std::string> made = transform->Apply(tree->root(), 1 << 20);
    CHECK(made.ok() && JsonTree::Parse(*made).ok());
  }
  return 0;
}
