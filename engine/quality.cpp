#include "engine/quality.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "kernels/random_weights.h"

namespace tokenfab::engine {
namespace {

using kernels::DType;

constexpr std::int32_t kPage = 16;
constexpr std::size_t kCalibrationRows = 1024;

Capacity capacity_for(std::int64_t length) {
  Capacity c;
  c.rows = c.outputs = c.context = length;
  c.sequences = 1;
  c.page_tokens = kPage;
  c.pages = (length + kPage - 1) / kPage;
  return c;
}

/// A random sequence, all its logits [length, vocab].
std::vector<float> logits_of(Model& model, std::uint64_t seed, std::int64_t length) {
  StepBatch batch(kPage);
  std::vector<std::int32_t> tokens, pages(static_cast<std::size_t>(model.capacity().pages));
  std::iota(pages.begin(), pages.end(), 0);
  for (std::int64_t i = 0; i < length; ++i) {
    const float u = uniform_draw(seed, 0, i, Draw::token);
    tokens.push_back(static_cast<std::int32_t>(u * static_cast<float>(model.config().vocab)));
  }
  batch.add(tokens, 0, pages, StepBatch::Outputs::all);
  const kernels::Tensor logits = model.forward(batch);
  std::vector<float> host(static_cast<std::size_t>(logits.rows * logits.cols));
  model.backend().download(host.data(), logits.data, host.size() * 4);
  return host;
}

std::map<const void*, std::string> projection_names(const Model& model) {
  std::map<const void*, std::string> names;
  for (std::size_t l = 0; l < model.weights().layers.size(); ++l) {
    const LayerWeights& w = model.weights().layers[l];
    const std::string at = "model.layers." + std::to_string(l) + ".";
    names[w.qkv.data] = at + "self_attn.q_proj.weight";
    names[w.out.data] = at + "self_attn.o_proj.weight";
    names[w.gate_up.data] = at + "mlp.gate_proj.weight";
    names[w.down.data] = at + "mlp.down_proj.weight";
  }
  names.erase(nullptr);
  return names;
}

/// The inputs of each projection on sequences that the comparison does not use.
std::map<std::string, CalibrationInputs> calibrate(Model& model, std::uint64_t seed, std::int64_t sequences,
                                                   std::int64_t length) {
  const std::map<const void*, std::string> names = projection_names(model);
  std::map<std::string, CalibrationInputs> inputs;
  model.observe([&](const kernels::Weight& w, const kernels::Tensor& x) {
    const auto name = names.find(w.data);
    if (name == names.end()) return;
    require(x.type == DType::f32, "calibration runs on the CPU backend");
    CalibrationInputs& in = inputs[name->second];
    in.k = w.k;
    for (std::int64_t r = 0; r < x.rows && in.rows.size() < kCalibrationRows * static_cast<std::size_t>(w.k); ++r) {
      const float* row = x.as<const float>() + r * x.stride;
      in.rows.insert(in.rows.end(), row, row + w.k);
    }
  });
  for (std::int64_t s = 0; s < sequences; ++s) logits_of(model, seed + 1000 + static_cast<std::uint64_t>(s), length);
  model.observe({});
  return inputs;
}

double log_sum_exp(const float* x, std::int64_t n, float top) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]) - top);
  return top + std::log(sum);
}

void compare(const std::vector<float>& a, const std::vector<float>& b, std::int64_t vocab, QuantizationQuality& q) {
  const auto width = static_cast<std::size_t>(vocab);
  for (std::size_t at = 0; at < a.size(); at += width) {
    const float *p = a.data() + at, *r = b.data() + at;
    const auto best_p = std::max_element(p, p + vocab), best_r = std::max_element(r, r + vocab);
    const double zp = log_sum_exp(p, vocab, *best_p), zr = log_sum_exp(r, vocab, *best_r);
    double kl = 0;
    for (std::int64_t i = 0; i < vocab; ++i) kl += std::exp(p[i] - zp) * ((p[i] - zp) - (r[i] - zr));
    q.logit_kl += kl;
    q.top1_agreement += best_p - p == best_r - r;
    ++q.positions;
  }
}

}  // namespace

QuantizationQuality quantization_quality(kernels::Backend& backend, const std::string& model, std::uint64_t seed,
                                         DType type, const std::string& method, std::int64_t sequences,
                                         std::int64_t length) {
  if (method != "rtn" && method != "gptq")
    throw UserError("method \"" + method + "\" is not known; allowed: rtn, gptq");
  if (method == "gptq" && type != DType::i4) throw UserError("method gptq quantizes to int4 only");
  const ModelConfig config = load_config(model);
  const auto source = open_weights(model, config, seed);
  Model original(backend, config, *source, {}, capacity_for(length));
  WeightFormat format{type, {}};
  std::map<std::string, CalibrationInputs> inputs;
  if (method == "gptq") {
    inputs = calibrate(original, seed, sequences, length);
    format.quantizer = [&](const std::string& name, const HostMatrix& w) {
      const auto in = inputs.find(name);
      return in == inputs.end() ? quantize(w, DType::i4) : quantize_gptq(w, in->second);
    };
  }
  QuantizationQuality q;
  q.type = kernels::name(type);
  q.method = method;
  double errors = 0, norms = 0;
  Model quantized(backend, config, *source, format, capacity_for(length), -1,
                  [&](const std::string& name, const HostMatrix& w, const HostMatrix& stored) {
                    const double error = relative_error(w, stored), norm = frobenius(w);
                    errors += error * error * norm * norm, norms += norm * norm;
                    if (error <= q.worst_weight_error) return;
                    q.worst_weight_error = error;
                    q.worst_matrix = name;
                  });
  q.weight_error = norms > 0 ? std::sqrt(errors / norms) : 0;
  q.bytes_original = original.weight_bytes();
  q.bytes_quantized = quantized.weight_bytes();
  for (std::int64_t s = 0; s < sequences; ++s) {
    const std::uint64_t sequence_seed = seed + 1 + static_cast<std::uint64_t>(s);
    compare(logits_of(original, sequence_seed, length), logits_of(quantized, sequence_seed, length), config.vocab, q);
  }
  q.logit_kl /= static_cast<double>(q.positions);
  q.top1_agreement /= static_cast<double>(q.positions);
  return q;
}

}  // namespace tokenfab::engine
