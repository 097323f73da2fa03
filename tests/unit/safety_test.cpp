// What keeps files, texts and memory safe: escapes, outputs that appear whole, limits of what is read.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/escape.h"
#include "base/files.h"
#include "base/json_object.h"
#include "base/memory_budget.h"
#include "base/spool.h"
#include "tests/catch.h"

using namespace tokenfab;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "tokenfab-safety-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::ptrdiff_t entries() const { return std::distance(fs::directory_iterator(path), fs::directory_iterator()); }
};

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class Body>
std::string message(Body body) {
  try {
    body();
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

const FileKind kNumbered = {"a numbered file", [](std::string_view head) { return head.starts_with("1:"); }};

std::string random_bytes(std::mt19937& random, std::size_t most) {
  std::string out(random() % (most + 1), '\0');
  for (char& c : out) c = static_cast<char>(random() % 4 == 0 ? random() : 0x20 + random() % 0x5F);
  return out;
}

}  // namespace

TEST_CASE("escaped text is printable UTF-8 on one line, and plain text is left as it is") {
  CHECK(escaped("plain, ü, 漢, 😀") == "plain, ü, 漢, 😀");
  CHECK(escaped("a\nb\tc\x1b[31m\r") == "a\\nb\\tc\\u001b[31m\\r");
  CHECK(escaped("\xff\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82") ==
        "\\xff\\xc0\\xaf|\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80|\\xe2\\x82");
  CHECK(escaped("\u2028\u202e\ufeff\u0085") == "\\u2028\\u202e\\ufeff\\u0085");
  CHECK(escaped(std::string_view("\0", 1)) == "\\u0000");
  CHECK(escaped_lines("a\nb\r") == "a\nb\\r");
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random_bytes(random, 60), shown = escaped(text);
    CHECK(is_utf8(shown));
    CHECK(std::none_of(shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
    CHECK(escaped(shown) == shown);
  }
}

TEST_CASE("a line is never longer than its limit, and keeps both ends") {
  std::mt19937 random(8);
  for (int i = 0; i < 500; ++i) {
    const std::string line = one_line(random_bytes(random, 4000), 100);
    CHECK(line.size() <= 100);
    CHECK(is_utf8(line));
  }
  const std::string line = one_line("file.json: /key: \"" + std::string(1 << 20, 'x') + "\" is not known");
  CHECK(line.size() <= kLongestErrorLine);
  CHECK_THAT(line, Catch::StartsWith("file.json: /key: ") && Catch::EndsWith("is not known"));
}

TEST_CASE("a CSV cell holds text that no spreadsheet runs, and numbers as they are") {
  CHECK(csv_cell("=1+1") == "'=1+1");
  CHECK(csv_cell("@SUM(A1)") == "'@SUM(A1)");
  CHECK(csv_cell("+x") == "'+x");
  CHECK(csv_cell("-cmd|' /C calc'!A0") == "'-cmd|' /C calc'!A0");
  CHECK(csv_cell("\t=1") == "\\t=1");
  for (const char* number : {"-1.5", "+2", "-1e-05", "0.25"}) CHECK(csv_cell(number) == number);
  CHECK(csv_cell("=A,\"B\"\n") == "\"'=A,\"\"B\"\"\\n\"");
}

TEST_CASE("an output appears whole over its own kind, or leaves what was there") {
  const Folder folder;
  const std::string path = folder.file("out");
  write_file(path, "1: first", kNumbered);
  CHECK(text_of(path) == "1: first");
  {
    OutputFile begun(path, kNumbered);
    begun.stream() << "1: half";
  }
  CHECK(text_of(path) == "1: first");
  chmod(path.c_str(), 0640);
  write_file(path, "1: second", kNumbered);
  CHECK(text_of(path) == "1: second");
  CHECK(fs::status(path).permissions() == fs::perms{0640});
  std::ofstream(path) << "a diary";
  CHECK(message([&] { write_file(path, "1: third", kNumbered); }) ==
        path + ": is there and is not a numbered file; remove it, or give the output another name");
  CHECK(text_of(path) == "a diary");
  CHECK(folder.entries() == 1);
}

TEST_CASE("an output is never one of the inputs, by whatever name") {
  const Folder folder;
  const std::string in = folder.file("in"), link = folder.file("link"), hard = folder.file("hard");
  std::ofstream(in) << "1: input";
  fs::create_symlink(in, link);
  fs::create_hard_link(in, hard);
  for (const std::string& name : {in, link, hard, folder.file("./in")})
    CHECK(message([&] { write_file(name, "1: new", kNumbered, {in}); }) ==
          name + ": is an input of this command; give the output another name");
  CHECK(text_of(in) == "1: input");
  write_file(link, "1: new", kNumbered);  // a link stays one
  CHECK(fs::is_symlink(link));
  CHECK(text_of(in) == "1: new");
}

TEST_CASE("paths that are no files, folders that are not there and full devices are refused in one line") {
  const Folder folder;
  for (const char* path : {"", ":memory:", ":", "file:x?mode=memory"})
    CHECK_THAT(message([&] { check_output_path(path, "-o"); }), Catch::StartsWith("-o"));
  CHECK(message([&] { check_output_path("./file:x", "-o"); }) == "no error");
  CHECK_THAT(message([&] { write_file(folder.path, "1:", kNumbered); }), Catch::EndsWith("is a folder, not a file"));
  CHECK_THAT(message([&] { write_file(folder.file("no/such/file"), "1:", kNumbered); }),
             Catch::Contains("cannot be opened for writing: No such file"));
  CHECK(message([&] { write_file("/dev/full", "1:", kNumbered); }) == "/dev/full: cannot be written: the disk is full");
  write_file("/dev/null", "1:", kNumbered);
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("what is read has a limit, and a pipe can be asked for twice") {
  const Folder folder;
  CHECK(message([] { read_file("/dev/zero", 1 << 20); }) == "/dev/zero: is longer than the 1.05 MB that are allowed");
  CHECK_THAT(message([&] { read_file(folder.path, 10); }), Catch::EndsWith("is a folder, not a file"));
  const std::string pipe = folder.file("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  if (fork() == 0) {
    std::ofstream(pipe) << "once";
    _exit(0);
  }
  CHECK(read_file(pipe, 10) == "once");
  CHECK(read_file(pipe, 10) == "once");
}

TEST_CASE("JSON deeper than its limit is refused wherever it stands, and brackets in texts do not count") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  nlohmann::json out;
  CHECK(try_parse_json(nested(kMostJsonDepth), out));
  for (const int depth : {kMostJsonDepth + 1, 60'000, 2'000'000}) {
    CHECK_FALSE(try_parse_json(nested(depth), out));
    CHECK_FALSE(try_parse_json("{\"a\": " + nested(depth), out));
    CHECK(message([&] { parse_json_text(nested(depth), "f"); }) == "f: has lists or objects more than 200 deep");
  }
  CHECK(try_parse_json("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\"", out));
  CHECK(parse_json_text("/* " + std::string(1000, '[') + " */ {} // " + std::string(1000, '{'), "f").empty());
  CHECK_THAT(message([] { parse_json_text("root:x:0:0:secret", "f"); }),
             Catch::StartsWith("f:1:1: not valid JSON: ") && !Catch::Contains("secret") && !Catch::Contains("'r"));
}

TEST_CASE("numbers that are none for arithmetic are refused at the door") {
  for (const char* bad : {"5e-324", "1e-101", "1e101", "-1e300"}) {
    const nlohmann::json value = nlohmann::json::parse(std::string("{\"x\": ") + bad + ", \"list\": [" + bad + "]}");
    const JsonObject object(value, "f");
    CHECK_THAT(message([&] { object.number("x"); }), Catch::Contains("f: /x: ") && Catch::Contains("allowed: 0, and"));
    CHECK_THAT(message([&] { object.numbers("list"); }), Catch::Contains("allowed: 0, and"));
  }
  const nlohmann::json good = {{"x", 0.0}, {"y", -1e-100}, {"z", 1e100}};
  for (const char* key : {"x", "y", "z"}) CHECK(JsonObject(good, "f").number(key) == good[key].get<double>());
  CHECK_THAT(message([] { parse_json_text("[1e999]", "f"); }), Catch::StartsWith("f: not valid JSON"));
}

TEST_CASE("what is spooled comes back, as often as it is asked for") {
  const Folder folder;
  Spool spool(folder.path);
  CHECK(folder.entries() == 0);  // the file has no name
  std::string all;
  std::mt19937 random(9);
  for (int i = 0; i < 50; ++i) {
    const std::string part = random_bytes(random, 5000);
    spool.write(part.data(), part.size());
    all += part;
  }
  for (int pass = 0; pass < 2; ++pass) {
    spool.rewind();
    std::string back(all.size() + 10, '\0');
    back.resize(spool.read(back.data(), back.size()));
    CHECK(back == all);
  }
}

TEST_CASE("a budget that is used up ends the work with what all of it would need") {
  const std::int64_t before = memory_budget();
  std::vector<char> held(std::size_t{64} << 20, 'x');
  const auto check = [&](std::int64_t budget, std::int64_t done, std::int64_t total) {
    set_memory_budget(budget);
    std::string why = "no error";
    try {
      check_memory(done, total);
    } catch (const Infeasible& e) {
      why = e.what();
    }
    set_memory_budget(before);
    return why;
  };
  const std::int64_t used = memory_in_use();
  CHECK(used >= static_cast<std::int64_t>(held.size()));
  CHECK(check(2 * used, 1, 10) == "no error");
  CHECK_THAT(check(used, 1, 1000), Catch::StartsWith("memory: the run needs some ") &&
                                       Catch::Contains("held at request 1 of 1,000") &&
                                       Catch::EndsWith("(--max-memory)"));
  CHECK_THAT(check(used, 10, 0), Catch::Contains("needs more than"));
}
