#include "audit/claim.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "audit/names.h"
#include "base/error.h"
#include "base/json_object.h"
#include "base/text.h"

namespace tokenfab::audit {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string words(const JsonObject& o, const std::string& key) {
  std::string text = o.string(key);
  if (text.find_first_not_of(" \t\n") == std::string::npos) o.fail(key, "is empty");
  return text;
}

InputSpec read_input(const JsonObject& parent, const std::string& name) {
  const JsonObject o = parent.object(name);
  InputSpec in;
  in.file = o.file();
  in.pointer = o.pointer();
  static const std::vector<std::pair<const char*, Origin>> kinds = {
      {"value", Origin::literal},   {"said", Origin::said}, {"claim", Origin::claim}, {"ref", Origin::catalogue},
      {"formula", Origin::formula}, {"step", Origin::step}, {"run", Origin::run}};
  std::vector<std::string> present, all;
  for (const auto& [key, origin] : kinds) {
    all.emplace_back(key);
    if (!o.has(key)) continue;
    present.emplace_back(key);
    in.origin = origin;
  }
  if (present.size() != 1) o.fail("", "needs exactly one of " + join_names(all));
  switch (in.origin) {
    case Origin::literal:
      in.value = o.number("value");
      in.unit = words(o, "unit");
      in.source = words(o, "source");
      in.as_of = words(o, "as_of");
      break;
    case Origin::said:
      in.value = o.number("said");
      in.unit = words(o, "unit");
      in.source = o.string("quote", "");
      break;
    case Origin::claim:
      in.ref = words(o, "claim");
      in.at = static_cast<std::size_t>(o.integer("at", 0, 100, 0));
      in.unit = o.string("unit", "");
      break;
    case Origin::catalogue:
      in.ref = words(o, "ref");
      break;
    case Origin::formula:
      in.ref = words(o, "formula");
      in.unit = o.string("unit", "");
      break;
    default:
      for (const char* key : {"sequences", "context", "prompt", "read", "set", "alternative"}) (void)o.has(key);
      (void)words(o, "read");
      in.tool = std::make_shared<json>(parent.raw(name));
      in.unit = o.string("unit", "");
  }
  o.finish();
  return in;
}

std::map<std::string, InputSpec> read_inputs(const JsonObject& parent) {
  std::map<std::string, InputSpec> out;
  constexpr std::size_t kMost = 256;  // one may be computed from another, and so on
  const JsonObject list = parent.object_or_empty("inputs");
  if (list.keys().size() > kMost) list.fail("", "has more than " + std::to_string(kMost) + " inputs");
  for (const auto& name : list.keys()) out[name] = read_input(list, name);
  return out;
}

Judge read_judge(const JsonObject& claim) {
  const JsonObject o = claim.object("judge");
  Judge judge;
  int found = 0;
  for (std::size_t i = 0; i < judge_names().size(); ++i) {
    if (!o.has(judge_names()[i])) continue;
    ++found;
    judge.kind = static_cast<Judge::Kind>(i);
    judge.tolerance = o.number_in(judge_names()[i], 0, 1e6);
  }
  if (found != 1) o.fail("", "needs exactly one of " + join_names(judge_names()));
  judge.points = o.boolean("points", false);
  o.finish();
  return judge;
}

Range read_range(const JsonObject& claim) {
  const JsonObject list = claim.object("over");
  if (list.keys().size() != 1) list.fail("", "needs exactly one input to judge over");
  Range r;
  r.input = list.keys().front();
  const JsonObject o = list.object(r.input);
  r.low = o.number("low");
  r.high = o.number("high");
  if (r.high <= r.low) o.fail("high", shortest(r.high) + " is not above \"low\", " + shortest(r.low));
  r.unit = words(o, "unit");
  r.source = words(o, "source");
  r.whole = o.boolean("whole", false);
  r.log = o.boolean("log", false);
  if (r.log && r.low <= 0) o.fail("low", shortest(r.low) + " is not above 0, as \"log\" needs");
  if (o.has("plausible")) {
    const auto ends = o.numbers("plausible");
    if (ends.size() != 2 || ends[1] < ends[0]) o.fail("plausible", "needs [low, high]");
    r.plausible = {ends[0], ends[1]};
  }
  o.finish();
  return r;
}

/// One value or a list of them.
template <class T>
std::vector<T> one_or_more(const JsonObject& o, const std::string& key) {
  const json& v = o.raw(key);
  std::vector<T> out;
  for (const json& item : v.is_array() ? v : json::array({v})) {
    const bool fits = std::is_same_v<T, double> ? item.is_number() : item.is_string();
    if (!fits) o.fail(key, item.dump() + (std::is_same_v<T, double> ? " is not a number" : " is not a formula"));
    out.push_back(item.get<T>());
  }
  if (out.empty()) o.fail(key, "is empty");
  return out;
}

void check_counts(const JsonObject& o, const Claim& c) {
  using Kind = Judge::Kind;
  const bool whole_range = c.judge.kind == Kind::within || c.judge.kind == Kind::between || c.judge.kind == Kind::fits;
  if (!whole_range && c.said.size() != 1 && c.formulas.size() != c.said.size())
    o.fail("formula", std::to_string(c.formulas.size()) + " formula(s) for " + std::to_string(c.said.size()) +
                          " said numbers; allowed: one each");
}

void read_check(const JsonObject& o, Claim& c) {
  c.said = one_or_more<double>(o, "said");
  c.formulas = one_or_more<std::string>(o, "formula");
  c.judge = read_judge(o);
  if (o.has("over")) c.over = read_range(o);
  const JsonObject factors = o.object_or_empty("unit_factors");
  for (const auto& name : factors.keys()) c.unit_factors[name] = factors.number_in(name, 1e-12, 1e12);
  const JsonObject others = o.object_or_empty("looks_like");
  for (const auto& name : others.keys()) c.looks_like[name] = others.string(name);
  check_counts(o, c);
}

Claim read_claim(const JsonObject& o, const std::string& article, const std::string& title) {
  Claim c;
  c.file = o.file();
  c.pointer = o.pointer();
  c.article = article;
  c.title = title;
  c.id = words(o, "id");
  c.about = words(o, "about");
  c.quote = words(o, "quote");
  c.unit = words(o, "unit");
  c.reading = o.string("reading", "");
  c.note = o.string("note", "");
  c.inputs = read_inputs(o);
  if (o.has("class")) {
    c.verdict_class = o.one_of("class", {name_of(Verdict::opinion), name_of(Verdict::outside_fact)});
    c.reason = words(o, "reason");
    if (o.has("said")) c.said = one_or_more<double>(o, "said");
  } else {
    read_check(o, c);
  }
  o.finish();
  return c;
}

}  // namespace

std::vector<std::string> Library::add_file(const std::string& path) {
  const json text = parse_json_file(path);
  const JsonObject top(text, path);
  const JsonObject article = top.object("article");
  const std::string id = words(article, "id"), title = words(article, "title");
  article.finish();
  const auto shared = read_inputs(top);
  std::vector<std::string> ids;
  for (const JsonObject& o : top.objects("claims")) {
    Claim c = read_claim(o, id, title);
    const auto own = c.inputs;
    c.inputs.insert(shared.begin(), shared.end());
    check_names(c, own);
    if (has(c.id)) o.fail("id", "\"" + c.id + "\" is taken by " + find(c.id).file);
    ids.push_back(c.id);
    claims_.emplace(c.id, std::move(c));
  }
  if (ids.empty()) top.fail("claims", "holds no claim");
  top.finish();
  return ids;
}

const Claim& Library::find(const std::string& id) const {
  const auto found = claims_.find(id);
  if (found != claims_.end()) return found->second;
  throw UserError("\"" + id + "\" is not a known claim" + nearest_hint(id, ids()) + "; see: tokenfab audit");
}

std::vector<std::string> Library::ids() const {
  std::vector<std::string> out;
  for (const auto& [id, claim] : claims_) out.push_back(id);
  return out;
}

std::string shipped_folder() {
  const char* home = std::getenv("TOKENFAB_HOME");
  return home && *home ? std::string(home) + "/audit" : std::string(TOKENFAB_AUDIT_ROOT);
}

std::vector<std::string> shipped_files() {
  const fs::path folder = fs::path(shipped_folder()) / "claims";
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error)
    throw UserError(folder.string() + ": cannot be read: " + error.message() +
                    "; set TOKENFAB_HOME to the folder that holds audit/");
  std::vector<std::string> out;
  for (const auto& entry : entries)
    if (entry.path().extension() == ".json") out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace tokenfab::audit
