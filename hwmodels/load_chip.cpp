#include <nlohmann/json.hpp>

#include "base/text.h"
#include "hwmodels/catalog_files.h"
#include "hwmodels/quantity.h"

namespace tokenfab {
namespace {

std::map<std::string, Sourced> read_peaks(const JsonObject& file) {
  const JsonObject peaks = file.object("peak_dense");
  std::map<std::string, Sourced> out;
  for (const char* dtype : {"bf16", "fp8", "int8"})
    if (peaks.has(dtype)) out[dtype] = read_quantity(peaks, dtype, Quantity::flop_rate, 1e11, 1e17);
  peaks.finish();
  if (!out.count("bf16")) peaks.fail("bf16", "is missing");
  return out;
}

Backing read_backing(const JsonObject& b) {
  Backing out{read_quantity(b, "memory", Quantity::bytes, 1e9, 1e14),
              read_quantity(b, "bandwidth", Quantity::byte_rate, 1e8, 1e14)};
  b.finish();
  return out;
}

}  // namespace

Chip load_chip(const std::string& path) {
  const nlohmann::json text = parse_json_file(path);
  const JsonObject file(text, path);
  read_id(file);
  return read_chip(file);
}

Chip read_chip(const JsonObject& file) {
  const auto quantity = [&](const char* key, Quantity kind, double low, double high) {
    return read_quantity(file, key, kind, low, high);
  };
  Chip c;
  c.id = read_text(file, "id");
  c.name = read_text(file, "name");
  c.vendor = read_text(file, "vendor");
  c.family = file.one_of("family", {"hbm", "sram-pipeline", "tiered"});
  c.topology = file.one_of("topology", {"switched", "mesh", "pcie", "ring", "torus-2d", "torus-3d", "dragonfly"});
  if (file.has("matrix_tile")) c.matrix_tile = static_cast<int>(file.integer("matrix_tile", 1, 4096));
  if (c.topology.starts_with("torus")) c.torus_wrap = static_cast<int>(file.integer("torus_wrap", 0, 1024));
  if (c.family == "tiered") c.backing = read_backing(file.object("backing"));
  const bool sram = c.family == "sram-pipeline";
  c.peak = read_peaks(file);
  c.memory = quantity("memory", Quantity::bytes, sram ? 1e6 : 1e9, 1e13);
  c.bandwidth = quantity("bandwidth", Quantity::byte_rate, 1e9, sram ? 1e17 : 1e14);
  c.link = quantity("link", Quantity::byte_rate, 1e8, 1e13);
  c.link_latency = quantity("link_latency", Quantity::seconds, 1e-9, 1e-3);
  c.scale_up_domain = static_cast<int>(file.integer("scale_up_domain", 1, 100000));
  c.network = quantity("network", Quantity::byte_rate, 1e7, 1e12);
  c.network_latency = quantity("network_latency", Quantity::seconds, 1e-7, 1e-2);
  c.tdp = quantity("tdp", Quantity::watts, 5, 100000);
  c.idle_power = quantity("idle_power", Quantity::watts, 0, c.tdp.value);
  c.host_power = quantity("host_power", Quantity::watts, 0, 20000);
  if (file.has("embodied")) c.embodied = quantity("embodied", Quantity::carbon, 1, 1e5);
  if (file.has("capex")) c.capex = quantity("capex", Quantity::dollars, 10, 1e7);
  file.finish();
  return c;
}

}  // namespace tokenfab
