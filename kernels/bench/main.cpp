// kernel-bench: checks and times every operation at the shapes of real models. Depends on nothing but this folder's
// parents, so that it builds on a bare machine.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "kernels/bench/json_lines.h"
#if defined(TOKENFAB_HAS_CUDA)
#include "kernels/bench/cuda_baseline.h"
#endif

namespace {

using namespace tokenfab::kernels;

constexpr const char* kUsage =
    "kernel-bench [--backend cpu|cuda] [--size cpu|h200] [--filter TEXT] [--seconds S] [--out FILE] [--note TEXT]\n"
    "             [--test] [--fast] [--dry-run [--gbps B] [--tflops F]]\n"
    "  --out      JSON lines, written as each case ends; a file that exists is continued\n"
    "  --test     only check small and odd shapes of every operation\n"
    "  --fast     let reductions depend on the batch (default: deterministic)\n"
    "  --dry-run  each case's bytes, FLOP and shortest time under the given ceilings\n";

struct Arguments {
  std::string backend = "cpu", size, filter, out, note;
  double seconds = 60, gbps = 4800, tflops = 989;
  bool test = false, fast = false, dry = false;
};

Arguments parse(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string key = argv[i];
    if (key == "--help") std::cout << kUsage, std::exit(0);
    else if (key == "--test") a.test = true;
    else if (key == "--fast") a.fast = true;
    else if (key == "--dry-run") a.dry = true;
    else if (i + 1 == argc) throw std::invalid_argument(key + " is not known, or lacks its value");
    else if (key == "--backend") a.backend = argv[++i];
    else if (key == "--size") a.size = argv[++i];
    else if (key == "--filter") a.filter = argv[++i];
    else if (key == "--out") a.out = argv[++i];
    else if (key == "--note") a.note = argv[++i];
    else if (key == "--seconds") a.seconds = std::atof(argv[++i]);
    else if (key == "--gbps") a.gbps = std::atof(argv[++i]);
    else if (key == "--tflops") a.tflops = std::atof(argv[++i]);
    else throw std::invalid_argument(key + " is not known");
  }
  if (a.backend != "cpu" && a.backend != "cuda") throw std::invalid_argument("--backend is cpu or cuda");
  if (a.size.empty()) a.size = a.backend == "cuda" ? "h200" : "cpu";
  return a;
}

std::unique_ptr<Backend> open(const Arguments& a) {
  if (a.backend == "cpu") return make_cpu_backend();
  std::string why;
  auto backend = make_cuda_backend(why);
  if (!backend) throw std::invalid_argument("no CUDA backend: " + why);
  backend->set_deterministic(!a.fast);
  return backend;
}

void dry_run(const Arguments& a) {
  std::printf("%-58s %12s %12s %12s\n", "case", "MB", "GFLOP", "floor, us");
  for (const auto& c : bench_cases(a.backend == "cuda" ? DType::bf16 : DType::f32, a.size)) {
    if (c->name.find(a.filter) == std::string::npos) continue;
    const double floor = std::max(c->bytes / a.gbps / 1e3, c->flop / a.tflops / 1e6);
    std::printf("%-58s %12.3f %12.3f %12.2f\n", c->name.c_str(), c->bytes / 1e6, c->flop / 1e9, floor);
  }
}

int test(const Arguments& a) {
  int wrong = 0;
  const auto act = open(a)->activation();
  for (const auto& c : test_cases(act)) {
    if (c->name.find(a.filter) == std::string::npos) continue;
    const auto backend = open(a);
    double error = 0;
    std::string failure;
    try {
      c->prepare(*backend, 1);
      c->run(*backend, 0);
      error = c->check(*backend, 1 << 20);
      c->release();
    } catch (const std::exception& e) {
      failure = e.what();
    }
    const bool good = failure.empty() && error <= 1;
    std::printf("%s %-58s worst error / tolerance %.3f %s\n", good ? "ok   " : "WRONG", c->name.c_str(), error,
                failure.c_str());
    std::fflush(stdout);
    wrong += !good;
  }
  return wrong == 0 ? 0 : 1;
}

int bench(const Arguments& a) {
  const bool gpu = a.backend == "cuda";
  BenchOptions options;
  options.size = a.size, options.filter = a.filter, options.seconds = a.seconds, options.gpu = gpu;
  if (!a.out.empty()) options.known = known_names(a.out);
#if defined(TOKENFAB_HAS_CUDA)
  if (gpu) options.baseline = cuda_matmul_baseline;
#endif
  BenchHeader header;
  {
    const auto backend = open(a);
    header.device = backend->description();
    header.ceilings = measure_ceilings(*backend, gpu);
  }
  char date[16];
  const std::time_t now = std::time(nullptr);
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  header.version = TOKENFAB_VERSION, header.date = date, header.note = a.note;
  std::ofstream file;
  if (!a.out.empty()) {
    const bool open_line = ends_inside_line(a.out);
    file.open(a.out, std::ios::app);
    if (!file) throw std::invalid_argument(a.out + " cannot be written");
    if (open_line) file << "\n";
  }
  std::ostream& out = a.out.empty() ? std::cout : file;
  out << header_line(header) << "\n" << std::flush;
  int wrong = 0;
  options.begin = [&](const std::string& name) { out << begin_line(name) << "\n" << std::flush; };
  const int left = run_bench([&] { return open(a); }, options,
                             [&](const BenchRow& row) {
                               out << row_line(row, header.ceilings) << "\n" << std::flush;
                               wrong += !row.good();
                             });
  out << ceilings_line(measure_ceilings(*open(a), gpu), header.ceilings) << "\n" << std::flush;
  std::cerr << left << " cases left, " << wrong << " wrong or refused\n";
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments a = parse(argc, argv);
    if (a.dry) return dry_run(a), 0;
    return a.test ? test(a) : bench(a);
  } catch (const std::invalid_argument& e) {
    std::cerr << "kernel-bench: " << e.what() << "\n" << kUsage;
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "kernel-bench: " << e.what() << "\n";
    return 70;
  }
}
