#include "kernels/bench/json_lines.h"

#include <cstdio>
#include <fstream>

namespace tokenfab::kernels {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return text;
}

std::string ceilings_fields(const Ceilings& c) {
  return "\"copy_gbps\":" + number(c.copy_gbps) + ",\"read_gbps\":" + number(c.read_gbps) +
         ",\"peak_tflops\":" + number(c.tflops);
}

}  // namespace

std::string header_line(const BenchHeader& h) {
  return "{\"header\":true,\"device\":" + quoted(h.device) + ",\"version\":" + quoted(h.version) +
         ",\"date\":" + quoted(h.date) + ",\"note\":" + quoted(h.note) + "," + ceilings_fields(h.ceilings) + "}";
}

std::string ceilings_line(const Ceilings& c) { return "{\"ceilings_at_end\":true," + ceilings_fields(c) + "}"; }

std::string row_line(const BenchRow& r, const Ceilings& c) {
  std::string line = "{\"name\":" + quoted(r.name) + ",\"family\":" + quoted(r.family) +
                     ",\"bytes\":" + number(r.bytes) + ",\"flop\":" + number(r.flop) +
                     ",\"error_over_tolerance\":" + number(r.error);
  if (r.median_us <= 0) return line + ",\"correct\":false}";
  line += ",\"correct\":true,\"median_us\":" + number(r.median_us) + ",\"p10_us\":" + number(r.p10_us) +
          ",\"p90_us\":" + number(r.p90_us) + ",\"rounds\":" + std::to_string(r.rounds) +
          ",\"copies\":" + std::to_string(r.copies) + ",\"gbps\":" + number(r.gbps()) +
          ",\"tflops\":" + number(r.tflops());
  if (c.best_gbps() > 0)
    line += ",\"of_bandwidth\":" + number(r.gbps() / c.best_gbps()) + ",\"of_peak\":" + number(r.tflops() / c.tflops);
  if (r.baseline_us > 0) line += ",\"library_us\":" + number(r.baseline_us);
  return line + "}";
}

std::set<std::string> known_names(const std::string& path) {
  std::set<std::string> names;
  std::ifstream in(path);
  const std::string start = "{\"name\":\"";
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(start, 0) != 0 || line.back() != '}') continue;
    names.insert(line.substr(start.size(), line.find('"', start.size()) - start.size()));
  }
  return names;
}

}  // namespace tokenfab::kernels
