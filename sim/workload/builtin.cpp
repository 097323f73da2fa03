#include "sim/workload/builtin.h"

#include "base/error.h"
#include "base/text.h"
#include "sim/workload/builtin_azure.h"

namespace tokenfab {

const std::vector<std::string>& builtin_names() {
  static const std::vector<std::string> names = {"azure-conv-2023", "azure-code-2023"};
  return names;
}

GeneratorSpec builtin_workload(const std::string& name, std::uint64_t seed, std::uint32_t replication) {
  GeneratorSpec spec;
  if (name == "azure-conv-2023") spec = azure_conv_2023();
  else if (name == "azure-code-2023") spec = azure_code_2023();
  else
    throw UserError("workload \"" + name + "\" is not known; allowed: " + join_names(builtin_names()) +
                    nearest_hint(name, builtin_names()));
  spec.seed = seed;
  spec.replication = replication;
  return spec;
}

std::string builtin_source(const std::string& name) {
  const std::string file =
      name == "azure-code-2023" ? "AzureLLMInferenceTrace_code.csv" : "AzureLLMInferenceTrace_conv.csv";
  return "fitted by us to Azure/AzurePublicDataset@b469a11 data/" + file +
         " (CC-BY 4.0; Patel et al., Splitwise, ISCA 2024)";
}

}  // namespace tokenfab
