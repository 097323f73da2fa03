#include <Eigen/Dense>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/engine.h"
#include "cli/shown.h"
#include "kernels/bench/json_lines.h"

namespace tokenfab::cli {
namespace {

using namespace tokenfab::kernels;
using nlohmann::json;

/// Eigen's f32 product on one thread's worth of code as Debian builds it: the library a C++ programmer would reach for.
double eigen_us(std::int64_t m, std::int64_t n, std::int64_t k) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Matrix x = Matrix::Random(m, k), w = Matrix::Random(n, k);
  Matrix y(m, n);
  return time_calls([&] { y.noalias() = x * w.transpose(); }, [] {}, 5, 5e-3).median_s * 1e6;
}

json ceilings_json(const Ceilings& c) {
  return {{"copy_gbps", c.copy_gbps}, {"read_gbps", c.read_gbps}, {"peak_tflops", c.tflops}};
}

void dry_run(const EngineBenchArgs& args) {
  std::vector<std::vector<std::string>> rows{{"case", "MB", "GFLOP", "floor, us"}};
  json out = json::array();
  for (const auto& c : bench_cases(args.backend == "cuda" ? DType::bf16 : DType::f32, args.size)) {
    if (c->name.find(args.filter) == std::string::npos) continue;
    const double floor = std::max(c->bytes / args.gbps / 1e3, c->flop / args.tflops / 1e6);
    rows.push_back({c->name, shown("{:.3f}", c->bytes / 1e6), shown("{:.3f}", c->flop / 1e9), shown("{:.2f}", floor)});
    out.push_back({{"name", c->name}, {"bytes", c->bytes}, {"flop", c->flop}, {"floor_us", floor}});
  }
  if (args.json) std::cout << out.dump(2) << "\n";
  else
    std::cout << shown("floor at {} GB/s and {} TFLOP/s\n", shortest(args.gbps), shortest(args.tflops))
              << text_table(rows);
}

class Output {
 public:
  explicit Output(const std::string& path) : path_(path) {
    if (path.empty()) return;
    check_regular(path);
    const bool inside_line = ends_inside_line(path);
    file_.open(path, std::ios::app);
    if (!file_) throw UserError(path + ": cannot be written");
    if (inside_line) file_ << "\n";
  }
  void line(const std::string& text) {
    if (path_.empty()) return;
    file_ << text << "\n" << std::flush;
    if (!file_) throw UserError(path_ + ": cannot be written (disk full?)");
  }

 private:
  std::string path_;
  std::ofstream file_;
};

}  // namespace

void engine_bench(const EngineBenchArgs& given) {
  EngineBenchArgs args = given;
  if (args.size.empty()) args.size = args.backend == "cuda" ? "h200" : "cpu";
  if (args.size != "cpu" && args.size != "h200")
    throw UserError("--size \"" + args.size + "\" is not known; allowed: cpu, h200");
  if (args.dry_run) return dry_run(args);
  EngineArgs engine;
  engine.backend = args.backend;
  engine.fast = args.fast;
  const bool gpu = args.backend == "cuda";
  BenchOptions options;
  options.size = args.size, options.filter = args.filter, options.seconds = args.seconds, options.gpu = gpu;
  if (!args.output.empty()) options.known = known_names(args.output);
  if (!gpu) options.baseline = eigen_us;
  BenchHeader header;
  const auto first = open_backend(engine);
  header.device = first->description();
  header.ceilings = measure_ceilings(*first, gpu);
  header.version = TOKENFAB_VERSION;
  const std::time_t now = std::time(nullptr);
  char date[16];
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  header.date = date;
  Output out(args.output);
  out.line(header_line(header));
  std::vector<std::vector<std::string>> table{
      {"case", "us", "p10", "p90", "GB/s", "of bandwidth", "GFLOP/s", "of peak", "library, us"}};
  json rows = json::array();
  int wrong = 0;
  const int left = run_bench(
      [&] { return open_backend(engine); }, options,
      [&](const BenchRow& r) {
        out.line(row_line(r, header.ceilings));
        rows.push_back(json::parse(row_line(r, header.ceilings)));
        wrong += !r.good();
        if (r.median_us <= 0) {
          table.push_back({r.name, "WRONG", "", "", "", "", "", "", ""});
          return;
        }
        table.push_back({r.name, shown("{:.1f}", r.median_us), shown("{:.1f}", r.p10_us), shown("{:.1f}", r.p90_us),
                         shown("{:.1f}", r.gbps()), shown("{:.3f}", r.gbps() / header.ceilings.best_gbps()),
                         shown("{:.1f}", r.tflops() * 1e3), shown("{:.3f}", r.tflops() / header.ceilings.tflops),
                         r.baseline_us > 0 ? shown("{:.1f}", r.baseline_us) : "-"});
      });
  const Ceilings end = measure_ceilings(*first, gpu);
  out.line(ceilings_line(end, header.ceilings));
  if (args.json) {
    std::cout << json{{"device", header.device},
                      {"ceilings", ceilings_json(header.ceilings)},
                      {"ceilings_at_end", ceilings_json(end)},
                      {"rows", rows},
                      {"left", left},
                      {"wrong", wrong}}
                     .dump(2)
              << "\n";
  } else {
    std::cout
        << shown("{}: copy {:.1f} GB/s, read {:.1f} GB/s, peak {:.1f} GFLOP/s (at the end {:.1f}, {:.1f}, {:.1f})\n",
                 header.device, header.ceilings.copy_gbps, header.ceilings.read_gbps, header.ceilings.tflops * 1e3,
                 end.copy_gbps, end.read_gbps, end.tflops * 1e3)
        << text_table(table);
    if (left > 0) std::cout << left << " cases left: give more --seconds, or the same -o again\n";
  }
  if (wrong > 0) throw InternalError(std::to_string(wrong) + " kernels are wrong or refused");
}

}  // namespace tokenfab::cli
