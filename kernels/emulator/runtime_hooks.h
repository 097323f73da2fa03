#pragma once
#include <functional>

#include "kernels/cuda/context.h"

namespace tokenfab::kernels::cuda {
inline namespace emulated {

/// Runs `work` at once, or appends it to the graph that the stream is recording. A null stream runs at once.
void submit(Stream stream, std::function<void()> work);

}  // namespace emulated
}  // namespace tokenfab::kernels::cuda
