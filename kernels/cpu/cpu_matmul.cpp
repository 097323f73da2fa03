#include <stdexcept>
#include <string>

#include "kernels/cpu/cpu_backend.h"

namespace tokenfab::kernels::cpu {
namespace {

MatmulJob job_of(const Tensor& x, const Weight& w, const Tensor& y) {
  if (x.type != DType::f32 || y.type != DType::f32)
    throw std::invalid_argument(std::string("matmul on the CPU takes f32 activations, not ") + name(x.type));
  if (x.cols != w.k || y.cols != w.n)
    throw std::invalid_argument("matmul of [" + std::to_string(x.rows) + ", " + std::to_string(x.cols) + "] by [" +
                                std::to_string(w.n) + ", " + std::to_string(w.k) + "] into " + std::to_string(y.cols) +
                                " columns");
  MatmulJob job{};
  job.x = x.as<const float>();
  job.x_stride = x.stride;
  job.m = x.rows;
  job.k = w.k;
  job.w = w.data;
  job.type = stored(w.type);
  job.scales = w.scales;
  job.y = y.as<float>();
  job.y_stride = y.stride;
  job.divide = 1;
  return job;
}

}  // namespace

void CpuBackend::matmul(const MatmulArgs& args) {
  MatmulJob whole = job_of(args.x, args.w, args.y);
  whole.accumulate = args.accumulate;
  const double work = static_cast<double>(args.x.rows) * static_cast<double>(args.w.n * args.w.k);
  parallel(args.w.n, 4, work, [&](std::int64_t first, std::int64_t last, int thread) {
    MatmulJob job = whole;
    job.first = first;
    job.last = last;
    job.scratch = scratch(thread, static_cast<std::size_t>(kPanel * job.k));
    micro().matmul(job);
  });
}

void CpuBackend::grouped_matmul(const GroupedMatmulArgs& args) {
  const double work = static_cast<double>(args.rows) * static_cast<double>(args.experts[0].n * args.experts[0].k);
  parallel(args.experts[0].n, 4, work, [&](std::int64_t first, std::int64_t last, int thread) {
    for (int e = 0; e < args.expert_count; ++e) {
      const std::int32_t from = args.offsets[e], rows = args.offsets[e + 1] - from;
      if (rows == 0) continue;
      MatmulJob job = job_of(args.x, args.experts[e], args.y);
      job.m = rows;
      job.first = first;
      job.last = last;
      job.scratch = scratch(thread, static_cast<std::size_t>(kPanel * job.k));
      job.y += from * job.y_stride;
      if (args.order) job.x_rows = args.order + from;
      else job.x += from * job.x_stride;
      job.divide = args.divide;
      micro().matmul(job);
    }
  });
}

}  // namespace tokenfab::kernels::cpu
