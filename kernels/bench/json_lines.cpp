#include "kernels/bench/json_lines.h"

#include <cstdio>
#include <fstream>
#include <map>

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
  return "\"copy_gbps\":" + number(c.copy_gbps) + ",\"triad_gbps\":" + number(c.triad_gbps) +
         ",\"read_gbps\":" + number(c.read_gbps) + ",\"peak_tflops\":" + number(c.tflops);
}

}  // namespace

std::string header_line(const BenchHeader& h) {
  return "{\"header\":true,\"device\":" + quoted(h.device) + ",\"version\":" + quoted(h.version) +
         ",\"date\":" + quoted(h.date) + ",\"note\":" + quoted(h.note) + "," + ceilings_fields(h.ceilings) + "}";
}

std::string begin_line(const std::string& name) { return "{\"begin\":" + quoted(name) + "}"; }

std::string ceilings_line(const Ceilings& c, const Ceilings& before) {
  std::string line = "{\"ceilings_at_end\":true," + ceilings_fields(c);
  if (before.best_gbps() > 0) line += ",\"bandwidth_drift\":" + number(c.best_gbps() / before.best_gbps());
  if (before.tflops > 0) line += ",\"peak_drift\":" + number(c.tflops / before.tflops);
  return line + "}";
}

std::string row_line(const BenchRow& r, const Ceilings& c) {
  std::string line = "{\"name\":" + quoted(r.name) + ",\"family\":" + quoted(r.family) +
                     ",\"bytes\":" + number(r.bytes) + ",\"flop\":" + number(r.flop);
  if (!r.failure.empty()) return line + ",\"failure\":" + quoted(r.failure) + "}";
  line += ",\"error_over_tolerance\":" + number(r.error);
  if (!r.good()) return line + ",\"correct\":false}";
  line += ",\"correct\":true,\"median_us\":" + number(r.median_us) + ",\"p10_us\":" + number(r.p10_us) +
          ",\"p90_us\":" + number(r.p90_us) + ",\"rounds\":" + std::to_string(r.rounds) +
          ",\"copies\":" + std::to_string(r.copies) + ",\"rotated_bytes\":" + number(r.rotated_bytes) +
          ",\"gbps\":" + number(r.gbps()) + ",\"tflops\":" + number(r.tflops());
  if (c.best_gbps() > 0) line += ",\"of_bandwidth\":" + number(r.gbps() / c.best_gbps());
  if (c.tflops > 0) line += ",\"of_peak\":" + number(r.tflops() / c.tflops);
  line += ",\"baseline_us\":" + (r.baseline_us > 0 ? number(r.baseline_us) : "null");
  return line + "}";
}

std::set<std::string> known_names(const std::string& path) {
  std::set<std::string> names;
  std::map<std::string, int> begun;
  std::ifstream in(path);
  const auto name_in = [](const std::string& line, const std::string& start) -> std::string {
    if (line.rfind(start, 0) != 0 || line.back() != '}') return "";
    return line.substr(start.size(), line.find('"', start.size()) - start.size());
  };
  for (std::string line; std::getline(in, line);) {
    const std::string ended = name_in(line, "{\"name\":\""), began = name_in(line, "{\"begin\":\"");
    if (!ended.empty() && line.find("\"correct\":false") == std::string::npos) names.insert(ended);
    if (!ended.empty()) begun.erase(ended);
    if (!began.empty() && ++begun[began] >= 2) names.insert(began);
  }
  return names;
}

bool ends_inside_line(const std::string& path) {
  std::ifstream in(path, std::ios::ate);
  if (!in || in.tellg() <= 0) return false;
  in.seekg(-1, std::ios::end);
  return in.get() != '\n';
}

}  // namespace tokenfab::kernels
