// Weights: files, generator, quantization.
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/quality.h"
#include "engine/quantize.h"
#include "engine/safetensors.h"
#include "kernels/random_weights.h"
#include "tests/catch.h"
#include "tests/engine/reference_model.h"

namespace fs = std::filesystem;
using namespace tokenfab;
using namespace tokenfab::engine;
using kernels::bf16;
using kernels::DType;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("tokenfab-weights-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

void write_file(const std::string& path, const std::string& header, const std::string& data) {
  std::ofstream out(path, std::ios::binary);
  const std::uint64_t size = header.size();
  out.write(reinterpret_cast<const char*>(&size), 8);
  out << header << data;
}

/// Every tensor that a model asks for, recorded while it loads.
class Recorder final : public WeightSource {
 public:
  explicit Recorder(const WeightSource& inner) : inner_(inner) {}
  std::vector<bf16> tensor(const std::string& name, std::int64_t rows, std::int64_t cols) const override {
    return seen[name] = inner_.tensor(name, rows, cols);
  }
  mutable std::map<std::string, std::vector<bf16>> seen;

 private:
  const WeightSource& inner_;
};

void write_model(const Folder& folder, const ModelConfig& c, int shards) {
  const auto backend = kernels::make_cpu_backend(1);
  const RandomWeights random(c, 5);
  const Recorder recorder(random);
  load_weights(*backend, c, recorder, {});
  std::vector<nlohmann::json> headers(static_cast<std::size_t>(shards), nlohmann::json::object());
  std::vector<std::string> data(static_cast<std::size_t>(shards));
  nlohmann::json map;
  std::size_t next = 0;
  for (const auto& [name, values] : recorder.seen) {
    const std::size_t shard = next++ % headers.size();
    const bool vector = name.find("norm") != std::string::npos;
    const std::int64_t rows = vector ? static_cast<std::int64_t>(values.size()) : 0;
    std::vector<std::int64_t> shape{rows};
    if (!vector) {
      // rows follow from the name's kind; the config knows them
      const std::int64_t cols = name.find("down_proj") != std::string::npos ? c.intermediate : c.hidden;
      shape = {static_cast<std::int64_t>(values.size()) / cols, cols};
    }
    headers[shard][name] = {{"dtype", "BF16"},
                            {"shape", shape},
                            {"data_offsets", {data[shard].size(), data[shard].size() + values.size() * 2}}};
    data[shard].append(reinterpret_cast<const char*>(values.data()), values.size() * 2);
    map[name] = "part-" + std::to_string(shard) + ".safetensors";
  }
  for (std::size_t s = 0; s < headers.size(); ++s)
    write_file(folder / (shards == 1 ? "model.safetensors" : "part-" + std::to_string(s) + ".safetensors"),
               headers[s].dump(), data[s]);
  if (shards > 1) std::ofstream(folder / "model.safetensors.index.json") << nlohmann::json{{"weight_map", map}};
  std::ofstream(folder / "config.json") << nlohmann::json{{"model_type", "llama"},
                                                          {"num_hidden_layers", c.layers},
                                                          {"hidden_size", c.hidden},
                                                          {"num_attention_heads", c.q_heads},
                                                          {"num_key_value_heads", c.kv_heads},
                                                          {"intermediate_size", c.intermediate},
                                                          {"vocab_size", c.vocab},
                                                          {"rms_norm_eps", c.norm_eps},
                                                          {"rope_theta", c.rope_theta}};
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a model read from one safetensors file or from shards is the model that was written") {
  const ModelConfig c = ModelConfig::preset("tiny");
  const std::vector<std::int32_t> tokens{1, 2, 3, 400, 5};
  const std::vector<double> want = reference_logits(c, RandomWeights(c, 5), tokens);
  for (const int shards : {1, 3}) {
    const Folder folder;
    write_model(folder, c, shards);
    const ModelConfig read = load_config(folder.path.string());
    CHECK(read.parameters() == c.parameters());
    CHECK(reference_logits(read, *open_weights(folder.path.string(), read, 0), tokens) == want);
  }
}

TEST_CASE("damaged or unfit weights and configs are refused with one line that says where") {
  const Folder folder;
  const auto open = [&] { Safetensors(folder / "x.safetensors"); };
  CHECK(error_of(open).find("No such file") != std::string::npos);
  std::ofstream(folder / "x.safetensors") << "abc";
  CHECK(error_of(open).find("too short") != std::string::npos);
  write_file(folder / "x.safetensors", R"({"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}})", "1234");
  CHECK(error_of(open).find("/a/data_offsets") != std::string::npos);
  write_file(folder / "x.safetensors", R"({"a":{"dtype":"BF16","shape":[3],"data_offsets":[0,8]}})", "12345678");
  CHECK(error_of(open).find("do not match the shape") != std::string::npos);
  write_file(folder / "x.safetensors", R"({"a":{"dtype":"BF99","shape":[4],"data_offsets":[0,8]}})", "12345678");
  CHECK(error_of(open).find("BF99") != std::string::npos);
  // Overlaps, gaps, loose ends and offsets that are no bytes: nothing that the format forbids gets through.
  const auto refuses = [&](const std::string& header, const std::string& why) {
    write_file(folder / "x.safetensors", header, "12345678");
    CAPTURE(header);
    CHECK(error_of(open).find(why) != std::string::npos);
  };
  const std::string a = R"("a":{"dtype":"BF16","shape":[2],"data_offsets":[)", b = a.substr(0, 1) + "b" + a.substr(2);
  refuses("{" + a + "0,4]}," + b + "2,6]}}", "\"b\" overlaps");
  refuses("{" + a + "0,4]}," + b + "0,4]}}", "overlaps");
  refuses("{" + a + "0,3.5]}}", "whole numbers");
  refuses("{" + b + "4,8]}}", "leaves a gap");
  refuses("{" + a + "0,4]}}", "4 bytes at its end belong to no tensor");
  write_file(folder / "x.safetensors", R"({"model.norm.weight":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}})",
             "12345678");
  const StoredWeights stored(folder / "x.safetensors");
  CHECK(error_of([&] { stored.tensor("model.norm.weigth", 4, 1); }).find("nearest: \"model.norm.weight\"") !=
        std::string::npos);
  CHECK(error_of([&] { stored.tensor("model.norm.weight", 5, 1); }).find("[4]") != std::string::npos);
  const auto config = [&](const char* text) {
    std::ofstream(folder / "config.json") << text;
    return error_of([&] { ModelConfig::from_file(folder / "config.json"); });
  };
  CHECK(config(R"({"model_type":"llamma"})").find("nearest: \"llama\"") != std::string::npos);
  CHECK(config(R"({"model_type":"llama","attention_bias":true})").find("biases") != std::string::npos);
  CHECK(error_of([] { ModelConfig::preset("lama-3-8b"); }).find("llama-3-8b") != std::string::npos);
}

TEST_CASE("random weights are a pure function of seed, name and place, with the stated spread") {
  const ModelConfig c = ModelConfig::preset("tiny");
  const RandomWeights a(c, 1), b(c, 2);
  const auto x = a.tensor("model.layers.0.mlp.up_proj.weight", 256, 128);
  const auto again = a.tensor("model.layers.0.mlp.up_proj.weight", 256, 128);
  CHECK(std::memcmp(x.data(), again.data(), x.size() * 2) == 0);
  CHECK(std::memcmp(x.data(), b.tensor("model.layers.0.mlp.up_proj.weight", 256, 128).data(), x.size() * 2) != 0);
  double sum = 0, squares = 0;
  for (const bf16 w : x) sum += static_cast<float>(w), squares += std::pow(static_cast<float>(w), 2);
  const double n = static_cast<double>(x.size());
  CHECK(std::fabs(sum / n) < 4 / std::sqrt(128.0 * n));
  CHECK(std::sqrt(squares / n * 128) == Approx(1).epsilon(0.02));
  // Golden bits: the generator must be the same on every machine and device.
  CHECK(kernels::weight_key(1, "model.norm.weight") == 0x1cca58c8b77c7dbull);
  CHECK(bf16(kernels::random_weight(7, 123456789, 1.0f)).bits == 0xbf47);
}

TEST_CASE("e4m3 conversion rounds to the nearest code, ties to even, and saturates") {
  for (int code = 0; code < 0x7f; ++code) {
    kernels::e4m3 v;
    v.bits = static_cast<std::uint8_t>(code);
    const float exact = static_cast<float>(v);
    CHECK(kernels::e4m3(exact).bits == code);
    CHECK(kernels::e4m3(-exact).bits == (code | 0x80));
    if (code == 0x7e) continue;
    kernels::e4m3 next;
    next.bits = static_cast<std::uint8_t>(code + 1);
    const float middle = (exact + static_cast<float>(next)) / 2;
    CHECK(kernels::e4m3(middle).bits == (code % 2 ? code + 1 : code));
    CHECK(kernels::e4m3(std::nextafter(middle, 1e9f)).bits == code + 1);
    CHECK(kernels::e4m3(std::nextafter(middle, -1e9f)).bits == code);
  }
  CHECK(kernels::e4m3(448.0f).bits == 0x7e);
  CHECK(kernels::e4m3(1e9f).bits == 0x7e);
  CHECK((kernels::e4m3(NAN).bits & 0x7f) == 0x7f);
}

TEST_CASE("each stored value is within half a step of its weight") {
  const ModelConfig c = ModelConfig::preset("tiny");
  const HostMatrix w = as_matrix(RandomWeights(c, 1).tensor("m.weight", 24, 256), 24, 256);
  for (const DType type : {DType::i8, DType::i4, DType::e4m3}) {
    const HostMatrix q = quantize(w, type);
    for (std::int64_t r = 0; r < 24; ++r) {
      float top = 0;
      for (std::int64_t col = 0; col < 256; ++col) top = std::max(top, std::fabs(w.value(r, col)));
      for (std::int64_t col = 0; col < 256; ++col) {
        const float x = w.value(r, col), error = std::fabs(x - q.value(r, col));
        // int8: step top/127; int4: at most top/7 (and its bf16 scale's rounding, 2^-9 of 7 steps); e4m3: 2^-4 of |x|,
        // or half of the subnormal step, top/448 * 2^-9.
        const float bound = type == DType::i8   ? top / 254 * 1.0001f
                            : type == DType::i4 ? top / 14 + top / 512
                                                : std::max(std::fabs(x) / 16, top / 448 / 1024) * 1.0001f;
        REQUIRE(error <= bound);
      }
    }
  }
}

TEST_CASE("quantized products equal products with the dequantized weights, up to f32 rounding") {
  const auto backend = kernels::make_cpu_backend(2);
  const ModelConfig c = ModelConfig::preset("tiny");
  const std::int64_t n = 29, k = 384;
  const HostMatrix w = as_matrix(RandomWeights(c, 1).tensor("m.weight", n, k), n, k);
  for (const DType type : {DType::bf16, DType::i8, DType::i4, DType::e4m3})
    for (const std::int64_t m : {1, 3, 17}) {
      const HostMatrix q = quantize(w, type);
      std::vector<float> x(static_cast<std::size_t>(m * k)), y(static_cast<std::size_t>(m * n), NAN);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = kernels::random_weight(9, i, 1.0f);
      backend->matmul({{x.data(), DType::f32, m, k, k}, backend->load(q.view()), {y.data(), DType::f32, m, n, n}});
      for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
          double want = 0, size = 0;
          for (std::int64_t at = 0; at < k; ++at) {
            const double term = static_cast<double>(x[static_cast<std::size_t>(i * k + at)]) * q.value(j, at);
            want += term, size += std::fabs(term);
          }
          REQUIRE(std::fabs(y[static_cast<std::size_t>(i * n + j)] - want) <= size * 40 * 6e-8);
        }
    }
}

TEST_CASE("quantization quality orders the types, and calibration lowers the output's error") {
  const auto backend = kernels::make_cpu_backend(2);
  const auto quality = [&](DType type, const char* method) {
    return quantization_quality(*backend, "tiny", 1, type, method, 4, 96);
  };
  const QuantizationQuality same = quality(DType::bf16, "rtn"), int8 = quality(DType::i8, "rtn"),
                            fp8 = quality(DType::e4m3, "rtn"), int4 = quality(DType::i4, "rtn");
  CHECK(same.logit_kl == 0);
  CHECK(same.top1_agreement == 1);
  CHECK(int8.logit_kl < fp8.logit_kl);
  CHECK(fp8.logit_kl < int4.logit_kl);
  CHECK(int8.weight_error < 0.01);
  CHECK(int4.bytes_quantized < int8.bytes_quantized);

  // GPTQ minimises the error of the product on its inputs, at the price of the weights' own error.
  const ModelConfig c = ModelConfig::preset("tiny");
  const std::int64_t n = 32, k = 256, samples = 600;
  const HostMatrix w = as_matrix(RandomWeights(c, 1).tensor("m.weight", n, k), n, k);
  CalibrationInputs inputs{k, {}};
  for (std::int64_t s = 0; s < samples; ++s)
    for (std::int64_t i = 0; i < k; ++i)  // a few strong common directions, as in real activations
      inputs.rows.push_back(kernels::random_weight(11, static_cast<std::uint64_t>(s * k + i), 0.3f) +
                            kernels::random_weight(12, static_cast<std::uint64_t>(s), 1.0f) *
                                kernels::random_weight(13, static_cast<std::uint64_t>(i), 1.0f));
  const auto output_error = [&](const HostMatrix& q) {
    double error = 0;
    for (std::int64_t s = 0; s < samples; ++s)
      for (std::int64_t r = 0; r < n; ++r) {
        double d = 0;
        for (std::int64_t i = 0; i < k; ++i)
          d += inputs.rows[static_cast<std::size_t>(s * k + i)] * (w.value(r, i) - q.value(r, i));
        error += d * d;
      }
    return error;
  };
  CHECK(output_error(quantize_gptq(w, inputs)) < 0.5 * output_error(quantize(w, DType::i4)));
}
