// The scenario loader: any bytes give a scenario or one of our errors, never a crash or an internal error.
#include <cstdint>
#include <string>

#include "base/error.h"
#include "scenarios/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    tokenfab::parse_scenario(text, "fuzz.json", {});
  } catch (const tokenfab::UserError&) {
  } catch (const tokenfab::Infeasible&) {
  }
  return 0;
}
