#include "audit/catalogue.h"

#include <functional>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "hwmodels/dtype.h"
#include "hwmodels/op_work.h"
#include "hwmodels/types.h"
#include "sim/economics/money_catalog.h"

namespace tokenfab::audit {
namespace {

using Path = std::vector<std::string>;

Path split(const std::string& text) {
  Path out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, '/');) out.push_back(part);
  return out;
}

/// The entry of a table, or an error with its nearest key.
template <class T>
const T& choose(const std::map<std::string, T>& table, const std::string& key) {
  const auto found = table.find(key);
  if (found != table.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, value] : table) names.push_back(name);
  throw UserError("\"" + key + "\" is not known; allowed: " + join_names(names) + nearest_hint(key, names));
}

const std::string& part(const Path& path, std::size_t i) {
  if (i >= path.size()) throw UserError("the path is too short");
  return path[i];
}

Dtype dtype(const std::string& name) {
  if (const auto found = dtype_named(name)) return *found;
  throw UserError("\"" + name + "\" is not a known type; allowed: " + join_names(dtype_names()) +
                  nearest_hint(name, dtype_names()));
}

Price chip_figure(const Path& path) {
  const Chip c = Catalog::standard().chip(part(path, 1));
  const auto price = [](const Sourced& s, const char* unit) { return Price{s.value, unit, s.source, s.as_of}; };
  if (part(path, 2) == "peak") return price(choose(c.peak, part(path, 3)), "FLOP/s");
  const std::map<std::string, Price> figures = {{"memory", price(c.memory, "bytes")},
                                                {"bandwidth", price(c.bandwidth, "bytes/s")},
                                                {"link", price(c.link, "bytes/s")},
                                                {"network", price(c.network, "bytes/s")},
                                                {"tdp", price(c.tdp, "W")}};
  return choose(figures, path[2]);
}

double quality_of(const Llm& m, Dtype weights) {
  for (const Quality& q : m.quality)
    if (q.weights == weights) return q.score.value / q.reference.value;
  throw UserError(m.id + ": no published score with weights of " + name_of(weights));
}

double image_cost(const Llm& m, const ParameterCount& count) {
  if (!m.encoder) throw UserError(m.id + " has no image encoder");
  const Encoder& e = *m.encoder;
  return e.tokens_per_image.value + e.parameters.value * e.patches_per_image.value / count.active;
}

Price llm_figure(const Path& path) {
  const Llm m = Catalog::standard().llm(part(path, 1));
  const ParameterCount count = count_parameters(m);
  using Figure = std::function<Price()>;
  const auto number = [&m](double value, const char* unit) -> Figure {
    return [&m, value, unit] { return Price{value, unit, m.source, m.published_parameters.as_of}; };
  };
  const double kv = kv_elements_per_token_layer(m) * m.layers;
  const std::map<std::string, Figure> figures = {
      {"parameters", number(count.total, "parameters")},
      {"active_parameters", number(count.active, "parameters")},
      {"expert_parameters", number(count.expert * m.layers, "parameters")},
      {"experts", number(m.moe ? m.moe->experts : 0, "experts")},
      {"top_k", number(m.moe ? m.moe->top_k : 0, "experts")},
      {"context", number(m.context, "tokens")},
      {"layers", number(m.layers, "layers")},
      {"weight_bytes", [&] { return number(count.total * dtype_bytes(dtype(part(path, 3))), "bytes")(); }},
      {"kv_bytes_per_token", [&] { return number(kv * dtype_bytes(dtype(part(path, 3))), "bytes")(); }},
      {"image_cost", [&] { return number(image_cost(m, count), "text tokens")(); }},
      {"quality", [&] {
         const double score = quality_of(m, dtype(part(path, 3)));
         return Price{score, "1", m.quality.front().benchmark + ", " + m.quality.front().score.source,
                      m.quality.front().score.as_of};
       }}};
  return choose(figures, part(path, 2))();
}

Price owner_figure(const Path& path) {
  const std::string chip = part(path, 1) == "any" ? "h100-sxm" : path[1];
  const Owned o = MoneyCatalog::standard().owned(chip);
  const std::map<std::string, Price> of_chip = {{"capex", o.capex_usd_per_chip}, {"power", o.provisioned_kw_per_chip}};
  const std::map<std::string, Price> general = {{"life", o.life_years},
                                                {"interest", o.interest},
                                                {"residual", o.residual_share},
                                                {"hosting", o.hosting_usd_per_kw_month},
                                                {"electricity", o.electricity_usd_per_kwh}};
  const Price found = choose(path[1] == "any" ? general : of_chip, part(path, 2));
  if (found.source.empty()) throw UserError("no such figure of " + path[1] + " is known");
  return found;
}

Price rent_figure(const Path& path) {
  const MoneyCatalog money = MoneyCatalog::standard();
  return money.rent(part(path, 1), part(path, 2), path.size() > 3 ? path[3] : "").usd_per_chip_hour;
}

Price token_figure(const Path& path) {
  const TokenPlan plan = MoneyCatalog::standard().plan(part(path, 1), part(path, 2));
  const std::map<std::string, Price> sides = {{"input", plan.input}, {"output", plan.output}};
  return choose(sides, part(path, 3));
}

}  // namespace

Price catalogue_figure(const std::string& path, const std::string& where) {
  static const std::map<std::string, Price (*)(const Path&)> kinds = {{"chips", chip_figure},
                                                                      {"llms", llm_figure},
                                                                      {"rents", rent_figure},
                                                                      {"owners", owner_figure},
                                                                      {"prices", token_figure}};
  try {
    const Path parts = split(path);
    return choose(kinds, part(parts, 0))(parts);
  } catch (const UserError& e) {
    throw UserError(where + ": \"" + path + "\": " + e.what());
  }
}

}  // namespace tokenfab::audit
