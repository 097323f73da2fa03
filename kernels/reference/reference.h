#pragma once
#include <cstdint>
#include <vector>

#include "kernels/ops.h"

/// Every operation of ops.h in double precision, element by element, from its definition. All pointers of the arguments
/// are host memory here, weights in the canonical layout. Shares nothing with a backend but the number formats.
namespace tokenfab::kernels::reference {

/// Exact value of stored number i, without any scale; i4 as -8 .. 7.
double stored(DType type, const void* data, std::int64_t i);
double at(const Tensor& t, std::int64_t row, std::int64_t col);
/// Stored number times scale.
double weight_at(const Weight& w, std::int64_t row, std::int64_t col);

/// A sum, and what the rounding error of computing it depends on.
struct Sum {
  double value = 0, squares = 0;  // squares: of the terms
  void add(double term) { value += term, squares += term * term; }
};

double embed(const EmbedArgs& args, std::int64_t row, std::int64_t col);
double gather(const GatherArgs& args, std::int64_t row, std::int64_t col);
/// With `accumulate`, args.y holds what was there before.
Sum matmul(const MatmulArgs& args, std::int64_t row, std::int64_t col);
double swiglu(double gate, double up);

struct NormedRow {
  std::vector<double> residual, out;
};
/// args.residual holds what was there before.
NormedRow rms_norm(const RmsNormArgs& args, std::int64_t row);

/// One token's q and k after norm and rotation. args.q and args.k hold what was there before.
struct RotatedRow {
  std::vector<double> q, k;  // [q_heads * head_dim], [kv_heads * head_dim]
};
RotatedRow rope(const RopeAppendArgs& args, std::int64_t token);

/// Where row `slot` of a cache's head lies, in rows.
std::int64_t cache_row(const KvCache& kv, std::int64_t slot, std::int32_t head);
double key_at(const KvCache& kv, std::int64_t row, std::int64_t i);
double value_at(const KvCache& kv, std::int64_t row, std::int64_t i);
/// One head of one query: value_dim sums over the visible tokens.
std::vector<Sum> attention(const AttentionArgs& args, std::int32_t sequence, std::int32_t query, std::int32_t head);

struct Route {
  std::vector<double> weights;
  std::vector<std::int32_t> experts, order, position, offsets;
};
Route moe_route(const MoeRouteArgs& args);
/// Row `row` of the permuted order.
Sum grouped_matmul(const GroupedMatmulArgs& args, std::int64_t row, std::int64_t col);
/// With `accumulate`, args.out holds what was there before.
Sum moe_combine(const MoeCombineArgs& args, std::int64_t row, std::int64_t col);

/// softmax(logits / temperature), one-hot where temperature <= 0.
std::vector<double> distribution(const Tensor& logits, std::int64_t row, float temperature);
struct Draw {
  std::int32_t id = 0;
  double margin = 0;  // how far the uniform number is from the nearest other choice, as probability
};
/// Inverse CDF of `weights`, not necessarily normalised.
Draw draw(const std::vector<double>& weights, double uniform);

/// One sequence's verification.
struct Verified {
  std::vector<std::int32_t> tokens;  // accepted drafts and the token after them
  double margin = 1;                 // of the least certain decision
};
Verified verify(const VerifyArgs& args, std::int32_t sequence);

}  // namespace tokenfab::kernels::reference
