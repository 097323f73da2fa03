#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tokenfab::cli {

struct AuditArgs {
  std::vector<std::string> files;  // claims of the user's own; none: the shipped ones
  std::vector<std::string> only;   // ids
  std::string output;
  bool json = false;
};
void audit(const AuditArgs& args);

/// The subcommand `audit`.
void add_audit(CLI::App& app);

}  // namespace tokenfab::cli
