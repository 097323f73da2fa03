#pragma once
#include <CLI/CLI.hpp>
#include <string>

namespace tokenfab::cli {

/// An option that takes the path of a file to write, and nothing else: no empty name, no name that SQLite or a shell
/// gives another meaning, no folder.
CLI::Option* add_output(CLI::App& app, const std::string& names, std::string& path, const std::string& description);

}  // namespace tokenfab::cli
