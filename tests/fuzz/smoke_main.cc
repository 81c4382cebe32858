// Runs a fuzz target's entry point without a fuzzer: over its corpus, then over so many inputs made of it by a seeded generator. What an input is
// follows from the seed and the corpus alone; one that breaks the target is named by its number and printed in hex.
//
// usage: TARGET CORPUS_DIRECTORY [ITERATIONS [SEED]]
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using notifyd::Random;

constexpr size_t kMaxBytes = 4096;

// What is being run, for the handler of a crash.
std::string g_input;
unsigned long long g_seed = 0, g_number = 0;

void OnCrash(int signal) {
  // The process ends here whatever happens: functions that a handler should not call do no more harm.
  std::fprintf(stderr, "\nsignal %d at input %llu of seed %llu, %zu bytes in hex:\n", signal, g_number, g_seed, g_input.size());
  for (unsigned char c : g_input) std::fprintf(stderr, "%02x", c);
  std::fprintf(stderr, "\n");
  std::fflush(stderr);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void Run(const std::string& input) {
  g_input = input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(g_input.data()), g_input.size());
  ++g_number;
}

std::vector<std::string> ReadCorpus(const char* directory) {
  std::vector<std::filesystem::path> paths;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(directory, missing)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

std::string Bytes(Random* random, size_t most) {
  std::string bytes(random->Below(most + 1), '\0');
  for (char& c : bytes) c = static_cast<char>(random->Next());
  return bytes;
}

char InterestingByte(Random* random) {
  static constexpr char kBytes[] = {'\0', '\x01', '\x7F', '\x80', '\xFF', '\r', '\n', ' ', '\t', '"', '\\', '{',
                                    '}',  '[',    ']',    ':',    ',',    '/',  '.',  '%', '-',  '0', '9',  'e'};
  return kBytes[random->Below(sizeof kBytes)];
}

/// One small change; `other` is what may be spliced in.
void Mutate(std::string* input, const std::string& other, Random* random) {
  const size_t at = random->Below(input->size() + 1);
  const size_t size = std::min(random->Below(input->size() - at + 1), random->Below(33));
  switch (random->Below(7)) {
    case 0:
      if (at < input->size()) (*input)[at] = static_cast<char>((*input)[at] ^ (1 << random->Below(8)));
      break;
    case 1:
      if (at < input->size()) (*input)[at] = InterestingByte(random);
      break;
    case 2:
      input->insert(at, 1, InterestingByte(random));
      break;
    case 3:
      input->insert(at, Bytes(random, 8));
      break;
    case 4:
      input->erase(at, size);
      break;
    case 5:
      input->insert(at, input->substr(random->Below(input->size() + 1), size));
      break;
    default: {
      const size_t from = random->Below(other.size() + 1);
      input->replace(at, size, other.substr(from, random->Below(65)));
    }
  }
  if (input->size() > kMaxBytes) input->resize(kMaxBytes);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY [ITERATIONS [SEED]]\n", argv[0]);
    return 2;
  }
  const unsigned long long iterations = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
  g_seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  for (int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, &OnCrash);

  const std::vector<std::string> corpus = ReadCorpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "no corpus in %s\n", argv[1]);
    return 2;
  }
  for (const std::string& input : corpus) Run(input);
  Run({});
  Random random(g_seed);
  const auto any = [&]() -> const std::string& { return corpus[random.Below(corpus.size())]; };
  for (unsigned long long i = 0; i < iterations; ++i) {
    // Half of them are changed once, so that many stay near what is valid; without a measure of coverage those that are far say little.
    std::string input = any();
    do {
      Mutate(&input, any(), &random);
    } while (random.Chance(0.5));
    Run(input);
  }
  std::printf("%llu inputs\n", g_number);
  return 0;
}
