#include "cli/daemon/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

#include "base/hex.h"

namespace notifyd {
namespace {

/// A file in memory, of which nothing is believed: what lies beyond its end is not there.
class Bytes {
 public:
  explicit Bytes(const std::string& file) {
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    if (fd >= 0 && fstat(fd, &about) == 0 && about.st_size > 0) {
      size_ = static_cast<size_t>(about.st_size);
      data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0) close(fd);
    if (data_ == MAP_FAILED) size_ = 0;
  }
  ~Bytes() {
    if (size_ > 0) munmap(data_, size_);
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  template <class T>
  bool Read(uint64_t at, T* value) const {
    if (at > size_ || size_ - at < sizeof(T)) return false;
    std::memcpy(value, static_cast<const char*>(data_) + at, sizeof(T));
    return true;
  }
  std::string_view Text(uint64_t at) const {
    if (at >= size_) return {};
    const char* begin = static_cast<const char*>(data_) + at;
    return {begin, strnlen(begin, size_ - at)};
  }
  std::string_view Part(uint64_t at, uint64_t size) const {
    if (at > size_ || size_ - at < size) return {};
    return {static_cast<const char*>(data_) + at, size};
  }

 private:
  void* data_ = MAP_FAILED;
  size_t size_ = 0;
};

struct Function {
  uint64_t begin, size;
  std::string_view name;
};

}  // namespace

/// The functions of an ELF file of 64 bits, by their addresses in it.
class Symbols::File {
 public:
  explicit File(const std::string& file) : bytes_(file) {
    Elf64_Ehdr head{};
    if (!bytes_.Read(0, &head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64) return;
    for (size_t i = 0; i < head.e_phnum; ++i) {
      Elf64_Phdr segment{};
      if (!bytes_.Read(head.e_phoff + i * sizeof segment, &segment)) break;
      if (segment.p_type == PT_LOAD) segments_.push_back(segment);
      if (segment.p_type == PT_NOTE) ReadNotes(segment);
    }
    ReadFunctions(head);
  }

  const std::string& build_id() const { return build_id_; }

  std::string FunctionAt(uint64_t offset) const {
    for (const Elf64_Phdr& segment : segments_) {
      if (offset < segment.p_offset || offset - segment.p_offset >= segment.p_filesz) continue;
      const uint64_t address = offset - segment.p_offset + segment.p_vaddr;
      auto next = std::upper_bound(functions_.begin(), functions_.end(), address, [](uint64_t a, const Function& each) { return a < each.begin; });
      if (next == functions_.begin()) return {};
      const Function& function = *--next;
      return address - function.begin < std::max<uint64_t>(function.size, 1) ? std::string(function.name) : std::string();
    }
    return {};
  }

 private:
  void ReadNotes(const Elf64_Phdr& segment) {
    for (uint64_t at = segment.p_offset; at < segment.p_offset + segment.p_filesz;) {
      Elf64_Nhdr note{};
      if (!bytes_.Read(at, &note)) return;
      const auto padded = [](uint64_t size) { return (size + 3) & ~uint64_t{3}; };
      const uint64_t name = at + sizeof note, body = name + padded(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID && bytes_.Part(name, note.n_namesz) == std::string_view("GNU", 4))
        build_id_ += HexOf(bytes_.Part(body, note.n_descsz));
      at = body + padded(note.n_descsz);
    }
  }

  /// Of the whole symbol table; where that was stripped, of those for other files.
  void ReadFunctions(const Elf64_Ehdr& head) {
    for (uint32_t type : {SHT_SYMTAB, SHT_DYNSYM}) {
      for (size_t i = 0; i < head.e_shnum; ++i) {
        Elf64_Shdr section{}, names{};
        if (!bytes_.Read(head.e_shoff + i * sizeof section, &section) || section.sh_type != type) continue;
        if (!bytes_.Read(head.e_shoff + section.sh_link * sizeof names, &names)) continue;
        Elf64_Sym symbol{};
        for (uint64_t at = section.sh_offset; at < section.sh_offset + section.sh_size && bytes_.Read(at, &symbol); at += sizeof symbol) {
          if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value != 0)
            functions_.push_back({symbol.st_value, symbol.st_size, bytes_.Text(names.sh_offset + symbol.st_name)});
        }
      }
      if (!functions_.empty()) break;
    }
    std::sort(functions_.begin(), functions_.end(), [](const Function& a, const Function& b) { return a.begin < b.begin; });
  }

  const Bytes bytes_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Function> functions_;
  std::string build_id_;
};

Symbols::Symbols() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long long begin = 0, end = 0, offset = 0;
    char rights[5] = {};
    int name = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx %4s %llx %*s %*s %n", &begin, &end, rights, &offset, &name) < 4) continue;
    if (rights[2] != 'x') continue;
    CodeMapping mapping{begin, end, offset, line.substr(std::min(static_cast<size_t>(name), line.size())), {}};
    files_.push_back(mapping.file.starts_with('/') ? std::make_unique<File>(mapping.file) : nullptr);
    if (files_.back()) mapping.build_id = files_.back()->build_id();
    mappings_.push_back(std::move(mapping));
  }
}

Symbols::~Symbols() = default;

int Symbols::MappingOf(uint64_t address) const {
  for (size_t i = 0; i < mappings_.size(); ++i)
    if (address >= mappings_[i].begin && address < mappings_[i].end) return static_cast<int>(i);
  return -1;
}

std::string Symbols::FunctionAt(uint64_t address) const {
  const int at = MappingOf(address);
  if (at < 0 || !files_[static_cast<size_t>(at)]) return {};
  const CodeMapping& mapping = mappings_[static_cast<size_t>(at)];
  return files_[static_cast<size_t>(at)]->FunctionAt(address - mapping.begin + mapping.offset);
}

std::string Symbols::Readable(const std::string& function) {
  int status = 0;
  char* text = abi::__cxa_demangle(function.c_str(), nullptr, nullptr, &status);
  std::string readable = status == 0 && text ? text : function;
  std::free(text);
  return readable;
}

}  // namespace notifyd
