#include "cli/output_option.h"

#include "base/files.h"

namespace tokenfab::cli {

CLI::Option* add_output(CLI::App& app, const std::string& names, std::string& path, const std::string& description) {
  const std::string last = names.substr(names.rfind(',') + 1);
  const auto check = [last](const std::string& given) {
    check_output_path(given, last);
    return std::string();
  };
  return app.add_option(names, path, description)->check(CLI::Validator(check, "PATH"))->type_name("");
}

}  // namespace tokenfab::cli
