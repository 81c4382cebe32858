// beanstalkd's protocol without a socket: what comes out of bytes, how they are cut, and what is kept of a connection.
#include "net/beanstalkd/beanstalkd_parser.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

constexpr size_t kMostJob = 100;
using Step = RequestParser::Step;

/// A connection: what it makes of bytes, a line each: "method target header=value,... body".
struct Wire {
  BeanstalkdParser parser{kMostJob};
  Wire() { parser.SetPeer(std::make_shared<const Peer>()); }

  std::vector<std::string> Feed(std::string_view bytes, size_t piece = std::string_view::npos) {
    std::vector<std::string> out;
    while (!bytes.empty()) {
      std::string_view rest = bytes.substr(0, piece);
      bytes.remove_prefix(rest.size());
      while (!rest.empty()) {
        size_t used = 0;
        const Step step = parser.Feed(rest, &used);
        rest.remove_prefix(used);
        CHECK((step == Step::kRequest || rest.empty()));
        if (step == Step::kRequest) out.push_back(Shown(parser.Take()));
      }
    }
    return out;
  }
  /// Of bytes that are one command.
  std::string One(std::string_view bytes) {
    const std::vector<std::string> all = Feed(bytes);
    REQUIRE(all.size() == 1);
    return all[0];
  }
  static std::string Shown(const HttpRequest& request) {
    std::string out = request.method + " " + request.target;
    for (const auto& [name, value] : request.headers) out += " " + name + "=" + value;
    return request.method == "put" ? out + " <" + request.body + ">" : out;
  }
};

const std::string kBad = "say BAD_FORMAT\r\n";
const std::string kUnknown = "say UNKNOWN_COMMAND\r\n";

}  // namespace

TEST_CASE("beanstalkd parser: a put is taken with its job, byte for byte") {
  Wire wire;
  CHECK(wire.One("put 1 2 3 5\r\nhello\r\n") == "put default pri=1 delay=2 <hello>");
  CHECK(wire.One("put  4294967295  4294967295 4294967295  0\r\n\r\n") == "put default pri=4294967295 delay=4294967295 <>");
  CHECK(wire.One(std::string_view("put 0 0 0 7\r\n\r\n\0\xFFput\r\n", 22)) == std::string("put default pri=0 delay=0 <\r\n\0\xFFput>", 35));
  CHECK(wire.One("use a\r\n") == "say USING a\r\n");
  CHECK(wire.One("put 0 0 0 1\r\nx\r\n") == "put a pri=0 delay=0 <x>");
}

TEST_CASE("beanstalkd parser: what comes out does not depend on how the bytes are cut") {
  const std::string all = "use t\r\nput 1 0 60 5\r\nhello\r\nput 1 0 60 101\r\n" + std::string(101, 'x') + "\r\nput 1 0 60 2\r\nabcd" + "stats\r\n" +
                          std::string(300, 'l') + "\r\nwatch w\r\nlist-tubes-watched\r\npeek 5\r\nquit\r\n";
  Wire whole;
  const std::vector<std::string> expected = whole.Feed(all);
  CHECK(expected == std::vector<std::string>{"say USING t\r\n", "put t pri=1 delay=0 <hello>", "say JOB_TOO_BIG\r\n", "say EXPECTED_CRLF\r\n",
                                             "stats t", kBad, "say WATCHING 2\r\n", "say OK 18\r\n---\n- default\n- w\n\r\n", "peek 5", "quit "});
  for (size_t piece : {1, 2, 3, 7, 50}) CHECK(Wire().Feed(all, piece) == expected);
}

TEST_CASE("beanstalkd parser: a put that is not well-formed is refused, and what follows is read as commands") {
  for (const char* line : {"put ", "put 1", "put 1 2", "put 1 2 3", "put a 0 0 1", "put 1 -1 0 1", "put -1 0 0 1", "put 4294967296 0 0 1",
                           "put 0 0 0 x", "put 0 0 0 1 1", "put 0 0 0 1x", "put 0 0 0 1.5", "put 0 0 0 99999999999999999999"}) {
    CAPTURE(line);
    Wire wire;
    CHECK(wire.Feed(std::string(line) + "\r\nx\r\n") == std::vector<std::string>{kBad, kUnknown});
  }
  Wire wire;
  CHECK(wire.One("put\r\n") == kUnknown);
}

TEST_CASE("beanstalkd parser: a job that is too big is read and thrown away, whatever else is wrong with it") {
  Wire wire;
  CHECK(wire.One("put 0 0 0 100\r\n" + std::string(100, 'x') + "\r\n") == "put default pri=0 delay=0 <" + std::string(100, 'x') + ">");
  CHECK(wire.Feed("put 0 0 0 101\r\n" + std::string(103, 'x') + "stats\r\n") == std::vector<std::string>{"say JOB_TOO_BIG\r\n", "stats default"});
  CHECK(wire.Feed("put 0 0 0 101 x\r\n" + std::string(103, 'x')) == std::vector<std::string>{"say JOB_TOO_BIG\r\n"});
  CHECK(wire.Feed("put 0 0 0 4294967295\r\n" + std::string(70'000, 'x')).empty());
  CHECK(wire.parser.held_bytes() == 0);
  CHECK(wire.parser.in_body());
}

TEST_CASE("beanstalkd parser: a job without its CR-LF is none") {
  for (const char* behind : {"xx", "\n\n", "\r\r", "\rx", "x\n"}) {
    CAPTURE(behind);
    Wire wire;
    CHECK(wire.Feed(std::string("put 0 0 0 1\r\na") + behind + "stats\r\n") == std::vector<std::string>{"say EXPECTED_CRLF\r\n", "stats default"});
  }
}

TEST_CASE("beanstalkd parser: a line has 224 bytes at most, its CR-LF included") {
  Wire wire;
  const std::string longest = "put " + std::string(211, ' ') + "1 2 3 0";
  REQUIRE(longest.size() == 222);
  CHECK(wire.One(longest + "\r\n\r\n") == "put default pri=1 delay=2 <>");
  CHECK(wire.One(" " + longest + "\r\n") == kBad);
  CHECK(wire.Feed(std::string(5'000, 'x') + "\r\nstats\r\n") == std::vector<std::string>{kBad, "stats default"});
  // A line feed alone, and a carriage return alone, end nothing.
  CHECK(wire.Feed("stats\nstats\r stats\r\n") == std::vector<std::string>{kBad});
  CHECK(wire.Feed(std::string(223, 'x') + "\r\nstats\r\n") == std::vector<std::string>{kBad, "stats default"});
}

TEST_CASE("beanstalkd parser: tubes in use and watched are the connection's") {
  Wire wire;
  CHECK(wire.parser.forgetful());
  CHECK(wire.One("list-tube-used\r\n") == "say USING default\r\n");
  CHECK(wire.One("list-tubes-watched\r\n") == "say OK 14\r\n---\n- default\n\r\n");
  CHECK(wire.One("ignore default\r\n") == "say NOT_IGNORED\r\n");
  CHECK(wire.One("ignore other\r\n") == "say WATCHING 1\r\n");
  CHECK(wire.One("watch a\r\n") == "say WATCHING 2\r\n");
  CHECK(wire.One("watch a\r\n") == "say WATCHING 2\r\n");
  CHECK_FALSE(wire.parser.forgetful());
  CHECK(wire.One("ignore default\r\n") == "say WATCHING 1\r\n");
  CHECK(wire.One("ignore a\r\n") == "say NOT_IGNORED\r\n");
  CHECK(wire.One("use b\r\n") == "say USING b\r\n");
  CHECK(wire.One("list-tube-used\r\n") == "say USING b\r\n");
  CHECK(wire.One("list-tubes\r\n") == "list-tubes b used=b watched=a");
  CHECK(wire.One("stats-tube c\r\n") == "stats-tube c used=b watched=a");
  CHECK(wire.One("peek-ready\r\n") == "peek-ready b");
  // What it keeps of them is bounded, however long their names are.
  for (const std::string& begin : {std::string("w"), std::string(190, 'w')}) {
    Wire full;
    size_t count = 1;
    while (full.One("watch " + begin + std::to_string(count) + "\r\n") == "say WATCHING " + std::to_string(count + 1) + "\r\n") ++count;
    CHECK((count - 1) * (begin.size() + sizeof(std::string)) <= BeanstalkdParser::kMostWatchedBytes);
    CHECK(count >= 17);
    CHECK(full.One("watch " + begin + "one-more\r\n") == "say OUT_OF_MEMORY\r\n");
    CHECK(full.One("watch " + begin + "1\r\n") == "say WATCHING " + std::to_string(count) + "\r\n");
    full.One("ignore " + begin + "1\r\n");
    CHECK(full.One("watch " + begin + "2\r\n") == "say WATCHING " + std::to_string(count - 1) + "\r\n");
  }
}

TEST_CASE("beanstalkd parser: names of tubes are beanstalkd's") {
  const std::string longest(200, 't');
  for (const std::string& good : {std::string("a"), std::string("A-Z+/;.$_()09"), longest}) {
    Wire wire;
    CHECK(wire.One("use " + good + "\r\n") == "say USING " + good + "\r\n");
  }
  for (const std::string& bad : {std::string(), std::string("-a"), std::string("a b"), std::string("a:b"), std::string("\xC3\xA9"), longest + "t",
                                 std::string("a\0b", 3), std::string(" a")}) {
    for (const char* command : {"use ", "watch ", "ignore ", "stats-tube "}) {
      Wire wire;
      CHECK(wire.One(command + bad + "\r\n") == kBad);
    }
    Wire wire;
    CHECK(wire.One("use default\r\n") == "say USING default\r\n");
  }
}

TEST_CASE("beanstalkd parser: commands about a job, a tube, and all of it") {
  Wire wire;
  for (const std::string& command : {std::string("peek"), std::string("delete"), std::string("kick-job"), std::string("stats-job")}) {
    CHECK(wire.One(command + " 12\r\n") == command + " 12");
    CHECK(wire.One(command + "   18446744073709551615\r\n") == command + " 18446744073709551615");
    for (const char* bad : {" ", " x", " -1", " 1 ", " 1x", " 1.5", " 18446744073709551616"}) CHECK(wire.One(command + bad + "\r\n") == kBad);
    // "stats" with something behind it.
    CHECK(wire.One(command + "\r\n") == (command == "stats-job" ? kBad : kUnknown));
  }
  for (const std::string& command : {std::string("peek-ready"), std::string("peek-delayed"), std::string("peek-buried"), std::string("stats"),
                                     std::string("list-tube-used"), std::string("list-tubes-watched"), std::string("list-tubes")})
    for (const char* behind : {" ", "x", " x"}) CHECK(wire.One(command + behind + "\r\n") == kBad);
  CHECK(wire.One("kick 5\r\n") == "kick default bound=5");
  CHECK(wire.One("kick 5 and more\r\n") == "kick default bound=5");
  CHECK(wire.One("kick 18446744073709551615\r\n") == "kick default bound=4294967295");
  for (const char* bad : {"kick x\r\n", "kick \r\n"}) CHECK(wire.One(bad) == kBad);
  CHECK(wire.One("pause-tube a 5\r\n") == "pause-tube a delay=5 used=default watched=default");
  CHECK(wire.One("pause-tube  a  5\r\n") == "pause-tube a delay=5 used=default watched=default");
  for (const char* bad : {"pause-tube\r\n", "pause-tube a\r\n", "pause-tube a b\r\n", "pause-tube a -1\r\n", "pause-tube a 5 6\r\n",
                          "pause-tube -a 5\r\n", "pause-tube a 4294967296\r\n"})
    CHECK(wire.One(bad) == kBad);
  CHECK(wire.One("quit\r\n") == "quit ");
}

TEST_CASE("beanstalkd parser: there are no consumers here") {
  Wire wire;
  for (const char* command : {"reserve", "reserve-with-timeout 5", "reserve-job 5", "release 5 1 0", "bury 5 1", "touch 5", "", " ", "PUT 1 1 1 1",
                              "nonsense", "put\t1 2 3 4", "GETS", "get /"})
    CHECK(wire.One(std::string(command) + "\r\n") == kUnknown);
  CHECK(wire.One(std::string("stats\0\r\n", 8)) == kBad);
}

TEST_CASE("beanstalkd parser: whoever speaks HTTP is refused before a body that reads as commands") {
  for (const std::string& method : {std::string("GET"), std::string("HEAD"), std::string("POST"), std::string("OPTIONS")})
    for (const std::string& path : {std::string("/"), "/" + std::string(300, 'p')}) {
      CAPTURE(method, path.size());
      Wire wire;
      size_t used = 0;
      const std::string head = method + " " + path + " HTTP/1.1\r\nHost: h\r\n\r\nput 0 0 1 1\r\nx\r\n";
      CHECK(wire.parser.Feed(head, &used) == Step::kRefused);
      CHECK(used <= BeanstalkdParser::kMostLineBytes);
      CHECK(wire.parser.RefusalOf(wire.parser.refusal_status()).empty());
    }
}

TEST_CASE("beanstalkd parser: what the server itself refuses is said in the protocol's words") {
  const BeanstalkdParser parser(kMostJob);
  CHECK(parser.RefusalOf(429) == "OUT_OF_MEMORY\r\n");
  CHECK(parser.RefusalOf(503) == "DRAINING\r\n");
  CHECK(parser.RefusalOf(408).empty());
  CHECK(parser.bare_answers());
  CHECK(parser.may_rest());
}
