#include "sim/workload/builtin.h"

#include "base/error.h"
#include "base/text.h"
#include "sim/workload/builtin_azure.h"
#include "sim/workload/builtin_servegen.h"

namespace tokenfab {

namespace {

struct Builtin {
  const char* name;
  GeneratorSpec (*spec)();
  const char* source;
};

constexpr const char* kAzure = " (CC-BY 4.0; Patel et al., Splitwise, ISCA 2024)";
constexpr const char* kServeGen = " (Apache-2.0; Xiang et al., ServeGen, 2025)";

const std::vector<Builtin>& builtins() {
  static const std::vector<Builtin> all = {
      {"azure-conv-2023", azure_conv_2023, "Azure/AzurePublicDataset@b469a11 data/AzureLLMInferenceTrace_conv.csv"},
      {"azure-code-2023", azure_code_2023, "Azure/AzurePublicDataset@b469a11 data/AzureLLMInferenceTrace_code.csv"},
      {"servegen-m-large", servegen_m_large, "alibaba/ServeGen@f891d11 data/language/m-large"},
      {"servegen-deepseek-r1", servegen_deepseek_r1, "alibaba/ServeGen@f891d11 data/reason/deepseek-r1"},
      {"servegen-mm-image", servegen_mm_image, "alibaba/ServeGen@f891d11 data/multimodal/mm-image"}};
  return all;
}

const Builtin& find(const std::string& name) {
  for (const Builtin& b : builtins())
    if (name == b.name) return b;
  throw UserError("workload \"" + name + "\" is not known; allowed: " + join_names(builtin_names()) +
                  nearest_hint(name, builtin_names()));
}

}  // namespace

const std::vector<std::string>& builtin_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Builtin& b : builtins()) out.emplace_back(b.name);
    return out;
  }();
  return names;
}

GeneratorSpec builtin_workload(const std::string& name, std::uint64_t seed, std::uint32_t replication) {
  GeneratorSpec spec = find(name).spec();
  spec.seed = seed;
  spec.replication = replication;
  return spec;
}

std::string builtin_source(const std::string& name) {
  const bool azure = name.starts_with("azure");
  return std::string("fitted by us to ") + find(name).source + (azure ? kAzure : kServeGen);
}

}  // namespace tokenfab
