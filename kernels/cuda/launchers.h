#pragma once
#include "kernels/cuda/context.h"
#include "kernels/ops.h"

/// One launcher per operation of ops.h: queues it on the context's stream. Throws std::invalid_argument for a type or
/// shape that it has no kernel for. No launcher allocates or waits, so that all may be recorded into a graph.
namespace tokenfab::kernels::cuda {

void embed(Context&, const EmbedArgs&);
void gather(Context&, const GatherArgs&);
void matmul(Context&, const MatmulArgs&);
void rms_norm(Context&, const RmsNormArgs&);
void rope_append(Context&, const RopeAppendArgs&);
void attention(Context&, const AttentionArgs&);
void swiglu(Context&, const SwigluArgs&);
void moe_route(Context&, const MoeRouteArgs&);
void grouped_matmul(Context&, const GroupedMatmulArgs&);
void moe_combine(Context&, const MoeCombineArgs&);
void sample(Context&, const SampleArgs&);
void verify(Context&, const VerifyArgs&);
void copy_kv(Context&, const CopyKvArgs&);

}  // namespace tokenfab::kernels::cuda
