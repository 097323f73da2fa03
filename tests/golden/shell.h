#pragma once
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/catch.h"

/// The tool from outside.
namespace tokenfab::golden {

namespace fs = std::filesystem;
using nlohmann::json;

struct Result {
  int code = -1;
  std::string out, err;
};

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A folder that is the tool's working directory and goes away with the test.
struct Shell {
  fs::path folder;
  Shell() {
    std::string name = (fs::temp_directory_path() / "tokenfab-cli-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~Shell() { fs::remove_all(folder); }

  Result operator()(const std::string& arguments) const {
    const std::string err = (folder / "stderr.txt").string();
    const std::string command =
        "cd '" + folder.string() + "' && '" TOKENFAB_BINARY "' " + arguments + " 2>'" + err + "' </dev/null";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Result r;
    std::array<char, 65536> buffer;
    for (std::size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) r.out.append(buffer.data(), n);
    const int status = pclose(pipe);
    r.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    r.err = read_file(err);
    return r;
  }
  json parsed(const std::string& arguments) const {
    const Result r = (*this)(arguments);
    INFO(arguments << "\n" << r.err);
    REQUIRE(r.code == 0);
    return json::parse(r.out);
  }
};

inline std::string one_line(const Result& r) {
  CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
  return r.err;
}

}  // namespace tokenfab::golden
