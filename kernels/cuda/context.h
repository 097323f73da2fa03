#pragma once
#include <cstddef>

// The device build and the emulated build of the same sources may be linked into one program: what they share by name
// lies in an inline namespace that differs, and every launcher takes a Context, so all symbols differ.
#if defined(TOKENFAB_EMULATE)
#define TF_BUILD emulated
#else
#define TF_BUILD device
#endif

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

struct Dim3 {
  unsigned x = 1, y = 1, z = 1;
};

struct OpaqueStream;
using Stream = OpaqueStream*;

class MatmulLibrary;

/// What a launcher needs to know of the device; workspace is device memory that any operation may use until it returns
/// to the stream (two operations never run at a time).
struct Context {
  Stream stream = nullptr;
  int multiprocessors = 1;
  int compute_capability = 80;       // 10 * major + minor
  bool deterministic = false;        // see Backend::set_deterministic
  bool programmatic = false;         // launch_dependent() may overlap a kernel with the end of the one before it
  bool recording = false;            // into a graph: nothing may allocate or wait
  MatmulLibrary* library = nullptr;  // may be null
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
};

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
