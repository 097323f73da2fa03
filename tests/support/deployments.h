#pragma once
#include <memory>

#include "hwmodels/step_model.h"

namespace tokenfab::testing {

inline Sourced made_up(double value) { return {value, "SI", "made up for a test", "2026-01"}; }

/// A chip with round numbers: 1000 TFLOP/s, 4 TB/s, 100 GB.
inline Chip round_chip() {
  Chip c;
  c.id = c.name = "round-chip";
  c.family = "hbm";
  c.topology = "switched";
  c.peak = {{"bf16", made_up(1e15)}, {"fp8", made_up(2e15)}};
  c.memory = made_up(100e9);
  c.bandwidth = made_up(4e12);
  c.link = made_up(400e9);
  c.link_latency = made_up(1e-6);
  c.scale_up_domain = 8;
  c.network = made_up(50e9);
  c.network_latency = made_up(5e-6);
  c.tdp = made_up(700);
  c.idle_power = made_up(100);
  c.host_power = made_up(200);
  return c;
}

/// An ideal engine: every efficiency 1, no floors, no gaps.
inline EngineProfile ideal_engine() {
  EngineProfile e;
  e.id = e.name = "ideal";
  for (auto& op : e.ops) op = {made_up(1), made_up(1), made_up(0)};
  e.step_gap = e.sequence_gap = made_up(0);
  e.memory_share = made_up(0.9);
  e.reserved_memory = made_up(0);
  e.kv_block_tokens = made_up(16);
  e.watermark = made_up(0);
  e.dynamic_compute = made_up(1);
  e.dynamic_bandwidth = made_up(0.6);
  e.dynamic_network = made_up(0.3);
  e.dynamic_host = made_up(0.1);
  return e;
}

/// Kernel floors, host gaps and efficiencies below one, so that no term vanishes.
inline EngineProfile realistic_engine() {
  EngineProfile e = ideal_engine();
  for (auto& op : e.ops) op = {made_up(0.7), made_up(0.6), made_up(3e-6)};
  e.step_gap = made_up(1e-3);
  e.sequence_gap = made_up(2e-6);
  return e;
}

/// Llama-3.1-8B's dimensions (its published config).
inline Llm llama_8b() {
  Llm m;
  m.id = m.name = "llama-8b-shape";
  m.layers = 32;
  m.hidden = 4096;
  m.heads = 32;
  m.kv_heads = 8;
  m.head_dim = 128;
  m.ffn = 14336;
  m.vocab = 128256;
  m.context = 131072;
  return m;
}

inline Llm mixtral() {
  Llm m = llama_8b();
  m.id = m.name = "mixtral-shape";
  m.vocab = 32000;
  m.context = 32768;
  m.moe = MoeShape{8, 2, 0, 14336, 0, false};
  return m;
}

inline Deployment deployment(Llm llm, EngineProfile engine) {
  Deployment d;
  d.chip = round_chip();
  d.llm = std::move(llm);
  d.engine = std::move(engine);
  return d;
}

}  // namespace tokenfab::testing
