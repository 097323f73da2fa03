#include "scenarios/generator_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace tokenfab {
namespace {

std::vector<std::vector<double>> number_rows(const JsonObject& o, const std::string& key) {
  std::vector<std::vector<double>> rows;
  const auto& list = o.raw(key);
  if (!list.is_array()) o.fail(key, "is not a list of lists of numbers");
  for (const auto& row : list) {
    if (!row.is_array()) o.fail(key, "is not a list of lists of numbers");
    rows.emplace_back();
    for (const auto& v : row) {
      if (!v.is_number()) o.fail(key, "is not a list of lists of numbers");
      rows.back().push_back(v.get<double>());
    }
  }
  return rows;
}

/// Rates per state become factors of the mean of the list, which becomes the base rate.
MarkovModulation read_markov(const JsonObject& o, double& rate) {
  MarkovModulation m;
  m.factors = o.numbers("rates");
  if (m.factors.empty()) o.fail("rates", "is empty; one rate per state is needed");
  rate = *std::max_element(m.factors.begin(), m.factors.end());
  if (rate <= 0) o.fail("rates", "has no rate above 0");
  for (double& f : m.factors) f /= rate;
  m.transition = number_rows(o, "transition");
  m.bin_s = o.number_in("bin_s", 0, 1e6, 0);
  if (o.has("dwell_s")) m.dwell_s = o.numbers("dwell_s");
  o.finish();
  return m;
}

GapLaw law_of(const std::string& name) {
  return name == "gamma"     ? GapLaw::gamma
         : name == "weibull" ? GapLaw::weibull
         : name == "fixed"   ? GapLaw::fixed
                             : GapLaw::exponential;
}

void read_profile(const JsonObject& o, ArrivalSpec& a) {
  if (!o.has("profile")) return;
  a.profile = o.numbers("profile");
  a.profile_window_s = o.number_in("profile_window_s", 1e-3, 1e9, 3600);
}

void read_images(const JsonObject& o, MarkSpec& marks) {
  if (!o.has("images")) return;
  const JsonObject i = o.object("images");
  marks.images.emplace();
  marks.images->share = i.number_in("share", 0, 1, 1);
  if (i.has("per_request")) marks.images->per_request = read_lengths(i, "per_request");
  marks.images->tokens_each = read_lengths(i, "tokens_each");
  i.finish();
}

MarkSpec read_marks(const JsonObject& o) {
  MarkSpec marks;
  read_images(o, marks);
  for (const JsonObject& c : o.objects("classes")) {
    marks.classes.push_back({c.string("name"), c.number_in("share", 0, 1e12),
                             static_cast<int>(c.integer("priority", 0, 255, 0)), c.number_in("deadline_s", 0, 1e9, 0)});
    c.finish();
  }
  if (o.has("variants")) {
    const JsonObject v = o.object("variants");
    marks.variants = VariantSpec{v.integer("count", 1, 65536), v.number_in("zipf", 0, 100, 1)};
    v.finish();
  }
  return marks;
}

void read_end(const JsonObject& o, GeneratorSpec& g) {
  g.max_requests = o.integer("max_requests", 1, INT64_MAX, 0);
  g.duration_s = o.number_in("duration_s", 0, 1e9, 0);
  if (g.max_requests == 0 && g.duration_s == 0) o.fail("", "needs \"max_requests\" or \"duration_s\"");
}

/// Refuses at `o` what the generator refuses.
void try_out(const JsonObject& o, const GeneratorSpec& g) {
  try {
    make_generator(g);
  } catch (const UserError& e) {
    o.fail("", e.what());
  }
}

}  // namespace

ArrivalSpec read_arrivals(const JsonObject& o) {
  ArrivalSpec a;
  const std::string law = o.one_of("law", {"poisson", "gamma", "weibull", "fixed", "all-at-once"}, "poisson");
  a.all_at_once = law == "all-at-once";
  a.law = law_of(law);
  if (law == "gamma" || law == "weibull") {
    if (o.has("cv") == o.has("shape")) o.fail("", "needs \"cv\" or \"shape\", one of them");
    a.cv = o.number_in("cv", 1e-3, 1e3, 1);
    a.shape = o.number_in("shape", 0, 1e6, 0);
  }
  if (o.has("markov")) a.markov = read_markov(o.object("markov"), a.rate);
  else if (!a.all_at_once) a.rate = o.number_in("rate", 1e-6, 1e9);
  read_profile(o, a);
  o.finish();
  return a;
}

LengthSpec read_lengths(const JsonObject& parent, const std::string& key) {
  if (!parent.raw(key).is_object()) return FixedLength{parent.integer(key, 1, kMaxTokens)};
  const JsonObject o = parent.object(key);
  const auto keys = o.keys();
  if (keys.size() != 1) o.fail("", "needs one law: uniform, geometric, zipf, quantiles or lognormal");
  const std::string& law = keys[0];
  if (law == "uniform") {
    const auto range = o.numbers("uniform");
    const auto most = static_cast<double>(kMaxTokens);
    if (range.size() != 2 || range[0] < 1 || range[1] < range[0] || range[1] > most)
      o.fail("uniform", "is not [low, high] with 1 <= low <= high <= 100000000");
    return UniformLength{static_cast<std::int64_t>(range[0]), static_cast<std::int64_t>(range[1])};
  }
  if (law == "geometric") return GeometricLength{o.number_in("geometric", 1, 1e8)};
  if (law == "zipf") {
    const JsonObject z = o.object("zipf");
    ZipfLength out{z.integer("low", 1, kMaxTokens, 1), z.integer("high", 1, kMaxTokens),
                   z.number_in("exponent", 0, 100)};
    z.finish();
    return out;
  }
  if (law == "quantiles") {
    QuantileLength out;
    for (const auto& row : number_rows(o, "quantiles")) {
      if (row.size() != 2) o.fail("quantiles", "is not a list of [p, tokens]");
      out.knots.emplace_back(row[0], row[1]);
    }
    return out;
  }
  if (law == "lognormal") {
    const JsonObject l = o.object("lognormal");
    LognormalLength out;
    out.weights = l.numbers("weights");
    out.mu = l.numbers("mu");
    out.sigma = l.numbers("sigma");
    out.min = l.integer("min", 1, kMaxTokens, 1);
    out.max = l.integer("max", 1, kMaxTokens, kMaxTokens);
    l.finish();
    return out;
  }
  o.fail(law, "is not a known law; allowed: uniform, geometric, zipf, quantiles, lognormal");
}

GeneratorSpec read_generator(const JsonObject& o) {
  GeneratorSpec g;
  g.arrivals = read_arrivals(o.object("arrivals"));
  g.input = read_lengths(o, "input_tokens");
  g.output = read_lengths(o, "output_tokens");
  g.in_out_correlation = o.number_in("in_out_correlation", -1, 1, 0);
  g.marks = read_marks(o);
  read_end(o, g);
  o.finish();
  try_out(o, g);
  return g;
}

GeneratorSpec read_clients(const JsonObject& o) {
  GeneratorSpec g;
  g.arrivals.rate = o.number_in("rate", 1e-6, 1e9);
  read_profile(o, g.arrivals);
  for (const JsonObject& c : o.objects("groups")) {
    ClientSpec client;
    client.share = c.number_in("share", 0, 1e12, 1);
    client.count = c.integer("count", 1, 100'000, 1);
    client.law = law_of(c.one_of("law", {"poisson", "gamma", "weibull", "fixed"}, "gamma"));
    client.cv = c.number_in("cv", 1e-3, 1e3, 1);
    client.input = read_lengths(c, "input_tokens");
    client.output = read_lengths(c, "output_tokens");
    c.finish();
    g.clients.push_back(std::move(client));
  }
  if (g.clients.empty()) o.fail("groups", "is empty; one group of clients is needed");
  g.marks = read_marks(o);
  read_end(o, g);
  o.finish();
  try_out(o, g);
  return g;
}

}  // namespace tokenfab
