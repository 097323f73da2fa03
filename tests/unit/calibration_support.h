#pragma once
#include "hwmodels/calibration.h"
#include "tests/support/deployments.h"

namespace tokenfab::testing {

inline OpEfficiency figures(double bandwidth, double compute = 0.6, double floor = 3e-6) {
  Sourced b = made_up(bandwidth), c = made_up(compute), f = made_up(floor);
  b.unit = c.unit = "1";
  f.unit = "us";
  return {b, c, f};
}

/// Residuals of every kind, gaps, errors, and a chip of its own.
inline Calibration full_calibration() {
  Calibration c;
  c.id = "mine";
  c.engine = "vllm";
  c.chip = "round-chip";
  c.version = "1.0";
  c.as_of = "2026-11-20";
  c.grade = Grade::measured;
  c.sources = {"made up for a test", "another one"};
  c.own_chip = round_chip();
  c.own_chip->vendor = "nobody";
  const auto unit = [](Sourced& s, const char* name) { s.unit = name; };
  for (auto& [dtype, peak] : c.own_chip->peak) unit(peak, "TFLOP/s");
  unit(c.own_chip->memory, "GB"), unit(c.own_chip->bandwidth, "GB/s"), unit(c.own_chip->link, "GB/s");
  unit(c.own_chip->link_latency, "us"), unit(c.own_chip->network, "GB/s"), unit(c.own_chip->network_latency, "us");
  unit(c.own_chip->tdp, "W"), unit(c.own_chip->idle_power, "W"), unit(c.own_chip->host_power, "W");
  c.ops = {{"qkv_gemm", figures(0.71234567)},
           {"qkv_gemm:w-int4", figures(0.5, 0.0123456, 0)},
           {"expert_gemm:fp8", figures(0.4)},
           {"decode_attention:fp8", figures(1, 0.001, 1.23456e-5)}};
  c.ops["qkv_gemm"].bandwidth.error = 0.034;
  c.copies_all_rows = {"expert_gemm:fp8"};
  c.gemm["bf16"] = {{1, 16, 4097}, {{6144, 4096, {0.12345, -0.5, 0}}, {4096, 14336, {-2.0004, 1e-5, 0.25}}}};
  c.gemm["lm_head"] = {{8}, {{128256, 4096, {0.3}}}};
  c.decode["bf16"] = {{8, 22.6274, 64}, {16, 128}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}};
  c.prefill["fp8"] = {{64}, {64, 512}, {-0.1, 0.1}};
  c.step_gap = made_up(1.23456e-4), c.step_gap->unit = "ms";
  c.sequence_gap = made_up(7.5e-7), c.sequence_gap->unit = "us";
  c.dynamic_compute = made_up(0.9), c.dynamic_compute->unit = "1";
  c.errors = {{"gemm", "each shape left out in turn", 0.0321, 0.04, 0.1, -0.0123, 99},
              {"decode step", "every second step", 0.02, 0.03, 0.05, 0, 12}};
  c.range = {2048, 64, 4096, {1, 2}};
  return c;
}

}  // namespace tokenfab::testing
