#pragma once
#include <cublasLt.h>

#include <string>

#include "kernels/cuda/context.h"

namespace tokenfab::kernels::cuda {
inline namespace TF_BUILD {

/// The functions of the shared library that are used, by pointer: the program starts without it.
struct CublasLtFunctions {
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtGetVersion) get_version = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) get_heuristic = nullptr;
};

/// Opens the library for the rest of the program's life. False with a reason where it is missing or incomplete.
bool load_cublaslt(CublasLtFunctions& functions, std::string& why);

}  // namespace TF_BUILD
}  // namespace tokenfab::kernels::cuda
