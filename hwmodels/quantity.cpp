#include "hwmodels/quantity.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace tokenfab {
namespace {

struct Unit {
  const char* name;
  double si;
};

const std::vector<Unit>& units(Quantity kind) {
  static const std::array<std::vector<Unit>, 9> table = {{
      {{"TFLOP/s", 1e12}, {"PFLOP/s", 1e15}},                                                            // flop_rate
      {{"GB", 1e9}, {"GiB", 1073741824.0}, {"MiB", 1048576.0}, {"TB", 1e12}, {"TiB", 1099511627776.0}},  // bytes
      {{"GB/s", 1e9}, {"TB/s", 1e12}, {"PB/s", 1e15}},                                                   // byte_rate
      {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}},                                              // seconds
      {{"W", 1}, {"kW", 1e3}},                                                                           // watts
      {{"kgCO2e", 1}},                                                                                   // carbon
      {{"USD", 1}},                                                                                      // dollars
      {{"1", 1}},                                                                                        // share
      {{"1", 1}, {"tokens", 1}, {"parameters", 1}},                                                      // count
  }};
  return table[static_cast<std::size_t>(kind)];
}

double si_factor(const JsonObject& object, Quantity kind) {
  const std::string unit = object.string("unit");
  std::vector<std::string> names;
  for (const Unit& u : units(kind)) {
    if (unit == u.name) return u.si;
    names.emplace_back(u.name);
  }
  object.fail("unit", "\"" + unit + "\" is not a unit of this field; allowed: " + join_names(names) +
                          nearest_hint(unit, names));
}

}  // namespace

std::string read_text(const JsonObject& object, const std::string& key) {
  std::string text = object.string(key);
  if (text.find_first_not_of(" \t\n") == std::string::npos) object.fail(key, "is empty");
  return text;
}

Sourced read_quantity(const JsonObject& parent, const std::string& key, Quantity kind, double low, double high) {
  if (!parent.raw(key).is_object())
    parent.fail(key,
                parent.raw(key).dump() + " has no provenance; expected {\"value\", \"unit\", \"source\", \"as_of\"}");
  const JsonObject object = parent.object(key);
  const double factor = si_factor(object, kind);
  Sourced out{object.number("value") * factor, object.string("unit"), read_text(object, "source"),
              read_text(object, "as_of")};
  const std::string unit = out.unit == "1" ? "" : " " + out.unit;
  if (out.value < low || out.value > high)
    object.fail("value", shortest(object.number("value")) + unit + " is not plausible; allowed: " +
                             shortest(low / factor) + " to " + shortest(high / factor) + unit);
  if (object.has("error")) out.error = object.number_in("error", 0, 100);
  object.finish();
  return out;
}

}  // namespace tokenfab
