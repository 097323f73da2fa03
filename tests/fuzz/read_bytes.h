#pragma once
#include <string>

namespace tokenfab::fuzz {

/// What a target of file_fuzz.cpp does with a file.
void read_bytes(const std::string& path);

}  // namespace tokenfab::fuzz
