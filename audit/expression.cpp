#include "audit/expression.h"

#include <muParser.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "sim/economics/formulas.h"

namespace tokenfab::audit {
namespace {

double up(double x) { return std::ceil(x); }
double down(double x) { return std::floor(x); }
double cagr(double first, double last, double years) { return std::pow(last / first, 1 / years) - 1; }
double crf(double rate, double years) { return capital_recovery_factor(rate, years); }
double sinking(double rate, double years) { return sinking_fund_factor(rate, years); }

double rank(const double* x, int n) {
  int above = 0;
  for (int i = 1; i < n; ++i) above += x[i] > x[0];
  return 1 + above;
}

double count_at_least(const double* x, int n) {
  int count = 0;
  for (int i = 1; i < n; ++i) count += x[i] >= x[0];
  return count;
}

constexpr double kDeepest = 4096;

double expected_tokens(double acceptance, double depth) {
  if (!(depth <= kDeepest)) throw mu::ParserError("expected_tokens: a depth of at most 4096 is allowed");
  double sum = 1, power = 1;
  for (int i = 1; i <= depth; ++i) sum += power *= acceptance;
  return sum;
}

double best_depth(double acceptance, double cost) {
  constexpr int kMost = 64;
  int best = 0;
  const auto speed = [&](int depth) { return expected_tokens(acceptance, depth) / (1 + cost * depth); };
  for (int depth = 1; depth <= kMost; ++depth)
    if (speed(depth) > speed(best)) best = depth;
  return best;
}

constexpr std::size_t kLongest = 4096, kMostNested = 64;

/// The parser's time grows with the length, its stacks with the depth. Returns what is wrong.
std::string too_large(const std::string& expression) {
  if (expression.size() > kLongest) return "is longer than " + std::to_string(kLongest) + " characters";
  std::size_t depth = 0, deepest = 0;
  for (const char c : expression) {
    if (c == '(') deepest = std::max(deepest, ++depth);
    if (c == ')' && depth > 0) --depth;
  }
  return deepest > kMostNested ? "has more than " + std::to_string(kMostNested) + " brackets inside each other" : "";
}

mu::Parser parser_of(const std::string& expression) {
  if (const std::string why = too_large(expression); !why.empty()) throw mu::ParserError(why);
  mu::Parser p;
  p.DefineFun("ceil", up);
  p.DefineFun("floor", down);
  p.DefineFun("cagr", cagr);
  p.DefineFun("crf", crf);
  p.DefineFun("sinking", sinking);
  p.DefineFun("rank", rank);
  p.DefineFun("count_at_least", count_at_least);
  p.DefineFun("expected_tokens", expected_tokens);
  p.DefineFun("best_depth", best_depth);
  p.SetExpr(expression);
  return p;
}

[[noreturn]] void refuse(const std::string& where, const std::string& expression, const mu::Parser::exception_type& e) {
  std::string why = e.GetMsg();
  while (!why.empty() && (why.back() == '\n' || why.back() == ' ')) why.pop_back();
  throw UserError(where + ": \"" + expression + "\" is not a formula: " + why);
}

}  // namespace

std::set<std::string> names_in(const std::string& expression, const std::string& where) {
  try {
    mu::Parser p = parser_of(expression);
    std::set<std::string> names;
    for (const auto& [name, variable] : p.GetUsedVar()) names.insert(name);
    return names;
  } catch (const mu::Parser::exception_type& e) {
    refuse(where, expression, e);
  }
}

double evaluate(const std::string& expression, const std::function<double(const std::string&)>& value,
                const std::string& where) {
  std::map<std::string, double> values;
  for (const auto& name : names_in(expression, where)) values[name] = value(name);
  try {
    mu::Parser p = parser_of(expression);
    for (auto& [name, number] : values) p.DefineVar(name, &number);
    const double result = p.Eval();
    if (std::isnan(result)) throw mu::ParserError("its value is not a number");
    return result;
  } catch (const mu::Parser::exception_type& e) {
    refuse(where, expression, e);
  }
}

}  // namespace tokenfab::audit
