#include "kernels/cuda/cublaslt_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

namespace {

std::vector<std::string> candidates() {
  const std::vector<std::string> names = {"libcublasLt.so.13", "libcublasLt.so.12"};
  std::vector<std::string> paths;
  if (const char* given = std::getenv("TOKENFAB_CUBLASLT")) {
    for (const auto& file : names) paths.push_back(std::string(given) + "/" + file);
    paths.emplace_back(given);
  }
  for (const auto& file : names) paths.push_back(file);
  for (const auto& file : names) paths.push_back("/usr/local/cuda/lib64/" + file);
  return paths;
}

template <class F>
bool find(void* library, const char* symbol, F& function, std::string& why) {
  function = reinterpret_cast<F>(dlsym(library, symbol));
  if (!function) why = std::string("libcublasLt has no ") + symbol;
  return function != nullptr;
}

}  // namespace

bool load_cublaslt(CublasLtFunctions& f, std::string& why) {
  void* library = nullptr;
  for (const auto& path : candidates())
    if ((library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))) break;
  if (!library) {
    why = "libcublasLt.so.13 or .12 not found (TOKENFAB_CUBLASLT may name it)";
    return false;
  }
  return find(library, "cublasLtCreate", f.create, why) && find(library, "cublasLtDestroy", f.destroy, why) &&
         find(library, "cublasLtGetVersion", f.get_version, why) && find(library, "cublasLtMatmul", f.matmul, why) &&
         find(library, "cublasLtMatmulDescCreate", f.desc_create, why) &&
         find(library, "cublasLtMatmulDescDestroy", f.desc_destroy, why) &&
         find(library, "cublasLtMatmulDescSetAttribute", f.desc_set, why) &&
         find(library, "cublasLtMatrixLayoutCreate", f.layout_create, why) &&
         find(library, "cublasLtMatrixLayoutDestroy", f.layout_destroy, why) &&
         find(library, "cublasLtMatmulPreferenceCreate", f.preference_create, why) &&
         find(library, "cublasLtMatmulPreferenceDestroy", f.preference_destroy, why) &&
         find(library, "cublasLtMatmulPreferenceSetAttribute", f.preference_set, why) &&
         find(library, "cublasLtMatmulAlgoGetHeuristic", f.get_heuristic, why);
}

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
