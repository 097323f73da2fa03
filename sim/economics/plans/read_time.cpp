#include "sim/economics/plans/read_time.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "sim/core/records.h"

namespace tokenfab {

int read_time_of_day(const JsonObject& o, const std::string& key) {
  const std::string text = o.string(key);
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 100; };
  if (text.size() == 5 && text[2] == ':') {
    const int hours = 10 * digit(0) + digit(1), minutes = 10 * digit(3) + digit(4);
    if (hours < 24 && minutes < 60 && minutes % 15 == 0) return 60 * hours + minutes;
  }
  o.fail(key, "\"" + text + "\" is not a time of the day on a quarter of an hour, such as \"16:30\"");
}

std::int32_t read_bracket_bound(const JsonObject& o) {
  const auto above = static_cast<std::int32_t>(o.integer("above", 1, INT32_MAX));
  if (std::find(kMeterBrackets.begin(), kMeterBrackets.end(), above) != kMeterBrackets.end()) return above;
  std::vector<std::string> known;
  for (const auto bound : kMeterBrackets) known.push_back(std::to_string(bound));
  o.fail("above", std::to_string(above) + " is not a length at which usage is metered; allowed: " + join_names(known));
}

}  // namespace tokenfab
