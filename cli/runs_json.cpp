#include "cli/runs_json.h"

#include <array>
#include <nlohmann/json.hpp>

namespace tokenfab::cli {
namespace {

/// An element of a list that is a value of the outermost object.
std::string as_element(const nlohmann::json& value) {
  constexpr const char* kIndent = "    ";
  std::string out = kIndent;
  for (const char c : value.dump(2)) {
    out += c;
    if (c == '\n') out += kIndent;
  }
  return out;
}

}  // namespace

void RunsJson::add(const nlohmann::json& run) {
  if (runs_ == 0) first_ = run.dump();
  const std::string text = (runs_ == 0 ? "" : ",\n") + as_element(run);
  spool_.write(text.data(), text.size());
  ++runs_;
}

void RunsJson::print(std::ostream& out, const nlohmann::json& more) {
  nlohmann::json first = nlohmann::json::parse(first_);
  first.update(more);
  if (runs_ > 1) first["runs"] = nullptr;
  const std::string text = first.dump(2) + "\n", mark = "\n  \"runs\": null";
  const std::size_t at = runs_ > 1 ? text.find(mark) : std::string::npos;
  if (at == std::string::npos) {
    out << text;
    return;
  }
  out << text.substr(0, at) << "\n  \"runs\": [\n";
  spool_.rewind();
  std::array<char, 1 << 16> buffer;
  for (std::size_t n; (n = spool_.read(buffer.data(), buffer.size())) > 0;)
    out.write(buffer.data(), static_cast<std::streamsize>(n));
  out << "\n  ]" << text.substr(at + mark.size());
}

}  // namespace tokenfab::cli
