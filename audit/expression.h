#pragma once
#include <functional>
#include <set>
#include <string>

namespace tokenfab::audit {

/// Names that an expression reads. Errors: UserError (the expression, what is wrong); `where` leads the message.
std::set<std::string> names_in(const std::string& expression, const std::string& where);

/// Value of an arithmetic expression (muParser's grammar) over named numbers. Beside its own functions: ceil, floor,
///   cagr(first, last, years)        growth per year
///   crf(rate, years), sinking(rate, years)   capital recovery and sinking fund factors
///   rank(x, others...)              1 + how many of the others are larger
///   count_at_least(limit, xs...)    how many are
///   expected_tokens(a, depth)       tokens of a speculative step at acceptance a
///   best_depth(a, cost)             depth with most tokens per time where a draft costs `cost` of a step
/// Errors as above.
double evaluate(const std::string& expression, const std::function<double(const std::string&)>& value,
                const std::string& where);

}  // namespace tokenfab::audit
