#include "tests/engine/reference_model.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace tokenfab::engine {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXd;

class Reference {
 public:
  Reference(const ModelConfig& c, const WeightSource& source)
      : c_(c), source_(source), frequencies_(c.inverse_frequencies()) {}

  Matrix logits(const std::vector<std::int32_t>& tokens) {
    const Matrix table = matrix("model.embed_tokens.weight", c_.vocab, c_.hidden);
    Matrix h(tokens.size(), c_.hidden);
    for (std::size_t t = 0; t < tokens.size(); ++t) h.row(static_cast<Eigen::Index>(t)) = table.row(tokens[t]);
    for (std::int64_t l = 0; l < c_.layers; ++l) {
      at_ = "model.layers." + std::to_string(l) + ".";
      const Matrix x = normed(h, at_ + "input_layernorm.weight");
      h += c_.latent() ? latent(x) : attention(x);
      const Matrix y = normed(h, at_ + "post_attention_layernorm.weight");
      h += c_.routed(l) ? experts(y) : mlp(y, at_ + "mlp.", c_.intermediate);
    }
    const std::string head = c_.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
    return normed(h, "model.norm.weight") * matrix(head, c_.vocab, c_.hidden).transpose();
  }

 private:
  Matrix matrix(const std::string& name, std::int64_t rows, std::int64_t cols) const {
    const auto values = source_.tensor(name, rows, cols);
    Matrix m(rows, cols);
    for (std::size_t i = 0; i < values.size(); ++i) m.data()[i] = static_cast<float>(values[i]);
    return m;
  }
  Row norm_row(const Row& x, const Row& weight) const {
    return (x / std::sqrt(x.squaredNorm() / static_cast<double>(x.size()) + c_.norm_eps)).cwiseProduct(weight);
  }
  Matrix normed(const Matrix& x, const std::string& name) const {
    const Row w = matrix(name, x.cols(), 1).transpose();
    Matrix out(x.rows(), x.cols());
    for (Eigen::Index t = 0; t < x.rows(); ++t) out.row(t) = norm_row(x.row(t), w);
    return out;
  }

  Row rotated(const Row& x, Eigen::Index position, bool interleaved) const {
    Row out = x;
    const Eigen::Index half = x.size() / 2;
    for (Eigen::Index i = 0; i < half; ++i) {
      const Eigen::Index a = interleaved ? 2 * i : i, b = interleaved ? 2 * i + 1 : i + half;
      const double angle =
          static_cast<double>(position) * static_cast<double>(frequencies_[static_cast<std::size_t>(i)]);
      out[a] = x[a] * std::cos(angle) - x[b] * std::sin(angle);
      out[b] = x[b] * std::cos(angle) + x[a] * std::sin(angle);
    }
    return out;
  }

  /// Causal softmax attention of one head.
  Matrix attend(const Matrix& q, const Matrix& k, const Matrix& v) const {
    Matrix out(q.rows(), v.cols());
    for (Eigen::Index t = 0; t < q.rows(); ++t) {
      Eigen::VectorXd s = k.topRows(t + 1) * q.row(t).transpose() / std::sqrt(static_cast<double>(c_.head_dim));
      s = (s.array() - s.maxCoeff()).exp();
      out.row(t) = s.transpose() * v.topRows(t + 1) / s.sum();
    }
    return out;
  }

  Matrix attention(const Matrix& x) {
    const std::string a = at_ + "self_attn.";
    const std::int64_t d = c_.head_dim, group = c_.q_heads / c_.kv_heads;
    const Matrix q = x * matrix(a + "q_proj.weight", c_.q_heads * d, c_.hidden).transpose();
    const Matrix k = x * matrix(a + "k_proj.weight", c_.kv_heads * d, c_.hidden).transpose();
    const Matrix v = x * matrix(a + "v_proj.weight", c_.kv_heads * d, c_.hidden).transpose();
    const auto head_of = [&](const Matrix& all, std::int64_t h, const char* norm) {
      Matrix head = all.middleCols(h * d, d);
      for (Eigen::Index t = 0; t < head.rows(); ++t) {
        Row row = head.row(t);
        if (c_.qk_norm) row = norm_row(row, matrix(a + norm, d, 1).transpose());
        head.row(t) = rotated(row, t, false);
      }
      return head;
    };
    Matrix out(x.rows(), c_.q_heads * d);
    for (std::int64_t h = 0; h < c_.q_heads; ++h)
      out.middleCols(h * d, d) = attend(head_of(q, h, "q_norm.weight"), head_of(k, h / group, "k_norm.weight"),
                                        v.middleCols(h / group * d, d));
    return out * matrix(a + "o_proj.weight", c_.hidden, c_.q_heads * d).transpose();
  }

  Matrix latent(const Matrix& x) {
    const std::string a = at_ + "self_attn.";
    const Matrix q = x * matrix(a + "q_proj.weight", c_.q_heads * c_.head_dim, c_.hidden).transpose();
    const Matrix down = x * matrix(a + "kv_a_proj_with_mqa.weight", c_.kv_lora + c_.rope_dim, c_.hidden).transpose();
    const Matrix compressed = normed(down.leftCols(c_.kv_lora), a + "kv_a_layernorm.weight");
    const std::int64_t each = c_.nope_dim + c_.value_dim;
    const Matrix up = compressed * matrix(a + "kv_b_proj.weight", c_.q_heads * each, c_.kv_lora).transpose();
    Matrix out(x.rows(), c_.q_heads * c_.value_dim);
    for (std::int64_t h = 0; h < c_.q_heads; ++h) {
      Matrix query = q.middleCols(h * c_.head_dim, c_.head_dim), key(x.rows(), c_.head_dim);
      for (Eigen::Index t = 0; t < x.rows(); ++t) {
        query.row(t).tail(c_.rope_dim) = rotated(query.row(t).tail(c_.rope_dim), t, true);
        key.row(t) << up.row(t).segment(h * each, c_.nope_dim), rotated(down.row(t).tail(c_.rope_dim), t, true);
      }
      out.middleCols(h * c_.value_dim, c_.value_dim) =
          attend(query, key, up.middleCols(h * each + c_.nope_dim, c_.value_dim));
    }
    return out * matrix(a + "o_proj.weight", c_.hidden, c_.q_heads * c_.value_dim).transpose();
  }

  Matrix gated(const Matrix& x, const std::string& gate, const std::string& up, const std::string& down,
               std::int64_t width) const {
    const Matrix g = x * matrix(gate, width, c_.hidden).transpose(), u = x * matrix(up, width, c_.hidden).transpose();
    const Matrix inner = g.array() / (1 + (-g.array()).exp()) * u.array();
    return inner * matrix(down, c_.hidden, width).transpose();
  }
  Matrix mlp(const Matrix& x, const std::string& at, std::int64_t width) const {
    return gated(x, at + "gate_proj.weight", at + "up_proj.weight", at + "down_proj.weight", width);
  }

  Matrix experts(const Matrix& x) const {
    const std::string at = at_ + (c_.mixtral_names ? "block_sparse_moe." : "mlp.");
    const Matrix scores = x * matrix(at + "gate.weight", c_.experts, c_.hidden).transpose();
    Matrix out = Matrix::Zero(x.rows(), c_.hidden);
    if (c_.shared_intermediate > 0) out += mlp(x, at + "shared_experts.", c_.shared_intermediate);
    for (Eigen::Index t = 0; t < x.rows(); ++t) {
      Row p = (scores.row(t).array() - scores.row(t).maxCoeff()).exp();
      p /= p.sum();
      std::vector<Eigen::Index> order(static_cast<std::size_t>(c_.experts));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) { return p[a] > p[b]; });
      double chosen = 0;
      for (std::int64_t j = 0; j < c_.top_k; ++j) chosen += p[order[static_cast<std::size_t>(j)]];
      for (std::int64_t j = 0; j < c_.top_k; ++j) {
        const Eigen::Index e = order[static_cast<std::size_t>(j)];
        const std::string name = at + "experts." + std::to_string(e) + ".";
        const char* parts[2][3] = {{"gate_proj.weight", "up_proj.weight", "down_proj.weight"},
                                   {"w1.weight", "w3.weight", "w2.weight"}};
        const auto& part = parts[c_.mixtral_names];
        out.row(t) += p[e] / (c_.renormalize ? chosen : 1.0) *
                      gated(x.row(t), name + part[0], name + part[1], name + part[2], c_.expert_intermediate);
      }
    }
    return out;
  }

  const ModelConfig& c_;
  const WeightSource& source_;
  std::vector<float> frequencies_;
  std::string at_;
};

}  // namespace

std::vector<double> reference_logits(const ModelConfig& config, const WeightSource& source,
                                     const std::vector<std::int32_t>& tokens) {
  const Matrix m = Reference(config, source).logits(tokens);
  return {m.data(), m.data() + m.size()};
}

}  // namespace tokenfab::engine
